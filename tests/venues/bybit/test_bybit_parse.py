"""Bybit's words become values."""

from __future__ import annotations

import pytest
from tests.venues.bybit.bodies import instrument, kline, said, ticker
from tests.venues.support import T0_MS, body, row, sound

from sigmawatch.adapters.venues.bybit import (
    parse_candles,
    parse_markets,
    parse_tickers,
    parse_time_ms,
)
from sigmawatch.adapters.venues.candles import CandleRequest, candles_of
from sigmawatch.domain.errors import (
    BadAnswer,
    NotFound,
    RateLimited,
    SigmawatchError,
    Unavailable,
)
from sigmawatch.domain.market import MarketStatus


def test_turnover_is_quote_and_volume_base() -> None:
    tickers = parse_tickers(body(said([ticker()])), recv_ms=T0_MS)
    assert row(tickers, "AUSDT") == {
        "price": 50.5, "bid": 50.4, "ask": 50.6, "volume_24h_base": 2.0, "volume_24h_quote": 101.0,
        "spread_bp": pytest.approx(39.6, abs=0.1),
    }  # fmt: skip
    assert tickers.derived == {"spread_bp"}
    assert tickers.event_ms == T0_MS


@pytest.mark.parametrize(
    "odd",
    [None, [], 7, {}, ticker(None), ticker("ODD", lastPrice=None), ticker("ODD", lastPrice=""),
     ticker("ODD", lastPrice="inf"), ticker("ODD", lastPrice="0"), ticker("ODD", volume24h="-1"),
     ticker("ODD", ask1Price="1", bid1Price="2"), ticker("ODD", turnover24h=[])],
)  # fmt: skip
def test_one_bad_market_costs_no_other(odd: object) -> None:
    tickers = parse_tickers(body(said([ticker("AB"), odd, ticker("CD")])), recv_ms=T0_MS)
    assert row(tickers, "AB")["price"] == row(tickers, "CD")["price"] == 50.5
    assert len(tickers.rejected) == 1
    assert tickers.event_ms == T0_MS
    assert sound(tickers)


@pytest.mark.parametrize(
    "odd",
    [b"", b"[]", b"null", b"{}", b'{"retCode":0}', b'{"retCode":0,"result":{}}', b'{"retCode":',
     b'{"retCode":false,"result":{"list":[]}}', b"<p>"],
)  # fmt: skip
def test_an_answer_of_another_shape_is_a_bad_answer(odd: bytes) -> None:
    with pytest.raises(BadAnswer):
        parse_tickers(odd, recv_ms=T0_MS)


@pytest.mark.parametrize(
    ("code", "msg", "expected"),
    [
        (10006, "Too many visits!", RateLimited),
        (10018, "Ip rate limit", RateLimited),
        (10016, "Internal server error", Unavailable),
        (10001, "Not supported symbols", NotFound),
        (10001, "Invalid period!", BadAnswer),
        (10003, "API key is invalid", BadAnswer),
    ],
)
def test_an_error_has_the_name_of_what_to_do_next(
    code: int, msg: str, expected: type[SigmawatchError]
) -> None:
    with pytest.raises(SigmawatchError) as caught:
        parse_tickers(body(said([], code, msg)), recv_ms=T0_MS)
    assert type(caught.value) is expected
    assert str(code) in str(caught.value)


@pytest.mark.parametrize(
    ("status", "expected"),
    [("Trading", MarketStatus.ONLINE), ("PreLaunch", MarketStatus.HALTED),
     ("Closed", MarketStatus.HALTED), (None, MarketStatus.HALTED)],
)  # fmt: skip
def test_a_symbol_trades_only_where_it_says_so(status: object, expected: MarketStatus) -> None:
    (market,) = parse_markets(body(said([instrument("BTCUSDT", status=status)]))).markets
    assert (market.name, market.native, market.status) == ("BYBIT:BTC/USDT", "BTCUSDT", expected)


@pytest.mark.parametrize("odd", [None, {}, instrument(None), instrument("XY", baseCoin=None)])
def test_a_symbol_without_usable_names_is_counted(odd: object) -> None:
    listing = parse_markets(body(said([odd, instrument("BTCUSDT")])))
    assert [market.native for market in listing.markets] == ["BTCUSDT"]
    assert len(listing.rejected) == 1


def test_klines_come_newest_first_and_the_running_one_is_left_out() -> None:
    rows = [kline(T0_MS + 120_000, "99"), kline(T0_MS + 60_000, "11.5"), kline(T0_MS)]
    asked = CandleRequest(native="AB", span_ms=60_000, from_ms=T0_MS, to_ms=T0_MS + 180_000)
    candles = candles_of(parse_candles(body(said(rows))), asked, now_ms=T0_MS + 130_000)
    assert list(candles.close) == [10.5, 11.5]
    assert list(candles.volume_quote) == [31.5, 31.5]
    assert not candles.quote_derived


def test_time_is_read_to_the_millisecond() -> None:
    answer = {"retCode": 0, "retMsg": "OK", "result": {}, "time": 1_688_639_403_423}
    assert parse_time_ms(body(answer)) == 1_688_639_403_423
    for odd in (None, "1688639403423", 1.5):
        with pytest.raises(BadAnswer):
            parse_time_ms(body(answer | {"time": odd}))
