"""Kraken spot, REST (docs.kraken.com/api, "Market Data").

Everything is keyed by Kraken's internal name (XXBTZUSD). Errors come inside a 200. A ticker has no
time: the receipt is the sample. Public calls take no API key; one call a second stays inside the
limit per address.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Generic, TypeVar

import msgspec

from sigmawatch.adapters.venues.answers import decoded, rows_of
from sigmawatch.adapters.venues.candles import CandleRequest, Rows, candles_of, table
from sigmawatch.adapters.venues.columns import Sheet
from sigmawatch.adapters.venues.http import Request
from sigmawatch.adapters.venues.listing import Entry, Listing, listing_of
from sigmawatch.adapters.venues.rest import RestVenue
from sigmawatch.adapters.venues.settings import Limits, VenueFacts
from sigmawatch.adapters.venues.streams.kraken import KrakenDialect
from sigmawatch.domain.errors import (
    BadAnswer,
    Maintenance,
    NotFound,
    RateLimited,
    SigmawatchError,
    Unavailable,
)
from sigmawatch.domain.market import Market, MarketStatus
from sigmawatch.domain.reading import Candles, Tickers
from sigmawatch.domain.window import HOUR_MS, MINUTE_MS, SECOND_MS
from sigmawatch.ports.venue import VenueTraits

T = TypeVar("T")

FACTS = VenueFacts(
    name="KRAKEN",
    base_url="https://api.kraken.com",
    limits=Limits(per_minute=60.0, burst=2.0, reserve=1.0),
)
_CANDLES_MAX = 720
_SPANS_MS = (MINUTE_MS, 5 * MINUTE_MS, 15 * MINUTE_MS, HOUR_MS)
TRAITS = VenueTraits(
    name=FACTS.name,
    levels=frozenset({"price", "bid", "ask", "spread_bp", "volume_24h_base", "volume_24h_quote"}),
    flows=frozenset({"traded_base", "traded_quote", "trades"}),
    candle_spans_ms=_SPANS_MS,
    candle_reach_ms=tuple(_CANDLES_MAX * span_ms for span_ms in _SPANS_MS),
    candle_rows_max=_CANDLES_MAX,
    poll_floor_ms=2_000,
    requests_per_minute=FACTS.limits.per_minute,
    poll_cost=1.0,
    candle_cost=1.0,
)


class _Answer(msgspec.Struct, Generic[T]):
    error: Any = None
    result: T | None = None


def _result(answer: _Answer[T]) -> T:
    """What was asked for, or the error that Kraken put in its place; W… are warnings."""
    said = answer.error if isinstance(answer.error, list) else [answer.error]
    errors = [str(word)[:120] for word in said if word and not str(word).startswith("W")]
    if errors:
        raise _refusal(", ".join(errors))
    if answer.result is None:
        raise BadAnswer("KRAKEN answered without error and without result")
    return answer.result


def _refusal(said: str) -> SigmawatchError:
    """{"error":["EAPI:Rate limit exceeded"]} and its like, by what to do next."""
    words, text = said.lower(), f"KRAKEN says {said}"
    if any(limit in words for limit in ("rate limit", "too many requests", "lockout")):
        return RateLimited(text)
    if "_only mode" in words or "maintenance" in words:
        return Maintenance(text)
    if "asset pair" in words:
        return NotFound(text)
    return Unavailable(text) if words.startswith("eservice") else BadAnswer(text)


# {"error":[],"result":{"XXBTZUSD":{"altname":"XBTUSD","wsname":"XBT/USD","aclass_base":"currency",
#   "base":"XXBT","aclass_quote":"currency","quote":"ZUSD", … "status":"online"}}}
# Dark pools (XXBTZUSD.d) share the name of the pair they shadow and have no ticker; `status` is
# absent in older answers; a tokenized stock is `"aclass_base":"tokenized_asset"`.


class _Pair(msgspec.Struct, gc=False):
    wsname: Any = None
    aclass_base: Any = None
    status: Any = "online"


_BY_NAME = msgspec.json.Decoder(_Answer[dict[str, msgspec.Raw]])
_PAIR = msgspec.json.Decoder(_Pair)


def parse_markets(body: bytes, *, traded: Mapping[str, float] | None = None) -> Listing:
    """AssetPairs. traded: market id -> quote volume of the last poll, where there was one; a
    tokenized asset is listed only if it is among them. Raises BadAnswer and Kraken's errors."""
    pairs, refused = rows_of(_result(decoded(_BY_NAME, body)).items(), _PAIR)
    entries = (
        _entry(native, pair)
        for native, pair in pairs.items()
        if not native.endswith(".d")
        and (pair.aclass_base != "tokenized_asset" or native in (traded or {}))
    )
    return listing_of(FACTS.name, entries, traded=traded, refused=refused)


def _entry(native: str, pair: _Pair) -> Entry:
    base, _, quote = str(pair.wsname or "").partition("/")
    status = {"online": MarketStatus.ONLINE, "delisted": MarketStatus.DELISTED}
    return Entry(native=native, base=base, quote=quote,
                 status=status.get(str(pair.status), MarketStatus.HALTED))  # fmt: skip


# {"error":[],"result":{"XXBTZUSD":{
#   "a":["105944.30000","1","1.000"],"b":["105944.20000","1","1.000"],
#   "c":["105899.40000","0.00009443"],"v":["0.78648221","163.28908096"],
#   "p":["105960.64756","105904.39279"],"t":[35,3276],"l":[…],"h":[…],"o":"106021.60000"}}}
# a, b: [price, whole lots, lots]; c: [last price, its volume]; v, p: [since 00:00 UTC, last 24 h].


class _First(msgspec.Struct, array_like=True, gc=False):
    value: Any


class _Day(msgspec.Struct, array_like=True, gc=False):
    today: Any
    last_24h: Any


class _Ticker(msgspec.Struct, gc=False):
    a: _First
    b: _First
    c: _First
    v: _Day
    p: _Day


_TICKERS = msgspec.json.Decoder(_Answer[dict[str, _Ticker]])
_TICKER = msgspec.json.Decoder(_Ticker)


def parse_tickers(body: bytes, *, recv_ms: int) -> Tickers:
    """Ticker without `pair`: all markets. Raises BadAnswer and Kraken's errors."""
    rows, refused = _rows(body)
    sheet, tickers = Sheet(rows, rejected=refused), rows.values()
    sheet.price("price", [ticker.c.value for ticker in tickers])
    sheet.book([ticker.b.value for ticker in tickers], [ticker.a.value for ticker in tickers])
    sheet.volume("volume_24h_base", [ticker.v.last_24h for ticker in tickers])
    vwap = sheet.read("vwap", [ticker.p.last_24h for ticker in tickers])
    sheet.worth("volume_24h_quote", vwap, amount="volume_24h_base")
    return sheet.tickers(recv_ms=recv_ms)


def _rows(body: bytes) -> tuple[dict[str, _Ticker], dict[str, str]]:
    """All rows at once; where one is odd, each for itself."""
    try:
        return _result(_TICKERS.decode(body)), {}
    except (ValueError, RecursionError):
        return rows_of(_result(decoded(_BY_NAME, body)).items(), _TICKER)


# {"error":[],"result":{"XBTUSDT":[[1762776960,"106030.1","106030.1","106020.0","106020.0",
#   "106022.4","0.10600000",4], …],"last":1762820160}}
# [open time s, open, high, low, close, vwap, volume, count]; the last row is running, `last` is the
# open time of the newest committed one.

_OHLC = msgspec.json.Decoder(_Answer[dict[str, Any]])


def parse_candles(body: bytes, asked: CandleRequest, *, now_ms: int) -> Candles:
    """OHLC of one market. Raises BadAnswer, NotFound and Kraken's errors."""
    result = _result(decoded(_OHLC, body))
    last = result.pop("last", None)
    if len(result) != 1:
        raise BadAnswer(f"KRAKEN answered with {len(result)} markets where one was asked for")
    sound, malformed_count = table(next(iter(result.values())), width=8)
    rows = Rows(
        time_unit_ms=SECOND_MS,
        fills=True,
        opens=[row[0] for row in sound],
        closes=[row[4] for row in sound],
        vwaps=[row[5] for row in sound],
        volumes=[row[6] for row in sound],
        trades=[row[7] for row in sound],
        committed_ms=last * SECOND_MS if type(last) is int else None,
        malformed_count=malformed_count,
    )
    return candles_of(rows, asked, now_ms=now_ms)


_TIME = msgspec.json.Decoder(_Answer[dict[str, Any]])


def parse_time_ms(body: bytes) -> int:
    """{"error":[],"result":{"unixtime":1762820224,"rfc1123":"Tue, 11 Nov 25 00:17:04 +0000"}}"""
    unixtime = _result(decoded(_TIME, body)).get("unixtime")
    if type(unixtime) is not int:
        raise BadAnswer(f"KRAKEN's time is no whole number: {unixtime!r:.40}")
    return unixtime * SECOND_MS


def parse_status(body: bytes) -> str:
    """{"error":[],"result":{"status":"online","timestamp":"2025-11-11T00:17:10Z"}}"""
    return str(_result(decoded(_TIME, body)).get("status"))


class KrakenVenue(RestVenue):
    """Kraken as the collector sees it (ports.venue.Venue)."""

    FACTS = FACTS
    TRAITS = TRAITS
    DIALECT = KrakenDialect

    async def markets(self) -> Sequence[Market]:
        """Every spot market; what was left out stands in `rejected_markets`."""
        listing = await self.http.get(
            Request(path="/0/public/AssetPairs", urgent=True),
            lambda body: self._listed(parse_markets(body, traded=self._traded)),
        )
        return listing.markets

    async def tickers(self) -> Tickers:
        """All markets in one call; on a failure Kraken's own status may name it."""
        return await self.http.get(
            Request(path="/0/public/Ticker", urgent=True, explain=self._status),
            lambda body: self._whole(parse_tickers(body, recv_ms=self._clock.now_ms())),
        )

    async def _status(self) -> SigmawatchError | None:
        status = await self.http.ask(
            Request(path="/0/public/SystemStatus", urgent=True), parse_status
        )
        return None if status == "online" else Maintenance(f"KRAKEN says its system is {status}")

    async def candles(self, native: str, *, span_ms: int, from_ms: int, to_ms: int) -> Candles:
        """One call reaches as far as Kraken goes: 720 candles."""
        asked = CandleRequest(native=native, span_ms=span_ms, from_ms=from_ms, to_ms=to_ms)
        assert span_ms in TRAITS.candle_spans_ms
        # Kraken leaves out the candle that opens at `since` itself.
        params = {"pair": native, "interval": str(span_ms // MINUTE_MS),
                  "since": str(from_ms // SECOND_MS - 1)}  # fmt: skip
        return await self.http.get(
            Request(path="/0/public/OHLC", params=params, of_market=True),
            lambda body: parse_candles(body, asked, now_ms=self._clock.now_ms()),
        )

    async def time_ms(self) -> int:
        """Kraken's clock, in whole seconds."""
        return await self.http.get(Request(path="/0/public/Time", urgent=True), parse_time_ms)
