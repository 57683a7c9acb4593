"""The audit log of what was done to access (SECURITY.md, Audit log and S55)."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
from tests.access.conftest import OPERATOR, PASSWORD, START_MS, Enter, House

from sigmawatch.app.access.keys import Wanted
from sigmawatch.domain.caller import Caller, Role, Scope
from sigmawatch.domain.errors import NotProven


async def fill(house: House) -> None:
    await house.user("ada", Role.ADMIN)
    await house.log_in("ada")
    wanted = Wanted(name="ci", scopes=frozenset({Scope.READ_METRICS}))
    made = await house.access.keys.make(wanted, by=OPERATOR)
    await house.access.keys.revoke(made.key.id, by=OPERATOR)


async def test_every_change_says_who_did_what_and_digests_of_before_and_after(
    house: House,
) -> None:
    await fill(house)
    told = await house.told()
    assert [(who, what) for who, what, _ in told] == [
        ("command line", "user.add"), ("ada", "session.begin"), ("command line", "key.make"),
        ("command line", "key.revoke"),
    ]  # fmt: skip
    rows = await house.access.auditing.page(before=None, limit=10)
    revoked, made = rows[0].deed, rows[1].deed
    assert revoked.before == made.after != ""
    assert revoked.after not in ("", revoked.before)
    assert revoked.request_id == "r0"


async def test_a_changed_row_is_named_by_its_number(enter: Enter) -> None:
    # SECURITY.md, S55: "Tamper with one audit row | verify command names the row"
    house = await enter()
    await fill(house)
    sound = await house.access.auditing.verify()
    assert (sound.count, sound.wrong) == (4, None)
    await house.ledger.close()
    with closing(sqlite3.connect(house.folder / "sigmawatch.db")) as database:
        database.execute("UPDATE audit SET who = 'somebody else' WHERE number = 3")
        database.commit()
    house = await enter()
    found = await house.access.auditing.verify()
    assert (found.count, found.wrong) == (2, 3)
    assert "row 3" in found.reason


async def test_rows_cut_off_at_the_end_are_missed(enter: Enter) -> None:
    house = await enter()
    await fill(house)
    await house.ledger.close()
    with closing(sqlite3.connect(house.folder / "sigmawatch.db")) as database:
        database.execute("DELETE FROM audit WHERE number = 4")
        database.commit()
    house = await enter()
    assert (await house.access.auditing.verify()).wrong == 4


async def test_what_was_refused_is_noted_once_however_often_it_is_tried(house: House) -> None:
    # SECURITY.md, S06: "403, nothing changed, audit entry"
    await house.user("ada", Role.ADMIN)
    reader = Caller.user(7, role=Role.READER, name="rea")
    for _ in range(100):
        house.access.book.denied(reader, "PUT put_rule")
    for number in range(1_000):
        house.access.book.denied(reader, f"PUT {number}")
    await house.access.keep()
    told = [one for one in await house.told() if one[1] == "refused"]
    assert ("rea", "refused", "PUT put_rule") in told
    assert len(told) == 32
    await house.access.keep()
    assert len(await house.told()) == 33


async def test_a_wrong_password_is_noted_with_the_name_and_not_with_the_password(
    house: House,
) -> None:
    await house.user("ada", Role.ADMIN)
    for _ in range(2):
        with pytest.raises(NotProven) as refused:
            await house.log_in("ada", PASSWORD + "!")
        assert PASSWORD not in str(refused.value)
    await house.clock.advance_to_ms(START_MS + 10_000)
    await house.access.keep()
    assert ("anonymous", "refused", "login as ada") in await house.told()
