"""Computes formulas over runs of slots, by the very evaluator of rules (SEMANTICS.md 1, 6).

Rows are consecutive slots, so what stands `lag` slots back is the same column further up, and the
values of a window are a view. A level counts for the 2 slots after its own, a flow for its own;
what is unknown, or not finite, is NaN. A result depends on the `reach_slots` before its slot alone,
byte for byte: computed slot by slot or in one go, by this process or another.

Cost: tens of µs for a formula; for each window in it 10 ns a value of the window and slot. No
temporary holds more than WINDOW_VALUES_MAX values of a window. Imports domain.expression, formula,
metric, engine.composite, moments, quantities.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from sigmawatch.domain.expression import Composite, Consensus, Quantity
from sigmawatch.domain.expression_printer import print_node
from sigmawatch.domain.formula import LEVEL_REACH_SLOTS, Formula, still_slots
from sigmawatch.domain.metric import METRICS, Kind
from sigmawatch.domain.window import Interval
from sigmawatch.engine.composite import Part, Pooled, pooled
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
    known, count = _known(formula, columns, venues=venues or {})
    step = WINDOW_VALUES_MAX // max(formula.window_slots, 1)
    found = np.empty(count)
    for start in range(0, count, step):
        stop = min(start + step, count)
        found[start:stop] = _run(formula, known, count=stop - start, before=count - stop)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One of those a composite is of. weight: its volume, where volumes weigh, NaN without one.
    apart_pct: how far it is from the median, in percent of that, NaN where either is unknown."""

    name: str
    value: float
    weight: float | None
    part: Part
    apart_pct: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """One composite of a formula at one slot. text: as it is written; pair: the one whose venues it
    is of, None where it is of several quantities; value: NaN where unknown."""

    text: str
    pair: str | None
    value: float
    within_pct: float
    members: tuple[Member, ...]


def pools(
    formula: Formula,
    columns: Mapping[str, Column],
    *,
    venues: Mapping[str, Sequence[str]] | None = None,
) -> tuple[Pool, ...]:
    """What each composite of a formula is of, at the last slot; columns, venues: as above."""
    venues = venues or {}
    known, _ = _known(formula, columns, venues=venues)
    nodes = dict.fromkeys(
        one for one in formula.quantity.walk() if isinstance(one, Composite | Consensus)
    )
    slots = _Slots(known=known, interval=formula.interval, rows=_ROWS_MIN, back=0)
    found = []
    for node in nodes:
        if isinstance(node, Composite):
            names = [f"{venue}:{node.pair}" for venue in sorted(venues[node.pair])]
            prices, volumes = _of_pair(node.pair, known, venues=venues[node.pair])
            still = still_slots(formula.interval)
            whole = pooled(prices, volumes, within_pct=node.within_pct, still=still)
        else:
            names, volumes = [print_node(member) for member in node.members], None
            with np.errstate(all="ignore"):
                prices, whole = _OverSlots(slots, 1).agreed(node, 0)
        found.append(_pool(node, names, whole=whole, now=(prices, volumes)))
    return tuple(found)


def _pool(
    node: Composite | Consensus, names: Sequence[str], *, whole: Pooled,
    now: tuple[Column, Column | None],
) -> Pool:  # fmt: skip
    prices, volumes = now
    median = float(whole.median[-1])
    members = [
        Member(
            name=name, value=float(prices[row, -1]),
            weight=None if volumes is None else float(volumes[row, -1]),
            part=Part(whole.parts[row, -1]), apart_pct=_apart_pct(float(prices[row, -1]), median),
        )
        for row, name in enumerate(names)
    ]  # fmt: skip
    pair = node.pair if isinstance(node, Composite) else None
    return Pool(text=print_node(node), pair=pair, value=float(whole.value[-1]),
                within_pct=node.within_pct, members=tuple(members))  # fmt: skip


def _apart_pct(value: float, median: float) -> float:
    return 100.0 * (value - median) / abs(median) if median else np.nan


def _known(
    formula: Formula, columns: Mapping[str, Column], *, venues: Mapping[str, Sequence[str]]
) -> tuple[dict[str, _Column], int]:
    """Every series and pair that a formula names, and how many slots can be computed of them."""
    known = {name: _Column.of(name, columns[name]) for name in inputs_of(formula, venues)}
    (length,) = {len(each.values) for each in known.values()}
    for node in formula.quantity.walk():
        if isinstance(node, Composite):
            known[node.name] = _composite(
                node, known, venues=venues[node.pair], still=still_slots(formula.interval)
            )
    count = length - 1 - formula.reach_slots
    assert count >= 0
    return known, count


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


def _of_pair(
    pair: str, known: Mapping[str, _Column], *, venues: Sequence[str]
) -> tuple[Column, Column]:
    """float64[venues, slots] each: price and 24-hour volume, in the order of the venues' names."""
    assert venues, "a composite of nobody cannot be asked for"
    prices = [known[f"{venue}:{pair}:price"].values for venue in sorted(venues)]
    volumes = [known[f"{venue}:{pair}:{_WEIGHT}"].values for venue in sorted(venues)]
    return np.array(prices), np.array(volumes)


def _composite(
    node: Composite, known: Mapping[str, _Column], *, venues: Sequence[str], still: int
) -> _Column:
    """The price of a pair, each venue's weighted by its 24-hour volume; unknown for the first
    slots, of which nobody can tell who stands still."""
    prices, volumes = _of_pair(node.pair, known, venues=venues)
    found = pooled(prices, volumes, within_pct=node.within_pct, still=still).value
    price = np.concatenate((np.full(still, np.nan), found))
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

    def _own(self, quantity: Quantity, lag: int) -> Column:
        assert isinstance(quantity, Consensus)
        return self.agreed(quantity, lag)[1].value

    def agreed(self, node: Consensus, lag: int) -> tuple[Column, Pooled]:
        """Its members' values, with the slots before in which they may stand still, and what they
        come to."""
        still = still_slots(self._inputs.interval)
        rows = self._inputs.rows + still
        wider = self._of_rows(rows)
        values = [np.broadcast_to(wider.number(member, lag), rows) for member in node.members]
        prices = np.array(values)
        return prices, pooled(prices, None, within_pct=node.within_pct, still=still)

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
        return np.broadcast_to(self._of_rows(rows).in_window(of, last), rows)

    def _of_rows(self, rows: int) -> _OverSlots:
        if rows not in self._wider:
            self._wider[rows] = _OverSlots(replace(self._inputs, rows=rows), self._span)
        return self._wider[rows]


def _runs(stretch: Column, rows: int) -> Column:
    """float64[len(stretch) - rows + 1, rows]: row i begins i slots later; a view."""
    return sliding_window_view(stretch, rows)
