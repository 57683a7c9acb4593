"""What rules are judged on, from plain arrays; the same as lists for the oracle."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
from tests.engine.rule_oracle import One

from sigmawatch.domain.expression import Among, RankKey
from sigmawatch.domain.window import Interval
from sigmawatch.engine.baseline import folded
from sigmawatch.engine.geometry import Column, Mask, Slots
from sigmawatch.engine.moments import Moments

MINUTE = Interval(60_000)
Key = tuple[RankKey, int | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrays:
    """values, others (at any other venue, of any other metric), each rank: float64[slots, rows],
    NaN where unknown, the judged slot last. moved: float64[rows], the market's move, over any
    window."""

    values: Column
    others: Column
    ages_s: Column
    stales: Mask
    ranks: Mapping[Key, Column]
    moved: Column
    flow: bool = False
    interval: Interval = MINUTE

    @property
    def rows(self) -> int:
        return int(self.values.shape[1])

    def value(self, *, span: int, lag: int) -> Column:
        return self._sampled(self.values, span, lag=lag)

    def _sampled(self, values: Column, span: int, *, lag: int) -> Column:
        inside = values[len(values) - lag - span : len(values) - lag]
        return np.add.reduce(inside) if self.flow else _newest(inside[-3:])

    def close(self, *, span: int, lag: int) -> Column:
        if self.flow:
            return self.value(span=span, lag=lag)
        return _newest(self.values[len(self.values) - lag - 3 : len(self.values) - lag])

    def moments(self, count: int, *, span: int, lag: int, channels: int) -> Moments:
        lags = range(lag + (count - 1) * span, lag - 1, -span)
        columns = (self.value(span=span, lag=each) for each in lags)
        return folded(columns, rows=self.rows, channels=1 if self.flow else channels)

    def rank(self, by: RankKey, *, window_ms: int | None, lag: int) -> Column:
        ranks: Column = self.ranks[by, window_ms][-1 - lag]
        return ranks

    def market_move(self, *, window_ms: int, among: Among | None) -> Column:
        return self.moved

    def age_s(self) -> Column:
        return self.ages_s

    def stale(self) -> Mask:
        return self.stales

    def companion(self, name: str, *, span: int, lag: int, stands: bool = True) -> Column:
        """A level, for any name."""
        slots = 3 if stands else min(span, 3)
        return _newest(self.others[len(self.others) - lag - slots : len(self.others) - lag])

    def companion_moments(
        self, name: str, count: int, *, span: int, lag: int, channels: int
    ) -> Moments:
        lags = range(lag + (count - 1) * span, lag - 1, -span)
        columns = (self.companion(name, span=span, lag=each, stands=False) for each in lags)
        return folded(columns, rows=self.rows, channels=channels)

    @property
    def torn(self) -> bool:
        return False

    def since_seam(self, names: Collection[str]) -> Slots:
        raise AssertionError("nothing is torn")

    def elsewhere(self, venue: str, *, span: int) -> Column:
        return self._sampled(self.others, span, lag=0)

    def one(self, row: int, *, span: int) -> One:
        """A row as the oracle takes it."""
        ranks = {key: [None if np.isnan(each) else int(each) for each in column[:, row]]
                 for key, column in self.ranks.items()}  # fmt: skip
        return One(
            values=_listed(self.values[:, row]), elsewhere=_listed(self.others[:, row]),
            flow=self.flow, span=span, slot_ms=self.interval.ms, age_s=float(self.ages_s[row]),
            stale=bool(self.stales[row]), ranks=ranks, moved=_listed(self.moved[row : row + 1])[0],
        )  # fmt: skip


def _newest(inside: Column) -> Column:
    newest: Column = inside[0]
    for row in inside[1:]:
        newest = np.where(np.isnan(row), newest, row)
    return newest


def _listed(column: Column) -> list[float | None]:
    return [None if np.isnan(value) else float(value) for value in column]


def an_array(rows: int, *, slots: int, seed: int, flow: bool = False) -> Arrays:
    """Small whole numbers with gaps, each row of its own kind: constant, rare, negative, usual."""
    rng = np.random.default_rng(seed)
    kinds = rng.integers(0, 5, rows)
    values = rng.integers(1, 9, (slots, rows)).astype(float)
    values[:, kinds == 1] = 3.0
    values[:, kinds == 2] -= 5.0
    values[:, kinds == 3] *= rng.random((slots, int((kinds == 3).sum()))) < 0.1
    gaps = rng.choice([0.0, 0.02, 0.1, 0.25], rows)
    values[rng.random((slots, rows)) < gaps] = np.nan
    others = np.where(rng.random((slots, rows)) < 0.1, np.nan, values + rng.integers(0, 2, rows))
    keys = [(by, 600_000 if by.windowed else None) for by in RankKey]
    ranks = {key: rng.integers(1, 30, (slots, rows)).astype(float) for key in keys}
    for column in ranks.values():
        column[rng.random((slots, rows)) < 0.1] = np.nan
    return Arrays(
        values=values, others=others, ages_s=rng.integers(0, 900, rows).astype(float),
        stales=rng.random(rows) < 0.3, ranks=ranks, flow=flow,
        moved=np.where(rng.random(rows) < 0.1, np.nan, rng.integers(-9, 9, rows)),
    )  # fmt: skip
