"""Connections to the SQLite file that only read, and what every connection to it has in common.

Readers never wait for the writer (file_writer.py). Raises StorageFailed.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import apsw
import structlog

from sigmawatch.adapters.ledgers.session import Bindings, Fetched, Session
from sigmawatch.domain.errors import Busy, StorageDamaged, StorageFailed

log = structlog.get_logger()
T = TypeVar("T")

PAGE_BYTES = 8_192  # a frame of 1,024 places fills one, and spills an eighth into another
_READER_BUSY_MS = 5_000
_READERS = 3
_DAMAGE = (apsw.CorruptError, apsw.NotADBError, apsw.TooBigError)


@contextmanager
def translated() -> Iterator[None]:
    """Turn SQLite's errors into ours."""
    try:
        yield
    except apsw.BusyError as exc:
        raise Busy("another program holds the database") from exc
    except (*_DAMAGE, UnicodeDecodeError) as exc:
        raise StorageDamaged(
            f"the database cannot be read as it was written ({in_words(exc)}): see "
            "`sigmawatch doctor`"
        ) from exc
    except apsw.Error as exc:
        raise failed(exc) from exc


def failed(exc: apsw.Error) -> StorageFailed:
    """An error of SQLite as ours."""
    return StorageFailed(f"the database failed ({in_words(exc)}): check the disk, then start again")


def in_words(exc: Exception) -> str:
    """What went wrong, in one line; it names no file."""
    return f"{type(exc).__name__}: {exc}"


def configure(connection: apsw.Connection, *, cache_kib: int) -> None:
    """What holds on every connection."""
    connection.pragma("mmap_size", 0)  # an I/O error in a mapped page kills the process
    connection.pragma("cache_size", -cache_kib)
    connection.pragma("foreign_keys", 1)
    connection.pragma("trusted_schema", 0)


class FileSession:
    """A reading connection as work sees it: answers are read whole, and what cannot be read as it
    was written raises StorageDamaged where it is met, so that a read may go around it."""

    def __init__(self, connection: apsw.Connection) -> None:
        self.connection = connection

    def execute(self, statement: str, bindings: Bindings | None = None, /) -> Fetched:
        with translated():
            return Fetched(self.connection.execute(statement, bindings).fetchall())

    def executemany(self, statement: str, rows: Iterable[Bindings], /) -> Fetched:
        with translated():
            return Fetched(self.connection.executemany(statement, rows).fetchall())


class FileReaders:
    """Connections that only read, each in a thread of its own. A read sees one moment."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._threads = ThreadPoolExecutor(_READERS, thread_name_prefix="ledger-reader")
        self._local = threading.local()
        self._connections: list[apsw.Connection] = []

    def run(self, work: Callable[[Session], T]) -> asyncio.Future[T]:
        """What `work` returns. Keep it short: a long read keeps the log from beginning anew."""
        loop = asyncio.get_running_loop()
        return loop.run_in_executor(self._threads, self._work, work)

    def _work(self, work: Callable[[Session], T]) -> T:
        session: FileSession | None = getattr(self._local, "session", None)
        if session is None:
            with translated():
                session = self._local.session = FileSession(self._open())
        session.execute("BEGIN")
        try:
            return work(session)
        finally:
            session.execute("ROLLBACK")

    def _open(self) -> apsw.Connection:
        connection = apsw.Connection(str(self._path), flags=apsw.SQLITE_OPEN_READONLY)
        self._connections.append(connection)
        connection.set_busy_timeout(_READER_BUSY_MS)
        connection.pragma("query_only", 1)
        configure(connection, cache_kib=2_048)
        return connection

    async def close(self) -> None:
        """Let what runs end, and close."""
        await asyncio.to_thread(self._threads.shutdown, cancel_futures=True)
        for connection in self._connections:
            connection.close()
