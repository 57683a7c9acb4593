"""What every system is given: the same minutes of the same made-up market, in the same order.

Random walks over seven decades of price, quoted with six digits as venues do; one value in a
hundred is missing (never two minutes running, so nobody is stale); in a thousand series two are
twins, so that ranks tie; and in every timed minute a few prices jump to four times what they were,
which is less than a gate against bad ticks holds back. A tape is a function of its seed and count
alone: every process makes its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Column = npt.NDArray[np.float64]

START = 28_000_000  # the first minute, counted from the epoch
DAY = 1_440
HOUR = 60
SEED = 3
STEP = 1e-3  # one minute's move, relative
JUMP = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One size of the comparison. day: minutes of the long window, all of which are loaded first;
    less than 1,440 where a system cannot load a day in time, which its row then says."""

    count: int
    day: int = DAY
    repeats: int = 5

    def __post_init__(self) -> None:
        assert self.count > 0
        assert HOUR < self.day <= DAY
        assert self.repeats > 0

    @property
    def first_timed(self) -> int:
        return START + self.day

    def rows(self) -> Iterator[tuple[int, Column]]:
        """(minute, float64[count], NaN where missing): `day` of history, then the timed ones."""
        yield from tape(self.count, day=self.day, minutes=self.day + self.repeats)


def tape(count: int, *, day: int, minutes: int) -> Iterator[tuple[int, Column]]:
    """`minutes` rows; from the one numbered `day` on, some jump."""
    rng = np.random.default_rng(SEED)
    start = 10.0 ** rng.uniform(-2.0, 5.0, count)
    per_tick = 10.0 ** (5.0 - np.floor(np.log10(start)))
    level = np.log(start)
    turn = np.arange(count) % 3
    for minute in range(minutes):
        level += rng.normal(0.0, STEP, count)
        row = np.rint(np.exp(level) * per_tick) / per_tick
        row[(turn == minute % 3) & (rng.random(count) < 0.03)] = np.nan
        jumping = rng.choice(count, 3 + count // 10_000, replace=False)
        if minute >= day:
            row[jumping] = JUMP * np.exp(level[jumping])
        row[1::1_000] = row[:-1:1_000]
        yield START + minute, row


def log_returns(before: Column | None, row: Column) -> Column:
    """ln(row / before) as SEMANTICS.md 3 has it, NaN where either is missing; float64[count]."""
    if before is None:
        return np.full(len(row), np.nan)
    return np.log1p((row - before) / before)
