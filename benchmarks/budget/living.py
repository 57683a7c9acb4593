"""The whole program over a data folder: restart, slots, rules, and reads while a slot closes.

    python -m benchmarks.budget.living FOLDER COUNT        prints one JSON object

`write` makes the folder: COUNT price series and the frames of the day before. The program is built
as `run` builds it, without venues and on a virtual clock; frames come by the bus, as from a
collector, and its own closer closes slots. A slot: publish (gate, one synced transaction, apply),
close (statistics and rankings in the compute thread, until the snapshot is out), ten rules judged
in the compute thread.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.peers.tape import Column, Task
from benchmarks.shared.judging import TEN, Judge
from benchmarks.shared.machine import (
    cpu_s,
    our_threads,
    peak_bytes,
    queued_s,
    resident_bytes,
)
from benchmarks.shared.world import MINUTE, batches, frames, opened, stored

from sigmawatch.adapters.clock import VirtualClock
from sigmawatch.app.config import Config
from sigmawatch.app.long_lived import starting
from sigmawatch.app.program import Program
from sigmawatch.app.wiring import build

SETTLING = 3  # slots before the first that is timed
TIMED = 30
WATCHED = 20  # further slots, closed while somebody reads
CALM_S = 0.5
LOOK_EVERY_S = 0.001


def main(arguments: list[str]) -> None:
    folder, count = Path(arguments[0]), int(arguments[1])
    print(json.dumps(asyncio.run(lived(folder, task_of(count)))))


def task_of(count: int) -> Task:
    return Task(count=count, repeats=SETTLING + TIMED + WATCHED)


async def write(folder: Path, task: Task) -> None:
    """A folder whose newest slot is the last before the task's first timed one."""
    ledger = await opened(folder, task.count)
    for items in batches(islice(task.rows(), task.day)):
        await stored(ledger, items)
    await ledger.close()


async def lived(folder: Path, task: Task) -> dict[str, Any]:
    """What the program took, in the units of the keys."""
    coming = islice(task.rows(), task.day, None)
    first = next(coming)
    clock = VirtualClock(MINUTE.open_ms(task.first_timed) + 1_000)
    worked_s, started = cpu_s(), time.perf_counter()
    async with AsyncExitStack() as stack:
        with starting():
            built = build(Config(data=folder, track=()), clock=clock, venues=[])
            program = await stack.enter_async_context(built)
        restart_s, restart_cpu_s = time.perf_counter() - started, cpu_s() - worked_s
        closer = asyncio.ensure_future(program.tracker.close_for_ever())
        life = Life(program=program, clock=clock, rows=chain([first], coming))
        await life.slots(SETTLING)
        parts = await life.slots(TIMED)
        memory_bytes, peak = resident_bytes(), peak_bytes()
        calm = await Watch(program).during(asyncio.sleep(CALM_S))
        busy = await Watch(program).during(life.slots(WATCHED))
        closer.cancel()
    return {
        "restart_s": restart_s, "restart_cpu_s": restart_cpu_s, "memory_bytes": memory_bytes,
        "peak_bytes": peak, **parts, "calm": calm, "busy": busy,
    }  # fmt: skip


@dataclass(kw_only=True)
class Life:
    """One program, and what venues will say."""

    program: Program
    clock: VirtualClock
    rows: Iterator[tuple[int, Column]]
    judge: Judge = field(default_factory=lambda: Judge(TEN))

    async def slots(self, count: int) -> dict[str, list[float]]:
        """Milliseconds of the next slots, by part."""
        told = [await self._slot(*row) for row in islice(self.rows, count)]
        return {name: [one[name] for one in told] for name in told[0]}

    async def _slot(self, slot: int, values: Column) -> dict[str, float]:
        items = frames(slot, values)
        await self.clock.advance_to_ms(MINUTE.open_ms(slot + 1) + 1_000)
        worked_s, begun = cpu_s(), time.perf_counter()
        await self.program.publish(items)
        durable = time.perf_counter()
        await self._shown(slot)
        closed = time.perf_counter()
        await self.program.tracker.computed(self._judged)
        judged = time.perf_counter()
        return {
            "taken_ms": 1_000 * (durable - begun), "closed_ms": 1_000 * (closed - durable),
            "judged_ms": 1_000 * (judged - closed), "slot_ms": 1_000 * (judged - begun),
            "cpu_ms": 1_000 * (cpu_s() - worked_s),
        }  # fmt: skip

    async def _shown(self, slot: int) -> None:
        snapshot = self.program.snapshot
        while MINUTE.ms not in snapshot.boards or snapshot.boards[MINUTE.ms].slot < slot:
            snapshot = await self.program.changed(snapshot.sequence)

    def _judged(self) -> None:
        board = self.program.snapshot.boards[MINUTE.ms]
        self.judge.verdicts(self.program.tracker._tables.of(MINUTE), board)


@dataclass(slots=True)
class Watch:
    """A reader of the snapshot who comes every millisecond."""

    program: Program
    threads: Sequence[int] = field(default_factory=our_threads)
    waits_ms: list[float] = field(default_factory=list)
    ours_ms: list[float] = field(default_factory=list)

    async def during(self, work: Coroutine[Any, Any, object]) -> dict[str, list[float]]:
        """How late each read was done while `work` ran: waits_ms as it was, ours_ms without the
        time in which other programs had the processor that a thread of ours wanted: whichever
        thread that was, it may have held Python's lock."""
        reading = asyncio.ensure_future(self._read_for_ever())
        await work
        reading.cancel()
        return {"waits_ms": self.waits_ms, "ours_ms": self.ours_ms}

    async def _read_for_ever(self) -> None:
        dice = np.random.default_rng(1)
        while True:
            queued, due = queued_s(self.threads), time.perf_counter() + LOOK_EVERY_S
            await asyncio.sleep(LOOK_EVERY_S)
            self._read(dice)
            late_s = time.perf_counter() - due
            self.waits_ms.append(1_000 * late_s)
            self.ours_ms.append(1_000 * max(late_s - (queued_s(self.threads) - queued), 0.0))

    def _read(self, dice: np.random.Generator) -> None:
        """What a page shows of one series."""
        board = self.program.snapshot.boards[MINUTE.ms]
        row = int(dice.integers(len(board.series)))
        for statistics in board.statistics.values():
            float(statistics.mean[row]), float(statistics.sigma_rel[row])
        board.ranking("price").text(row)


if __name__ == "__main__":
    main(sys.argv[1:])
