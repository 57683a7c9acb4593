"""Frames and patches of one series put together into a stretch of slots.

The rules are those of the series table (engine.ring), so that history reads as the table did. A
slot holds the strongest thing said of it, whatever the order of arrival: for a level a polled
value, then a candle's, a coarse candle's, a suspect one, a reason for its absence; for a flow the
candle comes before the poll. Among equals a patch stands before a frame, then the higher revision.
A value that replaces another one more than 2 slots late, or by a patch, is marked REVISED.

A pure function of the items and their commit order. Imports domain and ports.history.
"""

from __future__ import annotations

import math
import struct
from array import array
from collections.abc import Iterable
from functools import cache

from sigmawatch.domain.frame import MISSING, REASON_MASK, Flag, Frame, Patch, Reason
from sigmawatch.domain.metric import Kind
from sigmawatch.domain.series import Series
from sigmawatch.ports.history import Stretch

LATE_SLOTS = 2
_VALUE = struct.Struct("<d")


def merge(
    items: Iterable[Frame | Patch], series: Series, *, from_slot: int, to_slot: int
) -> Stretch:
    """Slots [from_slot, to_slot) of `series`, from the frames of its block that lie within and the
    patches of it that reach into them, in commit order."""
    slots = _Slots(series, from_slot=from_slot, to_slot=to_slot)
    for item in items:
        if isinstance(item, Frame):
            slots.frame(item)
        else:
            slots.patch(item)
    return slots.stretch()


class _Slots:
    """The stretch in the making; position i is slot from_slot + i."""

    def __init__(self, series: Series, *, from_slot: int, to_slot: int) -> None:
        assert from_slot <= to_slot
        count = to_slot - from_slot
        self._series = series
        self._from_slot = from_slot
        self._values = array("d", [math.nan]) * count
        self._marks = bytearray([Reason.NOT_POLLED]) * count
        self._keys: list[tuple[int, bool, int]] = [(0, False, 0)] * count  # of what stands
        self._strengths = _strengths(series.kind.kind)

    def frame(self, frame: Frame) -> None:
        place, i = self._series.place, frame.slot - self._from_slot
        if place < len(frame.marks):  # else the block was narrower then: nothing was said of it
            value, mark = _settled(frame.values, frame.marks, at=place)
            late = self._series.interval.slot(frame.recv_ms) - frame.slot > LATE_SLOTS
            self._contest(i, (value, mark), key=(False, frame.revision), late=late)

    def patch(self, patch: Patch) -> None:
        offset = patch.from_slot - self._from_slot
        for n in range(max(0, -offset), min(len(patch.marks), len(self._marks) - offset)):
            value, mark = _settled(patch.values, patch.marks, at=n)
            if mark & REASON_MASK != Reason.PENDING:  # that says nothing
                self._contest(offset + n, (value, mark), key=(True, patch.revision), late=True)

    def _contest(
        self, i: int, said: tuple[float, int], *, key: tuple[bool, int], late: bool
    ) -> None:
        """Let what was said stand at `i` if it is stronger than what stands there."""
        value, mark = said
        strength = (self._strengths[mark], *key)
        if strength <= self._keys[i]:
            return
        if _counted(self._marks[i]):
            changed = _counted(mark) and value != self._values[i]
            mark |= self._marks[i] & Flag.REVISED | (Flag.REVISED if late and changed else 0)
        self._values[i], self._marks[i], self._keys[i] = value, mark, strength

    def stretch(self) -> Stretch:
        values = struct.pack(f"<{len(self._values)}d", *self._values)
        return Stretch(from_slot=self._from_slot, values=values, marks=bytes(self._marks))


def _settled(values: bytes, marks: bytes, *, at: int) -> tuple[float, int]:
    """A value and a mark that agree: a number where the mark promises one or calls it suspect."""
    (value,) = _VALUE.unpack_from(values, 8 * at)
    mark = marks[at]
    if not math.isfinite(value):
        return math.nan, Reason.OUTAGE if _counted(mark) else mark
    shown = _counted(mark) or mark & REASON_MASK == Reason.SUSPECT
    return (value if shown else math.nan), mark


def _counted(mark: int) -> bool:
    return mark & REASON_MASK < MISSING


@cache
def _strengths(kind: Kind) -> list[int]:
    """How much each of the 256 mark bytes weighs; what nobody said weighs 0."""
    return [_strength(mark, first_is_candle=kind is Kind.FLOW) for mark in range(256)]


def _strength(mark: int, *, first_is_candle: bool) -> int:
    if mark & REASON_MASK == Reason.SUSPECT:
        return 2
    if not _counted(mark):
        return 1
    if mark & Flag.COARSE:
        return 3
    return 5 if bool(mark & Flag.FILLED) == first_is_candle else 4
