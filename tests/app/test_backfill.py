"""Back-fill fetches what is missing, the busiest first, and waits for a venue that fails."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import numpy as np
from tests.app.doubles import MemoryVenue, market

from sigmawatch.adapters.buses.local import LocalBus
from sigmawatch.adapters.clock import VirtualClock
from sigmawatch.app.backfill import AGAIN_MS, MISSING_SUBJECT, Backfill, Job
from sigmawatch.app.catalogue import Catalogue
from sigmawatch.app.collector import PARTITION
from sigmawatch.domain.errors import RateLimited, Unavailable
from sigmawatch.domain.frame import Flag, Patch, Reason
from sigmawatch.domain.series import Block, Series
from sigmawatch.domain.window import DAY_MS, MINUTE_MS, Interval
from sigmawatch.ports.bus import Answer

MINUTE = Interval(MINUTE_MS)
S0 = 28_000_000
T0 = S0 * MINUTE_MS
DAY = 1_440
METRICS = ("price", "traded_base", "volume_24h_base", "bid")


class Rig:
    """A back-fill over a venue in memory whose markets traded every third minute for two days."""

    def __init__(self, names: list[str]) -> None:
        self.clock = VirtualClock(T0 + 5_000)
        self.venue = MemoryVenue(self.clock)
        self.bus = LocalBus()
        self.catalogue = Catalogue()
        self.patches: dict[int, Patch] = {}
        self.missing: dict[int, tuple[int, int]] = {}
        series = [
            Series(id=10 * row + b, market=market(name), metric=metric, interval=MINUTE,
                   block_id=b, place=row)
            for row, name in enumerate(names) for b, metric in enumerate(METRICS, start=1)
        ]  # fmt: skip
        self.catalogue.put(
            blocks=[Block(id=b, venue="KRAKEN", metric=m, interval=MINUTE)
                    for b, m in enumerate(METRICS, start=1)],
            series=series,
        )  # fmt: skip
        self.missing = {one.id: (S0 - DAY, S0) for one in series}
        for name in names:
            self.venue.rows[f"{name}USD"] = [
                ((S0 - k) * MINUTE_MS, 100.0 + k, 2.0) for k in range(3 * DAY + 1, 0, -3)
            ]
        self.backfill = Backfill(
            self.venue, catalogue=self.catalogue, bus=self.bus, clock=self.clock
        )

    async def drain(self) -> None:
        async for messages in self.bus.frames(PARTITION):
            items = [item for message in messages for item in message.items]
            self.patches.update({i.series_id: i for i in items if isinstance(i, Patch)})

    async def answer(self, question: Answer) -> Answer:
        assert question == {"venue": "KRAKEN"}
        return {"ranges": dict(self.missing)}

    def values(self, series_id: int) -> np.ndarray:
        return np.frombuffer(self.patches[series_id].values, "<f8")


@asynccontextmanager
async def rig(*names: str) -> AsyncIterator[Rig]:
    made = Rig(list(names))
    async with made.bus.serve(MISSING_SUBJECT, made.answer), asyncio.TaskGroup() as group:
        reader = group.create_task(made.drain())
        yield made
        reader.cancel()


async def once(r: Rig) -> Job:
    return await r.backfill.run_once(busiest=lambda series: -float(series.id))


async def test_a_day_of_prices_and_flows_comes_back_with_quiet_minutes_carried_and_zero() -> None:
    async with rig("BTC") as r:
        job = await once(r)
    price, traded = r.patches[1], r.patches[2]
    assert (price.from_slot, len(price.marks)) == (S0 - DAY, DAY)
    assert r.values(1)[-4:].tolist() == [104.0, 104.0, 104.0, 101.0]
    read, carried = Reason.OBSERVED | Flag.FILLED, Reason.CARRIED | Flag.FILLED
    assert list(price.marks)[-4:] == [read, carried, carried, read]
    assert r.values(2)[-4:].tolist() == [2.0, 0.0, 0.0, 2.0]
    assert traded.from_slot == S0 - DAY
    assert (job.total, job.done, job.failed) == (1, 1, 0)


async def test_beyond_the_reach_of_minutes_wider_candles_fill_in_and_say_coarse() -> None:
    """EXCHANGES.md 1.1: Kraken's minutes reach 12 h, the rest comes in 5 m candles."""
    async with rig("BTC") as r:
        await once(r)
    marks = np.frombuffer(r.patches[1].marks, np.uint8)
    coarse = (marks & Flag.COARSE) != 0
    assert coarse[: DAY // 2 - 10].any()
    assert not coarse[DAY // 2 + 1 :].any()
    spans = {span for _, span, _, _ in r.venue.candle_calls}
    assert spans == {MINUTE_MS, 5 * MINUTE_MS}


async def test_the_rolling_volume_is_rebuilt_from_two_days_of_candles() -> None:
    async with rig("BTC") as r:
        await once(r)
    asked_ms = min(from_ms for _, _, from_ms, _ in r.venue.candle_calls)
    assert asked_ms <= T0 - 2 * DAY_MS
    values, patch = r.values(3), r.patches[3]
    assert len(values) == DAY
    np.testing.assert_allclose(values, DAY / 3 * 2.0, rtol=1e-2)
    assert all(mark & Flag.DERIVED for mark in patch.marks)


async def test_what_candles_cannot_tell_is_not_asked_for() -> None:
    async with rig("BTC") as r:
        r.missing = {4: (S0 - DAY, S0)}  # bids have no candles
        job = await once(r)
    assert r.venue.candle_calls == []
    assert job.total == 0


async def test_only_the_missing_slots_are_filled() -> None:
    async with rig("BTC") as r:
        r.missing = {1: (S0 - 30, S0 - 20)}
        await once(r)
    assert (r.patches[1].from_slot, len(r.patches[1].marks)) == (S0 - 30, 10)
    assert max(T0 - from_ms for _, _, from_ms, _ in r.venue.candle_calls) <= 45 * MINUTE_MS


async def test_a_market_without_candles_fails_alone() -> None:
    async with rig("BTC", "ETH") as r:
        del r.venue.rows["BTCUSD"]
        job = await once(r)
    assert (job.done, job.failed) == (2, 1)
    assert 11 in r.patches
    assert 1 not in r.patches


async def test_a_venue_that_asks_for_patience_gets_it_and_then_the_job_is_finished() -> None:
    async with rig("BTC") as r, asyncio.TaskGroup() as group:
        r.venue.candle_errors["BTCUSD"] = RateLimited("429", retry_after_s=37.0)
        task = group.create_task(once(r))
        await r.clock.advance_to_ms(T0 + 6_000, turns=30)
        asked = len(r.venue.candle_calls)
        del r.venue.candle_errors["BTCUSD"]
        await r.clock.advance_to_ms(T0 + 41_000, turns=30)
        assert len(r.venue.candle_calls) == asked
        await r.clock.advance_to_ms(T0 + 43_500, turns=30)
        job = await task
    assert (job.done, job.failed) == (1, 0)


async def test_a_venue_that_stays_away_ends_the_job_with_failures_not_with_a_hang() -> None:
    async with rig("BTC") as r, asyncio.TaskGroup() as group:
        r.venue.candle_errors["BTCUSD"] = Unavailable("reset")
        task = group.create_task(once(r))
        for seconds in range(5, 400, 5):
            await r.clock.advance_to_ms(T0 + 1_000 * seconds, turns=10)
        job = await task
    assert (job.done, job.failed) == (1, 1)
    assert job.finished_ms is not None


async def test_what_a_venue_that_stayed_away_left_undone_is_done_when_it_is_back() -> None:
    """Nobody tells of its return: its stream may never have ended."""
    async with rig("BTC") as r, asyncio.TaskGroup() as group:
        ready = asyncio.Event()
        ready.set()
        r.backfill.want()
        keeping = group.create_task(r.backfill.run_for_ever(ready, busiest=lambda series: 0.0))
        r.venue.candle_errors["BTCUSD"] = Unavailable("reset")
        await pass_s(r, 400)
        assert r.backfill.job is not None
        assert (r.backfill.job.failed, r.backfill.job.finished_ms is None) == (1, False)
        del r.venue.candle_errors["BTCUSD"]
        await pass_s(r, AGAIN_MS // 1_000)
        assert (r.backfill.job.failed, r.backfill.job.done) == (0, 1)
        keeping.cancel()
    assert len(r.patches) == len(METRICS) - 1  # no candle tells a bid


async def pass_s(r: Rig, seconds: int) -> None:
    until_ms = r.clock.now_ms() + 1_000 * seconds
    while r.clock.now_ms() < until_ms:
        await r.clock.advance_to_ms(r.clock.now_ms() + 5_000, turns=10)


async def test_the_busiest_market_is_first() -> None:
    async with rig("AAA", "BBB", "CCC", "DDD", "EEE", "FFF") as r:
        await r.backfill.run_once(busiest=lambda series: float(series.id))
    assert r.venue.candle_calls[0][0] == "FFFUSD"


async def test_a_clock_far_ahead_of_the_venues_does_not_make_a_forming_candle_a_closed_one() -> (
    None
):
    """SEMANTICS.md 4: "> 30 s stops back-fill trimming" by our own clock."""
    for skew_ms, last_slot in ((-20_000, S0 - 1), (-40_000, S0 - 2)):
        async with rig("BTC") as r:
            r.backfill = Backfill(
                r.venue, catalogue=r.catalogue, bus=r.bus, clock=r.clock,
                skew_ms=partial(int, skew_ms),
            )  # fmt: skip
            r.missing = {2: (S0 - 10, S0)}
            await once(r)
        newest = max(to_ms for _, _, _, to_ms in r.venue.candle_calls)
        assert newest == (last_slot + 1) * MINUTE_MS
