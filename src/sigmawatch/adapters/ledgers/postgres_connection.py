"""Connections to a PostgreSQL server that only read, and may be lost at any moment.

A read that lost its connection is done again on a new one, for as long as `Patience.reads_s`; then
it fails with Unavailable.
"""

from __future__ import annotations

import asyncio
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

import structlog

from sigmawatch.adapters.ledgers.postgres_server import PostgresSession, Server, translated
from sigmawatch.adapters.ledgers.session import Session
from sigmawatch.domain.errors import Unavailable

log = structlog.get_logger()
T = TypeVar("T")

_RETRY_S = 0.1
_READERS = 3


class PostgresReaders:
    """Connections that only read, each in a thread of its own and made when first needed. A read
    sees one moment; one that lost its connection is done again on a new one."""

    def __init__(self, server: Server, *, patience_s: float, doubt: Callable[[], None]) -> None:
        """patience_s: from when a read is asked for; those that queue do not add up. doubt: hears
        that a connection was lost."""
        self._server = server
        self._patience_s = patience_s
        self._doubt = doubt
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
                self._doubt()
                if time.monotonic() >= until_s or self._closing.wait(_RETRY_S):
                    log.info("read_failed", reason=str(exc))  # not for who only reads
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
