"""What one transaction may touch: catalogue, frames and runs, as work for the writer's thread.

Fulfils the repositories of ports.ledger over any session. Items get their transaction's commit
number as the upper part of their row id.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import TypeVar

from sigmawatch.adapters.ledgers.alerts import Alerts
from sigmawatch.adapters.ledgers.outbox import Outbox
from sigmawatch.adapters.ledgers.rank_columns import RankColumns
from sigmawatch.adapters.ledgers.rules import Rules
from sigmawatch.adapters.ledgers.session import Session, Writer, value
from sigmawatch.adapters.ledgers.watchlists import Watchlists
from sigmawatch.domain.errors import NotFound, Superseded
from sigmawatch.domain.frame import Frame, Patch
from sigmawatch.domain.market import Market, MarketStatus
from sigmawatch.domain.series import BLOCK_SERIES_MAX, Block, Series
from sigmawatch.domain.venue import Run, RunKind
from sigmawatch.domain.window import Interval
from sigmawatch.ports.clock import Clock
from sigmawatch.ports.ledger import Claim

T = TypeVar("T")
ITEMS_PER_COMMIT_BITS = 20


class SqlTransaction:
    """The open transaction. Valid inside its block only."""

    def __init__(self, writer: Writer, *, sql: Mapping[str, str], clock: Clock) -> None:
        self._writer = writer
        self.sql = sql
        self.clock = clock
        self.items_count = 0
        self._open = True
        self.catalogue = _Catalogue(self)
        self.frames = _Frames(self)
        self.runs = _Runs(self)
        self.ranks = RankColumns(self)
        self.watchlists = Watchlists(self)
        self.rules = Rules(self)
        self.alerts = Alerts(self)
        self.outbox = Outbox(self)

    @property
    def commit_number(self) -> int:
        """For work alone: a transaction that is run again has another one."""
        return self._writer.commit_number

    async def claim(self, work: str) -> Claim:
        """Claim it anew; who had it is superseded once this transaction is kept."""
        key = {"key": _epoch_key(work)}
        epoch = await self.run(lambda session: value(session.execute(self.sql["take_epoch"], key)))
        return Claim(work=work, epoch=epoch)

    async def check(self, claim: Claim) -> None:
        key = {"key": _epoch_key(claim.work)}
        newest = await self.run(
            lambda session: value(session.execute(self.sql["select_epoch"], key))
        )
        if newest != claim.epoch:
            raise Superseded(f"another program has taken over {claim.work}")

    async def run(self, work: Callable[[Session], T]) -> T:
        assert self._open, "a transaction ends with its block"
        return await self._writer.run(work)

    def end(self) -> None:
        self._open = False


def _epoch_key(work: str) -> str:
    return f"epoch of {work}"


class _Catalogue:
    def __init__(self, transaction: SqlTransaction) -> None:
        self._transaction = transaction
        self._sql = transaction.sql

    async def blocks(self) -> Sequence[Block]:
        return await self._transaction.run(partial(read_blocks, sql=self._sql))

    async def series(self) -> Sequence[Series]:
        return await self._transaction.run(partial(read_series, sql=self._sql))

    async def add(
        self,
        market: Market,
        metric: str,
        *,
        interval: Interval,
        origin: str,
        formula: str | None = None,
    ) -> Series:
        """The series tracked now: the one that stands, or a new one. A file that names a series
        takes it over; nothing else changes who defines it."""

        def work(session: Session) -> Series:
            market_id = self._market(session, market)
            of = {"metric": metric, "interval_ms": interval.ms}
            row = session.execute(
                self._sql["find_series"], {"market_id": market_id} | of
            ).fetchone()
            if row is None:
                row = self._place(
                    session, market_id, block={"venue": market.venue} | of, origin=origin
                )
                if formula is not None:
                    computed = {"series_id": row[0], "formula": formula}
                    session.execute(self._sql["insert_formula"], computed)
                row = (*row, formula)
            series_id, block_id, place, stored_origin, stands = row
            if origin == "file" != stored_origin:
                stored_origin = origin
                adopted = {"series_id": series_id, "origin": origin}
                session.execute(self._sql["adopt_series"], adopted)
            return Series(id=series_id, market=market, metric=metric, interval=interval,
                          block_id=block_id, place=place, origin=stored_origin,
                          formula=stands)  # fmt: skip

        return await self._transaction.run(work)

    def _market(self, session: Session, market: Market) -> int:
        row_id: int = value(session.execute(self._sql["upsert_market"], {
            "venue": market.venue, "native": market.native, "base": market.base,
            "quote": market.quote, "status": str(market.status),
        }))  # fmt: skip
        return row_id

    def _place(
        self, session: Session, market_id: int, *, block: dict[str, object], origin: str
    ) -> tuple[int, int, int, str]:
        """Blocks fill in order, so only the newest of a kind may have room."""
        newest = session.execute(self._sql["newest_block"], block).fetchone()
        if newest is None or newest[1] >= BLOCK_SERIES_MAX:
            newest = (value(session.execute(self._sql["insert_block"], block)), 0)
        block_id, place = newest
        series_id = value(session.execute(self._sql["insert_series"], {
            "market_id": market_id, "block_id": block_id, "place": place, "origin": origin,
            "now_ms": self._transaction.clock.now_ms(),
        }))  # fmt: skip
        return series_id, block_id, place, origin

    async def remove(self, series_id: int) -> None:
        def work(session: Session) -> bool:
            now_ms = self._transaction.clock.now_ms()
            found = session.execute(
                self._sql["remove_series"], {"series_id": series_id, "now_ms": now_ms}
            ).fetchall()
            return bool(found)

        if not await self._transaction.run(work):
            raise NotFound(f"no series {series_id} is tracked", field="id")


class _Frames:
    def __init__(self, transaction: SqlTransaction) -> None:
        self._transaction = transaction
        self._sql = transaction.sql

    async def insert(self, items: Iterable[Frame | Patch]) -> frozenset[str]:
        batch = list(items)  # the caller's iterator runs in the caller's thread
        first = self._transaction.items_count
        self._transaction.items_count += len(batch)
        assert self._transaction.items_count <= 1 << ITEMS_PER_COMMIT_BITS
        return await self._transaction.run(partial(self._insert, batch=batch, first=first))

    def _insert(
        self, session: Session, batch: Sequence[Frame | Patch], *, first: int
    ) -> frozenset[str]:
        first_id = (self._transaction.commit_number << ITEMS_PER_COMMIT_BITS) + first
        numbered = dict(enumerate(batch, start=first_id))
        inserted: list[int] = []
        for name, kind in (("insert_frame", Frame), ("insert_patch", Patch)):
            rows = [_row(row_id, item) for row_id, item in numbered.items() if type(item) is kind]
            if rows:
                inserted += [row_id for (row_id,) in session.executemany(self._sql[name], rows)]
        self._note_live(session, batch)
        return frozenset(numbered[row_id].id for row_id in inserted)

    def _note_live(self, session: Session, batch: Sequence[Frame | Patch]) -> None:
        first = min((item.recv_ms for item in batch if isinstance(item, Frame)), default=None)
        if first is not None:
            session.execute(self._sql["note_live_since"], {"recv_ms": first})


def _row(row_id: int, item: Frame | Patch) -> dict[str, int | bytes]:
    row: dict[str, int | bytes] = {
        "id": row_id, "revision": item.revision, "body": item.encode()
    }  # fmt: skip
    if isinstance(item, Frame):
        return row | {"owner": item.block_id, "slot": item.slot}
    return row | {"owner": item.series_id, "slot": item.from_slot, "count": len(item.marks)}


class _Runs:
    def __init__(self, transaction: SqlTransaction) -> None:
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

        def work(session: Session) -> None:
            session.executemany(self._sql["insert_run"], rows)

        await self._transaction.run(work)


def read_blocks(session: Session, sql: Mapping[str, str]) -> list[Block]:
    """Every block, by id."""
    return [
        Block(id=block_id, venue=venue, metric=metric, interval=Interval(interval_ms))
        for block_id, venue, metric, interval_ms in session.execute(sql["select_blocks"])
    ]


def read_series(session: Session, sql: Mapping[str, str]) -> list[Series]:
    """The series tracked now, by id."""
    return [
        Series(
            id=series_id,
            market=Market(venue=venue, base=base, quote=quote, native=native,
                          status=MarketStatus(status)),
            metric=metric, interval=Interval(interval_ms), block_id=block_id, place=place,
            origin=origin, formula=formula,
        )
        for (series_id, venue, base, quote, native, status, metric, interval_ms, block_id, place,
             origin, formula) in session.execute(sql["select_series"])
    ]  # fmt: skip


def read_runs(session: Session, *, statement: str, bindings: Mapping[str, str | int]) -> list[Run]:
    """Runs, newest first."""
    return [
        Run(venue=venue, kind=RunKind(kind), slot=slot, started_ms=started_ms,
            finished_ms=finished_ms, expected=expected, updated=updated, failed=failed,
            reasons=json.loads(reasons))
        for (venue, kind, slot, started_ms, finished_ms, expected, updated, failed,
             reasons) in session.execute(statement, bindings)
    ]  # fmt: skip
