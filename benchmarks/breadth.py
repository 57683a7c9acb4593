"""5,000 markets over six venues: what a core and the memory give for it, and how late a slot is.

    python -m benchmarks breadth                          5,000 markets, 10 minutes
    python -m benchmarks breadth --streams                three venues are listened to as well
    python -m benchmarks breadth --markets 600 --minutes 3

The whole program with its web server in a process of its own, over a database with a day behind it;
the venue double's six venues in another, within their request limits. Every minute each venue is
polled for price and rolling volume of all its markets. Lag: from a slot's end to the first snapshot
with all rows of a venue, a second of it the poll's own offset. Then one venue takes calls and never
answers; what the others' lag is meanwhile is told beside. Processor is the program's share of one
core, threads included, memory the most it held (PSS), looked at every two seconds. Must one core
and 1 GB.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
from benchmarks.shared.machine import cpu_s_of, described, proportional_bytes
from benchmarks.shared.results import Results, duration, size
from benchmarks.shared.world import MINUTE

from sigmawatch.adapters.clock import RealClock
from sigmawatch.adapters.ledgers.sqlite import SqliteLedger
from sigmawatch.app.cli.listening import listening
from sigmawatch.app.config import Config
from sigmawatch.app.long_lived import starting
from sigmawatch.app.program import Program
from sigmawatch.app.sources import load_config
from sigmawatch.app.telemetry import LogStyle, configure
from sigmawatch.app.web import create_app
from sigmawatch.app.wiring import build
from sigmawatch.domain.errors import Unavailable
from sigmawatch.domain.frame import Frame, Reason
from sigmawatch.domain.reading import Tickers
from sigmawatch.domain.series import Block, Series
from sigmawatch.engine.geometry import Rows
from sigmawatch.engine.snapshot import Layout
from sigmawatch.ports.venue import Venue
from sigmawatch_simulator import Config as DoubleConfig
from sigmawatch_simulator import Simulator

HEADER = ("while", "venue", "markets", "lag, median", "p95", "longest", "processor", "memory")
VENUES = ("kraken", "coinbase", "binance", "okx", "bybit", "bitstamp")
STREAMED = VENUES[:3]
METRICS = ("price", "volume_24h_quote")
STALLED = "bitstamp"
LOOK_EVERY_S = 2.0
READY_S = 300.0
MIDDLE_S = 35.0  # of a minute: no slot is under way
SLOTS_AT_ONCE = 60
WELL, HANGING = "all answer", f"{STALLED.upper()} hangs"


def main(arguments: Sequence[str] = ()) -> None:
    """Print one row for each venue, while all is well and while one hangs."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks breadth")
    parser.add_argument("--markets", type=int, default=5_000)
    parser.add_argument("--minutes", type=int, default=10)
    parser.add_argument("--streams", action="store_true")
    asked = parser.parse_args(arguments)
    configure(LogStyle.CONSOLE, level=logging.ERROR)
    with tempfile.TemporaryDirectory(prefix="sigmawatch-breadth-") as name:
        rows = asyncio.run(_measured(Path(name), asked))
    if not arguments:
        Results("breadth").save({"machine": described(), "header": HEADER, "rows": rows})


async def _measured(folder: Path, asked: argparse.Namespace) -> list[list[str]]:
    each = -(-asked.markets // len(VENUES))
    natives = dict(_natives(asked.markets, each=each))
    print("".join(f"{name:>14}" for name in HEADER))
    async with _double(each) as (addresses, control), aiohttp.ClientSession() as session:
        path = folder / "sigmawatch.toml"
        path.write_text(_file(folder, natives, addresses=addresses, streams=asked.streams), "utf-8")
        await _a_day_before(load_config(path, environ={}))
        async with _program(path) as told:
            await told.all_shown(READY_S)
            rows = await _phase(told, WELL, minutes=asked.minutes, natives=natives)
            await session.post(f"{control}/faults", json={"kind": "hang", "venue": STALLED})
            rows += await _phase(told, HANGING, minutes=asked.minutes // 2, natives=natives)
        async with session.get(f"{control}/counters") as answer:
            _print_counters(await answer.json())
    return rows


def _natives(count: int, *, each: int) -> Iterator[tuple[str, list[str]]]:
    """The venues' own ids of `count` markets, spread evenly."""
    double = Simulator(DoubleConfig(venues=VENUES, markets_count=each))
    for venue in VENUES:
        natives = [market.id for market in double.stages[venue].markets[:each]]
        yield venue, natives[: count // len(VENUES) + (VENUES.index(venue) < count % len(VENUES))]


def _file(
    folder: Path, natives: Mapping[str, Sequence[str]], *, addresses: Mapping[str, str],
    streams: bool,
) -> str:  # fmt: skip
    lines = [f'data = "{folder / "data"}"', "[server]", "port = 0", "[backfill]", "enabled = false"]
    for venue, ids in natives.items():
        lines += [f"[venues.{venue}]", f'base_url = "{addresses[venue]}"']
        lines += ["stream = true"] * (streams and venue in STREAMED)
        lines += ["[[track]]", f'venue = "{venue}"', f"markets = {json.dumps(ids)}",
                  f"metrics = {json.dumps(METRICS)}"]  # fmt: skip
    return "\n".join(lines) + "\n"


@asynccontextmanager
async def _double(each: int) -> AsyncIterator[tuple[Mapping[str, str], str]]:
    """The double in a process of its own: base URLs by venue, and its control's."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "sigmawatch_simulator", "--markets", str(each),
        "--venues", ",".join(VENUES), stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        found: dict[str, str] = {}
        while "control" not in found:
            name, url, *_ = (await process.stdout.readline()).decode().split()
            found[name] = url
        yield found, found.pop("control")
    finally:
        process.terminate()
        await process.wait()


async def _a_day_before(config: Config) -> None:
    """Track everything, and store a day of frames around what the venues say now."""
    now: dict[tuple[str, str, str], float] = {}
    async with build(config) as program:
        await program.stations.list_all()
        for one in program.stations.collectors:
            tickers = await _tickers(one.venue)
            for metric in METRICS:
                columns = zip(tickers.natives, tickers.columns[metric], strict=True)
                now |= {(one.name, native, metric): value for native, value in columns}
    ledger = await SqliteLedger.open(config.data, clock=RealClock())
    series, blocks = await ledger.series(), await ledger.blocks()
    assert len(series) == len(METRICS) * sum(len(track.markets) for track in config.track)
    last = MINUTE.slot(RealClock().now_ms())
    rng = np.random.default_rng(7)
    for first in range(last - MINUTE.slots_per_day, last, SLOTS_AT_ONCE):
        slots = range(first, min(first + SLOTS_AT_ONCE, last))
        async with ledger.transaction() as transaction:
            await transaction.frames.insert(
                [frame for block in blocks for frame in _frames(block, series, slots, now, rng)]
            )
    await ledger.close()


async def _tickers(venue: Venue) -> Tickers:
    """What a venue says now; the double is slow the first time, when it makes up the last day."""
    async with asyncio.timeout(READY_S):
        while True:
            try:
                return await venue.tickers()
            except Unavailable:
                await asyncio.sleep(LOOK_EVERY_S)


def _frames(
    block: Block, series: Sequence[Series], slots: range,
    now: Mapping[tuple[str, str, str], float], rng: np.random.Generator,
) -> Iterator[Frame]:  # fmt: skip
    mine = [one for one in series if one.block_id == block.id]
    values = np.full(max(one.place for one in mine) + 1, np.nan)
    marks = np.full(len(values), Reason.NO_PLACE, np.uint8)
    for one in mine:
        values[one.place] = now[one.market.venue, one.market.native, one.metric]
    marks[~np.isnan(values)] = Reason.OBSERVED
    for slot in slots:
        told = values * np.exp(rng.normal(0.0, 1e-3, len(values)))
        yield Frame(
            block_id=block.id, slot=slot, revision=61_000, recv_ms=MINUTE.open_ms(slot) + 61_000,
            values=told.astype("<f8").tobytes(), marks=marks.tobytes(),
        )  # fmt: skip


@dataclass(kw_only=True)
class Told:
    """What the program's process says: venue -> seconds after the slot's end, by slot."""

    pid: int
    lags_s: dict[int, dict[str, float]] = field(default_factory=lambda: defaultdict(dict))
    news: asyncio.Event = field(default_factory=asyncio.Event)

    async def listen(self, lines: asyncio.StreamReader) -> None:
        while line := await lines.readline():
            said = json.loads(line)
            self.lags_s[said["slot"]][said["venue"]] = said["lag_s"]
            self.news.set()

    async def all_shown(self, limit_s: float) -> None:
        """Wait for a slot with every venue on it."""
        async with asyncio.timeout(limit_s):
            while not any(len(one) == len(VENUES) for one in self.lags_s.values()):
                self.news.clear()
                await self.news.wait()


@asynccontextmanager
async def _program(path: Path) -> AsyncIterator[Told]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.breadth", str(path), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    told = Told(pid=process.pid)
    hearing = asyncio.create_task(told.listen(process.stdout))
    try:
        yield told
    finally:
        process.terminate()
        await process.wait()
        hearing.cancel()


async def _phase(
    told: Told, words: str, *, minutes: int, natives: Mapping[str, Sequence[str]]
) -> list[list[str]]:
    """Let so many slots end; a row for each venue, and one for all."""
    await _until_s(_middle_s())
    first, busy_s, begun_s = MINUTE.slot(RealClock().now_ms()), cpu_s_of(told.pid), time.monotonic()
    most_bytes, end_s = 0, _middle_s() + 60.0 * (minutes - 1)
    while time.time() < end_s:
        most_bytes = max(most_bytes, proportional_bytes(told.pid))
        await asyncio.sleep(LOOK_EVERY_S)
    share = (cpu_s_of(told.pid) - busy_s) / (time.monotonic() - begun_s)
    slots = range(first, first + minutes)
    rows = [_row(words, venue.upper(), len(ids), told=told, slots=slots)
            for venue, ids in natives.items()]  # fmt: skip
    count = sum(map(len, natives.values()))
    rows.append([words, "**all**", f"{count:,}", *[""] * 3, f"{share:.1%}", size(most_bytes)])
    for row in rows:
        print("".join(f"{cell:>14}" for cell in row), flush=True)
    return rows


def _row(words: str, venue: str, count: int, *, told: Told, slots: range) -> list[str]:
    """Slots that were not shown at all count as the whole minute."""
    lags_ms = [1_000 * told.lags_s[slot].get(venue, 60.0) for slot in slots]
    figures = (np.median(lags_ms), np.percentile(lags_ms, 95), max(lags_ms))
    return [words, venue, f"{count:,}", *(duration(float(one)) for one in figures), "", ""]


def _middle_s() -> float:
    """The next moment in the middle of a minute."""
    now_s = time.time()
    return now_s + ((MIDDLE_S - now_s % 60.0) % 60.0 or 60.0)


async def _until_s(moment_s: float) -> None:
    await asyncio.sleep(max(0.0, moment_s - time.time()) + 0.01)


def _print_counters(counters: Mapping[str, Any]) -> None:
    for venue, one in counters.items():
        print(f"{venue}: {one['requests']} requests, {one['during_ban']} of them in a ban")


async def _lived(path: Path) -> None:
    """The program, and a line for each venue and slot once all of it is on a snapshot."""
    configure(LogStyle.CONSOLE, level=logging.ERROR)
    config = load_config(path, environ={})
    async with AsyncExitStack() as stack:
        place = stack.enter_context(listening(config))
        with starting():
            program = await stack.enter_async_context(build(config))
        async with asyncio.TaskGroup() as group:
            app = create_app(program)
            group.create_task(place.serve(app, leaving=program.streaming.close))
            group.create_task(program.serve_until_cancelled())
            group.create_task(_watch(program))


async def _watch(program: Program) -> None:
    sequence, told = program.snapshot.sequence, set[tuple[int, str]]()
    layout: Layout | None = None
    rows: Mapping[str, Rows] = {}
    while True:
        snapshot = await program.changed(sequence)
        sequence, board = snapshot.sequence, snapshot.boards.get(MINUTE.ms)
        if board is None:
            continue
        lag_s = time.time() - MINUTE.open_ms(board.slot + 1) / 1_000
        if board.layout is not layout:
            layout, rows = board.layout, _rows_of(board.layout)
        for venue, mine in rows.items():
            if (board.slot, venue) not in told and board.came[mine].all():
                told.add((board.slot, venue))
                print(json.dumps({"slot": board.slot, "venue": venue, "lag_s": lag_s}), flush=True)


def _rows_of(layout: Layout) -> Mapping[str, Rows]:
    found = defaultdict[str, list[int]](list)
    for row, one in enumerate(layout.series):
        found[one.market.venue].append(row)
    return {venue: np.array(mine, np.intp) for venue, mine in found.items()}


if __name__ == "__main__":
    asyncio.run(_lived(Path(sys.argv[1])))
