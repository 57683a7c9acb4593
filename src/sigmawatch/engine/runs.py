"""Runs of slots that stand beside each other, as columns: what is kept of a minute, or an hour.

A run's values are counted, bounded and summed up as in engine.moments, but with nothing of what
lies outside: the returns are those between its own slots, its first and its newest value are kept,
and `joined` finds the return across each seam between two runs from them. So a run is a function of
its own slots, a window may begin with any run, and to rewrite one touches no neighbour.

Joining weighs the runs' means as two passes over all of them do (Chan, Golub and LeVeque, The
American Statistician 37, 1983): sums of what is not negative only, row by row, oldest first.

About 68 bytes a run of levels, 43 of flows. Imports engine.moments.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from sigmawatch.domain.frame import REASON_MASK
from sigmawatch.engine.geometry import Column, Marks, Rows
from sigmawatch.engine.marks import FILLABLE
from sigmawatch.engine.moments import Moments, log_returns, moments_of

# Levels of a run. MEAN is that of the values' distances from LOW; FIRST is the value of its first
# slot, CLOSE its newest one of the last 3; NaN where there is none.
LOW, HIGH, MEAN, M2, CLOSE, FIRST, RETURN_MEAN, RETURN_M2 = range(8)
_FLAGS = np.uint8(0xFF & ~REASON_MASK)
_SUMS = (MEAN, M2, RETURN_MEAN, RETURN_M2)  # 0 where there is nothing
_FLOW_LEVELS = FIRST
# Notes of a run: the flags of its slots or-ed together; how many slots CLOSE lies before the last.
MARKS, AGE = range(2)
AGE_MAX = 2
FAR = 3  # an age: no value is that new
VACANT = 4  # an age: nothing is known of the run, and a candle could tell
_PLACES = 64  # joined at once: what 150 runs of them need stays in the cache

Counts = npt.NDArray[np.unsignedinteger]


class Runs:
    """`rows` runs one after the other.

    levels: float64[kinds, rows, width]; notes: uint8[2, rows, width]; counts: unsigned whole
    numbers [channels, rows, width], of values and of returns between them.
    """

    __slots__ = ("counts", "levels", "notes")

    def __init__(self, levels: Column, counts: Counts, *, notes: Marks) -> None:
        self.levels, self.counts, self.notes = levels, counts, notes

    @classmethod
    def vacant(cls, rows: int, width: int, *, channels: int, slots: int = 0xFFFF_FFFF) -> Runs:
        """Of which nothing is known. slots: the most that one run will hold."""
        kinds = _FLOW_LEVELS if channels == 1 else RETURN_M2 + 1
        runs = cls(
            np.empty((kinds, rows, width)),
            np.empty((channels, rows, width), np.min_scalar_type(slots)),
            notes=np.empty((2, rows, width), np.uint8),
        )
        runs.empty(slice(None))
        return runs

    def __len__(self) -> int:
        return int(self.levels.shape[1])

    @property
    def width(self) -> int:
        return int(self.levels.shape[2])

    @property
    def channels(self) -> int:
        return len(self.counts)

    def part(self, first: int, stop: int) -> Runs:
        """Views of the rows [first, stop)."""
        part = slice(first, stop)
        return Runs(self.levels[:, part], self.counts[:, part], notes=self.notes[:, part])

    def side(self, places: slice) -> Runs:
        """Views of some places."""
        levels, counts = self.levels[..., places], self.counts[..., places]
        return Runs(levels, counts, notes=self.notes[..., places])

    def put(self, row: int, run: Runs) -> None:
        """Overwrite one row."""
        self.levels[:, row], self.counts[:, row] = run.levels[:, 0], run.counts[:, 0]
        self.notes[:, row] = run.notes[:, 0]

    def put_places(self, rows: Rows, place: int, *, runs: Runs) -> None:
        """Overwrite one column of some rows: the first places of `runs`, which is one row."""
        side = slice(len(rows))
        self.levels[:, rows, place] = runs.levels[:, 0, side]
        self.counts[:, rows, place] = runs.counts[:, 0, side]
        self.notes[:, rows, place] = runs.notes[:, 0, side]

    def empty(self, rows: slice | Rows, places: slice | int = slice(None)) -> None:
        """Forget what some rows say of some places."""
        for kind, level in enumerate(self.levels):
            level[rows, places] = 0.0 if kind in _SUMS else np.nan
        for channel in self.counts:
            channel[rows, places] = 0
        self.notes[MARKS][rows, places] = 0
        self.notes[AGE][rows, places] = VACANT

    def widened(self, width: int) -> Runs:
        """A copy with room for `width` series."""
        wide = Runs.vacant(len(self), width, channels=self.channels)
        wide.counts = wide.counts.astype(self.counts.dtype)
        old = self.width
        wide.levels[..., :old], wide.counts[..., :old] = self.levels, self.counts
        wide.notes[..., :old] = self.notes
        return wide

    def moments(self, row: int) -> Moments:
        """One row as moments; [channels, width]."""
        low = self.levels[LOW, row]
        shift, mean, m2 = np.zeros((3, self.channels, self.width))
        np.copyto(shift[0], low, where=~np.isnan(low))
        mean[0], m2[0] = self.levels[MEAN, row], self.levels[M2, row]
        if self.channels == 2:
            shift[1], m2[1] = self.levels[RETURN_MEAN, row], self.levels[RETURN_M2, row]
        levels = (self.counts[:, row].astype(np.float64), shift, mean, m2)
        return Moments(levels, (low, self.levels[HIGH, row], self.notes[MARKS, row]))


def run_of(values: Column, marks: Marks, *, channels: int) -> Runs:
    """The slots of one run, float64 (NaN: not counted) and uint8[slots, width], as one row."""
    run = Runs.vacant(1, values.shape[1], channels=channels)
    told = moments_of([values], marks)
    run.counts[0, 0], run.notes[MARKS, 0] = told.n[0], told.marks & _FLAGS
    for kind, level in ((LOW, told.low), (HIGH, told.high), (MEAN, told.mean[0]), (M2, told.m2[0])):
        run.levels[kind, 0] = level
    vacant = (told.n[0] == 0) & FILLABLE[marks].all(axis=0)
    run.notes[AGE, 0] = np.where(vacant, np.uint8(VACANT), np.uint8(FAR))
    for age in range(AGE_MAX, -1, -1):
        there = ~np.isnan(values[-1 - age])
        np.copyto(run.levels[CLOSE, 0], values[-1 - age], where=there)
        np.copyto(run.notes[AGE, 0], np.uint8(age), where=there)
    if channels == 2:
        moves = moments_of([log_returns(values[:-1], values[1:])], marks[:0])
        run.counts[1, 0], run.levels[FIRST, 0] = moves.n[0], values[0]
        run.levels[RETURN_MEAN, 0] = moves.shift[0] + moves.mean[0]
        run.levels[RETURN_M2, 0] = moves.m2[0]
    return run


def joined(parts: Sequence[Runs]) -> Runs:
    """All rows of `parts`, each following the one before, as one run."""
    whole = Runs.vacant(1, parts[0].width, channels=parts[0].channels)
    for first in range(0, whole.width, _PLACES):
        places = slice(first, first + _PLACES)
        _join([part.side(places) for part in parts], into=whole.side(places))
    return whole


def _join(parts: Sequence[Runs], *, into: Runs) -> None:
    first, last = parts[0], parts[-1]
    low = np.fmin.reduce(_column(parts, LOW))
    n, mean, m2 = _weighed(parts, low=low)
    into.counts[0, 0] = n
    into.levels[[LOW, HIGH, MEAN, M2, CLOSE], 0] = (
        low, np.fmax.reduce(_column(parts, HIGH)), mean, m2, last.levels[CLOSE, -1],
    )  # fmt: skip
    into.notes[MARKS, 0] = np.bitwise_or.reduce(_notes(parts, MARKS))
    into.notes[AGE, 0] = last.notes[AGE, -1]
    if first.channels == 2:
        n, mean, m2 = _weighed_returns(parts)
        into.counts[1, 0], into.levels[FIRST, 0] = n, first.levels[FIRST, 0]
        into.levels[RETURN_MEAN, 0], into.levels[RETURN_M2, 0] = mean, m2


def _column(parts: Sequence[Runs], kind: int) -> Column:
    """A copy of one level of every run; float64[runs, width]."""
    return np.concatenate([part.levels[kind] for part in parts])


def _notes(parts: Sequence[Runs], note: int) -> Marks:
    return np.concatenate([part.notes[note] for part in parts])


def _counts(parts: Sequence[Runs], channel: int) -> Column:
    return np.concatenate([part.counts[channel] for part in parts]).astype(np.float64)


def _weighed(parts: Sequence[Runs], *, low: Column) -> tuple[Column, Column, Column]:
    """n, mean above `low` and m2 of the values of all runs; float64[width] each."""
    n, off = _counts(parts, 0), _column(parts, LOW)
    off -= low
    off += _column(parts, MEAN)
    np.copyto(off, 0.0, where=n == 0.0)
    total = np.add.reduce(n)
    mean = np.add.reduce(n * off) / np.maximum(total, 1.0)
    return total, mean, _spread(n, off, mean=mean) + np.add.reduce(_column(parts, M2))


def _weighed_returns(parts: Sequence[Runs]) -> tuple[Column, Column, Column]:
    """n, mean and m2 of the returns inside all runs and across the seams between them."""
    n, inside = _counts(parts, 1), _column(parts, RETURN_MEAN)
    close = np.where(_notes(parts, AGE) == 0, _column(parts, CLOSE), np.nan)
    seams = log_returns(close[:-1], _column(parts, FIRST)[1:])
    np.copyto(inside, np.nan, where=n == 0.0)
    shift = np.fmin(np.fmin.reduce(inside), np.fmin.reduce(seams, initial=np.nan))
    shift = np.where(np.isnan(shift), 0.0, shift)
    off = np.concatenate([inside, seams]) - shift
    n = np.concatenate([n, ~np.isnan(seams)])
    np.copyto(off, 0.0, where=n == 0.0)
    total = np.add.reduce(n)
    mean = np.add.reduce(n * off) / np.maximum(total, 1.0)
    m2 = _spread(n, off, mean=mean) + np.add.reduce(_column(parts, RETURN_M2))
    return total, shift + mean, m2


def _spread(n: Column, off: Column, *, mean: Column) -> Column:
    """Σ n (off - mean)²; uses `off` up."""
    off -= mean
    off *= off
    off *= n
    spread: Column = np.add.reduce(off)
    return spread
