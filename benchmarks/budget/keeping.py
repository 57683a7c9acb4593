"""What a recorded price takes once its day is sealed, and what reading 30 days of a series does.

    python -m benchmarks.budget.keeping                    prints one JSON object

10,000 series of 30 sealed days in a database; recorded candles where they lie beside this checkout.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks import history

from sigmawatch.adapters.clock import RealClock
from sigmawatch.adapters.ledgers.packing import pack_column
from sigmawatch.adapters.ledgers.sqlite import SqliteLedger

BLOCKS = 10
READS = 40


async def kept() -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="sigmawatch-history-") as folder:
        return {"value_bytes": recorded_bytes(), "month_ms": await month_ms(Path(folder) / "data")}


def recorded_bytes() -> float | None:
    """Bytes of one recorded price; None without recorded candles."""
    days = list(history.recorded_days())
    if not days:
        return None
    marks, sources = np.zeros(history.DAY, np.uint8), np.full(history.DAY, 61_001, np.int64)
    name = 1, history.MIDNIGHT, 1
    bodies = (pack_column(name, (day, marks, sources), receipts=sources) for day in days)
    return sum(map(len, bodies)) / (len(days) * history.DAY)


async def month_ms(folder: Path) -> list[float]:
    """Milliseconds of reading 30 days, for some series of many."""
    ledger = await SqliteLedger.open(folder, clock=RealClock())
    try:
        series = await history.track(ledger, blocks_count=BLOCKS)
        blocks = await ledger.blocks()
        first = history.MIDNIGHT - history.DAY
        for seed, block in enumerate(blocks):
            day = history.frames(block, history.walks(seed=seed), from_slot=first)
            await history.store(ledger, list(day))
        await history.seal_all(ledger, blocks)
        await history.fill(ledger, blocks)
        chosen = np.random.default_rng(1).integers(0, len(series), READS)
        month = {"from_slot": history.MIDNIGHT - history.DAYS * history.DAY,
                 "to_slot": history.MIDNIGHT}  # fmt: skip
        return [await history.timed(ledger.stretch(series[one], **month)) for one in chosen]
    finally:
        await ledger.close()


if __name__ == "__main__":
    print(json.dumps(asyncio.run(kept())))
