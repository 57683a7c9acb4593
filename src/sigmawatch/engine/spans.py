"""The moments of any window of one block, from spans that are kept and the edges that move.

    | leaving span |    middle spans    | recent span | newest span |
            [suffix ⊕        middle   ] ⊕ [  recent   ⊕ prefix]

The window's moments are tail ⊕ head. Tail: the middle spans merged oldest to newest, then the
slots of the leaving span folded in from its end backwards, so that a value which has left the
window is in no number we keep. Its rows, one for every place of the window's edge, are a table
built once a span. Head: the recent (last whole) span merged with the newest span's prefix, which
is folded slot by slot. The recent span stands apart so that late values do not cost a table. Whole
spans are always computed at once, never taken over from a prefix.

So a window is a function of its slots' contents, and of where they lie on the grid of spans, alone:
a process that starts later, or builds the window afresh, gets the same bytes. A return belongs to
the later of its two slots, and to a window only if both are in it: a suffix has no return into its
first slot, every later span has one across the boundary before it.

Cost a slot: one fold, one merge, and one merge a window; a span's turn adds about as much again.
Imports engine.moments, engine.ring.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sigmawatch.engine.geometry import Column, Geometry
from sigmawatch.engine.moments import Moments, channels_of, log_returns, merged, moments_of
from sigmawatch.engine.ring import Ring


class Table:
    """Moments of many runs in one piece of memory; `shared_shift` where all runs have one."""

    def __init__(self, rows: int, *, like: Ring, channels: int, shared_shift: bool) -> None:
        counts = np.uint16 if like.slots <= np.iinfo(np.uint16).max else np.uint32
        shape = (rows, channels, like.width)
        self._n = np.empty(shape, counts)
        self._mean, self._m2 = np.empty(shape), np.empty(shape)
        self._low, self._high = np.empty((2, rows, like.width))
        self._marks = np.empty((rows, like.width), np.uint8)
        self._shift = np.empty((1 if shared_shift else rows, channels, like.width))

    def put(self, row: int, moments: Moments) -> None:
        self._n[row] = moments.n
        self._mean[row], self._m2[row] = moments.mean, moments.m2
        self._low[row], self._high[row] = moments.low, moments.high
        self._marks[row] = moments.marks
        self._shift[row % len(self._shift)] = moments.shift

    def get(self, row: int) -> Moments:
        """A view, to be read only. With one shift for all, that of the last row that was put:
        where a row is empty its shift has no meaning, and once set it never changes."""
        shift = self._shift[row % len(self._shift)]
        levels = (self._n[row], shift, self._mean[row], self._m2[row])
        return Moments(levels, (self._low[row], self._high[row], self._marks[row]))


@dataclass(slots=True)
class _Tail:
    """A standing window's table: the suffixes of the leaving span from `row` on, each with the
    middle up to the recent span before `newest`."""

    table: Table
    leaving: int = -1
    newest: int = -1
    row: int = 0

    def serves(self, leaving: int, newest: int, *, row: int) -> bool:
        return (self.leaving, self.newest) == (leaving, newest) and row >= self.row


class Spans:
    """The moments of one block. Slots are those of the ring; span s holds [s·span, (s+1)·span)."""

    def __init__(self, ring: Ring, shape: Geometry, *, channels: int) -> None:
        self._ring, self._shape, self._channels = ring, shape, channels
        self._kept = Table(shape.spans, like=ring, channels=channels, shared_shift=False)
        self._owner = [-1] * shape.spans  # which span's moments a row of `_kept` holds
        self._tails: dict[int, _Tail] = {}
        self._prefix = Moments.empty(channels, ring.width)
        self._prefix_span, self._prefix_stop = -1, -1  # folded: [start of span, stop)
        self._head: tuple[int, Moments] | None = None

    def window(self, last: int, slots: int, *, standing: bool) -> Moments:
        """The moments of the `slots` slots that end with `last`. Standing windows keep the table
        of their edge; others are built and forgotten. To be read only."""
        first, newest = last - slots + 1, (last + 1) // self._shape.span
        leaving, row = divmod(first, self._shape.span)
        if leaving == newest:
            return self._whole(first, last + 1, inner=True)
        head = self._prefix_of(last) if leaving == newest - 1 else self._head_of(last)
        return merged(self._tail_of(slots, leaving, newest=newest, row=row, keep=standing), head)

    def _empty(self) -> Moments:
        return Moments.empty(self._channels, self._ring.width)

    def touch(self, slot: int) -> None:
        """A value or mark of `slot` changed, and with it the return into the slot after."""
        for changed in (slot, slot + 1):
            span = changed // self._shape.span
            if self._owner[span % self._shape.spans] == span:
                self._owner[span % self._shape.spans] = -1
            if span == self._prefix_span and changed < self._prefix_stop:
                self._prefix_span = -1
        self._head = None
        for tail in self._tails.values():
            if tail.leaving <= slot // self._shape.span <= max(tail.leaving, tail.newest - 2):
                tail.leaving = -1

    def _whole(self, first: int, stop: int, *, inner: bool) -> Moments:
        """The slots [first, stop) of one span; inner: without the return into the first."""
        ring, start = self._ring, first % self._ring.slots
        here = slice(start, start + stop - first)  # a span lies in one piece
        values, marks = ring.values[here], ring.marks[here]
        if self._channels == 1:
            return moments_of([values], marks)
        returns = np.empty_like(values)
        before = ring.values[(first - 1) % ring.slots]
        returns[0] = np.nan if inner else log_returns(before, values[0])
        returns[1:] = log_returns(values[:-1], values[1:])
        return moments_of([values, returns], marks)

    def _prefix_of(self, last: int) -> Moments:
        """The newest span from its start through `last`, with the return across its boundary; of
        no slots where `last` ends a span."""
        ring, span = self._ring, (last + 1) // self._shape.span
        if self._prefix_span != span or self._prefix_stop > last + 1:
            self._prefix = self._empty()
            self._prefix_span, self._prefix_stop = span, span * self._shape.span
        for slot in range(self._prefix_stop, last + 1):
            row, before = ring.values[slot % ring.slots], ring.values[(slot - 1) % ring.slots]
            channels = channels_of(row, before, channels=self._channels)
            self._prefix.fold(channels, ring.marks[slot % ring.slots])
        self._prefix_stop = last + 1
        return self._prefix

    def _span(self, span: int) -> Moments:
        """A whole span, with the return across the boundary before it."""
        row = span % self._shape.spans
        if self._owner[row] != span:
            start = span * self._shape.span
            self._kept.put(row, self._whole(start, start + self._shape.span, inner=False))
            self._owner[row] = span
        return self._kept.get(row)

    def _head_of(self, last: int) -> Moments:
        """The recent span and the prefix; every window of `last` shares it."""
        if self._head is None or self._head[0] != last:
            prefix = self._prefix_of(last)
            self._head = last, merged(self._span(self._prefix_span - 1), prefix)
        return self._head[1]

    def _tail_of(self, slots: int, leaving: int, *, newest: int, row: int, keep: bool) -> Moments:
        tail = self._tails.get(slots)
        if tail is not None and tail.serves(leaving, newest, row=row):
            return tail.table.get(row)
        if not keep:
            return self._built(None, leaving, newest=newest, row=row)
        if tail is None:
            rows, channels = self._shape.span, self._channels
            table = Table(rows, like=self._ring, channels=channels, shared_shift=True)
            tail = self._tails[slots] = _Tail(table)
        self._built(tail.table, leaving, newest=newest, row=row)
        tail.leaving, tail.newest, tail.row = leaving, newest, row
        return tail.table.get(row)

    def _built(self, table: Table | None, leaving: int, *, newest: int, row: int) -> Moments:
        """The middle, then the leaving span from its end back to `row`; each step into `table`."""
        moments = self._empty()
        for span in range(leaving + 1, newest - 1):
            moments = merged(moments, self._span(span))
        values, marks, size = self._ring.values, self._ring.marks, self._ring.slots
        stop = (leaving + 1) * self._shape.span
        first = leaving * self._shape.span + row
        after: Column | None = None
        for slot in range(stop - 1, first - 1, -1):
            mine = values[slot % size]
            both = channels_of(mine, None, channels=self._channels)
            if after is not None and self._channels == 2:
                both[1] = log_returns(mine, after)
            moments.fold(both, marks[slot % size])
            if table is not None:
                table.put(slot % self._shape.span, moments)
            after = mine
        return moments
