"""Whether a market still tells us anything: fresh, quiet, stale, frozen, delisted (SEMANTICS.md 4),
or is paused.

Everything is read from the marks of the day that ends with the judged slot, so it is a function of
the ring: a process that starts later says the same. The newest MOVED_SLOTS rows are looked at as
they are, because late values still change them; what older rows say of changes is kept, one row
further each slot, and read again only after a write that reaches behind it.

A market's own pace is the median of the gaps between its last GAPS changes, as far as they lie in
the quarter day before its present silence. No threshold is longer than three quarters of a day:
that is as far as a day's marks can vouch. Where slots are held for less than a day, that is the
day meant here. Imports domain.frame.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

import numpy as np
import numpy.typing as npt

from sigmawatch.domain.frame import Reason
from sigmawatch.engine.geometry import Column, Marks, Mask, Rows, Slots
from sigmawatch.engine.marks import changes, counted, is_reason, reasons_of

MOVED_SLOTS = 5  # a change this recent is movement
READ_SLOTS = 3  # no successful read in these: stale
GAPS = 16
READ_ROWS = 256  # of a day that is read again, at once
QUIET_GAPS, QUIET_SLOTS = 10, 5
FROZEN_GAPS, FROZEN_SLOTS = 20, 15
_UNKNOWN = np.iinfo(np.int32).max


class State(IntEnum):
    """What a reader should think of a series."""

    FRESH = 0
    QUIET = 1
    STALE = 2
    FROZEN = 3
    DELISTED = 4
    PAUSED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Signs:
    """What the marks say at one slot; all [width].

    moved: changed in the last 5 slots. read: successfully read in the last 3. delisted, paused:
    that was said last. unchanged: slots since the last change, at most a day. gap: the median gap
    of its changes in slots, NaN where there are none. counted: the newest slot of the day that
    holds a counted value, -1 without one.
    """

    moved: Mask
    read: Mask
    delisted: Mask
    paused: Mask
    unchanged: Slots
    gap: Column
    counted: Slots


class Source(Protocol):
    """Where marks are read; columns of one width."""

    @property
    def live(self) -> Mask:
        """bool[width], where a series stands."""

    @property
    def oldest(self) -> int:
        """The oldest slot that is held."""

    def marks(self, slot: int) -> Marks:
        """uint8[width]; to be read only."""


class Watch:
    """The memory of one slab: when each of its markets changed, and when it was last counted."""

    def __init__(self, source: Source, *, day: int, width: int) -> None:
        self._source, self._day = source, day
        self._every = np.arange(width)
        self._upto = -1  # the last slot whose row was counted
        self._changes = np.full((GAPS + 2, width), -1, np.int64)
        self._next = np.zeros(width, np.uint8)  # row of `_changes` the next one overwrites
        self._changed: Slots = np.full(width, -1, np.int64)
        self._counted: Slots = np.full(width, -1, np.int64)
        self._gap: Column = np.full(width, np.nan)
        self._gap_of: Slots = np.full(width, -1, np.int64)  # the change `_gap` was taken at

    def touch(self, slot: int) -> None:
        """The row of `slot` changed."""
        if slot <= self._upto:
            self._upto = -1

    def signs(self, slot: int) -> Signs:
        """What the marks say at `slot`, the newest or one a little older."""
        self._follow(slot - MOVED_SLOTS)
        reasons = self._reasons(slot - MOVED_SLOTS + 1, slot + 1)
        reads = counted(reasons[-READ_SLOTS:]) | is_reason(reasons[-READ_SLOTS:], Reason.SUSPECT)
        moved = np.logical_or.reduce(changes(reasons))
        still = np.flatnonzero(~moved)
        last = self._changed[still]
        self._measure(still[self._gap_of[still] != last])
        unchanged = np.zeros(len(moved), np.int64)
        since = np.minimum(slot - last, self._day)
        unchanged[still] = np.where(last >= 0, since, self._day)
        return Signs(
            moved=moved,
            read=np.logical_or.reduce(reads),
            delisted=_said_last(reasons, Reason.DELISTED),
            paused=_said_last(reasons, Reason.PAUSED),
            unchanged=unchanged,
            gap=self._gap,
            counted=self._newest_counted(reasons, slot),
        )

    def _reasons(self, first: int, stop: int) -> Marks:
        """uint8[slots, width], oldest first."""
        return reasons_of(np.array([self._source.marks(slot) for slot in range(first, stop)]))

    def _newest_counted(self, reasons: Marks, slot: int) -> Slots:
        newest = np.full(reasons.shape[1], slot)
        lacking = np.flatnonzero(~counted(reasons[-1]))
        if not len(lacking):
            return newest
        older = self._counted[lacking]
        older = np.where(older > slot - self._day, older, -1)
        for recent, row in enumerate(reasons[:-1], slot - MOVED_SLOTS + 1):
            older = np.where(counted(row[lacking]), recent, older)
        newest[lacking] = older
        return newest

    def _follow(self, slot: int) -> None:
        """Count the rows up to `slot`, from the start of the day where we cannot go on."""
        if self._upto > slot or slot - self._upto > self._day // 2:
            self._upto = -1
        if self._upto < 0:
            self._read_again(slot)
        for passed in range(self._upto + 1, slot + 1):
            self._pass(passed, reasons_of(self._source.marks(passed)))
        self._upto = slot

    def _pass(self, slot: int, reasons: Marks) -> None:
        changed, there = changes(reasons), counted(reasons)
        stamp = np.where(changed, slot, -1)
        # Where nothing changed this clears the entry to be written next, the oldest and one more
        # than is used: a store to every place is faster than one to some.
        at = self._next.astype(np.intp) * len(stamp) + self._every
        self._changes.ravel()[at] = stamp
        self._next += changed
        self._next *= self._next < len(self._changes)
        np.maximum(self._changed, stamp, out=self._changed)
        self._counted = np.where(there, slot, self._counted)

    def _read_again(self, slot: int) -> None:
        """Take the newest changes of every place from the marks of the day."""
        first = max(slot + MOVED_SLOTS - self._day + 1, self._source.oldest)
        self._changes.fill(-1)
        self._next.fill(0)
        self._counted.fill(-1)
        found = np.zeros(len(self._every), np.intp)  # changes of each place so far, newest first
        for stop in range(slot + 1, first, -READ_ROWS):
            start = max(stop - READ_ROWS, first)
            reasons = self._reasons(start, stop)
            there = counted(reasons)
            newest = stop - 1 - there[::-1].argmax(axis=0)
            unseen = (self._counted < 0) & np.logical_or.reduce(there)
            self._counted = np.where(unseen, newest, self._counted)
            self._take(changes(reasons) & (found <= GAPS), start, found=found)
            if not (self._source.live & ((found <= GAPS) | (self._counted < 0))).any():
                break
        self._changed = self._changes[-1].copy()
        self._gap_of.fill(-1)
        self._gap.fill(np.nan)
        self._upto = slot

    def _take(self, changed: Mask, start: int, *, found: Rows) -> None:
        """Note the changes of some rows, the first of which is `start`, newest first."""
        for row in np.flatnonzero(np.logical_or.reduce(changed, axis=1))[::-1]:
            places = np.flatnonzero(changed[row] & (found <= GAPS))
            self._changes[-1 - found[places], places] = start + row
            found[places] += 1

    def _measure(self, places: Rows) -> None:
        """The pace of the places that have just fallen silent."""
        if not len(places):
            return
        since = self._changed[places]
        times = np.sort(self._changes[:, places], axis=0)[-(GAPS + 1) :]
        known = (times >= np.maximum(since - self._day // 4, 0)) & (since >= 0)
        gaps = np.where(known[:-1], np.diff(times, axis=0), _UNKNOWN)
        gaps.sort(axis=0)
        count = np.maximum(known.sum(axis=0) - 1, 0)
        every = np.arange(len(places))
        lower, upper = gaps[np.maximum(count - 1, 0) // 2, every], gaps[count // 2, every]
        self._gap[places] = np.where(count > 0, (lower + upper) / 2.0, np.nan)
        self._gap_of[places] = since


def _said_last(reasons: Marks, word: Reason) -> Mask:
    """Where the last word within these rows, oldest first, was `word`: that the market is gone, or
    that it is paused."""
    last = np.zeros(reasons.shape[1], np.bool_)
    if not is_reason(reasons, word).any():
        return last
    for row in reasons:
        silent = ~counted(row) & ~is_reason(row, Reason.SUSPECT)
        last = is_reason(row, word) | (last & silent)
    return last


def silent(signs: Signs) -> Rows:
    """The columns that may be quiet or frozen; of all others their signs decide."""
    return np.flatnonzero(signs.read & (signs.unchanged >= QUIET_SLOTS))


def states(signs: Signs, at: Rows, *, others_move: Mask, day: int) -> npt.NDArray[np.uint8]:
    """uint8[width] of State. at: the silent columns; others_move: bool[silent], at least half of
    the venue's other markets moved."""
    state = np.where(signs.read, np.uint8(State.FRESH), np.uint8(State.STALE))
    if len(at):
        unchanged, cap = signs.unchanged[at], day * 3 // 4
        gap = np.nan_to_num(signs.gap[at])
        quiet = unchanged >= np.clip(QUIET_GAPS * gap, QUIET_SLOTS, cap)
        frozen = unchanged >= np.clip(FROZEN_GAPS * gap, FROZEN_SLOTS, cap)
        told = np.where(quiet, np.uint8(State.QUIET), np.uint8(State.FRESH))
        state[at] = np.where(frozen & others_move, np.uint8(State.FROZEN), told)
    state[signs.delisted] = State.DELISTED
    state[signs.paused] = State.PAUSED
    return state


def others_move(*, moved_count: Slots, read_count: Slots) -> Mask:
    """Whether at least half of a silent market's neighbours moved; bool[n].

    moved_count, read_count: int64[n], of all markets of its venue and metric, itself included (it
    was read and did not move).
    """
    others = read_count - 1
    return np.asarray((others > 0) & (2 * moved_count >= others))
