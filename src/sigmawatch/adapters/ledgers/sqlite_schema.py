"""How an SQLite file gets its schema: read before it is touched, copied before it is changed.

Before the first change to a file that holds something, a copy of it is made beside it.
"""

from __future__ import annotations

import os
from pathlib import Path

import apsw

from sigmawatch.adapters.ledgers.migrations import Schema


def check(schema: Schema, path: Path) -> None:
    """Raises StorageNewer, StorageFailed where the file is not for this program; changes
    nothing."""
    if path.stat().st_size == 0:
        return
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        schema.pending(connection)
    finally:
        connection.close()


def migrate(schema: Schema, connection: apsw.Connection, *, path: Path, now_ms: int) -> None:
    """Run what has not run yet."""
    pending = schema.pending(connection)
    if pending and pending[0].number > 1:
        _copy(connection, path.with_name(f"{path.stem}.before-{pending[0].number:04}.db"))
    for migration in pending:
        connection.execute("BEGIN IMMEDIATE")
        try:
            schema.run(connection, migration, now_ms=now_ms)
            connection.execute("COMMIT")
        except BaseException:
            connection.execute("ROLLBACK")
            raise


def _copy(connection: apsw.Connection, path: Path) -> None:
    """A consistent copy of the open database at `path`, whole or not there at all."""
    part = path.with_suffix(".part")
    part.unlink(missing_ok=True)
    os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    target = apsw.Connection(str(part), flags=apsw.SQLITE_OPEN_READWRITE)
    try:
        with target.backup("main", connection, "main") as backup:
            backup.step()
        target.pragma("journal_mode", "delete")  # one file, complete without a log beside it
    finally:
        target.close()
    _sync(part)
    part.rename(path)
    _sync(path.parent)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
