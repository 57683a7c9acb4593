"""Whatever bytes a venue sends, a parser gives sound values or one domain error."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.venues.binance.bodies import symbol
from tests.venues.binance.bodies import ticker as binance_ticker
from tests.venues.bitstamp import bodies as at_bitstamp
from tests.venues.bybit import bodies as at_bybit
from tests.venues.coinbase.bodies import advanced, product, stats
from tests.venues.kraken.bodies import ohlc, pair
from tests.venues.kraken.bodies import ticker as kraken_ticker
from tests.venues.okx import bodies as at_okx
from tests.venues.support import T0_MS, body, sound

from sigmawatch.adapters.venues import binance, bitstamp, bybit, coinbase, kraken, okx
from sigmawatch.adapters.venues.candles import CandleRequest, candles_of
from sigmawatch.adapters.venues.listing import Listing
from sigmawatch.domain.errors import SigmawatchError
from sigmawatch.domain.reading import Candles, Tickers

NOW_MS = T0_MS + 600_000
ASKED = CandleRequest(native="X", span_ms=60_000, from_ms=T0_MS, to_ms=NOW_MS)


def kraken_candles(raw: bytes) -> Candles:
    return kraken.parse_candles(raw, ASKED, now_ms=NOW_MS)


def coinbase_candles(raw: bytes) -> Candles:
    return candles_of(coinbase.parse_candles(raw), ASKED, now_ms=NOW_MS)


def binance_candles(raw: bytes) -> Candles:
    return candles_of(binance.parse_candles(raw), ASKED, now_ms=NOW_MS)


def okx_candles(raw: bytes) -> Candles:
    return candles_of(okx.parse_candles(raw), ASKED, now_ms=NOW_MS)


def bybit_candles(raw: bytes) -> Candles:
    return candles_of(bybit.parse_candles(raw), ASKED, now_ms=NOW_MS)


def bitstamp_candles(raw: bytes) -> Candles:
    return candles_of(bitstamp.parse_candles(raw), ASKED, now_ms=NOW_MS)


def bitstamp_time_ms(raw: bytes) -> int:
    return bitstamp.parse_time_ms(raw, recv_ms=NOW_MS)


KLINE = [T0_MS, "1", "2", "0.5", "1.5", "10", T0_MS + 59_999, "15", 7, "5", "7", "0"]
CASES: dict[str, tuple[Callable[..., Any], object]] = {
    "kraken tickers": (
        kraken.parse_tickers, {"error": [], "result": {"A": kraken_ticker(), "B": kraken_ticker()}}
    ),
    "kraken markets": (kraken.parse_markets, {"error": [], "result": {"A": pair("XBT/USD")}}),
    "kraken candles": (kraken_candles, {"error": [], "result": {"A": [ohlc(0), ohlc(1)],
                                                                "last": T0_MS // 1_000}}),
    "kraken time": (kraken.parse_time_ms, {"error": [], "result": {"unixtime": 1_762_820_224}}),
    "coinbase tickers": (coinbase.parse_tickers, {"A-USD": stats(), "B-USD": stats()}),
    "coinbase advanced": (coinbase.parse_advanced, {"products": [advanced("A-USD")]}),
    "coinbase markets": (coinbase.parse_markets, [product("A-USD"), product("B-USD")]),
    "coinbase candles": (coinbase_candles, [[T0_MS // 1_000, 1, 2, 1, 1.5, 3.25]]),
    "coinbase time": (coinbase.parse_time_ms, {"iso": "x", "epoch": 1_420_674_445.201}),
    "binance tickers": (binance.parse_tickers, [binance_ticker("A"), binance_ticker("B")]),
    "binance markets": (binance.parse_markets, {"symbols": [symbol("ETHBTC"), symbol("LTCBTC")]}),
    "binance candles": (binance_candles, [KLINE]),
    "binance time": (binance.parse_time_ms, {"serverTime": 1_499_827_319_559}),
    "okx tickers": (okx.parse_tickers, at_okx.said([at_okx.ticker("A"), at_okx.ticker("B")])),
    "okx markets": (okx.parse_markets, at_okx.said([at_okx.instrument(), at_okx.instrument()])),
    "okx candles": (okx_candles, at_okx.said([at_okx.candle(T0_MS)])),
    "okx time": (okx.parse_time_ms, at_okx.said([{"ts": "1597026383085"}])),
    "bybit tickers": (bybit.parse_tickers, at_bybit.said([at_bybit.ticker("A")])),
    "bybit markets": (bybit.parse_markets, at_bybit.said([at_bybit.instrument()])),
    "bybit candles": (bybit_candles, at_bybit.said([at_bybit.kline(T0_MS)])),
    "bybit time": (bybit.parse_time_ms, at_bybit.said([])),
    "bitstamp tickers": (bitstamp.parse_tickers, [at_bitstamp.ticker(), at_bitstamp.ticker("B/C")]),
    "bitstamp markets": (bitstamp.parse_markets, [at_bitstamp.market()]),
    "bitstamp candles": (bitstamp_candles, at_bitstamp.ohlc(at_bitstamp.candle(T0_MS // 1_000))),
    "bitstamp time": (bitstamp_time_ms, [at_bitstamp.ticker()]),
}  # fmt: skip

TICKERS = (kraken.parse_tickers, coinbase.parse_tickers, coinbase.parse_advanced,
           binance.parse_tickers, okx.parse_tickers, bybit.parse_tickers,
           bitstamp.parse_tickers)  # fmt: skip

odd = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**30), 10**30), st.floats(), st.text(max_size=5),
    st.sampled_from(["NaN", "Infinity", "-1", "0", "1e-10", "1e9", "1e400", "", "٣", " 1"]),
    st.just([]), st.just({}), st.just([[]]), st.just({"a": {}}),
)  # fmt: skip


def outcome(parse: Callable[..., Any], raw: bytes) -> object:
    """What the parser makes of it; None for a domain error. Anything else fails the test."""
    try:
        if parse in TICKERS:
            return parse(raw, recv_ms=NOW_MS)
        return parse(raw)
    except SigmawatchError:
        return None


def check(value: object) -> None:
    """Nothing that is not finite, nothing that is not positive, comes through."""
    if isinstance(value, Tickers):
        assert sound(value)
        assert len(set(value.natives)) == len(value.natives)
    elif isinstance(value, Candles):
        assert all(0.0 < close <= 1e100 for close in value.close)
        assert all(0.0 < volume <= 1e100 for volume in value.volume_base)
        worth = [*value.volume_quote, *value.trades]
        assert all(math.isnan(each) or 0.0 <= each <= 1e100 for each in worth)
        assert all(ASKED.from_ms <= open_ms < ASKED.to_ms for open_ms in value.open_ms)
    elif isinstance(value, Listing):
        assert len({market.name for market in value.markets}) == len(value.markets)
    elif value is not None:
        assert isinstance(value, int)


def paths(value: object, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a JSON value."""
    children: list[tuple[Any, object]] = []
    if isinstance(value, dict):
        children = list(value.items())
    elif isinstance(value, list):
        children = list(enumerate(value))
    return [at, *(path for key, child in children for path in paths(child, (*at, key)))]


def replaced(value: Any, path: tuple[Any, ...], *, by: object) -> Any:
    """A copy with another value at one place."""
    if not path:
        return by
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = replaced(value[path[0]], path[1:], by=by)
    return copy


@pytest.mark.parametrize("case", CASES)
def test_the_untouched_body_gives_values(case: str) -> None:
    parse, value = CASES[case]
    assert outcome(parse, body(value)) is not None


@pytest.mark.parametrize("case", CASES)
@settings(max_examples=40)
@given(data=st.data())
def test_any_value_may_stand_anywhere(case: str, data: st.DataObject) -> None:
    parse, value = CASES[case]
    for _ in range(data.draw(st.integers(1, 3))):
        value = replaced(value, data.draw(st.sampled_from(paths(value))), by=data.draw(odd))
    check(outcome(parse, json.dumps(value).encode()))


@pytest.mark.parametrize("case", CASES)
@settings(max_examples=40)
@given(data=st.data())
def test_any_byte_may_be_torn_or_wrong(case: str, data: st.DataObject) -> None:
    parse, value = CASES[case]
    raw = bytearray(body(value))
    for _ in range(data.draw(st.integers(0, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    check(outcome(parse, bytes(raw[: data.draw(st.integers(0, len(raw)))])))


@pytest.mark.parametrize("case", CASES)
@given(raw=st.binary(max_size=60))
@settings(max_examples=15)
def test_any_bytes_may_come(case: str, raw: bytes) -> None:
    check(outcome(CASES[case][0], raw))


@pytest.mark.parametrize("case", CASES)
def test_a_body_nested_without_end_is_a_bad_answer(case: str) -> None:
    for raw in (b"[" * 200_000, b'{"result":' * 100_000, b'{"error":[],"result":{"A":' * 50_000):
        assert outcome(CASES[case][0], raw) is None
