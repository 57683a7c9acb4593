"""How a part of a ledger reads and writes: the means the whole lends it.

One transaction at a time, in the order they were asked for, among all parts of the ledger.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeVar

from sigmawatch.adapters.ledgers.repositories import SqlTransaction
from sigmawatch.adapters.ledgers.session import Session

T = TypeVar("T")
Row = Mapping[str, Any]


class Means:
    """read: work for a reader's thread. writing: a transaction."""

    def __init__(
        self,
        *,
        read: Callable[[Callable[[Session], Any]], asyncio.Future[Any]],
        writing: Callable[[], AbstractAsyncContextManager[SqlTransaction]],
        sql: Mapping[str, str],
    ) -> None:
        self._reading, self._writing, self._sql = read, writing, sql

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

    async def deleted(self, statement: str, bindings: Row) -> int:
        """One transaction of one statement that returns what it deletes; how many rows went."""

        def work(session: Session) -> int:
            return len(session.execute(self._sql[statement], bindings).fetchall())

        async with self._writing() as transaction:
            return await transaction.run(work)
