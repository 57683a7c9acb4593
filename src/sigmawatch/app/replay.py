"""Replay: recorded data through the real program, as fast as it goes or at a chosen speed.

The clock is virtual and this module moves it; collectors, bus, ledger, tracker and web are the
live ones. Every slot is polled at its boundary plus the offset and closed once its frames are in.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sigmawatch.app.config import BackfillConfig, Config, Track
from sigmawatch.app.history_config import HistoryConfig
from sigmawatch.app.program import Program
from sigmawatch.app.venue_config import VenueConfig
from sigmawatch.domain.venue import RunKind
from sigmawatch.domain.window import Interval
from sigmawatch.ports.clock import Clock

OFFSET_MS = 1_000
TURNS = 20  # of the event loop: after those who woke, and whoever that woke, waits again


class MovedClock(Clock, Protocol):
    """A clock that stands still until it is moved."""

    async def advance_to_ms(self, ts_ms: int, *, turns: int = 1, wakes: bool = True) -> None: ...


async def replay(
    program: Program,
    clock: MovedClock,
    *,
    interval: Interval,
    until_ms: int,
    speed: float | None = None,
) -> AsyncIterator[int]:
    """Run the program slot by slot until `until_ms`; yields every slot once its snapshot is out.

    speed: virtual seconds per real second; None: as fast as it goes.
    """
    await program.stations.list_all()
    slot = interval.slot(clock.now_ms())
    loop = asyncio.get_running_loop()
    started_s, started_ms = loop.time(), clock.now_ms()
    while interval.open_ms(slot + 1) <= until_ms:
        boundary_ms = interval.open_ms(slot + 1)
        # a poll goes before what is heard in the same millisecond, as its own sleep began earlier
        await clock.advance_to_ms(boundary_ms + OFFSET_MS, turns=TURNS, wakes=False)
        for collector in program.stations.collectors:
            await collector.run_once(RunKind.POLL, boundary_ms=boundary_ms)
        await program.tracker.close_slot(interval, slot)
        yield slot
        slot += 1
        if speed is not None:
            due_s = started_s + (boundary_ms - started_ms) / 1_000 / speed
            await asyncio.sleep(max(due_s - loop.time(), 0.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """A program over recorded data, and how to run it slot by slot. notes: what the data lacks."""

    program: Program
    clock: MovedClock
    interval: Interval
    until_ms: int
    notes: Sequence[str] = ()

    async def listen_for_ever(self) -> None:
        """Hear what streams told; to be run beside `slots`."""
        async with asyncio.TaskGroup() as group:
            for collector in self.program.stations.collectors:
                if collector.listener is not None:
                    group.create_task(collector.listener.run_for_ever(), name=collector.name)

    def slots(self, *, speed: float | None = None) -> AsyncIterator[int]:
        """Every slot, once its snapshot is out."""
        return replay(
            self.program, self.clock, interval=self.interval, until_ms=self.until_ms, speed=speed
        )


def replay_config(
    config: Config, folder: Path, *, track: tuple[Track, ...], venues: Mapping[str, VenueConfig]
) -> Config:
    """The configuration of a replay in `folder`: nothing is asked of anybody."""
    return Config(
        data=folder,
        interval=config.interval,
        windows_ms=config.windows_ms,
        reference_currency=config.reference_currency,
        derived=config.derived,
        failover=config.failover,
        failover_after_slots=config.failover_after_slots,
        failover_back_slots=config.failover_back_slots,
        server=config.server,
        history=HistoryConfig(raw_days=36_500),  # recorded days are old by nature
        backfill=BackfillConfig(enabled=False),
        track=track,
        venues=venues,
    )
