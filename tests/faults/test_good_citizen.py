"""A good citizen at every native venue (RELIABILITY.md P17).

"honours Retry-After, 429 and 418; <= 1 reconnect per second per host, backoff with jitter to 60 s;
after a ban no request until it ends; proactive reconnect before the 24 h stream limit with overlap
and no gap". The venues count, not we: the double notes when each request and each connection came.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from tests.faults.tier import Finding, tell, times
from tests.simulation.fault_table import HANDSHAKES
from tests.simulation.judged import recover
from tests.simulation.listening import ListeningWorld, a_listening_world
from tests.simulation.world import (
    MARKETS,
    NATIVE,
    NO_BACKFILL,
    START_MS,
    World,
    a_double,
    a_world,
    configured,
)

from sigmawatch.adapters.venues import circuit
from sigmawatch.adapters.venues.streams.binance import BinanceDialect
from sigmawatch.app.config import Track
from sigmawatch.domain.window import DAY_MS, Interval
from sigmawatch_simulator import Fault

TEN = Interval(10_000)  # polled so often that a pause of seconds shows
MINUTE_SLOTS = 60_000 // TEN.ms
QUESTIONS = 2  # of a probe: the call, and the question why it failed
BACKOFF_MAX_MS = 60_000
FAILING_SLOTS = 20 * MINUTE_SLOTS
FULL_JITTER = 0.5  # a pause is anything up to the ceiling; of the slots at most so many see a probe
SHORTER = times(change=60, full=1)  # a day of a connection is so much shorter beside a change
STEP_MS = 4_000  # of a day, between two beats
BANS: Mapping[str, tuple[Fault, int | None]] = {  # what is said -> how long it holds, if it is said
    "429 with Retry-After": (Fault(kind="rate_limited", retry_after_s=95), 95_000),
    "418 with Retry-After": (Fault(kind="banned", retry_after_s=145), 145_000),
    "418 in words": (Fault(kind="banned_in_words", retry_after_s=145), 145_000),
    "429 without a time": (Fault(kind="rate_limited"), None),
}
WITHOUT_TIME_MS = (60_000, 120_000, 240_000)  # each refusal in a row is twice as long

pytestmark = [pytest.mark.faults, pytest.mark.timeout(times(change=240, full=3_600))]


@asynccontextmanager
async def polled(folder: Path) -> AsyncIterator[World]:
    """Every native venue, asked for its prices each ten seconds."""
    async with a_double(start_ms=START_MS + TEN.ms // 2) as double:
        tracks = tuple(
            Track(venue=name.lower(), markets=MARKETS[name], metrics=("price",), every=TEN)
            for name in NATIVE
        )
        config = configured(
            double, folder / "data", names=NATIVE, track=tracks, interval=TEN, backfill=NO_BACKFILL
        )
        async with a_world(double, config) as world:
            await world.begin()
            await world.pass_slots(2)
            yield world


def probes_ms(world: World, venue: str) -> list[int]:
    """When it was asked, each moment once; at most a probe and its question a second."""
    asked_ms = world.double.counters.of(venue.lower()).asked_ms
    for first_ms in asked_ms:
        near = sum(first_ms <= one < first_ms + 1_000 for one in asked_ms)
        assert near <= QUESTIONS, (venue, first_ms, near)
    return sorted({one - one % 1_000 for one in asked_ms})


@pytest.mark.parametrize("said", BANS)
async def test_a_ban_is_obeyed_to_its_end_at_every_venue(tmp_path: Path, said: str) -> None:
    fault, lasts_ms = BANS[said]
    async with polled(tmp_path) as world:
        world.double.counters.reset()
        with world.double.faults.on(fault):
            await world.pass_slots(8 * MINUTE_SLOTS)
        fewest = 10**9
        for venue in NATIVE:
            assert world.double.counters.during_ban_count(venue.lower()) == 0, venue
            gaps_ms = [later - one for one, later in pairwise(probes_ms(world, venue))]
            for gap_ms, least_ms in zip(gaps_ms, _least_ms(lasts_ms), strict=False):
                assert least_ms <= gap_ms <= least_ms + 2 * TEN.ms, (venue, gaps_ms)
            fewest = min(fewest, len(gaps_ms))
        assert fewest >= 2, "asked again when it was over"
        await recover(world, NATIVE, slots_max=26 * MINUTE_SLOTS)
        assert all(world.double.counters.during_ban_count(one.lower()) == 0 for one in NATIVE)
    tell(Finding(
        promise="P17", fault=f"{said}, at every venue",
        figures={"venues": len(NATIVE), "requests_during_bans": 0, "bans_each_at_least": fewest},
    ))  # fmt: skip


def _least_ms(lasts_ms: int | None) -> Iterator[int]:
    """How long nothing may be asked after each refusal."""
    while lasts_ms is not None:
        yield lasts_ms
    yield from WITHOUT_TIME_MS


async def test_who_fails_is_asked_less_and_less_with_jitter_up_to_a_minute(tmp_path: Path) -> None:
    async with polled(tmp_path) as world:
        probes = await failing(world)
        gaps_ms = {one: [b - a for a, b in pairwise(probes[one])] for one in NATIVE}
        for venue, gaps in gaps_ms.items():
            assert max(gaps) <= BACKOFF_MAX_MS + 2 * TEN.ms, (venue, gaps)
            assert len(probes[venue]) <= FULL_JITTER * FAILING_SLOTS, venue
        assert len({tuple(gaps) for gaps in gaps_ms.values()}) == len(NATIVE), "no two in step"
        await recover(world, NATIVE, slots_max=2 * MINUTE_SLOTS)
    tell(Finding(
        promise="P17", fault="502 for twenty minutes, at every venue",
        figures={"venues": len(NATIVE), "slots": FAILING_SLOTS,
                 "probes_most": max(map(len, probes.values())),
                 "longest_pause_s": max(max(one) for one in gaps_ms.values()) // 1_000},
    ))  # fmt: skip


async def failing(world: World) -> dict[str, list[int]]:
    """When each venue was asked while all of them fail."""
    world.double.counters.reset()
    with world.double.faults.on(Fault(kind="server_error")):
        await world.pass_slots(FAILING_SLOTS)
    return {venue: probes_ms(world, venue) for venue in NATIVE}


async def test_the_check_above_notices_a_fixed_pause(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: who tries again after a second, whatever was said."""
    monkeypatch.setattr(circuit, "pause_s", lambda *_, **__: 1.0)
    async with polled(tmp_path) as world:
        probes = await failing(world)
        assert all(len(one) > FULL_JITTER * FAILING_SLOTS for one in probes.values())
        world.double.counters.reset()
        with world.double.faults.on(BANS["429 with Retry-After"][0]):
            await world.pass_slots(2 * MINUTE_SLOTS)
        during = [world.double.counters.during_ban_count(one.lower()) for one in NATIVE]
    assert all(during)
    tell(Finding(
        promise="P17", fault="the same, a fixed pause of a second", control=True,
        figures={"requests_during_bans": sum(during),
                 "probes_fewest": min(map(len, probes.values()))},
    ))  # fmt: skip


@pytest.mark.parametrize("venue", HANDSHAKES)
async def test_a_stream_is_opened_once_a_second_at_most_and_never_during_a_ban(
    tmp_path: Path, venue: str
) -> None:
    async with a_listening_world(tmp_path, venue) as heard:
        connected_ms = await broken(heard, s=180)
        gaps_ms = [b - a for a, b in pairwise(connected_ms)]
        assert min(gaps_ms) >= 1_000, gaps_ms
        assert max(gaps_ms) <= BACKOFF_MAX_MS + 10_000, gaps_ms
        counters, path = heard.world.double.counters, HANDSHAKES[venue]
        await heard.lives(within_s=70)
        heard.catch_up()
        counters.reset()
        ban = Fault(kind="rate_limited", venue=venue.lower(), path=path, retry_after_s=150)
        cut = Fault(kind="ws_abort", venue=venue.lower(), times_max=1)
        with heard.world.double.faults.on(ban, cut):
            await heard.pass_slots(7)
        banned_count = counters.requests(venue.lower(), status=429)
        assert banned_count in {2, 3}, "seven minutes are not three bans"
        assert counters.during_ban_count(venue.lower()) == 0
        await heard.lives(within_s=220)
    tell(Finding(
        promise="P17", fault=f"{venue}: its stream breaks at once for three minutes; then 429",
        figures={"connections": len(connected_ms), "shortest_pause_s": min(gaps_ms) / 1_000,
                 "requests_during_bans": 0},
    ))  # fmt: skip


async def broken(heard: ListeningWorld, *, s: int) -> Sequence[int]:
    """When it was connected to, while every connection breaks."""
    hub, venue = heard.world.double.streams, heard.venue.lower()
    hub.connected_ms.clear()
    with heard.world.double.faults.on(Fault(kind="ws_abort", venue=venue)):
        await heard.pass_s(s)
    connected_ms = hub.connected_ms[venue]
    assert len(connected_ms) >= 3
    return connected_ms


async def test_a_connection_is_renewed_before_the_venue_cuts_it_and_nothing_is_missed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Binance alone cuts for age. Beside a change a day is 24 minutes."""
    life_ms = BinanceDialect.TRAITS.life_ms
    assert life_ms is not None
    aged(monkeypatch, life_ms // SHORTER)
    async with a_listening_world(tmp_path, "BINANCE", names=("BINANCE",)) as heard:
        connected_ms = await a_day(heard)
        hub, report, world = heard.world.double.streams, await heard.report(), heard.world
        assert len(connected_ms) == 2, "once"
        assert connected_ms[1] < connected_ms[0] + DAY_MS // SHORTER, "before it is cut"
        assert hub.open_max["binance"] == 2, "the one while the other still tells"
        assert hub.open_count("binance") == 1
        assert (report["state"], report["gaps_count"]) == ("live", 0)
        assert candles_count(world) == 0, "nothing had to be asked for"
        await assert_no_trade_is_missed(world, around_ms=connected_ms[1])
    tell(Finding(
        promise="P17", fault="BINANCE cuts connections of a day" + " / 60" * (SHORTER > 1),
        figures={"connections": 2, "before_the_cut_s":
                 (connected_ms[0] + DAY_MS // SHORTER - connected_ms[1]) / 1_000,
                 "candles_asked_for": 0},
    ))  # fmt: skip


async def test_the_check_above_notices_who_waits_until_it_is_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    aged(monkeypatch, None)
    async with a_listening_world(tmp_path, "BINANCE", names=("BINANCE",)) as heard:
        connected_ms = await a_day(heard)
        assert heard.world.double.streams.open_max["binance"] == 1
        assert connected_ms[1] >= connected_ms[0] + DAY_MS // SHORTER
    after_s = (connected_ms[1] - connected_ms[0] - DAY_MS // SHORTER) / 1_000
    tell(Finding(promise="P17", fault="the same, who waits until it is cut", control=True,
                 figures={"before_the_cut_s": -after_s}))  # fmt: skip


def candles_count(world: World) -> int:
    routes = world.double.counters.of("binance").by_route
    return sum(sum(codes.values()) for name, codes in routes.items() if "klines" in name)


def aged(monkeypatch: pytest.MonkeyPatch, life_ms: int | None) -> None:
    monkeypatch.setattr(BinanceDialect, "TRAITS", replace(BinanceDialect.TRAITS, life_ms=life_ms))


async def a_day(heard: ListeningWorld) -> Sequence[int]:
    """A connection's day and a little more pass; when it was connected to."""
    heard.step_ms = STEP_MS
    heard.world.double.counters.reset()
    cut = Fault(kind="ws_cut", venue="binance", value=DAY_MS // SHORTER)
    with heard.world.double.faults.on(cut):
        await heard.pass_slots(DAY_MS // SHORTER // 60_000 + 5)
    return heard.world.double.streams.connected_ms["binance"]


async def assert_no_trade_is_missed(world: World, *, around_ms: int) -> None:
    """What was heard is what was traded, in the slots about the change."""
    middle = world.interval.slot(around_ms)
    for pair in MARKETS["BINANCE"]:
        name = f"BINANCE:{pair}"
        truth = world.truth(name, middle - 2, middle + 2)
        flows = await world.records(f"{name}:traded_quote", middle - 2, middle + 2)
        for (value, marks), at in zip(flows, sorted(truth), strict=True):
            assert value == pytest.approx(truth[at].quote, rel=1e-4), (name, at)
            assert "filled" not in marks, "heard, not asked for later"
