"""How fast each ledger commits, replays and reads, and what a value costs on disk, beside each
other: the embedded one, and one on a PostgreSQL server of this machine (the tests' wheel, its
default settings, over a socket).

    python -m benchmarks ledger              24 h of 10,000 series, about 0.2 GB each
    python -m benchmarks ledger --large      24 h of 100,000 series, about 1.4 GB each
    python -m benchmarks ledger --url postgresql://…   another server; its database is filled

Folders are temporary and removed; TMPDIR chooses the disk. A disk that syncs in 0.1 ms is no home
disk: compare what `sync` says first.
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
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from statistics import median, quantiles

import psycopg
from tests.postgres import PostgresServer

from sigmawatch.adapters.clock import RealClock
from sigmawatch.adapters.ledgers.ledger import SqlLedger
from sigmawatch.adapters.ledgers.postgres import PostgresLedger
from sigmawatch.adapters.ledgers.sqlite import SqliteLedger
from sigmawatch.domain.alert import States
from sigmawatch.domain.frame import Frame
from sigmawatch.domain.market import Market
from sigmawatch.domain.series import BLOCK_SERIES_MAX, Series
from sigmawatch.domain.window import Interval

MINUTE = Interval(60_000)
SLOTS = 1_440
FIRST_SLOT = 29_000_000
WIDE_BLOCKS = 98  # 100,000 series, the figure of the performance budget
WIDE_COMMITS = 100
RULES = 10
STATE_BYTES = 24
Opening = Callable[[], Awaitable[SqlLedger]]
Place = tuple[Opening, Callable[[], int]]  # how to open it, and the bytes that it takes


def main(arguments: Sequence[str] = ()) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--large", action="store_true", help="100,000 series instead of 10,000")
    parser.add_argument("--url", help="a PostgreSQL database to fill instead of one of our own")
    chosen = parser.parse_args(arguments)
    asyncio.run(compare(100_000 if chosen.large else 10_000, url=chosen.url))


async def compare(series_count: int, *, url: str | None = None) -> None:
    """Print what each took, in columns."""
    blocks_count = -(-series_count // BLOCK_SERIES_MAX)
    with tempfile.TemporaryDirectory(prefix="sigmawatch-bench-") as folder:
        print(f"{'sync of one page':56}{_cell(sync_ms(Path(folder))):>22}")
    columns: dict[str, Mapping[str, str]] = {}
    async with embedded() as (opening, size):
        columns["SQLite"] = await measure(opening, size, blocks_count=blocks_count)
    async with on_server(url) as (opening, size):
        columns["PostgreSQL"] = await measure(opening, size, blocks_count=blocks_count)
    print(f"{'ms, median / p95':56}" + "".join(f"{name:>22}" for name in columns))
    for row in columns["SQLite"]:
        print(f"{row:56}" + "".join(f"{column[row]:>22}" for column in columns.values()))


@asynccontextmanager
async def embedded() -> AsyncIterator[Place]:
    """How to open a file's ledger, and what it takes on disk."""
    with tempfile.TemporaryDirectory(prefix="sigmawatch-bench-") as folder:
        data = Path(folder) / "data"
        yield (
            lambda: SqliteLedger.open(data, clock=RealClock()),
            lambda: sum(file.stat().st_size for file in data.iterdir()),
        )


@asynccontextmanager
async def on_server(url: str | None) -> AsyncIterator[Place]:
    """The same of a server's, whose own start is not measured."""
    async with AsyncExitStack() as stack:
        if url is None:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="sigmawatch-bench-"))
            server = PostgresServer(Path(folder))
            server.start()
            stack.callback(server.stop)
            url = server.url
        address = url
        yield lambda: PostgresLedger.open(address, clock=RealClock()), lambda: _stored(address)


def _stored(url: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT pg_database_size(current_database())").fetchone()
        assert row is not None
        return int(row[0])


async def measure(
    opening: Opening, size_bytes: Callable[[], int], *, blocks_count: int
) -> Mapping[str, str]:
    """What is asked of a ledger -> how long it takes."""
    ledger = await opening()
    wide = await track(ledger, blocks_count=WIDE_BLOCKS)
    took = [await commit(ledger, slot=-1 - slot, blocks=wide) for slot in range(WIDE_COMMITS)]
    rows = {f"durable commit of {WIDE_BLOCKS} x 1,024": _cell(took)}
    took = [await decide(ledger, slot=slot, blocks=wide) for slot in range(WIDE_COMMITS)]
    rows[f"decisions of {RULES} rules over the same, 1 % changing"] = _cell(took)
    empty_bytes = size_bytes()
    blocks = wide[:blocks_count]
    took = [await commit(ledger, slot=slot, blocks=blocks) for slot in range(SLOTS)]
    rows[f"durable commit of {len(blocks)} x 1,024"] = _cell(took)
    series = (await ledger.series())[0]
    rows["24 h of one series"] = _cell([await read(ledger, series) for _ in range(20)])
    rows["close"] = _cell([await timed(ledger.close())])
    values_count = len(blocks) * BLOCK_SERIES_MAX * SLOTS
    rows["bytes a value on disk"] = f"{(size_bytes() - empty_bytes) / values_count:.2f}"
    ledger = await opening()
    replayed = [await timed(replay(ledger)) for _ in range(2)]
    rows[f"replay of 24 h x {values_count // SLOTS:,}"] = _cell(replayed[-1:])
    await ledger.close()
    return rows


async def track(ledger: SqlLedger, *, blocks_count: int) -> list[int]:
    """Blocks, by their ids: a series stands in each, and frames are full all the same."""
    async with ledger.transaction() as transaction:
        for block in range(blocks_count):
            market = Market(venue=f"V{block}", base="BTC", quote="USD", native="BTCUSD")
            await transaction.catalogue.add(market, "price", interval=MINUTE, origin="api")
        for rule in range(RULES):
            await transaction.rules.put(
                f"rule {rule}", text="price > 1", settings="{}", origin="api", enabled=True
            )
    return [block.id for block in await ledger.blocks()]


async def commit(ledger: SqlLedger, *, slot: int, blocks: Sequence[int]) -> float:
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


async def decide(ledger: SqlLedger, *, slot: int, blocks: Sequence[int]) -> float:
    """What judging a slot writes where in each block ten states of each rule are not at rest."""
    body = random.Random(slot).randbytes(BLOCK_SERIES_MAX // 100 * STATE_BYTES)
    states = [
        States(rule_id=rule, block_id=block, version=1, slot=slot, body=body)
        for rule in range(1, RULES + 1)
        for block in blocks
    ]
    return await timed(judge(ledger, states, slot=slot))


async def judge(ledger: SqlLedger, states: Sequence[States], *, slot: int) -> None:
    async with ledger.transaction() as transaction:
        await transaction.alerts.put_states(states)
        await transaction.alerts.judged(MINUTE, slot)


async def store(ledger: SqlLedger, frames: Sequence[Frame]) -> None:
    async with ledger.transaction() as transaction:
        await transaction.frames.insert(frames)


async def read(ledger: SqlLedger, series: Series) -> float:
    return await timed(ledger.stretch(series, from_slot=FIRST_SLOT, to_slot=FIRST_SLOT + SLOTS))


async def replay(ledger: SqlLedger) -> None:
    async for _ in ledger.replay(from_ms=FIRST_SLOT * MINUTE.ms):
        pass


async def timed(work: Awaitable[object]) -> float:
    started = time.perf_counter()
    await work
    return 1_000 * (time.perf_counter() - started)


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


def _cell(took_ms: Sequence[float]) -> str:
    if len(took_ms) == 1:
        return f"{took_ms[0]:.1f}"
    return f"{median(took_ms):.2f} / {quantiles(took_ms, n=20)[-1]:.2f}"


if __name__ == "__main__":
    main(sys.argv[1:])
