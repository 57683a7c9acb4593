"""One system and one task in a process of its own: loads, is timed, and tells as it goes.

    python -m benchmarks.peers.child NAME COUNT DAY REPEATS SECONDS FOLDER ANSWERS

One JSON object a line: {"loaded_s"}, then {"slot_ms", "cpu_ms"} each, then what it took. Every
slot's answer lies in the folder ANSWERS. The first slot is not timed: every system has its
first-time work, and nobody waits for it twice. Once SECONDS are over, and two slots timed, no
further one is begun.
"""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path

from benchmarks.peers.registry import SYSTEMS
from benchmarks.peers.system import System
from benchmarks.peers.tape import Column, Task
from benchmarks.shared.machine import cpu_s, peak_bytes


def main(arguments: list[str]) -> None:
    name, count, day, repeats, seconds, folder, answers = arguments
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("told to end"))
    task = Task(count=int(count), day=int(day), repeats=int(repeats) + 1)
    with closing(SYSTEMS[name](Path(folder), task)) as system:
        run(system, task, answers=Path(answers), until_s=time.monotonic() + float(seconds))


def run(system: System, task: Task, *, answers: Path, until_s: float) -> None:
    """Load, then every slot of the task. until_s: on the monotonic clock."""
    rows = task.rows()
    history = Stopwatch(islice(rows, task.day))
    started = time.perf_counter()
    system.load(history)
    tell(loaded_s=time.perf_counter() - started - history.waited_s)
    sampled = None
    for index, (slot, values) in enumerate(rows):
        pids = system.server_pids()
        worked_s, started = cpu_s(pids), time.perf_counter()
        found = system.slot(slot, values)
        slot_ms = 1_000 * (time.perf_counter() - started)
        if index:
            tell(slot_ms=slot_ms, cpu_ms=1_000 * (cpu_s(pids) - worked_s))
        found.save(answers / f"{slot}.npz")
        sampled = found.sampled
        if index > 1 and time.monotonic() > until_s:
            break
    tell(
        version=system.version(),
        memory_bytes=peak_bytes(system.server_pids()),
        stored_bytes=system.stored_bytes(),
        sampled=sampled,
    )


def tell(**facts: object) -> None:
    print(json.dumps(facts), flush=True)


class Stopwatch:
    """Rows, and how long whoever asked waited for them: the tape's time is not the system's."""

    def __init__(self, rows: Iterable[tuple[int, Column]]) -> None:
        self._rows = iter(rows)
        self.waited_s = 0.0

    def __iter__(self) -> Iterator[tuple[int, Column]]:
        return self

    def __next__(self) -> tuple[int, Column]:
        started = time.perf_counter()
        try:
            return next(self._rows)
        finally:
            self.waited_s += time.perf_counter() - started


if __name__ == "__main__":
    main(sys.argv[1:])
