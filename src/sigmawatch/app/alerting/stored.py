"""The stored slots of many series at once, wherever they are kept: memory, frames or sealed days.

What the series table holds is copied in its thread, a few series at a time. Older slots are read
section by section, every series of a block at once; one by one where only a few are wanted. Reads
give way to the slots that close meanwhile.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np

from sigmawatch.app.compute import ComputeThread
from sigmawatch.app.past import Past
from sigmawatch.app.tables import Tables
from sigmawatch.domain.frame import Reason
from sigmawatch.domain.series import Block, Series
from sigmawatch.domain.window import DAY_MS, MINUTE_MS, Interval
from sigmawatch.engine.geometry import Column, Marks
from sigmawatch.engine.rehearsal import Stored
from sigmawatch.ports.clock import Clock
from sigmawatch.ports.history import Sealing, Section

COPIED_AT_ONCE = 64  # series: a millisecond of the table's thread for a day of minutes
ONE_BY_ONE_MAX = 8  # series of a block; of more the block is read as a whole
SPARE_SLOTS = 4  # that may close while we copy
HELD_MS = DAY_MS + 90 * MINUTE_MS  # less than a restart reads back

Columns = dict[int, tuple[Column, Marks]]


class StoredSlots:
    """Reads over one program's memory and history."""

    def __init__(
        self, past: Past, tables: Tables, *, sealing: Sealing, compute: ComputeThread, clock: Clock
    ) -> None:
        self._past, self._tables = past, tables
        self._sealing, self._compute, self._clock = sealing, compute, clock

    async def of(self, series: Sequence[Series], *, from_slot: int, to_slot: int) -> Stored:
        """Slots [from_slot, to_slot) of series of one interval, by what is known of them now; what
        is not is not polled. Raises StorageFailed."""
        assert from_slot < to_slot
        columns: Columns = {
            one.id: (
                np.full(to_slot - from_slot, np.nan),
                np.full(to_slot - from_slot, Reason.NOT_POLLED, np.uint8),
            )
            for one in series
        }
        hot = min(max(self._held_from(series[0].interval), from_slot), to_slot)
        if hot < to_slot:
            await self._copy(series, columns, span=(hot, to_slot), first=from_slot)
        if from_slot < hot:
            await self._read(series, columns, span=(from_slot, hot))
        return Stored(from_slot=from_slot, slots=to_slot - from_slot, columns=columns)

    def _held_from(self, interval: Interval) -> int:
        """The first slot that memory is asked for."""
        oldest = self._tables.of(interval).oldest_slot
        held = interval.slot(self._clock.now_ms() - HELD_MS)
        return held if oldest is None else max(oldest + SPARE_SLOTS, held)

    async def _copy(
        self, series: Sequence[Series], columns: Columns, *, span: tuple[int, int], first: int
    ) -> None:
        table = self._tables.of(series[0].interval)

        def copied(some: Sequence[Series]) -> None:
            known = table.layout.rows
            for one in some:
                if one.id in known:
                    values, marks = table.stretch(one.id, from_slot=span[0], to_slot=span[1])
                    _put(columns[one.id], values, marks=marks, at=span[0] - first)

        for start in range(0, len(series), COPIED_AT_ONCE):
            await self._compute.calm()
            await self._compute.run(copied, series[start : start + COPIED_AT_ONCE])

    async def _read(
        self, series: Sequence[Series], columns: Columns, *, span: tuple[int, int]
    ) -> None:
        of_block: dict[int, list[Series]] = defaultdict(list)
        for one in series:
            of_block[one.block_id].append(one)
        for mine in of_block.values():
            if len(mine) <= ONE_BY_ONE_MAX:
                for one in mine:
                    values, marks = await self._past.columns(
                        one, from_slot=span[0], to_slot=span[1]
                    )
                    _put(columns[one.id], values, marks=marks, at=0)
            else:
                await self._read_block(mine, columns, span=span)

    async def _read_block(
        self, series: Sequence[Series], columns: Columns, *, span: tuple[int, int]
    ) -> None:
        one = series[0]
        block = Block(id=one.block_id, venue=one.market.venue, metric=one.metric,
                      interval=one.interval)  # fmt: skip
        sealed = {section.from_slot for section, _ in await self._sealing.sealed(block)}
        for section in _sections(block, span):
            parts = [await self._sealing.whole(section)] if section.from_slot in sealed else []
            parts.append(
                await self._sealing.fold(section, between=self._compute.calm)
            )  # what came since
            first, stop = max(section.from_slot, span[0]), min(section.to_slot, span[1])
            inside = slice(first - section.from_slot, stop - section.from_slot)
            for part in parts:
                for number, series_id in enumerate(part.series_ids):
                    values, marks = part.values[inside, number], part.marks[inside, number]
                    _put(columns.get(series_id), values, marks=marks, at=first - span[0])


def _put(column: tuple[Column, Marks] | None, values: Column, *, marks: Marks, at: int) -> None:
    """Write into a column, where that is wanted."""
    if column is not None:
        column[0][at : at + len(values)] = values
        column[1][at : at + len(marks)] = marks


def _sections(block: Block, span: tuple[int, int]) -> Iterator[Section]:
    slots = block.interval.section_slots
    for from_slot in range(span[0] // slots * slots, span[1], slots):
        yield Section(block=block, from_slot=from_slot)
