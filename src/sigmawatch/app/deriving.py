"""Derived series of one interval: the frames and patches that follow from what the series table
holds (SEMANTICS.md 1).

They are computed when a slot closes, and again wherever something they read has changed since; what
then differs from what stands becomes a patch, what does not is left alone, so nothing goes round
in circles. A value that was known once stays until another one is. Frames have the revision of
their newest input, so two trackers that hold the same make the same frames.

For the tracker's compute thread: one call at a time, each of bounded work.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from sigmawatch.app.catalogue import Catalogue
from sigmawatch.app.derivation import Plan, Target
from sigmawatch.app.formulas import Computed, FormulaSeries, Pools
from sigmawatch.app.reference_volumes import ReferenceBlock
from sigmawatch.app.stitching import CHOSEN, Choice
from sigmawatch.domain.fail_over import PATIENCE, Patience
from sigmawatch.domain.frame import Flag, Frame, Patch, Reason
from sigmawatch.domain.series import Series
from sigmawatch.engine.geometry import Column, Marks, Rows
from sigmawatch.engine.marks import is_reason, reasons_of
from sigmawatch.engine.table import SeriesTable

CELLS_MAX = 1 << 16  # values of one step: a few milliseconds
FRAMED_SLOTS = 3  # the newest closed slots: a late frame there makes a frame, elsewhere patches
_STANDING = np.uint8(0xFF & ~Flag.REVISED)

Run = tuple[int, int]  # first slot and stop


class Ahead:
    """The series table, and rows of one slot that are computed but not applied yet."""

    def __init__(self, table: SeriesTable, slot: int, *, widths: Mapping[int, int]) -> None:
        self._table = table
        self._slot = slot
        self._values = {block_id: np.full(width, np.nan) for block_id, width in widths.items()}
        self._marks: dict[int, Marks] = {
            block_id: np.full(width, Reason.NO_PLACE, np.uint8)
            for block_id, width in widths.items()
        }

    def rows(
        self, block_id: int, places: Rows, *, from_slot: int, to_slot: int
    ) -> tuple[Column, Marks]:
        values, marks = self._table.rows(block_id, places, from_slot=from_slot, to_slot=to_slot)
        if block_id in self._values and from_slot <= self._slot < to_slot:
            values[self._slot - from_slot] = self._values[block_id][places]
            marks[self._slot - from_slot] = self._marks[block_id][places]
        return values, marks

    def put(self, block_id: int, places: Rows, *, cells: tuple[Column, Marks]) -> None:
        """Values and marks of some places in the slot."""
        self._values[block_id][places], self._marks[block_id][places] = cells

    def frame(self, block_id: int, *, revision: int) -> Frame:
        """A block's row, received when its newest input was."""
        return Frame(
            block_id=block_id,
            slot=self._slot,
            revision=revision,
            recv_ms=self._table.interval.open_ms(self._slot) + revision,
            values=self._values[block_id].astype("<f8").tobytes(),
            marks=self._marks[block_id].tobytes(),
        )


class Deriver:
    """Computes what is derived over one series table."""

    def __init__(
        self, table: SeriesTable, catalogue: Catalogue, *, reference: str,
        patience: Patience = PATIENCE,
    ) -> None:  # fmt: skip
        self._table = table
        self._patience = patience
        self._catalogue = catalogue
        self._reference = reference
        self._tracked: Sequence[Series] | None = None
        self._plan = Plan((), reference=reference)
        self._known: frozenset[Target] = frozenset()
        self._closed: int | None = None
        self._dirty: dict[int, dict[int, Run]] = {}  # block -> series -> slots to look at again
        self._news_ms = 0  # receipt of the newest change that was heard of
        self._revisions: dict[int, int] = {}  # of each derived series' newest patch

    # What is derived

    def _planned(self) -> Plan:
        """The plan for what is tracked now; who is new in it gets its whole past."""
        tracked = self._catalogue.series
        if self._tracked is not tracked:
            blocks = tuple(self._catalogue.blocks.values())
            some = any(one.derived and one.interval == self._table.interval for one in blocks)
            mine = [one for one in tracked if some and one.interval == self._table.interval]
            self._tracked, self._plan = tracked, Plan(mine, reference=self._reference)
            before = self._known
            self._known = frozenset((one.block_id, one.id) for one in self._plan.series)
            self._mark(sorted(self._known - before), self._past())
            for block_id, series_id in before - self._known:
                self._dirty.get(block_id, {}).pop(series_id, None)
        return self._plan

    def _past(self) -> Run:
        """The slots of the day, a few more, and none before anything closed."""
        if self._closed is None:
            return 0, 0
        return self._closed - self._table.interval.slots_per_day - 2, self._closed + 1

    # What changed

    def changed(self, item: Frame | Patch) -> None:
        """An item was applied: what reads it in a closed slot is to be looked at again."""
        plan = self._planned()
        if isinstance(item, Frame):
            readers = plan.readers_of_block.get(item.block_id, ())
            first, stop = item.slot, item.slot + 1
        else:
            readers = plan.readers.get(item.series_id, ())
            first, stop = item.from_slot, item.from_slot + len(item.marks)
        for targets, lag in readers:
            self._mark(targets, (first, stop + lag))
        if readers:
            self._news_ms = max(self._news_ms, item.recv_ms)

    def restored(self, items: Iterable[Frame | Patch]) -> None:
        """Items were read back: no later patch of ours may have the name of one of them."""
        for item in items:
            if isinstance(item, Patch):
                known = self._revisions.get(item.series_id, 0)
                self._revisions[item.series_id] = max(known, item.revision)

    def contested(self, item: Frame | Patch) -> None:
        """What another program derived was applied in the place of ours: look at it again."""
        self.restored([item])
        if isinstance(item, Frame):
            mine = [target for target in self._known if target[0] == item.block_id]
            run = item.slot, item.slot + 1
        else:
            mine = [target for target in self._known if target[1] == item.series_id]
            run = item.from_slot, item.from_slot + len(item.marks)
        self._mark(sorted(mine), run)
        self._news_ms = max(self._news_ms, item.recv_ms)

    def _mark(self, targets: Iterable[Target], run: Run) -> None:
        oldest, end = self._past()
        first, stop = max(run[0], oldest), min(run[1], end)
        if first >= stop:
            return
        for block_id, series_id in targets:
            dirty = self._dirty.setdefault(block_id, {})
            begin, until = dirty.get(series_id, (first, stop))
            dirty[series_id] = min(begin, first), max(until, stop)

    # Closing a slot

    def close(self, slot: int) -> tuple[list[Frame], bool]:
        """The derived frames of a slot that is about to close, from now on a change of it is late;
        and whether anything waits for `settle`. Slots that were passed over do."""
        plan = self._planned()
        before, self._closed = self._closed, slot
        first = self._past()[0] if before is None else before + 1
        self._mark(self._known, (first, slot))
        frames = self._frames(slot, plan.widths, closing=True) if self._known else []
        silent = plan.widths.keys() - {frame.block_id for frame in frames}
        for block_id in silent:  # no frame of any input came, but candles may have
            self._mark(plan.targets[block_id], (slot, slot + 1))
        return frames, self._waiting()

    def _waiting(self) -> bool:
        return any(self._dirty.values())

    def _frames(self, slot: int, blocks: Iterable[int], *, closing: bool = False) -> list[Frame]:
        """The slot's rows of some derived blocks, as far as frames of their inputs came. closing:
        what is decided once is decided now."""
        plan = self._plan
        ahead = Ahead(self._table, slot, widths=plan.widths)
        rates, why = plan.rates.over(self._table, slot, stop=slot + 1)
        for block in plan.volumes:
            every, mine = np.arange(len(block.series)), (rates[:, block.keys], why[:, block.keys])
            values, marks = block.over(self._table, every, first=slot, rates=mine)
            ahead.put(block.block_id, block.places, cells=(values[0], marks[0]))
        for formula in plan.formulas:
            place = np.array([formula.series.place])
            if isinstance(formula, Choice):
                cells = self._choice(formula, slot, closing=closing)
            else:
                cells = formula.over(ahead, slot, stop=slot + 1)
            ahead.put(formula.series.block_id, place, cells=cells)
        return [
            ahead.frame(block_id, revision=revision)
            for block_id in blocks
            if (revision := self._revision(block_id, slot))
        ]

    def _choice(self, choice: Choice, slot: int, *, closing: bool) -> tuple[Column, Marks]:
        if not closing:
            return choice.over(self._table, slot, stop=slot + 1)
        standing = choice.close(self._table, slot, patience=self._patience)
        return np.array([standing.code]), np.array([CHOSEN], np.uint8)

    def asked(self, venue: str, *, away: bool) -> list[Patch]:
        """Somebody wants whoever has `venue` first to keep away from it from the next slot on, or
        no longer: said of the newest closed slot, by those of whom it is not said already."""
        choices = [one for one in self._planned().formulas
                   if isinstance(one, Choice) and one.inputs[0].market.venue == venue]  # fmt: skip
        patches = []
        for one in choices if self._closed is not None else ():
            assert self._closed is not None
            standing = one.standing(self._table, self._closed + 1)
            if standing.held != away:
                code = np.array([replace(standing, held=away).code])
                cells = code, np.array([CHOSEN], np.uint8)
                patches.append(self._patch(one.series, self._closed, cells=cells))
        return patches

    def _revision(self, block_id: int, slot: int) -> int:
        """Of the newest frame that a block's row follows from; 0 where none came."""
        origins = self._plan.origins[block_id]
        return max((self._table.revision(one, slot) for one in origins), default=0)

    def pools(self, series_id: int, slot: int) -> Pools:
        """What the composites of a formula series are of at a slot; nothing where it has none, or
        what it reads is not all tracked."""
        mine = [one for one in self._planned().formulas if one.series.id == series_id]
        return [told for one in mine if isinstance(one, FormulaSeries)
                for told in one.pools(self._table, slot)]  # fmt: skip

    # Looking again

    def settle(self, slot: int) -> tuple[list[Frame | Patch], bool]:
        """What has to change, by a step of the work that waits, to be applied before the next
        call; and whether more waits. slot: the newest that is closed, by an earlier process where
        none was here; then everything is looked over."""
        if self._closed is None:
            self._closed = slot
            self._mark(self._known, self._past())
        self._planned()
        items = self._late_frames() or self._patches_again()
        return items, self._waiting() or bool(items)

    def _patches_again(self) -> list[Frame | Patch]:
        plan = self._plan
        items: list[Frame | Patch] = []
        room = CELLS_MAX
        for block in plan.volumes:
            while room > 0 and self._dirty.get(block.block_id):
                run, rows = self._taken(block, room)
                items.extend(self._volumes_again(block, rows, run=run))
                room -= len(rows) * (run[1] - run[0])
        if room == CELLS_MAX:
            items.extend(self._formulas_again(plan))
        return items

    def _late_frames(self) -> list[Frame | Patch]:
        """Frames for the newest closed slots that an input's frame reached after their close. What
        they cover is looked at again afterwards."""
        if self._closed is None:
            return []
        for slot in range(self._closed, self._closed - FRAMED_SLOTS, -1):
            blocks = [
                block_id
                for block_id, dirty in self._dirty.items()
                if any(first <= slot < stop for first, stop in dirty.values())
                and self._revision(block_id, slot) > self._table.revision(block_id, slot)
            ]
            frames = self._frames(slot, blocks) if blocks else []
            news: list[Frame | Patch] = [one for one in frames if self._tells_news(one)]
            if news:
                return news
        return []

    def _tells_news(self, frame: Frame) -> bool:
        """Whether a row is not what stands already."""
        marks = np.frombuffer(frame.marks, np.uint8)
        places = np.flatnonzero(marks != Reason.NO_PLACE)
        held, held_marks = self._table.rows(
            frame.block_id, places, from_slot=frame.slot, to_slot=frame.slot + 1
        )
        same = marks[places] == held_marks[0] & _STANDING
        values = np.frombuffer(frame.values, "<f8")[places]
        return not (same.all() and np.array_equal(values, held[0], equal_nan=True))

    def _taken(self, block: ReferenceBlock, room: int) -> tuple[Run, Rows]:
        """Rows of a block that wait for the same slots, as many as there is room for."""
        dirty = self._dirty[block.block_id]
        run = next(iter(dirty.values()))
        count = max(room // (run[1] - run[0]), 1)
        ids = [series_id for series_id, waiting in dirty.items() if waiting == run][:count]
        for series_id in ids:
            del dirty[series_id]
        return run, np.array([block.row_of[series_id] for series_id in ids], np.intp)

    def _volumes_again(self, block: ReferenceBlock, rows: Rows, *, run: Run) -> Iterator[Patch]:
        first, stop = run
        keys, mine = np.unique(block.keys[rows], return_inverse=True)
        rates, why = self._plan.rates.over(self._table, first, stop=stop, keys=keys)
        cells = block.over(self._table, rows, first=first, rates=(rates[:, mine], why[:, mine]))
        return self._patches([block.series[row] for row in rows.tolist()], first, cells=cells)

    def _formulas_again(self, plan: Plan) -> Iterator[Patch]:
        """Of formulas that wait, in their order, until one of them has changed."""
        room = CELLS_MAX
        for formula in plan.formulas:
            run = self._dirty.get(formula.series.block_id, {}).pop(formula.series.id, None)
            if run is None:
                continue
            patches = list(self._formula_again(formula, run))
            yield from patches
            room -= run[1] - run[0] + formula.formula.reach_slots
            if patches or room <= 0:
                return

    def _formula_again(self, formula: Computed, run: Run) -> Iterator[Patch]:
        values, marks = formula.over(self._table, run[0], stop=run[1])
        cells = values[:, None], marks[:, None]
        return self._patches([formula.series], run[0], cells=cells)

    def _patches(
        self, series: Sequence[Series], first: int, *, cells: tuple[Column, Marks]
    ) -> Iterator[Patch]:
        """A patch for each of some series of one block that do not stand as they should.

        cells: float64 and uint8[slots, series], from the slot `first` on.
        """
        values, marks = cells
        places = np.array([one.place for one in series], np.intp)
        stop = first + len(values)
        held, held_marks = self._table.rows(
            series[0].block_id, places, from_slot=first, to_slot=stop
        )
        lost = np.isnan(values) & ~np.isnan(held)
        same = (values == held) | (np.isnan(values) & np.isnan(held))
        same &= marks == held_marks & _STANDING
        marks = np.where(lost, np.uint8(Reason.PENDING), marks)  # says nothing
        differs = ~same & ~is_reason(reasons_of(marks), Reason.PENDING)
        for column in np.flatnonzero(differs.any(axis=0)).tolist():
            told = np.flatnonzero(differs[:, column])
            part = slice(int(told[0]), int(told[-1]) + 1)
            told_cells = values[part, column], marks[part, column]
            yield self._patch(series[column], first + part.start, cells=told_cells)

    def _patch(self, series: Series, from_slot: int, *, cells: tuple[Column, Marks]) -> Patch:
        assert self._closed is not None
        recv_ms = max(self._news_ms, self._table.interval.open_ms(self._closed + 1))
        revision = max(recv_ms // 1_000, self._revisions.get(series.id, 0) + 1)
        self._revisions[series.id] = revision
        return Patch(
            series_id=series.id, from_slot=from_slot, revision=revision, recv_ms=recv_ms,
            values=cells[0].astype("<f8").tobytes(), marks=cells[1].tobytes(),
        )  # fmt: skip
