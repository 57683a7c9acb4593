"""The tables `[access]` and `[limits]` of the configuration: who may talk to us, and how much.

Beyond this machine we listen only once two things are decided (SECURITY.md, Defaults): how what is
said is kept from others on the way (TLS of our own, or a proxy's), and who may read (users, or
`open-read`). Whether a user exists only the database knows: `exposed_to_nobody` is asked by `run`.
"""

from __future__ import annotations

import ipaddress
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from sigmawatch.app.config_table import Table
from sigmawatch.app.oidc_config import OidcConfig
from sigmawatch.app.problems import Problem
from sigmawatch.domain.errors import Invalid

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class AccessMode(StrEnum):
    """Who may read metrics without a key or a login."""

    USERS = "users"
    OPEN_READ = "open-read"


def _network(text: str) -> str:
    try:
        ipaddress.ip_network(text)
    except ValueError:
        raise Invalid("must be an address or a network",
                      allowed="127.0.0.1, 10.0.0.0/8, fd00::/8") from None  # fmt: skip
    return text


def _host(text: str) -> str:
    try:
        parts = urlsplit(f"//{text}")
        plain = parts.hostname is not None and parts.port is None and parts.netloc == text
    except ValueError:
        plain = False
    if not plain or text.strip("*") != text:
        raise Invalid("must be a name or an address without port or path",
                      allowed="markets.example.org, 192.168.1.5, [fd00::5]")  # fmt: skip
    return text.lower().rstrip(".")


def _origin(text: str) -> str:
    parts = urlsplit(text)
    plain = parts.scheme in {"http", "https"} and f"{parts.scheme}://{parts.netloc}" == text.lower()
    if text != "*" and not (plain and parts.hostname and "@" not in parts.netloc):
        raise Invalid("must be an origin as browsers send it",
                      allowed="https://page.example.org, or * for every page")  # fmt: skip
    return text.lower()


class AccessConfig(Table):
    """Who may talk to us. How to: docs/how-to/access.md."""

    mode: AccessMode = Field(
        default=AccessMode.USERS,
        description="`users`: once a user exists, everybody needs a key or a login, this machine "
        "too. `open-read`: reading metrics needs neither, and is limited by address.",
    )
    hosts: tuple[Annotated[str, AfterValidator(_host)], ...] = Field(
        default=(),
        description="Names and addresses by which browsers may call us, beside this machine's own; "
        "anything else in `Host` is refused (421).",
    )
    tls_cert: Path | None = Field(
        default=None, description="Certificate chain (PEM) to speak https with."
    )
    tls_key: Path | None = Field(default=None, description="Its private key (PEM).")
    behind_proxy: bool = Field(
        default=False, description="A proxy in front of us speaks https with the world."
    )
    proxies: tuple[Annotated[str, AfterValidator(_network)], ...] = Field(
        default=(),
        description="Addresses of that proxy: only from them `X-Forwarded-For` and "
        "`X-Forwarded-Proto` count.",
    )
    cors_origins: tuple[Annotated[str, AfterValidator(_origin)], ...] = Field(
        default=(),
        description="Other sites whose pages may read answers, with a key of their own; never with "
        "the user's cookie.",
    )

    oidc: OidcConfig | None = None

    @property
    def networks(self) -> tuple[Network, ...]:
        """The proxies, where there is one in front of us."""
        return tuple(map(ipaddress.ip_network, self.proxies)) if self.behind_proxy else ()

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.tls_cert is None) != (self.tls_key is None):
            raise Invalid("tls_cert and tls_key belong together", allowed="both, or neither")
        if self.behind_proxy != bool(self.proxies):
            raise Invalid("behind_proxy and proxies belong together",
                          allowed='behind_proxy = true with proxies = ["127.0.0.1"]')  # fmt: skip
        return self

    @property
    def is_encrypted(self) -> bool:
        """Whether it is decided how nobody on the way listens in."""
        return self.tls_cert is not None or self.behind_proxy

    def exposed(self, host: str) -> Problem | None:
        """Why listening on `host` is refused, whoever may read; None where it is not."""
        if is_own_address(host) or self.is_encrypted:
            return None
        return Problem(
            path="server.host", value=repr(host),
            rule="others on the network could read keys and passwords: set tls_cert and tls_key in "
            "[access], or behind_proxy = true and proxies = [...] where a proxy speaks https",
            allowed="127.0.0.1, ::1 or localhost without that",
        )  # fmt: skip

    def exposed_to_nobody(self, host: str, *, guarded: bool) -> Problem | None:
        """Why listening on `host` is refused while no user exists. guarded: one does."""
        if guarded or self.mode is AccessMode.OPEN_READ:
            return None
        if is_own_address(host) and not self.behind_proxy:
            return None
        return Problem(
            path="access.mode", value=repr(str(self.mode)),
            rule="nobody could log in yet: make the first user with `sigmawatch user add NAME "
            '--role admin`, or let everybody read with mode = "open-read"',
        )  # fmt: skip


def called(host: str) -> tuple[str, ...]:
    """By which name browsers call us where we listen on `host`: an address, which nobody can point
    at us as they can a name. Empty where it is not one alone."""
    if host == "localhost" or ipaddress.ip_address(host).is_unspecified:
        return ()
    return (f"[{host}]" if ":" in host else host,)


def listenable(host: str) -> str:
    """Raises Invalid for what is no address."""
    try:
        return host if host == "localhost" else str(ipaddress.ip_address(host))
    except ValueError:
        raise Invalid("must be an address of this machine",
                      allowed="127.0.0.1, ::1, localhost, 0.0.0.0, ::") from None  # fmt: skip


def is_own_address(host: str) -> bool:
    """Whether only this machine can connect to `host`."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _a_minute(default: int, description: str) -> int:
    found: int = Field(default=default, ge=1, le=10_000_000, description=description)
    return found


class LimitsConfig(Table):
    """How much each may ask for. Each is a bucket that holds a minute's worth and fills evenly; 429
    says when to ask again. This machine without users, and the command line, are not counted."""

    cheap_per_minute: int = _a_minute(
        6_000, "Answers from memory, of a key, a user, or an address without either."
    )
    query_per_minute: int = _a_minute(1_200, "Answers from history, previews of rules; as above.")
    write_per_minute: int = _a_minute(300, "Changes; as above.")
    ingest_per_minute: int = _a_minute(3_000, "Bodies of pushed or imported readings; as above.")
    login_per_minute: int = _a_minute(5, "Attempts to log in from one address.")
    anonymous_per_minute: int = _a_minute(
        600, "Everything that one address asks without key or login; an IPv6 /64 is one address."
    )
    anonymous_total_per_minute: int = _a_minute(
        60_000, "Everything that is asked without key or login, by all addresses together."
    )
    wrong_per_minute: int = _a_minute(60, "Wrong keys and sessions from one address.")
    stream_readers_max: int = Field(
        default=5_000, ge=1, le=1_000_000,
        description="Streams that are read at the same time; 20 of one key, user or address, 200 "
        "of this machine while nobody needs to log in.",
    )  # fmt: skip
    query_s: float = Field(
        default=5.0, gt=0.0, le=300.0, description="Seconds until a query is given up (503)."
    )
    connections_max: int = Field(
        default=16_000, ge=16, le=1_000_000,
        description="Open connections; one that waits gives way to a new one. Fewer where the "
        "system allows fewer open files.",
    )  # fmt: skip
    connections_per_address_max: int = Field(
        default=200, ge=1, le=1_000_000,
        description="Open connections of one address; this machine and proxies are not counted.",
    )  # fmt: skip
