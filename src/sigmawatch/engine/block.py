"""One block of the series table: its ring, its gate, and who tells it what.

A block is what is sent and stored. What follows from its readings is computed by slabs
(engine.slab), who are told which slots were written. Imports engine.ring, gate, marks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from sigmawatch.domain.frame import REASON_MASK, Frame, Patch, Reason
from sigmawatch.domain.metric import METRICS, Kind
from sigmawatch.domain.series import BLOCK_SERIES_MAX, BLOCK_SERIES_MIN, DERIVED, Block, Series
from sigmawatch.domain.window import HOUR_MS
from sigmawatch.engine.gate import MEDIAN_SLOTS, Pending, read_now, wild
from sigmawatch.engine.geometry import Column, Geometry, Marks, Rows, Slots
from sigmawatch.engine.marks import FILLABLE, changes, is_reason, reasons_of, seams, with_reason
from sigmawatch.engine.past import Past
from sigmawatch.engine.ring import Ring

LATE_SLOTS = 2  # later than this, a changed value is marked revised


class Reader(Protocol):
    """Who computes from a block's ring."""

    def touch(self, slot: int) -> None:
        """Something in `slot` changed."""


class BlockTable:
    """Grows from 32 places to 1,024 by doubling. Slots in and out are the interval's own."""

    def __init__(self, block: Block, shape: Geometry) -> None:
        kind = METRICS[block.metric]
        self.block = block
        self.series: dict[int, Series] = {}  # place -> who stands there
        self.covered = 0  # places that readers have columns for
        self.readers: set[Reader] = set()
        self.ring = Ring(shape.ring, BLOCK_SERIES_MIN, flow=kind.kind is Kind.FLOW)
        self.changed_ms: Slots = np.zeros(BLOCK_SERIES_MIN, np.int64)
        self.running = (-1, 0)  # the running slot and the receipt of its newest frame
        self.past: Past | None = None  # only where slots are short
        if shape.minute:
            channels = 1 if kind.kind is Kind.FLOW else 2
            self.past = Past(self.ring, shape, lag=block.id, channels=channels)
        self._gated = kind.gated  # what a venue says; who pushes knows what it means
        self._pending = Pending(BLOCK_SERIES_MIN)

    # Membership

    def add(self, series: Series) -> None:
        assert series.block_id == self.block.id
        assert series.place < BLOCK_SERIES_MAX
        self.reserve(series.place)
        self.ring.seat(series.place)
        if self.past is not None:
            self.past.clear(series.place)
        self.series[series.place] = series
        self._gated &= not series.pushed

    def remove(self, place: int) -> None:
        """Its place stays empty until it returns; what it held is in nobody's statistics."""
        del self.series[place]
        self.ring.unseat(place)
        if self.past is not None:
            self.past.clear(place)

    def reserve(self, place: int) -> None:
        """Grow as far as `place` needs, by a quarter at least: twofold would cost small
        installations, where a venue has a few dozen series, a tenth of their memory."""
        width = self.ring.width
        while width <= place:
            step = max(width // 4, BLOCK_SERIES_MIN) // BLOCK_SERIES_MIN * BLOCK_SERIES_MIN
            width = min(width + step, BLOCK_SERIES_MAX)
        if width > self.ring.width:
            self._widen(width)

    def _widen(self, width: int) -> None:
        self.ring = self.ring.widened(width)
        if self.past is not None:
            self.past = self.past.widened(self.ring)
        self._pending = self._pending.widened(width)
        self.changed_ms = np.append(self.changed_ms, np.zeros(width - len(self.changed_ms), int))

    # Readings

    @property
    def newest(self) -> int | None:
        return self.ring.newest if self.ring.newest >= 0 else None

    def gate(self, frame: Frame) -> tuple[Frame | Patch, ...]:
        """The frame with its wild readings marked, and a patch for each that it confirms."""
        values, marks = self._columns(frame)
        slot = frame.slot
        first = max(slot - MEDIAN_SLOTS, self.ring.oldest)
        stop = min(slot, self.ring.newest + 1)
        if not self._gated or first >= stop:
            return (frame,)
        past = self.ring.rows(first, stop)
        far = wild(values, self.ring.values[past, : len(values)])
        if not len(far) and not self._pending.waits:
            return (frame,)
        read = read_now(values, marks) & self.ring.live[: len(values)]
        confirmed = read & self._pending.confirmed(slot, values)
        suspect = np.zeros(len(values), np.bool_)
        suspect[far] = (read & ~confirmed)[far]
        if suspect.any():
            marks = with_reason(marks, Reason.SUSPECT, where=suspect)
            frame = Frame(
                block_id=frame.block_id, slot=frame.slot, revision=frame.revision,
                recv_ms=frame.recv_ms, values=frame.values, open=frame.open,
                marks=marks.tobytes() + frame.marks[len(marks) :],
            )  # fmt: skip
        earlier = confirmed & (self._pending.slots[: len(values)] < slot)
        return (frame, *(self._confirming(int(p), frame) for p in np.flatnonzero(earlier)))

    @property
    def doubts(self) -> bool:
        """Whether a reading waits for another one to confirm it."""
        return self._pending.waits

    def _confirming(self, place: int, frame: Frame) -> Patch:
        slot = int(self._pending.slots[place])
        mark = int(self.ring.marks[slot % self.ring.slots, place]) & ~REASON_MASK
        return Patch(
            series_id=self.series[place].id,
            from_slot=slot,
            revision=frame.slot,
            recv_ms=frame.recv_ms,
            values=self._pending.values[place : place + 1].astype("<f8").tobytes(),
            marks=bytes([mark | Reason.OBSERVED]),
        )

    def _columns(self, frame: Frame) -> tuple[Column, Marks]:
        """The frame's columns as far as this block has places."""
        width = self.ring.width
        values = np.frombuffer(frame.values, "<f8")[:width].astype(np.float64, copy=False)
        return values, np.frombuffer(frame.marks, np.uint8)[:width]

    def open(self, slot: int) -> None:
        """Make room through `slot`: what never came was not polled."""
        if self.past is not None and slot > self.ring.newest:
            self.past.open(slot)
        self.ring.open(slot)

    def _edge(self, recv_ms: int) -> int:
        """The oldest slot that what is received then changes by itself."""
        now = self.block.interval.slot(recv_ms)
        return self.ring.oldest if self.past is None else max(self.past.edge(now), self.ring.oldest)

    def apply_frame(self, frame: Frame) -> bool:
        """Write one row; whether it said anything new."""
        values, marks = self._columns(frame)
        slot = frame.slot
        self.open(slot)
        if slot < self._edge(frame.recv_ms) or not len(values):
            return False
        newest_word = frame.revision >= self.ring.revision(slot)
        first_word = not self.ring.came(slot)
        late = self.block.interval.slot(frame.recv_ms) - frame.slot > LATE_SLOTS
        changed = self.ring.write_frame(
            slot, values, marks=marks, revision=frame.revision, late=late
        )
        reasons = reasons_of(marks)
        if newest_word and (self._pending.waits or is_reason(reasons, Reason.SUSPECT).any()):
            live = self.ring.live[: len(values)]
            heard = np.where(live, marks, np.uint8(Reason.NO_PLACE))
            self._pending.note(slot, values, marks=heard)
        known = self.changed_ms[: len(marks)]
        moment_ms = np.where(changes(reasons), frame.recv_ms, 0)
        np.maximum(known, moment_ms, out=known)
        if frame.open or (newest_word and slot == self.running[0]):  # the last word on it too
            self.running = max(self.running, (slot, frame.recv_ms))
        if changed:
            self._touch(slot)
        return changed or first_word

    def continues(self, one: Frame, other: Frame) -> bool:
        """Whether both may stand in one `extend`, `other` last."""
        follows = other.slot == one.slot + 1 and len(other.marks) == len(one.marks)
        ends = other.slot % self.ring.slots == 0
        if self.past is not None:  # which takes in what the run's last slot makes it forget
            ends |= other.slot % (HOUR_MS // self.block.interval.ms) == 0
        return follows and not ends

    def extend(self, frames: Sequence[Frame]) -> bool:
        """Write a run of frames, each of which continues the one before, at once. False, and
        nothing is done, where that may not be the same as `apply_frame` of each in turn."""
        count, size = len(frames[0].marks), len(frames)
        first = frames[0].slot
        if first <= max(self.ring.newest, 0) or not count:
            return False
        if any(frame.open for frame in frames):
            return False
        marks = np.frombuffer(b"".join(frame.marks for frame in frames), np.uint8)
        if self._pending.waits or is_reason(reasons_of(marks), Reason.SUSPECT).any():
            return False
        values = np.frombuffer(b"".join(frame.values for frame in frames), "<f8")
        values = values.reshape(size, count)[:, : self.ring.width]
        marks = marks.reshape(size, count)[:, : self.ring.width]
        revisions = np.array([frame.revision for frame in frames], np.int64)
        recv_ms = np.array([frame.recv_ms for frame in frames], np.int64)
        self.open(first - 1)
        if self.past is not None:
            self.past.make_room(first + size - 1)
        self.ring.extend(first, values.astype(float, copy=False), marks=marks, revisions=revisions)
        moments_ms = np.where(changes(reasons_of(marks)), recv_ms[:, None], 0)
        known = self.changed_ms[: marks.shape[1]]
        np.maximum(known, moments_ms.max(axis=0), out=known)
        return True

    def apply_patch(self, patch: Patch, place: int) -> bool:
        """Write a run of one column, as far as it is held; whether it said anything new."""
        marks = np.frombuffer(patch.marks, np.uint8)
        self.open(patch.from_slot + len(marks) - 1)
        changed = self._written(patch, place, marks=marks)
        moved = changed[changes(reasons_of(marks[changed - patch.from_slot]))]
        if len(moved):  # it came to pass before that slot ended, whenever we heard of it
            ended_ms = self.block.interval.open_ms(int(moved[-1]) + 1)
            moment_ms = min(patch.recv_ms, ended_ms)
            self.changed_ms[place] = max(int(self.changed_ms[place]), moment_ms)
        return bool(len(changed))

    def _written(self, patch: Patch, place: int, *, marks: Marks) -> Slots:
        """int64[]: the slots that a patch changed, slot by slot or by whole minutes."""
        values = np.frombuffer(patch.values, "<f8").astype(np.float64, copy=False)
        first, revision = patch.from_slot, patch.revision
        skip = min(max(self._edge(patch.recv_ms) - first, 0), len(values))
        filled = changed = np.zeros(0, np.int64)
        if self.past is not None and skip:
            filled = self.past.fill(
                place, first, values=values[:skip], marks=marks[:skip], revision=revision
            )
        if skip < len(values):
            changed = self.ring.write_patch(
                place, first + skip, values=values[skip:], marks=marks[skip:], revision=revision
            )
        for slot in [*filled[:1].tolist(), *changed.tolist()]:
            self._touch(slot)
        return np.append(filled, changed)

    def _touch(self, slot: int) -> None:
        if self.past is not None:
            self.past.touch(slot)
        for reader in self.readers:
            reader.touch(slot)

    # Reading

    def stretch(self, place: int, from_slot: int, *, to_slot: int) -> tuple[Column, Marks]:
        """Copies of one column over [from_slot, to_slot)."""
        return self.ring.stretch(place, from_slot, to_slot=to_slot)

    def rows(self, places: Rows, from_slot: int, *, to_slot: int) -> tuple[Column, Marks]:
        """Copies of some columns over [from_slot, to_slot): float64 and uint8[slots, places]."""
        at = np.arange(from_slot, to_slot)
        held = (at >= max(self.ring.oldest, 0)) & (at <= self.ring.newest)
        cells = np.ix_(at % self.ring.slots, places)
        values, marks = self.ring.values[cells], self.ring.marks[cells]
        values[~held], marks[~held] = np.nan, Reason.NOT_POLLED
        return values, marks

    @property
    def stitched(self) -> bool:
        """Whether a series here may have seams."""
        return self.block.venue == DERIVED and any(one.stitched for one in self.series.values())

    def newest_seams(self, slot: int) -> Slots:
        """int64[width]: the newest slot held, up to `slot`, in which another source began; -1."""
        first = max(self.ring.oldest, 0)
        if not self.ring.holds(slot):
            return np.full(self.ring.width, -1)
        found = seams(reasons_of(self.ring.marks[self.ring.rows(first, slot + 1)]))
        return np.where(found.any(axis=0), slot - found[::-1].argmax(axis=0), -1)

    def revision(self, slot: int) -> int:
        """The highest revision of a frame of `slot`, 0 where none came."""
        return self.ring.revision(slot)

    def missing(self, places: Rows, from_slot: int, *, to_slot: int) -> tuple[Slots, Slots]:
        """First slot and stop of what is missing at `places` in [from_slot, to_slot); both 0 where
        nothing is. Of minutes that are known as a whole, whole ones."""
        if self.ring.newest < 0 or from_slot >= to_slot:
            blank = np.full(len(places), to_slot)
            return np.minimum(blank, from_slot), blank
        edge = from_slot if self.past is None else max(self.past.edge(to_slot), from_slot)
        starts = np.arange(edge, to_slot)
        held = (starts >= self.ring.oldest) & (starts <= self.ring.newest)
        marks = self.ring.marks[np.ix_(starts % self.ring.slots, places)]
        gone, stops = np.where(held[:, None], FILLABLE[marks], True), starts + 1
        if self.past is not None and from_slot < edge:
            self.open(to_slot - 1)
            minutes, vacant = self.past.vacant(from_slot, edge, places=places)
            starts, gone = np.append(minutes[:-1], starts), np.vstack([vacant, gone])
            stops = np.append(minutes[1:], stops)
        some = gone.any(axis=0)
        first = np.where(some, starts[gone.argmax(axis=0)], 0)
        stop = np.where(some, stops[len(stops) - 1 - gone[::-1].argmax(axis=0)], 0)
        return first, stop
