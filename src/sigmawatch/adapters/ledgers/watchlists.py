"""Watchlists in a ledger: a row each, its patterns as a JSON array."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from sigmawatch.adapters.ledgers.session import Session
from sigmawatch.domain.watchlist import Watchlist

if TYPE_CHECKING:
    from sigmawatch.adapters.ledgers.repositories import SqlTransaction


class Watchlists:
    """Fulfils ports.ledger.WatchlistRepository."""

    def __init__(self, transaction: SqlTransaction) -> None:
        self._transaction = transaction
        self._sql = transaction.sql

    async def put(self, watchlist: Watchlist) -> None:
        row = {
            "name": watchlist.name, "items": json.dumps(watchlist.items),
            "now_ms": self._transaction.clock.now_ms(),
        }  # fmt: skip

        def work(session: Session) -> None:
            session.execute(self._sql["put_watchlist"], row)

        await self._transaction.run(work)

    async def remove(self, name: str) -> bool:
        def work(session: Session) -> bool:
            gone = session.execute(self._sql["remove_watchlist"], {"name": name}).fetchall()
            return bool(gone)

        return await self._transaction.run(work)


def read_watchlists(session: Session, sql: Mapping[str, str]) -> list[Watchlist]:
    """Every stored watchlist, by name."""
    return [
        Watchlist.of(name, json.loads(items))
        for name, items in session.execute(sql["select_watchlists"])
    ]
