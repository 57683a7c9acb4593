"""Every way in which a venue as a whole fails (EXCHANGES.md 4), and what the product shows.

"No bad value stored, other venues unaffected, the affected markets marked stale within 3 poll
intervals, recovery without restart within one backoff period, no more than the allowed requests
during recovery, gap visible in the history as a gap (not a straight line)", then filled.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

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

LASTS_SLOTS = 4
RECOVERS_SLOTS = 16  # the longest pause of four refusals in a row, 60 s doubled each time
REQUESTS_MAX = 12  # in four slots of a failing venue: probes, and the question why

CASES = {
    "rate_limited": (Fault(kind="rate_limited", venue="kraken", retry_after_s=90),
                     "rate_limited", "rate_limited"),
    "rate_limited_for_no_time": (Fault(kind="rate_limited", venue="coinbase"),
                                 "rate_limited", "rate_limited"),
    "banned": (Fault(kind="banned", venue="binance", retry_after_s=150),
               "rate_limited", "rate_limited"),
    "region_blocked": (Fault(kind="region_blocked", venue="binance"),
                       "blocked_by_region", "blocked_by_region"),
    "forbidden_html": (Fault(kind="forbidden_html", venue="binance"),
                       "blocked_by_region", "blocked_by_region"),
    "bad_gateway": (Fault(kind="server_error", venue="coinbase"), "down", "unavailable"),
    "internal_error": (Fault(kind="server_error", venue="binance", value=500),
                       "down", "unavailable"),
    "cloudflare_520": (Fault(kind="cloudflare_520", venue="kraken"), "down", "unavailable"),
    "overloaded": (Fault(kind="overloaded", venue="binance"), "down", "unavailable"),
    "html_200": (Fault(kind="html_200", venue="kraken"), "down", "bad_answer"),
    "truncated": (Fault(kind="truncated", venue="coinbase"), "down", "bad_answer"),
    "gzip_cut": (Fault(kind="gzip_cut", venue="kraken"), "down", "bad_answer"),
    "empty_body": (Fault(kind="empty_body", venue="binance"), "down", "bad_answer"),
    "empty_object": (Fault(kind="empty_object", venue="coinbase"), "down", "bad_answer"),
    "empty_array": (Fault(kind="empty_array", venue="binance"), "down", "bad_answer"),
    "null_result": (Fault(kind="null_result", venue="kraken"), "down", "bad_answer"),
    "redirect": (Fault(kind="redirect", venue="coinbase"), "down", "bad_answer"),
    "few_markets": (Fault(kind="few_markets", venue="kraken", path="*/Ticker"),
                    "down", "bad_answer"),
    "kraken_unavailable": (Fault(kind="kraken_error", venue="kraken"), "down", "unavailable"),
    "kraken_rate": (Fault(kind="kraken_error", venue="kraken", value="EAPI:Rate limit exceeded"),
                    "rate_limited", "rate_limited"),
    "maintenance": (Fault(kind="maintenance", venue="kraken"), "maintenance", "maintenance"),
    "reset": (Fault(kind="reset", venue="binance"), "down", "unavailable"),
}  # fmt: skip


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


@pytest.mark.parametrize("case", CASES)
async def test_a_failing_venue_is_named_costs_nobody_else_and_leaves_no_trace_but_a_filled_gap(
    world: World, case: str
) -> None:
    fault, state, reason = CASES[case]
    venue, first = fault.venue.upper(), world.slot
    world.double.counters.reset()
    with world.double.faults.on(fault):
        await world.pass_slots(LASTS_SLOTS)
    assert world.double.counters.requests(venue.lower()) <= REQUESTS_MAX
    await assert_outage_and_recovery(world, venue, first, state=state, reason=reason)


@pytest.mark.parametrize("kind", ["hang", "slow_body"])
async def test_a_venue_that_never_answers_is_given_up_before_the_slot_ends(
    world: World, kind: str
) -> None:
    """SEMANTICS.md 5: "hard time-out < Δ"."""
    first = world.slot
    with world.double.faults.on(Fault(kind=kind, venue="coinbase")):
        await world.pass_slots_unanswered("COINBASE", LASTS_SLOTS)
    await assert_outage_and_recovery(world, "COINBASE", first, state="down", reason="timeout")


async def assert_outage_and_recovery(
    world: World, venue: str, first: int, *, state: str, reason: str
) -> None:
    last = world.slot - 1
    await assert_marked(world, venue, state=state, reason=reason)
    await assert_gap(world, venue, first, last)
    await assert_others_unaffected(world, venue, first)
    job = next(job for job in world.program.jobs() if job.venue == venue)
    await recovers(world, venue)
    await until(lambda: any(
        new.venue == venue and new.started_ms > job.started_ms and new.finished_ms
        for new in world.program.jobs()
    ))  # fmt: skip
    await world.program.tracker.refresh()
    assert world.double.counters.during_ban_count(venue.lower()) == 0
    await assert_filled(world, venue, first, last)
    world.assert_nothing_bad_is_stored(since=first)


async def assert_marked(world: World, venue: str, *, state: str, reason: str) -> None:
    """In /venues, in the run's record and at every market, while it lasts."""
    told = await world.venue(venue)
    assert told["state"] == state
    assert told["detail"]
    assert told["errors"][reason] >= 1
    run = await world.run_of(venue, world.slot - 1)
    assert (run["outcome"], run["updated"], run["failed"]) == ("none", 0, 9)
    assert run["reasons"] == {reason: 6, "venue_unavailable": 3}
    assert {row["state"] for row in await world.rows(venue)} == {"stale"}


async def assert_gap(world: World, venue: str, first: int, last: int) -> None:
    for pair in MARKETS[venue]:
        told = await world.records(f"{venue}:{pair}:price", first, last)
        assert told == [(None, ["outage"])] * LASTS_SLOTS


async def assert_others_unaffected(world: World, venue: str, first: int) -> None:
    for other in set(VENUES) - {venue}:
        assert (await world.venue(other))["state"] == "up"
        assert {row["state"] for row in await world.rows(other)} == {"fresh"}
        for slot in range(first, world.slot):
            assert (await world.run_of(other, slot))["outcome"] == "complete"


async def recovers(world: World, venue: str) -> None:
    """Without a restart, and every market with it."""
    for _ in range(RECOVERS_SLOTS):
        await world.pass_slots()
        if (await world.venue(venue))["state"] == "up":
            break
    assert {row["state"] for row in await world.rows(venue)} == {"fresh"}


async def assert_filled(world: World, venue: str, first: int, last: int) -> None:
    """The gap holds the closes that the venue's candles tell, and says where they are from."""
    for pair in MARKETS[venue]:
        name = f"{venue}:{pair}"
        truth = world.truth(name, first, last)
        prices = await world.records(f"{name}:price", first, last)
        assert [value for value, _ in prices] == [truth[at].close for at in range(first, last + 1)]
        assert all("filled" in marks for _, marks in prices)
        traded = await world.records(f"{name}:traded_quote", first, last)
        assert [value for value, _ in traded] == pytest.approx(
            [truth[at].quote for at in range(first, last + 1)],
            rel=1e-2,  # Coinbase: base x close
        )
        volumes = await world.records(f"{name}:volume_24h_base", first, last)
        assert all(value is not None and "derived" in marks for value, marks in volumes)


async def test_a_venue_without_candles_is_degraded_and_its_prices_go_on(world: World) -> None:
    with world.double.faults.on(Fault(kind="server_error", venue="kraken", path="*/OHLC")):
        await world.pass_slots(1)
    run = await world.run_of("KRAKEN", world.slot - 1)
    assert (run["outcome"], run["updated"]) == ("partial", 6)
    assert (await world.venue("KRAKEN"))["state"] == "degraded"
    await world.pass_slots(4)
    assert (await world.venue("KRAKEN"))["state"] == "up"
    world.assert_nothing_bad_is_stored(since=world.slot - 5)


async def test_json_that_says_it_is_a_page_is_read_all_the_same(world: World) -> None:
    with world.double.faults.on(Fault(kind="mime_html")):
        await world.pass_slots(1)
    for venue in VENUES:
        assert (await world.run_of(venue, world.slot - 1))["outcome"] == "complete"
