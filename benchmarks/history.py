"""What sealed history costs: on disk, to make, to read, and what slots notice of it.

    python -m benchmarks history             10,000 series x 30 days, about 1 GB, some minutes
    python -m benchmarks.history --small     1,000 series x 30 days, some seconds
    python -m benchmarks.history --large     100,000 series, one day: only to seal it
    python -m benchmarks.history --postgres  the same on a PostgreSQL server of this machine

Prices are walks of a hundredth with quiet minutes; where the recorded candles lie beside this
checkout, a price on disk is measured on those too. The folder is temporary; TMPDIR chooses the
disk.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import json
import resource
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median, quantiles

import numpy as np
import numpy.typing as npt
from benchmarks.ledger import Place, embedded, on_server

from sigmawatch.adapters.archives.folder import FolderObjects
from sigmawatch.adapters.archives.parquet import ParquetArchive
from sigmawatch.adapters.clock import VirtualClock
from sigmawatch.adapters.ledgers.ledger import SqlLedger
from sigmawatch.adapters.ledgers.merge import Sources
from sigmawatch.adapters.ledgers.packing import pack_column, unpack_column
from sigmawatch.app.archived_rows import all_rows
from sigmawatch.app.compute import ComputeThread
from sigmawatch.app.past import Past
from sigmawatch.app.sealing import rolled_up_of, seal
from sigmawatch.domain.frame import Frame
from sigmawatch.domain.market import Market
from sigmawatch.domain.series import BLOCK_SERIES_MAX, Block, Series
from sigmawatch.domain.window import Interval
from sigmawatch.engine.table import SeriesTable
from sigmawatch.ports.history import Pause, Section, at_once

MINUTE = Interval(60_000)
DAY = 1_440
DAYS = 30
MIDNIGHT = 20_139 * DAY  # ends what is sealed
COMMIT_EVERY_S = 0.05  # a slot every minute in earnest; here it meets more of the sealing
STATM = Path("/proc/self/statm")
RECORDED = Path(__file__).parents[2] / "shared" / "data" / "freqtrade-bittrex-1m-201801"
Prices = npt.NDArray[np.float64]


def main(arguments: Sequence[str] = ()) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="1,000 series instead of 10,000")
    parser.add_argument("--large", action="store_true", help="100,000 series, sealed once")
    parser.add_argument("--postgres", action="store_true", help="on a server, not in a file")
    asked = parser.parse_args(arguments)
    blocks_count = 1 if asked.small else 100 if asked.large else 10
    recorded_prices()
    with tempfile.TemporaryDirectory(prefix="sigmawatch-bench-") as folder:
        place = on_server(None) if asked.postgres else embedded()
        asyncio.run(measure(place, blocks_count=blocks_count, folder=Path(folder)))


def recorded_prices() -> None:
    """A price of real candles: bytes, and what packing and unpacking a day takes."""
    days = list(recorded_days())
    if not days:
        print(f"{'a recorded price':44} no recorded candles at {RECORDED}")
        return
    marks, sources = np.zeros(DAY, np.uint8), np.full(DAY, 61_001, np.int64)
    name = 1, MIDNIGHT, 1
    started_s = time.thread_time()
    packed = [pack_column(name, (day, marks, sources), receipts=sources) for day in days]
    packed_s = time.thread_time()
    for body, day in zip(packed, days, strict=True):
        assert unpack_column(body, name, receipts=sources)[0].tobytes() == day.tobytes()
    done_s = time.thread_time()
    size = sum(map(len, packed)) / (len(days) * DAY)
    print(f"{f'a recorded price ({len(days)} days of candles)':44} {size:9.2f} bytes")
    print(f"{'pack a day of one series':44} {1e6 * (packed_s - started_s) / len(days):9.0f} µs")
    print(f"{'unpack a day of one series':44} {1e6 * (done_s - packed_s) / len(days):9.0f} µs")


def recorded_days() -> Iterator[Prices]:
    """Whole days of closes; what was not traded stands as the close before."""
    for path in sorted(RECORDED.glob("*-1m.json.gz")):
        rows = json.loads(gzip.decompress(path.read_bytes()))
        slots = np.array([row[0] for row in rows], np.int64) // MINUTE.ms
        first = -(-int(slots[0]) // DAY) * DAY
        held = np.full((int(slots[-1]) - first) // DAY * DAY, np.nan)
        inside = (slots >= first) & (slots < first + len(held))
        held[slots[inside] - first] = np.array([row[4] for row in rows])[inside]
        known = np.maximum.accumulate(np.where(np.isfinite(held), np.arange(len(held)), 0))
        yield from (day for day in held[known].reshape(-1, DAY) if np.isfinite(day).all())


def walks(*, seed: int) -> Prices:
    """A day of one block."""
    dice = np.random.default_rng(seed)
    moves = dice.normal(0.0, 3e-4, (DAY, BLOCK_SERIES_MAX)) * (
        dice.random((DAY, BLOCK_SERIES_MAX)) < 0.7
    )
    start = dice.uniform(1.0, 500.0, BLOCK_SERIES_MAX)
    prices: Prices = np.round(start * np.exp(moves.cumsum(0)), 2)
    return prices


async def measure(
    place: AbstractAsyncContextManager[Place], *, blocks_count: int, folder: Path
) -> None:
    async with place as (opening, stored_bytes), closing(await opening()) as ledger:
        series = await track(ledger, blocks_count=blocks_count)
        blocks = await ledger.blocks()
        first = MIDNIGHT - DAY
        day = [frames(b, walks(seed=seed), from_slot=first) for seed, b in enumerate(blocks)]
        for slot in zip(*day, strict=True):
            await store(ledger, slot)
        await sealing(ledger, Slots(ledger, blocks, series))
        await archiving(ledger, blocks[0], folder=folder / "archive")
        if blocks_count <= 10:
            await fill(ledger, blocks)
            await reading(ledger, series)
        print(f"{'everything that is stored':44} {stored_bytes() / 1e6:9.0f} MB")


@asynccontextmanager
async def closing(ledger: SqlLedger) -> AsyncIterator[SqlLedger]:
    try:
        yield ledger
    finally:
        await ledger.close()


class Slots:
    """Slots as the tracker has them: committed, applied, closed in the compute thread."""

    def __init__(
        self, ledger: SqlLedger, blocks: Sequence[Block], series: Sequence[Series]
    ) -> None:
        self.ledger, self.blocks, self.next = ledger, blocks, MIDNIGHT
        self.compute = ComputeThread()
        self._table = SeriesTable(MINUTE)
        for block in blocks:
            self._table.add_block(block)
        self._table.add_all(series)
        for seed, block in enumerate(blocks):
            self._table.restore(frames(block, walks(seed=seed), from_slot=MIDNIGHT - DAY))
        self._table.close(MIDNIGHT - 1)

    async def one(self) -> float:
        """Milliseconds of the next slot."""
        slot, self.next = self.next, self.next + 1
        rows = np.full((1, BLOCK_SERIES_MAX), float(slot))
        items = [frame for b in self.blocks for frame in frames(b, rows, from_slot=slot)]

        def closed() -> None:
            for item in items:
                self._table.apply(item)
            self._table.close(slot)

        async def work() -> None:
            with self.compute.hurry():
                await store(self.ledger, items)
                await self.compute.run(closed)

        return await timed(work())


async def sealing(ledger: SqlLedger, slots: Slots) -> None:
    """One day of everything, and what a slot takes before and meanwhile."""
    count = len(slots.blocks) * BLOCK_SERIES_MAX
    for _ in range(5):
        await slots.one()
    before = []
    for _ in range(60):
        before.append(await slots.one())
        await asyncio.sleep(COMMIT_EVERY_S)
    report(f"slot of {count:,} series, durable, otherwise idle", before)
    held_mb, took_s, most_mb = memory_mb(), time.process_time(), 0.0
    meanwhile: list[float] = []
    async with asyncio.TaskGroup() as group:
        started_s = time.perf_counter()
        work = group.create_task(seal_all(ledger, slots.blocks, between=slots.compute.calm))
        while not work.done():
            meanwhile.append(await slots.one())
            await asyncio.sleep(COMMIT_EVERY_S)
            most_mb = max(most_mb, memory_mb())
        all_s = time.perf_counter() - started_s
    report("the same while a day is sealed", meanwhile)
    print(f"{'its 95th percentile, of the idle one':44} {p95(meanwhile) / p95(before):9.0%}")
    print(f"{f'seal a day of {count:,} series':44} {all_s:9.1f} s, "
          f"{time.process_time() - took_s:.1f} s of processor, slots in it")  # fmt: skip
    print(f"{'memory it took at most':44} {most_mb - held_mb:9.0f} MB")


async def archiving(ledger: SqlLedger, block: Block, *, folder: Path) -> None:
    """A sealed day of one block as a Parquet file: made, synced, read back."""
    [(section, revision)] = await ledger.sealing.sealed(block)
    names = await ledger.sealing.names(block)
    archive = ParquetArchive(FolderObjects(folder))
    worked_s, started_s = time.process_time(), time.perf_counter()
    whole = await ledger.sealing.whole(section)
    await archive.store(section, all_rows(whole, names=names), revision=revision)
    took_s, worked_s = time.perf_counter() - started_s, time.process_time() - worked_s
    size = sum(path.stat().st_size for path in list(folder.rglob("*.parquet")))  # noqa: ASYNC240
    count = len(whole.series_ids)
    print(f"{f'archive a day of {count:,} series':44} {took_s:9.1f} s, "
          f"{worked_s:.1f} s of processor, {size / count / DAY:.2f} bytes a price")  # fmt: skip


async def seal_all(ledger: SqlLedger, blocks: Sequence[Block], *, between: Pause = at_once) -> None:
    for block in blocks:
        before_ms = MINUTE.open_ms(MIDNIGHT)
        for section in await ledger.sealing.unsealed(block, before_ms=before_ms):
            await seal(ledger.sealing, section, between=between)
        await ledger.sealing.clear(block, rows_max=10_000, between=between)


async def fill(ledger: SqlLedger, blocks: Sequence[Block]) -> None:
    """The 29 days before, straight into sealed sections."""
    for seed, block in enumerate(blocks):
        last = Section(block=block, from_slot=MIDNIGHT - DAY)
        folded = await ledger.sealing.fold(last)
        ids = tuple(one.id for one in await ledger.series() if one.block_id == block.id)
        values = walks(seed=seed)[:, : len(ids)]
        marks, receipts = np.zeros(values.shape, np.uint8), np.full(DAY, 61_001, np.int64)
        sources: Sources = np.repeat(receipts[:, None], values.shape[1], axis=1)
        for day in range(2, DAYS + 1):
            section = Section(block=block, from_slot=MIDNIGHT - day * DAY)
            prices = np.round(values * (1.0 + day / 97), 2)
            made = replace(folded, section=section, revision=1, series_ids=ids, values=prices,
                           marks=marks, sources=sources, receipts=receipts)  # fmt: skip
            await ledger.sealing.seal(made, rolled_up_of(made, slice(None)))


async def reading(ledger: SqlLedger, series: Sequence[Series]) -> None:
    dice = np.random.default_rng(1)
    chosen = [series[number] for number in dice.integers(0, len(series), 40)]
    first = MIDNIGHT - DAYS * DAY
    month = {"from_slot": first, "to_slot": MIDNIGHT}
    report(f"{DAYS} days of one series, of {len(series):,}",
           [await timed(ledger.stretch(one, **month)) for one in chosen])  # fmt: skip
    started_s = time.process_time()
    for one in chosen:
        await ledger.stretch(one, **month)
    took_ms = 1_000 * (time.process_time() - started_s) / len(chosen)
    print(f"{'the same, processor time':44} {took_ms:9.2f} ms")
    past = Past(ledger, hot=nothing_is_hot, clock=VirtualClock(MINUTE.open_ms(MIDNIGHT)))
    report(f"deviation over {DAYS} days",
           [await timed(past.statistics(one, **month)) for one in chosen])  # fmt: skip
    for block in await ledger.blocks():
        await ledger.sealing.bind(block, before_ms=MINUTE.open_ms(MIDNIGHT + 40 * DAY),
                                  rows_max=100_000)  # fmt: skip
    report("the same once its hours are bound",
           [await timed(past.statistics(one, **month)) for one in chosen])  # fmt: skip
    sizes = {name: await size_bytes(ledger, name) for name in ("section_columns", "rollups")}
    count = len(series) * DAYS * DAY
    print(f"{'a price on disk, its column':44} {sizes['section_columns'] / count:9.2f} bytes")
    print(f"{'a price on disk, its rollups':44} {sizes['rollups'] / count:9.2f} bytes")


async def nothing_is_hot(*_: object, **__: object) -> tuple[bytes, bytes] | None:
    return None


async def size_bytes(ledger: SqlLedger, table: str) -> int:
    query = f"SELECT sum(length(body)) FROM {table}"
    return int(await ledger._read(lambda session: session.execute(query).fetchone()[0]))


async def track(ledger: SqlLedger, *, blocks_count: int) -> list[Series]:
    async with ledger.transaction() as transaction:
        return [
            await transaction.catalogue.add(
                Market(venue=f"V{block}", base=f"C{place}", quote="USD", native=f"C{place}"),
                "price", interval=MINUTE, origin="api",
            )
            for block in range(blocks_count)
            for place in range(1_000)
        ]  # fmt: skip


def frames(block: Block, prices: Prices, *, from_slot: int) -> Iterator[Frame]:
    for slot, row in enumerate(prices, start=from_slot):
        recv_ms = MINUTE.open_ms(slot) + 61_000 + slot % 97
        yield Frame(
            block_id=block.id, slot=slot, revision=recv_ms - MINUTE.open_ms(slot), recv_ms=recv_ms,
            values=row.tobytes(), marks=bytes(len(row)),
        )  # fmt: skip


async def store(ledger: SqlLedger, items: Sequence[Frame]) -> None:
    async with ledger.transaction() as transaction:
        await transaction.frames.insert(items)


async def timed(work: object) -> float:
    started_s = time.perf_counter()
    await work  # type: ignore[misc]
    return 1_000 * (time.perf_counter() - started_s)


def memory_mb() -> float:
    """What this process holds now, as Linux counts it."""
    return int(STATM.read_text().split()[1]) * resource.getpagesize() / 1e6


def p95(took_ms: Sequence[float]) -> float:
    return quantiles(took_ms, n=20)[-1]


def report(what: str, took_ms: Sequence[float]) -> None:
    print(f"{what:44} {median(took_ms):9.2f} ms median {p95(took_ms):9.2f} ms p95 "
          f"{max(took_ms):9.2f} ms at most", flush=True)  # fmt: skip


if __name__ == "__main__":
    main(sys.argv[1:])
