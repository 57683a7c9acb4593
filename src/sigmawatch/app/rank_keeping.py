"""Rank keeping: the history of standing rankings, in memory and on disk, behind the slot's path.

After a restart the quarters of the day are read back while everybody is served already; then every
quarter is stored once its slot has closed, each column in a small transaction of its own. Quarters
of earlier days are thinned to the hours, and hours go with the slots' own retention.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import numpy as np
import structlog

from sigmawatch.app.tables import Tables
from sigmawatch.app.tracker import Tracker
from sigmawatch.domain.errors import Unavailable
from sigmawatch.domain.rank_column import RankColumn, Standing
from sigmawatch.domain.series import Series
from sigmawatch.engine.geometry import Slots
from sigmawatch.engine.rank_history import REACH_MS, standings_of
from sigmawatch.engine.snapshot import Board
from sigmawatch.ports.clock import Clock
from sigmawatch.ports.ledger import Ledger
from sigmawatch.ports.ranks import RankStore

THIN_ROWS = 16  # a transaction, so that a waiting slot waits a few milliseconds at most
AGAIN_MS = 1_000
RESTORE_COLUMNS = 4  # at once: of 100,000 series they hold the compute thread for 15 ms

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class RanksThen:
    """Ranks of some series at one slot, 0 for none. of: how many were ranked."""

    slot: int
    of: int
    ranks: Sequence[int]


class RankKeeper:
    """Stores what the tables keep, and brings it back."""

    def __init__(
        self, tracker: Tracker, tables: Tables, *, ledger: Ledger, store: RankStore, clock: Clock,
    ) -> None:  # fmt: skip
        self._tracker = tracker
        self._tables = tables
        self._ledger = ledger
        self._store = store
        self._clock = clock
        self._saving = asyncio.Lock()

    async def keep_for_ever(self, *, keep_ms: int) -> None:
        """Bring back the day, then store what is new. keep_ms: how long hours stay."""
        await self.restore_at_last()
        sequence, slots = -1, dict[int, int]()
        while True:
            snapshot = await self._tracker.changed(sequence)
            sequence, before = snapshot.sequence, slots
            slots = {board.interval.ms: board.slot for board in snapshot.boards.values()}
            if slots != before and await self.save():
                await self.thin(keep_ms=keep_ms)

    async def restore_at_last(self) -> None:
        """`restore`, begun anew while the database is away."""
        while True:
            try:
                return await self.restore()
            except Unavailable as exc:
                log.info("ranks_wait", reason=str(exc))
                await self._clock.sleep_until_ms(self._clock.now_ms() + AGAIN_MS)

    async def restore(self) -> None:
        """Read the last day back, and show it on the boards. Raises Unavailable."""
        count = 0
        for board in list(self._tracker.snapshot.boards.values()):
            async for columns in self._stored(board):
                await self._tracker.computed(self._tables.restore_ranks, board, columns)
                count += len(columns)
        if count:
            await self._tracker.refresh()
        log.info("ranks_restored", columns_count=count)

    async def _stored(self, board: Board) -> AsyncIterator[Sequence[RankColumn]]:
        first = board.interval.slot(board.interval.open_ms(board.slot) - REACH_MS)
        for standing in standings_of(board):
            slots = await self._store.rank_slots(
                standing, from_slot=first, to_slot=board.slot + 1
            )  # fmt: skip
            for start in range(0, len(slots), RESTORE_COLUMNS):
                wanted = slots[start : start + RESTORE_COLUMNS]
                columns = [await self._store.rank_column(standing, slot) for slot in wanted]
                yield [column for column in columns if column is not None]

    async def save(self) -> int:
        """Store every quarter noted until now; how many columns nobody else had stored."""
        async with self._saving:
            columns = await self._tracker.computed(self._tables.unsaved_ranks)
            for column in columns:
                async with self._ledger.transaction(bulk=True) as transaction:
                    await transaction.ranks.put([column])
        return len(columns)

    async def thin(self, *, keep_ms: int) -> None:
        """Let go of quarters older than a day, and of hours older than `keep_ms`."""
        now_ms, gone = self._clock.now_ms(), THIN_ROWS
        while gone == THIN_ROWS:
            async with self._ledger.transaction(bulk=True) as transaction:
                gone = await transaction.ranks.thin(
                    quarters_before_ms=now_ms - REACH_MS, before_ms=now_ms - keep_ms,
                    rows_max=THIN_ROWS,
                )  # fmt: skip

    # Reading

    async def between(
        self, board: Board, standing: Standing, *, series: Sequence[Series], span: range,
        moments_max: int,
    ) -> Sequence[RanksThen]:  # fmt: skip
        """The ranks of `series` at every kept slot of `span` up to that of `board`, its own
        included; evenly thinned to `moments_max`."""
        hot = board.past.slots(standing, from_slot=span.start, to_slot=min(span.stop, board.slot))
        cold = await self._store.rank_slots(
            standing, from_slot=span.start,
            to_slot=min([*hot[:1], board.slot, span.stop]),
        )  # fmt: skip
        newest = [board.slot] if board.slot in span else []
        slots = evenly([*cold, *hot, *newest], moments_max)
        rows = [board.row(one.id) for one in series]
        ids = np.array([one.id for one in series], np.int64)
        found = [
            _now(board, standing, rows=rows) if slot == board.slot
            else _hot(board, standing, slot=slot, rows=rows)
            or _cold(await self._store.rank_column(standing, slot), ids=ids)
            for slot in slots
        ]  # fmt: skip
        return [one for one in found if one is not None]


def evenly(slots: Sequence[int], count_max: int) -> Sequence[int]:
    """At most `count_max` of `slots`, the first and the last among them."""
    if len(slots) <= count_max:
        return slots
    return [slots[at] for at in np.linspace(0, len(slots) - 1, count_max).round().astype(int)]


def _now(board: Board, standing: Standing, *, rows: Sequence[int | None]) -> RanksThen:
    ranking = board.ranking(standing.metric, standing.by, window_ms=standing.window_ms)
    ranks = [0 if row is None else int(ranking.rank[row]) for row in rows]
    return RanksThen(slot=board.slot, of=ranking.of, ranks=ranks)


def _hot(
    board: Board, standing: Standing, *, slot: int, rows: Sequence[int | None]
) -> RanksThen | None:
    past = board.past.at(standing, slot)
    if past is None:
        return None
    ranks = past.ranks(np.array([row or 0 for row in rows], np.intp)).tolist()
    told = [0 if row is None else rank for row, rank in zip(rows, ranks, strict=True)]
    return RanksThen(slot=slot, of=past.of, ranks=told)


def _cold(column: RankColumn | None, *, ids: Slots) -> RanksThen | None:
    if column is None:
        return None
    stored, ranks = np.frombuffer(column.ids, "<i8"), np.frombuffer(column.ranks, "<u4")
    at = np.searchsorted(stored, ids)
    known = at < len(stored)
    known[known] = stored[at[known]] == ids[known]
    told = np.where(known, ranks[np.where(known, at, 0)] if len(ranks) else 0, 0)
    return RanksThen(slot=column.slot, of=column.of, ranks=told.tolist())
