"""The values and marks of one block, slot by slot: a ring, time-major, and who may write a place.

A place (slot, series) holds the strongest thing said of it, whatever the order of arrival. For a
level that is a polled value, then a candle's, a coarse candle's, a suspect one, a reason for its
absence; for a flow the candle comes before the poll. Among equals the higher revision stands, and a
patch, made on purpose, before a frame. Per-place revisions are kept for the newest RECENT slots;
older slots remember the frame's only, so there a later patch wins by arriving later. Where a word
is damaged, nobody knows what it took the place of: what stood there goes, and anything said later
stands.

Missing is NaN in `values` with the reason in `marks`; a suspect number lies beside (`held`), so
that arithmetic over `values` needs no mask. Imports domain.frame.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sigmawatch.domain.frame import MISSING, REASON_MASK, Flag, Reason
from sigmawatch.engine.geometry import Column, Marks, Mask, Rows, Slots
from sigmawatch.engine.marks import counted, has_flag, is_reason, reasons_of

RECENT = 8
_STRENGTH = 48  # a key is strength << 48 | patch << 47 | revision
_PATCH = 1 << 47
_REVISION_MAX = _PATCH - 1
Keys = npt.NDArray[np.int64]
_NOTHING_HELD = (np.zeros(0, np.intp), np.zeros(0))


def _strength(mark: int, *, flow: bool) -> int:
    reason = mark & REASON_MASK
    if reason in (Reason.NOT_POLLED, Reason.NO_PLACE, Reason.DAMAGED):
        return 0  # what a row holds before anything was said, or when nobody knows what was
    if reason == Reason.SUSPECT:
        return 2
    if reason >= MISSING:
        return 1
    if mark & Flag.COARSE:
        return 3
    return 5 if bool(mark & Flag.FILLED) == flow else 4


def _strengths(*, flow: bool) -> Keys:
    """int64[256]: the key of every mark byte without its revision."""
    return np.array([_strength(mark, flow=flow) << _STRENGTH for mark in range(256)], np.int64)


_LEVEL_KEYS, _FLOW_KEYS = _strengths(flow=False), _strengths(flow=True)


class Ring:
    """float64[slots, width] and uint8[slots, width]; row = slot % slots.

    live: bool[width], where a series stands. newest: the last slot that was opened, -1 before the
    first. Slots (newest - slots, newest] are held.
    """

    def __init__(self, slots: int, width: int, *, flow: bool) -> None:
        self.slots = slots
        self.values: Column = np.empty((slots, width))
        self.marks: Marks = np.empty((slots, width), np.uint8)
        self.live: Mask = np.zeros(width, np.bool_)
        self.newest = -1
        self._blank: Marks = np.full(width, Reason.NO_PLACE, np.uint8)
        self._keys: dict[int, Keys] = {}  # of the recent slots that were written more than once
        self._key_of_mark = _FLOW_KEYS if flow else _LEVEL_KEYS
        self._revision: Slots = np.zeros(slots, np.int64)  # newest frame's; 0: no frame came
        self._touched: Mask = np.zeros(slots, np.bool_)
        self._held: dict[int, tuple[Rows, Column]] = {}

    @property
    def width(self) -> int:
        return len(self.live)

    @property
    def oldest(self) -> int:
        return self.newest - self.slots + 1

    def holds(self, slot: int) -> bool:
        return self.newest >= 0 and self.oldest <= slot <= self.newest

    def came(self, slot: int) -> bool:
        """Whether a frame of `slot` was written."""
        return self.holds(slot) and bool(self._revision[slot % self.slots])

    def revision(self, slot: int) -> int:
        """The highest revision of a frame of `slot`, 0 without one."""
        return int(self._revision[slot % self.slots]) if self.holds(slot) else 0

    def silent(self, from_slot: int, to_slot: int) -> bool:
        """Whether nothing was ever said of the slots [from_slot, to_slot)."""
        return not self._touched[self.rows(from_slot, to_slot)].any()

    def rows(self, from_slot: int, to_slot: int) -> Rows | slice:
        """The rows of the slots [from_slot, to_slot), oldest first."""
        first, count = from_slot % self.slots, to_slot - from_slot
        if first + count <= self.slots:
            return slice(first, first + count)
        return np.arange(from_slot, to_slot) % self.slots

    def slot_rows(self, first: int, stop: int) -> tuple[Column, Marks]:
        """float64 (NaN: not counted) and uint8[stop - first, width] of slots that are held."""
        rows = self.rows(first, stop)
        return self.values[rows], self.marks[rows]

    def open(self, slot: int) -> None:
        """Make `slot` the newest; slots skipped on the way were not polled."""
        if slot <= self.newest:
            return
        first = slot - self.slots + 1
        if self.newest >= 0:
            first = max(first, self.newest + 1)
        rows = self.rows(first, slot + 1)
        self.values[rows] = np.nan
        self.marks[rows] = self._blank
        self._revision[rows] = 0
        self._touched[rows] = False
        self._advance(slot)

    def _advance(self, slot: int) -> None:
        """`slot` is the newest; what was kept of slots that are too old now is let go."""
        self.newest = slot
        if self._keys:
            self._keys = {at: keys for at, keys in self._keys.items() if self._recent(at)}
        if self._held:
            self._held = {old: held for old, held in self._held.items() if old >= self.oldest}

    def extend(self, slot: int, values: Column, *, marks: Marks, revisions: Slots) -> None:
        """Open the slots from `slot` on, all newer than the newest and in one piece of memory, and
        write the one frame of each: what `open` and `write_frame` do, at once.

        values, marks: float64 and uint8[slots, n], n <= width, nothing suspect among them.
        """
        rows, count = slice(slot % self.slots, slot % self.slots + len(values)), values.shape[1]
        assert slot > self.newest
        assert rows.stop <= self.slots
        self.open(slot - 1)
        values, marks, _ = settled(values, marks)
        self.values[rows, :count], self.marks[rows, :count] = values, marks
        self.values[rows, count:], self.marks[rows, count:] = np.nan, self._blank[count:]
        vacant = np.flatnonzero(~self.live[:count])
        if len(vacant):
            self.values[rows, vacant], self.marks[rows, vacant] = np.nan, self._blank[vacant]
        self._revision[rows] = np.maximum(revisions, 1)
        self._touched[rows] = True
        self._advance(slot + len(values) - 1)

    def seat(self, place: int) -> None:
        """A series stands in `place` from now on; nothing is known of it."""
        self._fill(place, Reason.NOT_POLLED)
        self.live[place] = True

    def unseat(self, place: int) -> None:
        """The series of `place` is gone, and with it what it held."""
        self._fill(place, Reason.NO_PLACE)
        self.live[place] = False

    def _fill(self, place: int, reason: Reason) -> None:
        self._blank[place] = reason
        if self.newest >= 0:
            self.values[:, place] = np.nan
            self.marks[:, place] = reason
            for keys in self._keys.values():
                keys[place] = 0
            for slot in list(self._held):
                self._release(slot, np.array([place]))

    def write_frame(
        self, slot: int, values: Column, *, marks: Marks, revision: int, late: bool
    ) -> bool:
        """Write one row: float64[n], uint8[n] for places 0 to n-1, n <= width, slot held.

        late: a value that changes now is marked revised. Returns whether anything changed.
        """
        assert self.holds(slot)
        values, marks, held = settled(values, marks)
        row, count = slot % self.slots, len(values)
        old = self.values[row, :count], self.marks[row, :count]
        wins = changed = self.live[:count]
        if self._touched[row]:
            keys = self._key_of_mark[marks] | min(revision, _REVISION_MAX)
            before = self._stands(slot)
            wins = ((keys > before[:count]) | _damaged(marks)) & wins
            before[:count] = np.where(wins, keys, before[:count])
            stands, why, changed = _contest(old, (values, marks), wins=wins, late=late)
        else:  # nothing was said of this slot: the one write of almost every slot
            stands, why = np.where(wins, values, np.nan), np.where(wins, marks, old[1])
            self._keys.pop(slot, None)
        self.values[row, :count], self.marks[row, :count] = stands, why
        self._revision[row] = max(self._revision[row], revision, 1)
        self._touched[row] = True
        return self._swap_held(slot, held, wins=wins) or bool(changed.any())

    def write_patch(
        self, place: int, from_slot: int, *, values: Column, marks: Marks, revision: int
    ) -> Slots:
        """Write one column from `from_slot` on; float64[n], uint8[n], every slot held.

        A value over a value is marked revised. Returns int64[]: the slots that changed.
        """
        silent = np.isnan(values) & is_reason(reasons_of(marks), Reason.PENDING)
        values, marks, _ = settled(values, marks)
        slots = np.arange(from_slot, from_slot + len(values))
        assert self.holds(from_slot)
        assert self.holds(int(slots[-1]))
        rows = slots % self.slots
        old = self.values[rows, place], self.marks[rows, place]
        keys = self._key_of_mark[marks] | _PATCH | min(revision, _REVISION_MAX)
        before = self._key_of_mark[old[1]] | self._revision[rows]
        recent = [slot for slot in range(self.newest - RECENT + 1, self.newest + 1)
                  if from_slot <= slot <= slots[-1]]  # fmt: skip
        for slot in recent:
            before[slot - from_slot] = self._stands(slot)[place]
        wins = ((keys > before) | _damaged(marks)) & ~silent & self.live[place]
        for slot in recent:
            self._stands(slot)[place] = np.where(wins, keys, before)[slot - from_slot]
        stands, why, changed = _contest(old, (values, marks), wins=wins, late=True)
        self.values[rows, place], self.marks[rows, place] = stands, why
        self._touched[rows[wins]] = True
        told: Slots = slots[changed]
        for slot in self._held.keys() & set(told.tolist()):
            self._release(slot, np.array([place]))
        return told

    def _recent(self, slot: int) -> bool:
        return slot > self.newest - RECENT

    def _stands(self, slot: int) -> Keys:
        """What stands in a row, as keys; int64[width]. Of a recent slot it is kept, to be written
        to; until a second word comes it follows from the marks and the frame's revision."""
        if slot in self._keys:
            return self._keys[slot]
        row = slot % self.slots
        keys: Keys = self._key_of_mark[self.marks[row]] | self._revision[row]
        if self._recent(slot):
            self._keys[slot] = keys
        return keys

    def _swap_held(self, slot: int, held: Column | None, *, wins: Mask) -> bool:
        """Keep the suspect numbers of a row that was written; whether there were any."""
        if slot in self._held:
            self._release(slot, np.flatnonzero(wins))
        if held is None:
            return False
        places = np.flatnonzero(wins & ~np.isnan(held))
        if len(places):
            old_places, old = self._held.get(slot, _NOTHING_HELD)
            self._held[slot] = np.append(old_places, places), np.append(old, held[places])
        return bool(len(places))

    def _release(self, slot: int, places: Rows) -> None:
        if slot in self._held:
            held_places, held = self._held.pop(slot)
            keep = ~np.isin(held_places, places)
            if keep.any():
                self._held[slot] = held_places[keep], held[keep]

    def has_held(self, slot: int) -> bool:
        """Whether a place of `slot` holds a suspect number."""
        return slot in self._held

    def shown(self, slot: int) -> Column:
        """A copy of the row of `slot` with its suspect numbers; float64[width]."""
        values: Column = self.values[slot % self.slots].copy()
        places, held = self._held.get(slot, _NOTHING_HELD)
        values[places] = held
        return values

    def stretch(self, place: int, from_slot: int, *, to_slot: int) -> tuple[Column, Marks]:
        """Copies of one column over [from_slot, to_slot), suspect numbers included; slots that
        are not held are NaN and not polled."""
        count = max(to_slot - from_slot, 0)
        values, marks = np.full(count, np.nan), np.full(count, Reason.NOT_POLLED, np.uint8)
        first, stop = max(from_slot, self.oldest, 0), min(to_slot, self.newest + 1)
        if self.newest < 0 or first >= stop:
            return values, marks
        rows, inside = self.rows(first, stop), slice(first - from_slot, stop - from_slot)
        values[inside], marks[inside] = self.values[rows, place], self.marks[rows, place]
        for slot, (places, held) in self._held.items():
            if first <= slot < stop and place in places:
                values[slot - from_slot] = held[places == place][0]
        return values, marks

    def widened(self, width: int) -> Ring:
        """A copy with room for `width` series."""
        wide = Ring(self.slots, width, flow=self._key_of_mark is _FLOW_KEYS)
        old = self.width
        wide.live[:old], wide._blank[:old] = self.live, self._blank
        wide.newest, wide._held = self.newest, dict(self._held)
        wide._revision, wide._touched = self._revision, self._touched
        room = np.zeros(width - old, np.int64)
        wide._keys = {slot: np.append(keys, room) for slot, keys in self._keys.items()}
        if self.newest >= 0:
            wide.values[:, :old], wide.values[:, old:] = self.values, np.nan
            wide.marks[:, :old], wide.marks[:, old:] = self.marks, Reason.NO_PLACE
        return wide


def settled(values: Column, marks: Marks) -> tuple[Column, Marks, Column | None]:
    """Values and marks that agree, and the suspect numbers beside them.

    A value is NaN wherever its mark says missing; a mark that promises a value where there is none
    becomes an outage, and a series that stood nowhere then was not polled. Returns float64[n],
    uint8[n] and float64[n], NaN where nothing is suspect, or None where nothing is.
    """
    reasons, finite = reasons_of(marks), np.isfinite(values)
    vacant = is_reason(reasons, Reason.NO_PLACE)
    if vacant.any():
        marks = np.where(vacant, np.uint8(Reason.NOT_POLLED), marks)
    promised = counted(reasons)
    present = finite & promised
    told = np.where(present, values, np.nan)
    if (present == promised).all() and not is_reason(reasons, Reason.SUSPECT).any():
        return told, marks, None
    held = np.where(finite & is_reason(reasons, Reason.SUSPECT), values, np.nan)
    return told, np.where(promised & ~finite, np.uint8(Reason.OUTAGE), marks), held


def _damaged(marks: Marks) -> Mask:
    return is_reason(reasons_of(marks), Reason.DAMAGED)


def _contest(
    old: tuple[Column, Marks], new: tuple[Column, Marks], *, wins: Mask, late: bool
) -> tuple[Column, Marks, Mask]:
    """The values and marks that stand after `new` came, and where that changed something."""
    (old_values, old_marks), (new_values, new_marks) = old, new
    values = np.where(wins, new_values, old_values)
    vacant = np.isnan(old_values)
    same = (values == old_values) | (vacant & np.isnan(values))
    revised = has_flag(old_marks, Flag.REVISED) | (~same if late else False)
    kept = np.where(revised & ~vacant & ~np.isnan(values), np.uint8(Flag.REVISED), np.uint8(0))
    marks = np.where(wins, new_marks | kept, old_marks)
    return values, marks, ~same | (marks != old_marks)
