"""Binance's words become values: recorded bodies, and bodies of our own."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from tests.venues.binance.bodies import symbol, ticker
from tests.venues.support import T0_MS, body, captured, recorded, row, sound

from sigmawatch.adapters.venues.binance import (
    parse_candles,
    parse_markets,
    parse_tickers,
    parse_time_ms,
)
from sigmawatch.adapters.venues.candles import CandleRequest, candles_of
from sigmawatch.domain.errors import BadAnswer
from sigmawatch.domain.market import MarketStatus


def test_a_ticker_has_quoted_volumes_and_the_time_of_its_window() -> None:
    tickers = parse_tickers(body([ticker()]), recv_ms=T0_MS)
    assert row(tickers, "ETHBTC") == {
        "price": 0.036, "bid": 0.0359, "ask": 0.0361, "spread_bp": pytest.approx(55.5555555556),
        "volume_24h_base": 1000.0, "volume_24h_quote": 35.5,
    }  # fmt: skip
    assert tickers.derived == {"spread_bp"}
    assert tickers.event_ms == T0_MS - 200


def test_a_halted_market_is_missing_without_a_complaint() -> None:
    # EXCHANGES 1.5: "Halted (BREAK) markets stay in the answer with zero prices".
    halted = ticker("XYZUSDT", lastPrice="0.00000000", bidPrice="0.00000000",
                    askPrice="0.00000000", volume="0.00000000", quoteVolume="0.00000000",
                    closeTime=1)  # fmt: skip
    tickers = parse_tickers(body([ticker(), halted]), recv_ms=T0_MS)
    assert row(tickers, "XYZUSDT") == {"volume_24h_base": 0.0, "volume_24h_quote": 0.0}
    assert tickers.rejected == {}
    assert tickers.event_ms == T0_MS - 200


@pytest.mark.parametrize(
    "odd",
    [None, [], 7, {}, ticker(None), ticker(5), ticker("ODD", lastPrice=None),
     ticker("ODD", lastPrice="NaN"), ticker("ODD", lastPrice=[]), ticker("ODD", volume="-1"),
     ticker("ODD", bidPrice="2", askPrice="1"), ticker("ODD", quoteVolume="1e400")],
)  # fmt: skip
def test_one_bad_market_costs_no_other(odd: object) -> None:
    tickers = parse_tickers(body([ticker("A"), odd, ticker("B")]), recv_ms=T0_MS)
    assert row(tickers, "A")["price"] == row(tickers, "B")["price"] == 0.036
    assert len(tickers.rejected) == 1
    assert sound(tickers)


def test_a_symbol_sent_twice_counts_once() -> None:
    tickers = parse_tickers(body([ticker("A"), ticker("A", lastPrice="2")]), recv_ms=T0_MS)
    assert tickers.natives == ("A",)


@pytest.mark.parametrize("time", [None, "x", -1, T0_MS + 30_001, 10**400, []])
def test_a_time_that_cannot_be_is_no_event_time(time: object) -> None:
    tickers = parse_tickers(body([ticker("A", closeTime=time)]), recv_ms=T0_MS)
    assert tickers.event_ms is None
    both = parse_tickers(body([ticker("A", closeTime=time), ticker("B")]), recv_ms=T0_MS)
    assert both.event_ms == T0_MS - 200


@pytest.mark.parametrize("odd", [b"", b"{}", b"null", b"[", b'[{"symbol"', b'{"code":-1003}'])
def test_an_answer_of_another_shape_is_a_bad_answer(odd: bytes) -> None:
    with pytest.raises(BadAnswer):
        parse_tickers(odd, recv_ms=T0_MS)
    with pytest.raises(BadAnswer):
        parse_markets(odd)


def test_markets_keep_their_symbol_even_where_it_is_not_ascii() -> None:
    listing = parse_markets(body({"symbols": [
        symbol("ETHBTC"), symbol("LTCBTC", status="HALT"), symbol("ADABTC", status="BREAK"),
        symbol("NEOBTC", status="CANCEL_ONLY"), symbol("币安币USDT"),
    ]}))  # fmt: skip
    assert {market.name: str(market.status) for market in listing.markets} == {
        "BINANCE:ETH/BTC": "online", "BINANCE:LTC/BTC": "halted", "BINANCE:ADA/BTC": "halted",
        "BINANCE:NEO/BTC": "halted", "BINANCE:币安币/USDT": "online",
    }  # fmt: skip


@pytest.mark.parametrize(
    "odd", [None, [], 7, {}, symbol("A/BUSD"), symbol("ODDUSD", baseAsset=None),
            symbol("ODDUSD", quoteAsset=""), symbol("ODDUSD", symbol=5),
            symbol("ODDUSD", symbol="x" * 65)],
)  # fmt: skip
def test_a_market_without_usable_names_is_counted(odd: object) -> None:
    listing = parse_markets(body({"symbols": [odd, symbol("ETHBTC")]}))
    assert [market.native for market in listing.markets] == ["ETHBTC"]
    assert len(listing.rejected) == 1


def test_the_recorded_list_of_2021_is_read_whole() -> None:
    with gzip.open(recorded("cryptofeed-captures/BINANCE.0.gz"), "rt") as file:
        listing = parse_markets(captured("BINANCE.0", file.read()))
    online = sum(market.status is MarketStatus.ONLINE for market in listing.markets)
    assert (len(listing.markets), online, listing.rejected) == (1_695, 1_262, {})


def responses(route: str) -> list[Any]:
    """Recorded answers of one route; keys are in alphabetical order there."""
    stored = json.loads(recorded("gocryptotrader-binance-rest/responses.json").read_text())
    return [each["body"] for each in stored if each["route"] == route]


def test_recorded_tickers_are_read_to_the_last_digit() -> None:
    answers = responses("/api/v3/ticker/24hr")
    assert len(answers) == 5
    for said in answers:
        rows = said if isinstance(said, list) else [said]
        tickers = parse_tickers(body(rows), recv_ms=2_000_000_000_000)
        assert tickers.rejected == {}
        assert tickers.event_ms == max(each["closeTime"] for each in rows)
        for each in rows:
            got = row(tickers, each["symbol"])
            assert got["price"] == float(each["lastPrice"])
            assert got["volume_24h_quote"] == float(each["quoteVolume"])


def test_recorded_exchange_info_lists_what_it_holds() -> None:
    for said in responses("/api/v3/exchangeInfo"):
        listing = parse_markets(body(said))
        assert len(listing.markets) == len(said["symbols"])


def test_recorded_candles_are_read_to_the_last_digit() -> None:
    answers = [said for said in responses("/api/v3/klines") if len(said) > 1]
    assert len(answers) >= 10
    for said in answers:
        span_ms = said[1][0] - said[0][0]
        request = CandleRequest(native="BTCUSDT", span_ms=span_ms, from_ms=said[0][0],
                                to_ms=said[-1][0] + span_ms)  # fmt: skip
        candles = candles_of(parse_candles(body(said)), request, now_ms=2_000_000_000_000)
        traded = [each for each in said if float(each[5]) > 0.0]
        assert list(candles.open_ms) == [each[0] for each in traded]
        assert list(candles.close) == [float(each[4]) for each in traded]
        assert list(candles.volume_base) == [float(each[5]) for each in traded]
        assert list(candles.volume_quote) == [float(each[7]) for each in traded]
        assert list(candles.trades) == [float(each[8]) for each in traded]
        assert not candles.quote_derived


def test_candles_have_binance_s_fields_in_binance_s_places() -> None:
    kline = [T0_MS, "1", "2", "0.5", "1.5", "10", T0_MS + 59_999, "14", 7, "5", "6", "0"]
    request = CandleRequest(native="X", span_ms=60_000, from_ms=T0_MS, to_ms=T0_MS + 60_000)
    candles = candles_of(parse_candles(body([kline])), request, now_ms=T0_MS + 60_000)
    assert list(candles.open_ms) == [T0_MS]
    assert (candles.close[0], candles.volume_base[0]) == (1.5, 10.0)
    assert (candles.volume_quote[0], candles.trades[0]) == (14.0, 7.0)
    assert not candles.quote_derived


@pytest.mark.parametrize("odd", [{"serverTime": "1"}, {}, {"serverTime": None}])
def test_a_time_that_is_no_whole_number_is_a_bad_answer(odd: object) -> None:
    assert parse_time_ms(b'{"serverTime":1499827319559}') == 1_499_827_319_559
    with pytest.raises(BadAnswer):
        parse_time_ms(body(odd))
