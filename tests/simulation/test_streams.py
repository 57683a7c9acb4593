"""The whole program listening to a venue's stream: frames at the slot as from a poll, without one.

EXCHANGES.md 4: "no bad value stored, other venues unaffected, [...] recovery without restart within
one backoff period, no more than the allowed requests during recovery, [...] alerts not fired by the
fault".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import pytest
from tests.simulation.listening import ListeningWorld, a_listening_world
from tests.simulation.world import MARKETS

from sigmawatch_simulator import Fault

PATHS = {"KRAKEN": "/v2", "COINBASE": "/", "BINANCE": "/stream"}
STREAMED = tuple(PATHS)


@pytest.mark.parametrize("venue", STREAMED)
async def test_a_slot_is_filled_from_what_was_heard_without_a_request(
    tmp_path: Path, venue: str
) -> None:
    async with a_listening_world(tmp_path, venue) as heard:
        world, first = heard.world, heard.world.slot
        world.double.counters.reset()
        await heard.pass_slots(3)
        assert world.double.counters.requests(venue.lower(), status=200) == 0
        for pair in MARKETS[venue]:
            name = f"{venue}:{pair}"
            truth = world.truth(name, first, world.slot - 1)
            prices = await world.records(f"{name}:price", first, world.slot - 1)
            assert [value for value, _ in prices] == [truth[at].close for at in sorted(truth)]
            flows = await world.records(f"{name}:traded_quote", first, world.slot - 1)
            for (value, _), at in zip(flows, sorted(truth), strict=True):
                assert value == pytest.approx(truth[at].quote, rel=1e-4)
        report = await heard.report()
        assert report["state"] == "live"
        assert report["gaps_count"] == report["bad_frames_count"] == 0
        world.assert_nothing_bad_is_stored(since=first)


@dataclass(frozen=True, kw_only=True)
class Case:
    """A fault that is in force for `lasts_s`. broken: the stream must be seen to be down within 10
    seconds of it. connects_max: while it lasts, and until the stream stands again."""

    fault: Fault
    also: Fault | None = None  # in the way of a handshake
    lasts_s: int = 20
    broken: bool = True
    connects_max: int = 12
    back_s: int = 90  # the longest back-off, and what it takes to connect and be answered


SILENT = {
    "not a word": Case(fault=Fault(kind="ws_silent", venue="*")),
    "everything late": Case(fault=Fault(kind="ws_late", venue="*", times_max=400), broken=False),
    "confirmed and mute": Case(fault=Fault(kind="ws_mute", venue="*"), lasts_s=60, broken=False),
    "tickers mute": Case(
        fault=Fault(kind="ws_mute", venue="*", path="ticker"), lasts_s=60, broken=False
    ),
    "one ticker for ever": Case(fault=Fault(kind="ws_frozen", venue="*"), lasts_s=60, broken=False),
}
ENDING = {
    "broken without goodbye": Case(fault=Fault(kind="ws_abort", venue="*")),
    "closed": Case(fault=Fault(kind="ws_close", venue="*", value=1013)),
    "cut for its age": Case(fault=Fault(kind="ws_cut", venue="*", value=1)),
    "closed, and then refused": Case(
        fault=Fault(kind="ws_abort", venue="*", times_max=1),
        also=Fault(kind="rate_limited", venue="*", retry_after_s=15),
        connects_max=3,
    ),
    "the venue says goodbye": Case(fault=Fault(kind="ws_shutdown", venue="*"), broken=False),
    "too many markets at once": Case(
        fault=Fault(kind="ws_many", venue="*", value=1), broken=False
    ),
}  # fmt: skip
NONSENSE = {
    "an array": Case(fault=Fault(kind="ws_malformed", venue="*"), broken=False),
    "an array of null": Case(
        fault=Fault(kind="ws_malformed", venue="*", value="[null]"), broken=False
    ),
    "a page": Case(fault=Fault(kind="ws_malformed", venue="*", value="<html>"), broken=False),
    "torn frames": Case(fault=Fault(kind="ws_torn", venue="*"), broken=False),
    "five megabytes": Case(fault=Fault(kind="ws_huge", venue="*", value=5)),
    "everything twice": Case(fault=Fault(kind="ws_twice", venue="*"), broken=False),
    "trades lost": Case(fault=Fault(kind="ws_gap", venue="*"), broken=False),
    "some refused": Case(fault=Fault(kind="ws_refused", venue="*", share=0.5), broken=False),
}


@pytest.mark.parametrize("venue", STREAMED)
@pytest.mark.parametrize("cases", [SILENT, ENDING, NONSENSE], ids=["silent", "ending", "nonsense"])
async def test_a_fault_of_a_stream_stores_nothing_bad_and_the_stream_comes_back(
    tmp_path: Path, venue: str, cases: Mapping[str, Case]
) -> None:
    async with a_listening_world(tmp_path, venue) as heard:
        world, first = heard.world, heard.world.slot
        for name, case in cases.items():
            await _suffer(heard, case, name=name)
            await heard.pass_slots()
        await heard.pass_slots(2)
        await _assert_true(heard, venue, first)
        world.assert_nothing_bad_is_stored(since=first)
        for other in set(MARKETS) - {venue}:
            runs = (await world.get("/runs", venue=other, limit=20))["items"]
            assert all(run["failed"] == 0 for run in runs), other
        assert (await world.get("/episodes"))["items"] == []


async def _suffer(heard: ListeningWorld, case: Case, *, name: str) -> None:
    """EXCHANGES.md 4: within 10 s for a stream; RELIABILITY.md P17: a connection a second."""
    hub, venue = heard.world.double.streams, heard.venue.lower()
    hub.connected_ms.clear()
    faults = [replace(case.fault, venue=venue)]
    if case.also is not None:
        faults.append(replace(case.also, venue=venue, path=PATHS[heard.venue]))
    with heard.world.double.faults.on(*faults):
        await heard.pass_s(10)
        report = await heard.report()
        assert not case.broken or report["state"] != "live", (name, report)
        await heard.pass_s(case.lasts_s - 10)
    for _ in range(case.back_s):
        report = await heard.report()
        if report["state"] == "live" and report["subscribed_count"] == report["wanted_count"]:
            break
        await heard.pass_s(1)
    else:
        raise AssertionError((name, report))
    made_ms = hub.connected_ms.get(venue, [])
    assert len(made_ms) <= case.connects_max, (name, made_ms)
    assert all(later - one >= 1_000 for one, later in pairwise(made_ms)), (name, made_ms)


async def _assert_true(heard: ListeningWorld, venue: str, first: int) -> None:
    """Every slot has its flow, whether it was heard or asked for."""
    world = heard.world
    for pair in MARKETS[venue]:
        name = f"{venue}:{pair}"
        truth = world.truth(name, first, world.slot - 1)
        flows = await world.records(f"{name}:traded_quote", first, world.slot - 1)
        for (value, marks), at in zip(flows, sorted(truth), strict=True):
            near = 1e-2 if venue == "COINBASE" else 1e-4  # by candle: base times close
            assert value == pytest.approx(truth[at].quote, rel=near), (name, at - first, marks)
