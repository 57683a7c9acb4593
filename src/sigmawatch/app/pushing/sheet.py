"""What was told of the newest slots, place by place, and the frames that say it.

A level's slot holds the reading with the latest time, of equal times the one told last; a flow's is
the sum of its readings, each (series, time) once (`Seen`). A frame carries news alone: a place that
it says nothing of is NOT_POLLED, which never takes the place of anything (engine.ring). Frames of
news are open; the slot's last word is one that is not, and tells which series nothing came of
(OUTAGE: we were there, and nobody told). It is given once every series that told something in the
two slots before has told something, so that rules hear a slot when it is whole, or after two slots
(SEMANTICS.md 6: "judges slot k once: when all its inputs for k are committed, or after 2 slots").

A slot older than that is app.pushing.late's, which asks here whether a level was told by a later
reading, as far as KEPT_SLOTS back. One caller at a time; no clock, no I/O.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from sigmawatch.app.pushing.told import Numbers, Readings, Values, groups_of, starts_of
from sigmawatch.domain.frame import Frame, Reason
from sigmawatch.domain.metric import METRICS, Kind
from sigmawatch.domain.series import BLOCK_SERIES_MAX, Block
from sigmawatch.domain.window import Interval

RECENT_SLOTS = 2  # before the running one: "Late values up to 2 slots recompute their slot"
KEPT_SLOTS = 60  # in which a reading that comes out of order is known to be the older one
_GROWS_BY = 32  # places
SEEN_MAX = 1 << 18
_TIME_BITS = 42  # of milliseconds: until the year 2109
Places = npt.NDArray[np.intp]
_Mask = npt.NDArray[np.bool_]
Cell = tuple[int, int]  # a block and a slot


class Seen:
    """Which readings of flows were summed: the newest SEEN_MAX at least, twice as many at most.
    16 bytes each."""

    def __init__(self) -> None:
        self._old: Numbers = np.zeros(0, np.int64)
        self._new: Numbers = np.zeros(0, np.int64)

    def take(self, readings: Readings) -> _Mask:
        """bool[n]: those that are news, which from now on they are not. Without a time each is."""
        keys = (readings.series << _TIME_BITS) | readings.time_ms
        _, first = np.unique(keys, return_index=True)
        fresh = np.zeros(len(keys), np.bool_)
        fresh[first] = True
        fresh &= ~(_within(keys, self._old) | _within(keys, self._new))
        fresh |= ~readings.timed
        if len(self._new) > SEEN_MAX:
            self._old, self._new = self._new, np.zeros(0, np.int64)
        self._new = np.sort(np.append(self._new, keys[fresh & readings.timed]), kind="stable")
        return fresh


def _within(keys: Numbers, among: Numbers) -> _Mask:
    """Which of `keys` are in a sorted column."""
    if not len(among):
        return np.zeros(len(keys), np.bool_)
    at = np.minimum(np.searchsorted(among, keys), len(among) - 1)
    found: _Mask = among[at] == keys
    return found


@dataclass(slots=True)
class _Row:
    """A block at one slot. value: float64[places], NaN where nothing was told; time_ms: of a
    level's reading, -1 without one; moved: it changed within the slot."""

    value: Values = field(default_factory=lambda: np.zeros(0))
    time_ms: Numbers = field(default_factory=lambda: np.zeros(0, np.int64))
    moved: _Mask = field(default_factory=lambda: np.zeros(0, np.bool_))
    revision: int = 0
    whole: bool = False  # the last word was given

    def reserve(self, width: int) -> None:
        """Grow as far as `width` places need."""
        more = -(-width // _GROWS_BY) * _GROWS_BY - len(self.value)
        if more > 0:
            self.value = np.append(self.value, np.full(more, np.nan))
            self.time_ms = np.append(self.time_ms, np.full(more, -1, np.int64))
            self.moved = np.append(self.moved, np.zeros(more, np.bool_))

    def told(self, places: Places) -> _Mask:
        """Of which of some places something was told."""
        self.reserve(int(places.max()) + 1)
        found: _Mask = np.isfinite(self.value[places])
        return found


class Sheet:
    """Of one program. blocks: as the catalogue has them."""

    def __init__(self, blocks: Mapping[int, Block], seen: Seen) -> None:
        self._blocks = blocks
        self._seen = seen
        self._rows: dict[Cell, _Row] = {}
        self._last: dict[int, Values] = {}  # by block, the newest reading of each place

    # Readings

    def lacks(self, readings: Readings) -> list[Cell]:
        """The blocks and slots of flows that this is the first to tell of."""
        cells = {(block, slot) for block, slot in _cells(readings) if self._is_flow(block)}
        return sorted(cells - self._rows.keys())

    def begin(self, cell: Cell, value: Values) -> None:
        """Let sums begin with what stands: float64[n], NaN where nothing does."""
        self._row(cell, len(value)).value[: len(value)] = value

    def lay(self, readings: Readings, *, recv_ms: int) -> list[Frame]:
        """The frames that say what is new. readings: of slots that are not older than this keeps,
        in any order."""
        order = np.lexsort((readings.time_ms, readings.place, readings.slot, readings.block))
        mine = self._unsummed(readings.taken(order))
        frames: list[Frame] = []
        for group in groups_of(mine.block, mine.slot):
            told = mine.taken(group)
            block_id = int(told.block[0])
            taken = self._summed(told) if self._is_flow(block_id) else self._newest(told)
            if len(taken):
                frames.append(self._frame((block_id, int(told.slot[0])), taken, recv_ms=recv_ms))
        return frames

    def _unsummed(self, readings: Readings) -> Readings:
        """Those that are not in a flow's sum already."""
        flows = [block for block in np.unique(readings.block).tolist() if self._is_flow(block)]
        if not flows:
            return readings
        at = np.flatnonzero(np.isin(readings.block, flows))
        news = np.ones(len(readings), np.bool_)
        news[at] = self._seen.take(readings.taken(at))
        return readings.taken(news)

    def _is_flow(self, block_id: int) -> bool:
        return METRICS[self._blocks[block_id].metric].kind is Kind.FLOW

    def _newest(self, told: Readings) -> Numbers:
        """Take levels of one block and slot; the places that are told anew."""
        row = self._row_of(told)
        last = np.append(starts_of(told.place)[1:], len(told)) - 1
        at: Numbers = told.place[last]
        time_ms, value = told.time_ms[last], told.value[last]
        newer = (time_ms > row.time_ms[at]) | (
            (time_ms == row.time_ms[at]) & (value != row.value[at])
        )
        at, value = at[newer], value[newer]
        row.time_ms[at] = time_ms[newer]
        block = int(told.block[0])
        before = self._last.setdefault(block, np.full(BLOCK_SERIES_MAX, np.nan))
        row.moved[at] |= value != before[at]
        row.value[at] = before[at] = value
        return at

    def _summed(self, told: Readings) -> Numbers:
        """Add to the flows of one block and slot; the places that are told anew."""
        row = self._row_of(told)
        at = np.unique(told.place)
        row.value[at] = np.nan_to_num(row.value[at], nan=0.0)
        np.add.at(row.value, told.place, told.value)
        row.moved[at] = row.value[at] != 0.0
        return at

    def _row_of(self, told: Readings) -> _Row:
        """Of readings of one block and slot."""
        return self._row((int(told.block[0]), int(told.slot[0])), int(told.place.max()) + 1)

    def _row(self, cell: Cell, width: int) -> _Row:
        row = self._rows.setdefault(cell, _Row())
        row.reserve(width)
        return row

    def outdated(self, told: Readings) -> bool:
        """Whether a later reading of its slot is known than the newest of these, of one level and
        slot; if not, these are known from now on."""
        row = self._rows.get((int(told.block[0]), int(told.slot[0])))
        if row is None:
            return False
        at, time_ms = int(told.place[0]), int(told.time_ms.max())
        row.reserve(at + 1)
        known = int(row.time_ms[at])
        row.time_ms[at] = max(known, time_ms)
        return time_ms < known

    # Frames

    def _frame(self, cell: Cell, at: Numbers, *, recv_ms: int) -> Frame:
        """News of some places."""
        row, width = self._rows[cell], int(at.max()) + 1
        still = Reason.NO_TRADES if self._is_flow(cell[0]) else Reason.UNCHANGED
        marks = np.full(width, Reason.NOT_POLLED, np.uint8)
        marks[at] = np.where(row.moved[at], np.uint8(Reason.OBSERVED), np.uint8(still))
        values = np.full(width, np.nan)
        values[at] = row.value[at]
        return self._framed(cell, values, marks=marks, recv_ms=recv_ms)

    def _framed(
        self, cell: Cell, values: Values, *, marks: npt.NDArray[np.uint8], recv_ms: int,
        last: bool = False,
    ) -> Frame:  # fmt: skip
        """No two frames of a slot have one name, however fast they follow each other."""
        row, interval = self._rows[cell], self._blocks[cell[0]].interval
        row.revision = max(recv_ms - interval.open_ms(cell[1]), row.revision + 1)
        return Frame(
            block_id=cell[0], slot=cell[1], revision=row.revision, recv_ms=recv_ms,
            values=values.astype("<f8").tobytes(), marks=marks.tobytes(), open=not last,
        )  # fmt: skip

    # Last words

    def last_words(
        self, live: Mapping[int, Places], interval: Interval, *, ended: Iterable[int],
        begun: int, recv_ms: int,
    ) -> list[Frame]:  # fmt: skip
        """The last frames of blocks at slots of one interval that are over, as far as they can be
        given now. live: by block, the places that hold a series; ended: with the newest last;
        begun: the slot that ran when we began, of which nobody knows what was not told."""
        slots = list(ended)
        frames = []
        for slot in slots:
            waited = slot < slots[-1] - RECENT_SLOTS + 1
            for block_id, places in live.items():
                if self._blocks[block_id].interval != interval:
                    continue
                row = self._row((block_id, slot), int(places.max()) + 1)
                if not row.whole and (waited or not self._awaited((block_id, slot), places)):
                    row.whole = True
                    why = Reason.OUTAGE if slot > begun else Reason.NOT_POLLED
                    word = self._last_word((block_id, slot), places, why=why, recv_ms=recv_ms)
                    frames.append(word)
        return frames

    def _awaited(self, cell: Cell, places: Places) -> bool:
        """Whether a series that told something of late has not told anything of this slot."""
        block_id, slot = cell
        told = self._rows[cell].told(places)
        lately = np.zeros(len(places), np.bool_)
        for before in range(slot - RECENT_SLOTS, slot):
            row = self._rows.get((block_id, before))
            if row is not None:
                lately |= row.told(places)
        return bool((lately & ~told).any())

    def _last_word(self, cell: Cell, places: Places, *, why: Reason, recv_ms: int) -> Frame:
        """why: nothing came of a place."""
        width = int(places.max()) + 1
        marks = np.full(width, Reason.NO_PLACE, np.uint8)
        silent = ~self._rows[cell].told(places)
        marks[places] = np.where(silent, np.uint8(why), np.uint8(Reason.NOT_POLLED))
        values = np.full(width, np.nan)
        return self._framed(cell, values, marks=marks, recv_ms=recv_ms, last=True)

    def forget(self, now_ms: int) -> None:
        """Let go of the slots that are too old now."""
        self._rows = {
            (block_id, slot): row for (block_id, slot), row in self._rows.items()
            if slot >= self._blocks[block_id].interval.slot(now_ms) - KEPT_SLOTS
        }  # fmt: skip


def _cells(readings: Readings) -> set[Cell]:
    order = np.lexsort((readings.slot, readings.block))
    block, slot = readings.block[order], readings.slot[order]
    starts = starts_of(block, slot)
    return set(zip(block[starts].tolist(), slot[starts].tolist(), strict=True))
