"""The schema of the SQLite file: checked before anything is written, then brought up to date.

Each migration runs in one transaction with its own record, so a kill leaves the old schema or the
new one. Before the first change to a file that holds something, a copy of it is made beside it.
Raises StorageNewer, StorageFailed.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apsw

from sigmawatch.adapters.ledgers.statements import Migration
from sigmawatch.domain.errors import StorageFailed, StorageNewer


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """The migrations this program knows, in order, and the statements to keep their record."""

    migrations: Sequence[Migration]
    sql: Mapping[str, str]

    def check(self, path: Path) -> None:
        """Raises StorageNewer where a newer program wrote the file, StorageFailed where it ran
        other migrations than ours; changes nothing."""
        if path.stat().st_size == 0:
            return
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
        try:
            self._pending(connection)
        finally:
            connection.close()

    def migrate(self, connection: apsw.Connection, *, path: Path, now_ms: int) -> None:
        """Run what has not run yet."""
        pending = self._pending(connection)
        if pending and pending[0].number > 1:
            _copy(connection, path.with_name(f"{path.stem}.before-{pending[0].number:04}.db"))
        for migration in pending:
            connection.execute("BEGIN IMMEDIATE")
            try:
                self._run(connection, migration, now_ms=now_ms)
                connection.execute("COMMIT")
            except BaseException:
                connection.execute("ROLLBACK")
                raise

    def _run(self, connection: apsw.Connection, migration: Migration, *, now_ms: int) -> None:
        connection.execute(self.sql["create_migrations"])
        connection.execute(migration.sql).fetchall()
        connection.execute(self.sql["insert_migration"], {
            "number": migration.number, "name": migration.name,
            "checksum": migration.checksum, "applied_ms": now_ms,
        })  # fmt: skip

    def _pending(self, connection: apsw.Connection) -> Sequence[Migration]:
        applied: list[Any] = []
        if connection.execute(self.sql["has_migrations"]).get:
            applied = connection.execute(self.sql["select_migrations"]).fetchall()
        if len(applied) > len(self.migrations):
            raise StorageNewer(
                f"the database has schema {len(applied)}, this program knows up to "
                f"{len(self.migrations)}: run the newer version, or restore the copy made before"
            )
        for (number, name, checksum), ours in zip(applied, self.migrations, strict=False):
            if (number, checksum) != (ours.number, ours.checksum):
                raise StorageFailed(
                    f"the database ran another migration {number} ({name}) than this program has: "
                    "it belongs to another build"
                )
        return self.migrations[len(applied) :]


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
