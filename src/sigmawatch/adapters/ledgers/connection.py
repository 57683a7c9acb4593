"""Connections to the SQLite file: one that writes, in a thread of its own, and some that read.

Always holds: every statement of the writing connection runs in the writer's thread; what was begun
there is finished before its caller goes on, cancelled or not, so the outcome of a commit is always
known; the write-ahead log is copied back by the writer alone and stays under its cap; readers
never wait for the writer. After the first storage error the writer refuses all work: memory and
disk may differ, and only a restart finds out (fail-stop). Raises StorageFailed.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import TypeVar

import apsw
import structlog

from sigmawatch.adapters.ledgers.condition import Condition
from sigmawatch.adapters.ledgers.session import (
    NO_NUMBER,
    Bindings,
    Fetched,
    Session,
    settled,
    value,
)
from sigmawatch.domain.errors import Busy, StorageDamaged, StorageFailed
from sigmawatch.domain.storage import StorageState

log = structlog.get_logger()
T = TypeVar("T")

PAGE_BYTES = 8_192  # a frame of 1,024 places fills one, and spills an eighth into another
WAL_BYTES_MIN = 1_000_000
WAL_TRANSACTIONS = 3  # the log may hold this many of the largest transaction so far
_WAL_PAGE_HEADER_BYTES = 24
_BUSY_POLL_S = 0.005
_READER_BUSY_MS = 5_000
_CHECKPOINT_WAIT_S = 0.25
_READERS = 3


@contextmanager
def translated() -> Iterator[None]:
    """Turn SQLite's errors into ours."""
    try:
        yield
    except apsw.BusyError as exc:
        raise Busy("another program holds the database") from exc
    except (apsw.CorruptError, apsw.NotADBError, apsw.TooBigError, UnicodeDecodeError) as exc:
        raise StorageDamaged(
            f"the database cannot be read as it was written ({type(exc).__name__}: {exc}): see "
            "`sigmawatch doctor`"
        ) from exc
    except apsw.Error as exc:
        raise StorageFailed(
            f"the database failed ({type(exc).__name__}: {exc}): check the disk, then start again"
        ) from exc


def _configure(connection: apsw.Connection, *, cache_kib: int) -> None:
    connection.pragma("mmap_size", 0)  # an I/O error in a mapped page kills the process
    connection.pragma("cache_size", -cache_kib)
    connection.pragma("foreign_keys", 1)
    connection.pragma("trusted_schema", 0)


class FileWriter:
    """The writing connection. begin_commit: the statement that numbers a transaction."""

    def __init__(self, *, begin_commit: str, storage: Condition) -> None:
        self.storage = storage
        self._begin_commit = begin_commit
        self._commit_number = 0
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="ledger-writer")
        self._connection: apsw.Connection | None = None
        self._failure: StorageFailed | None = None
        self._abandoned = threading.Event()  # who waits for another program no longer wants to
        self._checkpoint_wait_s: float | None = None
        self._wal_bytes = 0
        self._largest_bytes = 0

    async def run(self, work: Callable[[apsw.Connection], T]) -> T:
        """What `work` returns, done in the writer's thread, to its end even when cancelled."""
        return await self._do(partial(self._work, work))

    async def _do(self, work: Callable[[], T]) -> T:
        self._abandoned.clear()
        future = asyncio.get_running_loop().run_in_executor(self._thread, work)
        return await settled(future, on_cancel=self._abandoned.set)

    def _work(self, work: Callable[[apsw.Connection], T]) -> T:
        self.check()
        assert self._connection is not None
        try:
            with translated():
                return work(self._connection)
        except StorageFailed as exc:
            self._failure = exc
            self.storage.become(StorageState.FAILED, str(exc), doubtful=True)
            raise

    def check(self) -> None:
        """Raises StorageFailed where an earlier failure stopped this writer."""
        if self._failure is not None:
            raise StorageFailed(f"stopped after an earlier error: {self._failure}")

    async def open(self, path: Path, *, vfs: str | None) -> None:
        """Open the file, which exists and may be empty. Raises StorageFailed."""
        await self._do(partial(self._open, path, vfs=vfs))

    def _open(self, path: Path, *, vfs: str | None) -> None:
        with translated():
            connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE, vfs=vfs)
            self._connection = connection
            connection.set_busy_handler(self._wait_when_busy)
            connection.pragma("page_size", PAGE_BYTES)  # takes effect in a new file only
            if connection.pragma("journal_mode", "wal") != "wal":
                raise StorageFailed(f"{path}: this file system does not support the log we need")
            connection.pragma("synchronous", "full")
            connection.pragma("fullfsync", 1)  # macOS: through the drive's cache
            connection.pragma("checkpoint_fullfsync", 1)
            connection.pragma("wal_autocheckpoint", 0)
            _configure(connection, cache_kib=8_192)
            connection.set_wal_hook(lambda _connection, _schema, pages: self._note_wal(pages))
            self._checkpoint(connection, apsw.SQLITE_CHECKPOINT_TRUNCATE)

    def _wait_when_busy(self, attempts: int) -> bool:
        """SQLite asks whether to try again. Another program may hold the file: it is waited out
        as long as our caller waits, but a checkpoint holds the next transaction up a moment only.
        """
        limit_s = self._checkpoint_wait_s
        if limit_s is not None and attempts * _BUSY_POLL_S >= limit_s:
            return False
        return not self._abandoned.wait(_BUSY_POLL_S)

    @property
    def commit_number(self) -> int:
        return self._commit_number

    async def begin(self) -> None:
        """Waits where another program writes."""
        await self.run(self._begin)

    def _begin(self, connection: apsw.Connection) -> None:
        connection.execute("BEGIN IMMEDIATE")
        number = value(connection.execute(self._begin_commit))
        if number is None:
            raise StorageDamaged(NO_NUMBER)
        self._commit_number = number

    async def commit(self) -> None:
        """Returns once the transaction is synced. Copying the log back is done after that."""
        await self.run(self._commit)

    def _commit(self, connection: apsw.Connection) -> None:
        connection.execute("COMMIT")
        if self._wal_bytes + self._largest_bytes > self.wal_bytes_max:
            self._thread.submit(self._work, self._restart_wal)

    @asynccontextmanager
    async def alone(self, work: str) -> AsyncIterator[bool]:
        """The folder has one program."""
        yield True

    async def rollback(self) -> None:
        """End the transaction that stands, if one does, whatever happened before."""
        await self._do(self._rollback)

    def _rollback(self) -> None:
        connection = self._connection
        if connection is None or not connection.in_transaction:
            return
        try:
            connection.execute("ROLLBACK")
        except apsw.Error as exc:  # the file holds no part of it: there is no commit record
            self._failure = self._failure or StorageFailed(f"could not roll back: {exc}")

    @property
    def wal_bytes_max(self) -> int:
        """The cap of the write-ahead log."""
        return max(WAL_BYTES_MIN, WAL_TRANSACTIONS * self._largest_bytes)

    def _note_wal(self, pages: int) -> int:
        now_bytes = pages * (PAGE_BYTES + _WAL_PAGE_HEADER_BYTES)
        begun_anew = now_bytes <= self._wal_bytes
        wrote_bytes = now_bytes if begun_anew else now_bytes - self._wal_bytes
        self._wal_bytes = now_bytes
        self._largest_bytes = max(self._largest_bytes, wrote_bytes)
        return apsw.SQLITE_OK

    def _restart_wal(self, connection: apsw.Connection) -> None:
        connection.pragma("journal_size_limit", self.wal_bytes_max)
        self._checkpoint(connection, apsw.SQLITE_CHECKPOINT_RESTART)

    def _checkpoint(self, connection: apsw.Connection, mode: int) -> None:
        """Copy the log back, synced, so that it begins anew; a reader in the way gets a moment,
        then the log stays as it is until the next commit."""
        self._checkpoint_wait_s = _CHECKPOINT_WAIT_S
        try:
            connection.wal_checkpoint(mode=mode)
        except apsw.BusyError:
            log.info("checkpoint_postponed", wal_bytes=self._wal_bytes)
        else:
            self._wal_bytes = 0
        finally:
            self._checkpoint_wait_s = None

    async def close(self) -> None:
        """Copy the log back where nothing failed, and close."""
        await self._do(self._close)
        await asyncio.to_thread(self._thread.shutdown)

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is None:
            return
        if self._failure is not None:  # touch nothing more: the next start reads what is there
            connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
        with translated():
            connection.close()


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
        _configure(connection, cache_kib=2_048)
        return connection

    async def close(self) -> None:
        """Let what runs end, and close."""
        await asyncio.to_thread(self._threads.shutdown, cancel_futures=True)
        for connection in self._connections:
            connection.close()
