"""The library behind its guard, against the venue double; runs where ccxt is installed."""

from __future__ import annotations

import asyncio
import math
import threading
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from tests.venues.support import AMPLE, T0_MS, Dice, sound

from sigmawatch.adapters.clock import VirtualClock
from sigmawatch.adapters.venues import VenueSettings, venue_for
from sigmawatch.adapters.venues.ccxt import CcxtVenue
from sigmawatch.domain.errors import (
    BadAnswer,
    BlockedByRegion,
    Invalid,
    NotFound,
    RateLimited,
    SigmawatchError,
    Unavailable,
)
from sigmawatch.domain.market import MarketStatus
from sigmawatch_simulator import Config, Fault, Simulator

pytest.importorskip("ccxt", reason="ccxt is not installed: pip install 'sigmawatch[ccxt]'")
pytestmark = pytest.mark.asyncio(loop_scope="module")

HOUR_MS, MINUTE_MS = 3_600_000, 60_000
THROUGH = ("kraken", "binance", "bitstamp", "okx", "bybit")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def double() -> AsyncIterator[Simulator]:
    config = Config(markets_count=40, start_ms=T0_MS, speed=0.0, limited=False)
    async with Simulator(config) as simulator:
        yield simulator


def through(double: Simulator, exchange: str, clock: VirtualClock, **more: object) -> CcxtVenue:
    given = {"timeout_s": 5.0, "requests_per_minute": AMPLE, **more}
    settings = VenueSettings(
        name="TAIL", kind="ccxt", exchange=exchange, base_url=double.base_url(exchange),
        **given,  # type: ignore[arg-type]
    )  # fmt: skip
    venue = venue_for(settings, clock=clock, rng=Dice(0.5))
    assert isinstance(venue, CcxtVenue)
    return venue


async def failure(venue: CcxtVenue) -> SigmawatchError:
    with pytest.raises(SigmawatchError) as caught:
        await venue.tickers()
    return caught.value


@pytest.mark.parametrize("exchange", THROUGH)
async def test_markets_and_tickers_agree_and_are_known_by_the_exchange_s_ids(
    double: Simulator, exchange: str
) -> None:
    venue = through(double, exchange, VirtualClock(T0_MS))
    markets, tickers = await venue.markets(), await venue.tickers()
    await venue.close()
    online = {one.native for one in markets if one.status is MarketStatus.ONLINE}
    ids = {market.id for market in double.stages[exchange].markets}
    assert len(ids & online & set(tickers.natives)) >= 38  # two may share a symbol
    assert set(tickers.columns) == venue.traits.levels
    assert sound(tickers)
    priced = dict(zip(tickers.natives, tickers.columns["price"], strict=True))
    assert not any(math.isnan(priced[native]) for native in ids & online & set(priced))


async def test_two_markets_with_one_symbol_are_both_left_out(double: Simulator) -> None:
    # EXCHANGES 2: "BTC/USD pointed at the dark pool XXBTZUSD.d ... Key by venue id, never by ccxt
    # symbol."
    venue = through(double, "kraken", VirtualClock(T0_MS))
    by_id = {
        "A": [{"id": "A", "symbol": "X/Y", "base": "X", "quote": "Y", "spot": True}],
        "A.d": [{"id": "A.d", "symbol": "X/Y", "base": "X", "quote": "Y", "spot": True}],
        "B": [{"id": "B", "symbol": "B/Y", "base": "B", "quote": "Y", "spot": True}],
        "BP": [{"id": "BP", "symbol": "B/Y:Y", "base": "B", "quote": "Y", "spot": False}],
    }
    venue._exchange.markets_by_id = by_id
    listing = venue._listed(None)
    await venue.close()
    assert [one.native for one in listing.markets] == ["B"]
    assert set(listing.rejected) == {"A", "A.d"}


WRONG = {
    "rate_limited": RateLimited, "forbidden_html": BlockedByRegion, "server_error": Unavailable,
    "html_200": SigmawatchError, "empty_body": SigmawatchError, "empty_object": SigmawatchError,
    "null_result": SigmawatchError, "truncated": SigmawatchError, "redirect": SigmawatchError,
    "reset": SigmawatchError,
}  # fmt: skip


@pytest.mark.parametrize("exchange", ["kraken", "binance"])
@pytest.mark.parametrize("kind", WRONG)
async def test_whatever_the_library_makes_of_a_fault_the_poll_has_failed(
    double: Simulator, exchange: str, kind: str
) -> None:
    # EXCHANGES 2: "returns 0 tickers, no error", "AttributeError (no ccxt class)".
    clock = VirtualClock(T0_MS)
    venue = through(double, exchange, clock)
    good = await venue.tickers()
    with double.faults.on(Fault(kind=kind, venue=exchange)):
        told = await failure(venue)
        asked = double.counters.requests(exchange)
        await failure(venue)
        assert double.counters.requests(exchange) == asked
    assert isinstance(told, WRONG[kind])
    await clock.advance_to_ms(T0_MS + 120_000)
    assert (await venue.tickers()).natives == good.natives
    await venue.close()


async def test_half_the_markets_missing_is_no_answer(double: Simulator) -> None:
    # EXCHANGES 2: "Never trust an empty answer: compare the count with the last one (floor 50 %)".
    venue = through(double, "kraken", VirtualClock(T0_MS))
    await venue.tickers()
    with double.faults.on(Fault(kind="few_markets", venue="kraken", share=0.3)):
        assert type(await failure(venue)) is BadAnswer
    await venue.close()


async def test_poison_reaches_no_column(double: Simulator) -> None:
    venue = through(double, "kraken", VirtualClock(T0_MS))
    await venue.tickers()
    for value in (None, "", "0", "-1"):
        fault = Fault(kind="poison", venue="kraken", field="price", value=value, share=0.2)
        with double.faults.on(fault):
            assert sound(await venue.tickers())
    await venue.close()


async def test_a_call_that_hangs_is_given_up_and_keeps_no_other_waiting(double: Simulator) -> None:
    clock = VirtualClock(T0_MS)
    venue = through(double, "kraken", clock, timeout_s=0.2)
    await venue.markets()
    with double.faults.on(Fault(kind="hang", venue="kraken")):
        assert isinstance(await failure(venue), Unavailable)
    await clock.advance_to_ms(T0_MS + 120_000)
    assert (await venue.tickers()).natives
    await venue.close()


async def test_a_library_that_never_returns_is_left_behind(double: Simulator) -> None:
    clock, ends = VirtualClock(T0_MS), threading.Event()
    venue = through(double, "kraken", clock, timeout_s=0.1)
    await venue.markets()
    before = venue._exchange
    before.fetch_tickers = ends.wait
    try:
        assert isinstance(await failure(venue), Unavailable)
        assert venue._exchange is not before
        await clock.advance_to_ms(T0_MS + 120_000)
        assert (await venue.tickers()).natives
    finally:
        ends.set()
        await venue.close()


async def test_candles_are_closed_and_begin_where_the_exchange_does(double: Simulator) -> None:
    venue = through(double, "kraken", VirtualClock(T0_MS))
    busy = next(one.native for one in await venue.markets() if one.base == "ETH")
    asked = {"span_ms": MINUTE_MS, "from_ms": T0_MS - 24 * HOUR_MS, "to_ms": T0_MS}
    day = await venue.candles(busy, **asked)
    with pytest.raises(NotFound):
        await venue.candles("NOPE", **asked)
    await venue.close()
    assert day.from_ms >= T0_MS - 12 * HOUR_MS - MINUTE_MS  # Kraken gives 720
    assert len(day.open_ms) > 500
    assert day.open_ms[-1] < T0_MS
    assert day.rejected_count == 0


async def test_the_loop_goes_on_while_the_library_works(double: Simulator) -> None:
    venue = through(double, "kraken", VirtualClock(T0_MS))
    turns = 0

    async def turning() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    beside = asyncio.get_running_loop().create_task(turning())
    await venue.tickers()
    beside.cancel()
    await venue.close()
    assert turns > 10


@pytest.mark.parametrize("exchange", ["mtgox", "Exchange", "errors"])
async def test_an_exchange_that_the_library_does_not_know_is_refused(exchange: str) -> None:
    settings = VenueSettings(name="TAIL", kind="ccxt", exchange=exchange)
    with pytest.raises(Invalid) as caught:
        venue_for(settings, clock=VirtualClock(T0_MS), rng=Dice(0.5))
    assert caught.value.field == "exchange"
