"""What the design promises of speed and memory (DESIGN.md), and what this machine makes of it.

    python -m benchmarks budget                             every row, but for the costly ones
    python -m benchmarks budget --history --million         those too
    python -m benchmarks budget --sizes 1000                the slot at one size

Every row is measured in a fresh process. Times are wall time, so waiting for the disk counts, but
for parsing. The slot goes through the real program (benchmarks.budget.living). A whole run writes
benchmarks/results/budget.json; `python -m benchmarks page` makes the table of it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.budget.figures import HEADER, Figure, Unit, timed
from benchmarks.budget.living import task_of, write
from benchmarks.shared.machine import described, free_bytes
from benchmarks.shared.results import Results, size

SIZES = (1_000, 10_000, 100_000)
LARGE, MILLION = 100_000, 1_000_000
MILLION_BYTES = 25e9  # a series takes some 24 kB
CHILD_S = 300.0
S, GB, MB = 1_000.0, 1e9, 1e6


def main(arguments: Sequence[str] = ()) -> None:
    """Print every row as it is known; a whole run is written down."""
    parser = argparse.ArgumentParser("benchmarks budget", description="the design's promises")
    parser.add_argument("--sizes", type=_numbers, default=SIZES, help="series, for the slot")
    parser.add_argument("--million", action="store_true", help="the slot of 1,000,000 series too")
    parser.add_argument("--history", action="store_true", help="10,000 series of 30 sealed days")
    options = parser.parse_args(arguments)
    print(_line(HEADER))
    figures = []
    for figure in measured(options):
        print(_line(figure.cells()), flush=True)
        figures.append(figure.facts())
    if set(options.sizes) == set(SIZES):
        Results("budget").save({"machine": described(), "rows": figures})


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(word) for word in text.split(","))


def _line(cells: Sequence[str]) -> str:
    widths = (58, 10, 10, 10, 10, 10, 14)
    return "".join(
        f"{cell:{'<' if w > 50 else '>'}{w}}" for cell, w in zip(cells, widths, strict=True)
    )


def measured(options: argparse.Namespace) -> Iterator[Figure]:
    """Every figure, the quick ones first; what cannot be measured is said and left out."""
    parts: list[Callable[[], Iterator[Figure]]] = [poll, small_installation, preview]
    parts += [partial(slots, count) for count in options.sizes]
    parts += [kept] if options.history else []
    parts += [a_million] if options.million else []
    for part in parts:
        try:
            yield from part()
        except (RuntimeError, subprocess.TimeoutExpired) as error:
            print(f"not measured: {error}", flush=True)


def poll() -> Iterator[Figure]:
    """The slowest venue's poll."""
    told = child("parsing")
    yield timed("parse a 3,000-market poll", told["parse_ms"], must=5.0, aim=3.0)


def small_installation() -> Iterator[Figure]:
    """A small installation."""
    told = child("small")
    series = f"{told['series_count']:,.0f} series"
    yield Figure(what=f"memory of 200 markets ({series})", value=told["peak_bytes"],
                 unit=Unit.BYTES, must=200 * MB, aim=150 * MB)  # fmt: skip


def preview() -> Iterator[Figure]:
    """A rule over a day of the past."""
    told = child("trying")
    yield Figure(what="rule preview, 1,000 series x 24 h", value=told["preview_ms"],
                 must=2 * S, aim=0.5 * S)  # fmt: skip
    yield Figure(what="· of it, processor", value=told["judged_ms"])


def slots(count: int) -> Iterator[Figure]:
    """The whole program at one size."""
    with tempfile.TemporaryDirectory(prefix="sigmawatch-budget-") as name:
        folder = Path(name) / "data"
        asyncio.run(write(folder, task_of(count)))
        told = child("living", str(folder), str(count))
    large, title = count == LARGE, f"{count:,} series"
    yield timed(f"slot of {title}, ten rules, durable", told["slot_ms"],
                must=100.0 if large else None, aim=40.0 if large else None,
                memory_bytes=told["memory_bytes"])  # fmt: skip
    yield timed("· of it, processor", told["cpu_ms"])
    yield timed("· gate, one synced transaction, apply", told["taken_ms"])
    yield timed("· close: statistics, rankings, snapshot", told["closed_ms"])
    yield timed("· ten rules", told["judged_ms"], must=20.0 if large else None)
    if not large:
        return
    yield from waits(told)
    yield Figure(what=f"restart to ready, {title}, 24 h", value=S * told["restart_s"],
                 must=10 * S, aim=3 * S, memory_bytes=told["peak_bytes"])  # fmt: skip
    yield Figure(what="· of it, processor", value=S * told["restart_cpu_s"])
    yield Figure(what=f"memory of {title}, 24 h", value=told["memory_bytes"],
                 unit=Unit.BYTES, must=3 * GB, aim=2 * GB)  # fmt: skip


def waits(told: dict[str, Any]) -> Iterator[Figure]:
    """How late a read of the snapshot is done while slots close: none later than 5 ms."""
    ours = told["busy"]["ours_ms"]
    yield timed("a read while nothing closes", told["calm"]["waits_ms"])
    yield timed("a read while slots close", told["busy"]["waits_ms"])
    yield Figure(what="· the longest", value=max(told["busy"]["waits_ms"]))
    yield Figure(what="· 99th percentile of what we cause", value=float(np.percentile(ours, 99)))
    yield Figure(what="· the longest of what we cause", value=max(ours), must=5.0)


def kept() -> Iterator[Figure]:
    """What days cost once they are sealed."""
    told = child("keeping")
    yield timed("30 days of one series, 10,000 stored", told["month_ms"], must=10.0, aim=3.0)
    if told["value_bytes"] is not None:
        yield Figure(what="history on disk, a recorded price", value=told["value_bytes"],
                     unit=Unit.BYTES, must=2.0, aim=1.3)  # fmt: skip


def a_million() -> Iterator[Figure]:
    """Where there is memory for it."""
    if free_bytes() < MILLION_BYTES:
        print(f"1,000,000 series: {size(free_bytes())} are free, {size(MILLION_BYTES)} needed")
        return
    told = child("alone", str(MILLION), "8")
    yield timed("slot of 1,000,000 series, ten rules, in memory", told["slot_ms"], aim=1_000.0,
                memory_bytes=told["memory_bytes"])  # fmt: skip
    yield timed("· gate and apply", told["taken_ms"])
    yield timed("· close: statistics, rankings", told["closed_ms"])
    yield timed("· ten rules", told["judged_ms"])


def child(name: str, *arguments: str) -> dict[str, Any]:
    """What a module of this package prints, in a process of its own. Raises RuntimeError with its
    last words, TimeoutExpired."""
    command = [sys.executable, "-m", f"benchmarks.budget.{name}", *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=CHILD_S)
    if ended.returncode:
        raise RuntimeError(f"{name}: {ended.stderr.strip()[-500:]}")
    told: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    return told
