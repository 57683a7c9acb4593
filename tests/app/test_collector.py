"""The collector asks in time, tells what came and what did not, and survives its venue."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import numpy as np
import pytest
from tests.app.doubles import MemoryVenue, market

from sigmawatch.adapters.buses.local import Limits, LocalBus
from sigmawatch.adapters.clock import VirtualClock
from sigmawatch.app.catalogue import Catalogue
from sigmawatch.app.collector import PARTITION, Collector
from sigmawatch.app.plans import Share
from sigmawatch.domain.errors import RateLimited, Unavailable
from sigmawatch.domain.frame import Flag, Frame, Patch, Reason
from sigmawatch.domain.series import Block, Series
from sigmawatch.domain.venue import Run, RunKind, VenueState
from sigmawatch.domain.window import MINUTE_MS, Interval
from sigmawatch.ports.bus import Item

MINUTE = Interval(MINUTE_MS)
T0 = 28_000_000 * MINUTE_MS
S0 = 28_000_000
METRICS = ("price", "traded_quote")


class Rig:
    """A collector over a venue in memory; `items` is everything it published."""

    def __init__(self, *, markets: int = 3, budget: float = 600.0) -> None:
        self.clock = VirtualClock(T0 + 1_000)
        self.venue = MemoryVenue(self.clock, budget=budget)
        self.catalogue = Catalogue()
        self.bus = LocalBus()
        self.items: list[Item] = []
        names = [f"M{index}" for index in range(markets)]
        self.venue.listed = [market(name) for name in names]
        self.venue.prices = {f"{name}USD": 10.0 + i for i, name in enumerate(names)}
        self.venue.rows = {
            f"{name}USD": [(T0 - k * MINUTE_MS, 10.0, float(k)) for k in (3, 2, 1)]
            for name in names
        }
        self.catalogue.put(
            blocks=[Block(id=b, venue="KRAKEN", metric=m, interval=MINUTE)
                    for b, m in enumerate(METRICS, start=1)],
            series=[
                Series(id=len(METRICS) * place + b, market=market(name), metric=metric,
                       interval=MINUTE, block_id=b, place=place)
                for place, name in enumerate(names) for b, metric in enumerate(METRICS, start=1)
            ],
        )  # fmt: skip
        self.collector = Collector(
            self.venue, catalogue=self.catalogue, bus=self.bus, clock=self.clock
        )

    async def drain(self) -> None:
        async for messages in self.bus.frames(PARTITION):
            self.items.extend(item for message in messages for item in message.items)

    async def at(self, ts_ms: int) -> None:
        """Let the program's tasks run until `ts_ms`, each publication through to its reader."""
        await self.clock.advance_to_ms(ts_ms, turns=30)

    def frames(self, block_id: int) -> list[Frame]:
        return [i for i in self.items if isinstance(i, Frame) and i.block_id == block_id]

    def values(self, block_id: int) -> list[float]:
        (frame,) = self.frames(block_id)
        values: list[float] = np.frombuffer(frame.values, "<f8").tolist()
        return values


@asynccontextmanager
async def rig(*, markets: int = 3, budget: float = 600.0) -> AsyncIterator[Rig]:
    made = Rig(markets=markets, budget=budget)
    async with asyncio.TaskGroup() as group:
        reader = group.create_task(made.drain())
        yield made
        reader.cancel()


async def test_a_boundary_poll_closes_the_slot_just_ended_with_levels_and_flows() -> None:
    async with rig() as r:
        run = await r.collector.run_once(RunKind.POLL, boundary_ms=T0)
    assert r.values(1) == [10.0, 11.0, 12.0]
    assert r.values(2) == [10.0, 10.0, 10.0]  # one unit at 10 in the newest closed minute
    assert {(f.slot, f.open) for f in r.frames(1) + r.frames(2)} == {(S0 - 1, False)}
    assert (run.expected, run.updated, run.failed, run.outcome) == (6, 6, 0, "complete")
    assert r.items[-1] == run


async def test_a_poll_in_mid_slot_is_an_open_reading_of_the_running_slot() -> None:
    async with rig() as r:
        await r.at(T0 + 30_000)
        await r.collector.run_once(RunKind.COLLECT)
    assert {(f.slot, f.open) for f in r.frames(1)} == {(S0, True)}


async def test_a_quote_volume_that_the_venue_does_not_tell_is_marked_derived() -> None:
    """SEMANTICS.md 1: "derived as base x vwap (else x close) is marked `derived`"."""
    async with rig() as r:
        r.venue.rows["M1USD"] = [(T0 - 3 * MINUTE_MS, 10.0, 3.0)]
        r.venue.quote_derived = True
        await r.collector.run_once(RunKind.POLL, boundary_ms=T0)
    derived = Reason.OBSERVED | Flag.DERIVED
    assert list(r.frames(2)[0].marks) == [derived, Reason.PENDING, derived]
    assert list(r.frames(1)[0].marks) == [Reason.OBSERVED] * 3


async def test_a_venue_that_fails_leaves_an_outage_in_every_slot_and_a_run_of_none() -> None:
    async with rig() as r:
        r.venue.error = RateLimited("429", retry_after_s=37.0)
        run = await r.collector.run_once(RunKind.POLL, boundary_ms=T0)
    assert set(r.frames(1)[0].marks) == {Reason.OUTAGE}
    assert set(r.frames(2)[0].marks) == {Reason.OUTAGE}
    assert (run.outcome, run.reasons) == ("none", {"rate_limited": 3, "venue_unavailable": 3})
    assert r.collector.health.status.state is VenueState.RATE_LIMITED
    assert r.venue.candle_calls == []  # no request during a ban


async def test_a_bad_market_degrades_alone_and_the_run_is_partial() -> None:
    """SEMANTICS.md 5: "A bad market or venue degrades alone"; "a partial run is not a success"."""
    async with rig() as r:
        r.venue.prices["M1USD"] = float("nan")
        r.venue.candle_errors["M2USD"] = Unavailable("reset")
        run = await r.collector.run_once(RunKind.POLL, boundary_ms=T0)
    assert list(r.frames(1)[0].marks) == [Reason.OBSERVED, Reason.OUTAGE, Reason.OBSERVED]
    assert list(r.frames(2)[0].marks) == [Reason.OBSERVED, Reason.OBSERVED, Reason.OUTAGE]
    assert (run.outcome, run.updated) == ("partial", 4)
    assert run.reasons == {"no_value": 1, "unavailable": 1}
    assert r.collector.health.status.state is VenueState.DEGRADED


async def test_flows_by_rest_stay_within_half_of_the_request_budget() -> None:
    """SEMANTICS.md 5: "flows by REST only for as many markets as half the budget allows"."""
    async with rig(markets=5, budget=6.0) as r:
        run = await r.collector.run_once(RunKind.POLL, boundary_ms=T0)
    assert len(r.venue.candle_calls) == 3
    assert run.reasons == {"over_budget": 2}


async def test_a_quiet_slot_is_told_as_zero_once_it_is_proven_quiet() -> None:
    async with rig(markets=1) as r:
        r.venue.rows["M0USD"] = [(T0 - 3 * MINUTE_MS, 10.0, 3.0)]
        run = await r.collector.run_once(RunKind.POLL, boundary_ms=T0)
        assert list(r.frames(2)[0].marks) == [Reason.PENDING]
        assert run.outcome == "complete"  # the venue answered; waiting for proof is no failure
        await r.at(T0 + 2 * MINUTE_MS + 1_000)
        await r.collector.run_once(RunKind.POLL, boundary_ms=T0 + 2 * MINUTE_MS)
    assert patched(r)[S0 - 1] == 0.0


async def test_flows_of_which_nothing_was_told_for_long_are_a_gap_once_they_are_told_again() -> (
    None
):
    """What is re-read is 3 slots; a gap is back-filled (SEMANTICS.md 5)."""
    async with rig(markets=1) as r:
        r.venue.rows["M0USD"], r.venue.proves_quiet = [], False
        wanted = []
        for minute in range(8):
            if minute == 5:
                r.venue.rows["M0USD"] = [(T0 + m * MINUTE_MS, 10.0, 1.0) for m in range(-5, 9)]
            await r.at(T0 + minute * MINUTE_MS + 1_000)
            await r.collector.run_once(RunKind.POLL, boundary_ms=T0 + minute * MINUTE_MS)
            wanted.append(r.collector.recovered.is_set())
            r.collector.recovered.clear()
    assert wanted == [False] * 5 + [True, False, False]


def patched(r: Rig) -> dict[int, float]:
    """What patches said last of each slot."""
    told: dict[int, float] = {}
    for patch in r.items:
        if isinstance(patch, Patch):
            slots = range(patch.from_slot, patch.from_slot + len(patch.marks))
            told.update(zip(slots, np.frombuffer(patch.values, "<f8").tolist(), strict=True))
    return told


async def test_a_candle_that_is_left_out_later_takes_nothing_back() -> None:
    """A venue that forgets its oldest row has not undone what was traded."""
    async with rig(markets=1) as r:
        await r.collector.run_once(RunKind.POLL, boundary_ms=T0)
        assert r.values(2) == [10.0]
        r.venue.rows["M0USD"] = [(T0 + MINUTE_MS, 10.0, 5.0)]
        await r.at(T0 + 2 * MINUTE_MS + 1_000)
        await r.collector.run_once(RunKind.POLL, boundary_ms=T0 + 2 * MINUTE_MS)
    told = patched(r)
    assert told[S0] == 0.0  # of which nothing was told before
    assert S0 - 1 not in told or np.isnan(told[S0 - 1])


async def test_what_was_told_of_a_slot_is_not_told_again() -> None:
    async with rig(markets=1) as r:
        await r.collector.run_once(RunKind.POLL, boundary_ms=T0)
        first = [item for item in r.items if isinstance(item, Patch)]
        await r.collector.run_once(RunKind.COLLECT)
        again = [item for item in r.items if isinstance(item, Patch)]
    assert len(first) == len(again) == 1


async def test_a_boundary_polls_only_the_intervals_that_end_there() -> None:
    async with rig() as r:
        five = Interval(5 * MINUTE_MS)
        r.catalogue.put(
            blocks=[Block(id=9, venue="KRAKEN", metric="price", interval=five)],
            series=[Series(id=90, market=market("M0"), metric="price", interval=five,
                           block_id=9, place=0)],
        )  # fmt: skip
        await r.collector.run_once(RunKind.POLL, boundary_ms=T0 + MINUTE_MS)
        assert r.frames(9) == []
        await r.collector.run_once(RunKind.POLL, boundary_ms=T0)
        assert len(r.frames(9)) == 1


async def test_shards_share_the_series_out_without_overlap() -> None:
    async with rig() as r:
        runs = [
            await r.collector.run_once(RunKind.COLLECT, share=Share(index=i, count=4))
            for i in (1, 2, 3, 4)
        ]
    assert sum(run.expected for run in runs) == 6


async def test_a_poll_that_hangs_is_cut_below_the_slot_and_runs_never_stack() -> None:
    async with rig() as r:
        hang = asyncio.Event()

        async def never() -> None:
            await hang.wait()

        r.venue.tickers = never  # type: ignore[method-assign, assignment]
        async with asyncio.TaskGroup() as group:
            first = group.create_task(r.collector.run_once(RunKind.POLL, boundary_ms=T0))
            await r.at(T0 + 1_000)
            await r.at(T0 + 40_000)
            assert not first.done()
            await r.at(T0 + 49_100)
            run: Run = await first
    assert run.reasons["timeout"] == 3
    assert run.finished_ms - run.started_ms < MINUTE_MS


async def test_runs_that_came_too_late_are_skipped_and_counted() -> None:
    async with rig() as r:
        await r.collector.run_once(RunKind.POLL, boundary_ms=T0)
        await r.at(T0 + 4 * MINUTE_MS + 1_000)
        await r.collector.run_once(RunKind.POLL, boundary_ms=T0 + 4 * MINUTE_MS)
    assert r.collector.health.skipped_runs_count == 3


async def test_polling_wakes_at_each_boundary_plus_the_offset() -> None:
    async with rig() as r, asyncio.TaskGroup() as group:
        task = group.create_task(r.collector.poll_for_ever())
        await r.at(T0 + 2_000)
        for minute in (1, 2):
            before = len(r.venue.asked)
            await r.at(T0 + minute * MINUTE_MS + 999)
            assert len(r.venue.asked) == before
            await r.at(T0 + minute * MINUTE_MS + 1_000)
            assert len(r.venue.asked) == before + 1
            await r.at(T0 + minute * MINUTE_MS + 2_000)
        task.cancel()
    assert [frame.slot for frame in r.frames(1) if not frame.open] == [S0 - 1, S0, S0 + 1]


async def test_an_answer_after_an_outage_calls_for_back_fill() -> None:
    async with rig() as r:
        r.venue.error = Unavailable("reset")
        await r.collector.run_once(RunKind.POLL, boundary_ms=T0)
        assert not r.collector.recovered.is_set()
        r.venue.error = None
        await r.collector.run_once(RunKind.POLL, boundary_ms=T0)
        assert r.collector.recovered.is_set()


def stuck(*, backlog_max: int) -> Rig:
    """A collector whose bus nobody reads, as where the database is away."""
    made = Rig()
    made.bus = LocalBus(limits=Limits(backlog_max=backlog_max))
    made.collector = Collector(made.venue, catalogue=made.catalogue, bus=made.bus, clock=made.clock)
    return made


async def polled(r: Rig, group: asyncio.TaskGroup, *, minutes: int) -> asyncio.Task[None]:
    loop = group.create_task(r.collector.poll_for_ever())
    for minute in range(1, minutes + 1):
        await r.at(T0 + minute * MINUTE_MS + 1_000)
    return loop


async def test_polls_go_on_while_nothing_is_stored_and_all_is_stored_when_it_can_be() -> None:
    r = stuck(backlog_max=100)
    async with asyncio.TaskGroup() as group:
        polling = await polled(r, group, minutes=5)
        reader = group.create_task(r.drain())
        await r.at(r.clock.now_ms() + 1)
        assert {frame.slot for frame in r.frames(1)} >= {S0 + k for k in range(5)}
        assert r.collector.health.skipped_runs_count == 0
        assert not r.collector.recovered.is_set()
        for task in (polling, reader):
            task.cancel()


async def test_slots_that_found_no_room_are_told_and_filled_when_something_is_stored_again() -> (
    None
):
    r = stuck(backlog_max=2)
    async with asyncio.TaskGroup() as group:
        polling = await polled(r, group, minutes=3)
        assert r.collector.health.errors["publish_refused"] > 0
        assert not r.collector.recovered.is_set()
        with pytest.raises(Unavailable):
            await r.collector.run_once(RunKind.COLLECT)
        reader = group.create_task(r.drain())
        await r.at(T0 + 4 * MINUTE_MS + 1_000)
        assert r.collector.recovered.is_set()
        assert S0 + 3 in {frame.slot for frame in r.frames(1)}
        for task in (polling, reader):
            task.cancel()
