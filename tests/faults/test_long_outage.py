"""Six hours without a venue, or without us: one word when it begins, one when it is over, and the
gap filled (RELIABILITY.md P16)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.egress.receiver import Receiver, answering, receiving
from tests.faults.tier import Finding, tell, times
from tests.faults.waves import SECRET
from tests.simulation.fault_table import TICKERS, VICTIM
from tests.simulation.judged import (
    RECOVERS_SLOTS,
    assert_unaffected,
    filled_since,
    newest_job_ms,
    recover,
)
from tests.simulation.world import (
    MARKETS,
    MINUTE,
    NATIVE,
    NO_BACKFILL,
    World,
    a_double,
    a_world,
    configured,
    until,
)

from sigmawatch_simulator import Fault, Simulator

SLOTS = 6 * 60
FILLED_PCT = 99.9
FILLED_WITHIN_SLOTS = 10
STRUCK = times(change=1, full=3)
ORDER = ("KRAKEN", "OKX", "COINBASE", "BYBIT", "BINANCE", "BITSTAMP")
WITNESS = dict(zip(ORDER, (*ORDER[1:], ORDER[0]), strict=True))  # struck -> who looks on

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]


@asynccontextmanager
async def told(
    folder: Path, double: Simulator, *, names: Sequence[str], **options: Any
) -> AsyncIterator[tuple[Any, Receiver]]:
    """A configuration whose every notice goes to one receiver."""
    async with receiving(answering(204)) as receiver:
        place = f"127.0.0.1/32:{receiver.port}"
        hook = {"service": "webhook", "url": receiver.url(host="127.0.0.1"), "secret": SECRET}
        severities = dict.fromkeys(("info", "warning", "critical"), ("hook",))
        yield configured(
            double, folder, names=names, channels={"hook": hook}, egress={"allow": (place,)},
            routes=severities, **options,
        ), receiver  # fmt: skip


def titles(receiver: Receiver) -> list[str]:
    """Of every notice that came, each once however often it was sent."""
    bodies = {came.headers["webhook-id"]: json.loads(came.body) for came in receiver.came}
    return [body["data"]["title"] for body in bodies.values()]


async def filled_pct(world: World, venue: str, *, first: int, last: int) -> float:
    """How much of the gap holds what the venue's candles tell: of prices the very value."""
    right = 0
    for pair in MARKETS[venue]:
        truth = world.truth(f"{venue}:{pair}", first, last)
        prices = await world.records(f"{venue}:{pair}:price", first, last)
        flows = await world.records(f"{venue}:{pair}:traded_quote", first, last)
        for slot, (price, flow) in enumerate(zip(prices, flows, strict=True), first):
            assert price[0] in (None, truth[slot].close), (venue, pair, slot, price)
            right += price[0] is not None and "filled" in price[1]
            right += flow[0] == pytest.approx(truth[slot].quote, rel=1e-2) and "filled" in flow[1]
    return 100.0 * right / (2 * len(MARKETS[venue]) * (last - first + 1))


@pytest.mark.parametrize("venue", ORDER[: 2 * STRUCK])
async def test_six_hours_without_a_venue_are_told_once_and_filled(
    tmp_path: Path, venue: str
) -> None:
    witness = WITNESS[venue]
    async with (
        a_double() as double,
        told(tmp_path / "data", double, names=(venue, witness)) as (config, receiver),
        a_world(double, config) as world,
    ):
        await world.begin()
        await world.pass_slots(2)
        first, began_ms = world.slot, newest_job_ms(world, venue)
        with double.faults.on(Fault(kind="server_error", venue=venue.lower())):
            await world.pass_slots(SLOTS)
        began, ended = f"No answer from {venue}", f"Well again: {venue}"
        assert titles(receiver) == [began], "one, and none of three series or of a rule"
        last, asked_count = world.slot - 1, double.counters.requests(venue.lower())
        await assert_gap(world, venue, first=first, last=last)
        await assert_unaffected(world, witness, first=last - 2)
        await recover(world, [venue], slots_max=2)
        await filled_since(world, venue, began_ms)
        within_slots = world.slot - last
        assert within_slots <= FILLED_WITHIN_SLOTS
        pct = await filled_pct(world, venue, first=first, last=last)
        await world.pass_slots(3)
        await until(lambda: ended in titles(receiver))
        assert titles(receiver) == [began, ended]
        assert pct >= FILLED_PCT
        world.assert_nothing_bad_is_stored(since=first - 2)
    tell(Finding(
        promise="P16", fault=f"{venue} answers 502 for six hours",
        figures={"slots": SLOTS, "notices_down": 1, "notices_up": 1, "filled_pct": round(pct, 3),
                 "filled_within_slots": within_slots, "requests_meanwhile": asked_count},
    ))  # fmt: skip


async def test_a_market_that_stays_away_when_its_venue_is_back_is_told_of_by_the_rule(
    tmp_path: Path,
) -> None:
    """SEMANTICS.md 7: "When a [...] suppression ends, what still fires is sent once"."""
    victim = MARKETS["KRAKEN"][VICTIM]
    async with (
        a_double() as double,
        told(tmp_path / "data", double, names=("KRAKEN", "OKX"), backfill=NO_BACKFILL) as (
            config, receiver,
        ),
        a_world(double, config) as world,
    ):  # fmt: skip
        await world.begin()
        await world.pass_slots(2)
        missing = Fault(kind="null_row", venue="kraken", path=TICKERS["KRAKEN"], markets=(victim,))
        with double.faults.on(missing):
            with double.faults.on(Fault(kind="server_error", venue="kraken")):
                await world.pass_slots(15)
            assert titles(receiver) == ["No answer from KRAKEN"]
            await until_told(world, receiver, count=3, slots_max=RECOVERS_SLOTS)
            began, *others = titles(receiver)
            assert began == "No answer from KRAKEN"
            (of_market,) = [one for one in others if one != "Well again: KRAKEN"]
            assert "data-stale" in of_market, others
            assert victim in of_market, others
            await world.pass_slots(3)
            assert len(titles(receiver)) == 3, "and of none of its neighbours"


async def until_told(world: World, receiver: Receiver, *, count: int, slots_max: int) -> None:
    for _ in range(slots_max):
        await world.pass_slots()
        if len(titles(receiver)) >= count:
            return
    raise AssertionError(titles(receiver))


async def assert_gap(world: World, venue: str, *, first: int, last: int) -> None:
    """No line is drawn through it."""
    for pair in MARKETS[venue]:
        gap = await world.records(f"{venue}:{pair}:price", first, last)
        assert gap == [(None, ["outage"])] * len(gap)


async def test_our_own_absence_of_six_hours_is_filled_at_every_venue(tmp_path: Path) -> None:
    async with (
        a_double() as double,
        told(tmp_path / "data", double, names=NATIVE) as (config, receiver),
    ):
        first = await lived(double, config)
        double.clock.advance(SLOTS * MINUTE.ms)
        pcts: Mapping[str, float] = {}
        async with a_world(double, config) as world:
            await world.begin()
            last = world.slot - 1
            assert last - first >= SLOTS - 1
            pcts = {one: await filled_pct(world, one, first=first, last=last - 2)
                    for one in NATIVE}  # fmt: skip
            await world.pass_slots(3)
            world.assert_nothing_bad_is_stored(since=first - 2)
        assert titles(receiver) == []
    assert min(pcts.values()) >= FILLED_PCT, pcts
    tell(Finding(
        promise="P16", fault="we are away for six hours", figures={"slots": SLOTS, "notices": 0} | {
            f"filled_pct_{one.lower()}": round(pct, 3) for one, pct in pcts.items()},
    ))  # fmt: skip


async def lived(double: Simulator, config: Any) -> int:
    """A life of some slots; the one it ended in."""
    async with a_world(double, config) as world:
        await world.begin()
        await world.pass_slots(3)
        return world.slot


@pytest.mark.parametrize("venue", ORDER[:1])
async def test_the_check_above_notices_a_gap_that_nobody_fills(tmp_path: Path, venue: str) -> None:
    """The control: a program that does not ask for what it missed."""
    slots = 20
    async with (
        a_double() as double,
        told(tmp_path / "data", double, names=(venue,), backfill=NO_BACKFILL) as (config, _),
        a_world(double, config) as world,
    ):
        await world.begin()
        await world.pass_slots(1)
        first = world.slot
        with double.faults.on(Fault(kind="server_error", venue=venue.lower())):
            await world.pass_slots(slots)
        last = world.slot - 1
        await recover(world, [venue], slots_max=2)
        pct = await filled_pct(world, venue, first=first, last=last)
    assert pct < FILLED_PCT
    tell(Finding(promise="P16", fault="the same, nothing is asked for afterwards", control=True,
                 figures={"filled_pct": round(pct, 3)}))  # fmt: skip
