"""How long a slot takes to close, and what a series costs in memory.

    python -m benchmarks engine               1,000, 10,000 and 100,000 series of one-minute slots

A close is everything a board holds: three deviations, mean, extremes and change over 24 h and 1 h,
freshness, surge, and three rankings. `take` is the gate and the table for all frames of the slot,
`rebuild` a new table from 24 h of frames (restart, without reading them from disk). Ids are dealt
to blocks in turn, as they come when markets are tracked with several metrics. The last lines show
10,000 series with one window of each length: the cost does not depend on it. Must: 100,000 series
in 100 ms with ten rules and the commit, 3 GB, restart in 10 s; aim 40 ms, 2 GB, 3 s (DESIGN.md).

Times are the processor time of the one thread that works, so they mean something on a machine with
other work as well; what others leave of its caches and memory bandwidth still shows.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sigmawatch.domain.frame import Frame, Reason
from sigmawatch.domain.market import Market
from sigmawatch.domain.series import BLOCK_SERIES_MAX, Block, Series
from sigmawatch.domain.window import DAY_MS, HOUR_MS, Interval
from sigmawatch.engine.table import SeriesTable

MINUTE = Interval(60_000)
START = 28_000_000
DAY_SLOTS = MINUTE.slots_per_day + 3
RESTORED = 40  # slots at once, as the tracker does
CLOSES = 90  # three turns of the spans
SHAPES = 16  # different slots; then they repeat


def main() -> None:
    names = ("series", "close", "p95", "worst", "take", "rebuild", "memory", "a series")
    print("".join(f"{name:>11}" for name in names))
    for count in (1_000, 10_000, 100_000):
        before = resident_bytes()
        source = Source(count)
        table, rebuild_s = rebuilt(source)
        closes, takes = lived(table, source)
        used = resident_bytes() - before
        p95, worst = np.percentile(closes, 95), max(closes)
        shown = [f"{each:.1f} ms" for each in (np.median(closes), p95, worst, np.median(takes))]
        shown += [f"{rebuild_s:.2f} s", f"{used / 1e6:.0f} MB", f"{used / count / 1e3:.1f} kB"]
        print(f"{count:>11,}" + "".join(f"{one:>11}" for one in shown), flush=True)
        del table
    source = Source(10_000)
    for hours in (1, 6, 24):
        table, _ = rebuilt(source, windows_ms=(hours * HOUR_MS,))
        closes, _ = lived(table, source)
        print(f"{hours:>8} h{np.median(closes):>9.1f} ms", flush=True)


class Source:
    """Frames of random walks, one in a hundred places missing."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.blocks = -(-count // BLOCK_SERIES_MAX)
        rng = np.random.default_rng(1)
        places = self.blocks * BLOCK_SERIES_MAX  # every series its own walk: no two tie
        values = 100.0 * np.exp(rng.normal(0, 1e-3, (SHAPES, places)).cumsum(axis=0))
        values[rng.random(values.shape) < 0.01] = np.nan
        marks = np.where(np.isnan(values), np.uint8(Reason.OUTAGE), np.uint8(Reason.OBSERVED))
        self._values = [_cut(row.astype("<f8").tobytes(), self.blocks) for row in values]
        self._marks = [_cut(row.tobytes(), self.blocks) for row in marks]

    def table(self, windows_ms: Sequence[int]) -> SeriesTable:
        table = SeriesTable(MINUTE, windows_ms=windows_ms)
        for number in range(self.blocks):
            table.add_block(Block(id=number + 1, venue="KRAKEN", metric="price", interval=MINUTE))
        table.add_all([self._series(number) for number in range(self.count)])
        return table

    def _series(self, number: int) -> Series:
        place, block = divmod(number, self.blocks)
        name = f"C{number}"
        market = Market(venue="KRAKEN", base=name, quote="USD", native=name)
        return Series(id=number + 1, market=market, metric="price", interval=MINUTE,
                      block_id=block + 1, place=place)  # fmt: skip

    def frames(self, slot: int) -> list[Frame]:
        """One frame for each block."""
        recv_ms, shape = MINUTE.open_ms(slot + 1) + 500, slot % SHAPES
        return [
            Frame(block_id=block + 1, slot=slot, revision=60_500, recv_ms=recv_ms,
                  values=self._values[shape][block], marks=self._marks[shape][block])
            for block in range(self.blocks)
        ]  # fmt: skip


def _cut(data: bytes, count: int) -> list[bytes]:
    size = len(data) // count
    return [data[at : at + size] for at in range(0, len(data), size)]


def rebuilt(
    source: Source, *, windows_ms: Sequence[int] = (DAY_MS, HOUR_MS)
) -> tuple[SeriesTable, float]:
    """A table with a day in it, and the seconds from its first frame to its first board."""
    table = source.table(windows_ms)
    start = time.thread_time()
    for first in range(START, START + DAY_SLOTS, RESTORED):
        slots = range(first, min(first + RESTORED, START + DAY_SLOTS))
        table.restore([frame for slot in slots for frame in source.frames(slot)])
    table.close(START + DAY_SLOTS - 1)
    return table, time.thread_time() - start


def lived(table: SeriesTable, source: Source) -> tuple[list[float], list[float]]:
    """Milliseconds of each close, and of each slot's gate and table."""
    closes, takes = [], []
    for slot in range(START + DAY_SLOTS, START + DAY_SLOTS + CLOSES):
        frames = source.frames(slot)
        start = time.thread_time()
        for frame in frames:
            for item in table.gate(frame):
                table.apply(item)
        taken = time.thread_time()
        table.close(slot)
        closes.append(1_000.0 * (time.thread_time() - taken))
        takes.append(1_000.0 * (taken - start))
    return closes, takes


def resident_bytes() -> int:
    """Memory of this process as the kernel counts it; 0 where it does not say."""
    statm = Path("/proc/self/statm")
    pages = int(statm.read_text("ascii").split()[1]) if statm.exists() else 0
    return pages * os.sysconf("SC_PAGE_SIZE") if pages else 0


if __name__ == "__main__":
    main()
