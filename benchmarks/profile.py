"""Where the time of a slot goes: the real table, rules and ledger, looked at twice a millisecond.

    python -m benchmarks profile                            100,000 series
    python -m benchmarks profile --series 10000 --slots 60

A timer interrupts the one thread that works and notes which function of ours it is in, so the
arithmetic in NumPy counts for whoever asked for it. Slots are as in benchmarks.budget.alone, and
committed. A run over 100,000 series writes benchmarks/results/profile.json.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from types import FrameType
from typing import Any

from benchmarks.budget.alone import loaded
from benchmarks.peers.tape import Task
from benchmarks.shared.judging import TEN, Judge
from benchmarks.shared.machine import described
from benchmarks.shared.results import Results, duration
from benchmarks.shared.world import frames, opened, stored

from sigmawatch.engine.table import SeriesTable

EVERY_S = 0.0005
SHOWN = 0.01  # of the whole; what is less is told together
REST = "the rest"
STAGES = ("gate", "commit", "apply", "close", "rules")
Place = tuple[str, str]  # stage, function


def main(arguments: Sequence[str] = ()) -> None:
    parser = argparse.ArgumentParser("benchmarks profile", description="where a slot's time goes")
    parser.add_argument("--series", type=int, default=100_000)
    parser.add_argument("--slots", type=int, default=60)
    options = parser.parse_args(arguments)
    rows = profiled(options.series, options.slots)
    for row in rows:
        print(f"{row['stage']:8}{row['function']:44}{duration(row['ms']):>10}{row['share']:>7.1%}")
    if options.series == 100_000:
        Results("profile").save({"machine": described(), "rows": rows})


def profiled(count: int, slots: int) -> list[dict[str, Any]]:
    """Each function's milliseconds a slot and share, stage by stage."""
    task = Task(count=count, repeats=slots + 1)
    rows = task.rows()
    table = loaded(count, islice(rows, task.day))
    sampler = Sampler()
    with tempfile.TemporaryDirectory(prefix="sigmawatch-profile-") as folder:
        asyncio.run(_live(table, rows, sampler=sampler, folder=Path(folder)))
    return sampler.told(slots)


async def _live(table: SeriesTable, rows: Any, *, sampler: Sampler, folder: Path) -> None:
    """Every slot of `rows`; all but the first are counted."""
    ledger = await opened(folder, table.layout.ids.size)
    judge = Judge(TEN)
    for index, (slot, values) in enumerate(rows):
        items = frames(slot, values)
        with sampler.looking(to_count=index > 0):
            sampler.stage = "gate"
            gated = [item for frame in items for item in table.gate(frame)]
            sampler.stage = "commit"
            await stored(ledger, gated)
            sampler.stage = "apply"
            for item in gated:
                table.apply(item)
            sampler.stage = "close"
            board = table.close(slot)
            sampler.stage = "rules"
            judge.verdicts(table, board)
    await ledger.close()


class Sampler:
    """Interrupts this thread, and counts where it was."""

    def __init__(self) -> None:
        self.stage = ""
        self._seen: Counter[Place] = Counter()
        self._looked_s = 0.0

    @contextmanager
    def looking(self, *, to_count: bool) -> Iterator[None]:
        before = signal.signal(signal.SIGALRM, self._look if to_count else lambda *_: None)
        started = time.perf_counter()
        signal.setitimer(signal.ITIMER_REAL, EVERY_S, EVERY_S)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0.0)
            signal.signal(signal.SIGALRM, before)
        self._looked_s += (time.perf_counter() - started) * to_count

    def _look(self, _: int, frame: FrameType | None) -> None:
        while frame is not None and not str(frame.f_globals["__name__"]).startswith("sigmawatch."):
            frame = frame.f_back
        nobody = "waiting for the disk" if self.stage == "commit" else "the benchmark itself"
        self._seen[self.stage, nobody if frame is None else _named(frame)] += 1

    def told(self, slots: int) -> list[dict[str, Any]]:
        """Stage by stage; what takes little together, and last."""
        total = self._seen.total()
        small: Counter[Place] = Counter()
        for place, count in self._seen.items():
            stage, name = place
            small[stage, name if count >= SHOWN * total else REST] += count
        ms = 1_000.0 * self._looked_s / slots
        ordered = sorted(small.items(), key=_rank)
        return [
            {"stage": stage, "function": name, "ms": round(ms * count / total, 3),
             "share": round(count / total, 4)}
            for (stage, name), count in ordered
        ]  # fmt: skip


def _rank(item: tuple[Place, int]) -> tuple[int, bool, int]:
    (stage, name), count = item
    return STAGES.index(stage), name == REST, -count


def _named(frame: FrameType) -> str:
    module = str(frame.f_globals["__name__"]).removeprefix("sigmawatch.")
    return f"{module}: {frame.f_code.co_qualname}"


if __name__ == "__main__":
    main()
