"""Named SQL: statements in `sql/` for every dialect, statements and migrations of one dialect in
`sql/<dialect>/`; read once at opening.

A file of statements is a run of `-- name: insert_frame` lines, each followed by its statement. A
migration is a file `0001_what.sql`; numbers start at 1 and have no gap.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from types import MappingProxyType

_SQL = files(__package__) / "sql"
_NAME = re.compile(r"^-- name: ([a-z_]+)$", re.MULTILINE)
_MIGRATION = re.compile(r"([0-9]{4})_([a-z_]+)\.sql", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """One step of the schema. `number` is the schema's version once it ran."""

    number: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the text, in hex: a migration that ran somewhere never changes again."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def load_statements(dialect: str) -> Mapping[str, str]:
    """Name -> statement, of every file for `dialect` that is no migration."""
    statements: dict[str, str] = {}
    for folder in (_SQL, _SQL / dialect):
        for entry in folder.iterdir():
            if entry.name.endswith(".sql") and not _MIGRATION.fullmatch(entry.name):
                found = parse_statements(entry.read_text("utf-8"))
                assert not found.keys() & statements.keys(), "a statement stands in one place"
                statements |= found
    assert statements
    return MappingProxyType(statements)


def parse_statements(text: str) -> dict[str, str]:
    """Name -> statement. What stands before the first name is a comment."""
    _, *parts = _NAME.split(text)
    names, bodies = parts[::2], [body.strip() for body in parts[1::2]]
    assert len(set(names)) == len(names)
    assert all(bodies)
    return dict(zip(names, bodies, strict=True))


def load_migrations(dialect: str) -> tuple[Migration, ...]:
    """Every migration of `dialect`, in order."""
    found = [
        Migration(number=int(match[1]), name=match[2], sql=entry.read_text("utf-8"))
        for entry in (_SQL / dialect).iterdir()
        if (match := _MIGRATION.fullmatch(entry.name))
    ]
    found.sort(key=lambda migration: migration.number)
    assert [migration.number for migration in found] == list(range(1, len(found) + 1))
    return tuple(found)
