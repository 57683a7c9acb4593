"""What the embedded ledger promises beyond the contract: its files, its log, its plans."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from pathlib import Path

import apsw
import apsw.ext
import pytest
from structlog.testing import capture_logs
from tests.contracts.samples import MINUTE, SLOT, frame, replayed, store, track
from tests.pace import allowed_s

from sigmawatch.adapters.clock import VirtualClock
from sigmawatch.adapters.ledgers.connection import FileSession
from sigmawatch.adapters.ledgers.file_writer import WAL_BYTES_MIN, WAL_TRANSACTIONS
from sigmawatch.adapters.ledgers.session import Session, value
from sigmawatch.adapters.ledgers.sqlite import SqliteLedger
from sigmawatch.adapters.ledgers.statements import load_statements
from sigmawatch.domain.errors import InUse, StorageFailed
from sigmawatch.domain.series import Series


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[SqliteLedger]:
    opened = await SqliteLedger.open(tmp_path / "data", clock=VirtualClock(0))
    yield opened
    await opened.close()


async def test_only_the_owner_may_look_into_the_folder(
    ledger: SqliteLedger, tmp_path: Path
) -> None:
    await track(ledger, "BTC")
    folder = tmp_path / "data"
    async with asyncio.timeout(60):
        while not (folder / "sigmawatch.high-water").exists():
            await ledger.series()
    modes = {path.name: path.stat().st_mode & 0o777 for path in [folder, *folder.iterdir()]}
    assert modes == {
        "data": 0o700,
        "sigmawatch.high-water": 0o600,
        "sigmawatch.db": 0o600,
        "sigmawatch.db-shm": 0o600,
        "sigmawatch.db-wal": 0o600,
        "sigmawatch.lock": 0o600,
        "sigmawatch.reserve": 0o600,
    }


async def test_a_second_instance_is_refused_and_a_closed_one_makes_room(
    ledger: SqliteLedger, tmp_path: Path
) -> None:
    folder, clock = tmp_path / "data", VirtualClock(0)
    async with asyncio.timeout(allowed_s(1.0)):
        with pytest.raises(InUse):
            await SqliteLedger.open(folder, clock=clock)
    assert await track(ledger, "BTC") == [1], "the first one goes on"
    await ledger.close()
    again = await SqliteLedger.open(folder, clock=clock)
    assert len(await again.series()) == 1
    await again.close()


async def test_every_commit_is_synced_and_the_file_checks_itself(ledger: SqliteLedger) -> None:
    def settings(session: Session) -> list[object]:
        names = ("journal_mode", "synchronous", "foreign_keys", "mmap_size", "wal_autocheckpoint")
        return [value(session.execute(f"PRAGMA {name}")) for name in names]

    assert await ledger._writer.run(settings) == ["wal", 2, 1, 0, 0]


async def test_the_log_stays_under_its_cap_under_load(ledger: SqliteLedger, tmp_path: Path) -> None:
    """Slots of very different sizes, read all the while."""
    await track(ledger, "BTC")
    [series] = await ledger.series()
    log, largest, sizes = tmp_path / "data" / "sigmawatch.db-wal", 0, list[int]()
    dice = random.Random(1)
    async with asyncio.TaskGroup() as group:
        readers = [group.create_task(_read_for_ever(ledger, series)) for _ in range(3)]
        for commit in range(120):
            count = dice.choice([1, 4, 40])
            largest = max(largest, count * 2 * 8_300)
            slots = range(SLOT + commit * 100, SLOT + commit * 100 + count)
            await store(ledger, *(frame(slot, values=[1.0] * 1_024) for slot in slots))
            sizes.append(log.stat().st_size)
        for reader in readers:
            reader.cancel()
    assert max(sizes) <= max(WAL_BYTES_MIN, WAL_TRANSACTIONS * largest)


async def _read_for_ever(ledger: SqliteLedger, series: Series) -> None:
    while True:
        await ledger.stretch(series, from_slot=SLOT, to_slot=SLOT + 1_000)
        await replayed(ledger, from_ms=MINUTE.open_ms(SLOT))


async def test_the_log_is_gone_when_the_ledger_has_closed(
    ledger: SqliteLedger, tmp_path: Path
) -> None:
    await track(ledger, "BTC")
    await store(ledger, *(frame(SLOT + i, values=[1.0] * 1_024) for i in range(40)))
    async with asyncio.timeout(allowed_s(1.0)):
        await ledger.close()
    assert {path.name for path in (tmp_path / "data").iterdir()} == {
        "sigmawatch.db",
        "sigmawatch.high-water",
        "sigmawatch.lock",
        "sigmawatch.reserve",
    }


async def test_another_program_that_holds_the_file_is_waited_out(
    ledger: SqliteLedger, tmp_path: Path
) -> None:
    await track(ledger, "BTC")
    other = apsw.Connection(str(tmp_path / "data" / "sigmawatch.db"))
    other.set_busy_timeout(10_000)  # the log of a new database is copied back just then
    other.execute("BEGIN IMMEDIATE")
    task = asyncio.create_task(store(ledger, frame()))
    for _ in range(20):
        assert await replayed(ledger) == []
    assert not task.done()
    other.execute("ROLLBACK")
    other.close()
    assert await task == {frame().id}


async def test_who_waits_for_another_program_can_be_cancelled(
    ledger: SqliteLedger, tmp_path: Path
) -> None:
    await track(ledger, "BTC")
    other = apsw.Connection(str(tmp_path / "data" / "sigmawatch.db"))
    other.set_busy_timeout(10_000)  # the log of a new database is copied back just then
    other.execute("BEGIN IMMEDIATE")
    async with asyncio.timeout(60):
        task = asyncio.create_task(store(ledger, frame()))
        for _ in range(20):
            assert await replayed(ledger) == []
        task.cancel()
        await asyncio.wait([task])
    assert task.cancelled()
    other.close()
    assert await store(ledger, frame()) == {frame().id}, "that was no failure of the disk"


async def test_a_reader_that_stays_holds_no_commit_up_and_the_log_recovers(
    ledger: SqliteLedger, tmp_path: Path
) -> None:
    await track(ledger, "BTC")
    other = apsw.Connection(str(tmp_path / "data" / "sigmawatch.db"))
    other.execute("BEGIN")
    other.execute("SELECT count(*) FROM frames").fetchall()
    full = [1.0] * 1_024
    for i in range(4):
        await store(ledger, *(frame(SLOT + 40 * i + n, values=full) for n in range(40)))
    other.close()
    for i in range(4, 8):
        await store(ledger, *(frame(SLOT + 40 * i + n, values=full) for n in range(40)))
    size = (tmp_path / "data" / "sigmawatch.db-wal").stat().st_size
    assert size <= WAL_TRANSACTIONS * 40 * 2 * 8_300
    assert len(await replayed(ledger)) == 320


async def test_a_frame_of_an_unknown_block_is_no_frame(ledger: SqliteLedger) -> None:
    with pytest.raises(StorageFailed, match="FOREIGN KEY"):
        await store(ledger, frame(block_id=7))
    assert await replayed(ledger) == []


async def test_a_row_that_is_not_what_its_name_says_is_damaged_and_logged_once(
    ledger: SqliteLedger, tmp_path: Path
) -> None:
    await track(ledger, "BTC")
    await store(ledger, frame(SLOT), frame(SLOT + 1))
    other = apsw.Connection(str(tmp_path / "data" / "sigmawatch.db"))
    other.execute("UPDATE frames SET slot = slot + 7 WHERE slot = ?", (SLOT + 1,))
    other.close()
    with capture_logs() as logs:
        for _ in range(3):
            assert await replayed(ledger) == [frame(SLOT).id]
    assert [event["event"] for event in logs] == ["stored_item_damaged"]
    assert str(SLOT + 8) in logs[0]["reason"]
    assert ledger.damaged_count == 1


# Some hundred blocks at most, and the ids that were asked for.
_SMALL = {"SCAN b", "SCAN blocks", "SCAN CONSTANT ROW", "SCAN json_each VIRTUAL TABLE INDEX 1:"}


@pytest.mark.parametrize(
    "name",
    [
        "delete_columns", "delete_rollup", "delete_rollups", "delete_runs", "find_series",
        "find_market", "insert_frame", "insert_patch", "newest_block", "select_block_patches",
        "select_columns", "select_frame_ids", "select_frames_by_id", "select_links",
        "select_old_sections", "select_oldest_slot", "select_patches_by_id", "select_places",
        "select_receipts", "select_rollups", "select_runs", "select_runs_of_venue",
        "select_sections", "select_through", "select_tip_hash",
    ],
)  # fmt: skip
async def test_no_statement_that_runs_often_reads_or_sorts_a_whole_table(
    ledger: SqliteLedger, name: str
) -> None:
    statement = load_statements("sqlite")[name]

    def plan(session: Session) -> list[str]:
        assert isinstance(session, FileSession)
        connection = session.connection
        names = apsw.ext.query_info(connection, statement).bindings_names
        nothing = {name: None for name in names if name is not None}
        rows = connection.execute(f"EXPLAIN QUERY PLAN {statement}", nothing)
        return [row[3] for row in rows]

    for step in await ledger._readers.run(plan):
        assert "TEMP B-TREE" not in step
        assert not step.startswith("SCAN") or step in _SMALL, step


async def test_a_new_database_holds_nothing_and_nothing_damaged(ledger: SqliteLedger) -> None:
    assert await replayed(ledger) == []
    assert ledger.damaged_count == 0
