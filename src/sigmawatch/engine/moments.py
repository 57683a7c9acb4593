"""Moments of many series at once: n, mean and the sum of squared deviations, never sums of squares.

Each series' values are taken relative to its `shift`, one of them: a quiet series at a high level
loses no digits and a constant one has a deviation of exactly zero. A value is folded in
by Welford's update (Technometrics 4, 1962), two runs are merged by the pairwise formula of Chan,
Golub and LeVeque (Stanford STAN-CS-79-773, 1979). Every result depends on the values and the order
of folding alone.

Channel 0 holds the values themselves, channel 1 (levels only) the log returns between neighbours;
both are folded by the same steps. Choosing between numbers (`np.where`) costs five times as much as
adding them, so what is missing is made zero by extremes, and what is rare is put right afterwards.
Imports engine.geometry.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from sigmawatch.engine.geometry import Column, Marks
from sigmawatch.engine.marks import reasons_of, seams

_FEW = 16  # of so many, one that is missing is put right apart
Counts = npt.NDArray[np.float64] | npt.NDArray[np.uint16] | npt.NDArray[np.uint32]


class Moments:
    """The moments of one run of slots.

    n: whole numbers; shift, mean (of value - shift), m2: float64[channels, width]; low, high:
    float64[width], NaN without a value; marks: uint8[width], every mark of the run or-ed together.
    """

    __slots__ = ("high", "low", "m2", "marks", "mean", "n", "shift")

    def __init__(
        self, levels: tuple[Counts, Column, Column, Column], edges: tuple[Column, Column, Marks]
    ) -> None:
        self.n, self.shift, self.mean, self.m2 = levels
        self.low, self.high, self.marks = edges

    @classmethod
    def empty(cls, channels: int, width: int) -> Moments:
        """Of no slots at all."""
        n, shift, mean, m2 = np.zeros((4, channels, width))
        low, high = np.full((2, width), np.nan)
        return cls((n, shift, mean, m2), (low, high, np.zeros(width, np.uint8)))

    def after(self, row: Column, marks: Marks) -> Moments:
        """With one slot more: float64[channels, width] as `channels_of` gives it, uint8[width].
        NaN is missing."""
        levels = np.empty_like(row), self.shift, np.empty_like(row), np.empty_like(row)
        edges = np.empty_like(row[0]), np.empty_like(row[0]), np.empty_like(marks)
        more = Moments(levels, edges)
        self._add(row, marks, into=more)
        return more

    def fold(self, row: Column, marks: Marks) -> None:
        """Become what `after` gives; for one whose arrays are its own (`copy`, `empty`)."""
        self._add(row, marks, into=self)

    def _add(self, row: Column, marks: Marks, *, into: Moments) -> None:
        shift, begun = self.shift, self.n.min(initial=1) > 0
        if not begun:
            first = ~np.isnan(row) > (self.n > 0)  # this and not that
            shift = np.where(first, row, shift) if first.any() else shift
        off = row - shift
        off -= self.mean
        missing = np.isnan(off).ravel()
        count = np.count_nonzero(missing)
        if count > len(missing) // _FEW:
            np.add(self.n, ~np.isnan(row), out=into.n)
            bound = np.zeros_like(off)  # against a lone 0.0 NumPy takes five times as long
            step = np.fmin(off, bound)
            np.fmax(off, bound, out=off)
            off += step  # the sum of both extremes: the number itself, 0 where it is missing
        else:
            np.add(self.n, 1.0, out=into.n)
            off += 0.0  # zero has no sign, as above
            if count:
                at = np.flatnonzero(missing)
                into.n.reshape(-1)[at] -= np.isnan(row.reshape(-1)[at])
                off.reshape(-1)[at] = 0.0
        step = off / (into.n if begun else np.maximum(into.n, 1.0))
        into.shift = shift
        np.add(self.mean, step, out=into.mean)
        np.subtract(off, step, out=step)
        step *= off
        np.add(self.m2, step, out=into.m2)
        np.fmin(self.low, row[0], out=into.low)
        np.fmax(self.high, row[0], out=into.high)
        np.bitwise_or(self.marks, marks, out=into.marks)

    def copy(self) -> Moments:
        """One that may be written to; `n` becomes float64."""
        n = self.n.astype(np.float64)
        levels = (n, self.shift.copy(), self.mean.copy(), self.m2.copy())
        return Moments(levels, (self.low.copy(), self.high.copy(), self.marks.copy()))

    def put(self, columns: slice, other: Moments, *, places: slice) -> None:
        """Overwrite some columns with some places of another."""
        for name in ("n", "shift", "mean", "m2"):
            getattr(self, name)[:, columns] = getattr(other, name)[:, places]
        for name in ("low", "high", "marks"):
            getattr(self, name)[columns] = getattr(other, name)[places]


def merged(a: Moments, b: Moments) -> Moments:
    """The moments of run `a` followed by run `b`; of the other exactly where one is empty.

    With d the distance of the means: mean = mean_a + d n_b / n, m2 = m2_a + m2_b + d² n_a n_b / n.
    """
    a_n, b_n = a.n.astype(np.float64, copy=False), b.n.astype(np.float64, copy=False)
    n = a_n + b_n
    shift, empty = a.shift, a_n == 0.0
    if empty.any():
        shift = np.where(empty, b.shift, shift)
    apart = b.shift - shift
    apart += b.mean
    apart -= a.mean
    step = np.ones_like(n)
    np.maximum(n, step, out=step)
    np.divide(b_n, step, out=step)
    step *= apart
    m2 = a.m2 + b.m2
    apart *= step
    apart *= a_n
    m2 += apart
    step += a.mean
    edges = (np.fmin(a.low, b.low), np.fmax(a.high, b.high), a.marks | b.marks)
    return Moments((n, shift, step, m2), edges)


def moments_of(channels: Sequence[Column], marks: Marks) -> Moments:
    """The moments of several slots at once: float64[slots, width] of each channel, uint8[slots,
    width]. In two passes, so to a rounding error not the bytes of folding them one by one; the
    shift is the least value."""
    levels = np.empty((4, len(channels), marks.shape[1]))
    for number, rows in enumerate(channels):
        for kind, column in enumerate(_level(rows)):
            levels[kind, number] = column
    n, shift, mean, m2 = levels
    low, high = np.where(n[0] > 0.0, shift[0], np.nan), np.fmax.reduce(channels[0])
    return Moments((n, shift, mean, m2), (low, high, np.bitwise_or.reduce(marks)))


def _level(rows: Column) -> tuple[Column | float, Column, Column, Column]:
    """n, shift, mean and m2 of one channel; float64[width] each."""
    present = np.isfinite(rows)
    if present.all():
        shift = np.fmin.reduce(rows)
        mean, m2 = _two_passes(rows - shift, float(len(rows)), keep=None)
        return float(len(rows)), shift, mean, m2
    if np.isinf(rows).any():
        rows = np.where(present, rows, np.nan)
    there = present.astype(np.int64)
    n = np.add.reduce(there, dtype=np.float64)
    shift = np.where(n > 0.0, np.fmin.reduce(rows), 0.0)
    mean, m2 = _two_passes(rows - shift, np.maximum(n, 1.0), keep=np.negative(there, out=there))
    return n, shift, mean, m2


def _two_passes(
    off: Column, n: Column | float, *, keep: npt.NDArray[np.int64] | None
) -> tuple[Column, Column]:
    """Mean and m2 of `off`, float64[slots, width], which is used up. keep: all bits where a value
    is, none where it is missing; clearing bits costs a third of choosing between numbers."""
    bits = off.view(np.int64)
    if keep is not None:
        bits &= keep
    mean = np.add.reduce(off) / n
    off -= mean
    if keep is not None:
        bits &= keep
    off *= off
    return mean, np.add.reduce(off)


def channels_of(row: Column, before: Column | None, *, channels: int) -> Column:
    """float64[channels, width]: the values of one slot and, where asked for, the log returns to
    them from the slot before; without that there are none."""
    if channels == 1:
        return row[None]
    both = np.empty((2, *row.shape))
    both[0] = row
    both[1] = np.nan if before is None else log_returns(before, row)
    return both


def cut_at_seams(returns: Column, marks: Marks) -> None:
    """Forget the returns into slots, told by their marks, in which another source begins."""
    found = seams(reasons_of(marks))
    if found.any():
        returns[found] = np.nan


def log_returns(before: Column, after: Column) -> Column:
    """log(after / before) where both are above zero, else NaN, also where it overflows;
    float64[..].

    As SEMANTICS.md 3: log1p((after - before) / before), which keeps every digit of a small move. A
    fall is the negative of the rise that undoes it: so the argument never comes near -1, where a
    crash by 12 digits would leave four.
    """
    less = np.minimum(before, after)
    if (less <= 0.0).any():
        less = np.where(less > 0.0, less, np.nan)
    move = after - before
    rise: Column = np.abs(move)
    rise /= less
    np.log1p(rise, out=rise)
    if np.isinf(rise).any():
        rise[np.isinf(rise)] = np.nan
    return np.copysign(rise, move, out=rise)
