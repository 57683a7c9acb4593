"""How a part of a ledger reads and writes: the means the whole lends it.

One transaction at a time, in the order they were asked for, among all parts of the ledger.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, TypeVar

from sigmawatch.adapters.ledgers.repositories import SqlTransaction
from sigmawatch.adapters.ledgers.session import Session
from sigmawatch.ports.ledger import Claim

T = TypeVar("T")
Row = Mapping[str, Any]


class Means:
    """read: work for a reader's thread. writing: a transaction. claimed: the right to do some work
    alone."""

    def __init__(
        self,
        *,
        read: Callable[[Callable[[Session], Any]], asyncio.Future[Any]],
        writing: Callable[[], AbstractAsyncContextManager[SqlTransaction]],
        claimed: Callable[[str], AbstractAsyncContextManager[Claim | None]],
        sql: Mapping[str, str],
    ) -> None:
        self._reading, self._claiming, self._sql = read, claimed, sql
        self._begun = writing
        self._claim: Claim | None = None

    @asynccontextmanager
    async def alone(self, work: str) -> AsyncIterator[bool]:
        """Whether `work` is ours to do. Inside, what is written raises Superseded once another
        program has taken it over."""
        async with self._claiming(work) as self._claim:
            try:
                yield self._claim is not None
            finally:
                self._claim = None

    @asynccontextmanager
    async def _writing(self) -> AsyncIterator[SqlTransaction]:
        async with self._begun() as transaction:
            if self._claim is not None:
                await transaction.check(self._claim)
            yield transaction

    async def read(self, work: Callable[[Session], T]) -> T:
        """What `work` returns, which is short."""
        found: T = await self._reading(work)
        return found

    async def write(self, rows: Mapping[str, Sequence[Row]]) -> None:
        """One transaction: every statement, by name, with each of its rows."""

        def work(session: Session) -> None:
            for name, mine in rows.items():
                if mine:
                    session.executemany(self._sql[name], mine)

        async with self._writing() as transaction:
            await transaction.run(work)

    async def deleted(self, statement: str, bindings: Row, *, mark: str = "") -> int:
        """One transaction of one statement that returns what it deletes; how many rows went. mark:
        which counts them."""

        def work(session: Session) -> int:
            gone = len(session.execute(self._sql[statement], bindings).fetchall())
            if gone and mark:
                counted = {"key": mark, "number": -gone}
                session.execute(self._sql["add_to_mark"], counted).fetchall()
            return gone

        async with self._writing() as transaction:
            return await transaction.run(work)
