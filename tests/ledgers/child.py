"""A process that commits for ever and says so: python -m tests.ledgers.child FOLDER before|after.

It prints the slot of each commit once it has ended ("after"), or, as the bug that the kill test
must notice, when it begins ("before").
"""

from __future__ import annotations

import asyncio
import os
import sys
from itertools import count
from pathlib import Path

from tests.contracts.samples import SLOT, frame, store, track

from sigmawatch.adapters.clock import RealClock
from sigmawatch.adapters.ledgers.sqlite import SqliteLedger


async def main(folder: Path, *, report: str) -> None:
    ledger = await SqliteLedger.open(folder, clock=RealClock())
    await track(ledger, "BTC")
    stored = [item.slot async for batch in ledger.replay(from_ms=0) for item in batch]  # type: ignore[union-attr]
    for slot in count(max(stored, default=SLOT) + 1):
        if report == "before":
            os.write(1, b"%d\n" % slot)
        await store(ledger, frame(slot, values=[float(slot)] * 256))
        if report == "after":
            os.write(1, b"%d\n" % slot)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), report=sys.argv[2]))
