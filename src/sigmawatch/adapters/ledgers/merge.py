"""Frames and patches of some series of one block put together, slot by slot.

The rules are those of the series table (engine.ring), so that history reads as the table did. A
slot holds the strongest thing said of it, whatever the order of arrival: for a level a polled
value, then a candle's, a coarse candle's, a suspect one, a reason for its absence; for a flow the
candle comes before the poll. Among equals a patch stands before a frame, then the higher revision.
A value that replaces another one more than 2 slots late, or by a patch, is marked REVISED. Where a
word is damaged, what stood there goes, and anything said later stands.

What stands in a slot is told by value, mark and source (who said it: a frame or a patch, and its
revision). The three together are all that a later word is judged by, so what was sealed is a
beginning like any other: what is said after it, or once more, gives what it would have given.

Imports domain. Work in columns: one contest of all frames whose slots differ.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache

import numpy as np
import numpy.typing as npt

from sigmawatch.domain.frame import MISSING, REASON_MASK, Flag, Frame, Patch, Reason
from sigmawatch.domain.metric import METRICS, Kind
from sigmawatch.domain.series import Block, Series

LATE_SLOTS = 2
FRAMES_MAX = 128  # of one contest: 1 MB where blocks are full
_PATCH = 1 << 47
_STRENGTH = 48
Values = npt.NDArray[np.float64]
Marks = npt.NDArray[np.uint8]
Sources = npt.NDArray[np.int64]  # patch << 47 | revision + 1, 0 where nothing was said
_Mask = npt.NDArray[np.bool_]


class Merged:
    """Slots [from_slot, to_slot) of the series in `places` (ascending) of a block: float64, uint8
    and int64[slots, k]; what nothing was said of is NaN, NOT_POLLED and 0."""

    def __init__(
        self, block: Block, places: Sequence[int], *, from_slot: int, to_slot: int
    ) -> None:
        assert from_slot <= to_slot
        self.from_slot, self.to_slot = from_slot, to_slot
        self._places = np.array(places, np.int64)
        assert (np.diff(self._places) > 0).all()
        shape = (to_slot - from_slot, len(places))
        self.values: Values = np.full(shape, np.nan)
        self.marks: Marks = np.full(shape, Reason.NOT_POLLED, np.uint8)
        self.sources: Sources = np.zeros(shape, np.int64)
        self._interval = block.interval
        self._strengths = _strengths(METRICS[block.metric].kind)

    def begin(self, column: int, from_slot: int, *, of: tuple[Values, Marks, Sources]) -> None:
        """Let what was sealed stand in a column, from `from_slot` on; what lies outside is cut."""
        first = max(from_slot, self.from_slot)
        stop = min(from_slot + len(of[0]), self.to_slot)
        here = slice(first - self.from_slot, max(first, stop) - self.from_slot)
        there = slice(first - from_slot, max(first, stop) - from_slot)
        self.values[here, column] = of[0][there]
        self.marks[here, column] = of[1][there]
        self.sources[here, column] = of[2][there]

    def tear(self, column: int, *, span: tuple[int, int]) -> None:
        """What was sealed of the slots [from, to) is damaged; what lies outside is cut."""
        here = slice(max(span[0] - self.from_slot, 0), max(span[1] - self.from_slot, 0))
        self.values[here, column] = np.nan
        self.marks[here, column] = Reason.DAMAGED
        self.sources[here, column] = 0

    def apply(self, items: Iterable[Frame | Patch], *, columns: Mapping[int, int]) -> None:
        """Items in commit order: frames of the block that lie within, and patches. columns: series
        id -> column; patches of others are passed over."""
        batch: dict[int, Frame] = {}
        for item in items:
            if isinstance(item, Frame):
                if item.slot in batch or len(batch) == FRAMES_MAX:
                    self._frames(list(batch.values()))
                    batch.clear()
                batch[item.slot] = item
            elif item.series_id in columns:
                self._frames(list(batch.values()))
                batch.clear()
                self._patch(item, columns[item.series_id])
        self._frames(list(batch.values()))

    def _frames(self, frames: Sequence[Frame]) -> None:
        """Frames of different slots; their widths may differ, for blocks grow."""
        for width in {len(frame.marks) for frame in frames}:
            alike = [frame for frame in frames if len(frame.marks) == width]
            count = int(np.searchsorted(self._places, width))  # others had no place yet
            slots = np.array([frame.slot for frame in alike])
            said = (
                np.frombuffer(b"".join(f.values for f in alike), "<f8").reshape(-1, width),
                np.frombuffer(b"".join(f.marks for f in alike), np.uint8).reshape(-1, width),
            )
            places = self._places[:count]
            received = np.array([self._interval.slot(frame.recv_ms) for frame in alike])
            self._contest(
                (slots - self.from_slot, slice(count)), (said[0][:, places], said[1][:, places]),
                sources=np.array([frame.revision + 1 for frame in alike]),
                late=received - slots > LATE_SLOTS,
            )  # fmt: skip

    def _patch(self, patch: Patch, column: int) -> None:
        skip = max(0, self.from_slot - patch.from_slot)
        stop = min(len(patch.marks), self.to_slot - patch.from_slot)
        if skip >= stop:
            return
        values = np.frombuffer(patch.values, "<f8")[skip:stop]
        marks = np.frombuffer(patch.marks, np.uint8)[skip:stop]
        told = np.flatnonzero((_settled(values, marks)[1] & REASON_MASK) != Reason.PENDING)
        if len(told):  # a pending place says nothing
            rows = told + (patch.from_slot + skip - self.from_slot)
            self._contest(
                (rows, slice(column, column + 1)), (values[told, None], marks[told, None]),
                sources=np.full(len(told), _PATCH | (patch.revision + 1)),
                late=np.ones(len(told), np.bool_),
            )  # fmt: skip

    def _contest(
        self, at: tuple[npt.NDArray[np.intp], slice], said: tuple[Values, Marks], *,
        sources: Sources, late: _Mask,
    ) -> None:  # fmt: skip
        """Let what was said stand where it is stronger than what stands there. said: [r, c];
        sources, late: [r]; at: r different rows and c columns."""
        values, marks = _settled(*said)
        old_values, old_marks, old_sources = self.values[at], self.marks[at], self.sources[at]
        new = self._strengths[marks] | sources[:, None]
        old = np.where(old_sources, self._strengths[old_marks], 0) | old_sources
        stood = counted(old_marks)
        changed = stood & counted(marks) & (values != old_values)
        revised = (old_marks & Flag.REVISED != 0) | (late[:, None] & changed)
        marks = np.where(stood & revised, marks | np.uint8(Flag.REVISED), marks)
        wins = (new > old) | ((marks & REASON_MASK) == Reason.DAMAGED)
        self.values[at] = np.where(wins, values, old_values)
        self.marks[at] = np.where(wins, marks, old_marks)
        self.sources[at] = np.where(wins, sources[:, None], old_sources)


def block_of(series: Series) -> Block:
    """The block a series lives in."""
    return Block(id=series.block_id, venue=series.market.venue, metric=series.metric,
                 interval=series.interval)  # fmt: skip


def counted(marks: Marks) -> _Mask:
    """Where a value stands that statistics count."""
    there: _Mask = (marks & REASON_MASK) < MISSING
    return there


def _settled(values: Values, marks: Marks) -> tuple[Values, Marks]:
    """Values and marks that agree: a number where the mark promises one or calls it suspect."""
    finite, promised = np.isfinite(values), counted(marks)
    shown = promised | ((marks & REASON_MASK) == Reason.SUSPECT)
    return (
        np.where(finite & shown, values, np.nan),
        np.where(promised & ~finite, np.uint8(Reason.OUTAGE), marks),
    )


@cache
def _strengths(kind: Kind) -> Sources:
    """int64[256]: how much each mark byte weighs, above any source."""
    first_is_candle = kind is Kind.FLOW
    weights = [_strength(mark, first_is_candle=first_is_candle) for mark in range(256)]
    return np.array(weights, np.int64) << _STRENGTH


def _strength(mark: int, *, first_is_candle: bool) -> int:
    if mark & REASON_MASK in (Reason.NOT_POLLED, Reason.NO_PLACE, Reason.DAMAGED):
        return 0  # as before anything was said, or as nobody knows what was
    if mark & REASON_MASK == Reason.SUSPECT:
        return 2
    if mark & REASON_MASK >= MISSING:
        return 1
    if mark & Flag.COARSE:
        return 3
    return 5 if bool(mark & Flag.FILLED) == first_is_candle else 4
