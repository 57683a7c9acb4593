"""Lives of the ledger with the bugs that the judge must notice: python -m tests.faults.broken_lives
FOLDER first|second|endless BUG.

early: tells a slot before its transaction; torn: writes a slot in two transactions; normal, off:
commits as most tutorials advise, without a sync (PRAGMA synchronous).
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.contracts.samples import store
from tests.faults.ledger_life import LedgerLife, main, say, slot_frames

from sigmawatch.adapters.ledgers.ledger import SqlLedger
from sigmawatch.adapters.ledgers.statements import Migration


class EarlyLife(LedgerLife):
    async def store(self, ledger: SqlLedger, slot: int) -> None:
        self._tell(f"slot {slot}")
        await super().store(ledger, slot)


class TornLife(LedgerLife):
    async def store(self, ledger: SqlLedger, slot: int) -> None:
        for one in slot_frames(slot, width=len(self.bases)):
            await store(ledger, one)
        self._tell(f"slot {slot}")


class NormalLife(LedgerLife):
    synchronous = "normal"

    async def open(self, steps: tuple[Migration, ...]) -> SqlLedger:
        ledger = await super().open(steps)
        await ledger._writer.run(
            lambda session: session.execute(f"PRAGMA synchronous={self.synchronous}").fetchall()
        )
        return ledger


class OffLife(NormalLife):
    synchronous = "off"


BUGS = {"early": EarlyLife, "torn": TornLife, "normal": NormalLife, "off": OffLife}

if __name__ == "__main__":
    main(BUGS[sys.argv[3]](Path(sys.argv[1]), tell=say), sys.argv[2])
