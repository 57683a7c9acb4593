"""Every parser of what strangers send, with what it is made to read: for tests that send it
anything else.

A `Reader` takes bytes and gives values or raises a SigmawatchError; whatever it gives,
`assert_sound` must hold of it.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from tests.venues.binance.bodies import symbol
from tests.venues.binance.bodies import ticker as binance_ticker
from tests.venues.bitstamp import bodies as at_bitstamp
from tests.venues.bybit import bodies as at_bybit
from tests.venues.coinbase.bodies import advanced, product, stats
from tests.venues.kraken.bodies import ohlc, pair
from tests.venues.kraken.bodies import ticker as kraken_ticker
from tests.venues.okx import bodies as at_okx
from tests.venues.support import T0_MS, body, sound

from sigmawatch.adapters.venues import binance, bitstamp, bybit, coinbase, http_json, kraken, okx
from sigmawatch.adapters.venues.candles import CandleRequest, Rows, candles_of
from sigmawatch.adapters.venues.listing import Listing
from sigmawatch.adapters.venues.streams.binance import BinanceDialect
from sigmawatch.adapters.venues.streams.coinbase import CoinbaseDialect
from sigmawatch.adapters.venues.streams.frames import Dialect
from sigmawatch.adapters.venues.streams.kraken import KrakenDialect
from sigmawatch.app.catalogue import Catalogue
from sigmawatch.app.listening.board import Board
from sigmawatch.app.pushing.checked import Body, Bounds
from sigmawatch.app.pushing.lines import read_lines
from sigmawatch.app.pushing.names import Names
from sigmawatch.app.pushing.told import Told
from sigmawatch.app.web.door.json_bounds import check_json
from sigmawatch.app.web.sample_rows import read_json, read_ndjson
from sigmawatch.domain.errors import SigmawatchError
from sigmawatch.domain.market import Market
from sigmawatch.domain.reading import VALUE_MAX, Candles, Tickers
from sigmawatch.domain.stream import (
    Channel,
    Declined,
    Newest,
    Quotes,
    Said,
    StreamTraits,
    Taken,
    Trades,
)
from sigmawatch.domain.stream_watch import Subscriptions
from sigmawatch.domain.trade_book import TradeBook
from sigmawatch.domain.window import DAY_MS, MINUTE_MS, Interval

NOW_MS = T0_MS + 600_000
ASKED = CandleRequest(native="X", span_ms=60_000, from_ms=T0_MS, to_ms=NOW_MS)
Reader = Callable[[bytes], object]


@dataclass(frozen=True, kw_only=True)
class Parser:
    """made: a reader of its own for who asks. values: what it reads well, as JSON; texts: the same
    where it is no JSON value."""

    made: Callable[[], Reader]
    values: tuple[Any, ...] = ()
    texts: tuple[bytes, ...] = ()

    @property
    def bodies(self) -> tuple[bytes, ...]:
        return (*(body(value) for value in self.values), *self.texts)


def outcome(read: Reader, raw: bytes) -> object:
    """What a reader makes of it; None for a domain error. Anything else is a fault of ours."""
    try:
        return read(raw)
    except SigmawatchError:
        return None


def assert_sound(value: object) -> None:
    """Nothing that is not finite, nothing that is not positive, comes through."""
    match value:
        case Tickers():
            assert sound(value)
            assert len(set(value.natives)) == len(value.natives)
        case Candles():
            _assert_sound_candles(value)
        case Listing():
            assert len({market.name for market in value.markets}) == len(value.markets)
        case Taking():
            _assert_sound_readings(value)
        case list():
            for said in value:
                _assert_sound_word(said)
        case _:
            assert value is None or type(value) is int


def _assert_sound_candles(candles: Candles) -> None:
    assert all(0.0 < close <= VALUE_MAX for close in candles.close)
    assert all(0.0 < volume <= VALUE_MAX for volume in candles.volume_base)
    _assert_amounts([*candles.volume_quote, *candles.trades])
    assert all(ASKED.from_ms <= open_ms < ASKED.to_ms for open_ms in candles.open_ms)


def _assert_amounts(values: Iterable[float]) -> None:
    """None below zero; NaN is missing."""
    assert all(math.isnan(each) or 0.0 <= each <= VALUE_MAX for each in values)


def _assert_sound_word(said: Said) -> None:
    match said:
        case Quotes():
            assert all(0.0 < price <= VALUE_MAX for price in said.columns["price"])
            _assert_amounts(said.columns["volume_24h_base"])
            _assert_amounts(said.columns["volume_24h_quote"])
        case Trades():
            assert all(0.0 < one.price <= VALUE_MAX for one in said.items)
            _assert_amounts(one.base for one in said.items)


# Polls


def _tickers(parse: Callable[..., Tickers]) -> Callable[[], Reader]:
    return lambda: partial(parse, recv_ms=NOW_MS)


def _candles(parse: Callable[[bytes], Rows]) -> Callable[[], Reader]:
    return lambda: lambda raw: candles_of(parse(raw), ASKED, now_ms=NOW_MS)


def _plain(parse: Callable[..., object], **more: int) -> Callable[[], Reader]:
    return lambda: partial(parse, **more)


KLINE = [T0_MS, "1", "2", "0.5", "1.5", "10", T0_MS + 59_999, "15", 7, "5", "7", "0"]
POLLS: Mapping[str, Parser] = {
    "kraken tickers": Parser(made=_tickers(kraken.parse_tickers), values=(
        {"error": [], "result": {"A": kraken_ticker(), "B": kraken_ticker()}},
        {"error": ["EAPI:Rate limit exceeded"]})),
    "kraken markets": Parser(made=_plain(kraken.parse_markets), values=(
        {"error": [], "result": {"A": pair("XBT/USD")}},)),
    "kraken candles": Parser(
        made=lambda: lambda raw: kraken.parse_candles(raw, ASKED, now_ms=NOW_MS), values=(
        {"error": [], "result": {"A": [ohlc(0), ohlc(1)], "last": T0_MS // 1_000}},)),
    "kraken time": Parser(made=_plain(kraken.parse_time_ms), values=(
        {"error": [], "result": {"unixtime": 1_762_820_224}},)),
    "coinbase tickers": Parser(made=_tickers(coinbase.parse_tickers), values=(
        {"A-USD": stats(), "B-USD": stats()},)),
    "coinbase advanced": Parser(made=_tickers(coinbase.parse_advanced), values=(
        {"products": [advanced("A-USD")]},)),
    "coinbase markets": Parser(made=_plain(coinbase.parse_markets), values=(
        [product("A-USD"), product("B-USD")],)),
    "coinbase candles": Parser(made=_candles(coinbase.parse_candles), values=(
        [[T0_MS // 1_000, 1, 2, 1, 1.5, 3.25]],)),
    "coinbase time": Parser(made=_plain(coinbase.parse_time_ms), values=(
        {"iso": "x", "epoch": 1_420_674_445.201},)),
    "binance tickers": Parser(made=_tickers(binance.parse_tickers), values=(
        [binance_ticker("A"), binance_ticker("B")],)),
    "binance markets": Parser(made=_plain(binance.parse_markets), values=(
        {"symbols": [symbol("ETHBTC"), symbol("LTCBTC")]},)),
    "binance candles": Parser(made=_candles(binance.parse_candles), values=([KLINE],)),
    "binance time": Parser(made=_plain(binance.parse_time_ms), values=(
        {"serverTime": 1_499_827_319_559},)),
    "okx tickers": Parser(made=_tickers(okx.parse_tickers), values=(
        at_okx.said([at_okx.ticker("A"), at_okx.ticker("B")]),)),
    "okx markets": Parser(made=_plain(okx.parse_markets), values=(
        at_okx.said([at_okx.instrument(), at_okx.instrument()]),)),
    "okx candles": Parser(made=_candles(okx.parse_candles), values=(
        at_okx.said([at_okx.candle(T0_MS)]),)),
    "okx time": Parser(made=_plain(okx.parse_time_ms), values=(
        at_okx.said([{"ts": "1597026383085"}]),)),
    "bybit tickers": Parser(made=_tickers(bybit.parse_tickers), values=(
        at_bybit.said([at_bybit.ticker("A")]),)),
    "bybit markets": Parser(made=_plain(bybit.parse_markets), values=(
        at_bybit.said([at_bybit.instrument()]),)),
    "bybit candles": Parser(made=_candles(bybit.parse_candles), values=(
        at_bybit.said([at_bybit.kline(T0_MS)]),)),
    "bybit time": Parser(made=_plain(bybit.parse_time_ms), values=(at_bybit.said([]),)),
    "bitstamp tickers": Parser(made=_tickers(bitstamp.parse_tickers), values=(
        [at_bitstamp.ticker(), at_bitstamp.ticker("B/C")],)),
    "bitstamp markets": Parser(made=_plain(bitstamp.parse_markets), values=(
        [at_bitstamp.market()],)),
    "bitstamp candles": Parser(made=_candles(bitstamp.parse_candles), values=(
        at_bitstamp.ohlc(at_bitstamp.candle(T0_MS // 1_000)),)),
    "bitstamp time": Parser(made=_plain(bitstamp.parse_time_ms, recv_ms=NOW_MS), values=(
        [at_bitstamp.ticker()],)),
}  # fmt: skip


# Streams


@dataclass(kw_only=True)
class Ear:
    """One connection's words and what becomes of them, as app.listening has it, without a clock."""

    spoken: Dialect
    market: Market
    board: Board = field(init=False)
    book: TradeBook = field(init=False)
    asked: Subscriptions = field(init=False)
    number: int = 0

    def __post_init__(self) -> None:
        traits: StreamTraits = self.spoken.TRAITS
        self.board = Board(traits, bucket_ms=MINUTE_MS)
        self.book = TradeBook(bucket_ms=MINUTE_MS, keep_ms=30 * MINUTE_MS)
        self.asked = Subscriptions(traits=traits)
        self.asked.want((channel, self.market.native) for channel in Channel)
        self.spoken.request(Channel.QUOTES, [self.market], number=1)

    def __call__(self, raw: bytes) -> list[Said]:
        said = list(self.spoken.read(raw, recv_ms=NOW_MS))
        self.number += 1
        self.asked.due(1_000 * self.number)
        for one in said:
            self._take(one)
        return said

    def _take(self, said: Said) -> None:
        match said:
            case Quotes():
                self.board.take(said)
            case Trades():
                for trade in said.items:
                    if self.book.add(trade):
                        self.board.traded(trade, recv_ms=NOW_MS)
            case Newest():
                self.book.newest(said.trade_id, said.event_ms)
            case Taken():
                if self.asked.taken(said, 1_000 * self.number):
                    self.book.subscribed(NOW_MS)
            case Declined():
                self.asked.declined(said, 1_000 * self.number)


def _stream(dialect: Callable[[], Dialect], market: Market) -> Callable[[], Reader]:
    return lambda: Ear(spoken=dialect(), market=market)


STAMP = "2025-11-11T00:09:59.921195Z"
STREAMS: Mapping[str, Parser] = {
    "kraken stream": Parser(
        made=_stream(KrakenDialect, Market(venue="KRAKEN", base="BTC", quote="USD", native="X")),
        values=(
            {"channel": "ticker", "type": "update", "data": [{
                "symbol": "BTC/USD", "last": 63297.8, "volume": 1020.5, "vwap": 63685.7,
                "timestamp": STAMP}]},
            {"channel": "trade", "type": "update", "data": [{
                "symbol": "BTC/USD", "side": "buy", "price": 10.5, "qty": 2.0, "trade_id": 7,
                "ord_type": "market", "timestamp": STAMP}]},
            {"channel": "status", "type": "update", "data": [{"system": "online"}]},
            {"method": "subscribe", "result": {"channel": "trade", "symbol": "BTC/USD"},
             "success": True, "req_id": 1},
            {"method": "subscribe", "success": False, "symbol": "BTC/USD",
             "error": "EGeneral:Exceeded msg rate", "req_id": 1},
            {"channel": "heartbeat"},
        ),
    ),
    "coinbase stream": Parser(
        made=_stream(CoinbaseDialect,
                     Market(venue="COINBASE", base="BTC", quote="USD", native="BTC-USD")),
        values=(
            {"type": "ticker", "sequence": 333938798, "product_id": "BTC-USD", "price": "14.7775",
             "volume_24h": "94381.28", "time": STAMP, "trade_id": 881613},
            {"type": "match", "trade_id": 881613, "side": "sell", "size": "0.04",
             "price": "14.7775", "product_id": "BTC-USD", "sequence": 333938798, "time": STAMP},
            {"type": "heartbeat", "sequence": 90, "last_trade_id": 20, "product_id": "BTC-USD",
             "time": STAMP},
            {"type": "subscriptions", "channels": [
                {"name": "matches", "product_ids": ["BTC-USD"]}]},
            {"type": "error", "message": "Failed to subscribe", "reason": "no product"},
        ),
    ),
    "binance stream": Parser(
        made=_stream(BinanceDialect,
                     Market(venue="BINANCE", base="BTC", quote="USDT", native="BTCUSDT")),
        values=(
            {"stream": "!miniTicker@arr", "data": [{
                "e": "24hrMiniTicker", "E": NOW_MS, "s": "BTCUSDT", "c": "64117.99",
                "v": "14724.5", "q": "940091352.07886040"}]},
            {"stream": "btcusdt@trade", "data": {
                "e": "trade", "E": NOW_MS, "s": "BTCUSDT", "t": 3735683259, "p": "61837.63",
                "q": "0.02", "T": NOW_MS, "m": True, "M": True}},
            {"result": None, "id": 1},
            {"error": {"code": 2, "msg": "Invalid request"}, "id": 1},
            {"e": "serverShutdown", "E": NOW_MS},
        ),
    ),
}  # fmt: skip


# What is pushed, and any JSON on the web


@dataclass(frozen=True, kw_only=True)
class Taking:
    """What of a pushed body would be stored: metric and value."""

    metrics: tuple[str, ...]
    values: array[float]


def _assert_sound_readings(taking: Taking) -> None:
    for metric, value in zip(taking.metrics, taking.values, strict=True):
        assert -VALUE_MAX <= value <= VALUE_MAX
        assert value > 0.0 or metric not in {"price", "bid", "ask"}
        assert value >= 0.0 or metric == "spread_bp"


def _pushed(read: Callable[..., Told]) -> Callable[[], Reader]:
    def made() -> Reader:
        names, minute = Names(Catalogue(), "PUSH"), Interval(MINUTE_MS)
        bounds = Bounds(interval=minute, now_ms=NOW_MS, keep_ms=400 * DAY_MS)

        def taking(raw: bytes) -> Taking:
            told = read(raw, now_ms=NOW_MS)
            looked = Body(told)
            found = names.find(looked.names, minute)
            looked.check(found, bounds)
            at = np.flatnonzero(looked.sound).tolist()
            wanted = [found.wanted[told.names[one]] for one in at]
            return Taking(metrics=tuple(metric for _, metric in wanted),
                          values=array("d", told.value[at]))  # fmt: skip

        return taking

    return made


def _bounded(raw: bytes, *, now_ms: int) -> Told:
    check_json(raw)
    return read_json(raw, now_ms=now_ms)


SAMPLE = {"market": "BTC/USD", "metric": "price", "time": NOW_MS, "value": 67284.1}
PAGE = {"data": [{"last": "67284.1", "vol": 1200, "b": 1.5, "a": 1.6}], "x": None}
READERS = http_json.readers_of({
    "BTC/USD": {"price": "data[0].last", "volume_24h_base": "data[0].vol",
                "bid": "data[0].b", "ask": "data[0].a"},
    "A/B": {"price": "max_by(data, &b).b"}, "C/D": {"price": "sum(data[].b)"},
})  # fmt: skip
OTHERS: Mapping[str, Parser] = {
    "http-json": Parser(
        made=lambda: lambda raw: http_json.parse_tickers(raw, READERS, recv_ms=NOW_MS),
        values=(PAGE,),
    ),
    "pushed json": Parser(made=_pushed(_bounded), values=(
        {"samples": [SAMPLE, {"market": "ETH/USD", "value": 1}]},)),
    "pushed ndjson": Parser(made=_pushed(read_ndjson), texts=(
        body(SAMPLE) + b"\n" + body({"market": "ETH/USD", "value": 1}),)),
    "pushed lines": Parser(made=_pushed(read_lines), texts=(
        b"BTC/USD price=67284.1 1762819800000000000\nticks,market=ETH/USD bid=1.5,ask=2i",)),
}  # fmt: skip
PARSERS: Mapping[str, Parser] = {**POLLS, **STREAMS, **OTHERS}
