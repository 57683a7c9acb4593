"""Signing in by a provider: who it says it is, and nobody else; whatever it does wrong."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Any

import pytest
from aiohttp import web
from tests.access.conftest import OPERATOR, Enter, House
from tests.oidc_provider import (
    BACK_TO,
    CLIENT_ID,
    CLIENT_SECRET,
    Claims,
    Provider,
    providing,
    rsa_key,
)

from sigmawatch.adapters.egress.destination import Opening
from sigmawatch.adapters.egress.guard import Egress
from sigmawatch.adapters.egress.line import Patience
from sigmawatch.adapters.oidc import ANEW_MS, FAILED_MS, KEPT_MS, Client, OidcProvider
from sigmawatch.app.access.signing_in import Begun, Returned, SignIns
from sigmawatch.app.oidc_config import OidcConfig
from sigmawatch.domain.caller import Role
from sigmawatch.domain.errors import (
    Conflict,
    NotPermitted,
    NotProven,
    Refused,
    SigmawatchError,
    Unavailable,
)

BRIEF = Patience(attempt_s=1.0, body_s=1.0)


@dataclass(kw_only=True)
class Door:
    """An installation whose people sign in by a provider."""

    house: House
    provider: Provider
    sign_ins: SignIns

    async def begin(self) -> Begun:
        return await self.sign_ins.begin()

    async def sign_in(self, **changed: str) -> str:
        """All the way; the name of who it is then."""
        begun = await self.sign_ins.begin()
        back = {**self.provider.sign_in(begun.address), "kept": begun.kept, **changed}
        login = await self.sign_ins.finish(_returned(back))
        caller = self.house.access.book.of_session(login.token)
        assert caller is not None
        return caller.name

    def config(self, **changed: Any) -> None:
        self.sign_ins._config = self.sign_ins._config.model_copy(update=changed)


def _returned(back: Mapping[str, str], kept: str = "") -> Returned:
    """A browser that comes back with that."""
    return Returned(address="::1", state=back["state"], code=back["code"],
                    kept=back.get("kept", kept))  # fmt: skip


@pytest.fixture
async def door(enter: Enter) -> AsyncIterator[Door]:
    house = await enter()
    await house.user("ada", Role.ADMIN)
    async with providing(lambda: house.clock.now_ms() // 1_000) as provider:
        config = OidcConfig.model_validate({
            "issuer": provider.issuer, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET,
            "public_url": "http://127.0.0.1:8000",
            "roles": {"editor": ["traders"], "admin": ["ops"]},
        })  # fmt: skip
        client = Client(issuer=provider.issuer, client_id=CLIENT_ID, scopes=config.scopes,
                        client_secret=CLIENT_SECRET)  # fmt: skip
        opened = [Opening(network=IPv4Network("127.0.0.0/8"), port=provider.port)]
        means = OidcProvider(client, Egress(opened, patience=BRIEF), clock=house.clock)
        access = house.access
        sign_ins = SignIns(means, config, users=access.users, logins=access.logins)
        yield Door(house=house, provider=provider, sign_ins=sign_ins)


async def test_somebody_signs_in_and_is_the_same_the_next_time(door: Door) -> None:
    assert await door.sign_in() == "jane-doe"
    user = door.house.access.users.find("jane-doe")
    assert user.role is Role.EDITOR
    door.provider.person |= {"preferred_username": "another", "email": "ada@example.org"}
    assert await door.sign_in() == "jane-doe"
    assert [one.name for one in door.house.access.users.all] == ["ada", "jane-doe"]
    assert ("sign-in", "user.add", "user jane-doe") in await door.house.told()
    with pytest.raises(NotProven):  # nor is what ties them a password
        await door.house.log_in("jane-doe", user.password)


@pytest.mark.parametrize("algorithm", ["RS256", "PS384", "ES256"])
async def test_whatever_it_signs_with_counts_if_the_key_is_its_own(
    door: Door, algorithm: str
) -> None:
    door.provider.algorithm = algorithm
    assert await door.sign_in() == "jane-doe"


async def test_a_name_is_never_what_ties_somebody_to_a_user(door: Door) -> None:
    """Issuer and subject are; names and mail addresses are chosen, changed and given to others."""
    door.provider.person |= {"preferred_username": "ada", "email": "ada@example.org"}
    name = await door.sign_in()
    assert name.startswith("ada-")
    assert door.house.access.users.find(name).role is Role.EDITOR
    door.provider.person = {"sub": "another", "preferred_username": "\u0627\u062f\u0627",
                            "groups": "traders"}  # fmt: skip
    assert (await door.sign_in()).startswith("oidc-")


def _without(name: str) -> Callable[[Claims], Claims]:
    return lambda claims: {key: value for key, value in claims.items() if key != name}


def _with(**changed: object) -> Callable[[Claims], Claims]:
    return lambda claims: {**claims, **changed}


@pytest.mark.parametrize("twist", [
    _with(nonce="of another attempt"), _without("nonce"),
    _with(aud="somebody-else"), _without("aud"), _with(aud=[]),
    _with(aud=[CLIENT_ID, "other"]), _with(aud=[CLIENT_ID, "other"], azp="other"),
    _with(azp="other"), _with(iss="https://evil.example"), _without("iss"),
    _without("exp"), _with(exp="soon"), _without("sub"), _with(sub=""), _with(sub=17),
    _with(sub="x" * 256), _without("iat"),
    lambda claims: {**claims, "exp": claims["iat"] - 61},
    lambda claims: {**claims, "iat": claims["iat"] + 3_600, "exp": claims["iat"] + 7_200},
])  # fmt: skip
async def test_a_token_of_which_anything_is_wrong_lets_nobody_in(
    door: Door, twist: Callable[[Claims], Claims]
) -> None:
    """OpenID Connect Core 3.1.3.7."""
    door.provider.twist = twist
    with pytest.raises(NotProven):
        await door.sign_in()
    assert len(door.house.access.users.all) == 1


async def test_a_token_that_is_not_signed_by_a_key_of_its_own_lets_nobody_in(door: Door) -> None:
    await door.sign_in()
    foreign = rsa_key("rsa-1", 1)
    for algorithm, key in (("none", None), ("HS256", None), ("RS256", foreign)):
        door.provider.algorithm, door.provider.key = algorithm, key
        with pytest.raises(NotProven, match="not signed"):
            await door.sign_in()


async def test_new_keys_are_asked_for_when_they_are_needed_and_not_more_often(door: Door) -> None:
    await door.sign_in()
    await door.sign_in()
    assert door.provider.asked.count("/keys") == 1
    await door.house.clock.advance_to_ms(door.house.clock.now_ms() + ANEW_MS)
    door.provider.turn_keys("2")
    await door.sign_in()
    assert door.provider.asked.count("/keys") == 2
    door.provider.key = rsa_key("nobody's")
    for _ in range(5):
        with pytest.raises(NotProven):
            await door.sign_in()
    assert door.provider.asked.count("/keys") == 2
    assert door.provider.asked.count("/.well-known/openid-configuration") == 1
    await door.house.clock.advance_to_ms(door.house.clock.now_ms() + KEPT_MS)
    door.provider.key = None
    await door.sign_in()
    assert door.provider.asked.count("/.well-known/openid-configuration") == 2


async def test_only_the_browser_that_began_comes_in_and_only_once(door: Door) -> None:
    """RFC 6749, 10.12: state; RFC 7636: a stolen code is worth nothing without its verifier."""
    mine, other = await door.begin(), await door.begin()
    back = door.provider.sign_in(mine.address)
    for kept in ("", other.kept, "a.b", mine.kept + ".x", ".."):
        with pytest.raises(NotProven, match="begin anew"):
            await door.sign_ins.finish(_returned(back, kept))
    stolen = Returned(address="::1", kept=other.kept, code=back["code"],
                      state=other.kept.partition(".")[0])  # fmt: skip
    with pytest.raises(NotProven, match="code"):
        await door.sign_ins.finish(stolen)
    assert await door.sign_in()
    begun = await door.begin()
    returned = _returned(door.provider.sign_in(begun.address), begun.kept)
    await door.sign_ins.finish(returned)
    with pytest.raises(NotProven, match="code"):
        await door.sign_ins.finish(returned)


async def test_what_somebody_may_is_what_the_provider_says_today(door: Door) -> None:
    await door.sign_in()
    door.provider.person["groups"] = ["ops", "traders"]
    await door.sign_in()
    assert door.house.access.users.find("jane-doe").role is Role.ADMIN
    for groups in ([], None, {"ops": True}, [["ops"]], "opsy", 7):
        door.provider.person["groups"] = groups
        with pytest.raises(NotPermitted, match="role"):
            await door.sign_in()
    door.config(default_role=Role.READER)
    await door.sign_in()
    assert door.house.access.users.find("jane-doe").role is Role.READER


async def test_who_is_disabled_here_stays_out_whatever_the_provider_says(door: Door) -> None:
    name = await door.sign_in()
    await door.house.access.users.change(name, disabled=True, by=OPERATOR)
    with pytest.raises(NotPermitted, match="disabled"):
        await door.sign_in()


async def test_nobody_becomes_the_first_user_by_a_provider(enter: Enter, door: Door) -> None:
    await door.begin()
    empty = await enter(folder="empty")
    sign_ins = SignIns(door.sign_ins._provider, door.sign_ins._config, users=empty.access.users,
                       logins=empty.access.logins)  # fmt: skip
    with pytest.raises(Conflict, match="set-up token"):
        await sign_ins.begin()
    begun = await SignIns(door.sign_ins._provider, door.sign_ins._config,
                          users=_Somebody(), logins=empty.access.logins).begin()  # type: ignore[arg-type]  # fmt: skip
    door.provider.person["groups"] = "ops"
    back = door.provider.sign_in(begun.address)
    with pytest.raises(Conflict, match="set-up token"):
        await sign_ins.finish(_returned(back, begun.kept))


class _Somebody:
    all = (None,)


def _elsewhere(path: str, status: int) -> Callable[[], web.Response]:
    return lambda: web.Response(status=status, headers={"location": path})


def _slow() -> Any:
    return asyncio.sleep(3_600)


@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/token", "/keys"])
@pytest.mark.parametrize("told", [
    _elsewhere("http://127.0.0.1/elsewhere", 302), _elsewhere("/keys", 307),
    lambda: web.Response(status=500), lambda: web.Response(text="[]"),
    lambda: web.Response(text="{"),
    lambda: web.Response(body=b"\xff\xfe"), lambda: web.Response(text="[" * 100_000),
    lambda: web.Response(text='{"keys": "' + "x" * 200_000 + '"}'), _slow,
])  # fmt: skip
async def test_a_provider_that_misbehaves_lets_nobody_in_and_costs_little(
    door: Door, path: str, told: Callable[[], Any]
) -> None:
    """SECURITY.md S32, S36: nothing is followed, and 64 KB and some seconds are all it gets."""
    door.provider.other[path] = told
    with pytest.raises(Unavailable):
        await door.sign_in()
    assert "/elsewhere" not in door.provider.asked
    count = len(door.provider.asked)
    if path != "/token":
        with pytest.raises(Unavailable):
            await door.sign_in()
        assert door.provider.asked[count:].count(path) == 0  # it is not asked at once again
    del door.provider.other[path]
    await door.house.clock.advance_to_ms(door.house.clock.now_ms() + FAILED_MS)
    assert await door.sign_in() == "jane-doe"


async def test_many_who_sign_in_at_once_ask_for_one_description(door: Door) -> None:
    async with asyncio.TaskGroup() as group:
        for _ in range(8):
            group.create_task(door.begin())
    assert door.provider.asked == ["/.well-known/openid-configuration"]


@pytest.mark.parametrize("changed", [
    {"issuer": "http://127.0.0.1:1"}, {"token_endpoint": "http://169.254.169.254/latest"},
    {"authorization_endpoint": "javascript:alert(1)"}, {"jwks_uri": "gopher://127.0.0.1/keys"},
    {"authorization_endpoint": "http://10.0.0.1/"}, {"token_endpoint": "http://127.0.0.1:22/"},
])  # fmt: skip
async def test_a_provider_leads_us_nowhere_that_notices_may_not_go(
    door: Door, changed: dict[str, str]
) -> None:
    """SECURITY.md, Egress guard."""
    issuer = door.provider.issuer
    described = {
        "issuer": issuer, "authorization_endpoint": f"{issuer}/authorize",
        "token_endpoint": f"{issuer}/token", "jwks_uri": f"{issuer}/keys", **changed,
    }  # fmt: skip
    path = "/.well-known/openid-configuration"
    door.provider.other[path] = lambda: web.json_response(described)
    with pytest.raises(Refused):
        await door.sign_in()


async def test_a_secret_that_the_provider_does_not_know_is_said_so(door: Door) -> None:
    client = Client(issuer=door.provider.issuer, client_id=CLIENT_ID, scopes=("openid",),
                    client_secret="another")  # fmt: skip
    opened = [Opening(network=IPv4Network("127.0.0.0/8"), port=door.provider.port)]
    door.sign_ins._provider = OidcProvider(client, Egress(opened), clock=door.house.clock)
    with pytest.raises(Refused, match="client_secret") as refused:
        await door.sign_in()
    assert "another" not in str(refused.value)


async def test_nothing_of_an_attempt_is_in_what_is_told_of_it(door: Door) -> None:
    """SECURITY.md S39."""
    begun = await door.begin()
    returned = _returned(door.provider.sign_in(begun.address), begun.kept)
    secret = begun.kept.split(".")
    told = f"{begun!r} {returned!r} {door.sign_ins._config!r}"
    assert not any(part in told for part in [*secret, returned.code, CLIENT_SECRET])
    assert secret[1] in begun.address  # the nonce is the provider's to know
    assert secret[2] not in begun.address
    assert door.sign_ins._config.back_to == BACK_TO
    door.provider.twist = _with(aud="Zebra-Client")
    with pytest.raises(SigmawatchError) as refused:
        await door.sign_ins.finish(returned)
    assert "Zebra" not in str(refused.value)
