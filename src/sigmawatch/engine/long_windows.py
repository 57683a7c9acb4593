"""Windows that begin before the single slots that are held: on a whole minute.

    [ minutes ] ⊕ [ slots since the last of them ]

The minutes are joined once a minute, the slots after them folded one by one; so a slot costs one
fold, one merge a window, and a minute's turn about as much as 150 minutes side by side take. A
block's turn comes `lag` slots after the minute's end, so that not all blocks turn in one slot. Like
everything in it (engine.minutes) the result follows from the window's contents and the slot number.
Imports engine.minutes, engine.moments.
"""

from __future__ import annotations

from dataclasses import dataclass

from sigmawatch.engine.minutes import Minutes, SlotRows
from sigmawatch.engine.moments import Moments, channels_of, merged

_SAVED_SLOTS = 16  # how often the folding is remembered, to go on from there after a late value


@dataclass(slots=True)
class _Run:
    """The slots, or minutes, [start, stop)."""

    start: int
    stop: int
    moments: Moments

    def copy(self) -> _Run:
        return _Run(self.start, self.stop, self.moments.copy())


class LongWindows:
    """The long windows of one block. Slots are the interval's own."""

    def __init__(self, rows: SlotRows, minutes: Minutes, *, lag: int) -> None:
        assert 0 <= lag < minutes.slots
        self._rows, self._minutes, self._lag = rows, minutes, lag
        self._joined: dict[int, _Run] = {}  # minutes of the standing windows, by their slots
        self._newest: _Run | None = None  # the slots after those minutes, folded
        self._saved: list[_Run] = []  # how far that was once or twice before

    def touch(self, slot: int) -> None:
        """A value or mark of `slot` changed, and with it the return into the slot after."""
        if self._newest is not None and self._newest.stop > slot:
            self._newest = None
        self._saved = [one for one in self._saved if one.stop <= slot]
        self.touch_minutes(slot // self._minutes.slots)

    def touch_minutes(self, minute: int) -> None:
        """What is known of `minute` changed."""
        outside = {slots: one for slots, one in self._joined.items()
                   if not one.start <= minute < one.stop}  # fmt: skip
        self._joined = outside

    def window(self, last: int, slots: int, *, standing: bool) -> Moments:
        """The moments from the first whole minute of the `slots` slots that end with `last` on.
        Standing windows keep those of their minutes. To be read only."""
        a_minute = self._minutes.slots
        start = -(-(last - slots + 1) // a_minute)
        stop = (last + 1 - self._lag) // a_minute
        joined = self._joined.get(slots)
        if joined is None or (joined.start, joined.stop) != (start, stop):
            joined = _Run(start, stop, self._minutes.window(start, stop).moments(0))
        if standing:
            self._joined[slots] = joined
        return merged(joined.moments, self._folded(stop * a_minute, last))

    def _folded(self, start: int, last: int) -> Moments:
        """The slots from `start` through `last`, with the return across the boundary before."""
        run = self._newest
        if run is None or run.start != start or run.stop > last + 1:
            self._saved = [one for one in self._saved if one.start == start]
            known = [one for one in self._saved if one.stop <= last + 1]
            run = known[-1].copy() if known else _Run(start, start, self._minutes.nothing())
        self._newest = run
        if run.stop > last:
            return run.moments
        values, marks = self._rows.slot_rows(run.stop - 1, last + 1)
        for row in range(1, last + 2 - run.stop):
            if run.stop > start and (run.stop - start) % _SAVED_SLOTS == 0:
                self._saved = [*self._saved[-1:], run.copy()]
            channels = channels_of(values[row], values[row - 1], channels=len(run.moments.n))
            run.moments.fold(channels, marks[row])
            run.stop += 1
        return run.moments
