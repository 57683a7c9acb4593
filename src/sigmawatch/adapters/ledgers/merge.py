"""Frames and patches of one series put together into a stretch of slots.

The rules are those by which a reading becomes part of the series table (SEMANTICS.md 2), so that
history reads as the table did: a later observation of a slot wins, a candle never replaces a polled
level, what was missing is filled silently, what changes late is marked REVISED. A pure function
of the items and their commit order.
"""

from __future__ import annotations

import math
import struct
from array import array
from collections.abc import Iterable

from sigmawatch.domain.frame import REASON_MASK, Flag, Frame, Patch, Reason
from sigmawatch.domain.metric import Kind
from sigmawatch.domain.series import Series
from sigmawatch.ports.history import Stretch

LATE_SLOTS_MAX = 2  # later than this, a change of what stood is a revision
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
        self._revisions = array("q", [-1]) * count  # of the newest frame that said anything

    def frame(self, frame: Frame) -> None:
        place, i = self._series.place, frame.slot - self._from_slot
        if place >= len(frame.marks):
            return  # the block was narrower then: nothing is said of this series
        (value,) = _VALUE.unpack_from(frame.values, 8 * place)
        newer = frame.revision > self._revisions[i]
        present = not math.isnan(self._values[i])
        if math.isnan(value):
            if newer and not present:
                self._marks[i] = frame.marks[place]
                self._revisions[i] = frame.revision
        elif newer or not present:
            late = self._series.interval.slot(frame.recv_ms) - frame.slot > LATE_SLOTS_MAX
            self._set(i, value, mark=frame.marks[place], revises=present and late)
            self._revisions[i] = frame.revision

    def patch(self, patch: Patch) -> None:
        offset = patch.from_slot - self._from_slot
        for n in range(max(0, -offset), min(len(patch.marks), len(self._marks) - offset)):
            (value,) = _VALUE.unpack_from(patch.values, 8 * n)
            self._patch_slot(offset + n, value, mark=patch.marks[n])

    def _patch_slot(self, i: int, value: float, *, mark: int) -> None:
        present = not math.isnan(self._values[i])
        if math.isnan(value):
            if not present and mark & REASON_MASK != Reason.PENDING:
                self._marks[i] = mark
            return
        polled = present and not self._marks[i] & Flag.FILLED
        if polled and mark & Flag.FILLED and self._series.kind.kind is Kind.LEVEL:
            return
        self._set(i, value, mark=mark, revises=present)

    def _set(self, i: int, value: float, *, mark: int, revises: bool) -> None:
        if revises and value != self._values[i]:
            mark |= Flag.REVISED
        self._values[i] = value
        self._marks[i] = mark

    def stretch(self) -> Stretch:
        values = struct.pack(f"<{len(self._values)}d", *self._values)
        return Stretch(from_slot=self._from_slot, values=values, marks=bytes(self._marks))
