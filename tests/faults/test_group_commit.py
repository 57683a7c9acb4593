"""Readings that stream in on a slow disk: durable in a quarter of a second (RELIABILITY.md P13).

The real tracker, bus and database in this process; every sync takes SYNC_S longer, as a home disk
does. What a publisher measures is how many syncs passed until `publish` returned, when it is on
disk, whatever else the machine does; in the full tier, on a machine of its own, also the time.
"""

from __future__ import annotations

import asyncio
import math
import random
import struct
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles

import pytest
from tests.app.doubles import market
from tests.faults.tier import Finding, tell, times
from tests.ledgers.disk import Disk

from sigmawatch.adapters.buses.local import Limits, LocalBus
from sigmawatch.adapters.clock import RealClock
from sigmawatch.adapters.ledgers.sqlite import SqliteLedger
from sigmawatch.app.catalogue import Catalogue
from sigmawatch.app.collector import PARTITION
from sigmawatch.app.tables import Tables
from sigmawatch.app.tracker import Tracker
from sigmawatch.domain.errors import Unavailable
from sigmawatch.domain.frame import Frame, Reason
from sigmawatch.domain.window import MINUTE_MS, Interval

SYNC_S = 0.010
VENUES, SERIES = 5, 100  # of each
READINGS_A_SECOND, READINGS_A_PUBLISH = 2_000, 4
DURABLE_WITHIN_MS = times(change=10_000, full=250)
SYNCS_WAITED_MAX = 6  # the commit under way, its copying back, and the next
SECONDS = times(change=4, full=60)
RUNS_MAX = 4
MINUTE = Interval(MINUTE_MS)

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]


class SlowDisk(Disk):
    """Every sync takes SYNC_S longer."""

    syncs_count = 0

    def touch(self, operation: str) -> None:
        if operation == "sync":
            time.sleep(SYNC_S)
            self.syncs_count += 1


@dataclass(kw_only=True)
class Streams:
    """500 series at five venues, and how long each publish took to be durable."""

    bus: LocalBus
    disk: SlowDisk
    clock: RealClock = field(default_factory=RealClock)
    took_ms: list[float] = field(default_factory=list)
    syncs: list[int] = field(default_factory=list)
    refused_count: int = 0

    async def run(self, *, seconds: float, seed: int) -> None:
        """Small publishes, one after the other in each stream's time but not waiting for each
        other, at READINGS_A_SECOND in all."""
        async with asyncio.TaskGroup() as group:
            for block_id in range(1, VENUES + 1):
                group.create_task(self._stream(block_id, seconds=seconds, seed=seed))

    async def _stream(self, block_id: int, *, seconds: float, seed: int) -> None:
        dice = random.Random(seed + block_id)
        every_s = READINGS_A_PUBLISH * VENUES / READINGS_A_SECOND
        due_s, end_s = time.monotonic(), time.monotonic() + seconds
        recv_ms = 0
        async with asyncio.TaskGroup() as group:
            while due_s < end_s:
                await asyncio.sleep(max(0.0, due_s - time.monotonic()))
                recv_ms = max(recv_ms + 1, self.clock.now_ms())
                group.create_task(self._publish(_frame(block_id, recv_ms=recv_ms, dice=dice)))
                due_s += every_s

    async def _publish(self, frame: Frame) -> None:
        began_s, before = time.monotonic(), self.disk.syncs_count
        try:
            await self.bus.publish(PARTITION, [frame])
        except Unavailable:
            self.refused_count += 1
        else:
            self.took_ms.append(1_000 * (time.monotonic() - began_s))
            self.syncs.append(self.disk.syncs_count - before)

    @property
    def p99_syncs(self) -> float:
        """Of what was stored; infinite where anything was refused."""
        return math.inf if self.refused_count else quantiles(self.syncs, n=100)[-1]


def _frame(block_id: int, *, recv_ms: int, dice: random.Random) -> Frame:
    """A few readings of one block in the running slot."""
    values, marks = [math.nan] * SERIES, [int(Reason.NO_PLACE)] * SERIES
    for place in dice.sample(range(SERIES), READINGS_A_PUBLISH):
        values[place], marks[place] = dice.uniform(99.0, 101.0), int(Reason.OBSERVED)
    slot = MINUTE.slot(recv_ms)
    return Frame(
        block_id=block_id, slot=slot, revision=recv_ms - MINUTE.open_ms(slot), recv_ms=recv_ms,
        values=struct.pack(f"<{SERIES}d", *values), marks=bytes(marks), open=True,
    )  # fmt: skip


@asynccontextmanager
async def streaming(folder: Path, *, limits: Limits) -> AsyncIterator[Streams]:
    """A tracker over a slow disk."""
    disk = SlowDisk(f"slow-{limits.batch_max}")
    ledger = await SqliteLedger.open(folder, clock=RealClock(), vfs=disk.name)
    bus, catalogue = LocalBus(limits=limits), Catalogue()
    tracker = Tracker(ledger=ledger, bus=bus, clock=RealClock(), catalogue=catalogue,
                      tables=Tables(catalogue))  # fmt: skip
    try:
        async with ledger.transaction() as transaction:
            for venue in range(VENUES):
                for place in range(SERIES):
                    one = market(f"M{place}", venue=f"V{venue}")
                    await transaction.catalogue.add(one, "price", interval=MINUTE, origin="api")
        blocks, series = await ledger.blocks(), await ledger.series()
        catalogue.put(blocks=blocks, series=series)
        await tracker.enroll(blocks=blocks, series=series)
        await tracker.recover()
        async with asyncio.TaskGroup() as group:
            loops = (tracker.consume_for_ever, tracker.close_for_ever, tracker.refresh_for_ever)
            tasks = [group.create_task(loop()) for loop in loops]
            yield Streams(bus=bus, disk=disk)
            for task in tasks:
                task.cancel()
    finally:
        tracker.close()
        await ledger.close()
        disk.unregister()


async def measured(folder: Path, *, seed: int) -> dict[str, float]:
    """One run's figures."""
    async with streaming(folder, limits=Limits()) as streams:
        syncs_count = -streams.disk.syncs_count
        spent_s = -time.process_time()
        await streams.run(seconds=SECONDS, seed=seed)
        spent_s += time.process_time()
        syncs_count += streams.disk.syncs_count
    return {
        "readings": READINGS_A_PUBLISH * len(streams.took_ms), "seconds": SECONDS,
        "sync_ms": 1_000 * SYNC_S, "syncs": syncs_count, "process_s": round(spent_s, 2),
        "syncs_waited_p99": round(streams.p99_syncs, 1),
        "durable_p50_ms": round(median(streams.took_ms), 1),
        "durable_p99_ms": round(quantiles(streams.took_ms, n=100)[-1], 1),
    }  # fmt: skip


async def test_streams_are_durable_within_a_quarter_of_a_second_on_a_slow_disk(
    tmp_path: Path,
) -> None:
    """The best of a few runs: what other programs take of a busy machine is not ours."""
    seed = random.randrange(2**32)
    runs = [await measured(tmp_path / "0", seed=seed)]
    while runs[-1]["durable_p99_ms"] > DURABLE_WITHIN_MS and len(runs) < RUNS_MAX:
        runs.append(await measured(tmp_path / str(len(runs)), seed=seed))
    figures = runs[-1]
    assert max(run["syncs_waited_p99"] for run in runs) <= SYNCS_WAITED_MAX, f"seed {seed}: {runs}"
    assert figures["durable_p99_ms"] <= DURABLE_WITHIN_MS, f"seed {seed}: {runs}"
    assert figures["readings"] >= 0.9 * SECONDS * READINGS_A_SECOND
    tell(Finding(promise="P13", fault="10 ms a sync, 2,000 readings/s", figures=figures))


async def test_the_check_above_notices_a_commit_for_each_sample(tmp_path: Path) -> None:
    async with streaming(tmp_path, limits=Limits(batch_max=1)) as streams:
        await streams.run(seconds=2, seed=7)
    assert streams.p99_syncs > SYNCS_WAITED_MAX
    tell(Finding(
        promise="P13", fault="one commit a publish", control=True,
        figures={"publishes": len(streams.took_ms), "refused": streams.refused_count,
                 "syncs_waited_p99": round(streams.p99_syncs, 1)},
    ))  # fmt: skip
