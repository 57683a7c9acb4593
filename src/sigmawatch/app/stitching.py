"""Fail-over series: which venue each slot is of, and the values from there (SEMANTICS.md 5).

Two kinds, computed among formula series (app.deriving). A `Choice` is the metric `source` of a
market at DERIVED: decided once, at the close of its slot, and never again, so what comes late
changes no choice that was shown. A `Stitched` series takes each slot from the venue that the choice
names: its value, and its mark; the first value of another venue is marked as a seam. What a venue's
back-fill brings later changes the slots that are shown from it, and no others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sigmawatch.app.reference_rates import Cells
from sigmawatch.domain.fail_over import PATIENCE, Patience, Standing, decided
from sigmawatch.domain.formula import Formula
from sigmawatch.domain.frame import Flag, Reason
from sigmawatch.domain.metric import SOURCE
from sigmawatch.domain.series import Series
from sigmawatch.engine.geometry import Column, Marks, Mask
from sigmawatch.engine.marks import changes, counted, has_flag, is_reason, reasons_of
from sigmawatch.engine.stillness import SEEN_SLOTS, may_stand_still, stands_still, witnessed

_WEAK = np.uint8(Flag.COARSE | Flag.FILLED)
_STANDING = np.uint8(0xFF & ~Flag.REVISED)
CHOSEN = int(Reason.OBSERVED | Flag.DERIVED)
CARRIED_ON = int(Reason.OBSERVED | Flag.DERIVED | Flag.FILLED)  # gives way to a choice


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Choice:
    """The `source` of one fail-over market. inputs: one series of each venue, the first one first,
    by which it is judged who is read."""

    series: Series
    formula: Formula
    inputs: tuple[Series, ...]

    def standing(self, cells: Cells, slot: int) -> Standing:
        """What stood before `slot`; the first venue where nothing was ever chosen."""
        for back in (1, self.series.interval.slots_per_day):
            values, _ = _column(cells, self.series, first=slot - back, stop=slot)
            known = values[~np.isnan(values)]
            if len(known):
                return Standing.of(float(known[-1]), len(self.inputs))
        return Standing()

    def close(self, cells: Cells, slot: int, *, patience: Patience = PATIENCE) -> Standing:
        """Decide a slot that is about to close."""
        first = slot + 1 - patience.slots - SEEN_SLOTS
        told = [_column(cells, one, first=first, stop=slot + 1) for one in self.inputs]
        lives = [(_read(values, marks), changes(reasons_of(marks))) for values, marks in told]
        still = self._still(cells, lives, slot=slot, slots=patience.slots)
        read = [one[-patience.slots :] & ~mask for (one, _), mask in zip(lives, still, strict=True)]
        return decided(self.standing(cells, slot), [one.tolist() for one in read],
                       patience=patience)  # fmt: skip

    def _still(
        self, cells: Cells, lives: Sequence[tuple[Mask, Mask]], *, slot: int, slots: int
    ) -> Iterator[Mask]:
        """Of each venue, in which of the last slots it said the same as ever while others moved.
        lives: of each, where it was read and where it moved. A day is looked through only where
        that may be."""
        for at, (one, (_, moved)) in enumerate(zip(self.inputs, lives, strict=True)):
            others = [*lives[:at], *lives[at + 1 :]]
            found = may_stand_still(moved, slots=slots) & witnessed(others, slots=slots)
            if found.any():
                first = slot + 1 - one.interval.slots_per_day
                _, marks = _column(cells, one, first=first, stop=slot + 1)
                found &= stands_still(changes(reasons_of(marks)), slots=slots)
            yield found

    def over(self, cells: Cells, first: int, *, stop: int) -> tuple[Column, Marks]:
        """What stands in the slots [first, stop): a choice for good; where none was made the one
        before it goes on, as far as its venue said anything. cells: the table itself."""
        values, marks = _column(cells, self.series, first=first, stop=stop)
        before = self.standing(cells, first).code
        codes = np.concatenate(([before], values))
        at = np.where(np.isnan(codes), 0, np.arange(len(codes)))
        codes = codes[np.maximum.accumulate(at)][1:]
        places, every = np.abs(codes).astype(np.intp) - 1, np.arange(stop - first)
        said = np.array([_column(cells, one, first=first, stop=stop)[1] for one in self.inputs])
        silent = np.isnan(values) & is_reason(reasons_of(said[places, every]), Reason.NOT_POLLED)
        told = np.where(np.isnan(values), np.uint8(CARRIED_ON), marks & _STANDING)
        return np.where(silent, np.nan, codes), np.where(silent, np.uint8(Reason.PENDING), told)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Stitched:
    """A series whose slots are each of one venue. sources: the first one first."""

    series: Series
    formula: Formula
    sources: tuple[Series, ...]
    choice: Series

    @property
    def inputs(self) -> tuple[Series, ...]:
        """All series it reads."""
        return (*self.sources, self.choice)

    def over(self, cells: Cells, first: int, *, stop: int) -> tuple[Column, Marks]:
        """Values and marks of the slots [first, stop); float64 and uint8[slots]."""
        told = [_column(cells, one, first=first, stop=stop) for one in self.sources]
        chosen = self._chosen(cells, first, stop=stop)
        places, every = np.maximum(chosen[1:], 0), np.arange(stop - first)
        values = np.array([column for column, _ in told])[places, every]
        marks = np.array([column for _, column in told])[places, every]
        reasons = reasons_of(marks)
        known = counted(reasons) & np.isfinite(values) & (chosen[1:] >= 0)
        seams = known & (chosen[1:] != chosen[:-1]) & (chosen[:-1] >= 0)
        reasons = np.where(seams, np.uint8(Reason.SEAM), reasons)
        reasons = np.where(chosen[1:] >= 0, reasons, np.uint8(Reason.PENDING))
        flags = (marks & _WEAK) | np.uint8(Flag.DERIVED)
        return np.where(known, values, np.nan), np.where(known, reasons | flags, reasons)

    def _chosen(
        self, cells: Cells, first: int, *, stop: int
    ) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
        """Which source each slot is of, from 0 on, and before them the one of the slot before
        `first`; -1 where nobody knows yet."""
        codes, _ = _column(cells, self.choice, first=first - 1, stop=stop)
        if np.isnan(codes[0]):
            day = self.series.interval.slots_per_day
            past, _ = _column(cells, self.choice, first=first - day, stop=first)
            known = past[~np.isnan(past)]
            codes[0] = known[-1] if len(known) else np.nan
        places = np.abs(np.nan_to_num(codes)).astype(np.intp) - 1
        return np.minimum(places, len(self.sources) - 1)


def _column(cells: Cells, one: Series, *, first: int, stop: int) -> tuple[Column, Marks]:
    places = np.array([one.place], np.intp)
    values, marks = cells.rows(one.block_id, places, from_slot=first, to_slot=stop)
    return values[:, 0], marks[:, 0]


def _read(values: Column, marks: Marks) -> Mask:
    """In which slots somebody was read: what a candle told later does not count."""
    weak = has_flag(marks, Flag.FILLED) | has_flag(marks, Flag.COARSE)
    return counted(reasons_of(marks)) & np.isfinite(values) & ~weak


def resolved(
    one: Series, formula: Formula, *, by_name: Mapping[str, Series]
) -> Choice | Stitched | None:
    """A fail-over series with what it reads, all of which is tracked but for, perhaps, its choice;
    None without that."""
    sources: Sequence[Series] = [by_name[name] for name in formula.series]
    if one.metric == SOURCE:
        return Choice(series=one, formula=formula, inputs=tuple(sources))
    choice = by_name.get(f"{one.market.name}:{SOURCE}")
    if choice is None:
        return None
    return Stitched(series=one, formula=formula, sources=tuple(sources), choice=choice)
