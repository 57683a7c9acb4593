"""Arrangements in a ledger: a row each, its body as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from sigmawatch.adapters.ledgers.checksums import checksum
from sigmawatch.adapters.ledgers.session import Session
from sigmawatch.domain.arrangement import Arrangement, ArrangementKind

if TYPE_CHECKING:
    from sigmawatch.adapters.ledgers.reading import Stored
    from sigmawatch.adapters.ledgers.repositories import SqlTransaction


class Arrangements:
    """Fulfils ports.ledger.ArrangementRepository. Neighbours see the changes."""

    def __init__(self, transaction: SqlTransaction) -> None:
        self._transaction = transaction
        self._sql = transaction.sql

    async def put(self, arrangement: Arrangement) -> None:
        row: dict[str, str | int] = {
            "kind": str(arrangement.kind), "name": arrangement.name,
            "body": json.dumps(arrangement.body, sort_keys=True),
            "now_ms": self._transaction.clock.now_ms(),
        }  # fmt: skip
        row["checksum"] = checksum("arrangement", *row.values())

        def work(session: Session) -> None:
            session.execute(self._sql["put_arrangement"], row)
            self._transaction.note_catalogue(session)

        await self._transaction.run(work)

    async def remove(self, kind: ArrangementKind, name: str) -> bool:
        named = {"kind": str(kind), "name": name}

        def work(session: Session) -> bool:
            gone = session.execute(self._sql["remove_arrangement"], named).fetchall()
            self._transaction.note_catalogue(session)
            return bool(gone)

        return await self._transaction.run(work)


def read_arrangements(
    session: Session, sql: Mapping[str, str], *, stored: Stored
) -> list[Arrangement]:
    """Every sound one of a kind that we know, by kind and name."""
    found = []
    for *row, check in session.execute(sql["select_arrangements"]).fetchall():
        kind, name, body, _ = row
        if checksum("arrangement", *row) != check:
            stored.note_damage("arrangement", f"{kind} {name}",
                               reason="its checksum does not match")  # fmt: skip
        elif kind in set(ArrangementKind):
            found.append(Arrangement(kind=ArrangementKind(kind), name=name, body=json.loads(body)))
    return found
