"""Every fault of the double at every native venue, one after the other in one life of the program.

EXCHANGES.md 4: "no bad value stored, other venues unaffected, the affected markets marked stale
within 3 poll intervals [...], recovery without restart within one backoff period, no more than the
allowed requests during recovery, gap visible in the history as a gap (not a straight line)".
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from pathlib import Path

import pytest
import pytest_asyncio
from tests.faults.tier import times
from tests.simulation import judged
from tests.simulation.fault_table import (
    CANDLES,
    LISTS,
    ROWS,
    STREAM_GROUPS,
    TIMEOUT,
    Effect,
    Row,
)
from tests.simulation.world import MARKETS, NATIVE, World, a_double, a_world, configured

from sigmawatch_simulator.faults import KINDS

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]

REQUESTS_MAX = 4  # a slot of a venue that fails: probes, and the question why
HALVES = (NATIVE[:3], NATIVE[3:])  # the one is struck, the other looks on
SHORT_SLOTS = 15
OF_THE_LIST = ("delist", "rename", "list")
Check = Callable[..., Awaitable[None]]
CHECKS: Mapping[Effect, Check] = {
    Effect.AWAY: judged.assert_away, Effect.ONE_MARKET: judged.assert_one_market,
    Effect.RENAMED: judged.assert_renamed,
    Effect.LATER: judged.assert_later, Effect.SUSPECT: judged.assert_suspect,
    Effect.QUIET: judged.assert_quiet, Effect.UNHARMED: judged.assert_unharmed,
}  # fmt: skip


def cases() -> list[tuple[Row, tuple[str, ...]]]:
    """Beside a change each row strikes one half of the venues, in turns; in `make faults` both, and
    what lasts for long too."""
    found = []
    lasts_max = times(change=SHORT_SLOTS, full=max(row.slots for row in ROWS))
    for number, row in enumerate(ROWS):
        if row.slots > lasts_max:
            continue
        if row.venues != NATIVE:
            found.append((row, row.venues))
            continue
        found += [(row, HALVES[(number + turn) % 2]) for turn in range(times(change=1, full=2))]
    return found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """All venues, polled; at the end nothing bad is found to be stored."""
    folder: Path = tmp_path_factory.mktemp("table")
    async with a_double() as double:
        config = configured(double, folder / "data", names=NATIVE)
        async with a_world(double, config) as made:
            await made.begin()
            first = made.slot
            await made.pass_slots(2)
            yield made
            made.assert_nothing_bad_is_stored(since=first)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("row", "struck"), cases(), ids=[f"{row.does}-{struck[0].lower()}" for row, struck in cases()]
)
async def test_a_fault_is_named_costs_nobody_else_and_leaves_no_trace_but_a_filled_gap(
    world: World, row: Row, struck: Sequence[str]
) -> None:
    await judged.recover(world, NATIVE)
    await world.filled()
    first = world.slot
    began_ms = {venue: judged.newest_job_ms(world, venue) for venue in struck}
    world.double.counters.reset()
    with world.double.faults.on(*(row.at(venue) for venue in struck)):
        await endure(world, row, struck)
    last = world.slot - 1
    for venue in struck:
        taken = row.taken_at(venue)
        await CHECKS[taken.effect](world, venue, taken, first=first)
        asked = world.double.counters.requests(venue.lower())
        assert taken.effect is not Effect.AWAY or asked <= REQUESTS_MAX * row.slots, venue
    for venue in set(NATIVE) - set(struck):
        await judged.assert_unaffected(world, venue, first=first)
    await after(world, row, struck)
    for venue in struck:
        assert world.double.counters.during_ban_count(venue.lower()) == 0, venue
        if row.taken_at(venue).effect is Effect.AWAY:
            await judged.filled_since(world, venue, began_ms[venue])
            await judged.assert_filled(world, venue, first, last)


async def endure(world: World, row: Row, struck: Sequence[str]) -> None:
    if row.taken is TIMEOUT:
        await world.pass_slots_unanswered(struck, row.slots)
        return
    if row.paths is LISTS:
        await listed(world, struck)
    await world.pass_slots(row.slots)


async def listed(world: World, venues: Sequence[str]) -> None:
    """Their lists of markets are read now, not within a day."""
    for collector in world.program.stations.collectors:
        if collector.name in venues:
            await collector.refresh_markets()


async def after(world: World, row: Row, struck: Sequence[str]) -> None:
    """It is over: everybody recovers, and what was told of flows is true."""
    first = world.slot - row.slots
    await judged.recover(world, struck)
    if row.paths is LISTS or row.kind in OF_THE_LIST:
        await listed(world, struck)
    if row.paths is CANDLES:
        await world.pass_slots(3)
        for venue in struck:
            for pair in MARKETS[venue]:
                await judged.assert_true_flows(
                    world, venue, pair, span=(first, world.slot - 4),
                    holes=row.kind == "missing_candles",
                )  # fmt: skip


def test_every_fault_of_the_double_is_in_a_row() -> None:
    streamed = [row for group in STREAM_GROUPS.values() for row in group]
    assert {row.kind for row in ROWS} | {row.fault.kind for row in streamed} == set(KINDS)


def test_every_row_is_of_every_venue_or_of_one_protocol_alone() -> None:
    assert {row.kind for row in ROWS if row.venues != NATIVE} == {"kraken_error"}
    assert len({row.does for row in ROWS}) == len(ROWS)


def test_every_state_that_a_venue_may_be_in_is_caused_by_a_row() -> None:
    """SEMANTICS.md 4."""
    states = {row.taken_at(venue).state for row in ROWS for venue in row.venues}
    assert states == {"up", "degraded", "down", "rate_limited", "blocked_by_region", "maintenance"}
