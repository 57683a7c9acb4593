"""What `check` says of a plan is what the venues are asked: the double counts.

All six venues that we have adapters for, on one virtual clock, within their own limits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest
from tests.simulation.world import START_MS, World, a_double, a_world, until

from sigmawatch.adapters.venues.rest import RestVenue
from sigmawatch.app.cli.judging import judged
from sigmawatch.app.config import BackfillConfig, Config, Track
from sigmawatch.app.venue_config import VenueConfig
from sigmawatch.app.venue_forecast import VenueForecast
from sigmawatch.domain.window import Interval
from sigmawatch_simulator import Fault, Simulator
from sigmawatch_simulator.venues.stage import VENUES

TEN, MINUTE, FIVE = Interval(10_000), Interval(60_000), Interval(300_000)
MINUTES = 5
STEP_MS = 250
START_S = 8.0  # the list of markets, the clock and the first poll are asked before
# Budgets under which a few markets take a minute or so, as many take longer under the venue's own.
TIGHT = {"kraken": 60.0, "coinbase": 60.0, "binance": 600.0, "okx": 60.0, "bybit": 40.0,
         "bitstamp": 40.0}  # fmt: skip


AMPLE = dict.fromkeys(VENUES, 1e6)  # the clock stands still meanwhile


def configured(
    double: Simulator, folder: Path, *, every: Interval, count: int,
    budgets: Mapping[str, float] = AMPLE,
) -> Config:  # fmt: skip
    """Traded volumes every minute, rolling ones every five, prices as asked; back-fill where the
    budgets are tight."""
    venues = {
        name: VenueConfig(base_url=double.base_url(name), requests_per_minute=budgets[name],
                          timeout_s=60.0)
        for name in VENUES
    }  # fmt: skip
    tracks = tuple(
        Track(
            venue=name, markets=tuple(one.id for one in double.stages[name].markets[:count]),
            metrics=("price", "volume_24h_quote", "traded_quote"), every=every,
            intervals={"traded_quote": MINUTE, "volume_24h_quote": FIVE},
        )
        for name in VENUES
    )  # fmt: skip
    return Config(data=folder, venues=venues, track=tracks, interval=every,
                  backfill=BackfillConfig(enabled=budgets is TIGHT))  # fmt: skip


def foreseen(config: Config) -> Mapping[str, VenueForecast]:
    found = judged(config)
    assert found.problems == ()
    return {one.venue.lower(): one for one in found.venues}


async def begun(world: World) -> None:
    """Everything is tracked, and each venue was polled for the first time."""
    count = sum(len(one.markets) * len(one.metrics) for one in world.program.config.track)
    await until(lambda: len(world.program.catalogue.series) == count)
    await until(world.polled)


async def test_a_run_asks_each_venue_as_often_as_was_foreseen(tmp_path: Path) -> None:
    """One answer serves every metric whose slot ends then: six polls a minute for three intervals,
    and a candle a market and minute."""
    async with a_double(start_ms=START_MS + TEN.ms // 2) as double:
        config = configured(double, tmp_path, every=TEN, count=3)
        plans = foreseen(config)
        async with a_world(double, config) as world:
            await begun(world)
            double.counters.reset()
            await world.pass_slots(MINUTES * 60_000 // TEN.ms)
            counted = {name: double.counters.requests(name) for name in VENUES}
            boards = world.program.snapshot.boards
    assert {name: one.requests_per_minute for name, one in plans.items()} == dict.fromkeys(
        VENUES, 6.0 + 3.0
    )
    for name, one in plans.items():
        assert counted[name] == pytest.approx(MINUTES * one.requests_per_minute, abs=1), name
    assert set(boards) == {TEN.ms, MINUTE.ms, FIVE.ms}
    assert all(board.came.all() for board in boards.values())


async def test_a_back_fill_takes_as_long_as_was_foreseen_and_no_limit_is_met(
    tmp_path: Path,
) -> None:
    """RELIABILITY.md P17 at small scale: everything a start brings, within each venue's budget."""
    async with a_double(limited=True) as double:
        config = configured(double, tmp_path, every=MINUTE, count=10, budgets=TIGHT)
        plans = foreseen(config)
        async with a_world(double, config) as world:
            began_ms = world.clock.now_ms()
            took_s = await backfilled(world, began_ms=began_ms)
            counts = {name: double.counters.of(name) for name in VENUES}
    for name, one in plans.items():  # time goes on while the disk of a busy machine is waited for
        assert 0.8 * one.backfill_s < took_s[name] < 1.5 * one.backfill_s + START_S, name
    for name in VENUES:
        statuses = {code for codes in counts[name].by_route.values() for code in codes}
        assert statuses == {200}, name
        assert counts[name].during_ban_count == 0


async def backfilled(world: World, *, began_ms: int) -> dict[str, float]:
    """Let time pass in small steps until every venue's first back-fill is over; seconds of each."""
    took_s: dict[str, float] = {}
    while len(took_s) < len(VENUES):
        assert world.clock.now_ms() - began_ms < 600_000, took_s
        await passed(world, STEP_MS)
        for job in world.program.jobs():
            if job.finished_ms is not None and job.total and job.venue is not None:
                took_s.setdefault(job.venue.lower(), (job.finished_ms - job.started_ms) / 1_000)
    return took_s


async def passed(world: World, span_ms: int) -> None:
    """Time moves once every call that went out has been answered."""
    asked = [one.venue for one in world.program.stations.collectors]

    def answered() -> bool:
        return all(
            isinstance(venue, RestVenue) and venue.http.counts.get("requests", 0)
            == world.double.counters.requests(venue.traits.name.lower())
            for venue in asked
        )  # fmt: skip

    for _ in range(5):
        await until(answered)
        await asyncio.sleep(0.002)
    await world.move_to_ms(world.clock.now_ms() + span_ms)


async def test_a_venue_that_hangs_leaves_the_others_slots_as_they_were(tmp_path: Path) -> None:
    """Their rows are shown half a second after they came, whatever it does, and slots of ten
    seconds do not wait for one of a minute."""
    async with a_double(start_ms=START_MS + TEN.ms // 2) as double:
        config = configured(double, tmp_path, every=TEN, count=3)
        async with a_world(double, config) as world:
            await begun(world)
            await world.pass_slots(3)
            with double.faults.on(Fault(kind="hang", venue="bybit")):
                for _ in range(6):
                    await assert_shown_without(world, "BYBIT")


async def assert_shown_without(world: World, venue: str) -> None:
    end_ms = TEN.open_ms(world.slot + 1)
    ended = [one for one in (TEN, MINUTE, FIVE) if end_ms % one.ms == 0]
    tracker, catalogue = world.program.tracker, world.program.catalogue

    def others_are_in() -> bool:
        missing = (tracker.missing(one, one.slot(end_ms) - 1) for one in ended)
        return {catalogue.blocks[block].venue for each in missing for block in each} <= {venue}

    def shown() -> bool:
        boards = world.program.snapshot.boards
        return all(boards[one.ms].moment_ms == end_ms for one in ended)

    await world.move_to_ms(end_ms + 1_000)
    world.slot += 1
    await until(others_are_in)
    await world.move_to_ms(end_ms + 1_500)
    await until(shown)
    for one in ended:
        board = world.program.snapshot.boards[one.ms]
        late = {each.market.venue for each, came in zip(board.series, board.came, strict=True)
                if not came}  # fmt: skip
        assert late <= {venue}, one
    await world.move_to_ms(end_ms + 9_000)  # beyond the run's time-out
    await until(world.polled)
