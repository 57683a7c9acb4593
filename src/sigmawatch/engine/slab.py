"""A slab: columns of blocks of one metric side by side, and all that follows from their readings.

Blocks are what is sent and stored; statistics are computed on a few thousand columns at once, as
many as stay in a processor's cache. A slab owns no readings: it gathers rows from its blocks'
rings. A column never moves, and what a series' numbers are depends on its own readings alone,
never on its neighbours. Columns that come later start empty, in room that doubles; a slab that has
no room left for them starts anew from the rings (10,240 columns: 0.2 s).

Imports the rest of the engine but snapshot, ranking and table.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from sigmawatch.domain.frame import Reason
from sigmawatch.domain.metric import METRICS, Kind
from sigmawatch.domain.series import Series
from sigmawatch.engine.block import BlockTable
from sigmawatch.engine.freshness import Signs, Watch
from sigmawatch.engine.geometry import Column, Geometry, Marks, Mask, Rows, Slots
from sigmawatch.engine.moments import Moments
from sigmawatch.engine.spans import KEPT_SLOTS, Spans

Scalar = TypeVar("Scalar", bound=np.generic)

COLUMNS_MAX = 10_240
ROWS_KEPT = 6  # of what was gathered: freshness looks at so many
REACH_SLOTS = 2  # how far before its moment a close may lie that change_pct uses


class Chunk(NamedTuple):
    """Places of a block and the slab's columns that they are."""

    block: BlockTable
    places: slice
    columns: slice

    @property
    def peers(self) -> tuple[str, str]:
        """Venue and metric."""
        return self.block.block.venue, self.block.block.metric


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One slot as a board shows it; all [width]."""

    value: Column
    mark: Marks
    last_value: Column
    last_slot: Slots
    live_value: Column
    live_ms: Slots
    came: Mask
    changed_ms: Slots


class Slab:
    """Statistics of up to COLUMNS_MAX columns. Arrays in and out are [width], room included."""

    def __init__(self, metric: str, shape: Geometry, *, standing: Set[int]) -> None:
        """standing: the slots of the windows that are asked for every slot; may grow."""
        self.metric = metric
        self.chunks: list[Chunk] = []
        self.count = 0  # columns in use
        self.width = 0
        self.live: Mask = np.zeros(0, np.bool_)  # where a series stands
        self.part = slice(0, 0)  # its rows of the next board
        self._columns: Rows | None = None  # of those rows; None for the first ones
        self._shape, self._standing = shape, standing
        self._channels = 1 if METRICS[metric].kind is Kind.FLOW else 2
        self._start_anew(0)

    def _start_anew(self, width: int) -> None:
        self.width = width
        empty, size = Moments.empty(self._channels, width), self._shape.span
        self._spans = Spans(self, size, longest=self._shape.reach, empty=empty)
        self._short = Spans(self, self._shape.short, longest=2 * size, empty=empty)
        self._watch = Watch(self, day=self._shape.reach, width=width)
        self._asked = -1  # the newest slot anything was computed of
        self._late: set[int] = set()  # slots up to that one that changed since
        self._long: dict[tuple[int, int], Moments] = {}  # by last slot and slots
        self._values: dict[int, Column] = {}  # gathered, of the slots just looked at
        self._marks: dict[int, Marks] = {}

    # Columns

    @property
    def room(self) -> int:
        return COLUMNS_MAX - self.count

    def join(self, block: BlockTable, places: slice) -> None:
        """Give the next columns to some places of a block."""
        stop = self.count + places.stop - places.start
        assert stop <= COLUMNS_MAX
        self.chunks.append(Chunk(block, places, slice(self.count, stop)))
        block.readers.add(self)
        self.count = stop

    def settle(self, first_row: int) -> list[Series]:
        """Take the rows of the next boards from `first_row` on; the series that stand in them."""
        if self.width < self.count:
            self._start_anew(min(max(self.count, 2 * self.width), COLUMNS_MAX))
        found = [
            (columns.start + place - places.start, block.series[place])
            for block, places, columns in self.chunks
            for place in range(places.start, places.stop)
            if place in block.series
        ]
        columns = np.array([column for column, _ in found], np.intp)
        self.live = np.zeros(self.width, np.bool_)
        self.live[columns] = True
        self._values.clear()
        self._marks.clear()
        self.part = slice(first_row, first_row + len(found))
        first_ones = not found or int(columns[-1]) == len(found) - 1  # they ascend
        self._columns = None if first_ones else columns
        return [series for _, series in found]

    def chunk_of(self, columns: Rows) -> Rows:
        """Which chunk each column is in."""
        return np.searchsorted([chunk.columns.stop for chunk in self.chunks], columns, "right")

    def rows(self, columns: npt.NDArray[Scalar]) -> npt.NDArray[Scalar]:
        """What of [.., width] stands on the board; [.., rows]."""
        if self._columns is None:  # as most are: what is in the way of nobody is the last room
            return columns[..., : self.part.stop - self.part.start]
        return columns.take(self._columns, axis=-1, mode="clip")

    # Readings, gathered

    @property
    def oldest(self) -> int:
        return min((chunk.block.ring.oldest for chunk in self.chunks), default=0)

    def values(self, slot: int) -> Column:
        """float64[width]: the counted values of `slot`, NaN where missing. To be read only."""
        row, found = slot % self._shape.ring, self._values.get(slot)
        if found is None:
            found = np.empty(self.width)
            for block, places, columns in self.chunks:
                found[columns] = block.ring.values[row, places]
            found[self.count :] = np.nan
            if self._recent(slot):
                self._values[slot] = found
        return found

    def marks(self, slot: int) -> Marks:
        """uint8[width]: what is said of `slot`. To be read only."""
        row, found = slot % self._shape.ring, self._marks.get(slot)
        if found is None:
            found = np.empty(self.width, np.uint8)
            for block, places, columns in self.chunks:
                found[columns] = block.ring.marks[row, places]
            found[self.count :] = Reason.NO_PLACE
            if self._recent(slot):
                self._marks[slot] = found
        return found

    def _recent(self, slot: int) -> bool:
        return self._asked - ROWS_KEPT < slot <= self._asked

    def _values_at(self, columns: Rows, slots: Slots) -> Column:
        """The value of each of some columns, ascending, at a slot of its own."""
        out = np.empty(len(columns))
        stops = np.searchsorted(columns, [part.stop for _, _, part in self.chunks])
        first, rows = 0, slots % self._shape.ring
        for (block, places, part), stop in zip(self.chunks, stops.tolist(), strict=True):
            mine = slice(first, stop)
            at = columns[mine] + (places.start - part.start)
            out[mine], first = block.ring.values[rows[mine], at], stop
        return out

    def silent(self, first: int, stop: int) -> bool:
        """Whether nothing was ever said of the slots [first, stop)."""
        return all(chunk.block.ring.silent(first, stop) for chunk in self.chunks)

    def touch(self, slot: int) -> None:
        """A block wrote `slot`."""
        if slot <= self._asked:
            self._late.add(slot)

    def open(self, slot: int) -> None:
        """To be called before anything is computed of `slot`: what never came was not polled, what
        came late is read anew."""
        for chunk in self.chunks:
            chunk.block.open(slot)
        self._asked = max(self._asked, slot)
        for rows in (self._values, self._marks):
            for at in [at for at in rows if at in self._late or not self._recent(at)]:
                del rows[at]
        for late in self._late:
            self._spans.touch(late)
            self._short.touch(late)
            self._watch.touch(late)
        if self._late:
            self._long.clear()
        self._late.clear()

    # Computed

    def window(self, slot: int, slots: int) -> Moments:
        """The moments of the `slots` slots that end with `slot`; [.., width]. A standing window is
        kept for this slot and the 2 before it, and costs the same each slot; any other is built
        from its spans. One that begins before the single slots that are held begins on a whole
        minute (`Geometry.first`). To be read only."""
        if slots > self._shape.reach:
            return self._of_minutes(slot, slots)
        spans = self._short if slots < 2 * self._shape.span else self._spans
        return spans.window(slot, slots, standing=slots in self._standing)

    def _of_minutes(self, slot: int, slots: int) -> Moments:
        if (slot, slots) in self._long:
            return self._long[slot, slots]
        moments = Moments.empty(self._channels, self.width)
        for block, places, columns in self.chunks:
            assert block.past is not None
            moments.put(columns, block.past.window(slot, slots), places=places)
        if slots in self._standing:
            oldest = self._asked - KEPT_SLOTS
            self._long = {key: kept for key, kept in self._long.items() if key[0] > oldest}
            self._long[slot, slots] = moments
        return moments

    def close_before(self, slot: int, slots: int) -> Column:
        """The close before the window of `slots` slots that ends with `slot`: the newest counted
        value of the 3 slots before its first; float64[width], else NaN."""
        if slots <= self._shape.reach:
            return self.close_at(slot - slots)
        close = np.full(self.width, np.nan)
        for block, places, columns in self.chunks:
            assert block.past is not None
            close[columns] = block.past.close_before(slot, slots)[places]
        return close

    def close_at(self, slot: int) -> Column:
        """The newest counted value among `slot` and the 2 before; float64[width], else NaN."""
        close = self.values(slot).copy()
        unknown = np.flatnonzero(np.isnan(close[: self.count]))
        for older in range(slot - 1, slot - REACH_SLOTS - 1, -1):
            if not len(unknown):
                break
            close[unknown] = self.values(older)[unknown]
            unknown = unknown[np.isnan(close[unknown])]
        return close

    def signs(self, slot: int) -> Signs:
        """What the marks say of freshness at `slot`."""
        return self._watch.signs(slot)

    def seams(self, slot: int) -> Slots | None:
        """int64[width]: the newest slot, up to `slot`, in which another source began, -1 without
        one; None where there is none."""
        chunks = [chunk for chunk in self.chunks if chunk.block.stitched]
        if not chunks:
            return None
        newest: Slots = np.full(self.width, -1, np.int64)
        for block, places, columns in chunks:
            newest[columns] = block.newest_seams(slot)[places]
        return newest if (newest >= 0).any() else None

    def row(self, slot: int, counted: Slots) -> Row:
        """The slot's values, marks, and the running slot's readings after it. counted: the newest
        slot of each that holds a counted value."""
        value, last_value = self.values(slot).copy(), self.values(slot).copy()
        live_value = np.full(self.width, np.nan)
        live_ms, changed_ms = np.zeros((2, self.width), np.int64)
        came = np.zeros(self.width, np.bool_)
        for block, places, columns in self.chunks:
            came[columns] = block.ring.came(slot)
            changed_ms[columns] = block.changed_ms[places]
            if block.ring.has_held(slot):
                value[columns] = block.ring.shown(slot)[places]
            running, recv_ms = block.running
            if running > slot and block.ring.holds(running):
                live_value[columns] = block.ring.shown(running)[places]
                live_ms[columns] = np.where(np.isnan(live_value[columns]), 0, recv_ms)
        older = np.flatnonzero(counted < slot)
        older = older[counted[older] >= 0]
        if len(older):
            last_value[older] = self._values_at(older, counted[older])
        return Row(
            value=value, mark=self.marks(slot), last_value=last_value, last_slot=counted,
            live_value=live_value, live_ms=live_ms, came=came, changed_ms=changed_ms,
        )  # fmt: skip
