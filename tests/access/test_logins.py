"""Users, passwords and sessions (SECURITY.md, Bootstrap, Sessions, Limits)."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing

import pytest
from tests.access.conftest import OPERATOR, PASSWORD, START_MS, Enter, House

from sigmawatch.adapters.passwords import _NOBODY, ArgonPasswords
from sigmawatch.app.access.delays import Delays
from sigmawatch.app.access.logins import Attempt
from sigmawatch.domain.audit import Actor
from sigmawatch.domain.caller import LOCAL, Role
from sigmawatch.domain.errors import Conflict, Invalid, NotFound, NotProven, TooSoon
from sigmawatch.domain.window import DAY_MS, HOUR_MS, MINUTE_MS


@pytest.fixture
async def home(house: House) -> House:
    """With an admin and an editor."""
    await house.user("ada", Role.ADMIN)
    await house.user("edi", Role.EDITOR)
    return house


async def test_a_login_is_its_user_until_it_is_logged_out(home: House) -> None:
    login = await home.log_in("  Edi ")
    caller = home.access.book.of_session(login.token)
    assert caller is not None
    assert (caller.name, caller.role) == ("edi", Role.EDITOR)
    await home.access.logins.log_out(Actor(caller=caller))
    assert home.access.book.of_session(login.token) is None
    assert not home.access.book.holds(caller)


async def test_a_session_is_stored_as_a_hash_alone(home: House) -> None:
    # SECURITY.md: "256-bit random id stored hashed"
    login = await home.log_in("edi")
    assert len(login.token) == 43
    assert login.token not in repr(login)
    await home.ledger.close()
    content = b"".join(path.read_bytes() for path in home.folder.glob("sigmawatch.db*"))
    assert login.token.encode() not in content
    assert PASSWORD.encode() not in content
    with closing(sqlite3.connect(home.folder / "sigmawatch.db")) as database:
        (stored,) = database.execute("SELECT password FROM users WHERE name = 'ada'").fetchone()
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


async def test_wrong_names_wrong_passwords_and_disabled_users_are_told_alike(home: House) -> None:
    # SECURITY.md, S01: "constant shape and time"
    await home.access.users.change("edi", disabled=True, by=OPERATOR)
    said = set()
    for name, password in (("nobody", PASSWORD), ("ada", "wrong" * 4), ("edi", PASSWORD), ("", "")):
        with pytest.raises(NotProven) as refused:
            await home.log_in(name, password)
        said.add(str(refused.value))
    assert len(said) == 1


async def test_a_password_of_nobody_costs_what_one_of_somebody_costs() -> None:
    """The same function with the same cost runs for both, so no clock tells them apart."""
    passwords = ArgonPasswords()
    hashed = await passwords.hash(PASSWORD)
    assert await passwords.match(PASSWORD, hashed)
    assert not await passwords.match("another one", hashed)
    assert not await passwords.match(PASSWORD, None)
    nobody = _NOBODY
    assert nobody.split("$")[:4] == hashed.split("$")[:4]
    assert [len(part) for part in nobody.split("$")] == [len(part) for part in hashed.split("$")]


async def test_every_login_has_another_id_and_ends_the_one_it_came_with(home: House) -> None:
    # SECURITY.md, S11: "Session fixation, old id after login, cookie after logout | new id, old
    # refused"
    first = await home.log_in("edi")
    caller = home.access.book.of_session(first.token)
    again = Attempt(name="edi", password=PASSWORD, address="::1", instead_of=caller)
    second = await home.access.logins.log_in(again)
    assert second.token != first.token
    assert home.access.book.of_session(first.token) is None
    assert home.access.book.of_session(second.token) is not None


async def test_another_role_or_password_logs_out_everywhere(home: House) -> None:
    # SECURITY.md: "new id at login and privilege change"
    logins = [await home.log_in("edi"), await home.log_in("edi")]
    await home.access.users.change("edi", role=Role.READER, by=OPERATOR)
    assert [home.access.book.of_session(one.token) for one in logins] == [None, None]
    login = await home.log_in("edi")
    await home.access.users.set_password("edi", "another long password", by=OPERATOR)
    assert home.access.book.of_session(login.token) is None
    with pytest.raises(NotProven):
        await home.log_in("edi")
    assert (await home.log_in("edi", "another long password")).user.role is Role.READER


async def test_whoever_changes_their_own_password_stays_with_a_new_id(home: House) -> None:
    here, elsewhere = await home.log_in("edi"), await home.log_in("edi")
    caller = home.access.book.of_session(here.token)
    assert caller is not None
    with pytest.raises(NotProven):
        await home.access.logins.set_own_password(
            Actor(caller=caller), current="not this one", new="a new long password", address="::1"
        )
    new = await home.access.logins.set_own_password(
        Actor(caller=caller), current=PASSWORD, new="a new long password", address="::1"
    )
    alive = [home.access.book.of_session(one.token) for one in (here, elsewhere, new)]
    assert alive[:2] == [None, None]
    assert alive[2] is not None


async def test_log_out_everywhere_ends_every_session_of_that_user_alone(home: House) -> None:
    one, two, other = [await home.log_in(name) for name in ("edi", "edi", "ada")]
    caller = home.access.book.of_session(one.token)
    assert caller is not None
    await home.access.logins.log_out(Actor(caller=caller), everywhere=True)
    assert home.access.book.of_session(two.token) is None
    assert home.access.book.of_session(other.token) is not None


async def test_a_session_that_is_used_lasts_a_week_and_an_idle_one_half_a_day(
    enter: Enter,
) -> None:
    # SECURITY.md: "idle 12 h, absolute 7 days"; the use is known after a restart
    house = await enter()
    await house.user("ada", Role.ADMIN)
    used, idle = await house.log_in("ada"), await house.log_in("ada")
    now_ms = START_MS
    while now_ms < START_MS + 6 * DAY_MS:
        now_ms += 11 * HOUR_MS
        await house.clock.advance_to_ms(now_ms)
        assert house.access.book.of_session(used.token) is not None
        await house.access.keep()
    assert house.access.book.of_session(idle.token) is None
    house = await enter(now_ms + HOUR_MS)
    assert house.access.book.of_session(used.token) is not None
    house = await enter(START_MS + 7 * DAY_MS)
    assert house.access.book.of_session(used.token) is None
    await house.access.keep()
    house = await enter(START_MS)  # SECURITY.md, S63
    assert house.access.book.of_session(used.token) is None


async def test_sessions_of_long_ago_are_forgotten_after_a_start(enter: Enter) -> None:
    house = await enter()
    await house.user("ada", Role.ADMIN)
    await house.log_in("ada")
    house = await enter(START_MS + 13 * DAY_MS)
    await house.access.keep()
    assert len(await house.ledger.access.sessions()) == 1
    house = await enter(START_MS + 15 * DAY_MS)
    await house.access.keep()
    assert await house.ledger.access.sessions() == []


async def test_wrong_passwords_make_the_next_one_wait_longer_and_longer() -> None:
    # SECURITY.md: "growing delay per account, no permanent lock-out"
    now_ms = 0
    delays = Delays(lambda: now_ms)
    waits = []
    for _ in range(3):
        delays.begin(("ada", ""))
    for _ in range(11):
        with pytest.raises(TooSoon) as refused:
            delays.begin(("ada", ""))
        waits.append(round(refused.value.retry_after_s or 0))
        now_ms += waits[-1] * 1_000
        delays.begin(("ada", ""))
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60, 60, 60]
    delays.begin(("bob", ""))  # nobody else waits
    now_ms += 15 * MINUTE_MS
    for _ in range(3):
        delays.begin(("ada", ""))


async def test_what_delays_remember_is_bounded() -> None:
    delays = Delays(lambda: 0)
    for number in range(30_000):
        delays.begin((f"name {number}", ""))
    assert len(delays._wrong) == 10_000


async def test_a_thousand_wrong_logins_from_elsewhere_do_not_keep_the_owner_out(
    home: House,
) -> None:
    # SECURITY.md, S05: "1,000 logins from one and from 100 addresses | 429 growing delay; owner
    # can still log in"
    await home.log_in("edi", address="192.0.2.1")
    looked_at = 0
    for number in range(1_000):
        try:
            await home.log_in("edi", "wrong" * 4, address=f"198.51.100.{number % 100}")
        except NotProven:
            looked_at += 1
        except TooSoon:
            pass
    assert looked_at == 3
    assert (await home.log_in("edi", address="192.0.2.1")).user.name == "edi"
    with pytest.raises(TooSoon):
        await home.log_in("edi", address="203.0.113.9")
    await home.clock.advance_to_ms(START_MS + MINUTE_MS)
    assert (await home.log_in("edi", address="203.0.113.9")).user.name == "edi"


async def test_many_passwords_at_once_are_counted_before_they_are_looked_at(home: House) -> None:
    tries = [home.log_in("edi", "wrong" * 4) for _ in range(20)]
    found = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(one, NotProven) for one in found) == 3
    assert sum(isinstance(one, TooSoon) for one in found) == 17


async def test_there_is_always_an_admin(home: House) -> None:
    for change in ({"role": Role.READER}, {"disabled": True}):
        with pytest.raises(Conflict, match="last admin"):
            await home.access.users.change("ada", **change, by=OPERATOR)
    await home.access.users.change("edi", role=Role.ADMIN, by=OPERATOR)
    assert (await home.access.users.change("ada", disabled=True, by=OPERATOR)).disabled


async def test_users_have_names_of_their_own(home: House) -> None:
    with pytest.raises(Conflict):
        await home.access.users.add("EDI", Role.READER, password=PASSWORD, by=OPERATOR)
    with pytest.raises(NotFound) as refused:
        home.access.users.find("ad")
    assert refused.value.allowed == "ada"


async def test_the_first_user_is_an_admin_and_not_made_by_whoever_comes_first(
    house: House,
) -> None:
    # SECURITY.md, Bootstrap: the set-up token "creates the first admin"
    assert not house.access.book.guarded
    with pytest.raises(Invalid, match="first user"):
        await house.access.users.add("edi", Role.EDITOR, password=PASSWORD, by=OPERATOR)
    with pytest.raises(Conflict, match="set-up token"):
        await house.access.users.add("eve", Role.ADMIN, password=PASSWORD, by=Actor(caller=LOCAL))
    assert not house.access.book.guarded
    await house.user("ada", Role.ADMIN)
    assert house.access.book.guarded
    assert not house.access.book.holds(LOCAL)
