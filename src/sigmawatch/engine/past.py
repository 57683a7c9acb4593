"""What is known of a block from before the slots that its ring holds: whole minutes.

Only where slots are so short that a day of them is not kept (engine.geometry). What may still
change slot by slot, and what only by whole minutes, follows from when it was received, so that a
restart, which reads the same frames and patches again, changes the same. Imports
engine.long_windows, engine.minutes, engine.ring.
"""

from __future__ import annotations

import numpy as np

from sigmawatch.engine.geometry import Column, Geometry, Marks, Mask, Rows, Slots
from sigmawatch.engine.long_windows import LongWindows
from sigmawatch.engine.minutes import Minutes
from sigmawatch.engine.moments import Moments
from sigmawatch.engine.ring import Ring, settled


class Past:
    """The minutes of one block, kept beside its ring."""

    def __init__(
        self,
        ring: Ring,
        shape: Geometry,
        *,
        lag: int,
        minutes: Minutes | None = None,
        channels: int,
    ) -> None:
        """lag: how many slots after a minute's end it is taken in."""
        assert shape.minute
        self._ring, self._shape, self._lag, self._channels = (
            ring,
            shape,
            lag % shape.minute,
            channels,
        )
        self._minutes = minutes or Minutes(ring, ring.width, slots=shape.minute, channels=channels)
        self._windows = LongWindows(ring, self._minutes, lag=self._lag)

    def widened(self, ring: Ring) -> Past:
        """The same beside a wider copy of its ring."""
        minutes = self._minutes.widened(ring, ring.width)
        return Past(ring, self._shape, lag=self._lag, minutes=minutes, channels=self._channels)

    def clear(self, place: int) -> None:
        """Forget what is known of one series."""
        self._minutes.clear(place)
        self._windows = LongWindows(self._ring, self._minutes, lag=self._lag)

    # Writing

    def open(self, slot: int) -> None:
        """Open the ring through `slot`, newer than its newest. A minute is taken in when it is
        over, so where slots are skipped the newest minute ends first."""
        newest, size = self._ring.newest, self._shape.minute
        end = newest - newest % size + size - 1
        if newest >= 0 and slot > end:
            self.make_room(end)
            self._ring.open(end)
        self.make_room(slot)
        self._ring.open(slot)

    def make_room(self, slot: int) -> None:
        """Before `slot` becomes the ring's newest: take in what it forgets then, minutes that are
        over."""
        self._minutes.make_room(slot - self._ring.slots + 1)

    def edge(self, slot: int) -> int:
        """The oldest slot that what is received in `slot` changes by itself."""
        return (slot - self._shape.reach) // self._shape.minute * self._shape.minute

    def touch(self, slot: int) -> None:
        """The ring's `slot` changed."""
        self._minutes.touch(slot)
        self._windows.touch(slot)

    def fill(
        self, place: int, from_slot: int, *, values: Column, marks: Marks, revision: int
    ) -> Slots:
        """Take in the minutes that a patch covers and of which nothing is known. Returns int64[]:
        their slots. A few of them the ring may still hold, which makes no difference."""
        values, marks, _ = settled(values, marks)
        size = self._shape.minute
        minutes = [self._minutes.fill(place, from_slot, values=values, marks=marks)]
        first = max(-(-from_slot // size), self._minutes.final)
        for minute in range(first, (from_slot + len(values)) // size):
            if self._minutes.vacant(minute, minute + 1, places=np.array([place])).all():
                part = slice(minute * size - from_slot, (minute + 1) * size - from_slot)
                self._ring.write_patch(place, minute * size, values=values[part],
                                       marks=marks[part], revision=revision)  # fmt: skip
                self._minutes.touch(minute * size)
                minutes.append(np.array([minute]))
        filled = np.concatenate(minutes)
        for minute in filled.tolist():
            self._windows.touch(minute * size)
        slots: Slots = (filled[:, None] * size + np.arange(size)).ravel()
        return slots

    # Reading

    def window(self, slot: int, slots: int) -> Moments:
        """The moments of a window that begins before the slots held one by one; [.., width]."""
        return self._windows.window(slot, slots)

    def close_before(self, slot: int, slots: int) -> Column:
        """The newest value of the last 3 slots before such a window; float64[width], else NaN."""
        return self._minutes.close_at(self._shape.first(slot, slots) // self._shape.minute - 1)

    def vacant(self, from_slot: int, to_slot: int, *, places: Rows) -> tuple[Slots, Mask]:
        """Where the minutes of [from_slot, to_slot) begin, and the last one ends; and bool[minutes,
        places], where nothing is known of them and a candle could tell."""
        size = self._shape.minute
        start = max(from_slot // size, self._minutes.oldest)
        stop = max(to_slot // size, start)
        vacant = self._minutes.vacant(start, stop, places=places)
        return np.arange(start, stop + 1) * size, vacant
