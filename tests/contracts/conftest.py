"""The adapters that every contract suite runs over. A new one is one line in a list below."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import apsw
import pytest

from sigmawatch.adapters.buses.local import Limits, LocalBus
from sigmawatch.adapters.clock import VirtualClock
from sigmawatch.adapters.ledgers.sqlite import SqliteLedger
from sigmawatch.domain.frame import Frame, Patch


class SqliteDatabase:
    """An embedded database of its own for one test."""

    def __init__(self, folder: Path, stack: AsyncExitStack) -> None:
        self.folder = folder
        self.clock = VirtualClock(1_740_000_000_000)
        self._stack = stack

    async def open(self) -> SqliteLedger:
        """Open it; closed with the test where the test does not."""
        ledger = await SqliteLedger.open(self.folder, clock=self.clock)
        self._stack.push_async_callback(ledger.close)
        return ledger

    def flip_a_bit(self, item: Frame | Patch) -> None:
        """Damage one stored value. Nobody may hold the database."""
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
        """Let it look as if a later version of the program had migrated it."""
        connection = apsw.Connection(str(self.folder / "sigmawatch.db"))
        connection.execute(
            "INSERT INTO migrations SELECT max(number) + 1, 'later', 'x', 0 FROM migrations"
        )
        connection.close()

    def content(self) -> bytes:
        """What a start reads: the file and its log (the index of the log is made anew)."""
        log = self.folder / "sigmawatch.db-wal"
        return (self.folder / "sigmawatch.db").read_bytes() + (
            log.read_bytes() if log.exists() else b""
        )


@pytest.fixture(params=["sqlite"])
async def database(tmp_path: Path) -> AsyncIterator[SqliteDatabase]:
    async with AsyncExitStack() as stack:
        yield SqliteDatabase(tmp_path / "data", stack)


LIMITS = Limits(backlog_max=4, batch_max=3, retained_max=2, live_max=2, publish_timeout_s=30.0)


@pytest.fixture(params=["local"])
async def bus() -> LocalBus:
    """A bus with tight limits."""
    return LocalBus(member="me", about={"roles": ("tracker",)}, limits=LIMITS)
