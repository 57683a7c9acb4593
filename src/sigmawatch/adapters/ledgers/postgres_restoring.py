"""Restoring a backup onto a PostgreSQL server, of whichever kind of database it was made."""

from __future__ import annotations

from pathlib import Path

from sigmawatch.adapters.ledgers.moving import move_to_server
from sigmawatch.adapters.ledgers.postgres import PostgresLedger
from sigmawatch.adapters.ledgers.postgres_server import Patience, Server
from sigmawatch.adapters.ledgers.restoring import prepared
from sigmawatch.adapters.ledgers.statements import load_statements
from sigmawatch.ports.backup import Copied, Told
from sigmawatch.ports.clock import Clock


async def restore_to_server(
    source: Path, url: str, *, scratch: Path, clock: Clock, told: Told
) -> Copied:
    """The database at `url`, which must hold nothing, becomes what was backed up, in one
    transaction. scratch: a folder with room for a copy of the backup. Raises NotFound, Conflict,
    Refused, StorageNewer, Unavailable."""
    ledger = await PostgresLedger.open(url, clock=clock)  # brings its schema up to date
    await ledger.close()
    server = Server(url, sql=load_statements("postgres"), patience=Patience())
    target = scratch / "restored.db"
    async with prepared(source, target, now_ms=clock.now_ms(), told=told) as (part, copied):
        await move_to_server(part, server, told=told)
    return copied
