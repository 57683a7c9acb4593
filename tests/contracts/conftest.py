"""The adapters that every contract suite runs over. A new one is one line in a list below."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Protocol

import apsw
import psycopg
import pytest

from sigmawatch.adapters.buses.local import Limits, LocalBus
from sigmawatch.adapters.clock import VirtualClock
from sigmawatch.adapters.ledgers.ledger import SqlLedger
from sigmawatch.adapters.ledgers.postgres import PostgresLedger
from sigmawatch.adapters.ledgers.sqlite import SqliteLedger
from sigmawatch.domain.frame import Frame, Patch


class Database(Protocol):
    """A database of its own for one test."""

    clock: VirtualClock

    async def open(self) -> SqlLedger:
        """Open it; closed with the test where the test does not."""
        ...

    def flip_a_bit(self, item: Frame | Patch) -> None:
        """Damage one stored value. Nobody may hold the database."""
        ...

    def be_newer(self) -> None:
        """Let it look as if a later version of the program had migrated it."""
        ...

    def content(self) -> object:
        """What a start reads."""
        ...


class SqliteDatabase:
    """A file."""

    def __init__(self, folder: Path, stack: AsyncExitStack) -> None:
        self.folder = folder
        self.clock = VirtualClock(1_740_000_000_000)
        self._stack = stack

    async def open(self) -> SqliteLedger:
        ledger = await SqliteLedger.open(self.folder, clock=self.clock)
        self._stack.push_async_callback(ledger.close)
        return ledger

    def flip_a_bit(self, item: Frame | Patch) -> None:
        owner = item.block_id if isinstance(item, Frame) else item.series_id
        table, column = ("frames", "block_id") if isinstance(item, Frame) else (
            "patches", "series_id")  # fmt: skip
        connection = apsw.Connection(str(self.folder / "sigmawatch.db"))
        row_id = connection.execute(
            f"SELECT id FROM {table} WHERE {column} = ? AND revision = ?", (owner, item.revision)
        ).get
        with connection.blob_open("main", table, "body", row_id, True) as blob:
            blob.seek(40)
            (byte,) = blob.read(1)
            blob.seek(40)
            blob.write(bytes([byte ^ 0x10]))
        connection.close()

    def be_newer(self) -> None:
        connection = apsw.Connection(str(self.folder / "sigmawatch.db"))
        connection.execute(
            "INSERT INTO migrations SELECT max(number) + 1, 'later', 'x', 0 FROM migrations"
        )
        connection.close()

    def content(self) -> bytes:
        """The file and its log (the index of the log is made anew)."""
        log = self.folder / "sigmawatch.db-wal"
        return (self.folder / "sigmawatch.db").read_bytes() + (
            log.read_bytes() if log.exists() else b""
        )


class PostgresDatabase:
    """A database of a server."""

    def __init__(self, url: str, stack: AsyncExitStack) -> None:
        self.url = url
        self.clock = VirtualClock(1_740_000_000_000)
        self._stack = stack

    async def open(self) -> PostgresLedger:
        ledger = await PostgresLedger.open(self.url, clock=self.clock)
        self._stack.push_async_callback(ledger.close)
        return ledger

    def flip_a_bit(self, item: Frame | Patch) -> None:
        owner = item.block_id if isinstance(item, Frame) else item.series_id
        table, column = ("frames", "block_id") if isinstance(item, Frame) else (
            "patches", "series_id")  # fmt: skip
        self._execute(
            f"UPDATE {table} SET body = set_byte(body, 40, get_byte(body, 40) # 16) "
            f"WHERE {column} = {owner} AND revision = {item.revision}"
        )

    def be_newer(self) -> None:
        self._execute(
            "INSERT INTO migrations SELECT max(number) + 1, 'later', 'x', 0 FROM migrations"
        )

    def content(self) -> list[object]:
        """Every table, and when it was last written to."""
        return self._execute(
            "SELECT relname, relfilenode, relpages FROM pg_class WHERE relnamespace = "
            "'public'::regnamespace UNION ALL SELECT 'rows', count(*), sum(xmin::text::bigint) "
            "FROM migrations ORDER BY 1"
        )

    def _execute(self, statement: str) -> list[object]:
        with psycopg.connect(self.url, autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return list(cursor.fetchall()) if cursor.description else []


@pytest.fixture(params=["sqlite", "postgres"])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    async with AsyncExitStack() as stack:
        if request.param == "sqlite":
            yield SqliteDatabase(tmp_path / "data", stack)
        else:
            yield PostgresDatabase(request.getfixturevalue("postgres_url"), stack)


LIMITS = Limits(backlog_max=4, batch_max=3, retained_max=2, live_max=2, publish_timeout_s=30.0)


@pytest.fixture(params=["local"])
async def bus() -> LocalBus:
    """A bus with tight limits."""
    return LocalBus(member="me", about={"roles": ("tracker",)}, limits=LIMITS)
