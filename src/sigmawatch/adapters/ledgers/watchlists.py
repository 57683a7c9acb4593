"""Watchlists in a ledger: a row each, its patterns as a JSON array."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from sigmawatch.adapters.ledgers.checksums import checksum, owned
from sigmawatch.adapters.ledgers.session import Session, value
from sigmawatch.domain.watchlist import Watchlist

if TYPE_CHECKING:
    from sigmawatch.adapters.ledgers.reading import Stored
    from sigmawatch.adapters.ledgers.repositories import SqlTransaction


class Watchlists:
    """Fulfils ports.ledger.WatchlistRepository."""

    def __init__(self, transaction: SqlTransaction) -> None:
        self._transaction = transaction
        self._sql = transaction.sql

    async def put(self, watchlist: Watchlist) -> None:
        row: dict[str, str | int | None] = {
            "name": watchlist.name, "items": json.dumps(watchlist.items),
            "now_ms": self._transaction.clock.now_ms(), "owner_id": watchlist.owner_id,
        }  # fmt: skip
        row["checksum"] = checksum("watchlist", *owned([*row.values()]))

        def work(session: Session) -> None:
            named = {"name": watchlist.name}
            if session.execute(self._sql["find_watchlist"], named).fetchone() is None:
                session.execute(self._sql["add_to_mark"], {"key": "watchlists", "number": 1})
            session.execute(self._sql["put_watchlist"], row)
            self._transaction.note_catalogue(session)

        await self._transaction.run(work)

    async def remove(self, name: str) -> bool:
        def work(session: Session) -> bool:
            gone = session.execute(self._sql["remove_watchlist"], {"name": name}).fetchall()
            self._transaction.note_catalogue(session)
            if gone:
                session.execute(self._sql["add_to_mark"], {"key": "watchlists", "number": -1})
            return bool(gone)

        return await self._transaction.run(work)


def read_watchlists(session: Session, sql: Mapping[str, str], *, stored: Stored) -> list[Watchlist]:
    """Every sound watchlist, by name."""
    rows = session.execute(sql["select_watchlists"]).fetchall()
    marked = value(session.execute(sql["select_mark"], {"key": "watchlists"})) or 0
    if len(rows) != marked:
        reason = f"{marked} were written, {len(rows)} can be found"
        stored.note_damage("watchlist", "rows", reason=reason)
    found = []
    for *row, check in rows:
        if checksum("watchlist", *owned(row)) == check:
            found.append(Watchlist.of(row[0], json.loads(row[1]), owner_id=row[3]))
        else:
            stored.note_damage("watchlist", row[0], reason="its checksum does not match")
    return found
