"""When the disk fails: nothing acknowledged is missing, nothing goes on (RELIABILITY.md P04)."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import apsw
import pytest
from tests.contracts.samples import SLOT, frame, replayed, store, track
from tests.ledgers.disk import Disk, disk

from sigmawatch.adapters.clock import VirtualClock
from sigmawatch.adapters.ledgers.sqlite import SqliteLedger
from sigmawatch.domain.errors import StorageFailed
from sigmawatch.domain.frame import Frame

COMMITS = 6
FRAMES = 30  # 280 KB a commit: the log begins anew within the run


async def opened(folder: Path, on: Disk | None = None) -> SqliteLedger:
    return await SqliteLedger.open(folder, clock=VirtualClock(0), vfs=on.name if on else None)


def batch(commit: int) -> list[Frame]:
    return [
        frame(SLOT + commit * FRAMES + i, values=[float(commit)] * 1_024) for i in range(FRAMES)
    ]


async def write(folder: Path, on: Disk, *, acknowledged: list[str], early: bool = False) -> None:
    """Commit some batches and note what was acknowledged. early: before it is true (the bug)."""
    ledger = await opened(folder, on)
    try:
        await track(ledger, "BTC")
        for commit in range(COMMITS):
            ids = [one.id for one in batch(commit)]
            acknowledged += ids if early else []
            await store(ledger, *batch(commit))
            acknowledged += [] if early else ids
    finally:
        await ledger.close()


async def lost_at(folder: Path, on: Disk, *, fails_at: int, early: bool = False) -> set[str]:
    """What was acknowledged and is missing after the given operation failed once."""
    on.operations.clear()
    on.fails_at = fails_at
    acknowledged: list[str] = []
    try:
        await write(folder, on, acknowledged=acknowledged, early=early)
    except StorageFailed:
        pass
    else:
        assert fails_at > len(on.operations) or len(acknowledged) == COMMITS * FRAMES
    on.fails_at = None
    ledger = await opened(folder)
    stored = set(await replayed(ledger))
    await ledger.close()
    assert apsw.Connection(str(folder / "sigmawatch.db")).pragma("integrity_check") == "ok"
    return set(acknowledged) - stored


async def operations(folder: Path, on: Disk) -> list[str]:
    await write(folder, on, acknowledged=[])
    return list(on.operations)


@pytest.mark.slow
async def test_whichever_write_or_sync_fails_nothing_acknowledged_is_missing(
    tmp_path: Path,
) -> None:
    with disk("every-point") as failing:
        done = await operations(tmp_path / "whole", failing)
        syncs = [n for n, what in enumerate(done, start=1) if what != "write"]
        points = sorted({*syncs, *range(1, len(done) + 1, 11)})
        assert len(syncs) >= 12, "the log began anew at least once"
        for point in points:
            assert not await lost_at(tmp_path / str(point), failing, fails_at=point), point


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


async def test_after_the_first_failure_nothing_is_accepted_and_what_is_stored_can_be_read(
    tmp_path: Path,
) -> None:
    with disk("stop") as failing:
        ledger = await opened(tmp_path / "data", failing)
        await track(ledger, "BTC")
        await store(ledger, frame())
        failing.fails_at = len(failing.operations) + 1
        with pytest.raises(StorageFailed, match="IOError"):
            await store(ledger, frame(SLOT + 1))
        for _ in range(2):  # the disk works again; we do not know what it lost meanwhile
            with pytest.raises(StorageFailed, match="earlier"):
                await store(ledger, frame(SLOT + 1))
        assert await replayed(ledger) == [frame().id]
        await ledger.close()
    ledger = await opened(tmp_path / "data")
    assert await store(ledger, frame(), frame(SLOT + 1)) == {frame(SLOT + 1).id}
    await ledger.close()


async def test_a_cancellation_during_the_commit_waits_for_its_outcome(tmp_path: Path) -> None:
    with disk("slow") as slow:
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
