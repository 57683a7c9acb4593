"""The connection that writes to a PostgreSQL server, which may go away and come back.

Always holds: a transaction is never reported as kept unless the server said so. Where the
connection is lost, the work of the transaction is done again on a new one; where it was lost while
the commit was under way, the server is asked first what became of it (pg_xact_status,
https://www.postgresql.org/docs/current/functions-info.html#FUNCTIONS-PG-SNAPSHOT). Bulk, and a
commit whose outcome nobody knows, wait for a server that is away for as long as their caller does;
whoever else meets one gets StorageUnavailable after `PATIENCE_S`. A thread of its own connects
again, be anybody waiting or not; `storage` tells.
"""

from __future__ import annotations

import asyncio
import threading
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any, NamedTuple, TypeVar

import psycopg
import structlog

from sigmawatch.adapters.ledgers.condition import Condition
from sigmawatch.adapters.ledgers.postgres_server import PostgresSession, Server, reason, translated
from sigmawatch.adapters.ledgers.session import Session, settled, value
from sigmawatch.domain.errors import (
    Busy,
    SigmawatchError,
    StorageFailed,
    StorageNewer,
    StorageUnavailable,
    Unavailable,
)
from sigmawatch.domain.storage import StorageState

log = structlog.get_logger()
T = TypeVar("T")

PATIENCE_S = 1.0
_RETRY_S = 0.02  # and twice as long each time
_RETRY_S_MAX = 1.0
_TRIES_MAX = 10  # of one transaction: it may be what brings the server down


class _LostError(Exception):
    """The connection was lost under a step."""

    def __init__(self, cause: Unavailable) -> None:
        super().__init__(str(cause))
        self.is_full = getattr(cause.__cause__, "sqlstate", None) == _DISK_FULL


_DISK_FULL = psycopg.errors.DiskFull.sqlstate


class _Standing(NamedTuple):
    """A transaction that was begun: its number on the server, and ours."""

    number: str
    commit_number: int


class PostgresWriter:
    """The connection that writes, in a thread of its own; the work of the transaction that stands
    is remembered until its end, with what it returned."""

    def __init__(self, server: Server, *, sql: Mapping[str, str], storage: Condition) -> None:
        self.storage = storage
        self._server = server
        self._sql = sql
        self._name = f"sigmawatch {uuid.uuid4()}"
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="ledger-writer")
        self._mender = ThreadPoolExecutor(1, thread_name_prefix="ledger-mender")
        self._closing = threading.Event()
        self._session: PostgresSession | None = None
        self._migrations_count = 0
        self._commit_number = 0
        self._bulk = False
        self._transaction: _Standing | None = None
        self._journal: list[tuple[Callable[[Session], Any], Any]] = []
        self._tries_count = 0  # of the transaction that stands
        self._losses_count = 0  # since a transaction was kept

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

    # What a transaction is made of

    async def begin(self, *, bulk: bool = False) -> None:
        """Waits where another program writes. bulk: waits, from now on, for as long as the server
        is away; else that raises StorageUnavailable."""
        self._bulk, self._tries_count = bulk, 0
        await self._steadily(self._begin)

    async def run(self, work: Callable[[Session], T]) -> T:
        result = await self._steadily(work)
        self._journal.append((work, result))
        return result

    async def commit(self) -> None:
        """Returns once the server has synced the transaction, however long nobody can say whether
        it has."""
        await self._steadily(self._commit, waits=True)
        self._losses_count = 0
        self._end()

    async def rollback(self) -> None:
        self._end()
        await self._do(self._rollback)

    def _end(self) -> None:
        self._transaction, self._bulk, self._journal = None, False, []

    async def _steadily(self, step: Callable[[PostgresSession], T], *, waits: bool = False) -> T:
        """The step, done again with all before it whenever the server went away and came back."""
        attempt = step
        while True:
            try:
                return await self._do(partial(self._step, attempt), can_stop=not waits)
            except _LostError as lost:
                self._tries_count += not lost.is_full
                if self._tries_count > _TRIES_MAX:
                    times = f"the database was lost {_TRIES_MAX} times in one transaction"
                    raise StorageFailed(f"{times}: {lost}") from lost
                await self._regained(waits=waits or self._bulk)
                attempt = partial(self._redone, step)

    async def _regained(self, *, waits: bool) -> None:
        try:
            async with asyncio.timeout(None if waits else PATIENCE_S):
                await self._back()
        except TimeoutError:
            raise StorageUnavailable(str(self.storage.status)) from None

    async def _back(self) -> None:
        status = self.storage.status
        while status.state is not StorageState.OK:
            if status.doubtful:
                raise StorageFailed(str(status))
            status = await self.storage.changed(status)

    async def _do(self, work: Callable[[], T], *, can_stop: bool = False) -> T:
        """In the writer's thread, to its end. A cancellation stops a statement where that can be,
        and follows."""
        future = asyncio.get_running_loop().run_in_executor(self._thread, work)
        return await settled(future, on_cancel=partial(self._cancel, can_stop=can_stop))

    def _cancel(self, *, can_stop: bool) -> None:
        session = self._session
        if can_stop and session is not None:
            session.cancel()

    # In the writer's thread: steps

    def _step(self, step: Callable[[PostgresSession], T]) -> T:
        session = self._session
        if session is None:
            raise _LostError(Unavailable("it was lost before"))
        try:
            with translated():
                return step(session)
        except Busy:
            raise
        except Unavailable as exc:
            self._lose(exc)
            raise _LostError(exc) from exc

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

    def _commit(self, session: PostgresSession) -> None:
        session.commit()

    def _redone(self, step: Callable[[PostgresSession], T], session: PostgresSession) -> T:
        """The step after all that its transaction had done, unless that turned out to be kept."""
        if self._transaction is not None and self._kept(session, self._transaction):
            return None  # type: ignore[return-value]  # the step was the commit
        return step(session)

    def _kept(self, session: PostgresSession, before: _Standing) -> bool:
        """Whether the transaction was kept; else it stands again as it stood."""
        again = self._opened(session)
        if self._outcome(session, before) == "committed":
            session.execute("ROLLBACK")
            return True
        self._transaction = again
        for work, result in self._journal:
            if work(session) != result:
                raise StorageFailed(
                    "the connection to the database was lost, and another program has changed "
                    "what this transaction had read: start again"
                )
        return False

    def _outcome(self, session: PostgresSession, before: _Standing) -> str:
        """What became of the transaction before this one. A standby that took over without it may
        have given its number to another, but then our own numbers have gone back."""
        if self._commit_number <= before.commit_number:
            return "aborted"
        bindings = {"transaction": before.number}
        return str(value(session.execute(self._sql["outcome_of"], bindings)))

    def _rollback(self) -> None:
        session = self._session
        if session is None or not session.in_transaction:
            return
        try:
            session.execute("ROLLBACK")
        except psycopg.Error as exc:
            log.info("rollback_left_to_server", reason=reason(exc))
            self._lose(Unavailable(reason(exc)))

    # When the server is away

    def doubt(self) -> None:
        """Somebody else has lost the server: look, between two transactions, whether we have."""
        if not self._closing.is_set():
            self._thread.submit(self._look)

    def _look(self) -> None:
        session = self._session
        if self._transaction is None and session is not None:
            with suppress(_LostError, SigmawatchError), session.connection.in_a_hurry():
                self._step(lambda session: session.execute("SELECT 1"))

    def _lose(self, cause: Unavailable) -> None:
        self._losses_count += 1
        self._drop()
        self.storage.become(StorageState.AWAY, str(cause))
        if not self._closing.is_set():
            self._mender.submit(self._mend)

    def _drop(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.close()

    def _mend(self) -> None:
        """In the mender's thread: connect again, however long that takes."""
        again = self._losses_count - 1  # the first time, at once
        retry_s = min(_RETRY_S * 2.0**again, _RETRY_S_MAX) if again else 0.0
        while not self._closing.wait(retry_s):
            retry_s = min(max(2 * retry_s, _RETRY_S), _RETRY_S_MAX)
            try:
                with translated():
                    session = self._server.connect(self._name)
                    session.execute(self._sql["end_former_sessions"], {"name": self._name})
            except Unavailable as exc:
                log.debug("database_away", reason=str(exc))
            except SigmawatchError as exc:
                self.storage.become(StorageState.FAILED, str(exc), doubtful=True)
                return
            else:
                with suppress(RuntimeError):  # closed meanwhile
                    self._thread.submit(self._take, session)
                return

    def _take(self, session: PostgresSession) -> None:
        """In the writer's thread: from now on it is this one."""
        self._drop()
        self._session = session
        self.storage.become(StorageState.OK)

    # The rest

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
        self._closing.set()
        await self._do(self._drop)
        self._mender.shutdown(wait=False)
        await asyncio.to_thread(self._thread.shutdown)
