"""Databases as older programs left them, and what a database holds whatever its schema.

An old one is made by the first n migrations, with a row or two in every table, made up from its
columns: a migration that comes next year finds rows in every table there is. Read back by the
standard library, or by a plain connection to the server.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import apsw
import psycopg
from psycopg import sql
from tests.contracts.samples import SLOT, frame, patch

from sigmawatch.adapters.ledgers.migrations import Schema
from sigmawatch.adapters.ledgers.postgres_schema import migrate as migrate_server
from sigmawatch.adapters.ledgers.postgres_server import Patience, Server
from sigmawatch.adapters.ledgers.sqlite_schema import run_pending
from sigmawatch.adapters.ledgers.statements import load_migrations, load_statements

NEWEST = len(load_migrations("sqlite"))
_BORN = {"migrations", "meta"}  # what a migration fills itself
_TABLES = """
SELECT relname FROM pg_class
WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace ORDER BY oid
"""
_COLUMNS = """
SELECT table_name, column_name, data_type FROM information_schema.columns
WHERE table_schema = current_schema() ORDER BY ordinal_position
"""
_INDEXES = "SELECT indexdef FROM pg_indexes WHERE schemaname = current_schema()"

Rows = Mapping[str, frozenset[tuple[Any, ...]]]
Schemas = Mapping[int, frozenset[str]]


class Content(NamedTuple):
    """How many migrations ran, the schema in words, and every row of every other table as pairs of
    column and value."""

    version: int
    schema: frozenset[str]
    rows: Rows


class Database(Protocol):
    """Where a ledger may be opened."""

    where: str

    def make(self, version: int) -> None:
        """It is new; what the program left when there were `version` migrations."""
        ...

    def content(self) -> Content: ...


class File:
    """A data folder, made anew each time."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._copy = folder, folder.with_suffix(".copy")
        self.where = str(folder)

    def make(self, version: int) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir()
        with closing(apsw.Connection(str(self._folder / "sigmawatch.db"))) as connection:
            connection.pragma("journal_mode", "wal")
            run_pending(_schema("sqlite", version), connection, now_ms=1)
            tables: Any = connection.execute(load_statements("sqlite")["select_tables"]).fetchall()
            for (table,) in tables:
                told: Any = connection.pragma("table_info", table)
                columns = [(row[1], row[2]) for row in told]
                insert = f"INSERT OR IGNORE INTO {table} VALUES ({', '.join('?' * len(columns))})"
                for row in _made_up(table, columns):
                    connection.execute(insert, row)

    def content(self) -> Content:
        """From a copy: what a killed program left stays as it is."""
        shutil.rmtree(self._copy, ignore_errors=True)
        shutil.copytree(self._folder, self._copy)
        with closing(sqlite3.connect(self._copy / "sigmawatch.db")) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            told = connection.execute("SELECT type, name, sql FROM sqlite_schema").fetchall()
            tables = [name for kind, name, _ in told if kind == "table" and "sqlite" not in name]
            rows = {name: _pairs(connection.execute(f"SELECT * FROM {name}")) for name in tables}
        version = len(rows.pop("migrations"))
        return Content(version, frozenset(text for _, _, text in told if text), rows)


class Schemata:
    """A database of a server, empty as it is given."""

    def __init__(self, url: str) -> None:
        self.where = url

    def make(self, version: int) -> None:
        schema = _schema("postgres", version)
        server = Server(self.where, sql=schema.sql, patience=Patience())
        with closing(server.connect("old")) as session:
            migrate_server(schema, session, now_ms=1)
            columns = session.connection.execute(_COLUMNS).fetchall()
            for (table,) in session.connection.execute(_TABLES).fetchall():
                insert = sql.SQL("INSERT INTO {} VALUES ({}) ON CONFLICT DO NOTHING")
                mine = [(name, kind) for of, name, kind in columns if of == table]
                places = sql.SQL(", ").join([sql.Placeholder()] * len(mine))
                for row in _made_up(table, mine):
                    said = insert.format(sql.Identifier(table), places)
                    session.connection.execute(said, row)

    def content(self) -> Content:
        with psycopg.connect(self.where) as connection:
            columns = connection.execute(_COLUMNS).fetchall()
            indexes = connection.execute(_INDEXES).fetchall()
            rows = {
                table: _pairs(connection.execute(sql.SQL("SELECT * FROM {}").format(
                    sql.Identifier(table))))
                for (table,) in connection.execute(_TABLES).fetchall()
            }  # fmt: skip
        version = len(rows.pop("migrations"))
        words = frozenset(str(row).replace(_schema_name(self.where), "") for row in indexes)
        return Content(version, words | frozenset(map(str, columns)), rows)


def _schema_name(url: str) -> str:
    return url.rpartition("search_path%3D")[2]


def _schema(dialect: str, version: int) -> Schema:
    return Schema(migrations=load_migrations(dialect)[:version], sql=load_statements(dialect))


def _made_up(table: str, columns: Iterable[tuple[str, str]]) -> list[list[object]]:
    """Two rows, where the second's name may be the first's; columns: name, type."""
    return [] if table in _BORN else [_row(table, columns, k=k) for k in (1, 2)]


def _row(table: str, columns: Iterable[tuple[str, str]], *, k: int) -> list[object]:
    known: Mapping[tuple[str, str], object] = {
        ("frames", "slot"): SLOT + k, ("frames", "revision"): 60_000,
        ("frames", "body"): frame(SLOT + k).encode(),
        ("patches", "from_slot"): SLOT, ("patches", "revision"): SLOT + 10 + k,
        ("patches", "body"): patch(marks=[0], made_slot=SLOT + 10 + k).encode(),
    }  # fmt: skip
    return [known.get((table, name), _any(name, kind.upper(), k=k)) for name, kind in columns]


def _any(name: str, kind: str, *, k: int) -> object:
    if kind == "TEXT":
        return f"{name} {k}"
    if kind in {"BLOB", "BYTEA"}:
        return bytes([k])
    return k if name == "id" else 1  # which is also the first row of a table it may refer to


def _pairs(cursor: Any) -> frozenset[tuple[Any, ...]]:
    names = [column[0] for column in cursor.description]
    return frozenset(tuple(zip(names, row, strict=True)) for row in cursor.fetchall())


def fault(found: Content, before: Content, *, schemas: Schemas) -> str:
    """What is wrong with what became of a database; nothing for a schema that once was, with all
    its rows and their columns."""
    if found.schema != schemas.get(found.version):
        return f"a schema between: {found.version} migrations, and something else"
    for table, rows in before.rows.items():
        now = [dict(row).items() for row in found.rows.get(table, ())]
        for row in rows:
            if not any(dict(row).items() <= one for one in now):
                return f"a row of {table} is gone: {row}"
    return ""
