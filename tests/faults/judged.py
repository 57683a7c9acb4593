"""The program with a judge (tests/rising.py), as nothing else yet makes episodes.

python -m tests.faults.judged ARGUMENTS
"""

from __future__ import annotations

from functools import partial

from tests.rising import RisingJudge

from sigmawatch.adapters.ledgers.sqlite import SqliteLedger
from sigmawatch.app import wiring
from sigmawatch.app.cli import main
from sigmawatch.app.program import Ports


class WithRule(SqliteLedger):
    """Rule 1 is there from the start."""

    @classmethod
    async def open(cls, *arguments: object, **named: object) -> WithRule:
        ledger = await super().open(*arguments, **named)  # type: ignore[arg-type]
        async with ledger.transaction() as transaction:
            await transaction.rules.put(
                "rising", text="x", settings="{}", origin="file", enabled=True
            )
        assert isinstance(ledger, WithRule)
        return ledger


def run() -> None:
    """The program, its price series judged."""
    vars(wiring)["SqliteLedger"] = WithRule
    vars(wiring)["Ports"] = partial(Ports, judge=RisingJudge())
    main()


if __name__ == "__main__":
    run()
