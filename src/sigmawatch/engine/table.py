"""The series table: every block of one interval, and the board of a closed slot.

Not thread-safe: one thread at a time (the tracker's compute thread). What it answers is a function
of the frames and patches applied and their order; no clock, no I/O. Where order could matter at all
(engine.ring), it does not within the newest slots. Readings are kept in blocks, statistics are
computed in slabs of a few thousand columns (engine.slab), whose order is that of the board's rows;
a board's arrays are new each time and never written again. Imports the rest of the engine.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType

import numpy as np

from sigmawatch.domain.errors import Invalid
from sigmawatch.domain.frame import Frame, Patch
from sigmawatch.domain.series import BLOCK_SERIES_MAX, BLOCK_SERIES_MIN, Block, Series
from sigmawatch.domain.window import DAY_MS, HOUR_MS, Interval
from sigmawatch.engine.block import BlockTable
from sigmawatch.engine.columns import BoardColumns, WindowColumns
from sigmawatch.engine.freshness import Signs, others_move, silent, states
from sigmawatch.engine.geometry import Column, Marks, Mask, Rows, geometry
from sigmawatch.engine.slab import REACH_SLOTS, Slab
from sigmawatch.engine.snapshot import Board, Layout, Statistics
from sigmawatch.engine.standings import DEVIATIONS

_NOBODY: Mask = np.zeros(0, np.bool_)
Each = Callable[[Callable[[Slab], None], Iterable[Slab]], Iterator[None]]


class SeriesTable:
    """Frames and patches in, boards out."""

    def __init__(
        self, interval: Interval, *, windows_ms: Sequence[int] = (DAY_MS, HOUR_MS),
        surges: bool = True,
    ) -> None:  # fmt: skip
        """windows_ms: the windows of every board, as far as they are whole numbers of slots; the
        first one's rankings by deviation are made at the close, all others when asked for. surges:
        whether boards tell those; they take a window of an hour."""
        self.interval = interval
        self._shape = geometry(interval)
        self._windows = {w: w // interval.ms for w in windows_ms if w % interval.ms == 0}
        self._hour = HOUR_MS // interval.ms if surges and HOUR_MS % interval.ms == 0 else 0
        self._standing = set(self._windows.values()) | ({self._hour} if self._hour else set())
        self._blocks: dict[int, BlockTable] = {}
        self._slabs: dict[str, list[Slab]] = {}  # by metric
        self._series: dict[int, Series] = {}
        self._layout: Layout | None = None

    # Membership

    def add_block(self, block: Block) -> None:
        """A block that is known already stays as it is."""
        assert block.interval == self.interval
        if block.id not in self._blocks:
            self._blocks[block.id] = BlockTable(block, self._shape)

    def add(self, series: Series) -> None:
        """Its place is live from now on; of one that is known already only the name tag changes."""
        known = self._series.get(series.id)
        if known == series:
            return
        if known is None:
            block = self._blocks[series.block_id]
            self._cover(block, series.place)
            block.add(series)
        else:
            self._blocks[series.block_id].series[series.place] = series
        self._series[series.id] = series
        self._layout = None

    def add_all(self, series: Collection[Series]) -> None:
        """As `add` of each; every block grows once."""
        last_place: dict[int, int] = {}
        for one in series:
            last_place[one.block_id] = max(last_place.get(one.block_id, 0), one.place)
        for block_id, place in last_place.items():
            self._blocks[block_id].reserve(place)
            self._cover(self._blocks[block_id], place)
        for one in series:
            self.add(one)

    def _cover(self, block: BlockTable, place: int) -> None:
        """Give columns to a block's places up to `place`: what comes first exactly, later ones a
        few at a time."""
        first, stop = block.covered, place + 1
        if first:
            stop = min(-(-stop // BLOCK_SERIES_MIN) * BLOCK_SERIES_MIN, BLOCK_SERIES_MAX)
        slabs = self._slabs.setdefault(block.block.metric, [])
        while first < stop:
            if not slabs or not slabs[-1].room:
                slabs.append(Slab(block.block.metric, self._shape, standing=self._standing))
            end = min(stop, first + slabs[-1].room)
            slabs[-1].join(block, slice(first, end))
            first = end
        block.covered = max(block.covered, stop)

    def remove(self, series_id: int) -> None:
        """What the series held is gone; removing one that is not there is nothing."""
        series = self._series.pop(series_id, None)
        if series is not None:
            self._blocks[series.block_id].remove(series.place)
            self._layout = None

    # Readings

    def gate(self, frame: Frame) -> tuple[Frame | Patch, ...]:
        """The frame with its suspect readings marked, then patches for those it confirms. Applying
        them in this order is what makes them count."""
        block = self._blocks.get(frame.block_id)
        with np.errstate(over="ignore"):
            return (frame,) if block is None else block.gate(frame)

    def doubts(self, block_id: int) -> bool:
        """Whether a reading of a block is held back, so that what the gate says of its next frame
        depends on those before."""
        block = self._blocks.get(block_id)
        return block is not None and block.doubts

    def apply(self, item: Frame | Patch) -> bool:
        """Take a frame or patch in; whether it said anything new.

        False for an unknown block or series, for slots that have left the ring, but for whole
        minutes of which nothing is known where those are kept (engine.minutes), and for slots
        beyond the one after the receipt's (a clock that is wrong would empty the ring).
        """
        block = self._concerned(item)
        return block is not None and self._applied(item, block)

    def restore(self, items: Iterable[Frame | Patch]) -> None:
        """The same as `apply` of one after the other, to the byte, and many times as fast: blocks
        do not touch each other, and consecutive frames of a block are written at once. Best with
        a few dozen slots of every block."""
        of_block: dict[int, list[Frame | Patch]] = {}
        for item in items:
            block = self._concerned(item)
            if block is not None:
                of_block.setdefault(block.block.id, []).append(item)
        for block_id, mine in of_block.items():
            block = self._blocks[block_id]
            for run in _runs(mine, block):
                self._take(run, block)

    def _take(self, run: Sequence[Frame | Patch], block: BlockTable) -> None:
        frames = [item for item in run if isinstance(item, Frame)]
        if not frames or not block.extend(frames):
            for item in run:
                self._applied(item, block)

    def _concerned(self, item: Frame | Patch) -> BlockTable | None:
        """The block that `item` is for, None where it is to be ignored."""
        beyond = self.interval.slot(item.recv_ms) + 2
        if isinstance(item, Frame):
            return self._blocks.get(item.block_id) if item.slot < beyond else None
        series = self._series.get(item.series_id)
        if series is None or not item.marks or item.from_slot + len(item.marks) > beyond:
            return None
        return self._blocks[series.block_id]

    def _applied(self, item: Frame | Patch, block: BlockTable) -> bool:
        if isinstance(item, Frame):
            return block.apply_frame(item)
        return block.apply_patch(item, self._series[item.series_id].place)

    # Closing

    def stand(self, window_ms: int) -> None:
        """From the next close on windows of this length are kept up slot by slot, though on no
        board: for those who will ask for them every slot (`Slab.window`). Raises Invalid where it
        is no whole number of slots."""
        self._standing.add(self.interval.slots(window_ms))

    @property
    def slabs(self) -> Sequence[Slab]:
        """In the order of the board's rows."""
        return [slab for slabs in self._slabs.values() for slab in slabs]

    def prepare(self, slot: int, *, each: Each = map) -> None:
        """Build what the windows that end with `slot` are made of. Nearly all of a first close is
        this, and `close` does it as well, slab by slab. each: as `map`; slabs write to nothing
        that they share, so it may do several at once."""
        asked = [(slot - 1, self._hour)] if self._hour else []
        asked += [(slot, slots) for slots in self._standing if slots <= self._shape.reach]
        assert self.layout is not None  # which gives every slab its room
        for block in self._blocks.values():
            block.open(slot)

        def built(slab: Slab) -> None:
            with np.errstate(all="ignore"):
                slab.open(slot)
                for last, slots in asked:
                    slab.window(last, slots)

        deque(each(built, self.slabs), maxlen=0)

    def close(self, slot: int) -> Board:
        """Statistics, freshness and ranks of everything, over windows that end with `slot`."""
        self._check_held(slot, self._shape.reach)
        layout = self.layout
        columns = BoardColumns(len(layout.series))
        windows = {w: WindowColumns(len(layout.series)) for w in self._windows}
        signs: list[Signs] = []
        with np.errstate(all="ignore"):
            for slab in self.slabs:
                slab.open(slot)
                signs.append(slab.signs(slot))
                columns.put(slab, slab.row(slot, signs[-1].counted))
                if self._hour:
                    hour = slab.window(slot - 1, self._hour)
                    columns.put_surge(slab, hour, expected=self._hour)
                columns.put_seams(slab, slab.seams(slot), alone=slot - self._hour)
                for slots in self._standing:
                    slab.window(slot, slots)
                last = slab.close_at(slot)
                for window_ms, slots in self._windows.items():
                    self._put_window(windows[window_ms], slab, slot=slot, slots=slots, last=last)
            self._put_states(columns, signs)
            board = self._board(slot, columns=columns, windows=windows)
            self._rank(board)
        return board

    def statistics(self, window_ms: int, slot: int) -> Statistics:
        """Any window of up to a day that ends with `slot`, rows as in the boards.

        Byte-equal to a standing one's. Raises Invalid where the window is no whole number of slots
        or begins before what is held.
        """
        slots = self.interval.slots(window_ms)
        self._check_held(slot, min(slots, self._shape.reach))
        columns = WindowColumns(len(self.layout.series))
        with np.errstate(all="ignore"):
            for slab in self.slabs:
                slab.open(slot)
                last = slab.close_at(slot)
                self._put_window(columns, slab, slot=slot, slots=slots, last=last)
        first = self._shape.first(slot, slots)
        return columns.statistics(self.interval, slot, first=first, window_ms=window_ms)

    def _check_held(self, slot: int, slots: int) -> None:
        first = slot - slots - REACH_SLOTS
        if self.oldest_slot is not None and first < self.oldest_slot:
            raise Invalid(
                f"{slots} slots up to slot {slot} are no longer held",
                field="slot",
                allowed=f"{self.oldest_slot + slots + REACH_SLOTS} and later",
            )

    @property
    def layout(self) -> Layout:
        """The rows of the next board; the same object until membership changes."""
        if self._layout is None:
            series: list[Series] = []
            for slab in self.slabs:
                series += slab.settle(len(series))
            self._layout = Layout(series)
        return self._layout

    def _put_window(
        self, columns: WindowColumns, slab: Slab, *, slot: int, slots: int, last: Column
    ) -> None:
        """last: the close at `slot`."""
        expected = slot + 1 - self._shape.first(slot, slots)
        columns.put(slab, slab.window(slot, slots), slots=slots, expected=expected)
        columns.put_change(slab, slab.close_before(slot, slots), last=last)
        columns.put_seams(slab, slab.seams(slot), first=slot + 1 - expected)

    def _put_states(self, columns: BoardColumns, signs: Sequence[Signs]) -> None:
        """A venue's other markets decide between quiet and frozen, so this comes last."""
        still = [silent(mine) for mine in signs]
        if not any(map(len, still)):
            for slab, mine, at in zip(self.slabs, signs, still, strict=True):
                columns.put_state(slab, states(mine, at, others_move=_NOBODY, day=0))
            return
        read, moved = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
        for slab, mine in zip(self.slabs, signs, strict=True):
            both = mine.moved & mine.read
            for chunk in slab.chunks:
                read[chunk.peers] += int(np.count_nonzero(mine.read[chunk.columns]))
                moved[chunk.peers] += int(np.count_nonzero(both[chunk.columns]))
        for slab, mine, at in zip(self.slabs, signs, still, strict=True):
            of = slab.chunk_of(at)
            others = others_move(
                read_count=np.array([read[chunk.peers] for chunk in slab.chunks], np.int64)[of],
                moved_count=np.array([moved[chunk.peers] for chunk in slab.chunks], np.int64)[of],
            )
            columns.put_state(slab, states(mine, at, others_move=others, day=self._shape.reach))

    def _board(
        self, slot: int, *, columns: BoardColumns, windows: Mapping[int, WindowColumns]
    ) -> Board:
        statistics = {
            window_ms: columns.statistics(
                self.interval,
                slot,
                first=self._shape.first(slot, self._windows[window_ms]),
                window_ms=window_ms,
            )
            for window_ms, columns in windows.items()
        }
        return columns.board(
            self.interval, slot, layout=self.layout, statistics=MappingProxyType(statistics)
        )

    def _rank(self, board: Board) -> None:
        """Make the rankings that everybody asks for."""
        for window_ms in list(self._windows)[:1]:
            for metric in board.layout.metrics:
                for by in DEVIATIONS:
                    board.ranking(metric, by, window_ms=window_ms)

    # Reading

    @property
    def newest_slot(self) -> int | None:
        """The newest slot of any block, None before the first."""
        found = [block.newest for block in self._blocks.values() if block.newest is not None]
        return max(found, default=None)

    @property
    def oldest_slot(self) -> int | None:
        """The oldest slot that is held for every block, None before the first."""
        newest = self.newest_slot
        return None if newest is None else newest - self._shape.ring + 1

    def holds(self, series_id: int) -> bool:
        return series_id in self._series

    def stretch(self, series_id: int, *, from_slot: int, to_slot: int) -> tuple[Column, Marks]:
        """Copies of a series' slots [from_slot, to_slot): float64[n], suspect numbers included,
        NaN where missing, and uint8[n]; what is not held is not polled."""
        series = self._series[series_id]
        return self._blocks[series.block_id].stretch(series.place, from_slot, to_slot=to_slot)

    def rows(
        self, block_id: int, places: Rows, *, from_slot: int, to_slot: int
    ) -> tuple[Column, Marks]:
        """Copies of some places of a block over the slots [from_slot, to_slot): float64[slots,
        places], NaN where missing or suspect, and uint8[slots, places]; what is not held is not
        polled."""
        return self._blocks[block_id].rows(places, from_slot, to_slot=to_slot)

    def revision(self, block_id: int, slot: int) -> int:
        """The highest revision of a block's frames of `slot`, 0 where none came."""
        return self._blocks[block_id].revision(slot)

    def closable(self, slots: Iterable[int]) -> list[int]:
        """Those of `slots` whose longest window is still held."""
        first = (self.oldest_slot or 0) + self._shape.reach + REACH_SLOTS
        return [slot for slot in slots if slot >= first]

    def framed(self, slots: Iterable[int]) -> list[int]:
        """Those of `slots` of which a frame of any block came."""
        blocks = self._blocks.values()
        return [slot for slot in slots if any(block.revision(slot) for block in blocks)]

    def missing(
        self, series_ids: Iterable[int], *, from_slot: int, to_slot: int
    ) -> dict[int, tuple[int, int]]:
        """Series id -> (first, stop): the shortest run that holds every slot of [from_slot,
        to_slot) in which nothing is known and a candle could help; series without one are left
        out."""
        found: dict[int, tuple[int, int]] = {}
        members: dict[int, list[Series]] = {}
        for series_id in series_ids:
            if series_id in self._series:
                one = self._series[series_id]
                members.setdefault(one.block_id, []).append(one)
        for block_id, series in members.items():
            places = np.array([one.place for one in series])
            first, stop = self._blocks[block_id].missing(places, from_slot, to_slot=to_slot)
            for one, start, end in zip(series, first.tolist(), stop.tolist(), strict=True):
                if start < end:
                    found[one.id] = (start, end)
        return found


def _runs(items: Iterable[Frame | Patch], block: BlockTable) -> Iterator[list[Frame | Patch]]:
    """`items` of one block in order, cut into runs of frames that may be written at once; a patch
    stands alone."""
    run: list[Frame | Patch] = []
    for item in items:
        if run and not _continued(run[-1], item, block=block):
            yield run
            run = []
        run.append(item)
    if run:
        yield run


def _continued(last: Frame | Patch, item: Frame | Patch, *, block: BlockTable) -> bool:
    return isinstance(last, Frame) and isinstance(item, Frame) and block.continues(last, item)
