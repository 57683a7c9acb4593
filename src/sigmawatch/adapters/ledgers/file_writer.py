"""The connection that writes to the SQLite file, in a thread of its own.

Always holds: every statement runs in the writer's thread; what was begun there is finished before
its caller goes on, cancelled or not, so the outcome of a commit is always known; the write-ahead
log is copied back by the writer alone and stays under its cap.

When the storage fails nothing is acknowledged: the transaction is rolled back and the connection
closed. Once the storage can be written to again the file is opened anew, its last commit number is
compared with what we know, all of the log is copied back and synced, and what was cut off is done
again: by then it is known whether a commit whose sync failed stands. Where the file tells another
story than we do, it is left as it is and nothing goes on (`doubtful`). When there is no room, the
reserve is let go, the log copied back first, and the transaction done again. SQLite saying CORRUPT
after a failure proves nothing (RELIABILITY.md 1.8): nothing is ever deleted or repaired here.

Raises StorageFailed (stop), Busy, StorageUnavailable: nothing of it is stored, or where a commit
that its caller no longer waited for turns out to be kept, nothing goes on.
"""

from __future__ import annotations

import asyncio
import ctypes
import errno
import threading
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import apsw
import structlog

from sigmawatch.adapters.ledgers.condition import Condition
from sigmawatch.adapters.ledgers.connection import PAGE_BYTES, configure, failed, in_words
from sigmawatch.adapters.ledgers.reserve import Reserve
from sigmawatch.adapters.ledgers.session import NO_NUMBER, settled, value
from sigmawatch.domain.errors import Busy, StorageDamaged, StorageFailed, StorageUnavailable
from sigmawatch.domain.storage import StorageState

log = structlog.get_logger()
T = TypeVar("T")

WAL_BYTES_MIN = 1_000_000
WAL_TRANSACTIONS = 3  # the log may hold this many of the largest transaction so far
_WAL_PAGE_HEADER_BYTES = 24
_BUSY_POLL_S = 0.005
_CHECKPOINT_WAIT_S = 0.25
UNSURE_S = 1.0  # a commit that nobody is sure of is waited for, but for bulk
_COMMIT_NUMBER = {"key": "commit_number"}


class _LostError(Exception):
    """The storage failed under a step. again: there is room now to do it again at once."""

    def __init__(self, *, again: bool = False) -> None:
        self.again = again


class FileWriter:
    """The writing connection. sql: begin_commit numbers a transaction."""

    def __init__(self, sql: Mapping[str, str], *, storage: Condition, reserve: Reserve) -> None:
        self.storage = storage
        self._sql = sql
        self._reserve = reserve
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="ledger-writer")
        self._connect: Callable[[], apsw.Connection] | None = None
        self._connection: apsw.Connection | None = None
        self._abandoned = threading.Event()  # who waits for another program no longer wants to
        self._checkpoint_wait_s: float | None = None
        self._wal_bytes = 0
        self._largest_bytes = 0
        self._commit_number = 0  # of the transaction that stands
        self._kept_number: int | None = None  # of the last one that is known to be kept
        self._standing = False
        self._bulk = False
        self._journal: list[tuple[Callable[[apsw.Connection], Any], Any]] = []
        self._unsure = False  # whether the commit that ran when the storage failed is kept
        self._orphaned = False  # and who asked for it has gone

    # What a transaction is made of

    @property
    def commit_number(self) -> int:
        return self._commit_number

    async def begin(self, *, bulk: bool = False) -> None:
        """Waits where another program writes. bulk: waits, from now on, for as long as nothing can
        be stored; else that raises StorageUnavailable."""
        self._bulk = bulk
        await self._steadily(self._begin)
        self._standing = True

    async def run(self, work: Callable[[apsw.Connection], T]) -> T:
        """What `work` returns, done in the writer's thread, to its end even when cancelled."""
        result = await self._steadily(work)
        if self._standing:
            self._journal.append((work, result))
        return result

    async def commit(self) -> None:
        """Returns once the transaction is synced. Copying the log back is done after that."""
        await self._steadily(self._commit)
        self._end()

    async def rollback(self) -> None:
        """End the transaction that stands, if one does, whatever happened before."""
        self._end()
        await self._do(self._rollback)

    def _end(self) -> None:
        self._standing, self._bulk, self._journal = False, False, []

    @asynccontextmanager
    async def alone(self, work: str) -> AsyncIterator[bool]:
        """The folder has one program."""
        yield True

    async def _steadily(self, step: Callable[[apsw.Connection], T]) -> T:
        """The step, done again with all before it whenever the storage has failed and is back."""
        attempt = step
        while True:
            try:
                return await self._do(partial(self._step, attempt))
            except _LostError as lost:
                if not lost.again:
                    await self._regained()
                attempt = partial(self._redone, step)

    async def _regained(self) -> None:
        """Wait until it can be stored again. Raises StorageUnavailable, StorageFailed."""
        status = self.storage.status
        patience_s = None if self._bulk else UNSURE_S if self._unsure else 0.0
        try:
            async with asyncio.timeout(patience_s):
                while status.state is not StorageState.OK and not status.doubtful:
                    status = await self.storage.changed(status)
        except TimeoutError:
            raise StorageUnavailable(str(status)) from None
        if status.doubtful:
            raise StorageFailed(str(status))

    async def _do(self, work: Callable[[], T]) -> T:
        self._abandoned.clear()
        future = asyncio.get_running_loop().run_in_executor(self._thread, work)
        return await settled(future, on_cancel=self._abandoned.set)

    # In the writer's thread: steps

    def _step(self, step: Callable[[apsw.Connection], T]) -> T:
        status = self.storage.status
        if status.doubtful:
            raise StorageFailed(f"stopped after an earlier error: {status.reason}")
        connection = self._connection
        if connection is None:
            raise _LostError
        try:
            return step(connection)
        except apsw.BusyError as exc:
            raise Busy("another program holds the database") from exc
        except apsw.Error as exc:
            raise self._failed(exc, connection) from exc
        except StorageFailed as exc:
            self.storage.become(StorageState.FAILED, str(exc), doubtful=True)
            raise

    def _begin(self, connection: apsw.Connection) -> None:
        connection.execute("BEGIN IMMEDIATE")
        number = value(connection.execute(self._sql["begin_commit"]))
        if number is None:
            raise StorageDamaged(NO_NUMBER)
        self._commit_number = number
        self._kept_number = self._commit_number - 1

    def _commit(self, connection: apsw.Connection) -> None:
        self._unsure = True
        connection.execute("COMMIT")
        self._unsure, self._kept_number = False, self._commit_number
        if self._wal_bytes + self._largest_bytes > self.wal_bytes_max:
            self._thread.submit(self._step_alone, self.restart_log)

    def _redone(self, step: Callable[[apsw.Connection], T], connection: apsw.Connection) -> T:
        """The step after all that its transaction had done, unless that turned out to be kept."""
        if self._standing:
            if self._kept_number == self._commit_number:
                return None  # type: ignore[return-value]  # the step was the commit
            self._begin(connection)
            for work, result in self._journal:
                if work(connection) != result:
                    self._doubt("another program has changed the database")
        return step(connection)

    def _rollback(self) -> None:
        self._orphaned = self._unsure
        connection = self._connection
        if connection is not None and connection.in_transaction:
            try:
                connection.execute("ROLLBACK")
            except apsw.Error as exc:  # the file holds no part of it: there is no commit record
                self._lose(connection)
                self.storage.become(StorageState.FAILED, in_words(exc))

    # In the writer's thread: when the storage fails

    def _failed(self, exc: apsw.Error, connection: apsw.Connection) -> Exception:
        """What to raise for an error, after everything was put in order."""
        state = _state_of(exc, connection.system_errno)
        if state is None:
            self.storage.become(StorageState.FAILED, in_words(exc), doubtful=True)
            return failed(exc)
        if state is StorageState.FULL:
            return self._made_room(connection)
        self._lose(connection)
        self.storage.become(state, in_words(exc))
        return _LostError()

    def _made_room(self, connection: apsw.Connection) -> Exception:
        """Let the reserve go, and copy the log back before anything else is written."""
        self._unsure = False  # a write failed, so the record of the commit is not there
        self.storage.become(StorageState.FULL, "no room in the data folder")
        again = self._reserve.release()
        try:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            self._checkpoint(connection, apsw.SQLITE_CHECKPOINT_TRUNCATE)
        except apsw.FullError:
            again = False
        except apsw.Error as exc:
            return self._failed(exc, connection)
        return _LostError(again=again)

    def _lose(self, connection: apsw.Connection) -> None:
        """Close it and touch nothing more: the next one reads what is there."""
        self._connection = None
        with suppress(apsw.Error):
            connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
            connection.close(True)

    def mend(self) -> None:
        """Try to write again after a failure, and tell how that went. For another thread."""
        self._thread.submit(self._reopen).result()

    def _reopen(self) -> None:
        assert self._connect is not None
        if self._connection is not None:
            self._lose(self._connection)
        connection = None
        with suppress(apsw.Error, StorageFailed):
            connection = self._connect()
            kept_number = self._compared(connection)
            if self._checkpoint(
                connection, apsw.SQLITE_CHECKPOINT_TRUNCATE
            ):  # synced: now it is so
                self._kept_number, self._unsure, self._orphaned = kept_number, False, False
                self._connection = connection
                self.storage.become(StorageState.OK)
                return
        if connection is not None:
            self._lose(connection)

    def _compared(self, connection: apsw.Connection) -> int | None:
        """The last commit that the file tells of: the one we know, or the one after it that nobody
        was sure of. Raises StorageFailed where it is neither."""
        if self._kept_number is None:
            return None
        stored: int = value(connection.execute(self._sql["select_epoch"], _COMMIT_NUMBER))
        awaited = self._unsure and not self._orphaned
        if stored != self._kept_number and not (awaited and stored == self._kept_number + 1):
            self._doubt(f"the file ends with commit {stored}, known was {self._kept_number}")
        return stored

    def _doubt(self, reason: str) -> None:
        self.storage.become(StorageState.FAILED, reason, doubtful=True)
        raise StorageFailed(reason)

    # The log

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
        self._reserve.log_bytes_max = self.wal_bytes_max
        return apsw.SQLITE_OK

    def _step_alone(self, step: Callable[[apsw.Connection], None]) -> None:
        """A step that nobody waits for: what goes wrong in it has been told."""
        with suppress(_LostError, StorageFailed, Busy):
            self._step(step)

    def restart_log(self, connection: apsw.Connection) -> None:
        """Copy the log back, unless a reader is in the way. For `run`."""
        connection.pragma("journal_size_limit", self.wal_bytes_max)
        self._checkpoint(connection, apsw.SQLITE_CHECKPOINT_RESTART)

    def _checkpoint(self, connection: apsw.Connection, mode: int) -> bool:
        """Copy the log back, synced, so that it begins anew, and whether that was done: a reader in
        the way gets a moment, then the log stays as it is until the next commit."""
        self._checkpoint_wait_s = _CHECKPOINT_WAIT_S
        try:
            connection.wal_checkpoint(mode=mode)
        except apsw.BusyError:
            log.info("checkpoint_postponed", wal_bytes=self._wal_bytes)
            return False
        else:
            self._wal_bytes = 0
            return True
        finally:
            self._checkpoint_wait_s = None

    # Its life

    async def open(self, path: Path, *, vfs: str | None) -> None:
        """Open the file, which exists and may be empty. Raises StorageFailed."""
        self._connect = partial(self._connected, path, vfs=vfs)
        await self._do(self._open)

    def _open(self) -> None:
        assert self._connect is not None
        try:
            try:
                self._connection = self._connect()
            except (apsw.FullError, apsw.IOError, apsw.CantOpenError):
                if not self._reserve.release():
                    raise
                self._connection = self._connect()
            with suppress(apsw.FullError):  # who watches says so
                self._checkpoint(self._connection, apsw.SQLITE_CHECKPOINT_TRUNCATE)
        except apsw.Error as exc:
            raise failed(exc) from exc

    def _connected(self, path: Path, *, vfs: str | None) -> apsw.Connection:
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE, vfs=vfs)
        connection.set_busy_handler(self._wait_when_busy)
        connection.pragma("page_size", PAGE_BYTES)  # takes effect in a new file only
        if connection.pragma("journal_mode", "wal") != "wal":
            raise StorageFailed("this file system does not support the log that the database needs")
        connection.pragma("synchronous", "full")
        connection.pragma("fullfsync", 1)  # macOS: through the drive's cache
        connection.pragma("checkpoint_fullfsync", 1)
        connection.pragma("wal_autocheckpoint", 0)
        configure(connection, cache_kib=8_192)
        connection.set_wal_hook(lambda _connection, _schema, pages: self._note_wal(pages))
        return connection

    def _wait_when_busy(self, attempts: int) -> bool:
        """SQLite asks whether to try again. Another program may hold the file: it is waited out
        as long as our caller waits, but a checkpoint holds the next transaction up a moment only.
        """
        limit_s = self._checkpoint_wait_s
        if limit_s is not None and attempts * _BUSY_POLL_S >= limit_s:
            return False
        return not self._abandoned.wait(_BUSY_POLL_S)

    async def close(self) -> None:
        """Copy the log back where nothing failed, and close."""
        await self._do(self._close)
        await asyncio.to_thread(self._thread.shutdown)

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is None:
            return
        try:
            if self.storage.status.state is not StorageState.OK:
                connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
                _keep_log(connection)
            connection.close()
        except apsw.Error as exc:
            raise failed(exc) from exc


def _keep_log(connection: apsw.Connection) -> None:
    """Leave the log and its index where they are: a start on a full disk could not make them."""
    yes = ctypes.c_int(1)
    connection.file_control("main", apsw.SQLITE_FCNTL_PERSIST_WAL, ctypes.addressof(yes))


def _state_of(exc: apsw.Error, system_errno: int) -> StorageState | None:
    """What an error says of the storage; None where it is no matter of it."""
    if isinstance(exc, apsw.FullError):
        return StorageState.FULL
    if isinstance(exc, apsw.IOError) and system_errno in {errno.ENOSPC, errno.EDQUOT}:
        wrote = getattr(exc, "extendedresult", 0) == apsw.SQLITE_IOERR_WRITE
        return StorageState.FULL if wrote else StorageState.FAILED
    if isinstance(exc, apsw.ReadOnlyError) or system_errno == errno.EROFS:
        return StorageState.READ_ONLY
    if isinstance(exc, apsw.IOError | apsw.CantOpenError):
        return StorageState.FAILED
    return None
