"""The program with a judge (tests/rising.py), as nothing else yet makes episodes.

python -m tests.faults.judged ARGUMENTS
"""

from __future__ import annotations

from functools import partial
from typing import Any, Self, TypeVar, cast

from tests.rising import RisingJudge

from sigmawatch.adapters.ledgers import postgres
from sigmawatch.adapters.ledgers.ledger import SqlLedger
from sigmawatch.adapters.ledgers.sqlite import SqliteLedger
from sigmawatch.app import wiring
from sigmawatch.app.cli import main
from sigmawatch.app.program import Ports

T = TypeVar("T")


class File(SqliteLedger):
    """Rule 1 is there from the start."""

    @classmethod
    async def open(cls, *arguments: Any, **named: Any) -> Self:
        return await ruled(cast("Self", await super().open(*arguments, **named)))


class Server(postgres.PostgresLedger):
    """The same."""

    @classmethod
    async def open(cls, *arguments: Any, **named: Any) -> Self:
        return await ruled(cast("Self", await super().open(*arguments, **named)))


async def ruled(ledger: T) -> T:
    assert isinstance(ledger, SqlLedger)
    async with ledger.transaction() as transaction:
        await transaction.rules.put("rising", text="x", settings="{}", origin="file", enabled=True)
    return ledger


def run() -> None:
    """The program, its price series judged."""
    vars(wiring)["SqliteLedger"] = File
    vars(postgres)["PostgresLedger"] = Server
    vars(wiring)["Ports"] = partial(Ports, judge=RisingJudge())
    main()


if __name__ == "__main__":
    run()
