"""OKX's words become values: recorded frames, and bodies of our own."""

from __future__ import annotations

import json

import pytest
from tests.venues.okx.bodies import candle, instrument, said, ticker
from tests.venues.support import T0_MS, body, recorded, row, sound

from sigmawatch.adapters.venues.candles import CandleRequest, candles_of
from sigmawatch.adapters.venues.okx import (
    parse_candles,
    parse_markets,
    parse_tickers,
    parse_time_ms,
)
from sigmawatch.domain.errors import (
    BadAnswer,
    Maintenance,
    NotFound,
    RateLimited,
    SigmawatchError,
    Unavailable,
)
from sigmawatch.domain.market import MarketStatus


def test_both_volumes_are_quoted_and_rolling() -> None:
    # EXCHANGES 1.7: "vol24h (base for spot, CONTRACTS for derivatives), volCcy24h (quote for
    # spot)".
    tickers = parse_tickers(body(said([ticker()])), recv_ms=T0_MS)
    assert row(tickers, "A-USDT") == {
        "price": 50.5, "bid": 50.4, "ask": 50.6, "volume_24h_base": 2.0, "volume_24h_quote": 101.0,
        "spread_bp": pytest.approx(39.6, abs=0.1),
    }  # fmt: skip
    assert tickers.derived == {"spread_bp"}
    assert tickers.event_ms == T0_MS


@pytest.mark.parametrize(
    "odd",
    [None, [], 7, {}, ticker(None), ticker("ODD", last=None), ticker("ODD", last=""),
     ticker("ODD", last="NaN"), ticker("ODD", last="0"), ticker("ODD", vol24h="-1"),
     ticker("ODD", askPx="1", bidPx="2"), ticker("ODD", volCcy24h="1e400")],
)  # fmt: skip
def test_one_bad_market_costs_no_other(odd: object) -> None:
    tickers = parse_tickers(body(said([ticker("A-B"), odd, ticker("C-D")])), recv_ms=T0_MS)
    assert row(tickers, "A-B")["price"] == row(tickers, "C-D")["price"] == 50.5
    assert len(tickers.rejected) == 1
    assert sound(tickers)


def test_a_side_without_orders_is_missing_and_nothing_is_wrong() -> None:
    tickers = parse_tickers(body(said([ticker(bidPx="", askPx="")])), recv_ms=T0_MS)
    assert "bid" not in row(tickers, "A-USDT")
    assert tickers.rejected == {}


@pytest.mark.parametrize("odd", [b"", b"[]", b"null", b"{}", b'{"code":"0"}', b'{"code":', b"<p>"])
def test_an_answer_of_another_shape_is_a_bad_answer(odd: bytes) -> None:
    with pytest.raises(BadAnswer):
        parse_tickers(odd, recv_ms=T0_MS)


@pytest.mark.parametrize(
    ("code", "msg", "expected"),
    [
        ("50011", "Too Many Requests", RateLimited),
        ("50001", "Service temporarily unavailable", Maintenance),
        ("50013", "System is busy", Unavailable),
        ("51001", "Instrument ID doesn't exist.", NotFound),
        ("51000", "Parameter instId error", NotFound),
        ("51000", "Parameter bar error", BadAnswer),
        ("50014", "Parameter can not be empty", BadAnswer),
    ],
)
def test_an_error_has_the_name_of_what_to_do_next(
    code: str, msg: str, expected: type[SigmawatchError]
) -> None:
    with pytest.raises(SigmawatchError) as caught:
        parse_tickers(body(said([], code, msg)), recv_ms=T0_MS)
    assert type(caught.value) is expected
    assert code in str(caught.value)


def test_the_recorded_frame_of_a_spot_market_is_read_as_it_stands() -> None:
    # The stream's rows are those of the REST answer.
    frames = recorded("cryptofeed-captures/OKX.ws.1.0").read_text().splitlines()
    told = [json.loads(line.partition(": ")[2]) for line in frames if '"data":[{"instType"' in line]
    spot = [one["data"][0] for one in told if one["arg"]["instId"] == "BTC-USDT"]
    assert spot
    tickers = parse_tickers(body(said(spot)), recv_ms=int(spot[-1]["ts"]) + 100)
    newest = row(tickers, "BTC-USDT")
    assert newest["price"] == float(spot[-1]["last"])
    # vol24h is base and volCcy24h quote: their ratio is a price of that day.
    ratio = newest["volume_24h_quote"] / newest["volume_24h_base"]
    assert float(spot[-1]["low24h"]) <= ratio <= float(spot[-1]["high24h"])
    assert tickers.event_ms == max(int(one["ts"]) for one in spot)


@pytest.mark.parametrize(
    ("state", "expected"),
    [("live", MarketStatus.ONLINE), ("suspend", MarketStatus.HALTED),
     ("preopen", MarketStatus.HALTED), (None, MarketStatus.HALTED)],
)  # fmt: skip
def test_an_instrument_trades_only_where_it_is_live(state: object, expected: MarketStatus) -> None:
    (market,) = parse_markets(body(said([instrument("BTC-USDT", state=state)]))).markets
    assert (market.name, market.native, market.status) == ("OKX:BTC/USDT", "BTC-USDT", expected)


@pytest.mark.parametrize(
    "odd",
    [None, {}, instrument(None), instrument("X-Y", baseCcy=None), instrument("X-Y", quoteCcy="")],
)
def test_a_name_that_is_null_over_night_costs_no_other_market(odd: object) -> None:
    # EXCHANGES 4: "a market's name field becomes null over night, parser crashes for all".
    listing = parse_markets(body(said([odd, instrument("BTC-USDT")])))
    assert [market.native for market in listing.markets] == ["BTC-USDT"]
    assert len(listing.rejected) == 1


def test_the_candle_that_is_not_confirmed_is_no_candle_yet() -> None:
    rows = [candle(T0_MS + 60_000, "99", confirm="0"), candle(T0_MS)]
    asked = CandleRequest(native="A-B", span_ms=60_000, from_ms=T0_MS, to_ms=T0_MS + 120_000)
    candles = candles_of(parse_candles(body(said(rows))), asked, now_ms=T0_MS + 600_000)
    assert list(candles.close) == [10.5]
    assert list(candles.volume_quote) == [31.5]
    assert not candles.quote_derived


def test_time_is_read_to_the_millisecond() -> None:
    assert parse_time_ms(body(said([{"ts": "1597026383085"}]))) == 1_597_026_383_085
    odds: list[object] = [[], [{}], [{"ts": None}], [{"ts": "-1"}], [{"ts": "1e3"}]]
    for odd in odds:
        with pytest.raises(BadAnswer):
            parse_time_ms(body(said(odd)))
