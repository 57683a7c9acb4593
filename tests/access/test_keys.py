"""API keys: made, shown once, looked at, rotated, revoked (SECURITY.md, API keys)."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
from tests.access.conftest import OPERATOR, START_MS, Enter, House

from sigmawatch.app.access.keys import MadeKey, Wanted, parse_networks
from sigmawatch.domain.api_key import id_of
from sigmawatch.domain.audit import Actor
from sigmawatch.domain.caller import Caller, CallerKind, Role, Scope
from sigmawatch.domain.errors import Conflict, Invalid, NotFound, Refused
from sigmawatch.domain.window import DAY_MS, HOUR_MS

READ = frozenset({Scope.READ_METRICS})


async def a_key(house: House, *scopes: Scope, **more: object) -> MadeKey:
    wanted = Wanted(name="ci", scopes=frozenset(scopes) or READ, **more)  # type: ignore[arg-type]
    return await house.access.keys.make(wanted, by=OPERATOR)


def of(house: House, made: MadeKey | str, *, address: str = "192.0.2.7") -> Caller | None:
    token = made if isinstance(made, str) else made.token
    return house.access.book.of_key(token, address=address)


async def test_a_key_is_its_caller_with_its_scopes_after_a_restart_too(enter: Enter) -> None:
    house = await enter()
    made = await a_key(house, Scope.READ_METRICS, Scope.WRITE_INGEST)
    house = await enter()
    caller = of(house, made)
    assert caller is not None
    assert (caller.kind, caller.key_id) == (CallerKind.KEY, made.key.id)
    assert caller.scopes == {Scope.READ_METRICS, Scope.WRITE_INGEST}
    assert made.key.id in caller.name


async def test_the_key_itself_is_nowhere_in_the_database_nor_in_what_is_printed(
    house: House,
) -> None:
    made = await a_key(house)
    secret = made.token.split("_")[2]
    assert secret not in repr(made)
    assert secret not in repr(house.access.book.key(made.key.id))
    await house.ledger.close()
    content = b"".join(path.read_bytes() for path in house.folder.glob("sigmawatch.db*"))
    assert made.key.id.encode() in content
    assert secret.encode() not in content


async def test_a_wrong_secret_under_a_right_id_is_nobodys(house: House) -> None:
    # SECURITY.md, S04: "Right id, wrong secret"
    made, other = await a_key(house), await a_key(house)
    assert of(house, other) is not None
    swapped = made.token[:16] + other.token[16:]
    for wrong in (swapped, made.token[:-1], made.token + "x", "", "sw_", made.token.swapcase()):
        assert of(house, wrong) is None


async def test_a_key_of_another_installation_is_nobodys(enter: Enter) -> None:
    # SECURITY.md, S02: "Expired, revoked, truncated, other-installation key | 401"
    made = await a_key(await enter())
    assert of(await enter(folder="elsewhere"), made) is None


async def test_a_stolen_database_without_its_pepper_knows_no_key(enter: Enter) -> None:
    house = await enter()
    made = await a_key(house)
    await house.ledger.close()
    (house.folder / "pepper.key").rename(house.folder / "kept")
    house = await enter()
    assert of(house, made) is None
    with pytest.raises(Refused, match=r"another pepper.*pepper\.key.*revoke"):
        await a_key(house)  # whoever holds the pepper would know it no more than we know theirs
    assert not (house.folder / "pepper.key").exists()
    await house.access.keys.revoke(made.key.id, by=OPERATOR)
    new = await a_key(house)  # a new pepper: the old key stays nobody's
    assert of(house, new) is not None
    assert of(house, made) is None
    assert of(await enter(), new) is not None


async def test_a_program_under_another_pepper_than_the_keys_does_not_start(enter: Enter) -> None:
    """Two programs on one database with two peppers: each would refuse the other's keys."""
    house = await enter()
    made = await a_key(house)
    kept = (house.folder / "pepper.key").read_bytes()
    (house.folder / "pepper.key").write_bytes(kept[::-1])
    with pytest.raises(Refused, match=r"keys of the database .* in .*pepper\.key"):
        await enter()
    (house.folder / "pepper.key").write_bytes(kept)
    assert of(await enter(), made) is not None


async def test_the_pepper_is_its_owners_alone(enter: Enter) -> None:
    # SECURITY.md, S54: "start refuses group/world readable key"
    house = await enter()
    await a_key(house)
    pepper = house.folder / "pepper.key"
    assert pepper.stat().st_mode & 0o777 == 0o600
    pepper.chmod(0o640)
    with pytest.raises(Refused, match="chmod 600"):
        await enter()


async def test_a_key_ends_when_it_is_to(house: House) -> None:
    made = await a_key(house, expires_ms=START_MS + HOUR_MS)
    await house.clock.advance_to_ms(START_MS + HOUR_MS - 1)
    assert of(house, made) is not None
    await house.clock.advance_to_ms(START_MS + HOUR_MS)
    assert of(house, made) is None
    with pytest.raises(Invalid, match="ahead"):
        await a_key(house, expires_ms=START_MS)


async def test_a_clock_moved_back_revives_no_key(enter: Enter) -> None:
    # SECURITY.md, S63: "Clock moved back to revive an expired session or key | expiry also checked
    # against stored high-water time"
    house = await enter()
    made = await a_key(house, expires_ms=START_MS + HOUR_MS)
    await house.clock.advance_to_ms(START_MS + 2 * HOUR_MS)
    await house.access.keep()
    house = await enter(START_MS)
    assert of(house, made) is None


async def test_time_goes_on_after_the_clock_was_moved_back(enter: Enter) -> None:
    """A clock that was wrong once must not make keys immortal."""
    house = await enter(START_MS + DAY_MS)
    await a_key(house)
    await house.clock.advance_to_ms(START_MS + DAY_MS + 61_000)
    await house.access.keep()
    house = await enter(START_MS)
    now_ms = house.access.book.time.now_ms()
    assert now_ms >= START_MS + DAY_MS
    made = await a_key(house, expires_ms=now_ms + HOUR_MS)
    await house.clock.advance_to_ms(START_MS + HOUR_MS)
    assert of(house, made) is None


async def test_a_revoked_key_is_nobodys_with_the_return_of_the_call(house: House) -> None:
    # SECURITY.md: "revocation effective <= 5 s also for open SSE"
    made, other = await a_key(house), await a_key(house)
    reading = of(house, made)
    assert reading is not None
    assert house.access.book.holds(reading)
    await house.access.keys.revoke(made.key.id, by=OPERATOR)
    assert of(house, made) is None
    assert not house.access.book.holds(reading)
    assert of(house, other) is not None


async def test_a_rotated_key_goes_on_beside_the_new_one_for_the_overlap(house: House) -> None:
    old = await a_key(house, Scope.WRITE_INGEST, networks=("192.0.2.0/24",),
                      expires_ms=START_MS + 30 * DAY_MS)  # fmt: skip
    await house.clock.advance_to_ms(START_MS + DAY_MS)
    new = await house.access.keys.rotate(old.key.id, overlap_ms=HOUR_MS, by=OPERATOR)
    assert new.key.id != old.key.id
    assert (new.key.scopes, new.key.networks) == (old.key.scopes, old.key.networks)
    assert new.key.expires_ms == START_MS + 31 * DAY_MS
    assert of(house, old) is not None
    assert of(house, new) is not None
    with pytest.raises(Conflict):
        await house.access.keys.rotate(old.key.id, overlap_ms=0, by=OPERATOR)
    await house.clock.advance_to_ms(START_MS + DAY_MS + HOUR_MS)
    assert of(house, old) is None
    assert of(house, new) is not None


async def test_a_key_with_networks_is_good_from_them_alone(house: House) -> None:
    made = await a_key(house, networks=parse_networks(["192.0.2.0/24", "2001:db8::7"]))
    for good in ("192.0.2.1", "::ffff:192.0.2.1", "2001:db8::7"):
        assert of(house, made, address=good) is not None
    for bad in ("192.0.3.1", "2001:db8::8", "", "unix"):
        assert of(house, made, address=bad) is None
    with pytest.raises(Invalid) as refused:
        parse_networks(["192.0.2.7/24"])
    assert "10.0.0.0/8" in refused.value.allowed


async def test_nobody_makes_a_key_that_may_more_than_they(house: House) -> None:
    """SECURITY.md, S06 and S09: no way up."""
    await house.user("ada", Role.ADMIN)
    reader = await house.user("rea", Role.READER)
    by = Actor(caller=reader)
    with pytest.raises(Invalid) as refused:
        await house.access.keys.make(Wanted(name="x", scopes=frozenset({Scope.ADMIN})), by=by)
    assert refused.value.allowed == "read:alerts, read:metrics"
    made = await house.access.keys.make(Wanted(name="x", scopes=READ), by=by)
    assert made.key.user_id == reader.user_id
    key = of(house, made)
    assert key is not None
    ada = house.access.users.find("ada")
    with pytest.raises(Invalid, match="admin"):
        await house.access.keys.make(Wanted(name="x", scopes=READ, user=ada), by=by)


async def test_a_key_goes_with_its_user(house: House) -> None:
    await house.user("ada", Role.ADMIN)
    editor = await house.user("edi", Role.EDITOR)
    wanted = Wanted(name="bot", scopes=frozenset({Scope.READ_METRICS, Scope.WRITE_RULES}))
    made = await house.access.keys.make(wanted, by=Actor(caller=editor))
    first = of(house, made)
    assert first is not None
    assert first.may(Scope.WRITE_RULES)
    await house.access.users.change("edi", role=Role.READER, by=OPERATOR)
    second = of(house, made)
    assert second is not None
    assert not second.may(Scope.WRITE_RULES)
    assert not house.access.book.holds(first)  # what is open begins anew, with less
    await house.access.users.change("edi", disabled=True, by=OPERATOR)
    assert of(house, made) is None


async def test_another_users_key_does_not_exist(house: House) -> None:
    # SECURITY.md, S07: "User A reads/edits/deletes B's rule, channel, notification, key | 404"
    await house.user("ada", Role.ADMIN)
    one, other = await house.user("edi"), await house.user("eve")
    made = await house.access.keys.make(Wanted(name="x", scopes=READ), by=Actor(caller=one))
    of_house = await a_key(house)
    assert [key.id for key in house.access.keys.visible(one)] == [made.key.id]
    assert house.access.keys.visible(other) == []
    assert house.access.keys.visible(Caller.anonymous(READ)) == []
    for key_id in (made.key.id, of_house.key.id):
        with pytest.raises(NotFound):
            await house.access.keys.revoke(key_id, by=Actor(caller=other))
        with pytest.raises(NotFound):
            await house.access.keys.rotate(key_id, overlap_ms=0, by=Actor(caller=other))
    assert of(house, made) is not None


async def test_a_key_that_was_sent_in_an_address_is_marked(house: House) -> None:
    # SECURITY.md, S03: "key flagged as exposed"
    made = await a_key(house)
    house.access.book.expose(made.token[:16] + "0" * 50)
    house.access.book.expose(made.token)
    await house.access.keep()
    assert house.access.keys.find(made.key.id, by=OPERATOR.caller).exposed_ms == START_MS
    assert ("program", "key.exposed", f"key {made.key.id}") in await house.told()


async def test_when_a_key_was_last_used_is_known_after_a_restart(enter: Enter) -> None:
    house = await enter()
    made = await a_key(house)
    assert house.access.keys.find(made.key.id, by=OPERATOR.caller).used_ms is None
    await house.clock.advance_to_ms(START_MS + 61_000)
    of(house, made)
    await house.access.keep()
    house = await enter(START_MS + HOUR_MS)
    assert house.access.keys.find(made.key.id, by=OPERATOR.caller).used_ms == START_MS + 61_000


async def test_a_key_put_into_the_database_by_hand_is_nobodys(enter: Enter) -> None:
    """Who can write the database but lacks the pepper cannot make a key."""
    house = await enter()
    made = await a_key(house)
    await house.ledger.close()
    forged = made.token[:16] + ("A" * 43) + "_" + made.token[-6:]
    with closing(sqlite3.connect(house.folder / "sigmawatch.db")) as database:
        database.execute("UPDATE api_keys SET digest = zeroblob(32)")
        database.commit()
    house = await enter()
    assert of(house, forged) is None
    assert of(house, made) is None
    assert id_of(made.token) == made.key.id
