"""How an SQLite file gets its schema: read before it is touched, copied before it is changed.

Before the first change to a file that holds something, a copy of it is made beside it,
`sigmawatch.before-0005.db`; the COPIES_KEPT newest of them stay.
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import apsw

from sigmawatch.adapters.ledgers.copies import keep, part_of
from sigmawatch.adapters.ledgers.migrations import Schema
from sigmawatch.adapters.ledgers.statements import load_migrations, load_statements

COPIES_KEPT = 3


def ours() -> Schema:
    """The schema of this program's SQLite files."""
    return Schema(migrations=load_migrations("sqlite"), sql=load_statements("sqlite"))


def check(schema: Schema, path: Path) -> None:
    """Raises StorageNewer, StorageFailed where the file is not for this program; changes
    nothing. A file that was left while it was made (it has a journal, which ours have at no other
    time) is undone by whoever writes to it next, and holds nothing."""
    if path.stat().st_size == 0 or path.with_name(f"{path.name}-journal").exists():
        return
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    with closing(connection):
        schema.pending(connection)


def migrate(schema: Schema, connection: apsw.Connection, *, path: Path, now_ms: int) -> None:
    """Run what has not run yet, after a copy of what is there. Raises Refused where there is no
    room for one."""
    pending = schema.pending(connection)
    if pending and pending[0].number > 1:
        copy = path.with_name(f"{path.stem}.before-{pending[0].number:04}.db")
        _copy(connection, copy)
        for older in sorted(path.parent.glob(f"{path.stem}.before-*.db"))[:-COPIES_KEPT]:
            older.unlink()
    run_pending(schema, connection, now_ms=now_ms)


def run_pending(schema: Schema, connection: apsw.Connection, *, now_ms: int) -> None:
    """Run what has not run yet, each in a transaction of its own."""
    for migration in schema.pending(connection):
        connection.execute("BEGIN IMMEDIATE")
        try:
            schema.run(connection, migration, now_ms=now_ms)
            connection.execute("COMMIT")
        except BaseException:
            connection.execute("ROLLBACK")
            raise


def _copy(connection: apsw.Connection, path: Path) -> None:
    """A consistent copy of the open database at `path`, whole or not there at all; one of an
    earlier try is replaced."""
    part = part_of(path)
    target = apsw.Connection(str(part), flags=apsw.SQLITE_OPEN_READWRITE)
    try:
        with target.backup("main", connection, "main") as backup:
            backup.step()
        target.pragma("journal_mode", "delete")  # one file, complete without a log beside it
    finally:
        target.close()
    keep(part, path)
