"""Everything from one kind of database to the other: all rows of all tables, as they are.

Which tables and columns there are the file says; both dialects have the same ones, and a test holds
that. A server tells one moment however long it takes to read, and is filled in one transaction.
Work for a thread of its own; raises what its two sides raise, Conflict where a server holds data.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import apsw
from psycopg import sql

from sigmawatch.adapters.ledgers.connection import PAGE_BYTES
from sigmawatch.adapters.ledgers.copies import GIVEN_UP, in_thread
from sigmawatch.adapters.ledgers.gently import Precedence, Stop, gently
from sigmawatch.adapters.ledgers.postgres_server import PostgresSession, Server, translated
from sigmawatch.adapters.ledgers.sqlite_schema import ours, run_pending
from sigmawatch.adapters.ledgers.statements import load_statements
from sigmawatch.domain.errors import Busy, Conflict, Refused
from sigmawatch.ports.backup import Told

ROWS = 32  # at a time: 0.3 MB where blocks are full
_OWN = {"migrations"}  # each database's own record
_BORN = {"meta"}  # what an empty database holds already


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table and its columns; tables that others refer to come first."""

    name: str
    columns: tuple[str, ...]

    @property
    def _words(self) -> dict[str, sql.Composable]:
        return {
            "table": sql.Identifier(self.name),
            "columns": sql.SQL(", ").join(map(sql.Identifier, self.columns)),
            "places": sql.SQL(", ").join(sql.SQL("?") * len(self.columns)),
        }

    def said(self, statement: str) -> sql.Composed:
        """A statement about it; a quoted identifier reads the same in both dialects."""
        return sql.SQL(statement).format(**self._words)


def tables_of(file: apsw.Connection) -> list[Table]:
    """What there is to move."""
    names = [name for (name,) in file.execute(load_statements("sqlite")["select_tables"])]
    return [
        Table(name=name, columns=tuple(row[1] for row in file.pragma("table_info", name)))
        for name in names if name not in _OWN
    ]  # fmt: skip


async def copy_server(server: Server, part: Path, *, told: Told, first: Precedence) -> None:
    """Everything the server holds, into the empty file `part`, beside a program that is at work
    and goes `first`. Raises Refused where that cannot be written, Unavailable."""
    await in_thread(
        lambda stopped: _copy_server(
            server, part, told=told, stop=gently(stopped, first=first)
        )
    )  # fmt: skip


async def move_to_server(file: Path, server: Server, *, told: Told) -> None:
    """Everything in the file, of the newest schema, into a server that holds nothing yet. Raises
    Conflict, Unavailable."""
    await in_thread(lambda stopped: _move_to_server(file, server, told=told, stop=stopped.is_set))


def _copy_server(server: Server, part: Path, *, told: Told, stop: Stop) -> None:
    try:
        with closing(apsw.Connection(str(part), flags=apsw.SQLITE_OPEN_READWRITE)) as file:
            file.pragma("page_size", PAGE_BYTES)
            file.pragma("journal_mode", "off")  # what is cut off is thrown away
            file.pragma("synchronous", "off")  # synced once it is whole
            run_pending(ours(), file, now_ms=0)
            with translated(), closing(server.connect("sigmawatch copy", read_only=True)) as read:
                fill_file(read, file, told=told, stop=stop)
            file.pragma("journal_mode", "delete")
    except apsw.Error as exc:
        raise Refused(f"could not write {part} ({type(exc).__name__}: {exc})") from exc


def _move_to_server(file: Path, server: Server, *, told: Told, stop: Stop) -> None:
    with (
        closing(apsw.Connection(str(file), flags=apsw.SQLITE_OPEN_READONLY)) as source,
        translated(), closing(server.connect("sigmawatch restore")) as session,
    ):  # fmt: skip
        fill_server(source, session, told=told, stop=stop)


def fill_file(session: PostgresSession, file: apsw.Connection, *, told: Told, stop: Stop) -> None:
    """Everything the server holds at one moment, into a new file of the same schema."""
    session.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
    tables = tables_of(file)
    total = sum(_count(session, table) for table in tables)
    done = 0
    for table in tables:
        insert = table.said("INSERT INTO {table} ({columns}) VALUES ({places})").as_string()
        with file:
            file.execute(table.said("DELETE FROM {table}").as_string())
        for rows in _read(session, table):
            _go_on(stop)
            with file:
                file.executemany(insert, rows)
            done += len(rows)
            told(done, total)
    session.execute("COMMIT")


def _read(session: PostgresSession, table: Table) -> Iterator[list[tuple[object, ...]]]:
    with session.connection.cursor("sigmawatch_copy", binary=True) as cursor:
        cursor.execute(table.said("SELECT {columns} FROM {table}"))
        while rows := cursor.fetchmany(ROWS):
            yield rows


def fill_server(file: apsw.Connection, session: PostgresSession, *, told: Told, stop: Stop) -> None:
    """Everything in the file, into a server of the same schema that holds nothing yet. Raises
    Conflict where it does."""
    tables = tables_of(file)
    total = sum(_rows_of(file, table) for table in tables)
    done = 0
    session.execute("BEGIN")
    for table in reversed(tables):
        if table.name not in _BORN and _count(session, table):
            raise Conflict("the database holds data already; name an empty one with --database")
        session.connection.execute(table.said("DELETE FROM {table}"))
    for table in tables:
        copying = table.said("COPY {table} ({columns}) FROM STDIN")
        rows = file.execute(table.said("SELECT {columns} FROM {table}").as_string())
        with session.connection.cursor() as cursor, cursor.copy(copying) as copy:
            for row in rows:
                copy.write_row(row)
                _go_on(stop)
                done += 1
                told(done, total)
    session.commit()


def _count(session: PostgresSession, table: Table) -> int:
    [(count,)] = session.connection.execute(table.said("SELECT count(*) FROM {table}"))
    return int(count)


def _rows_of(file: apsw.Connection, table: Table) -> int:
    return int(file.execute(table.said("SELECT count(*) FROM {table}").as_string()).get)


def _go_on(stop: Stop) -> None:
    if stop():
        raise Busy(GIVEN_UP)
