"""Bitstamp's words become values: a recorded list, and bodies of our own."""

from __future__ import annotations

import json

import pytest
from tests.venues.bitstamp.bodies import candle, market, ohlc, ticker
from tests.venues.support import T0_MS, body, captured, recorded, row, sound

from sigmawatch.adapters.venues.bitstamp import (
    native_of,
    parse_candles,
    parse_markets,
    parse_tickers,
    parse_time_ms,
)
from sigmawatch.adapters.venues.candles import CandleRequest, candles_of
from sigmawatch.domain.errors import BadAnswer
from sigmawatch.domain.market import MarketStatus


def test_the_quote_volume_is_base_times_the_average_of_the_same_day() -> None:
    # SEMANTICS 1: "A quote volume derived as base × vwap (else × close) is marked `derived`."
    tickers = parse_tickers(body([ticker("BTC/USD")]), recv_ms=T0_MS)
    assert row(tickers, "btcusd") == {
        "price": 50.5, "bid": 50.4, "ask": 50.6, "volume_24h_base": 2.0, "volume_24h_quote": 100.0,
        "spread_bp": pytest.approx(39.6, abs=0.1),
    }  # fmt: skip
    assert tickers.derived == {"spread_bp", "volume_24h_quote"}
    assert tickers.event_ms == T0_MS


@pytest.mark.parametrize(
    "odd",
    [None, [], 7, {}, ticker(None), ticker("O/DD", last=None), ticker("O/DD", last=""),
     ticker("O/DD", last="NaN"), ticker("O/DD", last="-1"), ticker("O/DD", volume="-1"),
     ticker("O/DD", ask="1", bid="2"), ticker("O/DD", vwap="x")],
)  # fmt: skip
def test_one_bad_market_costs_no_other(odd: object) -> None:
    tickers = parse_tickers(body([ticker("A/USD"), odd, ticker("B/USD")]), recv_ms=T0_MS)
    assert row(tickers, "ausd")["price"] == row(tickers, "busd")["price"] == 50.5
    assert len(tickers.rejected) == 1
    assert sound(tickers)


def test_contracts_are_no_spot_markets() -> None:
    contract = ticker("BTC/USD-PERP", market_type="PERPETUAL")
    assert parse_tickers(body([contract, ticker()]), recv_ms=T0_MS).natives == ("ausd",)
    listed = body([market("BTC/USD-PERP", market_type="PERPETUAL"), market()])
    assert [one.native for one in parse_markets(listed).markets] == ["ausd"]


@pytest.mark.parametrize("odd", [b"", b"{}", b"null", b'[{"pair"', b'{"response_code":"404.002"}'])
def test_an_answer_of_another_shape_is_a_bad_answer(odd: bytes) -> None:
    with pytest.raises(BadAnswer):
        parse_tickers(odd, recv_ms=T0_MS)


@pytest.mark.parametrize(
    ("trading", "expected"),
    [("Enabled", MarketStatus.ONLINE), ("Disabled", MarketStatus.HALTED),
     (None, MarketStatus.HALTED)],
)  # fmt: skip
def test_a_market_trades_only_where_it_says_so(trading: object, expected: MarketStatus) -> None:
    (one,) = parse_markets(body([market("BTC/USD", trading=trading)])).markets
    assert (one.name, one.native, one.status) == ("BITSTAMP:BTC/USD", "btcusd", expected)


@pytest.mark.parametrize(
    "odd", [None, {}, market(base_currency=None), market(market_symbol=7, base_currency="X")]
)
def test_a_market_without_usable_names_is_counted(odd: object) -> None:
    listing = parse_markets(body([odd, market("BTC/USD")]))
    assert [one.native for one in listing.markets] == ["btcusd"]
    assert len(listing.rejected) == 1


def test_a_ticker_is_matched_with_its_market_as_in_the_recorded_list() -> None:
    # The list of 2022 is of an older call, with the same names: `name` and `url_symbol`.
    raw = captured("BITSTAMP.0", recorded("cryptofeed-captures/BITSTAMP.0").read_text())
    pairs = json.loads(raw)
    assert len(pairs) > 100
    assert [native_of(pair["name"]) for pair in pairs] == [pair["url_symbol"] for pair in pairs]


def test_candles_are_texts_in_seconds_and_their_worth_is_derived() -> None:
    second = T0_MS // 1_000
    said = body(ohlc(candle(second), candle(second + 60, "11.5"), None))
    asked = CandleRequest(native="ausd", span_ms=60_000, from_ms=T0_MS, to_ms=T0_MS + 120_000)
    candles = candles_of(parse_candles(said), asked, now_ms=T0_MS + 120_000)
    assert list(candles.close) == [10.5, 11.5]
    assert list(candles.volume_quote) == [31.5, 34.5]
    assert candles.quote_derived
    assert candles.rejected_count == 1


def test_the_time_is_the_newest_of_all_tickers_however_wrong() -> None:
    rows = [ticker("A/USD"), ticker("B/USD", timestamp="1762822800"), ticker("C/USD", timestamp="")]
    assert parse_time_ms(body(rows), recv_ms=T0_MS) == T0_MS + 3_600_000
    with pytest.raises(BadAnswer):
        parse_time_ms(body([ticker(timestamp=None)]), recv_ms=T0_MS)
