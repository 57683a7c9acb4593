"""What one transaction may touch: catalogue, frames and runs, as work for the writer's thread.

Fulfils the repositories of ports.ledger over SQLite. A transaction's commit number is one more
than that of the one before; items get it as the upper part of their row id.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import TypeVar

import apsw

from sigmawatch.adapters.ledgers.connection import Writer
from sigmawatch.domain.errors import NotFound
from sigmawatch.domain.frame import Frame, Patch
from sigmawatch.domain.market import Market, MarketStatus
from sigmawatch.domain.series import BLOCK_SERIES_MAX, Block, Series
from sigmawatch.domain.venue import Run, RunKind
from sigmawatch.domain.window import Interval
from sigmawatch.ports.clock import Clock

T = TypeVar("T")
ITEMS_PER_COMMIT_BITS = 20


class SqliteTransaction:
    """The open transaction. Valid inside its block only."""

    def __init__(self, writer: Writer, *, sql: Mapping[str, str], clock: Clock) -> None:
        self._writer = writer
        self.sql = sql
        self.clock = clock
        self.commit_number = 0
        self.items_count = 0
        self._open = True
        self.catalogue = _Catalogue(self)
        self.frames = _Frames(self)
        self.runs = _Runs(self)

    def begin(self, connection: apsw.Connection) -> None:
        """Work for the writer: open the transaction and number it."""
        self._writer.begin(connection)
        self.commit_number = connection.execute(self.sql["begin_commit"]).get

    async def run(self, work: Callable[[apsw.Connection], T]) -> T:
        assert self._open, "a transaction ends with its block"
        return await self._writer.run(work)

    def end(self) -> None:
        self._open = False


class _Catalogue:
    def __init__(self, transaction: SqliteTransaction) -> None:
        self._transaction = transaction
        self._sql = transaction.sql

    async def blocks(self) -> Sequence[Block]:
        return await self._transaction.run(partial(read_blocks, sql=self._sql))

    async def series(self) -> Sequence[Series]:
        return await self._transaction.run(partial(read_series, sql=self._sql))

    async def add(self, market: Market, metric: str, *, interval: Interval, origin: str) -> Series:
        """The series tracked now: the one that stands, or a new one. A file that names a series
        takes it over; nothing else changes who defines it."""

        def work(connection: apsw.Connection) -> Series:
            market_id = self._market(connection, market)
            of = {"metric": metric, "interval_ms": interval.ms}
            row = connection.execute(
                self._sql["find_series"], {"market_id": market_id} | of
            ).fetchone()
            if row is None:
                row = self._place(
                    connection, market_id, block={"venue": market.venue} | of, origin=origin
                )
            series_id, block_id, place, stored_origin = row
            if origin == "file" != stored_origin:
                stored_origin = origin
                adopted = {"series_id": series_id, "origin": origin}
                connection.execute(self._sql["adopt_series"], adopted)
            return Series(id=series_id, market=market, metric=metric, interval=interval,
                          block_id=block_id, place=place, origin=stored_origin)  # fmt: skip

        return await self._transaction.run(work)

    def _market(self, connection: apsw.Connection, market: Market) -> int:
        row_id: int = connection.execute(self._sql["upsert_market"], {
            "venue": market.venue, "native": market.native, "base": market.base,
            "quote": market.quote, "status": str(market.status),
        }).get  # fmt: skip
        return row_id

    def _place(
        self, connection: apsw.Connection, market_id: int, *, block: dict[str, object], origin: str
    ) -> tuple[int, int, int, str]:
        """Blocks fill in order, so only the newest of a kind may have room."""
        newest = connection.execute(self._sql["newest_block"], block).fetchone()
        if newest is None or newest[1] >= BLOCK_SERIES_MAX:
            newest = (connection.execute(self._sql["insert_block"], block).get, 0)
        block_id, place = newest
        series_id = connection.execute(self._sql["insert_series"], {
            "market_id": market_id, "block_id": block_id, "place": place, "origin": origin,
            "now_ms": self._transaction.clock.now_ms(),
        }).get  # fmt: skip
        return series_id, block_id, place, origin

    async def remove(self, series_id: int) -> None:
        def work(connection: apsw.Connection) -> bool:
            now_ms = self._transaction.clock.now_ms()
            found = connection.execute(
                self._sql["remove_series"], {"series_id": series_id, "now_ms": now_ms}
            ).fetchall()
            return bool(found)

        if not await self._transaction.run(work):
            raise NotFound(f"no series {series_id} is tracked", field="id")


class _Frames:
    def __init__(self, transaction: SqliteTransaction) -> None:
        self._transaction = transaction
        self._sql = transaction.sql

    async def insert(self, items: Iterable[Frame | Patch]) -> frozenset[str]:
        batch = list(items)  # the caller's iterator runs in the caller's thread
        return await self._transaction.run(partial(self._insert, batch=batch))

    def _insert(
        self, connection: apsw.Connection, batch: Sequence[Frame | Patch]
    ) -> frozenset[str]:
        transaction = self._transaction
        first_id = (transaction.commit_number << ITEMS_PER_COMMIT_BITS) + transaction.items_count
        transaction.items_count += len(batch)
        assert transaction.items_count <= 1 << ITEMS_PER_COMMIT_BITS
        inserted: set[str] = set()
        for row_id, item in enumerate(batch, start=first_id):
            name = "insert_frame" if isinstance(item, Frame) else "insert_patch"
            if connection.execute(self._sql[name], _row(row_id, item)).fetchall():
                inserted.add(item.id)
        self._note_live(connection, batch)
        return frozenset(inserted)

    def _note_live(self, connection: apsw.Connection, batch: Sequence[Frame | Patch]) -> None:
        first = min((item.recv_ms for item in batch if isinstance(item, Frame)), default=None)
        if first is not None:
            connection.execute(self._sql["note_live_since"], {"recv_ms": first})


def _row(row_id: int, item: Frame | Patch) -> dict[str, int | bytes]:
    row: dict[str, int | bytes] = {
        "id": row_id, "revision": item.revision, "body": item.encode()
    }  # fmt: skip
    if isinstance(item, Frame):
        return row | {"owner": item.block_id, "slot": item.slot}
    return row | {"owner": item.series_id, "slot": item.from_slot, "count": len(item.marks)}


class _Runs:
    def __init__(self, transaction: SqliteTransaction) -> None:
        self._transaction = transaction
        self._sql = transaction.sql

    async def insert(self, runs: Iterable[Run]) -> None:
        rows = [
            {
                "id": run.id, "venue": run.venue, "kind": str(run.kind), "slot": run.slot,
                "started_ms": run.started_ms, "finished_ms": run.finished_ms,
                "expected": run.expected, "updated": run.updated, "failed": run.failed,
                "reasons": json.dumps(dict(run.reasons), sort_keys=True),
            }
            for run in runs
        ]  # fmt: skip

        def work(connection: apsw.Connection) -> None:
            connection.executemany(self._sql["insert_run"], rows)

        await self._transaction.run(work)


def read_blocks(connection: apsw.Connection, sql: Mapping[str, str]) -> list[Block]:
    """Every block, by id."""
    return [
        Block(id=block_id, venue=venue, metric=metric, interval=Interval(interval_ms))
        for block_id, venue, metric, interval_ms in connection.execute(sql["select_blocks"])
    ]


def read_series(connection: apsw.Connection, sql: Mapping[str, str]) -> list[Series]:
    """The series tracked now, by id."""
    return [
        Series(
            id=series_id,
            market=Market(venue=venue, base=base, quote=quote, native=native,
                          status=MarketStatus(status)),
            metric=metric, interval=Interval(interval_ms), block_id=block_id, place=place,
            origin=origin,
        )
        for (series_id, venue, base, quote, native, status, metric, interval_ms, block_id, place,
             origin) in connection.execute(sql["select_series"])
    ]  # fmt: skip


def read_runs(
    connection: apsw.Connection, *, statement: str, bindings: Mapping[str, str | int]
) -> list[Run]:
    """Runs, newest first."""
    return [
        Run(venue=venue, kind=RunKind(kind), slot=slot, started_ms=started_ms,
            finished_ms=finished_ms, expected=expected, updated=updated, failed=failed,
            reasons=json.loads(reasons))
        for (venue, kind, slot, started_ms, finished_ms, expected, updated, failed,
             reasons) in connection.execute(statement, bindings)
    ]  # fmt: skip
