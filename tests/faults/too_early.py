"""The program with the bug that the kill test must notice: it shows what is not on disk yet.

python -m tests.faults.too_early ARGUMENTS. Transactions say that they have ended, and are committed
together up to LATE_S later.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from sigmawatch.adapters.ledgers import postgres
from sigmawatch.adapters.ledgers.ledger import SqlLedger
from sigmawatch.adapters.ledgers.sqlite import SqliteLedger
from sigmawatch.app import wiring
from sigmawatch.app.cli import main
from sigmawatch.ports.ledger import Transaction

LATE_S = 0.3


class Hasty(SqlLedger):
    """Reports first, commits later, several transactions at once."""

    _turns = asyncio.Lock()
    _held: AbstractAsyncContextManager[Transaction] | None = None

    @asynccontextmanager
    async def transaction(self, *, bulk: bool = False) -> AsyncIterator[Transaction]:
        async with self._turns:
            if self._held is None:
                self._held = super().transaction()
                self._transaction = await self._held.__aenter__()
                self._late = asyncio.ensure_future(self._commit(self._held))
            yield self._transaction

    async def _commit(self, held: AbstractAsyncContextManager[Transaction]) -> None:
        await asyncio.sleep(LATE_S)
        async with self._turns:
            self._held = None
            await held.__aexit__(None, None, None)


class HastyLedger(Hasty, SqliteLedger):
    """In a file."""


class HastyServerLedger(Hasty, postgres.PostgresLedger):
    """On a server."""


if __name__ == "__main__":
    vars(wiring)["SqliteLedger"] = HastyLedger
    vars(postgres)["PostgresLedger"] = HastyServerLedger
    main()
