"""A ledger by what names it: a folder, or the address of a server."""

from __future__ import annotations

from pathlib import Path

from sigmawatch.adapters.ledgers.ledger import SqlLedger
from sigmawatch.adapters.ledgers.postgres import PostgresLedger
from sigmawatch.adapters.ledgers.sqlite import SqliteLedger
from sigmawatch.ports.clock import Clock


async def opened(where: str, *, clock: Clock) -> SqlLedger:
    """Open it."""
    if "://" in where:
        return await PostgresLedger.open(where, clock=clock)
    return await SqliteLedger.open(Path(where), clock=clock)
