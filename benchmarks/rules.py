"""How long rules take to be judged at a slot, and a rule's line to be read.

    python -m benchmarks rules            10 rules over 1,000, 10,000 and 100,000 series

The ten rules compare value, mean, σ, change and rank, as in the budget of DESIGN.md; their inputs
(values, moments of windows, ranks) are arrays at hand, as a table's boards hold them. `judge` is
all ten at once, `in parts` the same over 16,384 series at a time, `nested` one rule over a window
of an expression, `read` one line parsed, checked and printed. Must: 100,000 series in 20 ms.

Times are the processor time of the one thread that works (see benchmarks.engine).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from sigmawatch.domain.expression import Among, Condition, RankKey
from sigmawatch.domain.rule import parse_condition, print_condition
from sigmawatch.domain.window import Interval
from sigmawatch.engine.baseline import folded
from sigmawatch.engine.expression import judge
from sigmawatch.engine.geometry import Column, Mask, Slots
from sigmawatch.engine.moments import Moments

MINUTE = Interval(60_000)
PART = 16_384
RUNS = 30
RULES = (
    "price > 3 * mean(1h)",
    "price > mean(1h) + 3 * sigma_abs(1h)",
    "abs(change_pct(15m)) > 5",
    "rank(sigma_rel, 24h) <= 10",
    "zscore(24h) > 4 and value > 50",
    "price > 1.5 * mean(1h) and value > 50 for 2m",
    "sigma_rel(1h) > 2 * sigma_rel(24h)",
    "crosses_above(max(24h)) or crosses_below(min(24h))",
    "value > 1000 or stale for 5m",
    "not (value < 1.1 * mean(24h)) and sigma_ret(1h) > 0.02",
)
NESTED = "sigma_abs[10m] > 3 * mean(sigma_abs[10m], 1h)"


def main() -> None:
    names = ("series", "judge", "p95", "in parts", "p95", "nested")
    print("".join(f"{name:>11}" for name in names))
    conditions = [parse_condition(line) for line in RULES]
    nested = [parse_condition(NESTED)]
    for count in (1_000, 10_000, 100_000):
        rows = Columns(count)
        parts = [rows.part(start, start + PART) for start in range(0, count, PART)]
        whole = timed(partial(judged, conditions, [rows]))
        cut = timed(partial(judged, conditions, parts))
        deep = timed(partial(judged, nested, parts), runs=5)
        shown = [*whole, *cut, deep[0]]
        print(f"{count:>11,}" + "".join(f"{each:>8.2f} ms" for each in shown), flush=True)
    read = timed(lambda: [print_condition(parse_condition(line)) for line in RULES])
    print(f"{'read':>11}{1_000 * read[0] / len(RULES):>8.0f} µs a rule")


def judged(conditions: Sequence[Condition], parts: Sequence[Columns]) -> None:
    for part in parts:
        judge(conditions, part)


def timed(work: Callable[[], object], *, runs: int = RUNS) -> tuple[float, float]:
    """Median and 95th percentile in milliseconds."""
    work()
    times = []
    for _ in range(runs):
        start = time.thread_time()
        work()
        times.append(1_000.0 * (time.thread_time() - start))
    return float(np.median(times)), float(np.percentile(times, 95))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    values: Column  # [6, rows]
    moments: Moments
    ranks: Column


class Columns:
    """Inputs at hand: every window has the same moments, every lag one of six columns."""

    interval = MINUTE

    def __init__(self, rows: int, kept: _Kept | None = None) -> None:
        self.rows = rows
        self._kept = _made(rows) if kept is None else kept

    def part(self, start: int, stop: int) -> Columns:
        """A run of its rows."""
        kept, cut = self._kept, np.s_[..., start:stop]
        old = kept.moments
        levels = (old.n[cut], old.shift[cut], old.mean[cut], old.m2[cut])
        moments = Moments(levels, (old.low[cut], old.high[cut], old.marks[cut]))
        values = np.ascontiguousarray(kept.values[cut])
        return Columns(values.shape[1], _Kept(values=values, moments=moments,
                                              ranks=kept.ranks[cut]))  # fmt: skip

    def value(self, *, span: int, lag: int) -> Column:
        column: Column = self._kept.values[lag % len(self._kept.values)]
        return column

    def close(self, *, span: int, lag: int) -> Column:
        return self.value(span=span, lag=lag)

    def moments(self, count: int, *, span: int, lag: int, channels: int) -> Moments:
        return self._kept.moments

    def rank(self, by: RankKey, *, window_ms: int | None, lag: int) -> Column:
        return self._kept.ranks

    def market_move(self, *, window_ms: int, among: Among | None) -> Column:
        return self._kept.ranks

    def age_s(self) -> Column:
        return self._kept.ranks

    torn = False

    def since_seam(self, names: Collection[str]) -> Slots:
        raise AssertionError(names)

    def stale(self) -> Mask:
        mask: Mask = self._kept.ranks < 100.0
        return mask

    def companion(self, name: str, *, span: int, lag: int, stands: bool = True) -> Column:
        return self.value(span=span, lag=lag + 2)

    def companion_moments(
        self, name: str, count: int, *, span: int, lag: int, channels: int
    ) -> Moments:
        return self._kept.moments

    def elsewhere(self, venue: str, *, span: int) -> Column:
        return self.value(span=span, lag=1)


def _made(rows: int) -> _Kept:
    rng = np.random.default_rng(1)
    values = 100.0 * np.exp(rng.normal(0, 1e-2, (6, rows)).cumsum(axis=0))
    values[rng.random(values.shape) < 0.01] = np.nan
    moments = folded(values, rows=rows)
    day = np.float64(240.0)  # times six slots
    levels = (
        np.asarray(moments.n * day, np.float64),
        moments.shift,
        moments.mean,
        moments.m2 * day,
    )
    moments = Moments(levels, (moments.low, moments.high, moments.marks))
    ranks = rng.permutation(rows).astype(np.float64) + 1.0
    return _Kept(values=values, moments=moments, ranks=ranks)


if __name__ == "__main__":
    main()
