"""How fast the embedded ledger commits, replays and reads, and what a value costs on disk.

    python benchmarks/ledger.py              24 h of 10,000 series, about 0.2 GB, some seconds
    python benchmarks/ledger.py --large      24 h of 100,000 series, about 1.4 GB, half a minute

The folder is temporary and removed; TMPDIR chooses the disk. A disk that syncs in 0.1 ms is no
home disk: compare what `sync` says first.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import struct
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median, quantiles

from sigmawatch.adapters.clock import RealClock
from sigmawatch.adapters.ledgers.sqlite import SqliteLedger
from sigmawatch.domain.frame import Frame
from sigmawatch.domain.market import Market
from sigmawatch.domain.series import BLOCK_SERIES_MAX, Series
from sigmawatch.domain.window import Interval

MINUTE = Interval(60_000)
SLOTS = 1_440
FIRST_SLOT = 29_000_000


def main(arguments: Sequence[str] = ()) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--large", action="store_true", help="100,000 series instead of 10,000")
    series_count = 100_000 if parser.parse_args(arguments).large else 10_000
    with tempfile.TemporaryDirectory(prefix="sigmawatch-bench-") as folder:
        asyncio.run(measure(Path(folder) / "data", series_count=series_count))


async def measure(folder: Path, *, series_count: int) -> None:
    clock = RealClock()
    report("sync of one page", sync_ms(folder.parent))
    ledger = await SqliteLedger.open(folder, clock=clock)
    series = await track(ledger, blocks_count=-(-series_count // BLOCK_SERIES_MAX))
    blocks = [block.id for block in await ledger.blocks()]
    commits = [await commit(ledger, slot=slot, blocks=blocks) for slot in range(SLOTS)]
    report(f"durable commit of {len(blocks)} x 1,024", commits)
    await commit_98(folder.parent / "wide", clock=clock)
    report("24 h of one series", [await read(ledger, series[-1]) for _ in range(20)])
    report("close", [await timed(ledger.close())])

    values_count = len(blocks) * BLOCK_SERIES_MAX * SLOTS
    print(f"{'on disk':40} {size_bytes(folder) / values_count:9.2f} bytes a value")

    ledger = await SqliteLedger.open(folder, clock=clock)
    report(f"replay of 24 h x {values_count // SLOTS:,}", [await timed(replay(ledger))])
    await ledger.close()


async def commit_98(folder: Path, *, clock: RealClock) -> None:
    """One slot of 100,000 series, the figure of the performance budget."""
    ledger = await SqliteLedger.open(folder, clock=clock)
    await track(ledger, blocks_count=98)
    blocks = [block.id for block in await ledger.blocks()]
    commits = [await commit(ledger, slot=slot, blocks=blocks) for slot in range(100)]
    report("durable commit of 98 x 1,024", commits)
    await ledger.close()


async def track(ledger: SqliteLedger, *, blocks_count: int) -> list[Series]:
    """Series that fill one block and stand alone in the others: frames are full in all."""
    async with ledger.transaction() as transaction:
        return [
            await transaction.catalogue.add(
                Market(venue=f"V{block}", base=f"C{place}", quote="USD", native=f"C{place}"),
                "price", interval=MINUTE, origin="api",
            )
            for block in range(blocks_count)
            for place in range(BLOCK_SERIES_MAX if block == 0 else 1)
        ]  # fmt: skip


async def commit(ledger: SqliteLedger, *, slot: int, blocks: Sequence[int]) -> float:
    dice = random.Random(slot)
    frames = [
        Frame(
            block_id=block, slot=FIRST_SLOT + slot, revision=60_000,
            recv_ms=(FIRST_SLOT + slot + 1) * MINUTE.ms, marks=bytes(BLOCK_SERIES_MAX),
            values=struct.pack("<1024d", *[dice.uniform(1.0, 2.0)] * BLOCK_SERIES_MAX),
        )
        for block in blocks
    ]  # fmt: skip
    return await timed(store(ledger, frames))


async def store(ledger: SqliteLedger, frames: Sequence[Frame]) -> None:
    async with ledger.transaction() as transaction:
        await transaction.frames.insert(frames)


async def read(ledger: SqliteLedger, series: Series) -> float:
    return await timed(ledger.stretch(series, from_slot=FIRST_SLOT, to_slot=FIRST_SLOT + SLOTS))


async def replay(ledger: SqliteLedger) -> None:
    async for _ in ledger.replay(from_ms=FIRST_SLOT * MINUTE.ms):
        pass


async def timed(work: object) -> float:
    started = time.perf_counter()
    await work  # type: ignore[misc]
    return 1_000 * (time.perf_counter() - started)


def size_bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.iterdir())


def sync_ms(folder: Path) -> list[float]:
    """What the disk alone takes."""
    took = []
    with tempfile.TemporaryFile(dir=folder) as file:
        for _ in range(100):
            started = time.perf_counter()
            file.write(bytes(4_096))
            file.flush()
            os.fdatasync(file.fileno())
            took.append(1_000 * (time.perf_counter() - started))
    return took


def report(what: str, took_ms: Sequence[float]) -> None:
    if len(took_ms) == 1:
        print(f"{what:40} {took_ms[0]:9.2f} ms")
    else:
        p95 = quantiles(took_ms, n=20)[-1]
        print(f"{what:40} {median(took_ms):9.2f} ms median {p95:9.2f} ms p95")


if __name__ == "__main__":
    main(sys.argv[1:])
