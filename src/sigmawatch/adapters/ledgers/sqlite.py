"""The embedded ledger: one SQLite file in the data folder, through apsw.

What every ledger does is in ledger.py; here is what makes it this one. A transaction is synced
(synchronous=FULL) before its block ends. One process holds the folder (folder.py); one thread
writes (connection.py).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any

from sigmawatch.adapters.ledgers.condition import Condition
from sigmawatch.adapters.ledgers.connection import FileReaders, translated
from sigmawatch.adapters.ledgers.file_writer import WAL_BYTES_MIN, FileWriter
from sigmawatch.adapters.ledgers.folder import DataFolder
from sigmawatch.adapters.ledgers.high_water import HighWater, missing, read_mark
from sigmawatch.adapters.ledgers.ledger import SqlLedger
from sigmawatch.adapters.ledgers.migrations import Schema
from sigmawatch.adapters.ledgers.online import copy_online
from sigmawatch.adapters.ledgers.reserve import Reserve
from sigmawatch.adapters.ledgers.sqlite_schema import check, migrate
from sigmawatch.adapters.ledgers.statements import Migration, load_migrations, load_statements
from sigmawatch.adapters.ledgers.watch import Watch
from sigmawatch.ports.backup import Told
from sigmawatch.ports.clock import Clock


class SqliteLedger(SqlLedger):
    """The database of one data folder. Make it with `open`."""

    @classmethod
    async def open(
        cls, folder: Path, *, clock: Clock, vfs: str | None = None,
        migrations: Sequence[Migration] | None = None,
    ) -> SqliteLedger:  # fmt: skip
        """Hold the folder, made where it is missing, and bring its database up to date.

        vfs: the SQLite file layer to write through, for fault tests. migrations: other ones than
        ours, for tests. Raises InUse, Refused, StorageNewer, StorageFailed.
        """
        sql = load_statements("sqlite")
        steps = load_migrations("sqlite") if migrations is None else migrations
        schema = Schema(migrations=steps, sql=sql)
        async with AsyncExitStack() as closing:
            held = DataFolder.hold(folder)
            closing.callback(held.release)
            held.make_database()
            with translated():
                check(schema, held.database)
            storage, reserve = Condition(clock), Reserve(folder, log_bytes_max=WAL_BYTES_MIN)
            writer = FileWriter(sql, storage=storage, reserve=reserve)
            closing.push_async_callback(writer.close)
            await writer.open(held.database, vfs=vfs)
            await writer.run(partial(migrate, schema, path=held.database, now_ms=clock.now_ms()))
            await writer.run(writer.restart_log)  # a migration's may be longer than its cap
            watch = Watch(reserve, storage=storage, mend=writer.mend)
            closing.push_async_callback(asyncio.to_thread, watch.close)
            mark = read_mark(held.path)
            lost = await writer.run(partial(missing, sql=sql, mark=mark))
            readers = FileReaders(held.database)
            closing.push_async_callback(readers.close)
            water = HighWater(held.path, held.database, clock=clock)
            closing.push_async_callback(asyncio.to_thread, water.close)
            ledger = cls(writer, readers, sql=sql, clock=clock, closing=closing.pop_all())
        if mark is not None and lost[0] <= lost[1]:
            ledger.note_missing(*lost, seen_ms=mark.at_ms)
        return ledger

    async def _copy(self, part: Path, *, told: Told) -> None:
        await copy_online(self._between, part, told=told)

    async def _between(self, work: Callable[[Any], Any]) -> Any:
        """What `work` returns, done while no transaction stands."""
        async with self._turn:
            assert not self._closed
            return await self._writer.run(work)
