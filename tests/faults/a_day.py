"""A day of minutes that ends now, committed by a process that is then gone without a word:
python -m tests.faults.a_day FOLDER SERIES.

The series are of a venue that nobody configured, so nothing but their past is asked of them.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path

import numpy as np

from sigmawatch.adapters.clock import VirtualClock
from sigmawatch.adapters.ledgers.sqlite import SqliteLedger
from sigmawatch.domain.frame import Frame
from sigmawatch.domain.market import Market
from sigmawatch.domain.series import BLOCK_SERIES_MAX
from sigmawatch.domain.window import DAY_MS, MINUTE_MS, Interval

MINUTE = Interval(MINUTE_MS)


async def main(folder: Path, series: int) -> None:
    ledger = await SqliteLedger.open(folder, clock=VirtualClock(0))
    async with ledger.transaction() as transaction:
        for number in range(series):
            market = Market(venue="OTHER", base=f"C{number}", quote="USD", native=f"C{number}USD")
            await transaction.catalogue.add(market, "price", interval=MINUTE, origin="api")
    blocks = [block.id for block in await ledger.blocks()]
    now = MINUTE.slot(int(1_000 * time.time()))
    for slot in range(now - DAY_MS // MINUTE_MS, now):
        async with ledger.transaction() as transaction:
            await transaction.frames.insert(_frames(blocks, slot, series=series))
    os._exit(0)


def _frames(blocks: list[int], slot: int, *, series: int) -> list[Frame]:
    values = 100.0 + np.random.default_rng(slot).normal(size=series).cumsum()
    return [
        Frame(block_id=block_id, slot=slot, revision=60_500,
              recv_ms=MINUTE.open_ms(slot + 1) + 500,
              values=values[at : at + BLOCK_SERIES_MAX].astype("<f8").tobytes(),
              marks=bytes(min(BLOCK_SERIES_MAX, series - at)))
        for block_id, at in zip(blocks, range(0, series, BLOCK_SERIES_MAX), strict=True)
    ]  # fmt: skip


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
