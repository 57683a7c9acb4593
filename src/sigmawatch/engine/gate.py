"""The gate against bad ticks (SEMANTICS.md 1): one wild reading waits for a second one.

A value more than FACTOR times, or less than 1/FACTOR of, the median of the counted values in the 5
slots before is suspect. The next reading confirms it by lying within a factor of 2; then both
count. Pure functions over one row of a block; the only memory is `Pending`, which applying the same
frames again rebuilds. Imports domain.frame.
"""

from __future__ import annotations

import numpy as np

from sigmawatch.domain.frame import Flag, Reason
from sigmawatch.engine.geometry import Column, Marks, Mask, Rows, Slots
from sigmawatch.engine.marks import counted, has_flag, is_reason, reasons_of

MEDIAN_SLOTS = 5
FACTOR = 10.0
CONFIRM_FACTOR = 2.0


class Pending:
    """The suspect reading of each place that the next one may confirm: float64[width] (NaN: none)
    and its slot."""

    def __init__(self, width: int) -> None:
        self.values: Column = np.full(width, np.nan)
        self.slots: Slots = np.full(width, -1, np.int64)
        self.waits = False  # whether there is any

    def note(self, slot: int, values: Column, *, marks: Marks) -> None:
        """A reading was applied: a suspect one waits from now on, any other ends the waiting."""
        reasons = reasons_of(marks)
        suspect = is_reason(reasons, Reason.SUSPECT)
        if not self.waits and not suspect.any():
            return
        count = len(values)
        told = (suspect | counted(reasons)) & (slot >= self.slots[:count])
        kept = np.where(suspect & np.isfinite(values), values, np.nan)
        self.values[:count] = np.where(told, kept, self.values[:count])
        self.slots[:count] = np.where(told & suspect, slot, self.slots[:count])
        self.waits = not np.isnan(self.values).all()

    def confirmed(self, slot: int, values: Column) -> Mask:
        """Places whose suspect reading `values` confirms; bool[n]."""
        waiting = self.values[: len(values)]
        near: Mask = (values <= CONFIRM_FACTOR * waiting) & (waiting <= CONFIRM_FACTOR * values)
        return near & (self.slots[: len(values)] <= slot)

    def widened(self, width: int) -> Pending:
        wide = Pending(width)
        wide.waits = self.waits
        wide.values[: len(self.values)], wide.slots[: len(self.slots)] = self.values, self.slots
        return wide


def read_now(values: Column, marks: Marks) -> Mask:
    """Places that hold a reading of their own slot, as opposed to a candle's word; bool[n]."""
    return np.isfinite(values) & counted(reasons_of(marks)) & ~has_flag(marks, Flag.FILLED)


def wild(values: Column, before: Column) -> Rows:
    """Places that lie far from their own past, in nearly every slot none.

    values: float64[n], above zero. before: float64[5, n], NaN where missing; where all of it is,
    nothing is known and nothing is wild.
    """
    low, high = np.fmin.reduce(before), np.fmax.reduce(before)
    places = np.flatnonzero((values > FACTOR * low) | (values < high / FACTOR))
    if not len(places):
        return places
    middle, mine = _median(before[:, places]), values[places]
    return places[(mine > FACTOR * middle) | (mine < middle / FACTOR)]


def _median(columns: Column) -> Column:
    """The median of each column's present values; float64[rows, n] with at least one each."""
    ordered = np.sort(columns, axis=0)  # NaN last
    count = np.isfinite(ordered).sum(axis=0)
    every = np.arange(ordered.shape[1])
    return np.asarray((ordered[(count - 1) // 2, every] + ordered[count // 2, every]) / 2.0)
