"""Time in the large: starts, gaps while we were down, markets that come and go, clocks that lie."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest
from tests.simulation.world import (
    MARKETS,
    MINUTE,
    NO_BACKFILL,
    OFFSET_MS,
    VENUES,
    World,
    a_double,
    a_world,
    configured,
    until,
)

from sigmawatch.app.config import Track
from sigmawatch.domain.market import parse_market
from sigmawatch.domain.window import DAY_MS, HOUR_MS, Interval
from sigmawatch_simulator import Fault, Simulator

DOWN_SLOTS = 20
SECOND_MS = 1_000


@pytest.fixture
async def double() -> AsyncIterator[Simulator]:
    async with a_double() as simulator:
        yield simulator


async def test_a_fresh_folder_shows_its_markets_from_the_first_poll_on(
    tmp_path: Path, double: Simulator
) -> None:
    """SEMANTICS.md 5: "the page is usable from the first poll", not from the first slot's end."""
    prices = tuple(
        Track(venue=venue.lower(), markets=MARKETS[venue], metrics=("price",)) for venue in VENUES
    )
    config = configured(double, tmp_path / "data", backfill=NO_BACKFILL, track=prices)
    async with a_world(double, config) as world:
        await world.begin()
        await world.move_to_ms(world.clock.now_ms() + SECOND_MS)
        tracker = world.program.tracker
        await until(lambda: tracker.snapshot.boards and tracker.committed_count >= len(VENUES))
        for venue in VENUES:
            rows = await world.rows(venue)
            assert [row["pair"] for row in rows] == list(MARKETS[venue])
            assert all(row["live_value"] is not None for row in rows)


async def test_a_short_interval_that_comes_later_does_not_wait_for_a_long_one(
    tmp_path: Path, double: Simulator
) -> None:
    hourly = Track(
        venue="kraken", markets=("BTC/USD",), metrics=("price",), every=Interval(HOUR_MS)
    )
    config = configured(double, tmp_path / "data", backfill=NO_BACKFILL, track=(hourly,),
                        interval=Interval(HOUR_MS), windows_ms=(DAY_MS,))  # fmt: skip
    async with a_world(double, config) as world:
        next_hour_ms = (world.clock.now_ms() // HOUR_MS + 1) * HOUR_MS
        await until(lambda: world.clock.waiting[next_hour_ms + OFFSET_MS] > 0)
        await world.program.track(
            parse_market("KRAKEN:ETH/USD"), ["price"], interval=Interval(SECOND_MS)
        )
        for _ in range(5):
            await world.move_to_ms(world.clock.now_ms() + SECOND_MS)
            passed = world.clock.now_ms() // SECOND_MS - 2
            await until(partial(closed_since, world, passed))
        assert (await world.row("KRAKEN:ETH/USD:price"))["value"] is not None


def closed_since(world: World, slot: int) -> bool:
    """Whether the slot is on the board, and the next poll is waited for."""
    polled = world.clock.waiting[world.clock.now_ms() + SECOND_MS]
    return polled > 0 and world.program.snapshot.boards[SECOND_MS].slot >= slot


async def test_what_passed_while_we_were_down_is_not_polled_then_filled(
    tmp_path: Path, double: Simulator
) -> None:
    config = configured(double, tmp_path / "data")
    async with a_world(double, config) as world:
        await world.begin()
        await world.pass_slots(5)
        first = world.slot
        kept = {v: await world.records(f"{v}:{MARKETS[v][0]}:price", first - 4, first - 1)
                for v in VENUES}  # fmt: skip
    double.clock.advance(DOWN_SLOTS * MINUTE.ms + 17 * SECOND_MS)
    async with a_world(double, config.model_copy(update={"backfill": NO_BACKFILL})) as world:
        await until(world.polled)
        await world.pass_slots(1)
        last = first + DOWN_SLOTS - 1
        for venue in VENUES:
            told = await world.records(f"{venue}:{MARKETS[venue][0]}:price", first, last)
            assert told == [(None, ["not_polled"])] * DOWN_SLOTS
    async with a_world(double, config) as world:
        await world.begin()
        for venue in VENUES:
            await assert_filled(world, venue, first, last)
            name = f"{venue}:{MARKETS[venue][0]}:price"
            assert await world.records(name, first - 4, first - 1) == kept[venue]
        world.assert_nothing_bad_is_stored(since=first - 5)


async def assert_filled(world: World, venue: str, first: int, last: int) -> None:
    for pair in MARKETS[venue]:
        truth = world.truth(f"{venue}:{pair}", first, last)
        told = await world.records(f"{venue}:{pair}:price", first, last)
        assert [value for value, _ in told] == [minute.close for minute in truth.values()]
        assert all("filled" in marks for _, marks in told)


@pytest.mark.parametrize("fault", [
    Fault(kind="unsorted_candles"),
    Fault(kind="future_candles"),
    Fault(kind="fewer_candles", venue="kraken"),  # 707 of 720, as seen there
], ids=lambda fault: fault.kind)  # fmt: skip
async def test_back_fill_from_candles_in_disorder_tells_the_truth(
    tmp_path: Path, double: Simulator, fault: Fault
) -> None:
    config = configured(double, tmp_path / "data")
    with double.faults.on(fault):
        async with a_world(double, config) as world:
            await world.begin()
            await world.pass_slots(1)
            last = world.slot - 2
            for venue in VENUES:
                truth = world.truth(f"{venue}:{MARKETS[venue][0]}", last - 59, last)
                told = await world.records(f"{venue}:{MARKETS[venue][0]}:price", last - 59, last)
                assert [value for value, _ in told] == [m.close for m in truth.values()]
                assert not await ahead(world, venue)
            world.assert_nothing_bad_is_stored(since=world.slot - 1)


async def ahead(world: World, venue: str) -> list[float]:
    """Numbers that are stored for slots which have not begun."""
    stored = world.stored()
    return [
        value
        for name, slot, value in stored.counted()
        if name.startswith(venue) and slot > MINUTE.slot(world.clock.now_ms())
    ]


async def test_a_market_that_vanishes_is_delisted_an_hour_later_and_forgiven_when_it_is_back(
    tmp_path: Path, double: Simulator
) -> None:
    """SEMANTICS.md 4: "absent from the market list ... confirmed by a second fetch an hour later:
    history kept"."""
    config = configured(double, tmp_path / "data", backfill=NO_BACKFILL)
    gone = "KRAKEN:SOL/USD:price"
    async with a_world(double, config) as world:
        await world.begin()
        await world.pass_slots(2)
        first = world.slot
        with double.faults.on(Fault(kind="delist", venue="kraken", markets=("SOL/USD",))):
            await world.pass_slots(3)
            assert (await world.row(gone))["state"] == "stale"
            await world.pass_slots(12)
            assert (await world.row(gone))["state"] == "stale"  # one list is not enough
            await world.pass_slots(62)
            row = await world.row(gone)
            assert (row["state"], row["rank"]) == ("delisted", None)
            told = await world.records(gone, first, world.slot - 1)
            assert (told[0], told[-1]) == ((None, ["outage"]), (None, ["delisted"]))
            ((kept, _),) = await world.records(gone, first - 1, first - 1)
            assert kept is not None
            assert (await world.row("KRAKEN:BTC/USD:price"))["state"] == "fresh"
        await world.pass_slots(12)
        assert (await world.row(gone))["state"] == "fresh"


async def test_a_venue_whose_clock_is_wrong_is_told_and_its_slots_are_ours(
    tmp_path: Path, double: Simulator
) -> None:
    config = configured(double, tmp_path / "data")
    with double.faults.on(Fault(kind="clock_skew", venue="binance", value=40_000)):
        async with a_world(double, config) as world:
            await world.begin()
            await world.pass_slots(3)
            assert (await world.venue("BINANCE"))["skew_ms"] == pytest.approx(40_000, abs=100)
            assert not await ahead(world, "BINANCE")
            assert {row["state"] for row in await world.rows("BINANCE")} == {"fresh"}


async def test_a_gap_in_the_flows_alone_is_filled(tmp_path: Path, double: Simulator) -> None:
    """Longer than the three slots that every poll re-reads."""
    config = configured(double, tmp_path / "data")
    async with a_world(double, config) as world:
        await world.begin()
        await world.pass_slots(2)
        first = world.slot
        with double.faults.on(Fault(kind="empty_body", venue="binance", path="*/klines")):
            await world.pass_slots(7)
        await world.pass_slots(3)
        await world.filled()
        for pair in MARKETS["BINANCE"]:
            truth = world.truth(f"BINANCE:{pair}", first, first + 6)
            told = await world.records(f"BINANCE:{pair}:traded_quote", first, first + 6)
            expected = [minute.quote for minute in truth.values()]
            assert [value for value, _ in told] == pytest.approx(expected, rel=1e-6)
