"""While markets and venues come, go, pause and vanish, nobody else loses a slot: the whole program
against the venue double, in real time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest
from tests.pace import allowed_s

from sigmawatch.app.config import BackfillConfig, Config, Track
from sigmawatch.app.program import Program
from sigmawatch.app.venue_config import VenueConfig
from sigmawatch.app.wiring import build
from sigmawatch.domain.errors import Conflict
from sigmawatch.domain.following import Following, parse_market_pattern
from sigmawatch.domain.frame import REASON_MASK, Reason
from sigmawatch.domain.market import parse_market
from sigmawatch.domain.series import Series
from sigmawatch.domain.window import Interval
from sigmawatch_simulator import Config as Double
from sigmawatch_simulator import Simulator
from sigmawatch_simulator.faults import Fault

EVERY = Interval(10_000)  # a poll may be 2.5 s late on a busy machine
pytestmark = pytest.mark.timeout(300)


@asynccontextmanager
async def running(
    folder: Path, double: Simulator, *, tracked: tuple[str, ...]
) -> AsyncIterator[Program]:
    """Kraken in slots of ten seconds, and OKX within reach but off."""
    venues = {
        "kraken": VenueConfig(base_url=double.base_url("kraken"), poll_offset_s=0.2),
        "okx": VenueConfig(base_url=double.base_url("okx"), enabled=False),
    }
    track = tuple(
        Track(venue="kraken", markets=(one,), metrics=("price",), every=EVERY) for one in tracked
    )
    config = Config(data=folder, interval=EVERY, venues=venues, track=track,
                    backfill=BackfillConfig(enabled=False))  # fmt: skip
    async with build(config) as program:
        task = asyncio.create_task(program.serve_until_cancelled())
        try:
            yield program
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
async def double() -> AsyncIterator[Simulator]:
    async with Simulator(Double(venues=("kraken", "okx"), markets_count=8, limited=False)) as made:
        yield made


async def until(holds: Callable[[], bool], *, program: Program) -> None:
    async with asyncio.timeout(allowed_s(10)):
        while not holds():
            await program.changed(program.snapshot.sequence)


async def slots(program: Program, count: int) -> None:
    """As many are over."""
    stop = EVERY.slot(program.clock.now_ms()) + count - 1
    await until(lambda: _newest(program) >= stop, program=program)


def _newest(program: Program) -> int:
    board = program.snapshot.boards.get(EVERY.ms)
    return -1 if board is None else board.slot


def named(program: Program, name: str) -> Series:
    return next(one for one in program.catalogue.series if one.name == name)


async def test_nobody_else_loses_a_slot_while_markets_come_go_pause_and_vanish(
    tmp_path: Path, double: Simulator
) -> None:
    async with running(tmp_path, double, tracked=("BTC/USD", "ETH/USD")) as program:
        await until(lambda: len(program.catalogue.series) == 2, program=program)
        untouched = named(program, "KRAKEN:BTC/USD:price")
        first = EVERY.slot(program.clock.now_ms()) + 1
        spare = next(one for one in program.catalogue.markets("KRAKEN")
                     if one.name not in {"KRAKEN:BTC/USD", "KRAKEN:ETH/USD"})  # fmt: skip
        eth = named(program, "KRAKEN:ETH/USD:price").market
        others = Following(pattern=parse_market_pattern("kraken:*/*"), metrics=("price",),
                           interval=EVERY)  # fmt: skip

        async def followed() -> None:
            made, _ = await program.patterns.add(others)
            await slots(program, 1)
            await program.patterns.remove(made.id)

        async def vanished() -> None:
            number = double.faults.add(Fault(kind="delist", venue="kraken", markets=("ETH/USD",)))
            await slots(program, 2)
            double.faults.remove(number)

        deeds: list[Callable[[], Awaitable[object]]] = [
            lambda: program.track(parse_market(spare.name), ["price", "bid"]),
            lambda: program.pauses.pause("KRAKEN", eth),
            followed,
            lambda: program.pauses.resume("KRAKEN", eth),
            vanished,
            lambda: program.untrack(named(program, f"{spare.name}:bid")),
            lambda: program.openings.enable("OKX"),
            lambda: program.openings.disable("OKX"),
        ]
        for number, deed in enumerate(deeds):
            await deed()
            await slots(program, number % 2)
        last = EVERY.slot(program.clock.now_ms()) - 1
        stretch = await program.stretch(untouched, from_slot=first, to_slot=last)
        reasons = {Reason(mark & REASON_MASK).name for mark in bytes(stretch.marks)}
        assert last - first >= len(deeds) // 2
        assert reasons <= {"OBSERVED", "UNCHANGED"}
        assert not np.isnan(np.frombuffer(stretch.values)).any()
        touched = await program.stretch(named(program, "KRAKEN:ETH/USD:price"),
                                        from_slot=first, to_slot=last)  # fmt: skip
        seen = {Reason(mark & REASON_MASK).name for mark in bytes(touched.marks)}
        assert {"PAUSED", "OUTAGE"} <= seen


async def test_no_request_reaches_a_paused_venue(tmp_path: Path, double: Simulator) -> None:
    async with running(tmp_path, double, tracked=("BTC/USD",)) as program:
        await until(lambda: bool(program.snapshot.boards), program=program)
        await program.pauses.pause("KRAKEN")
        await slots(program, 2)  # what was under way is over
        asked = double.counters.requests("kraken")
        await slots(program, 2)
        assert double.counters.requests("kraken") == asked
        await program.pauses.resume("KRAKEN")
        await until(lambda: double.counters.requests("kraken") > asked, program=program)


async def test_a_venue_is_switched_on_used_and_off_and_that_outlives_a_restart(
    tmp_path: Path, double: Simulator
) -> None:
    async with running(tmp_path, double, tracked=()) as program:
        assert "OKX" in program.openings.available
        assert await program.openings.enable("OKX")
        assert not await program.openings.enable("OKX")
        [series] = await program.track(parse_market("OKX:BTC/USDT"), ["price"])
        [run] = await program.stations.collect(venue="OKX")
        assert (run.expected, run.updated) == (1, 1)
        with pytest.raises(Conflict, match="1 series are tracked at OKX"):
            await program.openings.disable("OKX")
    async with running(tmp_path, double, tracked=()) as program:
        assert list(program.stations.names) == ["KRAKEN", "OKX"]
        await program.untrack(series)
        await program.openings.disable("OKX")
        asked = double.counters.requests("okx")
        assert list(program.stations.names) == ["KRAKEN"]
    async with running(tmp_path, double, tracked=()) as program:
        assert list(program.stations.names) == ["KRAKEN"]
    assert double.counters.requests("okx") == asked
