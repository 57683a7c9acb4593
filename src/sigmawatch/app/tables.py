"""The series tables of every interval, and what is derived over each: what the compute thread owns.

Whoever calls is that thread, one call at a time, but for `intervals` and `interval_of`, which only
read what changes as a whole.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

from sigmawatch.app.catalogue import Catalogue
from sigmawatch.app.deriving import Deriver
from sigmawatch.app.formulas import Pools
from sigmawatch.domain.fail_over import PATIENCE, Patience
from sigmawatch.domain.frame import Frame, Patch
from sigmawatch.domain.rank_column import RankColumn
from sigmawatch.domain.series import Block, Series
from sigmawatch.domain.window import DAY_MS, HOUR_MS, Interval
from sigmawatch.engine.rank_history import RankHistory
from sigmawatch.engine.snapshot import Board
from sigmawatch.engine.table import SeriesTable


class Tables:
    """Frames and patches find their tables."""

    def __init__(
        self,
        catalogue: Catalogue,
        *,
        windows_ms: Sequence[int] = (DAY_MS, HOUR_MS),
        reference: str = "USD",
        patience: Patience = PATIENCE,
    ) -> None:
        """windows_ms: of every board. reference: the currency of `_ref` metrics. patience: of
        fail-over."""
        self._catalogue = catalogue
        self._windows_ms = tuple(windows_ms)
        self._reference = reference
        self._patience = patience
        self._tables: dict[Interval, tuple[SeriesTable, Deriver]] = {}
        self._histories: dict[Interval, RankHistory] = {}

    @property
    def intervals(self) -> Sequence[Interval]:
        """Those that have a table."""
        return tuple(self._tables)

    def of(self, interval: Interval) -> SeriesTable:
        """The table of an interval, made where there is none."""
        return self._both(interval)[0]

    def deriver(self, interval: Interval) -> Deriver:
        return self._both(interval)[1]

    def _both(self, interval: Interval) -> tuple[SeriesTable, Deriver]:
        if interval not in self._tables:
            table = SeriesTable(interval, windows_ms=self._windows_ms)
            deriver = Deriver(
                table, self._catalogue, reference=self._reference, patience=self._patience
            )
            self._tables[interval] = table, deriver
        return self._tables[interval]

    # Membership

    def enroll(self, blocks: Iterable[Block], series: Iterable[Series]) -> None:
        for block in blocks:
            self.of(block.interval).add_block(block)
        of_interval: dict[Interval, list[Series]] = {}
        for one in series:
            of_interval.setdefault(one.interval, []).append(one)
        for interval, mine in of_interval.items():
            self.of(interval).add_all(mine)

    def retire(self, series: Series) -> None:
        self.of(series.interval).remove(series.id)

    # Readings

    def restore(self, items: Sequence[Frame | Patch]) -> None:
        """Items that were applied once before, in commit order."""
        of_interval: dict[Interval, list[Frame | Patch]] = {}
        for item in items:
            interval = self.interval_of(item)
            if interval is not None:
                of_interval.setdefault(interval, []).append(item)
        for interval, mine in of_interval.items():
            self.of(interval).restore(mine)
            self.deriver(interval).restored(mine)

    def gate(
        self, items: Sequence[Frame | Patch]
    ) -> tuple[list[Frame | Patch], list[Frame | Patch]]:
        """`items`, their suspect readings marked, with the patches that confirm earlier ones; and
        those at the end, if any, that the gate can judge only once the others were applied: from
        a block's second frame on, unless both are of one slot and nothing of it is in doubt."""
        gated: list[Frame | Patch] = []
        calm: dict[int, int] = {}  # block -> slot of its frame before, -1 where that is in doubt
        for place, item in enumerate(items):
            interval = self.interval_of(item)
            if isinstance(item, Frame) and interval is not None:
                if calm.get(item.block_id, item.slot) != item.slot:
                    return gated, list(items[place:])
                table = self.of(interval)
                told = table.gate(item)
                same = told[0] is item and not table.doubts(item.block_id)
                calm[item.block_id] = item.slot if same else -1
                gated.extend(told)
            elif interval is not None:
                gated.append(item)
        return gated, []

    def apply(self, items: Sequence[Frame | Patch]) -> list[Frame | Patch]:
        """Take items in; those that said anything new. What is derived from them waits."""
        return [item for item in items if self._apply(item)]

    def _apply(self, item: Frame | Patch) -> bool:
        interval = self.interval_of(item)
        if interval is None or not self.of(interval).apply(item):
            return False
        self.deriver(interval).changed(item)
        return True

    def apply_derived(self, frames: Sequence[Frame]) -> None:
        """Take in what was derived for a slot all at once: nothing has to wait for it."""
        for frame in frames:
            interval = self.interval_of(frame)
            if interval is not None:
                self.of(interval).apply(frame)

    def apply_foreign(self, items: Iterable[Frame | Patch]) -> None:
        """Take in what another program derived under a name that ours would have had; where ours
        differs, it is to be told as a revision of that."""
        for item in items:
            if self._apply(item):
                interval = self.interval_of(item)
                assert interval is not None
                self.deriver(interval).contested(item)

    # Boards and the ranks of the past

    def prepare(self, interval: Interval, slot: int) -> None:
        """What the first close after a restore takes longest for, on as many processors as we
        have."""
        with ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="prepare") as threads:
            self.of(interval).prepare(slot, each=threads.map)

    def close(self, interval: Interval, slot: int) -> Board:
        """The board of a closed slot, with the past of its standing rankings."""
        board = self.of(interval).close(slot)
        return board.with_past(self._history(interval).view(board.layout))

    def note(self, board: Board) -> None:
        """Keep a board's standing rankings, and read the words of a new layout that filters go by.
        After it was published: nobody waits for it."""
        self._history(board.interval).note(board)
        board.layout.labels.prepare()

    # Questions

    def missing(self, series: Iterable[Series], now_ms: int) -> dict[int, tuple[int, int]]:
        """Series id -> (first, stop) of closed slots in the last 24 h that hold nothing."""
        found: dict[int, tuple[int, int]] = {}
        for interval in self.intervals:
            stop = interval.slot(now_ms)
            ids = [one.id for one in series if one.interval == interval and not one.derived]
            start = stop - interval.slots_per_day - 3  # change_pct looks before its window
            found |= self.of(interval).missing(ids, from_slot=start, to_slot=stop)
        return found

    def hot(self, series: Series, *, from_slot: int, to_slot: int) -> tuple[bytes, bytes] | None:
        """Values and marks of the slots [from_slot, to_slot); None where they are held from a later
        one on, or the series is not here: it has just come, or gone."""
        table = self.of(series.interval)
        oldest = table.oldest_slot
        if oldest is None or from_slot < oldest or not table.holds(series.id):
            return None
        values, marks = table.stretch(series.id, from_slot=from_slot, to_slot=to_slot)
        return values.astype("<f8").tobytes(), marks.tobytes()

    def pools(self, series: Series, slot: int) -> Pools:
        """What the composites of a series' formula are of at a slot."""
        return self.deriver(series.interval).pools(series.id, slot)

    # The ranks of the past

    def unsaved_ranks(self) -> list[RankColumn]:
        """What is to be stored of them since the last time."""
        return [c for history in self._histories.values() for c in history.take_unsaved()]

    def restore_ranks(self, board: Board, columns: Iterable[RankColumn]) -> None:
        """What was stored of the day before `board`."""
        history = self._history(board.interval)
        history.restore(columns, layout=board.layout, newest=board.slot)

    def _history(self, interval: Interval) -> RankHistory:
        return self._histories.setdefault(interval, RankHistory(interval))

    def newest_ms(self, items: Iterable[Frame | Patch]) -> int | None:
        """The open of the newest slot that a frame among `items` is of; None without one."""
        known = ((self.interval_of(one), one.slot) for one in items if isinstance(one, Frame))
        return max((each.open_ms(slot) for each, slot in known if each is not None), default=None)

    def interval_of(self, item: Frame | Patch) -> Interval | None:
        """The interval of an item's slots; None for a block or series that is not known."""
        if isinstance(item, Frame):
            block = self._catalogue.blocks.get(item.block_id)
            return block.interval if block else None
        series = self._catalogue.by_id(item.series_id)
        return series.interval if series else None
