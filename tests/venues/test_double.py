"""Against the venue double: every fault has its state, a ban is silent, recovery comes alone."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from tests.venues.coinbase.bodies import advanced
from tests.venues.support import T0_MS, body, floats, row, sound, venue_at
from tests.venues.test_http import saying, serving

from sigmawatch.adapters.clock import RealClock, VirtualClock
from sigmawatch.adapters.venues import VENUES
from sigmawatch.domain.errors import (
    BadAnswer,
    BlockedByRegion,
    Maintenance,
    NotFound,
    RateLimited,
    SigmawatchError,
    Unavailable,
)
from sigmawatch.domain.market import MarketStatus
from sigmawatch.domain.reading import Candles
from sigmawatch.ports.venue import Venue
from sigmawatch_simulator import Config, Fault, Simulator

MINUTE_MS, HOUR_MS = 60_000, 3_600_000
EVERY_VENUE = pytest.mark.parametrize("name", list(VENUES))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def double() -> AsyncIterator[Simulator]:
    """One double for the module; its clock stands still, its faults end with each test."""
    config = Config(markets_count=40, start_ms=T0_MS, speed=0.0, limited=False)
    async with Simulator(config) as simulator:
        yield simulator


pytestmark = pytest.mark.asyncio(loop_scope="module")


def at(double: Simulator, name: str) -> str:
    return double.base_url(name.lower())


async def failure(venue: Venue) -> SigmawatchError:
    with pytest.raises(SigmawatchError) as caught:
        await venue.tickers()
    return caught.value


@EVERY_VENUE
async def test_markets_tickers_and_time_agree_with_each_other(double: Simulator, name: str) -> None:
    async with venue_at(at(double, name), name) as venue:
        markets, tickers = await venue.markets(), await venue.tickers()
        assert abs(await venue.time_ms() - T0_MS) < 1_000
    online = {each.native for each in markets if each.status is MarketStatus.ONLINE}
    ticking = online & set(tickers.natives)  # one may be listed before it trades
    assert len(ticking) >= 40
    assert len({each.name for each in markets}) == len(markets)
    assert set(tickers.columns) == venue.traits.levels
    assert sound(tickers)
    priced = dict(zip(tickers.natives, tickers.columns["price"], strict=True))
    assert not any(math.isnan(priced[native]) for native in ticking)


WRONG = {
    "rate_limited": RateLimited, "banned": RateLimited, "forbidden_html": BlockedByRegion,
    "region_blocked": BlockedByRegion, "server_error": Unavailable, "cloudflare_520": Unavailable,
    "html_200": BadAnswer, "overloaded": Unavailable, "empty_body": BadAnswer,
    "empty_object": BadAnswer, "empty_array": BadAnswer, "null_result": BadAnswer,
    "redirect": BadAnswer, "truncated": BadAnswer, "gzip_cut": BadAnswer, "huge_body": BadAnswer,
    "hang": Unavailable, "slow_body": Unavailable, "reset": Unavailable,
    "maintenance": Maintenance,
}  # fmt: skip


@EVERY_VENUE
@pytest.mark.parametrize("kind", WRONG)
async def test_every_fault_has_its_name_and_ends_without_a_restart(
    double: Simulator, name: str, kind: str
) -> None:
    clock, key = VirtualClock(T0_MS), name.lower()
    limits = {"timeout_s": 1.0 if kind in {"hang", "slow_body"} else 5.0, "body_bytes_max": 10**6}
    async with venue_at(at(double, name), name, clock=clock, **limits) as venue:
        good = await venue.tickers()
        with double.faults.on(Fault(kind=kind, venue=key)):
            first = await failure(venue)
            asked = double.counters.requests(key)
            again = await failure(venue)
            assert double.counters.requests(key) == asked  # nothing is sent while it is open
        assert type(first) is type(again) is WRONG[kind]
        await clock.advance_to_ms(T0_MS + 120_000)
        recovered = await venue.tickers()  # the double's clock stands: the same answer again
    assert {name: floats(column) for name, column in recovered.columns.items()} == {
        name: floats(column) for name, column in good.columns.items()
    }


@EVERY_VENUE
async def test_a_ban_is_silent_to_its_last_second_for_every_kind_of_call(
    double: Simulator, name: str
) -> None:
    clock, key = VirtualClock(T0_MS), name.lower()
    async with venue_at(at(double, name), name, clock=clock) as venue:
        with double.faults.on(Fault(kind="banned", venue=key, retry_after_s=120)):
            assert isinstance(await failure(venue), RateLimited)
            asked = double.counters.requests(key)
            for _ in range(119):
                await clock.advance_to_ms(clock.now_ms() + 1_000)
                for call in (venue.tickers(), venue.markets(), venue.time_ms(), candles(venue)):
                    with pytest.raises(RateLimited):
                        await call
            assert double.counters.requests(key) == asked
            await clock.advance_to_ms(clock.now_ms() + 1_000)
            assert isinstance(await failure(venue), RateLimited)
            assert double.counters.requests(key) == asked + 1


async def candles(venue: Venue, native: str = "X", *, span_ms: int = MINUTE_MS) -> Candles:
    return await venue.candles(native, span_ms=span_ms, from_ms=T0_MS - HOUR_MS, to_ms=T0_MS)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("EGeneral:Too many requests", RateLimited),
        ("EAPI:Rate limit exceeded", RateLimited),
        ("EService:Busy", Unavailable),
        ("EService:Market in cancel_only mode", Maintenance),
    ],
)
async def test_kraken_s_words_inside_a_200_have_their_state(
    double: Simulator, said: str, expected: type[SigmawatchError]
) -> None:
    async with venue_at(at(double, "KRAKEN"), "KRAKEN") as venue:
        with double.faults.on(Fault(kind="kraken_error", venue="kraken", value=said)):
            told = await failure(venue)
    assert type(told) is expected


async def test_kraken_s_rate_strings_pause_fifteen_seconds_then_thirty(double: Simulator) -> None:
    clock = VirtualClock(T0_MS)
    fault = Fault(kind="kraken_error", venue="kraken", value="EAPI:Rate limit exceeded")
    async with venue_at(at(double, "KRAKEN"), "KRAKEN", clock=clock) as venue:
        with double.faults.on(fault):
            for pause_s in (15, 30, 60):
                await failure(venue)
                asked = double.counters.requests("kraken")
                await clock.advance_to_ms(clock.now_ms() + 1_000 * pause_s - 1)
                await failure(venue)
                assert double.counters.requests("kraken") == asked
                await clock.advance_to_ms(clock.now_ms() + 1)


async def test_where_coinbase_refuses_its_bulk_call_the_other_list_answers(
    double: Simulator,
) -> None:
    products = [advanced("BTC-USD"), advanced("BTC-USDC", alias="BTC-USD")]
    async with serving(saying(body({"products": products}))) as other:
        with double.faults.on(Fault(kind="forbidden_html", path="/products/stats")):
            async with venue_at(
                at(double, "COINBASE"), "COINBASE", fallback_url=other.url
            ) as venue:
                tickers = await venue.tickers()
    assert tickers.natives == ("BTC-USD",)
    assert other.asked[0].path == "/api/v3/brokerage/market/products"


@EVERY_VENUE
async def test_a_refused_address_asks_less_and_less_often(double: Simulator, name: str) -> None:
    clock = VirtualClock(T0_MS)
    async with venue_at(at(double, name), name, clock=clock) as venue:
        with double.faults.on(Fault(kind="forbidden_html", venue=name.lower())):
            for pause_s in (60, 120, 240, 480, 900, 900):
                assert "another network" in str(await failure(venue))
                asked = venue.http.counts["requests"]
                await clock.advance_to_ms(clock.now_ms() + 1_000 * pause_s - 1)
                assert isinstance(await failure(venue), BlockedByRegion)
                assert venue.http.counts["requests"] == asked
                await clock.advance_to_ms(clock.now_ms() + 1)


@EVERY_VENUE
@pytest.mark.parametrize(
    ("field", "value"),
    [("price", None), ("price", ""), ("price", "NaN"), ("price", "-1"), ("price", "1e400"),
     ("volume", None), ("volume", "-5"), ("volume", "inf")],
)  # fmt: skip
async def test_poisoned_fields_are_counted_and_cost_no_neighbour(
    double: Simulator, name: str, field: str, value: str | None
) -> None:
    async with venue_at(at(double, name), name) as venue:
        good = await venue.tickers()
        fault = Fault(kind="poison", venue=name.lower(), field=field, value=value, share=0.2)
        with double.faults.on(fault):
            poisoned = await venue.tickers()
    assert sound(poisoned)
    assert poisoned.natives == good.natives
    assert 0 < len(poisoned.rejected) < len(good.natives) / 2
    for native in set(good.natives) - set(poisoned.rejected):
        assert row(poisoned, native) == row(good, native)


@EVERY_VENUE
@pytest.mark.parametrize("kind", ["null_row", "duplicate_keys", "mime_html"])
async def test_odd_bodies_that_can_be_read_are_read(
    double: Simulator, name: str, kind: str
) -> None:
    async with venue_at(at(double, name), name) as venue:
        good = await venue.tickers()
        with double.faults.on(Fault(kind=kind, venue=name.lower())):
            odd = await venue.tickers()
    assert sound(odd)
    assert len(set(odd.natives)) == len(odd.natives)
    assert len(odd.natives) >= len(good.natives) * 0.8


@EVERY_VENUE
async def test_far_fewer_markets_than_before_are_a_bad_answer(double: Simulator, name: str) -> None:
    # EXCHANGES 2: "Never trust an empty answer: compare the count with the last one (floor 50 %)".
    clock = VirtualClock(T0_MS)
    async with venue_at(at(double, name), name, clock=clock) as venue:
        await venue.tickers()
        with double.faults.on(Fault(kind="few_markets", venue=name.lower(), share=0.3)):
            assert type(await failure(venue)) is BadAnswer
            for _ in range(8):
                await clock.advance_to_ms(clock.now_ms() + 60_000)
                assert type(await failure(venue)) is BadAnswer
            await clock.advance_to_ms(clock.now_ms() + 60_000)
            assert len((await venue.tickers()).natives) < 20  # the tenth time it is the truth


@EVERY_VENUE
async def test_candles_tell_the_same_whatever_the_venue_does_to_their_order(
    double: Simulator, name: str
) -> None:
    async with venue_at(at(double, name), name) as venue:
        native = (await venue.markets())[0].native
        good = await candles(venue, native)
        for kind in ("unsorted_candles", "future_candles"):
            with double.faults.on(Fault(kind=kind, venue=name.lower())):
                assert same(await candles(venue, native), good)
    assert len(good.open_ms) > 30
    assert good.rejected_count == 0
    assert good.open_ms[-1] < T0_MS
    assert T0_MS - good.complete_ms <= 2 * MINUTE_MS


def same(one: Candles, other: Candles) -> bool:
    return all(
        floats(getattr(one, name)) == floats(getattr(other, name))
        for name in ("open_ms", "close", "volume_base", "volume_quote", "trades")
    )


@EVERY_VENUE
async def test_a_long_past_is_fetched_whole_in_as_many_calls_as_it_takes(
    double: Simulator, name: str
) -> None:
    calls = {"COINBASE": 2, "OKX": 2}.get(name, 1)  # of 300 candles; the others give 576 at once
    async with venue_at(at(double, name), name) as venue:
        native = (await venue.markets())[0].native
        before = venue.http.counts["requests"]
        past = await venue.candles(
            native, span_ms=5 * MINUTE_MS, from_ms=T0_MS - 48 * HOUR_MS, to_ms=T0_MS
        )
        assert venue.http.counts["requests"] - before == calls
    assert past.open_ms[0] - (T0_MS - 48 * HOUR_MS) < 2 * HOUR_MS
    assert len(past.open_ms) > 500


@EVERY_VENUE
async def test_an_unknown_market_is_not_found_and_the_others_go_on(
    double: Simulator, name: str
) -> None:
    async with venue_at(at(double, name), name) as venue:
        for native in ("NOPE", "a/b?c=d&e", "币安"):
            with pytest.raises(NotFound):
                await candles(venue, native)
        assert (await venue.tickers()).natives


async def test_kraken_says_how_far_it_reaches_when_it_sends_less(double: Simulator) -> None:
    async with venue_at(at(double, "KRAKEN"), "KRAKEN") as venue:
        asked = {"span_ms": MINUTE_MS, "from_ms": T0_MS - 24 * HOUR_MS, "to_ms": T0_MS}
        half = await venue.candles("XXBTZUSD", **asked)
    assert half.from_ms == T0_MS - 12 * HOUR_MS
    assert half.open_ms[0] >= half.from_ms


async def test_okx_says_how_far_it_reaches_when_it_sends_less(double: Simulator) -> None:
    async with venue_at(at(double, "OKX"), "OKX") as venue:
        asked = {"span_ms": MINUTE_MS, "from_ms": T0_MS - 48 * HOUR_MS, "to_ms": T0_MS}
        half = await venue.candles("BTC-USDT", **asked)
    assert half.from_ms == T0_MS - 1_439 * MINUTE_MS  # 1,440 with the running one
    assert half.open_ms[0] - half.from_ms < 5 * MINUTE_MS


async def test_bybit_is_left_alone_for_ten_minutes_where_it_says_too_frequent() -> None:
    # EXCHANGES 1.7: "600 req/5 s/IP then 403 for >= 10 min". Another 403 is for the country.
    clock = VirtualClock(T0_MS)
    refused = saying(b"403, access too frequent", status=403)
    async with serving(refused) as server, venue_at(server.url, "BYBIT", clock=clock) as venue:
        assert type(await failure(venue)) is RateLimited
        await clock.advance_to_ms(T0_MS + 600_000 - 1)
        assert isinstance(await failure(venue), RateLimited)
        assert len(server.asked) == 1
        await clock.advance_to_ms(T0_MS + 600_000)
        await failure(venue)
        assert len(server.asked) == 2


async def test_bitstamp_s_code_for_too_often_is_a_rate_limit_whatever_its_status() -> None:
    said = body({"response_code": "400.002", "response_explanation": "Rate limit exceeded."})
    refused = saying(said, status=400)
    async with serving(refused) as server, venue_at(server.url, "BITSTAMP") as venue:
        assert type(await failure(venue)) is RateLimited


async def test_a_poll_of_binance_costs_its_weight(double: Simulator) -> None:
    clock = VirtualClock(T0_MS)
    base = at(double, "BINANCE")
    async with venue_at(base, "BINANCE", clock=clock, requests_per_minute=None) as venue:
        for _ in range(15):  # 15 x 80 is the burst of 1,200
            await venue.tickers()
        late = asyncio.create_task(venue.tickers())
        await clock.advance_to_ms(T0_MS + 900, turns=5)
        assert venue.http.counts["requests"] == 15
        await clock.advance_to_ms(T0_MS + 1_000, turns=5)
        assert (await late).natives


async def test_kraken_is_asked_for_the_candle_that_opens_where_we_start() -> None:
    # "`since` itself is left out": asking from one second before brings it.
    empty = saying(b'{"error":[],"result":{"X":[],"last":0}}')
    async with serving(empty) as server, venue_at(server.url, "KRAKEN") as venue:
        await candles(venue, "XXBTZUSD", span_ms=5 * MINUTE_MS)
    assert dict(server.asked[0].query) == {
        "pair": "XXBTZUSD", "interval": "5", "since": str((T0_MS - HOUR_MS) // 1_000 - 1),
    }  # fmt: skip


async def test_the_real_limits_of_the_double_are_never_touched() -> None:
    async with Simulator(Config(markets_count=20, speed=1.0)) as simulator:
        for name in VENUES:
            base = simulator.base_url(name.lower())
            async with venue_at(base, name, clock=RealClock(), requests_per_minute=None) as venue:
                native = simulator.stages[name.lower()].markets[0].id
                now_ms = simulator.clock.now_ms()
                await asyncio.gather(venue.tickers(), *(
                    venue.candles(native, span_ms=MINUTE_MS, from_ms=now_ms - HOUR_MS, to_ms=now_ms)
                    for _ in range(1 if name == "KRAKEN" else 8)
                ))  # fmt: skip
                assert set(venue.http.counts) == {"requests"}
