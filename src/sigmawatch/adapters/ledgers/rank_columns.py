"""Rank columns in a ledger: written in transactions, read back one by one and verified."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import structlog

from sigmawatch.adapters.ledgers.session import Session
from sigmawatch.domain.errors import Invalid
from sigmawatch.domain.rank_column import RankColumn, Standing, decode_ranks
from sigmawatch.domain.window import HOUR_MS

if TYPE_CHECKING:
    from sigmawatch.adapters.ledgers.repositories import SqlTransaction

log = structlog.get_logger()


class RankColumns:
    """Fulfils ports.ledger.RankRepository."""

    def __init__(self, transaction: SqlTransaction) -> None:
        self._transaction = transaction
        self._sql = transaction.sql

    async def put(self, columns: Iterable[RankColumn]) -> None:
        batch = list(columns)

        def work(session: Session) -> None:
            rows = [_row(column) for column in batch]
            new = session.executemany(self._sql["insert_rank_column"], rows).fetchall()
            if new:
                _count(session, self._sql, number=len(new))
            if len(new) < len(rows):
                session.executemany(self._sql["replace_rank_column"], rows)

        await self._transaction.run(work)

    async def thin(self, *, quarters_before_ms: int, before_ms: int, rows_max: int) -> int:
        def work(session: Session) -> int:
            gone = 0
            for hourly, end_ms in ((0, quarters_before_ms), (1, before_ms)):
                bindings = {"hourly": hourly, "before_ms": end_ms, "rows": rows_max - gone}
                gone += len(session.execute(self._sql["thin_rank_columns"], bindings).fetchall())
            if gone:
                _count(session, self._sql, number=-gone)
            return gone

        return await self._transaction.run(work)


def _count(session: Session, sql: Mapping[str, str], *, number: int) -> None:
    session.execute(sql["add_to_mark"], {"key": "rank_columns", "number": number}).fetchall()


def _name(standing: Standing) -> dict[str, object]:
    return {
        "metric": standing.metric, "ranked_by": standing.by, "window_ms": standing.window_ms,
        "interval_ms": standing.interval.ms,
    }  # fmt: skip


def _row(column: RankColumn) -> dict[str, object]:
    interval = column.standing.interval
    end_ms = interval.open_ms(column.slot + 1)
    hourly = int(end_ms // HOUR_MS > interval.open_ms(column.slot) // HOUR_MS)
    return _name(column.standing) | {
        "slot": column.slot, "end_ms": end_ms, "hourly": hourly, "body": column.encode()
    }  # fmt: skip


def _end_ms(standing: Standing, slot: int) -> int:
    """Stands in the row beside the slot, and tells whether that is the row's own."""
    return standing.interval.open_ms(slot + 1)


def read_rank_slots(
    session: Session, sql: Mapping[str, str], *, standing: Standing, from_slot: int, to_slot: int
) -> list[int]:
    """Stored slots of one ranking, in order."""
    bindings = _name(standing) | {"from_slot": from_slot, "to_slot": to_slot}
    return [slot for (slot,) in session.execute(sql["select_rank_slots"], bindings)]


def read_rank_column(
    session: Session, sql: Mapping[str, str], *, standing: Standing, slot: int, damaged: set[str]
) -> RankColumn | None:
    """One column, verified; a damaged one is noted in `damaged` and logged once."""
    named = _name(standing) | {"slot": slot}
    row = session.execute(sql["select_rank_column"], named).fetchone()
    if row is None:
        return None
    body = row[0] if isinstance(row[0], bytes) and row[1] == _end_ms(standing, slot) else b""
    try:
        return decode_ranks(standing, slot, body=body)
    except Invalid as exc:
        name = f"rank column {standing.metric} {standing.by} {slot}"
        if name not in damaged:
            damaged.add(name)
            log.error("stored_item_damaged", row=name, reason=str(exc))
        return None
