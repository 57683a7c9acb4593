"""A venue's stream and its polls fail together, in either order, and come back in either order.

While one of them lives the slots are whole; while none does they are gaps, and filled when polls
are answered again; nothing is counted twice (SEMANTICS.md 2 and 5).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from pathlib import Path

import pytest
from tests.faults.tier import times
from tests.simulation.fault_table import CANDLES, HANDSHAKES, LISTS, TICKERS
from tests.simulation.judged import NEAR
from tests.simulation.listening import ListeningWorld, a_listening_world
from tests.simulation.world import MARKETS, VENUES, until

from sigmawatch_simulator import Fault

STREAM, POLLS = "stream", "polls"
ORDERS = tuple(product((STREAM, POLLS), (STREAM, POLLS)))  # which fails first, which is back first
ALONE_SLOTS, DARK_SLOTS = 2, 4
FILLED_SLOTS = 10
BACK_SLOTS = 8  # the longest back-off, the slots it needs to be sure of its trades, and the filling

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]


def cases() -> list[tuple[str, str, str]]:
    """Every order at a venue; in `make faults` at every venue that is listened to."""
    streamed = tuple(HANDSHAKES)
    return [
        (streamed[(number + turn) % len(streamed)], *order)
        for number, order in enumerate(ORDERS)
        for turn in range(times(change=1, full=len(streamed)))
    ]


def faults(venue: str, what: str) -> list[Fault]:
    """What keeps a venue's stream, or its answers, away."""
    if what == STREAM:
        refused = Fault(kind="server_error", venue=venue.lower(), path=HANDSHAKES[venue])
        return [Fault(kind="ws_abort", venue=venue.lower()), refused]
    return [Fault(kind="server_error", venue=venue.lower(), path=paths[venue])
            for paths in (TICKERS, CANDLES, LISTS)]  # fmt: skip


class Breakable:
    """A venue in a world, and which of its two ways are broken."""

    def __init__(self, heard: ListeningWorld) -> None:
        self.heard, self.world, self.venue = heard, heard.world, heard.venue
        self._broken: dict[str, list[int]] = {}

    def breaks(self, what: str) -> None:
        board = self.world.double.faults
        self._broken[what] = [board.add(fault) for fault in faults(self.venue, what)]

    def mends(self, what: str) -> None:
        for number in self._broken.pop(what):
            self.world.double.faults.remove(number)

    async def assert_whole(self, first: int) -> None:
        """Every slot from `first` on is read, by whichever way."""
        for slot in range(first, self.world.slot):
            run = await self.world.run_of(self.venue, slot)
            assert run["outcome"] == "complete", run
        assert (await self.world.venue(self.venue))["state"] == "up"

    async def assert_dark(self, first: int) -> None:
        told = await self.world.venue(self.venue)
        assert (told["state"], told["stream"]["state"]) == ("down", "down"), told
        assert {row["state"] for row in await self.world.rows(self.venue)} == {"stale"}
        for pair in MARKETS[self.venue]:
            gap = await self.world.records(f"{self.venue}:{pair}:price", first, self.world.slot - 1)
            assert gap == [(None, ["outage"])] * len(gap)

    async def assert_true(self, first: int) -> None:
        """Prices and sums, to the last trade."""
        last = self.world.slot - 1
        for pair in MARKETS[self.venue]:
            name = f"{self.venue}:{pair}"
            truth = self.world.truth(name, first, self.world.slot)
            for slot, (price, marks) in enumerate(
                await self.world.records(f"{name}:price", first, last), first
            ):
                near = (truth[slot], truth[slot + 1])
                assert price is not None, (pair, slot - first, marks)
                low, high = min(one.low for one in near), max(one.high for one in near)
                assert low <= price <= high, (pair, slot - first, marks)
            for slot, (flow, marks) in enumerate(
                await self.world.records(f"{name}:traded_quote", first, last), first
            ):
                near_by = NEAR if self.venue == "COINBASE" else 1e-4
                expected = pytest.approx(truth[slot].quote, rel=near_by)
                assert flow == expected, (pair, slot - first, marks)


@pytest.mark.parametrize(("venue", "fails_first", "back_first"), cases())
async def test_a_stream_and_polls_that_fail_together_lose_nothing_and_count_nothing_twice(
    tmp_path: Path, venue: str, fails_first: str, back_first: str
) -> None:
    async with a_listening_world(tmp_path, venue) as heard:
        one = Breakable(heard)
        first = one.world.slot
        await alone(one, fails_first)
        one.breaks(other_than(fails_first))
        dark = one.world.slot
        await heard.pass_slots(DARK_SLOTS)
        await one.assert_dark(dark)
        one.mends(back_first)
        await heard.pass_slots(BACK_SLOTS)
        assert (await one.world.venue(venue))["state"] == "up"
        one.mends(other_than(back_first))
        await heard.pass_slots(BACK_SLOTS)
        assert (await heard.report())["state"] == "live"
        await filled(one, dark)
        await one.assert_whole(one.world.slot - 2)
        await one.assert_true(first)
        await assert_others_well(one, VENUES)
        one.world.assert_nothing_bad_is_stored(since=first)


def other_than(what: str) -> str:
    return POLLS if what == STREAM else STREAM


async def alone(one: Breakable, broken: str) -> None:
    """One way is broken, and nobody notices but who looks at it."""
    first = one.world.slot
    one.breaks(broken)
    await one.heard.pass_slots(ALONE_SLOTS)
    await one.assert_whole(first)
    state = (await one.heard.report())["state"]
    assert (state != "live") == (broken == STREAM), state


async def filled(one: Breakable, slot: int) -> None:
    """Let time pass until the gap is no more. Where the stream was back first nobody tells that
    polls are, too: what was left undone is tried again (RELIABILITY.md P16: "within 10 min")."""
    price = f"{one.venue}:{MARKETS[one.venue][0]}:price"
    for _ in range(FILLED_SLOTS):
        await until(lambda: all(job.finished_ms for job in one.world.program.jobs()))
        await one.world.program.tracker.refresh()
        if (await one.world.records(price, slot, slot))[0][0] is not None:
            return
        await one.heard.pass_slots()
    raise AssertionError("the gap is still there")


async def assert_others_well(one: Breakable, names: Sequence[str]) -> None:
    for name in set(names) - {one.venue}:
        assert (await one.world.venue(name))["state"] == "up"
        assert {row["state"] for row in await one.world.rows(name)} == {"fresh"}
