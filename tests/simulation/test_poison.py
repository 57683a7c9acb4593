"""Poison inside right answers: it costs its own market and nobody else, and is counted.

SEMANTICS.md 1: "Rejected values are counted by reason and visible; one bad row never costs its
neighbours." Issue: a poisoned body never stores a value and is visible in /venues.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.simulation.world import (
    MARKETS,
    VENUES,
    World,
    a_double,
    a_world,
    configured,
    until,
)

from sigmawatch_simulator import Fault, Simulator

TICKERS = {"KRAKEN": "*/Ticker", "COINBASE": "*/stats", "BINANCE": "*/ticker/24hr"}
VALUES: tuple[Any, ...] = (
    None, "", "NaN", "nan", "Infinity", "-inf", "1e400", "1e999999", "0.00000", 0, "-5", "1_000",
    " 12", "١٢", "0x10", True, 1e300,
)  # fmt: skip


@pytest.fixture
async def double() -> AsyncIterator[Simulator]:
    async with a_double() as simulator:
        yield simulator


@pytest.fixture
async def world(tmp_path: Path, double: Simulator) -> AsyncIterator[World]:
    async with a_world(double, configured(double, tmp_path / "data")) as made:
        await made.begin()
        await made.pass_slots(2)
        yield made


def poison(venue: str, value: Any, **more: Any) -> Fault:
    """One market's field becomes `value` in every answer about all markets."""
    victim = MARKETS[venue][2]
    return Fault(kind="poison", venue=venue.lower(), path=TICKERS[venue], markets=(victim,),
                 value=value, **more)  # fmt: skip


@pytest.mark.parametrize("venue", VENUES)
async def test_no_poisoned_price_is_stored_and_only_its_market_goes_stale(
    world: World, venue: str
) -> None:
    victim, first = MARKETS[venue][2], world.slot
    for value in VALUES:
        with world.double.faults.on(poison(venue, value)):
            await world.pass_slots()
        run = await world.run_of(venue, world.slot - 1)
        assert (run["outcome"], run["updated"], run["reasons"]) == ("partial", 8, {"no_value": 1})
    told = await world.records(f"{venue}:{victim}:price", first, world.slot - 1)
    assert told == [(None, ["outage"])] * len(VALUES)
    states = {row["pair"]: row["state"] for row in await world.rows(venue)}
    assert states.pop(victim) == "stale"
    assert set(states.values()) == {"fresh"}
    seen = await world.venue(venue)
    assert seen["state"] == "degraded"
    offered = len(VALUES) - 2  # BINANCE's zero means that the market is halted
    assert sum(seen["rejected"].values()) >= offered
    await world.pass_slots()
    assert (await world.row(f"{venue}:{victim}:price"))["state"] == "fresh"
    world.assert_nothing_bad_is_stored(since=first)


@pytest.mark.parametrize("venue", VENUES)
async def test_the_gap_of_a_poisoned_market_is_filled_once_it_is_read_again(
    world: World, venue: str
) -> None:
    """SEMANTICS.md 5: "Back-fill on start and after every gap"."""
    victim, first = f"{venue}:{MARKETS[venue][2]}", world.slot
    with world.double.faults.on(poison(venue, "NaN")):
        await world.pass_slots(4)
    before = {job.id for job in world.program.jobs()}
    await world.pass_slots()
    await until(lambda: {job.id for job in world.program.jobs()} - before)
    await world.filled()
    told = await world.records(f"{victim}:price", first, first + 3)
    truth = world.truth(victim, first, first + 3)
    assert [value for value, _ in told] == [truth[slot].close for slot in range(first, first + 4)]


@pytest.mark.parametrize("venue", VENUES)
@pytest.mark.parametrize("value", [None, "NaN", "-1"])
async def test_a_poisoned_volume_does_not_cost_the_price(
    world: World, venue: str, value: str | None
) -> None:
    victim = MARKETS[venue][2]
    with world.double.faults.on(poison(venue, value, field="volume")):
        await world.pass_slots()
    slot = world.slot - 1
    volume = await world.records(f"{venue}:{victim}:volume_24h_base", slot, slot)
    assert volume == [(None, ["outage"])]
    ((price, marks),) = await world.records(f"{venue}:{victim}:price", slot, slot)
    assert price is not None
    assert marks == []


@pytest.mark.parametrize("venue", VENUES)
async def test_a_row_that_is_null_costs_its_market_alone(world: World, venue: str) -> None:
    victim = MARKETS[venue][2]
    fault = Fault(kind="null_row", venue=venue.lower(), path=TICKERS[venue], markets=(victim,))
    with world.double.faults.on(fault):
        await world.pass_slots()
    run = await world.run_of(venue, world.slot - 1)
    assert (run["outcome"], run["reasons"]) == ("partial", {"no_value": 2})
    assert sum((await world.venue(venue))["rejected"].values()) >= 1


@pytest.mark.parametrize("venue", VENUES)
async def test_a_fat_finger_is_shown_as_suspect_and_never_counts(world: World, venue: str) -> None:
    """SEMANTICS.md 1: "shown, missing for statistics and rules until the next reading lies within
    a factor of 2 of it ... unconfirmed it stays out"."""
    victim, first = f"{venue}:{MARKETS[venue][2]}:price", world.slot
    before = await world.row(victim)
    with world.double.faults.on(poison(venue, "*1000")):
        await world.pass_slots()
    during = await world.row(victim)
    ((value, marks),) = await world.records(victim, first, first)
    assert value > 500 * before["value"]
    assert marks == ["suspect"]
    assert during["max"] < 2 * before["max"]
    assert during["rank"] is None
    await world.pass_slots(2)
    after = await world.row(victim)
    assert after["max"] < 2 * before["max"]
    assert after["rank"] is not None
    assert (await world.records(victim, first, first))[0][1] == ["suspect"]
    world.assert_nothing_bad_is_stored(since=first)


async def test_a_jump_that_the_next_reading_confirms_counts_from_its_first_slot(
    world: World,
) -> None:
    victim, first = "KRAKEN:SOL/USD:price", world.slot
    before = await world.row(victim)
    with world.double.faults.on(poison("KRAKEN", "*1000")):
        await world.pass_slots(2)
    told = await world.records(victim, first, first + 1)
    assert [marks for _, marks in told] == [[], []]
    after = await world.row(victim)
    assert after["max"] > 500 * before["max"]
    assert after["n"] == before["n"]


async def test_a_market_told_twice_costs_no_other(world: World) -> None:
    first = world.slot
    with world.double.faults.on(*(
        Fault(kind="duplicate_keys", venue=venue.lower(), path=TICKERS[venue]) for venue in VENUES
    )):  # fmt: skip
        await world.pass_slots(2)
    for venue in VENUES:
        for pair in MARKETS[venue][1:]:
            name = f"{venue}:{pair}"
            for slot, minute in world.truth(name, first + 1, first + 2).items():
                ((price, marks),) = await world.records(f"{name}:price", slot - 1, slot - 1)
                assert minute.low <= price <= minute.high
                assert marks == []


async def test_an_answer_that_never_changes_is_not_called_fresh(world: World) -> None:
    """SEMANTICS.md 4: "A successful poll is not fresh data"."""
    with world.double.faults.on(Fault(kind="frozen", venue="kraken", path="*/Ticker")):
        await world.pass_slots(13)
    rows = await world.rows("KRAKEN")
    assert {row["state"] for row in rows} == {"quiet"}
    assert all(row["age_s"] >= 11 * 60 for row in rows)
    assert {row["state"] for row in await world.rows("BINANCE")} == {"fresh"}
    await world.pass_slots()
    assert {row["state"] for row in await world.rows("KRAKEN")} == {"fresh"}
