"""One block of the series table: its ring, its windows' moments, its gate and its freshness.

Inside a block slots are shifted by a phase of its own (block id modulo the span), so that the spans
of different blocks end in different slots and no slot close has to turn them all. The phase
depends on the block's id alone. Imports the rest of the engine but snapshot, ranking and table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sigmawatch.domain.frame import REASON_MASK, Frame, Patch, Reason
from sigmawatch.domain.metric import METRICS, Kind
from sigmawatch.domain.series import BLOCK_SERIES_MAX, BLOCK_SERIES_MIN, Block, Series
from sigmawatch.domain.window import HOUR_MS
from sigmawatch.engine.freshness import Signs, Watch
from sigmawatch.engine.gate import MEDIAN_SLOTS, Pending, read_now, wild
from sigmawatch.engine.geometry import Column, Geometry, Marks, Mask, Rows, Slots
from sigmawatch.engine.marks import changes, is_reason, reasons_of, with_reason
from sigmawatch.engine.moments import Moments
from sigmawatch.engine.ring import Ring
from sigmawatch.engine.spans import Spans

LATE_SLOTS = 2  # later than this, a changed value is marked revised
REACH_SLOTS = 2  # how far before its moment a close may lie that change_pct uses


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One slot of one block as a board shows it; all [count]."""

    value: Column
    mark: Marks
    last_value: Column
    last_slot: Slots
    live_value: Column
    live_ms: Slots
    came: bool


class BlockTable:
    """Grows from 32 places to 1,024 by doubling. Slots in and out are the interval's own."""

    def __init__(self, block: Block, shape: Geometry) -> None:
        kind = METRICS[block.metric]
        self.block = block
        self.series: dict[int, Series] = {}  # place -> who stands there
        self.count = 0  # one more than the last place that was ever taken
        self._flow = kind.kind is Kind.FLOW
        self._gated = kind.gated
        self._shape = shape
        self._phase = block.id % shape.span
        self._hour = HOUR_MS // block.interval.ms  # only asked for where that is whole
        self._ring = Ring(shape.ring, BLOCK_SERIES_MIN, flow=self._flow)
        self._pending = Pending(BLOCK_SERIES_MIN)
        self.changed_ms: Slots = np.zeros(BLOCK_SERIES_MIN, np.int64)
        self._live = (-1, 0)  # slot and receipt of the newest open frame
        self._remember_nothing()

    def _remember_nothing(self) -> None:
        """Everything that follows from the ring is to be read from it again."""
        self._spans = Spans(self._ring, self._shape, channels=1 if self._flow else 2)
        self._watch = Watch(self._ring.width, day=self._shape.day)
        self._asked = -1  # the newest slot anything was computed of
        self._means: dict[int, tuple[Column, Column]] = {}  # last slot -> the hour's mean and n

    # Membership

    def add(self, series: Series) -> None:
        assert series.block_id == self.block.id
        assert series.place < BLOCK_SERIES_MAX
        self.reserve(series.place)
        self._ring.seat(series.place)
        self.series[series.place] = series
        self.count = max(self.count, series.place + 1)

    def remove(self, place: int) -> None:
        """The place stays empty for ever; what it held is in nobody's statistics."""
        del self.series[place]
        self._ring.unseat(place)

    def reserve(self, place: int) -> None:
        """Grow as far as `place` needs."""
        width = self._ring.width
        while width <= place:
            width *= 2
        if width > self._ring.width:
            self._widen(width)

    def _widen(self, width: int) -> None:
        self._ring = self._ring.widened(width)
        self._pending = self._pending.widened(width)
        self.changed_ms = np.append(self.changed_ms, np.zeros(width - len(self.changed_ms), int))
        self._remember_nothing()

    # Readings

    @property
    def newest(self) -> int | None:
        return self._ring.newest - self._phase if self._ring.newest >= 0 else None

    def gate(self, frame: Frame) -> tuple[Frame | Patch, ...]:
        """The frame with its wild readings marked, and a patch for each that it confirms."""
        values, marks = self._columns(frame)
        slot = frame.slot + self._phase
        first = max(slot - MEDIAN_SLOTS, self._ring.oldest)
        past = self._ring.rows(first, min(slot, self._ring.newest + 1))
        if not self._gated or not len(past):
            return (frame,)
        read = read_now(values, marks) & self._ring.live[: len(values)]
        before = self._ring.values[past, : len(values)]
        confirmed = read & self._pending.confirmed(slot, values)
        suspect = read & wild(values, before) & ~confirmed
        if suspect.any():
            marks = with_reason(marks, Reason.SUSPECT, where=suspect)
            frame = Frame(
                block_id=frame.block_id, slot=frame.slot, revision=frame.revision,
                recv_ms=frame.recv_ms, values=frame.values, open=frame.open,
                marks=marks.tobytes() + frame.marks[len(marks) :],
            )  # fmt: skip
        earlier = confirmed & (self._pending.slots[: len(values)] < slot)
        return (frame, *(self._confirming(int(p), frame) for p in np.flatnonzero(earlier)))

    def _confirming(self, place: int, frame: Frame) -> Patch:
        slot = int(self._pending.slots[place])
        mark = int(self._ring.marks[slot % self._shape.ring, place]) & ~REASON_MASK
        return Patch(
            series_id=self.series[place].id,
            from_slot=slot - self._phase,
            revision=frame.slot,
            recv_ms=frame.recv_ms,
            values=self._pending.values[place : place + 1].astype("<f8").tobytes(),
            marks=bytes([mark | Reason.OBSERVED]),
        )

    def _columns(self, frame: Frame) -> tuple[Column, Marks]:
        """The frame's columns as far as this block has places."""
        width = self._ring.width
        values = np.frombuffer(frame.values, "<f8")[:width].astype(np.float64, copy=False)
        return values, np.frombuffer(frame.marks, np.uint8)[:width]

    def apply_frame(self, frame: Frame) -> bool:
        """Write one row; whether it said anything new."""
        values, marks = self._columns(frame)
        slot = frame.slot + self._phase
        self._ring.open(slot)
        if not self._ring.holds(slot) or not len(values):
            return False
        newest_word = frame.revision >= self._ring.revision(slot)
        first_word = not self._ring.came(slot)
        late = self.block.interval.slot(frame.recv_ms) - frame.slot > LATE_SLOTS
        changed = self._ring.write_frame(
            slot, values, marks=marks, revision=frame.revision, late=late
        )
        if newest_word:
            live = self._ring.live[: len(values)]
            heard = np.where(live, marks, np.uint8(Reason.NO_PLACE))
            self._pending.note(slot, values, marks=heard)
        known = self.changed_ms[: len(marks)]
        moment_ms = np.where(changes(reasons_of(marks)), frame.recv_ms, 0)
        np.maximum(known, moment_ms, out=known)
        if frame.open:
            self._live = max(self._live, (slot, frame.recv_ms))
        if changed:
            self._touch(slot)
        return changed or first_word

    def continues(self, one: Frame, other: Frame) -> bool:
        """Whether both may stand in one `extend`, `other` last."""
        follows = other.slot == one.slot + 1 and len(other.marks) == len(one.marks)
        return follows and (other.slot + self._phase) % self._shape.span != 0

    def extend(self, frames: Sequence[Frame]) -> bool:
        """Write a run of frames, each of which continues the one before, at once. False, and
        nothing is done, where that may not be the same as `apply_frame` of each in turn."""
        count, size = len(frames[0].marks), len(frames)
        first = frames[0].slot + self._phase
        if first <= max(self._ring.newest, 0) or not count:
            return False
        if any(frame.open for frame in frames):
            return False
        marks = np.frombuffer(b"".join(frame.marks for frame in frames), np.uint8)
        if self._pending.waits or is_reason(reasons_of(marks), Reason.SUSPECT).any():
            return False
        values = np.frombuffer(b"".join(frame.values for frame in frames), "<f8")
        values = values.reshape(size, count)[:, : self._ring.width]
        marks = marks.reshape(size, count)[:, : self._ring.width]
        revisions = np.array([frame.revision for frame in frames], np.int64)
        recv_ms = np.array([frame.recv_ms for frame in frames], np.int64)
        self._ring.extend(first, values.astype(float, copy=False), marks=marks, revisions=revisions)
        moments_ms = np.where(changes(reasons_of(marks)), recv_ms[:, None], 0)
        known = self.changed_ms[: marks.shape[1]]
        np.maximum(known, moments_ms.max(axis=0), out=known)
        return True

    def apply_patch(self, patch: Patch, place: int) -> bool:
        """Write a run of one column, as far as it is held; whether it said anything new."""
        values = np.frombuffer(patch.values, "<f8").astype(np.float64, copy=False)
        marks = np.frombuffer(patch.marks, np.uint8)
        first = patch.from_slot + self._phase
        self._ring.open(first + len(values) - 1)
        skip = max(self._ring.oldest - first, 0)
        if skip >= len(values):
            return False
        changed = self._ring.write_patch(
            place, first + skip, values=values[skip:], marks=marks[skip:],
            revision=patch.revision,
        )  # fmt: skip
        for slot in changed.tolist():
            self._touch(slot)
        moved = changed[changes(reasons_of(marks[changed - first]))]
        if len(moved):  # it came to pass before that slot ended, whenever we heard of it
            ended_ms = self.block.interval.open_ms(int(moved[-1]) - self._phase + 1)
            moment_ms = min(patch.recv_ms, ended_ms)
            self.changed_ms[place] = max(int(self.changed_ms[place]), moment_ms)
        return bool(len(changed))

    def _touch(self, slot: int) -> None:
        if slot > self._asked:
            return
        self._spans.touch(slot)
        self._watch.touch(slot)
        self._means = {
            last: mean for last, mean in self._means.items() if last < slot - self._phase
        }

    # Closing

    def open(self, slot: int) -> None:
        """Make room through `slot`: what never came was not polled."""
        self._ring.open(slot + self._phase)

    def window(self, slot: int, slots: int, *, standing: bool) -> Moments:
        """The moments of the `slots` slots that end with `slot`; [.., width]."""
        self._asked = max(self._asked, slot + self._phase)
        moments = self._spans.window(slot + self._phase, slots, standing=standing)
        if slots == self._hour:
            self._means = {last: mean for last, mean in self._means.items() if last == slot - 1}
            self._means[slot] = moments.shift[0] + moments.mean[0], moments.n[0]
        return moments

    def hour_before(self, slot: int) -> tuple[Column, Column]:
        """Mean and n of the hour that ends where `slot` opens; float64[width]. In the usual course
        the close of the slot before has left it here."""
        if slot - 1 not in self._means:
            self.window(slot - 1, self._hour, standing=True)
        return self._means[slot - 1]

    def close_at(self, slot: int) -> Column:
        """The newest counted value among `slot` and the 2 before; float64[width], else NaN."""
        at, values = slot + self._phase, self._ring.values
        close: Column = values[at % self._ring.slots]
        for older in range(at - 1, at - REACH_SLOTS - 1, -1):
            unknown = np.isnan(close)
            if not unknown.any():
                break
            close = np.where(unknown, values[older % self._ring.slots], close)
        return close

    def signs(self, slot: int) -> Signs:
        """What the marks say of freshness at `slot`."""
        self._asked = max(self._asked, slot + self._phase)
        return self._watch.signs(self._ring, slot + self._phase)

    def row(self, slot: int, signs: Signs) -> Row:
        """The slot's values, marks, and the running slot's readings after it."""
        at, count, ring = slot + self._phase, self.count, self._ring
        live_slot, live_ms = self._live
        live_value = np.full(count, np.nan)
        if live_slot > at and ring.holds(live_slot):
            live_value = ring.shown(live_slot)[:count]
        counted = signs.counted[:count]
        last_value = ring.values[at % ring.slots, :count].copy()
        older = np.flatnonzero((counted < at) & (counted >= 0))
        last_value[older] = ring.values[counted[older] % ring.slots, older]
        return Row(
            value=ring.shown(at)[:count],
            mark=ring.marks[at % ring.slots, :count],
            last_value=last_value,
            last_slot=np.where(counted >= 0, counted - self._phase, -1),
            live_value=live_value,
            live_ms=np.where(np.isnan(live_value), 0, live_ms),
            came=ring.came(at),
        )

    # Reading

    def stretch(self, place: int, from_slot: int, *, to_slot: int) -> tuple[Column, Marks]:
        """Copies of one column over [from_slot, to_slot)."""
        return self._ring.stretch(place, from_slot + self._phase, to_slot=to_slot + self._phase)

    def rows(self, places: Rows, from_slot: int, *, to_slot: int) -> tuple[Column, Marks]:
        """Copies of some columns over [from_slot, to_slot): float64 and uint8[slots, places]."""
        at = np.arange(from_slot, to_slot) + self._phase
        held = (at >= max(self._ring.oldest, 0)) & (at <= self._ring.newest)
        cells = np.ix_(at % self._ring.slots, places)
        values = np.where(held[:, None], self._ring.values[cells], np.nan)
        unknown = np.uint8(Reason.NOT_POLLED)
        return values, np.where(held[:, None], self._ring.marks[cells], unknown)

    def revision(self, slot: int) -> int:
        """The highest revision of a frame of `slot`, 0 where none came."""
        return self._ring.revision(slot + self._phase)

    def missing(
        self, places: Rows, from_slot: int, *, to_slot: int, fillable: Mask
    ) -> tuple[Slots, Slots]:
        """First slot and stop of what is missing at `places` in [from_slot, to_slot); both 0 where
        nothing is. fillable: bool[256], the marks that count as missing."""
        if self._ring.newest < 0 or from_slot >= to_slot:
            blank = np.full(len(places), to_slot)
            return np.minimum(blank, from_slot), blank
        at = np.arange(from_slot, to_slot) + self._phase
        held = (at >= self._ring.oldest) & (at <= self._ring.newest)
        marks = self._ring.marks[np.ix_(at % self._ring.slots, places)]
        gone = np.where(held[:, None], fillable[marks], True)
        some = gone.any(axis=0)
        first = np.where(some, from_slot + gone.argmax(axis=0), 0)
        stop = np.where(some, to_slot - gone[::-1].argmax(axis=0), 0)
        return first, stop
