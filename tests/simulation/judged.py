"""What must be seen of a venue that fails, and after it (EXCHANGES.md 4, last paragraph)."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from tests.simulation.fault_table import VICTIM, Taken
from tests.simulation.world import MARKETS, METRICS, World, until

SERIES = len(METRICS) * 3  # of a venue, in three markets
RECOVERS_SLOTS = 16  # the longest pause of four refusals in a row, 60 s doubled each time
FORMING = 5e-3  # by how much a minute that has just begun may move until a clock ahead of ours
NEAR = 1e-2  # where a venue tells base alone, its worth is base times close


async def assert_away(world: World, venue: str, taken: Taken, *, first: int) -> None:
    """In /venues, in the run's record and at every market, while it lasts; a gap is a gap."""
    told = await world.venue(venue)
    assert told["state"] == taken.state, venue
    assert told["detail"], venue
    assert told["errors"][taken.reason] >= 1, venue
    run = await world.run_of(venue, world.slot - 1)
    assert (run["outcome"], run["updated"], run["failed"]) == ("none", 0, SERIES), venue
    assert run["reasons"] == {taken.reason: 6, "venue_unavailable": 3}, venue
    assert {row["state"] for row in await world.rows(venue)} == {"stale"}, venue
    for pair in MARKETS[venue]:
        gap = await world.records(f"{venue}:{pair}:price", first, world.slot - 1)
        assert gap == [(None, ["outage"])] * (world.slot - first), venue


async def assert_one_market(world: World, venue: str, taken: Taken, *, first: int) -> None:
    """Its neighbours do not notice."""
    run = await world.run_of(venue, world.slot - 1)
    assert run["outcome"] == "partial", venue
    assert 1 <= run["failed"] <= len(METRICS), (venue, run)
    assert run["reasons"][taken.reason] >= 1, (venue, run)
    assert (await world.venue(venue))["state"] == taken.state, venue
    victim = f"{venue}:{MARKETS[venue][VICTIM]}"
    truth = world.truth(victim, first, world.slot - 1)
    told = await world.records(f"{victim}:price", first, world.slot - 1)
    for slot, one in enumerate(told, first):  # where the list was read again it may be filled
        assert one in ((None, ["outage"]), (truth[slot].close, ["filled"])), (venue, one)
    await assert_true_prices(world, venue, MARKETS[venue][:VICTIM], first=first)


async def assert_renamed(world: World, venue: str, taken: Taken, *, first: int) -> None:
    """SEMANTICS.md 5: "A bad market [...] degrades alone". Its series goes on under its name."""
    run = await world.run_of(venue, world.slot - 1)
    assert run["failed"] <= len(METRICS), (venue, run)
    victim = f"{venue}:{MARKETS[venue][VICTIM]}"
    told = await world.records(f"{victim}:price", first, world.slot - 1)
    for slot, one in enumerate(told, first):
        if one != (None, ["outage"]):
            near = world.truth(victim, slot, slot + 1).values()
            assert one[0] is not None, (venue, one)
            assert min(c.low for c in near) <= one[0] <= max(c.high for c in near), (venue, one)
    await assert_true_prices(world, venue, MARKETS[venue][:VICTIM], first=first)


async def assert_suspect(world: World, venue: str, taken: Taken, *, first: int) -> None:
    """SEMANTICS.md 1: "shown, missing for statistics and rules"."""
    victim = f"{venue}:{MARKETS[venue][VICTIM]}:price"
    ((value, marks),) = await world.records(victim, first, first)
    assert value is not None, venue
    assert marks == ["suspect"], (venue, value)
    assert (await world.row(victim))["rank"] is None, venue
    await assert_true_prices(world, venue, MARKETS[venue][:VICTIM], first=first)


async def assert_quiet(world: World, venue: str, taken: Taken, *, first: int) -> None:
    """SEMANTICS.md 4: "A successful poll is not fresh data"."""
    rows = await world.rows(venue)
    assert {row["state"] for row in rows} <= {"quiet", "frozen"}, venue
    assert all(row["age_s"] >= (world.slot - first - 2) * 60 for row in rows), venue
    slots = range(first, world.slot)
    world.excused.update((f"{venue}:{p}:price", slot) for p in MARKETS[venue] for slot in slots)


async def assert_later(world: World, venue: str, taken: Taken, *, first: int) -> None:
    """The double tells the first market twice, the second time at twice the price."""
    name = f"{venue}:{MARKETS[venue][0]}:price"
    told = await world.records(name, first, world.slot - 1)
    truth = world.truth(name, first, world.slot)
    for slot, (price, _) in enumerate(told, first):
        assert price == pytest.approx(2 * truth[slot].close, rel=0.1), (venue, slot)
        world.excused.add((name, slot))
    await assert_true_prices(world, venue, MARKETS[venue][1:], first=first)


async def assert_unharmed(world: World, venue: str, taken: Taken, *, first: int) -> None:
    """Every run is complete, every price true."""
    for slot in range(first, world.slot):
        assert (await world.run_of(venue, slot))["outcome"] == "complete", venue
    assert (await world.venue(venue))["state"] == taken.state, venue
    await assert_true_prices(world, venue, MARKETS[venue], first=first)


async def assert_true_prices(world: World, venue: str, pairs: Sequence[str], *, first: int) -> None:
    """A poll comes a second after its slot."""
    for pair in pairs:
        truth = world.truth(f"{venue}:{pair}", first, world.slot)
        told = await world.records(f"{venue}:{pair}:price", first, world.slot - 1)
        for slot, (price, marks) in enumerate(told, first):
            near = (truth[slot], truth[slot + 1])
            slack = FORMING if slot == world.slot - 1 else 0.0
            low, high = min(one.low for one in near), max(one.high for one in near)
            assert low * (1 - slack) <= price <= high * (1 + slack), (venue, pair, slot, price)
            assert marks in ([], ["unchanged"]), (venue, pair, slot, marks)


async def assert_unaffected(world: World, venue: str, *, first: int) -> None:
    """Nobody has done anything to it."""
    assert (await world.venue(venue))["state"] == "up", venue
    assert {row["state"] for row in await world.rows(venue)} == {"fresh"}, venue
    for slot in range(first, world.slot):
        assert (await world.run_of(venue, slot))["outcome"] == "complete", venue


async def recover(world: World, venues: Sequence[str], *, slots_max: int = RECOVERS_SLOTS) -> None:
    """Without a restart, and every market with them."""
    for _ in range(slots_max):
        await world.pass_slots()
        states = [(await world.venue(venue))["state"] for venue in venues]
        if set(states) == {"up"}:
            break
    for venue in venues:
        assert (await world.venue(venue))["state"] == "up", venue
        assert {row["state"] for row in await world.rows(venue)} == {"fresh"}, venue


def newest_job_ms(world: World, venue: str) -> int:
    """When the back-fill of a venue that began last did."""
    return max(job.started_ms for job in world.program.jobs() if job.venue == venue)


async def filled_since(world: World, venue: str, began_ms: int) -> None:
    """Wait until a back-fill that began later has done its work, and it is on the boards."""
    await until(lambda: any(
        job.venue == venue and job.started_ms > began_ms and job.finished_ms
        for job in world.program.jobs()
    ))  # fmt: skip
    await world.program.tracker.refresh()


async def assert_filled(world: World, venue: str, first: int, last: int) -> None:
    """The gap holds the closes that the venue's candles tell, and says where they are from."""
    for pair in MARKETS[venue]:
        name = f"{venue}:{pair}"
        truth = world.truth(name, first, last)
        prices = await world.records(f"{name}:price", first, last)
        closes = [truth[at].close for at in range(first, last + 1)]
        assert [value for value, _ in prices] == closes, (name, first, prices, closes)
        assert all("filled" in marks for _, marks in prices), (name, prices)
        await assert_true_flows(world, venue, pair, span=(first, last))
        volumes = await world.records(f"{name}:volume_24h_base", first, last)
        told = [value is not None and "derived" in marks for value, marks in volumes]
        assert all(told), (name, volumes)


async def assert_true_flows(
    world: World, venue: str, pair: str, *, span: tuple[int, int], holes: bool = False
) -> None:
    """holes: the venue leaves candles out, which means that nothing was traded."""
    first, last = span
    truth = world.truth(f"{venue}:{pair}", first, last)
    flows = await world.records(f"{venue}:{pair}:traded_quote", first, last)
    for slot, (value, marks) in enumerate(flows, first):
        if holes and marks and "no_trades" in marks:
            assert value == 0.0
        else:
            assert value == pytest.approx(truth[slot].quote, rel=NEAR), (venue, pair, slot, marks)
