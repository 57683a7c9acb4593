"""The ledger on a PostgreSQL server, through psycopg 3: the extra `postgres`.

What every ledger does is in ledger.py; here is what makes it this one. Several programs may write
the same database: their transactions come one after the other, and what both have is stored once.
Statements are those of SQLite wherever PostgreSQL understands them (sql/).
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

from sigmawatch.adapters.ledgers.condition import Condition
from sigmawatch.adapters.ledgers.ledger import SqlLedger
from sigmawatch.adapters.ledgers.migrations import Schema
from sigmawatch.adapters.ledgers.moving import copy_server
from sigmawatch.adapters.ledgers.postgres_connection import PostgresReaders
from sigmawatch.adapters.ledgers.postgres_schema import migrate
from sigmawatch.adapters.ledgers.postgres_server import Patience, Server
from sigmawatch.adapters.ledgers.postgres_writer import PostgresWriter
from sigmawatch.adapters.ledgers.repositories import CATALOGUE_VERSION
from sigmawatch.adapters.ledgers.session import value
from sigmawatch.adapters.ledgers.statements import Migration, load_migrations, load_statements
from sigmawatch.ports.backup import Told
from sigmawatch.ports.clock import Clock


class PostgresLedger(SqlLedger):
    """A database of a server. Make it with `open`."""

    _server: Server

    @classmethod
    async def open(
        cls, url: str, *, clock: Clock, migrations: Sequence[Migration] | None = None,
        patience: Patience | None = None,
    ) -> PostgresLedger:  # fmt: skip
        """Connect to `postgresql://user:password@host:port/name` and bring the database up to
        date.

        migrations: other ones than ours, for tests. Raises Unavailable where it is not reached now,
        Refused where it is too old, StorageNewer, StorageFailed.
        """
        sql = load_statements("postgres")
        steps = load_migrations("postgres") if migrations is None else migrations
        schema = Schema(migrations=steps, sql=sql)
        async with AsyncExitStack() as closing:
            waits = patience or Patience()
            server = Server(url, sql=sql, patience=waits)
            writer = PostgresWriter(server, sql=sql, storage=Condition(clock))
            closing.push_async_callback(writer.close)
            await writer.open(partial(migrate, schema, now_ms=clock.now_ms()))
            readers = PostgresReaders(server, patience_s=waits.reads_s, doubt=writer.doubt)
            closing.push_async_callback(readers.close)
            ledger = cls(writer, readers, sql=sql, clock=clock, closing=closing.pop_all())
            ledger._server = server
            return ledger

    async def catalogue_version(self) -> int | None:
        """Asked every second."""
        newest = self._sql["select_epoch"]
        return await self._read(
            lambda session: value(session.execute(newest, CATALOGUE_VERSION)) or 0
        )

    async def _copy(self, part: Path, *, told: Told) -> None:
        await copy_server(self._server, part, told=told, first=self.first)
