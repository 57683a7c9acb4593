"""Computes formulas over runs of slots, by the very evaluator of rules (SEMANTICS.md 1, 6).

Rows are consecutive slots, so what stands `lag` slots back is the same column further up, and the
values of a window are a view. A level counts for the 2 slots after its own, a flow for its own;
what is unknown, or not finite, is NaN. A result depends on the `reach_slots` before its slot alone,
byte for byte: computed slot by slot or in one go, by this process or another.

Cost: tens of µs for a formula; for each window in it 10 ns a value of the window and slot. No
temporary holds more than WINDOW_VALUES_MAX values of a window. Imports domain.expression, formula,
metric, engine.moments, quantities.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from sigmawatch.domain.expression import Quantity
from sigmawatch.domain.formula import LEVEL_REACH_SLOTS, Formula
from sigmawatch.domain.metric import METRICS, Kind
from sigmawatch.domain.window import Interval
from sigmawatch.engine.geometry import Column
from sigmawatch.engine.moments import Moments, log_returns, moments_of
from sigmawatch.engine.quantities import Quantities

WINDOW_VALUES_MAX = 1 << 19
_ROWS_MIN = 2  # NumPy sums a lone column in another order, and so to other last digits
_UNKNOWN = np.full(LEVEL_REACH_SLOTS + 1, np.nan)
_WEIGHT = "volume_24h_base"


def inputs_of(formula: Formula, venues: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """The names of all series that `evaluate` needs. venues: as there."""
    names = [*formula.series]
    for pair in formula.composites:
        for venue in venues[pair]:
            names += [f"{venue}:{pair}:price", f"{venue}:{pair}:{_WEIGHT}"]
    return tuple(dict.fromkeys(names))


def evaluate(
    formula: Formula,
    columns: Mapping[str, Column],
    *,
    venues: Mapping[str, Sequence[str]] | None = None,
) -> Column:
    """float64[count]: the formula at the last `count` slots of its inputs, NaN where unknown.

    columns: float64[formula.reach_slots + count] for each name of `inputs_of`, slot after slot, NaN
    where missing or suspect. venues: for each pair of `formula.composites`, who tracks both its
    price and its volume_24h_base; somebody.
    """
    venues = venues or {}
    known = {name: _Column.of(name, columns[name]) for name in inputs_of(formula, venues)}
    for pair in formula.composites:
        known[f"composite({pair})"] = _composite(pair, known, venues=venues[pair])
    (length,) = {len(each.values) for each in known.values()}
    count = length - 1 - formula.reach_slots
    assert count >= 0
    step = WINDOW_VALUES_MAX // max(formula.window_slots, 1)
    found = np.empty(count)
    for start in range(0, count, step):
        stop = min(start + step, count)
        found[start:stop] = _run(formula, known, count=stop - start, before=count - stop)
    return found


def _run(formula: Formula, known: Mapping[str, _Column], *, count: int, before: int) -> Column:
    """The `count` slots that lie `before` slots before the last one."""
    slots = _Slots(known=known, interval=formula.interval, rows=max(count, _ROWS_MIN), back=before)
    with np.errstate(all="ignore"):
        number = _OverSlots(slots, 1).number(formula.quantity, 0)
    return np.broadcast_to(number, slots.rows)[-count:]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Column:
    """What one series is at each slot. standing: its own values, and, of a level, with what stands
    on from 1, 2 … slots before. One unknown slot in front, for _ROWS_MIN."""

    standing: tuple[Column, ...]

    @classmethod
    def of(cls, name: str, column: Column) -> _Column:
        if METRICS[name.rpartition(":")[2]].kind is Kind.FLOW:
            return cls(standing=(np.concatenate((_UNKNOWN[:1], column)),))
        padded = np.concatenate((_UNKNOWN, column))
        standing = [padded[LEVEL_REACH_SLOTS:]]
        for back in range(1, LEVEL_REACH_SLOTS + 1):
            values, before = standing[-1], padded[LEVEL_REACH_SLOTS - back : -back]
            standing.append(np.where(np.isnan(values), before, values))
        return cls(standing=tuple(standing))

    @property
    def flow(self) -> bool:
        return len(self.standing) == 1

    @property
    def values(self) -> Column:
        return self.standing[-1]


def _composite(pair: str, known: Mapping[str, _Column], *, venues: Sequence[str]) -> _Column:
    """The price of a pair, each venue's weighted by its 24-hour volume; who lacks either does not
    count, and without anybody it is unknown. In the order of the venues' names."""
    assert venues, "a composite of nobody cannot be asked for"
    worth, weight = np.zeros((2, len(next(iter(known.values())).values)))
    for venue in sorted(venues):
        price = known[f"{venue}:{pair}:price"].values
        volume = known[f"{venue}:{pair}:{_WEIGHT}"].values
        both = np.isfinite(price) & np.isfinite(volume)
        worth += np.where(both, price * volume, 0.0)
        weight += np.where(both, volume, 0.0)
    with np.errstate(all="ignore"):
        price = np.where(weight > 0.0, worth / weight, np.nan)
    return _Column(standing=(price,) * (LEVEL_REACH_SLOTS + 1))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Slots:
    """Rows that are consecutive slots, the last of them `back` before the end."""

    known: Mapping[str, _Column]
    interval: Interval
    rows: int
    back: int

    def companion(self, name: str, *, span: int, lag: int, stands: bool = True) -> Column:
        column = self.known[name]
        summed = span if column.flow else 1
        stop = len(column.values) - self.back - lag
        start = stop - self.rows - summed + 1
        assert start >= 0, "reach_slots covers what is looked back on"
        back = -1 if stands else min(span, len(column.standing)) - 1
        inside = column.standing[back][start:stop]
        return inside if summed == 1 else np.add.reduce(_runs(inside, self.rows))


class _OverSlots(Quantities[_Slots]):
    """Looks back by looking up: the past of one row is among the rows before it."""

    def __init__(self, slots: _Slots, span: int) -> None:
        super().__init__(slots, span)
        self._wider: dict[int, _OverSlots] = {}  # by rows

    def past(self, of: Quantity, count: int, *, last: int) -> Column:
        return _runs(self._stretch(of, count, last=last), self._inputs.rows)[:: self.step(of)]

    def moments(self, of: Quantity, count: int, *, last: int, channels: int) -> Moments:
        stretch = self._stretch(of, count, last=last)
        rows, step = self._inputs.rows, self.step(of)
        values = [_runs(stretch, rows)[::step]]
        if channels == 2:
            values.append(_runs(log_returns(stretch[:-step], stretch[step:]), rows)[::step])
        return moments_of(values, np.zeros((1, rows), np.uint8))

    def _stretch(self, of: Quantity, count: int, *, last: int) -> Column:
        """The rows' own values `last` slots ago and what lies before them in their windows."""
        rows = self._inputs.rows + (count - 1) * self.step(of)
        if rows not in self._wider:
            self._wider[rows] = _OverSlots(replace(self._inputs, rows=rows), self._span)
        return np.broadcast_to(self._wider[rows].in_window(of, last), rows)


def _runs(stretch: Column, rows: int) -> Column:
    """float64[len(stretch) - rows + 1, rows]: row i begins i slots later; a view."""
    return sliding_window_view(stretch, rows)
