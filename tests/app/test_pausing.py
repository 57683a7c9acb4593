"""What is paused is not asked for, says so, and goes on when it is resumed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.app.doubles import MemoryVenue
from tests.app.test_program import S0, T0, fileless, program, venue

from sigmawatch.adapters.clock import VirtualClock
from sigmawatch.app.config import Config, Track
from sigmawatch.app.program import Program
from sigmawatch.domain.errors import Unavailable
from sigmawatch.domain.frame import REASON_MASK, Reason
from sigmawatch.domain.market import Market, parse_market
from sigmawatch.domain.venue import RunKind, VenueState
from sigmawatch.domain.window import MINUTE_MS


class World:
    def __init__(self, program: Program, clock: VirtualClock, venue: MemoryVenue) -> None:
        self.program, self.clock, self.venue = program, clock, venue
        self.slot = S0

    def market(self, base: str) -> Market:
        return self.program.catalogue.resolve_market(parse_market(f"KRAKEN:{base}/USD"))

    async def passes(self, slots: int) -> None:
        [collector] = self.program.stations.collectors
        for _ in range(slots):
            self.slot += 1
            boundary_ms = self.slot * MINUTE_MS
            await self.clock.advance_to_ms(boundary_ms + 1_000)
            await collector.run_once(RunKind.POLL, boundary_ms=boundary_ms)
        await self.program.tracker.refresh()

    async def reasons(self, base: str, metric: str = "price") -> Sequence[Reason]:
        """Of every slot since the start."""
        series = next(one for one in self.program.catalogue.series
                      if (one.market.base, one.metric) == (base, metric))  # fmt: skip
        stretch = await self.program.stretch(series, from_slot=S0, to_slot=self.slot)
        return [Reason(mark & REASON_MASK) for mark in bytes(stretch.marks)]


@asynccontextmanager
async def a_world(config: Config, *, at_ms: int = T0 + 5_000) -> AsyncIterator[World]:
    clock = VirtualClock(at_ms)
    made = venue(clock)
    async with program(config, made, clock=clock) as running:
        await running.stations.list_all()
        yield World(running, clock, made)


async def test_a_market_says_that_it_is_paused_and_its_neighbour_loses_nothing(
    tmp_path: Path,
) -> None:
    async with a_world(fileless(tmp_path)) as world:
        await world.passes(1)
        assert await world.program.pauses.pause("KRAKEN", world.market("BTC"))
        assert not await world.program.pauses.pause("KRAKEN", world.market("BTC"))
        await world.passes(2)
        assert await world.program.pauses.resume("KRAKEN", world.market("BTC"))
        await world.passes(1)
        first, *paused, last = await world.reasons("BTC")
        assert paused == [Reason.PAUSED] * 2
        assert Reason.PAUSED not in {first, last}
        assert Reason.PAUSED not in await world.reasons("ETH")
        runs = await world.program.runs()
        assert [(run.expected, run.failed) for run in runs] == [(2, 0), (1, 0), (1, 0), (2, 0)]


async def test_its_candles_are_not_asked_for_and_what_was_paused_is_never_filled(
    tmp_path: Path,
) -> None:
    track = Track(venue="kraken", markets=("BTC/USD", "ETH/USD"), metrics=("traded_quote",))
    async with a_world(Config(data=tmp_path / "data", track=(track,))) as world:
        [station] = world.program.stations._stations.values()
        async with asyncio.timeout(30):
            while not station.backfill.done_once:  # noqa: ASYNC110 -- else the day before the pause is a gap yet
                await asyncio.sleep(0.01)
        await world.program.pauses.pause("KRAKEN", world.market("BTC"))
        world.venue.candle_calls.clear()
        await world.passes(2)
        await station.backfill.run_once(busiest=lambda _: 0.0)
        assert {call[0] for call in world.venue.candle_calls} == {"ETHUSD"}
        await world.program.pauses.resume("KRAKEN", world.market("BTC"))
        await station.backfill.run_once(busiest=lambda _: 0.0)
        assert {call[0] for call in world.venue.candle_calls} == {"ETHUSD"}, "it is no gap"
        assert await world.reasons("BTC", "traded_quote") == [Reason.PAUSED] * 2


async def test_no_request_goes_out_to_a_paused_venue_and_it_survives_a_restart(
    tmp_path: Path,
) -> None:
    async with a_world(fileless(tmp_path)) as world:
        await world.passes(1)
        await world.program.pauses.pause("KRAKEN")
        [collector] = world.program.stations.collectors
        assert collector.health.status.state is VenueState.PAUSED
        asked = list(world.venue.asked)
        await world.passes(3)
        for refused in (collector.refresh_markets, collector.quotes):
            with pytest.raises(Unavailable, match="paused"):
                await refused()
        assert world.venue.asked == asked
        assert (await world.reasons("ETH"))[1:] == [Reason.PAUSED] * 3
        assert collector.health.status.state is VenueState.PAUSED
        slot = world.slot
    async with a_world(fileless(tmp_path), at_ms=slot * MINUTE_MS + 5_000) as world:
        world.slot = slot
        await world.passes(1)
        assert world.venue.asked == []
        await world.program.pauses.resume("KRAKEN")
        await world.passes(1)
        assert world.venue.asked != []
        [collector] = world.program.stations.collectors
        assert collector.health.status.state is VenueState.UP


async def test_a_market_paused_by_itself_stays_so_when_its_venue_goes_on(tmp_path: Path) -> None:
    async with a_world(fileless(tmp_path)) as world:
        await world.program.pauses.pause("KRAKEN", world.market("BTC"))
        await world.program.pauses.pause("KRAKEN")
        await world.program.pauses.resume("KRAKEN")
        await world.passes(1)
        assert await world.reasons("BTC") == [Reason.PAUSED]
        assert await world.reasons("ETH") != [Reason.PAUSED]
