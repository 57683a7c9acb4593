"""Connections to a PostgreSQL server that may go away and come back: one that writes, some that
read.

Always holds: a transaction is never reported as kept unless the server said so. Where the
connection is lost, the work of the transaction is done again on a new one; where it was lost while
the commit was under way, the server is asked first what became of it (pg_xact_status,
https://www.postgresql.org/docs/current/functions-info.html#FUNCTIONS-PG-SNAPSHOT). A transaction
waits for a server that is away for as long as its caller does; a read fails with Unavailable after
`Patience.reads_s`.
"""

from __future__ import annotations

import asyncio
import threading
import time
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, NamedTuple, TypeVar

import psycopg
import structlog

from sigmawatch.adapters.clock import RealClock
from sigmawatch.adapters.ledgers.condition import Condition
from sigmawatch.adapters.ledgers.postgres_server import (
    PostgresSession,
    Server,
    reason,
    translated,
)
from sigmawatch.adapters.ledgers.session import Session, settled, value
from sigmawatch.domain.errors import Busy, StorageFailed, StorageNewer, Unavailable

log = structlog.get_logger()
T = TypeVar("T")

_RETRY_S = 0.1
_RETRY_S_MAX = 1.0
_LOSSES_MAX = 20  # of one transaction: it may be what brings the server down
_READERS = 3


class _Standing(NamedTuple):
    """A transaction that was begun: its number on the server, and ours."""

    number: str
    commit_number: int


class PostgresWriter:
    """The connection that writes, in a thread of its own; the work of the transaction that stands
    is remembered until its end, with what it returned."""

    def __init__(self, server: Server, *, sql: Mapping[str, str]) -> None:
        self._server = server
        self._sql = sql
        self.storage = Condition(RealClock())
        self._name = f"sigmawatch {uuid.uuid4()}"
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="ledger-writer")
        self._session: PostgresSession | None = None
        self._abandoned = threading.Event()  # nobody waits for what we do any more
        self._migrations_count = 0
        self._commit_number = 0
        self._transaction: _Standing | None = None
        self._journal: list[tuple[Callable[[Session], Any], Any]] = []
        self._losses_count = 0
        self._kept = False  # the commit whose answer was lost stands

    @property
    def commit_number(self) -> int:
        return self._commit_number

    async def open(self, migrate: Callable[[PostgresSession], int]) -> None:
        """Connect, at once or not at all. migrate: brings the schema up to date and returns its
        number. Raises Unavailable, Refused, StorageNewer, StorageFailed."""
        await self._do(partial(self._open, migrate))

    def _open(self, migrate: Callable[[PostgresSession], int]) -> None:
        with translated():
            self._session = self._server.connect(self._name)
            self._migrations_count = migrate(self._session)

    async def begin(self, *, bulk: bool = False) -> None:
        """Waits where another program writes."""
        await self._do(partial(self._steadily, self._begin), can_stop=True)

    async def run(self, work: Callable[[Session], T]) -> T:
        return await self._do(partial(self._run, work), can_stop=True)

    async def commit(self) -> None:
        """Returns once the server has synced the transaction. A cancellation waits for that."""
        await self._do(partial(self._steadily, self._commit))

    async def rollback(self) -> None:
        await self._do(self._rollback)

    @asynccontextmanager
    async def alone(self, work: str) -> AsyncIterator[bool]:
        """A lock of the server, held by a connection of its own: it ends with the connection,
        whatever becomes of us. Raises Unavailable."""
        session = await asyncio.to_thread(self._lock, work)
        try:
            yield session is not None
        finally:
            if session is not None:
                session.close()

    def _lock(self, work: str) -> PostgresSession | None:
        with translated():
            session = self._server.connect(f"sigmawatch claim {uuid.uuid4()}")
            alone = False
            try:
                alone = value(session.execute(self._sql["try_alone"], {"work": work}))
            finally:
                if not alone:
                    session.close()
            return session if alone else None

    async def close(self) -> None:
        await self._do(self._close)
        await asyncio.to_thread(self._thread.shutdown)

    async def _do(self, step: Callable[[], T], *, can_stop: bool = False) -> T:
        self._abandoned.clear()
        future = asyncio.get_running_loop().run_in_executor(self._thread, step)
        return await settled(future, on_cancel=partial(self._abandon, can_stop=can_stop))

    def _abandon(self, *, can_stop: bool) -> None:
        self._abandoned.set()
        session = self._session
        if can_stop and session is not None:
            session.cancel()

    # In the writer's thread

    def _steadily(self, step: Callable[[PostgresSession], T]) -> T:
        """The step, again after every time that the server went away and came back."""
        while True:
            try:
                if self._session is None:
                    raise Unavailable("the connection to the database was given up before")
                with translated():
                    return step(self._session)
            except Unavailable as exc:
                if isinstance(exc, Busy):
                    raise
                self._resume(exc)

    def _begin(self, session: PostgresSession) -> None:
        self._transaction = self._opened(session)

    def _opened(self, session: PostgresSession) -> _Standing:
        """Open a transaction and take its commit number, and with it the right to write."""
        _, numbered, identified = session.together(
            "BEGIN", self._sql["begin_commit"], self._sql["identify_transaction"]
        )
        self._commit_number = value(numbered)
        [(number, migrations_count)] = identified
        if migrations_count != self._migrations_count:
            raise StorageNewer("another program brought the database to a newer schema meanwhile: "
                               "run that version")  # fmt: skip
        return _Standing(number, self._commit_number)

    def _run(self, work: Callable[[Session], T]) -> T:
        result = self._steadily(work)
        self._journal.append((work, result))
        return result

    def _commit(self, session: PostgresSession) -> None:
        if not self._kept:
            session.commit()
        self._end()

    def _end(self) -> None:
        self._journal.clear()
        self._transaction, self._kept, self._losses_count = None, False, 0

    def _rollback(self) -> None:
        self._end()
        try:
            if self._session is not None and self._session.in_transaction:
                self._session.execute("ROLLBACK")
        except psycopg.Error as exc:
            log.info("rollback_left_to_server", reason=reason(exc))
            self._drop()

    def _resume(self, cause: Unavailable) -> None:
        """Wait for the server, and bring the transaction that stood to where it was."""
        log.warning("database_away", reason=str(cause))
        self._losses_count += 1
        if self._losses_count > _LOSSES_MAX:
            lost = f"the database was lost {_LOSSES_MAX} times in one transaction"
            raise StorageFailed(f"{lost}: {cause}") from cause
        retry_s = _RETRY_S
        while True:
            try:
                with translated():
                    self._drop()
                    self._session = self._server.connect(self._name)
                    self._redo(self._session)
            except Unavailable as exc:
                if isinstance(exc, Busy) or self._abandoned.wait(retry_s):
                    raise Busy("the database is away, and who asked has gone") from exc
                retry_s = min(2 * retry_s, _RETRY_S_MAX)
            else:
                log.info("database_back")
                return

    def _redo(self, session: PostgresSession) -> None:
        session.execute(self._sql["end_former_sessions"], {"name": self._name})
        if self._transaction is None:
            return
        again = self._opened(session)
        if self._outcome(session, self._transaction) == "committed":
            session.execute("ROLLBACK")
            self._kept = True
            return
        self._transaction = again
        for work, result in self._journal:
            if work(session) != result:
                raise StorageFailed(
                    "the connection to the database was lost, and another program has changed "
                    "what this transaction had read: start again"
                )

    def _outcome(self, session: PostgresSession, before: _Standing) -> str:
        """What became of the transaction before this one. A standby that took over without it may
        have given its number to another, but then our own numbers have gone back."""
        if self._commit_number <= before.commit_number:
            return "aborted"
        bindings = {"transaction": before.number}
        return str(value(session.execute(self._sql["outcome_of"], bindings)))

    def _drop(self) -> None:
        if self._session is not None:
            self._session.close()
            self._session = None

    def _close(self) -> None:
        with translated():
            self._drop()


class PostgresReaders:
    """Connections that only read, each in a thread of its own and made when first needed. A read
    sees one moment; one that lost its connection is done again on a new one."""

    def __init__(self, server: Server, *, patience_s: float) -> None:
        """patience_s: from when a read is asked for; those that queue do not add up."""
        self._server = server
        self._patience_s = patience_s
        self._threads = ThreadPoolExecutor(_READERS, thread_name_prefix="ledger-reader")
        self._local = threading.local()
        self._sessions: set[PostgresSession] = set()
        self._closing = threading.Event()

    def run(self, work: Callable[[Session], T]) -> asyncio.Future[T]:
        until_s = time.monotonic() + self._patience_s
        step = partial(self._work, work, until_s=until_s)
        return asyncio.get_running_loop().run_in_executor(self._threads, step)

    def _work(self, work: Callable[[Session], T], *, until_s: float) -> T:
        while True:
            try:
                with translated():
                    return self._read(work)
            except Unavailable as exc:
                self._forget()
                if time.monotonic() >= until_s or self._closing.wait(_RETRY_S):
                    log.warning("database_away", reason=str(exc))  # not for who only reads
                    raise Unavailable("the database does not answer") from exc
            except BaseException:
                self._forget()
                raise

    def _read(self, work: Callable[[Session], T]) -> T:
        session: PostgresSession | None = getattr(self._local, "session", None)
        if session is None:
            session = self._local.session = self._server.connect(
                f"sigmawatch reads {uuid.uuid4()}", read_only=True
            )
            self._sessions.add(session)
        session.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        result = work(session)
        session.commit()
        return result

    def _forget(self) -> None:
        session: PostgresSession | None = getattr(self._local, "session", None)
        if session is not None:
            self._local.session = None
            self._sessions.discard(session)
            session.close()

    async def close(self) -> None:
        """Let what runs end, and close."""
        self._closing.set()
        await asyncio.to_thread(self._threads.shutdown, cancel_futures=True)
        for session in self._sessions:
            session.close()
