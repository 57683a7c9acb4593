"""Bybit spot, REST v5 (bybit-exchange.github.io/docs/v5, "Market").

Errors come as `retCode` inside a 200. Who asks too often is refused with 403 for ten minutes at
least; another 403 is for the country. Figures of 24 hours are rolling. Public calls take no API
key; 600 in five seconds are allowed, of which we use a small part.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Generic, TypeVar

import msgspec

from sigmawatch.adapters.venues.answers import decoded, rows_of
from sigmawatch.adapters.venues.candles import CandleRequest, Rows, candles_of, table
from sigmawatch.adapters.venues.columns import Sheet, newest_ms, unique_rows
from sigmawatch.adapters.venues.http import Request
from sigmawatch.adapters.venues.listing import Entry, Listing, listing_of, numbered
from sigmawatch.adapters.venues.rest import RestVenue
from sigmawatch.adapters.venues.settings import Limits, VenueFacts
from sigmawatch.domain.errors import (
    BadAnswer,
    NotFound,
    RateLimited,
    SigmawatchError,
    Unavailable,
)
from sigmawatch.domain.market import Market, MarketStatus
from sigmawatch.domain.reading import Candles, Tickers
from sigmawatch.domain.window import HOUR_MS, MINUTE_MS
from sigmawatch.ports.venue import VenueTraits

T = TypeVar("T")

FACTS = VenueFacts(
    name="BYBIT",
    base_url="https://api.bybit.com",
    limits=Limits(per_minute=1_200.0, burst=60.0, reserve=2.0),
    ban_marks=(b"access too frequent", b'"retcode":10018'),
    ban_s=600.0,  # "wait for at least 10 minutes"
    alternative="https://api.bytick.com",
)
_INTERVALS = {MINUTE_MS: "1", 5 * MINUTE_MS: "5", 15 * MINUTE_MS: "15", HOUR_MS: "60"}
_SPANS_MS = tuple(_INTERVALS)
_PAGE_ROWS = 1_000
TRAITS = VenueTraits(
    name=FACTS.name,
    levels=frozenset({"price", "bid", "ask", "spread_bp", "volume_24h_base", "volume_24h_quote"}),
    flows=frozenset({"traded_base", "traded_quote"}),
    candle_spans_ms=_SPANS_MS,
    candle_reach_ms=(None,) * len(_SPANS_MS),
    candle_rows_max=_PAGE_ROWS,
    poll_floor_ms=2_000,
    requests_per_minute=FACTS.limits.per_minute,
    poll_cost=1.0,
    candle_cost=1.0,
)


class _Answer(msgspec.Struct, Generic[T], rename="camel"):
    ret_code: Any = None
    ret_msg: Any = None
    result: T | None = None
    time: Any = None


class _List(msgspec.Struct, Generic[T]):
    list: T | None = None


def _result(answer: _Answer[T]) -> T:
    """What was asked for, or the error that Bybit put in its place."""
    if type(answer.ret_code) is not int or answer.ret_code != 0:
        raise _refusal(answer.ret_code, str(answer.ret_msg)[:120])
    if answer.result is None:
        raise BadAnswer("BYBIT answered without error and without result")
    return answer.result


def _listed(answer: _Answer[_List[T]]) -> T:
    rows = _result(answer).list
    if rows is None:
        raise BadAnswer("BYBIT answered without error and without a list")
    return rows


def _refusal(code: object, said: str) -> SigmawatchError:
    """{"retCode":10006,"retMsg":"Too many visits!","result":{}, …} and its like, by what to do
    next."""
    text = f"BYBIT says {code!r:.20}: {said}"
    match code:
        case 10006:
            return RateLimited(text)
        case 10018:  # of the address, not of the call
            return RateLimited(text, retry_after_s=FACTS.ban_s)
        case 10000 | 10016 | 10019:  # timed out, its own fault, restarting
            return Unavailable(text)
        case 10001 if "symbol" in said.lower():
            return NotFound(text)
        case _:
            return BadAnswer(text)


# {"retCode":0,"retMsg":"OK","result":{"category":"spot","list":[{"symbol":"BTCUSDT",
#   "baseCoin":"BTC","quoteCoin":"USDT","innovation":"0","status":"Trading", …}, …]},
#   "retExtInfo":{},"time":1672712468011}
# status: Trading, PreLaunch, …


class _Instrument(msgspec.Struct, rename="camel", gc=False):
    symbol: Any = None
    base_coin: Any = None
    quote_coin: Any = None
    status: Any = "Trading"


_BY_PLACE = msgspec.json.Decoder(_Answer[_List[list[msgspec.Raw]]])
_INSTRUMENT = msgspec.json.Decoder(_Instrument)


def parse_markets(body: bytes, *, traded: Mapping[str, float] | None = None) -> Listing:
    """instruments-info?category=spot. traded: market id -> quote volume of the last poll. Raises
    BadAnswer and Bybit's errors."""
    rows, refused = rows_of(numbered(_listed(decoded(_BY_PLACE, body))), _INSTRUMENT)
    entries = (
        Entry(native=row.symbol, base=row.base_coin, quote=row.quote_coin,
              status=MarketStatus.ONLINE if row.status == "Trading" else MarketStatus.HALTED)
        for row in rows.values()
    )  # fmt: skip
    return listing_of(FACTS.name, entries, traded=traded, refused=refused)


# {"retCode":0,"retMsg":"OK","result":{"category":"spot","list":[{"symbol":"BTCUSDT",
#   "bid1Price":"20517.96","bid1Size":"2","ask1Price":"20517.97","ask1Size":"0.009801",
#   "lastPrice":"20533.13","prevPrice24h":"20393.48","price24hPcnt":"0.0068",
#   "highPrice24h":"21128.12","lowPrice24h":"20318.89","turnover24h":"243765620.65899866",
#   "volume24h":"11801.27771","usdIndexPrice":"20533.11"}, …]},"retExtInfo":{},
#   "time":1673859087947}
# turnover24h is quote, volume24h base; without an order the text is empty.


class _Ticker(msgspec.Struct, gc=False):
    symbol: str
    last: Any = msgspec.field(default=None, name="lastPrice")
    bid: Any = msgspec.field(default=None, name="bid1Price")
    ask: Any = msgspec.field(default=None, name="ask1Price")
    base: Any = msgspec.field(default=None, name="volume24h")
    quote: Any = msgspec.field(default=None, name="turnover24h")


_TICKERS = msgspec.json.Decoder(_Answer[_List[list[_Ticker]]])
_TICKER = msgspec.json.Decoder(_Ticker)


def parse_tickers(body: bytes, *, recv_ms: int) -> Tickers:
    """tickers?category=spot: all markets. Raises BadAnswer and Bybit's errors."""
    rows, refused, time_ms = _rows(body)
    by_symbol = unique_rows(rows, key=lambda row: row.symbol)
    sheet, tickers = Sheet(by_symbol, rejected=refused), by_symbol.values()
    sheet.price("price", [row.last for row in tickers])
    sheet.book([row.bid or 0 for row in tickers], [row.ask or 0 for row in tickers])
    sheet.volume("volume_24h_base", [row.base for row in tickers])
    sheet.volume("volume_24h_quote", [row.quote for row in tickers])
    return sheet.tickers(recv_ms=recv_ms, event_ms=newest_ms([time_ms], recv_ms=recv_ms))


def _rows(body: bytes) -> tuple[list[_Ticker], dict[str, str], object]:
    """All rows at once; where one is odd, each for itself."""
    try:
        answer = _TICKERS.decode(body)
        return _listed(answer), {}, answer.time
    except (ValueError, RecursionError):
        raw = decoded(_BY_PLACE, body)
        rows, refused = rows_of(numbered(_listed(raw)), _TICKER)
        return list(rows.values()), refused, raw.time


# {"retCode":0,"retMsg":"OK","result":{"symbol":"BTCUSDT","category":"spot","list":[
#   ["1670608800000","17071","17073","17027","17055.5","268611","15.74462667"], …]}, …}
# [open ms, open, high, low, close, volume base, turnover quote], newest first, the running one too.

_KLINES = msgspec.json.Decoder(_Answer[_List[Any]])


def parse_candles(body: bytes) -> Rows:
    """kline of one market, unchecked. Raises BadAnswer, NotFound and Bybit's errors."""
    sound, malformed_count = table(_listed(decoded(_KLINES, body)), width=7)
    return Rows(
        time_unit_ms=1,
        quoted=True,
        opens=[row[0] for row in sound],
        closes=[row[4] for row in sound],
        volumes=[row[5] for row in sound],
        quotes=[row[6] for row in sound],
        malformed_count=malformed_count,
    )


_TIME = msgspec.json.Decoder(_Answer[Any])


def parse_time_ms(body: bytes) -> int:
    """{"retCode":0,"retMsg":"OK","result":{"timeSecond":"1688639403",
    "timeNano":"1688639403423213947"},"retExtInfo":{},"time":1688639403423}"""
    answer = decoded(_TIME, body)
    _result(answer)
    if type(answer.time) is not int:
        raise BadAnswer(f"BYBIT's time is no whole number: {answer.time!r:.40}")
    return answer.time


class BybitVenue(RestVenue):
    """Bybit as the collector sees it (ports.venue.Venue)."""

    FACTS = FACTS
    TRAITS = TRAITS

    async def markets(self) -> Sequence[Market]:
        """Every spot market; what was left out stands in `rejected_markets`."""
        listing = await self.http.get(
            Request(path="/v5/market/instruments-info", params={"category": "spot"}, urgent=True),
            lambda body: self._listed(parse_markets(body, traded=self._traded)),
        )
        return listing.markets

    async def tickers(self) -> Tickers:
        """All markets in one call."""
        return await self.http.get(
            Request(path="/v5/market/tickers", params={"category": "spot"}, urgent=True),
            lambda body: self._whole(parse_tickers(body, recv_ms=self._clock.now_ms())),
        )

    async def candles(self, native: str, *, span_ms: int, from_ms: int, to_ms: int) -> Candles:
        """1,000 candles a call."""
        asked = CandleRequest(native=native, span_ms=span_ms, from_ms=from_ms, to_ms=to_ms)
        assert span_ms in TRAITS.candle_spans_ms
        rows = Rows(time_unit_ms=1, quoted=True)
        for first_ms, last_ms in self._pages(asked):
            params = {"category": "spot", "symbol": native, "interval": _INTERVALS[span_ms],
                      "limit": str(_PAGE_ROWS), "start": str(first_ms),
                      "end": str(last_ms)}  # fmt: skip
            request = Request(path="/v5/market/kline", params=params, of_market=True)
            rows.extend(await self.http.get(request, parse_candles))
        return candles_of(rows, asked, now_ms=self._clock.now_ms())

    async def time_ms(self) -> int:
        """Bybit's clock."""
        return await self.http.get(Request(path="/v5/market/time", urgent=True), parse_time_ms)
