"""Coinbase's words become values: recorded bodies, and bodies of our own."""

from __future__ import annotations

import json

import pytest
from tests.venues.coinbase.bodies import advanced, product, stats
from tests.venues.support import T0_MS, body, captured, recorded, row, sound

from sigmawatch.adapters.venues.candles import CandleRequest, candles_of
from sigmawatch.adapters.venues.coinbase import (
    parse_advanced,
    parse_candles,
    parse_markets,
    parse_tickers,
    parse_time_ms,
)
from sigmawatch.domain.errors import BadAnswer
from sigmawatch.domain.market import MarketStatus


def test_the_quote_volume_is_derived_from_base_and_last() -> None:
    # SEMANTICS 1: "A quote volume derived as base × vwap (else × close) is marked `derived`."
    tickers = parse_tickers(body({"BTC-USD": stats()}), recv_ms=T0_MS)
    assert row(tickers, "BTC-USD") == {
        "price": 50.5, "volume_24h_base": 2.0, "volume_24h_quote": 101.0,
    }  # fmt: skip
    assert tickers.derived == {"volume_24h_quote"}
    assert tickers.event_ms is None


@pytest.mark.parametrize(
    "odd",
    [None, [], 7, {}, {"stats_24hour": None}, {"stats_24hour": []}, stats(None), stats(""),
     stats("NaN"), stats("0"), stats("-1"), stats([]), stats("50", "-1"), stats("1e400")],
)  # fmt: skip
def test_one_bad_market_costs_no_other(odd: object) -> None:
    tickers = parse_tickers(body({"A-USD": stats(), "ODD": odd, "B-USD": stats()}), recv_ms=T0_MS)
    assert row(tickers, "A-USD")["price"] == row(tickers, "B-USD")["price"] == 50.5
    assert set(tickers.rejected) == {"ODD"}
    assert sound(tickers)


@pytest.mark.parametrize("odd", [b"", b"[]", b"null", b'{"A":', b"<html>", b"7"])
def test_an_answer_of_another_shape_is_a_bad_answer(odd: bytes) -> None:
    for parse in (parse_tickers, parse_advanced):
        with pytest.raises(BadAnswer):
            parse(odd, recv_ms=T0_MS)


def test_the_other_list_counts_no_order_book_twice() -> None:
    # EXCHANGES 1.3: "products" that are aliases of USD books "would be counted twice".
    said = body({"num_products": 4, "products": [
        advanced("BTC-USD", alias_to=["BTC-USDC"]), advanced("BTC-USDC", alias="BTC-USD"),
        advanced("ETH-EUR", alias="ETH-EUR"), advanced("NEW-USD", price=""), None,
    ]})  # fmt: skip
    tickers = parse_advanced(said, recv_ms=T0_MS)
    assert tickers.natives == ("BTC-USD", "ETH-EUR", "NEW-USD")
    assert row(tickers, "BTC-USD")["volume_24h_quote"] == 101.0
    assert len(tickers.rejected) == 2


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, MarketStatus.ONLINE),
        ({"status": "offline"}, MarketStatus.HALTED),
        ({"status": "internal"}, MarketStatus.HALTED),
        ({"trading_disabled": True}, MarketStatus.HALTED),
        ({"cancel_only": True}, MarketStatus.HALTED),
        ({"post_only": True}, MarketStatus.HALTED),
        ({"limit_only": True}, MarketStatus.ONLINE),
        ({"status": "delisted"}, MarketStatus.DELISTED),
        ({"status": "delisted", "trading_disabled": True}, MarketStatus.DELISTED),
        ({"status": None}, MarketStatus.HALTED),
    ],
)
def test_a_product_trades_only_where_everything_says_so(
    fields: dict[str, object], expected: MarketStatus
) -> None:
    (market,) = parse_markets(body([product("BTC-USD", **fields)])).markets
    assert (market.name, market.native) == ("COINBASE:BTC/USD", "BTC-USD")
    assert market.status is expected


@pytest.mark.parametrize(
    "odd", [None, {}, product("A-B", base_currency=None), product("A-B", id=1)]
)
def test_a_product_without_usable_names_is_counted(odd: object) -> None:
    listing = parse_markets(body([odd, product("BTC-USD")]))
    assert [market.native for market in listing.markets] == ["BTC-USD"]
    assert len(listing.rejected) == 1


def test_the_recorded_list_of_2021_is_read_whole() -> None:
    raw = captured("COINBASE.0", recorded("cryptofeed-captures/COINBASE.0").read_text())
    listing = parse_markets(raw)
    assert len(listing.markets) == len(json.loads(raw))
    assert listing.rejected == {}


def test_candles_come_newest_first_with_low_before_high() -> None:
    minute = T0_MS // 1_000
    said = body([[minute + 60, 9, 12, 10, 11.5, 3], [minute, 8.5, 11, 9, 10.25, 2]])
    request = CandleRequest(native="A-B", span_ms=60_000, from_ms=T0_MS, to_ms=T0_MS + 120_000)
    candles = candles_of(parse_candles(said), request, now_ms=T0_MS + 120_000)
    assert list(candles.open_ms) == [T0_MS, T0_MS + 60_000]
    assert list(candles.close) == [10.25, 11.5]
    assert list(candles.volume_quote) == [20.5, 34.5]
    assert candles.quote_derived


def test_a_recorded_candle_is_read_in_its_order() -> None:
    stored = json.loads(recorded("ccxt-static-frames/coinbase_exchange_rest.json").read_text())
    said = stored["GET /products/BTC-USDT/candles?granularity=3600"]
    open_ms = 1_000 * said[0][0]
    request = CandleRequest(native="BTC-USDT", span_ms=3_600_000, from_ms=open_ms,
                            to_ms=open_ms + 3_600_000)  # fmt: skip
    candles = candles_of(parse_candles(body(said)), request, now_ms=open_ms + 3_600_000)
    assert (list(candles.close), list(candles.volume_base)) == ([73_370.65], [1.56794406])


def test_time_is_read_to_the_millisecond() -> None:
    said = b'{"iso":"2015-01-07T23:47:25.201Z","epoch":1420674445.201}'
    assert parse_time_ms(said) == 1_420_674_445_201
    for odd in (b'{"epoch":null}', b"{}", b'{"epoch":-1}', b'{"epoch":"x"}'):
        with pytest.raises(BadAnswer):
            parse_time_ms(odd)
