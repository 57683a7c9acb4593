"""The one-time token of the first admin (SECURITY.md, Bootstrap and S10)."""

from __future__ import annotations

import asyncio

import pytest
from tests.access.conftest import PASSWORD, START_MS, Enter, House

from sigmawatch.app.access.setup import FirstAdmin
from sigmawatch.domain.caller import Role
from sigmawatch.domain.errors import Conflict, Invalid, NotProven
from sigmawatch.domain.window import MINUTE_MS


def wanted(token: str, name: str = "ada", password: str = PASSWORD) -> FirstAdmin:
    return FirstAdmin(token=token, name=name, password=password)


async def test_the_token_makes_the_first_admin_once(house: House) -> None:
    # SECURITY.md, S10: "Re-use of the setup token; setup after set-up"
    token = house.access.setup.issue()
    file = house.folder / "setup.token"
    assert file.stat().st_mode & 0o777 == 0o600
    user = await house.access.setup.first_admin(wanted(token), request_id="r1")
    assert user.role is Role.ADMIN
    assert not file.exists()
    with pytest.raises(NotProven):
        await house.access.setup.first_admin(wanted(token, "eve"), request_id="r2")
    with pytest.raises(Conflict, match="user already"):
        house.access.setup.issue()
    assert ("set-up token", "user.add", "user ada") in await house.told()


async def test_two_at_once_make_one_admin(house: House) -> None:
    token = house.access.setup.issue()
    both = (house.access.setup.first_admin(wanted(token, name), request_id="r")
            for name in ("ada", "eve"))  # fmt: skip
    found = await asyncio.gather(*both, return_exceptions=True)
    assert sum(isinstance(one, Conflict) for one in found) == 1
    assert len(house.access.users.all) == 1


async def test_the_token_is_good_for_half_an_hour_and_after_a_restart(enter: Enter) -> None:
    house = await enter()
    token = house.access.setup.issue()
    house = await enter(START_MS + 30 * MINUTE_MS - 1)
    with pytest.raises(Invalid):  # what is wrong with the password does not cost the token
        await house.access.setup.first_admin(wanted(token, password="short"), request_id="r")
    await house.clock.advance_to_ms(START_MS + 30 * MINUTE_MS)
    with pytest.raises(NotProven):
        await house.access.setup.first_admin(wanted(token), request_id="r")


async def test_a_token_issued_anew_ends_the_one_before(house: House) -> None:
    old, new = house.access.setup.issue(), house.access.setup.issue()
    assert len(new) == 43
    for token in (old, "", new[:-1], "é" + new[1:]):
        with pytest.raises(NotProven):
            await house.access.setup.first_admin(wanted(token), request_id="r")
    assert (await house.access.setup.first_admin(wanted(new), request_id="r")).name == "ada"
