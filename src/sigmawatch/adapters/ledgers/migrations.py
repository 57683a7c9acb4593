"""The schema of a database: checked before anything is written, then brought up to date.

Each migration runs in one transaction with its own record, so a kill leaves the old schema or the
new one. A dialect says how it locks and copies (sqlite_schema.py, postgres_schema.py). Raises
StorageNewer, StorageFailed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sigmawatch.adapters.ledgers.session import Session, value
from sigmawatch.adapters.ledgers.statements import Migration
from sigmawatch.adapters.ledgers.upgrades import STEPS
from sigmawatch.domain.errors import StorageFailed, StorageNewer


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """The migrations this program knows, in order, and the statements to keep their record."""

    migrations: Sequence[Migration]
    sql: Mapping[str, str]

    def run(self, session: Session, migration: Migration, *, now_ms: int) -> None:
        """Run one and note it, inside the caller's transaction."""
        session.execute(self.sql["create_migrations"])
        session.execute(migration.sql).fetchall()
        if migration.name in STEPS:
            STEPS[migration.name](session, self.sql)
        session.execute(self.sql["insert_migration"], {
            "number": migration.number, "name": migration.name,
            "checksum": migration.checksum, "applied_ms": now_ms,
        })  # fmt: skip

    def pending(self, session: Session) -> Sequence[Migration]:
        """What has not run yet. Raises StorageNewer where a newer program migrated the database,
        StorageFailed where it ran other migrations than ours; changes nothing."""
        applied: list[Any] = []
        if value(session.execute(self.sql["has_migrations"])):
            applied = session.execute(self.sql["select_migrations"]).fetchall()
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
