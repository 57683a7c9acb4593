"""Formula series: what each one reads, in which order they are computed, and what their slots are.

A formula's slot is missing where one of the series it names is, for that one's reason, and where a
composite has nobody left; where all are known but the formula has no answer (a window too thin, a
division by zero, venues that disagree) it is `pending`. It is as fresh as the freshest of its
inputs, and as weak as the weakest: of candles, or coarse, where one of them is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sigmawatch.app.reference_rates import Cells
from sigmawatch.app.stitching import Choice, Stitched, resolved
from sigmawatch.app.tracked import Tracked, parsed
from sigmawatch.domain.formula import Formula
from sigmawatch.domain.frame import MISSING, Flag, Reason
from sigmawatch.domain.metric import Kind
from sigmawatch.domain.series import Series
from sigmawatch.engine.formula import Pool, evaluate, pools
from sigmawatch.engine.geometry import Column, Marks
from sigmawatch.engine.marks import counted, has_flag, reasons_of

_COARSE, _SECOND, _FIRST = 0, 1, 2  # how strong a value is among its kind (engine.ring)
_FLAGS = {
    Kind.LEVEL: np.array([Flag.COARSE | Flag.FILLED, Flag.FILLED, 0], np.uint8),
    Kind.FLOW: np.array([Flag.COARSE | Flag.FILLED, 0, Flag.FILLED], np.uint8),
}


Pools = Sequence[tuple[Pool, Sequence[Marks]]]  # each with the marks of its members' series


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FormulaSeries:
    """One derived series and what it is computed from.

    named: the series its formula needs. composites: pair -> price and volume of each venue.
    agreed: of each composite of several, its members, each the series in it.
    """

    series: Series
    formula: Formula
    named: tuple[Series, ...]
    composites: Mapping[str, tuple[tuple[Series, Series], ...]]
    agreed: tuple[tuple[tuple[Series, ...], ...], ...]

    @property
    def inputs(self) -> tuple[Series, ...]:
        """All series it reads, each once."""
        of_pairs = [both for members in self.composites.values() for both in members]
        of_several = [member for members in self.agreed for member in members]
        members = [one for member in (*of_pairs, *of_several) for one in member]
        return tuple({one.id: one for one in (*self.named, *members)}.values())

    def over(self, cells: Cells, first: int, *, stop: int) -> tuple[Column, Marks]:
        """Values and marks of the slots [first, stop); float64 and uint8[slots]."""
        columns, marks = self._read(cells, first, stop=stop)
        values = evaluate(self.formula, columns, venues=self._venues)
        return self._marked(values, marks)

    def pools(self, cells: Cells, slot: int) -> Pools:
        """What each of its composites is of at a slot, and the marks there of the series that every
        member is of."""
        columns, marks = self._read(cells, slot, stop=slot + 1)
        found = pools(self.formula, columns, venues=self._venues)
        several = iter(self.agreed)
        of_pool: Sequence[Sequence[Sequence[Series]]] = [
            self.composites[pool.pair] if pool.pair else next(several) for pool in found
        ]
        return [
            (pool, [np.array([marks[one.id][0] for one in member], np.uint8) for member in members])
            for pool, members in zip(found, of_pool, strict=True)
        ]

    @property
    def _venues(self) -> Mapping[str, Sequence[str]]:
        return {
            pair: [price.market.venue for price, _ in members]
            for pair, members in self.composites.items()
        }

    def _read(
        self, cells: Cells, first: int, *, stop: int
    ) -> tuple[dict[str, Column], dict[int, Marks]]:
        """By name the values of its inputs from where it looks back to, by id their marks from
        `first` on."""
        start = first - self.formula.reach_slots
        columns, marks = {}, {}
        for one in self.inputs:
            place = np.array([one.place], np.intp)
            values, why = cells.rows(one.block_id, place, from_slot=start, to_slot=stop)
            columns[one.name], marks[one.id] = values[:, 0], why[first - start :, 0]
        return columns, marks

    def _marked(self, values: Column, marks: Mapping[int, Marks]) -> tuple[Column, Marks]:
        reasons = self._reasons({series_id: reasons_of(mark) for series_id, mark in marks.items()})
        reasons = np.where(
            counted(reasons) & ~np.isfinite(values), np.uint8(Reason.PENDING), reasons
        )
        known = counted(reasons)
        flags = _FLAGS[self.series.kind.kind][self._strength(marks)] | np.uint8(Flag.DERIVED)
        return np.where(known, values, np.nan), np.where(known, reasons | flags, reasons)

    def _reasons(self, reasons: Mapping[int, Marks]) -> Marks:
        """Of the first input that is missing, else of the freshest."""
        needed = [reasons[one.id] for one in self.named]
        for members in self.composites.values():
            prices = np.array([reasons[price.id] for price, _ in members])
            needed.append(np.min(prices, axis=0))  # any that counts is below all that do not
        kind = self.series.kind.kind
        for several in self.agreed:
            each = [_weakest([reasons[one.id] for one in member], kind) for member in several]
            needed.append(np.min(each, axis=0))
        return _weakest(needed, kind)

    def _strength(self, marks: Mapping[int, Marks]) -> Marks:
        """The weakest of the named; of a composite its strongest venue speaks. So what a slot holds
        never has to give way to something weaker."""
        found = [_strengths(marks[one.id], one.kind.kind) for one in self.named]
        for members in self.composites.values():
            prices = [_strengths(marks[price.id], Kind.LEVEL) for price, _ in members]
            found.append(np.max(prices, axis=0))
        for several in self.agreed:
            each = [
                np.min([_strengths(marks[one.id], one.kind.kind) for one in member], axis=0)
                for member in several
            ]
            found.append(np.max(each, axis=0))
        strength: Marks = np.min(found, axis=0)
        return strength


def _weakest(needed: Sequence[Marks], kind: Kind) -> Marks:
    """The reason of the first that is missing, else of the freshest."""
    freshest: Marks = np.min([_standing(each, kind) for each in needed], axis=0)
    for each in reversed(needed):
        freshest = np.where(each >= MISSING, each, freshest)
    return freshest


def _standing(reasons: Marks, kind: Kind) -> Marks:
    """Quiet reads differently of a level and of a flow."""
    quiet = (reasons == Reason.CARRIED) | (reasons == Reason.NO_TRADES)
    word = Reason.NO_TRADES if kind is Kind.FLOW else Reason.CARRIED
    return np.where(quiet, np.uint8(word), reasons)


def _strengths(marks: Marks, kind: Kind) -> Marks:
    """How strong each value is; what is missing is the weakest."""
    best = has_flag(marks, Flag.FILLED) == (kind is Kind.FLOW)
    strength = np.where(best, np.uint8(_FIRST), np.uint8(_SECOND))
    strength = np.where(has_flag(marks, Flag.COARSE), np.uint8(_COARSE), strength)
    return np.where(counted(reasons_of(marks)), strength, np.uint8(_COARSE))


Computed = FormulaSeries | Choice | Stitched


def formulas_of(series: Sequence[Series]) -> tuple[Computed, ...]:
    """The formula series among `series` whose inputs all are among them too, each after those it
    reads. What reads itself, over others or not, is left out, and so is who reads that."""
    defined = [one for one in series if one.formula is not None]
    if not defined:
        return ()
    tracked = Tracked(series)
    found = {one.id: made for one in defined if (made := _resolved(one, tracked)) is not None}
    return tuple(_ordered(found))


def _resolved(one: Series, tracked: Tracked) -> Computed | None:
    """A formula series with its inputs; None while one of them is not tracked."""
    assert one.formula is not None
    formula = parsed(one.formula, one.interval)
    if tracked.lacking(formula):
        return None
    if formula.fail_over:
        return resolved(one, formula, by_name=tracked.by_name)
    return FormulaSeries(
        series=one, formula=formula,
        named=tuple(tracked.by_name[name] for name in formula.needed),
        composites={pair: tracked.members(pair) for pair in formula.composites},
        agreed=tuple(
            tuple(tuple(tracked.by_name[name] for name in member) for member in members)
            for members in formula.agreed
        ),
    )  # fmt: skip


def _ordered(found: Mapping[int, Computed]) -> Iterator[Computed]:
    waiting, done = dict(found), set[int]()
    while True:
        ready = [
            one for one in waiting.values()
            if all(each.id in done or each.formula is None for each in one.inputs)
        ]  # fmt: skip
        if not ready:
            return
        yield from ready
        done.update(one.series.id for one in ready)
        for one in ready:
            del waiting[one.series.id]
