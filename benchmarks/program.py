"""Restart and memory of the whole program, and a slot from poll to snapshot.

For each size: a data folder with 24 h of frames is written, then a fresh process opens it and
reports how long it took to be ready (catalogue, frames, statistics, ranks; start of the interpreter
and imports apart), its memory, and the slot: frames published, committed (synced), applied, closed.
"""

from __future__ import annotations

import asyncio
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path

import numpy as np

from sigmawatch.adapters.clock import VirtualClock
from sigmawatch.adapters.ledgers.sqlite import SqliteLedger
from sigmawatch.app.config import Config
from sigmawatch.app.long_lived import starting
from sigmawatch.app.wiring import build
from sigmawatch.domain.frame import Frame
from sigmawatch.domain.market import Market
from sigmawatch.domain.series import BLOCK_SERIES_MAX
from sigmawatch.domain.window import DAY_MS, MINUTE_MS, Interval

SIZES = (1_000, 10_000, 100_000)
S0 = 28_000_000
DAY_SLOTS = DAY_MS // MINUTE_MS
SLOTS_TIMED = 20
MINUTE = Interval(MINUTE_MS)


def main() -> None:
    """Print one row for each size."""
    print(f"{'series':>8} {'restart s':>10} {'slot ms':>8} {'p95':>6} {'close ms':>9} {'MB':>7}"
          f" {'disk MB':>8}")  # fmt: skip
    for count in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            asyncio.run(_written(Path(folder), count))
            size = sum(file.stat().st_size for file in Path(folder).iterdir()) / 1e6
            command = [sys.executable, "-m", "benchmarks.program", folder]
            said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            row = json.loads(said.splitlines()[-1])
            print(f"{count:>8,} {row['restart_s']:>10.2f} {row['slot_ms']:>8.1f}"
                  f" {row['slot_p95_ms']:>6.1f} {row['close_ms']:>9.1f}"
                  f" {row['memory_mb']:>7.0f} {size:>8.0f}", flush=True)  # fmt: skip


async def _written(folder: Path, count: int) -> None:
    """A folder with `count` price series and a day of frames."""
    ledger = await SqliteLedger.open(folder, clock=VirtualClock(S0 * MINUTE_MS))
    async with ledger.transaction() as transaction:
        for index in range(count):
            market = Market(venue="BENCH", base=f"M{index}", quote="USD", native=f"M{index}USD")
            await transaction.catalogue.add(market, "price", interval=MINUTE, origin="api")
    blocks = [block.id for block in await ledger.blocks()]
    for slot in range(S0 - DAY_SLOTS, S0):
        async with ledger.transaction() as transaction:
            await transaction.frames.insert(_frames(blocks, slot, count))
    await ledger.close()


def _frames(blocks: list[int], slot: int, count: int) -> list[Frame]:
    rng = np.random.default_rng(slot)
    frames = []
    for index, block_id in enumerate(blocks):
        width = min(BLOCK_SERIES_MAX, count - index * BLOCK_SERIES_MAX)
        values = 100.0 * np.exp(rng.normal(0.0, 0.01, width))
        frames.append(Frame(
            block_id=block_id, slot=slot, revision=61_000, recv_ms=slot * MINUTE_MS + 61_000,
            values=values.astype("<f8").tobytes(), marks=bytes(width),
        ))  # fmt: skip
    return frames


async def _opened(folder: Path) -> dict[str, float]:
    clock = VirtualClock(S0 * MINUTE_MS + 1_000)
    started = time.perf_counter()
    async with AsyncExitStack() as stack:
        with starting():
            built = build(Config(data=folder, track=()), clock=clock, venues=[])
            program = await stack.enter_async_context(built)
        restart_s = time.perf_counter() - started
        blocks, count = list(program.catalogue.blocks), len(program.catalogue.series)
        slots_ms, closes_ms = [], []
        for slot in range(S0, S0 + SLOTS_TIMED):
            await clock.advance_to_ms((slot + 1) * MINUTE_MS + 1_000)
            frames = _frames(blocks, slot, count)
            begun = time.perf_counter()
            await program.publish(frames)
            middle = time.perf_counter()
            await program.tracker.close_slot(MINUTE, slot)
            slots_ms.append(1_000 * (time.perf_counter() - begun))
            closes_ms.append(1_000 * (time.perf_counter() - middle))
    return {
        "restart_s": restart_s,
        "slot_ms": statistics.median(slots_ms),
        "slot_p95_ms": float(np.percentile(slots_ms, 95)),
        "close_ms": statistics.median(closes_ms),
        "memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_024,
    }


if __name__ == "__main__":
    print(json.dumps(asyncio.run(_opened(Path(sys.argv[1])))))
