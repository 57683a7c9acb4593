"""Starts of a ledger over an older schema, to be killed somewhere: python -m tests.faults.migrating

A life (nursery.py) for every line "WHERE BUG". WHERE: a data folder, or the address of a server.
The bug "torn", which the test must notice: the statements of a migration are no one transaction.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence

import apsw
import structlog
from tests.faults.nursery import serve
from tests.ledgers.opening import opened

from sigmawatch.adapters.clock import VirtualClock
from sigmawatch.adapters.ledgers import postgres, sqlite_schema
from sigmawatch.adapters.ledgers.migrations import Schema
from sigmawatch.adapters.ledgers.postgres_server import PostgresSession


def torn(schema: Schema, connection: apsw.Connection, *, now_ms: int) -> None:
    for migration in schema.pending(connection):
        schema.run(connection, migration, now_ms=now_ms)


def torn_on_server(schema: Schema, session: PostgresSession, *, now_ms: int) -> int:
    """A text of several statements is one transaction to the server, so they go one by one."""
    for migration in schema.pending(session):
        for statement in statements(migration.sql):
            session.execute(statement)
        session.execute(schema.sql["insert_migration"], {
            "number": migration.number, "name": migration.name, "checksum": migration.checksum,
            "applied_ms": now_ms,
        })  # fmt: skip
    return len(schema.migrations)


def statements(sql: str) -> Sequence[str]:
    """Of a migration of ours, which holds no semicolon but those between them."""
    lines = "\n".join(line.partition("--")[0] for line in sql.splitlines())
    return [one for one in lines.split(";") if one.strip()]


def live(line: str) -> None:
    where, bug = line.split()
    if bug == "torn":
        vars(sqlite_schema)["run_pending"] = torn
        vars(postgres)["migrate"] = torn_on_server
    asyncio.run(start(where))


async def start(where: str) -> None:
    """Bring it up to date."""
    ledger = await opened(where, clock=VirtualClock(5))
    await ledger.close()


if __name__ == "__main__":
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    serve(live)
