"""The clock minutes of one block whose slots are too short for a day of them to be kept one by one.

The ring holds single slots for a while (`Geometry.reach`), this a day of whole minutes, each as a
run (engine.runs), 68 bytes a level however many slots it has. A window longer than the ring's
reach is put together from them:

    | leaving hour's minutes | hours | newest hour's minutes | newest minute's slots |

Each of these is a function of its own slots alone, and nothing is ever taken out: so the window is
a function of its contents and of where they lie on the clock, whoever put it together and when.

A minute whose slots are all held is made from them when it is asked for, and again after a late
value. Before the ring forgets one of its slots it is made for the last time, and stands. From then
on one thing can still be said of it: where nothing at all is known of a minute, a patch that covers
the whole of it (back-fill) gives it to us. Imports engine.runs, engine.geometry.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from sigmawatch.engine.geometry import Column, Marks, Mask, Rows
from sigmawatch.engine.moments import Moments
from sigmawatch.engine.runs import AGE, AGE_MAX, CLOSE, VACANT, Runs, joined, run_of

DAY_MINUTES = 1_440
HOUR_MINUTES = 60
# Kept beyond the day: the minute before it, for change_pct, and as far as an older slot than the
# newest may be closed.
SPARE_MINUTES = 24
_NARROWEST = 2  # columns: a single one NumPy adds up in another order


class SlotRows(Protocol):
    """Where single slots are read. newest, oldest: the slots held, -1 before the first."""

    @property
    def newest(self) -> int: ...

    @property
    def oldest(self) -> int: ...

    def slot_rows(self, first: int, stop: int) -> tuple[Column, Marks]:
        """float64 (NaN: not counted) and uint8[stop - first, width] of slots that are held."""


class Minutes:
    """A day of minutes of one block, and its hours. Slots are the interval's own; minute m holds
    the slots [m·slots, (m+1)·slots)."""

    def __init__(self, rows: SlotRows, width: int, *, slots: int, channels: int) -> None:
        """slots: in a minute."""
        assert slots > AGE_MAX
        self._rows, self.slots = rows, slots
        self._runs = Runs.vacant(DAY_MINUTES + SPARE_MINUTES, width, channels=channels, slots=slots)
        hours = (DAY_MINUTES + SPARE_MINUTES) // HOUR_MINUTES + 2
        self._hours = Runs.vacant(hours, width, channels=channels, slots=slots * HOUR_MINUTES)
        self._hour_at = [-1] * hours  # which hour a row of `_hours` holds
        self._made: set[int] = set()  # minutes made of slots that may still change
        self.final = 0  # minutes before this one stand

    # Writing

    def make_room(self, oldest: int) -> None:
        """Before the ring forgets the slots before `oldest`: every minute with one of them is made
        for the last time. Of minutes that the ring never came to nothing is known; the newest one
        must be over."""
        stop, begun = -(-oldest // self.slots), self._rows.newest // self.slots + 1
        if stop <= self.final:
            return
        for minute in range(self.final, min(stop, begun)):
            self._make(minute)
        skipped = np.arange(max(begun, self.final, stop - len(self._runs)), stop)
        self._runs.empty(skipped % len(self._runs))
        self._made = {minute for minute in self._made if minute >= stop}
        self.final = stop

    def touch(self, slot: int) -> None:
        """A value or mark of `slot` changed, which the ring holds."""
        minute = slot // self.slots
        self._made.discard(minute)
        self._forget_hour(minute)

    def fill(self, place: int, from_slot: int, *, values: Column, marks: Marks) -> Rows:
        """Take one series' slots from `from_slot` on, float64 (NaN: not counted) and uint8[n]:
        those that cover minutes which stand, and of which nothing is known. Returns those minutes.
        """
        first = max(-(-from_slot // self.slots), self.oldest)
        stop = min((from_slot + len(values)) // self.slots, self.final)
        if first >= stop:
            return np.zeros(0, np.intp)
        rows = np.arange(first, stop) % len(self._runs)
        vacant = np.flatnonzero(self._runs.notes[AGE, rows, place] == VACANT)
        shape = (stop - first, self.slots)
        part = slice(first * self.slots - from_slot, stop * self.slots - from_slot)
        picked = np.resize(vacant, max(len(vacant), _NARROWEST)) if len(vacant) else vacant
        if not len(picked):
            return vacant
        runs = run_of(
            np.ascontiguousarray(values[part].reshape(shape)[picked].T),
            np.ascontiguousarray(marks[part].reshape(shape)[picked].T),
            channels=self._runs.channels,
        )  # fmt: skip
        self._runs.put_places(rows[vacant], place, runs=runs)
        for minute in {int(one) // HOUR_MINUTES * HOUR_MINUTES for one in first + vacant}:
            self._forget_hour(minute)
        return first + vacant

    def clear(self, place: int) -> None:
        """Forget what is known of one series."""
        self._runs.empty(slice(None), place)
        self._hours.empty(slice(None), place)

    def widened(self, rows: SlotRows, width: int) -> Minutes:
        """A copy with room for `width` series, over wider rows."""
        wide = Minutes(rows, width, slots=self.slots, channels=self._runs.channels)
        wide._runs, wide.final = self._runs.widened(width), self.final
        return wide

    def _forget_hour(self, minute: int) -> None:
        hour = minute // HOUR_MINUTES
        if self._hour_at[hour % len(self._hours)] == hour:
            self._hour_at[hour % len(self._hours)] = -1

    # Reading

    @property
    def oldest(self) -> int:
        """The oldest minute whose row is not needed for a newer one."""
        return self._rows.newest // self.slots - len(self._runs) + 1

    def window(self, start: int, stop: int) -> Runs:
        """The minutes [start, stop) as one run; not empty, all over and kept."""
        assert self.oldest <= start < stop <= self._rows.newest // self.slots + 1
        first_hour, last_hour = -(-start // HOUR_MINUTES), stop // HOUR_MINUTES
        if first_hour >= last_hour:
            return joined(self._of_minutes(start, stop))
        hours = [self._hour(hour) for hour in range(first_hour, last_hour)]
        return joined([
            *self._of_minutes(start, first_hour * HOUR_MINUTES),
            *hours,
            *self._of_minutes(last_hour * HOUR_MINUTES, stop),
        ])  # fmt: skip

    def nothing(self) -> Moments:
        """Of no slots at all."""
        return Moments.empty(self._runs.channels, self._runs.width)

    def close_at(self, minute: int) -> Column:
        """The newest value of a minute's last 3 slots, NaN without one; float64[width]."""
        (row,) = self._of_minutes(minute, minute + 1)
        close: Column = row.levels[CLOSE, 0]
        return close

    def vacant(self, start: int, stop: int, *, places: Rows) -> Mask:
        """bool[stop - start, places]: the minutes of which nothing is known."""
        notes = [part.notes[AGE][:, places] for part in self._of_minutes(start, stop)]
        vacant: Mask = np.concatenate([np.zeros((0, len(places)), np.uint8), *notes]) == VACANT
        return vacant

    def _of_minutes(self, start: int, stop: int) -> list[Runs]:
        """The rows of some minutes, oldest first."""
        for minute in range(max(start, self.final), stop):
            if minute not in self._made:
                self._make(minute)
                self._made.add(minute)
        first, count = start % len(self._runs), stop - start
        split = min(first + count, len(self._runs))
        parts = self._runs.part(first, split), self._runs.part(0, first + count - split)
        return [part for part in parts if len(part)]

    def _make(self, minute: int) -> None:
        """One minute from its slots."""
        first, row = minute * self.slots, minute % len(self._runs)
        if minute in self._made:
            return
        values, marks = self._rows.slot_rows(first, first + self.slots)
        self._runs.put(row, run_of(values, marks, channels=self._runs.channels))
        self._forget_hour(minute)

    def _hour(self, hour: int) -> Runs:
        row = hour % len(self._hours)
        if self._hour_at[row] != hour:
            start = hour * HOUR_MINUTES
            self._hours.put(row, joined(self._of_minutes(start, start + HOUR_MINUTES)))
            self._hour_at[row] = hour
        return self._hours.part(row, row + 1)
