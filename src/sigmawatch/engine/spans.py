"""The moments of any window of a slab, from spans that are kept and the edges that move.

    | leaving span |    middle spans    | recent span(s) | newest span |
            [suffix ⊕        middle   ] ⊕ [   recent    ⊕    prefix]

The window's moments are tail ⊕ head. Head: the newest span's prefix, folded slot by slot, after the
last whole spans. Tail: the middle spans merged oldest to newest, six of them at once where they
are a whole group (numbers 6g to 6g + 5), then the slots of the leaving span folded in from its end
backwards, so that a value which has left the window is in no number we keep.
Its rows, one for every place of the window's edge, are a table built once a span: while one
span leaves, the table of the next is built a step or three a slot in the rows that are used up, so
that every slot does the same work.

A window is a function of its slots' contents, and of where they lie on the grid of spans, alone: a
process that starts later, or builds the window afresh, gets the same bytes. A return belongs to
the later of its two slots, and to a window only if both are in it: a suffix has no return into its
first slot, every later span has one across the boundary before it.

Cost a slot: one fold, one merge, and for each standing window a merge, a fold, and the merges of
its next middle over the slots of a span (a day of minutes: 0.4). Imports engine.moments.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce

from sigmawatch.engine.moments import Moments, channels_of, cut_at_seams, merged
from sigmawatch.engine.tails import Kept, Source, Tail

GROUP_SPANS = 6  # near the root of the spans in a day's window: fewest merges
KEPT_SLOTS = 3  # the newest slot's windows and those of the 2 before: what rules look back on


class Spans:
    """The moments of one slab over windows of up to `longest` slots. Span s holds the slots
    [s·size, (s+1)·size)."""

    def __init__(self, source: Source, size: int, *, longest: int, empty: Moments) -> None:
        self._source, self._size, self._empty = source, size, empty
        spans = longest // size + 3
        self._kept = Kept(spans, empty, n_max=size)
        self._groups = Kept(spans // GROUP_SPANS + 1, empty, n_max=size * GROUP_SPANS)
        self._tails: dict[int, Tail] = {}  # by the slots of its window
        self._prefixes: dict[int, Moments] = {}  # by its last slot
        self._heads: dict[tuple[int, int], Moments] = {}  # by first span and last slot
        self._windows: dict[tuple[int, int], Moments] = {}  # by last slot and slots
        self._newest = -1  # the newest slot that was asked for

    def window(self, last: int, slots: int, *, standing: bool) -> Moments:
        """The moments of the `slots` slots that end with `last`. Standing windows keep what their
        next slot needs; others are built and forgotten. To be read only."""
        self._look(last)
        found = self._windows.get((last, slots))
        if found is None:
            found = self._window(last, slots, standing=standing)
            if standing:
                self._windows[last, slots] = found
        return found

    def _look(self, last: int) -> None:
        """Forget what is too old once `last` was asked for."""
        if last <= self._newest:
            return
        self._newest = last
        oldest = last - KEPT_SLOTS + 1
        self._prefixes = {at: kept for at, kept in self._prefixes.items() if at >= oldest - 1}
        self._windows = {key: kept for key, kept in self._windows.items() if key[0] >= oldest}
        self._heads.clear()

    def _window(self, last: int, slots: int, *, standing: bool) -> Moments:
        size = self._size
        (leaving, row), newest = divmod(last - slots + 1, size), (last + 1) // size
        if leaving == newest:
            return self._folded(self._empty, last - slots + 1, last=last, inner=True)
        first = max(leaving + 1, leaving + slots // size - 1)  # of the head's whole spans
        head = self._head(first, last)
        tail = self._tail(slots)
        if not standing:
            return merged(tail.once(leaving, row), head)
        moments = merged(tail.at(leaving, row), head)
        tail.advance()
        self._tails[slots] = tail
        return moments

    def touch(self, slot: int) -> None:
        """A value or mark of `slot` changed, and with it the return into the slot after."""
        if slot > self._newest:
            return
        for span in {slot // self._size, (slot + 1) // self._size}:
            self._kept.forget(span)
            self._groups.forget(span // GROUP_SPANS)
        self._prefixes = {at: kept for at, kept in self._prefixes.items() if at < slot}
        self._windows = {
            (last, slots): kept
            for (last, slots), kept in self._windows.items()
            if not last - slots < slot <= last
        }
        self._heads.clear()
        for tail in self._tails.values():
            tail.touch(slot // self._size)

    def _folded(self, moments: Moments, first: int, *, last: int, inner: bool = False) -> Moments:
        """`moments`, then the slots from `first` through `last`; inner: without the return into
        the first."""
        before = None
        if len(self._empty.mean) == 2 and first <= last and not inner:
            before = self._source.values(first - 1)
        if first < last:  # several: into arrays of their own
            moments = moments.copy()
        for slot in range(first, last + 1):
            values = self._source.values(slot)
            channels = channels_of(values, before, channels=len(self._empty.mean))
            marks = self._source.marks(slot)
            if len(channels) == 2:
                cut_at_seams(channels[1], marks)
            if first < last:
                moments.fold(channels, marks)
            else:
                moments = moments.after(channels, marks)
            before = values
        return moments

    def _prefix(self, last: int) -> Moments:
        """The span of `last` from its start through it, with the return across its boundary."""
        start = last - last % self._size
        known = max((at for at in self._prefixes if start <= at <= last), default=start - 1)
        moments = self._prefixes.get(known, self._empty) if known >= start else self._empty
        moments = self._folded(moments, known + 1, last=last)
        if last > self._newest - KEPT_SLOTS - 1:
            self._prefixes[last] = moments
        return moments

    def _span(self, span: int) -> Moments:
        """A whole span, with the return across the boundary before it."""
        if span not in self._kept:
            first, stop = span * self._size, (span + 1) * self._size
            silent = self._source.silent(first, stop)
            self._kept.put(span, self._empty if silent else self._prefix(stop - 1))
        return self._kept.get(span)

    def runs(self, first: int, stop: int) -> Iterator[Moments | None]:
        """See tails.Runs. Whole groups, and at both ends the spans that are in no whole one."""
        for number, grouped in _parts(first, stop):
            if not grouped:
                yield self._span(number)
                continue
            if number not in self._groups:
                begin = number * GROUP_SPANS
                moments = self._span(begin)
                for span in range(begin + 1, begin + GROUP_SPANS):
                    yield None
                    moments = merged(moments, self._span(span))
                self._groups.put(number, moments)
            yield self._groups.get(number)

    def steps(self, first: int, stop: int) -> int:
        return sum(
            GROUP_SPANS if grouped and number not in self._groups else 1
            for number, grouped in _parts(first, stop)
        )

    def _head(self, first: int, last: int) -> Moments:
        """The whole spans from `first` on, then the prefix; windows of one slot share it."""
        key = first, last
        if key not in self._heads:
            runs = [self._span(span) for span in range(first, (last + 1) // self._size)]
            if (last + 1) % self._size:
                runs.append(self._prefix(last))
            self._heads[key] = reduce(merged, runs) if runs else self._empty
        return self._heads[key]

    def _tail(self, slots: int) -> Tail:
        return self._tails.get(slots) or Tail(
            slots, self._size, source=self._source, spans=self, empty=self._empty
        )


def _parts(first: int, stop: int) -> Iterator[tuple[int, bool]]:
    """The spans [first, stop) as groups (number, True) and single spans (number, False)."""
    span = first
    while span < stop:
        whole = span % GROUP_SPANS == 0 and span + GROUP_SPANS <= stop
        yield (span // GROUP_SPANS, True) if whole else (span, False)
        span += GROUP_SPANS if whole else 1
