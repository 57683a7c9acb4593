"""Whose connection it is, and how we may be reached (S15, and SECURITY.md's defaults)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.security.callers import LOOPBACK, Known, calling
from tests.web.conftest import World, reading
from tests.web.test_errors import judged

from sigmawatch.app.access_config import AccessConfig, AccessMode
from sigmawatch.app.cli.judging import judged as judged_config
from sigmawatch.app.cli.listening import refuse_exposed
from sigmawatch.app.config import Config, Server
from sigmawatch.app.problems import ConfigProblems
from sigmawatch.app.sources import load_config
from sigmawatch.app.web.door.peers import Peers

PROXIED = AccessConfig(behind_proxy=True, proxies=("10.0.0.0/8", "127.0.0.1"))


def peer(config: AccessConfig, address: str, **headers: str) -> Any:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    scope: Any = {"client": (address, 1), "scheme": "http"}
    return Peers(config.networks).of(scope, named)


@pytest.mark.parametrize("address", ["203.0.113.7", "2001:db8::1", LOOPBACK, "10.0.0.1"])
def test_s15_forwarded_headers_of_strangers_are_ignored(address: str) -> None:
    """S15: "Spoofed X-Forwarded-For/Proto/Host from untrusted peer: ignored (limits count the
    peer)"."""
    said = {"x_forwarded_for": "198.51.100.1", "x_forwarded_proto": "https"}
    found = peer(AccessConfig(), address, **said)
    assert (found.address, found.tls) == (address, False)
    assert found.local is (address == LOOPBACK)
    if address not in {LOOPBACK, "10.0.0.1"}:
        assert peer(PROXIED, address, **said).address == address


@pytest.mark.parametrize(
    ("listed", "address"),
    [
        ("198.51.100.1", "198.51.100.1"),
        ("198.51.100.1, 10.0.0.9", "198.51.100.1"),
        ("1.2.3.4, 198.51.100.1", "198.51.100.1"),  # what the client itself wrote comes before
        ("127.0.0.1, 198.51.100.1, 10.1.1.1", "198.51.100.1"),
        ("2001:db8::5", "2001:db8::5"),
        ("", ""), ("rubbish", ""), ("10.0.0.9", ""), ("unknown, 10.0.0.9", ""),
        (",".join(["127.0.0.1"] * 10_000), ""),
    ],
)  # fmt: skip
def test_behind_a_proxy_the_client_is_the_last_address_that_is_no_proxy(
    listed: str, address: str
) -> None:
    found = peer(PROXIED, "10.0.0.1", x_forwarded_for=listed, x_forwarded_proto="http, https")
    assert (found.address, found.tls, found.local) == (address, True, False)


@reading
async def test_s15_who_comes_through_a_proxy_is_never_this_machine(still: World) -> None:
    """A proxy on this machine must not make strangers of the network into its owner."""
    access = {"behind_proxy": True, "proxies": [LOOPBACK]}
    near = Known(guarded=False)
    async with calling(still, near, address=LOOPBACK, access=access) as client:
        for headers in ({}, {"X-Forwarded-For": "127.0.0.1"}, {"X-Forwarded-For": "::1"}):
            judged(await client.get("/api/v1/metrics", headers=headers), 401, "unauthorized")


@reading
async def test_s15_limits_count_the_peer_whatever_it_says(still: World) -> None:
    async with calling(still, limits={"anonymous_per_minute": 3}) as client:
        answers = [
            await client.get("/healthz", headers={"X-Forwarded-For": f"198.51.100.{number}"})
            for number in range(5)
        ]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    access = {"behind_proxy": True, "proxies": ["203.0.113.7"]}
    async with calling(still, access=access, limits={"anonymous_per_minute": 1}) as client:
        for number, status in ((1, 200), (2, 200), (1, 429)):
            headers = {"X-Forwarded-For": f"198.51.100.{number}"}
            assert (await client.get("/healthz", headers=headers)).status_code == status


@reading
async def test_over_tls_browsers_are_told_to_stay_there(still: World) -> None:
    access = {"behind_proxy": True, "proxies": ["203.0.113.7"]}
    async with calling(still, access=access) as client:
        plain = await client.get("/healthz")
        safe = await client.get("/healthz", headers={"X-Forwarded-Proto": "https"})
    assert "strict-transport-security" not in plain.headers
    assert safe.headers["strict-transport-security"] == "max-age=31536000"


def exposed(host: str, **access: object) -> list[str]:
    config = Config(server=Server(host=host), access=AccessConfig.model_validate(access))
    return [problem.path for problem in judged_config(config).problems]


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "fd00::5"])
def test_beyond_this_machine_nothing_is_said_in_the_clear(host: str) -> None:
    """SECURITY.md, Defaults: "Binding elsewhere requires auth on plus TLS or an explicit "behind
    proxy" setting; otherwise refuse to start"."""
    assert exposed(host) == ["server.host"]
    assert exposed(host, mode="open-read") == ["server.host"]
    assert exposed(host, tls_cert="a.pem", tls_key="b.pem") == []
    assert exposed(host, behind_proxy=True, proxies=["10.0.0.1"]) == []
    with pytest.raises(ConfigProblems, match="read keys and passwords"):
        refuse_exposed(Config(server=Server(host=host)), guarded=True)  # the demo too


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.9.9.9"])
def test_on_this_machine_nothing_needs_to_be_decided(host: str) -> None:
    assert exposed(host) == []
    refuse_exposed(Config(server=Server(host=host)), guarded=False)


@pytest.mark.parametrize(
    ("host", "access"),
    [("0.0.0.0", {"tls_cert": "a.pem", "tls_key": "b.pem"}),
     ("127.0.0.1", {"behind_proxy": True, "proxies": ["127.0.0.1"]})],
)  # fmt: skip
def test_beyond_this_machine_somebody_must_be_able_to_log_in(
    host: str, access: dict[str, Any]
) -> None:
    config = Config(server=Server(host=host), access=AccessConfig(**access))
    with pytest.raises(ConfigProblems, match=r"user add.*open-read"):
        refuse_exposed(config, guarded=False)
    refuse_exposed(config, guarded=True)
    readable = AccessConfig(**access, mode=AccessMode.OPEN_READ)
    refuse_exposed(config.model_copy(update={"access": readable}), guarded=False)


@pytest.mark.parametrize(
    ("table", "path", "says"),
    [
        ('tls_cert = "a.pem"', "access", "belong together"),
        ("behind_proxy = true", "access", "belong together"),
        ('proxies = ["10.0.0.1"]', "access", "belong together"),
        ('behind_proxy = true\nproxies = ["proxy.example"]', "access.proxies[0]", "a network"),
        ('hosts = ["http://a.example"]', "access.hosts[0]", "without port"),
        ('hosts = ["a.example:80"]', "access.hosts[0]", "without port"),
        ('hosts = ["*"]', "access.hosts[0]", "without port"),
        ('cors_origins = ["a.example"]', "access.cors_origins[0]", "an origin"),
        ('cors_origins = ["https://a.example/"]', "access.cors_origins[0]", "an origin"),
        ('cors_origins = ["null"]', "access.cors_origins[0]", "an origin"),
        ('mode = "open"', "access.mode", "open-read"),
    ],
)
def test_what_is_decided_by_halves_is_told(
    tmp_path: Path, table: str, path: str, says: str
) -> None:
    file = tmp_path / "sigmawatch.toml"
    file.write_text(f"[access]\n{table}\n", "utf-8")
    with pytest.raises(ConfigProblems) as refused:
        load_config(file, environ={})
    (problem,) = refused.value.problems
    assert (problem.path, says in str(problem)) == (path, True), str(problem)
