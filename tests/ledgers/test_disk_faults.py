"""When the disk fails: nothing acknowledged is missing, nothing goes on while it lasts, and once it
works again everything does (RELIABILITY.md P04)."""

from __future__ import annotations

import asyncio
import random
import shutil
import threading
from pathlib import Path

import apsw
import pytest
from tests.contracts.samples import SLOT, frame, replayed, store, track
from tests.faults.tier import times
from tests.ledgers.disk import Disk, disk

from sigmawatch.adapters.clock import VirtualClock
from sigmawatch.adapters.ledgers.sqlite import SqliteLedger
from sigmawatch.domain.errors import StorageFailed, StorageUnavailable
from sigmawatch.domain.frame import Frame
from sigmawatch.domain.storage import StorageState
from sigmawatch.ports.ledger import Ledger

COMMITS = 6
FRAMES = 30  # 280 KB a commit: the log begins anew within the run
ALL = {frame(SLOT + n).id for n in range(COMMITS * FRAMES)}

pytestmark = pytest.mark.timeout(times(change=300, full=1_800))


async def opened(folder: Path, on: Disk | None = None) -> SqliteLedger:
    return await SqliteLedger.open(folder, clock=VirtualClock(0), vfs=on.name if on else None)


def batch(commit: int) -> list[Frame]:
    return [
        frame(SLOT + commit * FRAMES + i, values=[float(commit)] * 1_024) for i in range(FRAMES)
    ]


async def keep(ledger: Ledger, items: list[Frame]) -> None:
    """As the tracker stores readings: however long it takes."""
    async with ledger.transaction(bulk=True) as transaction:
        await transaction.frames.insert(items)


async def put(ledger: Ledger, item: Frame) -> None:
    """As what is small is stored: now or not at all."""
    async with ledger.transaction() as transaction:
        await transaction.frames.insert([item])


async def write(ledger: Ledger, *, acknowledged: set[str], early: bool = False) -> None:
    """Commit some batches and note what was acknowledged. early: before it is true (the bug)."""
    for commit in range(COMMITS):
        ids = {one.id for one in batch(commit)}
        acknowledged |= ids if early else set()
        await keep(ledger, batch(commit))
        acknowledged |= ids


async def stored_in(folder: Path) -> set[str]:
    ledger = await opened(folder)
    stored = set(await replayed(ledger))
    await ledger.close()
    assert apsw.Connection(str(folder / "sigmawatch.db")).pragma("integrity_check") == "ok"
    return stored


async def lost_at(folder: Path, on: Disk, *, fails_at: int, early: bool = False) -> set[str]:
    """What had been acknowledged and was missing, had the program died when that operation and all
    after it failed. Then the disk works again, and so must everything."""
    on.operations.clear()
    ledger = await opened(folder, on)
    await track(ledger, "BTC")
    on.fails_at = len(on.operations) + fails_at
    acknowledged: set[str] = set()
    left = folder.with_name(f"{folder.name}-left")
    async with asyncio.TaskGroup() as group:
        writing = group.create_task(write(ledger, acknowledged=acknowledged, early=early))
        failed = group.create_task(ledger.storage.changed(ledger.storage.status))
        await asyncio.wait([writing, failed], return_when=asyncio.FIRST_COMPLETED)
        failed.cancel()
        claimed = set(acknowledged)
        if not on.once:  # what a crash would leave now
            shutil.copytree(folder, left)
        on.fails_at = None
    assert acknowledged == ALL, "what waited was stored as soon as it could be"
    await ledger.close()
    assert await stored_in(folder) == ALL
    if on.once:
        return set()
    lost = claimed - await stored_in(left)
    shutil.rmtree(left)
    return lost


async def operations(folder: Path, on: Disk) -> list[str]:
    ledger = await opened(folder, on)
    await track(ledger, "BTC")
    on.operations.clear()
    await write(ledger, acknowledged=set())
    await ledger.close()
    return list(on.operations)


@pytest.mark.slow
async def test_whichever_write_or_sync_fails_nothing_acknowledged_is_missing(
    tmp_path: Path,
) -> None:
    with disk("every-point") as failing:
        done = await operations(tmp_path / "whole", failing)
        syncs = [n for n, what in enumerate(done, start=1) if what != "write"]
        points = sorted({*syncs, *range(1, len(done) + 1, times(change=47, full=3))})
        assert len(syncs) >= 12, "the log began anew at least once"
        for point in points:
            assert not await lost_at(tmp_path / str(point), failing, fails_at=point), point
            shutil.rmtree(tmp_path / str(point))


async def test_the_check_above_notices_an_acknowledgement_that_came_too_early(
    tmp_path: Path,
) -> None:
    with disk("control") as failing:
        done = await operations(tmp_path / "whole", failing)
        points = range(1, len(done) + 1, 101)
        lost = [
            await lost_at(tmp_path / str(point), failing, fails_at=point, early=True)
            for point in points
        ]
        assert sum(map(bool, lost)) >= len(points) // 3


async def test_an_error_that_comes_once_delays_and_changes_nothing(tmp_path: Path) -> None:
    with disk("hiccup") as failing:
        failing.once = True
        done = await operations(tmp_path / "whole", failing)
        for fails_at in range(1, len(done) + 1, times(change=67, full=7)):
            folder = tmp_path / str(fails_at)
            await lost_at(folder, failing, fails_at=fails_at)
            shutil.rmtree(folder)


async def test_while_the_disk_fails_nothing_is_accepted_and_what_is_stored_can_be_read(
    tmp_path: Path,
) -> None:
    with disk("stop") as failing:
        ledger = await opened(tmp_path / "data", failing)
        await track(ledger, "BTC")
        await store(ledger, frame())
        failing.fails_at = len(failing.operations) + 1
        for _ in range(3):
            with pytest.raises(StorageUnavailable, match="IOError"):
                async with asyncio.timeout(60):
                    await put(ledger, frame(SLOT + 1))
        waiting = asyncio.create_task(keep(ledger, [frame(SLOT + 1)]))
        assert ledger.storage.status.state is StorageState.FAILED
        assert await replayed(ledger) == [frame().id]
        assert not waiting.done()
        failing.fails_at = None
        async with asyncio.timeout(60):
            await waiting
        assert str(ledger.storage.status.state) == "ok"
        assert await store(ledger, frame(), frame(SLOT + 2)) == {frame(SLOT + 2).id}
        await ledger.close()


async def test_a_commit_whose_sync_failed_is_waited_for_until_it_is_known_whether_it_stands(
    tmp_path: Path,
) -> None:
    with disk("unsure") as failing:
        ledger = await opened(tmp_path / "data", failing)
        await track(ledger, "BTC")
        seen = ledger.storage.status
        failing.operations.clear()
        async with ledger.transaction() as transaction:
            await transaction.frames.insert([frame()])
            failing.gate = threading.Event()
            group = asyncio.create_task(mended_after_failure(ledger, failing, seen))
        assert await replayed(ledger) == [frame().id], "told as stored, and it is"
        await group
        await ledger.close()


async def mended_after_failure(ledger: SqliteLedger, failing: Disk, seen: object) -> None:
    """Fail at the sync that waits, and from then on; work again once that was noticed."""
    assert await asyncio.to_thread(failing.waiting.wait, 60)
    failing.fails_at = len(failing.operations) + 1
    assert failing.gate is not None
    gate, failing.gate = failing.gate, None
    gate.set()
    status = ledger.storage.status
    while status.state is StorageState.OK:
        status = await ledger.storage.changed(status)
    failing.fails_at = None


async def test_a_file_that_tells_another_story_is_left_alone(tmp_path: Path) -> None:
    """RELIABILITY.md 1.8: "Never delete; fail-stop, re-open, verify"."""
    with disk("another") as failing:
        ledger = await opened(tmp_path / "data", failing)
        await track(ledger, "BTC")
        failing.fails_at = len(failing.operations) + 1
        with pytest.raises(StorageUnavailable):
            await put(ledger, frame())
        other = apsw.Connection(str(tmp_path / "data" / "sigmawatch.db"))
        other.set_busy_timeout(60_000)  # the ledger tries to open it again and again meanwhile
        other.execute("UPDATE meta SET value = value + 5 WHERE key = 'commit_number'")
        other.close()
        failing.fails_at = None
        status = ledger.storage.status
        async with asyncio.timeout(60):
            while not status.doubtful:
                status = await ledger.storage.changed(status)
        assert "commit 6" in status.reason
        with pytest.raises(StorageFailed):
            await put(ledger, frame())
        await ledger.close()


async def test_what_sqlite_calls_corrupt_stops_everything_and_touches_nothing(
    tmp_path: Path,
) -> None:
    ledger = await opened(tmp_path / "data")
    await track(ledger, "BTC")
    await store(ledger, *batch(0))
    await ledger.close()
    database = tmp_path / "data" / "sigmawatch.db"
    noise = random.Random(1).randbytes(8_192)
    with database.open("r+b") as file:  # every page but the first, which names the tables
        for page in range(1, database.stat().st_size // 8_192):
            file.seek(page * 8_192)
            file.write(noise)
    before = database.read_bytes()
    with pytest.raises(StorageFailed, match="CorruptError"):
        await opened(tmp_path / "data")
    assert database.read_bytes() == before


async def test_a_disk_without_room_takes_small_things_and_readings_wait(tmp_path: Path) -> None:
    """RELIABILITY.md 1.7: the reserve is let go, the log copied back first."""
    with disk("full") as filling:
        ledger = await opened(tmp_path / "data", filling)
        reserve = tmp_path / "data" / "sigmawatch.reserve"
        await track(ledger, "BTC")
        assert reserve.stat().st_size == 2_000_000
        filling.full = True
        with pytest.raises(StorageUnavailable, match="no room"):
            await put(ledger, frame())
        assert reserve.stat().st_size == 0
        waiting = asyncio.create_task(keep(ledger, batch(0)))
        assert await replayed(ledger) == []
        filling.full = False
        async with asyncio.timeout(60):
            await waiting
        assert reserve.stat().st_size == 2_000_000
        assert ledger.storage.status.state is StorageState.OK
        await ledger.close()


async def test_a_cancellation_during_the_commit_waits_for_its_outcome(tmp_path: Path) -> None:
    with disk("slow") as slow:
        made = await opened(tmp_path / "data", slow)
        await made.close()  # its log is so long that the next transaction would begin with a sync
        ledger = await opened(tmp_path / "data", slow)
        await track(ledger, "BTC")
        gate = slow.gate = threading.Event()
        task = asyncio.create_task(store(ledger, frame()))
        assert await asyncio.to_thread(slow.waiting.wait, 60)
        task.cancel()
        assert await replayed(ledger) == [], "readers do not wait for the writer"
        task.cancel()
        assert not (await asyncio.wait([task], timeout=0))[0]
        gate.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await replayed(ledger) == [frame().id], "the commit was under way, so it stands"
        assert await store(ledger, frame(SLOT + 1)) == {frame(SLOT + 1).id}
        await ledger.close()
