"""A backup of any ledger is a database that any ledger can be restored from (P33)."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from tests.contracts.conftest import Database
from tests.contracts.samples import SLOT, frame, patch, replayed, run, store, track
from tests.contracts.test_access import ADA, KEY
from tests.contracts.test_alerts import notice, ready
from tests.contracts.test_outbox import begin, claim, put, settle

from sigmawatch.adapters.clock import VirtualClock
from sigmawatch.adapters.ledgers.ledger import SqlLedger
from sigmawatch.adapters.ledgers.postgres import PostgresLedger
from sigmawatch.adapters.ledgers.postgres_restoring import restore_to_server
from sigmawatch.adapters.ledgers.restoring import restore_to_folder
from sigmawatch.adapters.ledgers.sqlite import SqliteLedger
from sigmawatch.adapters.ledgers.statements import load_migrations
from sigmawatch.domain.account import Session
from sigmawatch.domain.audit import Deed, Verifier
from sigmawatch.domain.errors import Conflict, NotFound, Refused, StorageNewer
from sigmawatch.domain.notice import NoticeStatus
from sigmawatch.domain.watchlist import Watchlist
from sigmawatch.ports.backup import Copied

CLOCK = VirtualClock(1_740_000_000_000)
BAD = patch(values=[7.0], marks=[0])  # as long as nobody flips a bit of it, it is good
Restore = Callable[[Path], Awaitable[SqlLedger]]


def untold(done: int, total: int) -> None:
    assert 0 <= done <= total


@pytest.fixture(params=["to sqlite", "to postgres"])
def restored(request: pytest.FixtureRequest, tmp_path: Path) -> Restore:
    """Restores a file into a new database and opens it."""

    async def to_folder(source: Path) -> SqlLedger:
        folder = tmp_path / "restored"
        await restore_to_folder(source, folder, now_ms=CLOCK.now_ms(), told=untold)
        return await SqliteLedger.open(folder, clock=CLOCK)

    async def to_server(source: Path) -> SqlLedger:
        url = request.getfixturevalue("another_postgres_url")
        await restore_to_server(source, url, scratch=tmp_path, clock=CLOCK, told=untold)
        return await PostgresLedger.open(url, clock=CLOCK)

    return to_folder if request.param == "to sqlite" else to_server


async def filled(database: Database) -> SqlLedger:
    ledger = await database.open()
    await track(ledger, "BTC", "ETH")
    await store(ledger, frame(), frame(SLOT + 1, values=[1.5, 2.5]))
    await store(ledger, BAD)
    async with ledger.transaction() as transaction:
        await transaction.runs.insert([run(1_740_000_000_000)])
        await transaction.watchlists.put(Watchlist.of("mine", ["kraken:*/USD"]))
    return ledger


async def told_by(ledger: SqlLedger) -> object:
    return (
        await ledger.blocks(), await ledger.series(), await replayed(ledger), await ledger.runs(),
        await ledger.watchlists(), await ledger.live_since_ms(),
    )  # fmt: skip


async def test_what_is_restored_is_what_was_backed_up_whichever_the_databases(
    database: Database, restored: Restore, tmp_path: Path
) -> None:
    ledger = await filled(database)
    copied = await ledger.backup(str(tmp_path / "a.db"), told=untold)
    assert (copied.items_count, copied.damaged) == (3, ())
    assert copied.size_bytes == (tmp_path / "a.db").stat().st_size
    again = await restored(tmp_path / "a.db")
    assert await told_by(again) == await told_by(ledger)
    await store(again, frame(SLOT + 2))  # and it goes on from there
    assert (await replayed(again))[-1] == frame(SLOT + 2).id
    await again.close()


async def test_a_backup_is_one_private_file_that_needs_nothing_beside_it(
    database: Database, tmp_path: Path
) -> None:
    ledger = await filled(database)
    folder = tmp_path / "backups"
    folder.mkdir()
    (folder / "a.db.part").write_text("of a program that was killed")
    await ledger.backup(str(folder / "a.db"), told=untold)
    assert [path.name for path in folder.iterdir()] == ["a.db"]
    assert (folder / "a.db").stat().st_mode & 0o777 == 0o600
    with closing(sqlite3.connect(f"file:{folder / 'a.db'}?mode=ro", uri=True)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)
        assert connection.execute("SELECT count(*) FROM frames").fetchone() == (2,)


async def test_what_is_committed_during_a_backup_is_wholly_in_it_or_not_at_all(
    database: Database, tmp_path: Path
) -> None:
    """Pairs of frames, each in one transaction: none is ever torn."""
    ledger = await filled(database)
    many = [frame(slot, values=[1.0] * 1_000) for slot in range(SLOT + 10, SLOT + 600)]
    await store(ledger, *many)
    written = 0

    async def write() -> None:
        nonlocal written
        while True:
            slot = SLOT + 10_000 + written
            await store(ledger, frame(slot), frame(slot, late_slots=2))
            written += 1

    writing = asyncio.create_task(write())
    await ledger.backup(str(tmp_path / "a.db"), told=untold)
    writing.cancel()
    await asyncio.gather(writing, return_exceptions=True)
    assert written > 1
    with closing(sqlite3.connect(tmp_path / "a.db")) as connection:
        counts = connection.execute(
            "SELECT count(*) FROM frames WHERE slot >= ? GROUP BY slot", (SLOT + 10_000,)
        ).fetchall()
    assert set(counts) <= {(2,)}
    assert len(await replayed(ledger)) >= 3 + len(many) + 2 * written


async def test_damage_in_the_database_is_named_and_the_rest_is_kept(
    database: Database, restored: Restore, tmp_path: Path
) -> None:
    ledger = await filled(database)
    await ledger.close()
    database.flip_a_bit(BAD)
    ledger = await database.open()
    copied = await ledger.backup(str(tmp_path / "a.db"), told=untold)
    assert copied.items_count == 3
    assert [name.split()[0] for name in copied.damaged] == ["patches"]
    again = await restored(tmp_path / "a.db")
    assert await replayed(again) == [frame().id, frame(SLOT + 1).id]
    assert again.damaged_count == 1
    await again.close()


async def test_a_backup_never_takes_the_place_of_a_file(database: Database, tmp_path: Path) -> None:
    ledger = await filled(database)
    (tmp_path / "a.db").write_text("a letter to my aunt")
    with pytest.raises(Conflict, match="there already"):
        await ledger.backup(str(tmp_path / "a.db"), told=untold)
    assert (tmp_path / "a.db").read_text() == "a letter to my aunt"
    with pytest.raises(Refused, match="could not write"):
        await ledger.backup(str(tmp_path / "no" / "folder.db"), told=untold)
    await store(ledger, frame(SLOT + 5))  # and the database has taken no harm


async def test_a_backup_that_is_cancelled_leaves_nothing_and_holds_nobody_up(
    database: Database, tmp_path: Path
) -> None:
    ledger = await filled(database)
    await store(ledger, *(frame(s, values=[1.0] * 1_000) for s in range(SLOT + 10, SLOT + 300)))
    begun = asyncio.Event()
    loop = asyncio.get_running_loop()

    def begin(done: int, total: int) -> None:
        loop.call_soon_threadsafe(begun.set)

    copying = asyncio.create_task(ledger.backup(str(tmp_path / "a.db"), told=begin))
    await begun.wait()
    copying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await copying
    assert not {path.name for path in tmp_path.iterdir()} & {"a.db", "a.db.part"}  # noqa: ASYNC240
    await store(ledger, frame(SLOT + 5))
    await ledger.backup(str(tmp_path / "a.db"), told=untold)


async def test_a_restore_refuses_what_holds_data(
    database: Database, tmp_path: Path, postgres_url: str
) -> None:
    ledger = await filled(database)
    await ledger.backup(str(tmp_path / "a.db"), told=untold)
    folder = tmp_path / "other"
    await restore_to_folder(tmp_path / "a.db", folder, now_ms=0, told=untold)
    before = (folder / "sigmawatch.db").read_bytes()
    with pytest.raises(Conflict, match="holds data already"):
        await restore_to_folder(tmp_path / "a.db", folder, now_ms=0, told=untold)
    assert (folder / "sigmawatch.db").read_bytes() == before
    (folder / "sigmawatch.db").rename(tmp_path / "away.db")
    (folder / "sigmawatch.db-wal").write_bytes(b"left behind")
    with pytest.raises(Conflict, match=r"sigmawatch\.db-wal"):  # it would be read into the new one
        await restore_to_folder(tmp_path / "a.db", folder, now_ms=0, told=untold)

    (folder / "sigmawatch.db-wal").rename(tmp_path / "away-wal")
    (folder / "sigmawatch.high-water").write_text("of what was moved away")
    with pytest.raises(Conflict, match=r"sigmawatch\.high-water"):  # transactions would be missed
        await restore_to_folder(tmp_path / "a.db", folder, now_ms=0, told=untold)

    server = await PostgresLedger.open(postgres_url, clock=CLOCK)
    await track(server, "SOL")
    with pytest.raises(Conflict, match="holds data already"):
        await restore_to_server(
            tmp_path / "a.db", postgres_url, scratch=tmp_path, clock=CLOCK, told=untold
        )
    assert "SOL" in {series.market.base for series in await server.series()}
    await server.close()


async def test_a_restore_refuses_what_is_no_backup_and_leaves_nothing(tmp_path: Path) -> None:
    async def refused(source: Path) -> None:
        await restore_to_folder(source, tmp_path / "new", now_ms=0, told=untold)

    with pytest.raises(NotFound):
        await refused(tmp_path / "nothing.db")
    (tmp_path / "letter.db").write_bytes(b"a letter to my aunt\n" * 100)
    with pytest.raises(Refused):
        await refused(tmp_path / "letter.db")
    (tmp_path / "empty.db").touch()
    with pytest.raises(Refused):
        await refused(tmp_path / "empty.db")
    with closing(sqlite3.connect(tmp_path / "foreign.db")) as connection:
        connection.execute("CREATE TABLE music (id)")
        connection.commit()
    with pytest.raises(Refused):
        await refused(tmp_path / "foreign.db")
    assert {path.name for path in (tmp_path / "new").iterdir()} == {"sigmawatch.lock"}


async def test_a_backup_of_a_newer_program_is_refused(tmp_path: Path) -> None:
    ledger = await SqliteLedger.open(tmp_path / "data", clock=CLOCK)
    await ledger.backup(str(tmp_path / "a.db"), told=untold)
    await ledger.close()
    with closing(sqlite3.connect(tmp_path / "a.db")) as connection:
        connection.execute(
            "INSERT INTO migrations SELECT max(number) + 1, 'x', 'x', 0 FROM migrations"
        )
        connection.commit()
    with pytest.raises(StorageNewer):
        await restore_to_folder(tmp_path / "a.db", tmp_path / "new", now_ms=0, told=untold)


async def test_a_restored_database_says_when_it_was(database: Database, tmp_path: Path) -> None:
    ledger = await filled(database)
    await ledger.backup(str(tmp_path / "a.db"), told=untold)
    copied = await restore_to_folder(tmp_path / "a.db", tmp_path / "new", now_ms=77, told=untold)
    assert isinstance(copied, Copied)
    with closing(sqlite3.connect(tmp_path / "new" / "sigmawatch.db")) as connection:
        found = connection.execute("SELECT value FROM meta WHERE key = 'restored_ms'").fetchone()
    assert found == (77,)


async def test_what_waited_to_be_sent_is_not_sent_from_a_restored_database(
    database: Database, restored: Restore, tmp_path: Path
) -> None:
    """RELIABILITY.md P33: "restored instance does not re-send old notifications"."""
    ledger = await ready(database)
    await put(ledger, notice(channel="@1"), notice(channel="@2"), notice(channel="@3"))
    first, second, _ = await claim(ledger, "@")
    assert await settle(ledger, first)
    assert await begin(ledger, second)
    await ledger.backup(str(tmp_path / "a.db"), told=untold)
    again = await restored(tmp_path / "a.db")
    found = {one.notice.channel: one for one in await again.alerts.deliveries(open=False)}
    assert found.pop(first.notice.channel).status is NoticeStatus.DELIVERED
    assert {(one.status, one.detail) for one in found.values()} == {
        (NoticeStatus.EXPIRED, "restored")
    }
    assert await claim(again, "@", now_ms=2**60) == []
    assert len(await ledger.alerts.deliveries()) == 2  # the one it was made of goes on
    await again.close()


async def test_whoever_was_logged_in_has_to_log_in_again_at_a_restored_database(
    database: Database, restored: Restore, tmp_path: Path
) -> None:
    """Else who was logged out since the backup would be in again."""
    ledger = await database.open()
    async with ledger.transaction() as transaction:
        ada = await transaction.access.put_user(ADA)
        await transaction.access.put_session(
            Session(hash=b"\x01", user_id=ada.id, address="::1", made_ms=1, used_ms=1)
        )
        await transaction.access.put_key(KEY)
        await transaction.audit.append(Deed(who="ada", what="key.make", about="key 1"))
    target = tmp_path / "backup.db"
    await ledger.backup(str(target), told=untold)
    copy = await restored(target)
    try:
        assert [one.ended_ms for one in await copy.access.sessions()] == [CLOCK.now_ms()]
        assert await copy.access.keys() == [KEY]
        verifier = Verifier()
        assert verifier.feed(await copy.access.audit_after(0, limit=9))
        assert verifier.ended(written=await copy.access.audit_count()).wrong is None
    finally:
        await copy.close()


async def test_both_dialects_have_the_same_migrations_tables_and_columns(
    tmp_path: Path, postgres_url: str
) -> None:
    """A copy is made by the tables of one and filled into the other."""
    assert [(m.number, m.name) for m in load_migrations("sqlite")] == [
        (m.number, m.name) for m in load_migrations("postgres")
    ]
    await (await SqliteLedger.open(tmp_path / "data", clock=CLOCK)).close()
    await (await PostgresLedger.open(postgres_url, clock=CLOCK)).close()
    with closing(sqlite3.connect(tmp_path / "data" / "sigmawatch.db")) as connection:
        ours = set(connection.execute(
            "SELECT t.name, c.name FROM sqlite_schema t, pragma_table_info(t.name) c "
            "WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite%'"
        ))  # fmt: skip
    with psycopg.connect(postgres_url) as server:
        theirs = set(server.execute(
            "SELECT table_name, column_name FROM information_schema.columns "
            "WHERE table_schema = current_schema()"
        ).fetchall())  # fmt: skip
    assert ours == theirs
