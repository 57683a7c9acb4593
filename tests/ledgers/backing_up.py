"""A process that is killed in the middle of a backup, or just after the copy, before it is read
back: python -m tests.ledgers.backing_up FOLDER TARGET SHARE [hasty]. SHARE: of the copy, 0 to 1.

hasty: with the bug that the test must notice, a copy under its final name from the beginning.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from sigmawatch.adapters.clock import RealClock
from sigmawatch.adapters.ledgers import ledger as ledgers
from sigmawatch.adapters.ledgers.sqlite import SqliteLedger


def in_place(target: Path) -> Path:
    target.touch()
    return target


async def main(folder: Path, target: str, *, share: float) -> None:
    def told(done: int, total: int) -> None:
        if done >= share * total:
            os.kill(os.getpid(), signal.SIGKILL)

    ledger = await SqliteLedger.open(folder, clock=RealClock())
    await ledger.backup(target, told=told)


if __name__ == "__main__":
    if sys.argv[4:] == ["hasty"]:
        vars(ledgers)["part_of"] = in_place
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], share=float(sys.argv[3])))
