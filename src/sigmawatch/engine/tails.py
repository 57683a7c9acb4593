"""A standing window's older edge: what stays of the span that leaves, on top of the whole spans.

A row for every place of the edge: the middle spans merged oldest to newest, then the slots of the
leaving span folded in from its end back to that place. While one span leaves, the rows of the next
are built, a few steps a slot, where rows are used up: memory of one table, and every slot does the
same work. When a row was built makes no difference to its bytes. Imports engine.moments.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Protocol

import numpy as np

from sigmawatch.engine.geometry import Column, Marks
from sigmawatch.engine.moments import Moments, channels_of, cut_at_seams, log_returns, merged


class Source(Protocol):
    """Where slots are read; columns of one width."""

    def values(self, slot: int) -> Column:
        """float64[width], NaN where missing; to be read only."""

    def marks(self, slot: int) -> Marks:
        """uint8[width]; to be read only."""

    def silent(self, first: int, stop: int) -> bool:
        """Whether nothing was ever said of the slots [first, stop)."""


class Runs(Protocol):
    """Where the moments of whole spans are had."""

    def runs(self, first: int, stop: int) -> Iterator[Moments | None]:
        """The moments of the spans [first, stop), oldest first, neighbours together where they are
        kept so; None in between where one is still being worked out. Each step costs one merge."""

    def steps(self, first: int, stop: int) -> int:
        """How many steps `runs` would take now."""


class Table:
    """Moments of many runs in one piece of memory. n_max: values in the longest; shifts: how many
    different ones it holds."""

    def __init__(self, rows: int, like: Moments, *, n_max: int, shifts: int) -> None:
        shape = (rows, *like.mean.shape)
        self._n = np.empty(shape, np.min_scalar_type(n_max))
        self._mean, self._m2 = np.empty(shape), np.empty(shape)
        self._low, self._high = np.empty((2, rows, len(like.low)))
        self._marks = np.empty((rows, len(like.low)), np.uint8)
        self._shift = np.empty((shifts, *like.mean.shape))

    def put(self, row: int, moments: Moments, *, shift: int) -> None:
        self._n[row] = moments.n
        self._mean[row], self._m2[row] = moments.mean, moments.m2
        self._low[row], self._high[row] = moments.low, moments.high
        self._marks[row] = moments.marks
        self._shift[shift] = moments.shift

    def get(self, row: int, *, shift: int) -> Moments:
        """A view, to be read only. Where a run is empty its shift has no meaning, so rows that have
        all others in common may share one."""
        levels = (self._n[row], self._shift[shift], self._mean[row], self._m2[row])
        return Moments(levels, (self._low[row], self._high[row], self._marks[row]))


class Kept:
    """Moments by number, of which the newest `rows` in a row are kept."""

    def __init__(self, rows: int, like: Moments, *, n_max: int) -> None:
        self._table = Table(rows, like, n_max=n_max, shifts=rows)
        self._owner = [-1] * rows

    def __contains__(self, number: int) -> bool:
        return self._owner[number % len(self._owner)] == number

    def get(self, number: int) -> Moments:
        """A view, to be read only."""
        assert number in self
        row = number % len(self._owner)
        return self._table.get(row, shift=row)

    def put(self, number: int, moments: Moments) -> None:
        row = number % len(self._owner)
        self._table.put(row, moments, shift=row)
        self._owner[row] = number

    def forget(self, number: int) -> None:
        if number in self:
            self._owner[number % len(self._owner)] = -1


class Tail:
    """The edge of one window. size: slots in a span."""

    def __init__(
        self, slots: int, size: int, *, source: Source, spans: Runs, empty: Moments
    ) -> None:
        self._size, self._source, self._spans, self._empty = size, source, spans, empty
        self._middle = max(slots // size - 2, 0)  # spans
        self._ahead = slots >= 2 * size  # the next span to leave has ended already
        self._table = Table(size, empty, n_max=slots, shifts=2)
        self._leaving, self._row = -1, 0  # the table holds its rows from there on
        self._next: Iterator[tuple[int | None, Moments]] | None = None
        self._left = 0  # steps of the next table

    def touch(self, span: int) -> None:
        """Something in `span` changed."""
        newest = self._leaving + self._middle
        if self._leaving <= span <= newest + 1:
            self._next = None
        if self._leaving <= span <= newest:
            self._leaving = -1

    def at(self, leaving: int, row: int) -> Moments:
        """The row of one place of a leaving span. To be read before the next one is asked for."""
        if leaving == self._leaving + 1 and self._next is not None:
            self._step(None)
            self._leaving, self._row, self._next = leaving, 0, None
        if (leaving, row) < (self._leaving, self._row):  # it is used up
            return self.once(leaving, row)
        if leaving > self._leaving:
            for at, moments in self._steps(leaving, row):
                self._put(leaving, at, moments=moments)
            self._leaving, self._next = leaving, None
        self._row = row
        return self._table.get(self._place(leaving, row), shift=leaving % 2)

    def once(self, leaving: int, row: int) -> Moments:
        """As `at`, and nothing is kept."""
        *_, (_, moments) = self._steps(leaving, row)
        return moments

    def advance(self) -> None:
        """Do a slot's share of the next table. The row asked for last stays."""
        if not self._ahead:
            return
        if self._next is None:
            self._next = self._steps(self._leaving + 1, 0)
            first = self._leaving + 2
            self._left = self._spans.steps(first, first + self._middle) + self._size
        due = -(-self._left // (self._size - self._row))
        used_up = self._row  # rows; what is not a row needs none
        self._step(max(min(due, self._left - self._size + used_up), 0))

    def _step(self, count: int | None) -> None:
        """Do some steps of the next table; None: all that are left."""
        assert self._next is not None
        for at, moments in islice(self._next, count):
            self._put(self._leaving + 1, at, moments=moments)
            self._left -= 1

    def _put(self, leaving: int, row: int | None, *, moments: Moments) -> None:
        if row is not None:
            self._table.put(self._place(leaving, row), moments, shift=leaving % 2)

    def _place(self, leaving: int, row: int) -> int:
        """Every other table lies upside down: its first row to be built is where the one before it
        was first used."""
        return row if leaving % 2 else self._size - 1 - row

    def _steps(self, leaving: int, row: int) -> Iterator[tuple[int | None, Moments]]:
        """What there is after each step, and the row it makes; None before the first row."""
        moments, after = self._empty, None
        for run in self._spans.runs(leaving + 1, leaving + 1 + self._middle):
            if run is not None:
                moments = merged(moments, run)
            yield None, moments
        first, stop = leaving * self._size + row, (leaving + 1) * self._size
        for slot in range(stop - 1, first - 1, -1):
            values = self._source.values(slot)
            channels = channels_of(values, None, channels=len(moments.n))
            if after is not None and len(channels) == 2:
                channels[1] = log_returns(values, after)
                cut_at_seams(channels[1], self._source.marks(slot + 1))
            moments, after = moments.after(channels, self._source.marks(slot)), values
            yield slot % self._size, moments
