"""A process that commits for ever and says so: python -m tests.ledgers.child WHERE before|after.

It prints the slot of each commit once it has ended ("after"), or, as the bug that the kill test
must notice, when it begins ("before"). WHERE: a folder, or the address of a server.
"""

from __future__ import annotations

import asyncio
import os
import sys
from itertools import count

import structlog
from tests.contracts.samples import SLOT, frame, store, track
from tests.ledgers.opening import opened

from sigmawatch.adapters.clock import RealClock
from sigmawatch.domain.frame import Frame


async def main(where: str, *, report: str) -> None:
    ledger = await opened(where, clock=RealClock())
    await track(ledger, "BTC")
    stored = [
        item.slot
        async for batch in ledger.replay(from_ms=0)
        for item in batch
        if isinstance(item, Frame)
    ]
    for slot in count(max(stored, default=SLOT) + 1):
        if report == "before":
            os.write(1, b"%d\n" % slot)
        await store(ledger, frame(slot, values=[float(slot)] * 256))
        if report == "after":
            os.write(1, b"%d\n" % slot)


if __name__ == "__main__":
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    asyncio.run(main(sys.argv[1], report=sys.argv[2]))
