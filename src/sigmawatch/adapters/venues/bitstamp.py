"""Bitstamp, REST v2 (bitstamp.net/api, "Tickers" and "Market info").

A ticker's `open` is the first price of the day, `open_24` the rolling one; volume and average price
are of the last 24 hours, so the quote volume is their product. A candle has no trade count. Public
calls take no API key; 10,000 in ten minutes are allowed. There is no call for the time: every
ticker carries it, in whole seconds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import msgspec

from sigmawatch.adapters.venues.answers import decoded, rows_of
from sigmawatch.adapters.venues.candles import CandleRequest, Rows, candles_of
from sigmawatch.adapters.venues.columns import Sheet, newest_ms, unique_rows
from sigmawatch.adapters.venues.http import Request
from sigmawatch.adapters.venues.listing import Entry, Listing, listing_of, numbered
from sigmawatch.adapters.venues.rest import RestVenue
from sigmawatch.adapters.venues.settings import Limits, VenueFacts
from sigmawatch.domain.errors import BadAnswer
from sigmawatch.domain.market import Market, MarketStatus
from sigmawatch.domain.reading import Candles, Tickers
from sigmawatch.domain.window import HOUR_MS, MINUTE_MS, SECOND_MS
from sigmawatch.ports.venue import VenueTraits

FACTS = VenueFacts(
    name="BITSTAMP",
    base_url="https://www.bitstamp.net",
    limits=Limits(per_minute=600.0, burst=60.0, reserve=2.0),
    ban_marks=(b'"400.002"',),  # "request rate limit exceeded"
)
_SPANS_MS = (MINUTE_MS, 5 * MINUTE_MS, 15 * MINUTE_MS, HOUR_MS)
TRAITS = VenueTraits(
    name=FACTS.name,
    levels=frozenset({"price", "bid", "ask", "spread_bp", "volume_24h_base", "volume_24h_quote"}),
    flows=frozenset({"traded_base", "traded_quote"}),
    candle_spans_ms=_SPANS_MS,
    candle_reach_ms=(None,) * len(_SPANS_MS),
    candle_rows_max=1_000,
    poll_floor_ms=2_000,
    requests_per_minute=FACTS.limits.per_minute,
    poll_cost=1.0,
    candle_cost=1.0,
)


# [{"name":"BTC/USD","market_symbol":"btcusd","base_currency":"BTC","base_decimals":8,
#   "counter_currency":"USD","counter_decimals":0,"trading":"Enabled","market_type":"SPOT", …}, …]
# Perpetual contracts stand in the same list.


class _Listed(msgspec.Struct, gc=False):
    market_symbol: Any = None
    base_currency: Any = None
    counter_currency: Any = None
    trading: Any = "Enabled"
    market_type: Any = "SPOT"


_BY_PLACE = msgspec.json.Decoder(list[msgspec.Raw])
_LISTED = msgspec.json.Decoder(_Listed)


def parse_markets(body: bytes, *, traded: Mapping[str, float] | None = None) -> Listing:
    """/markets/. traded: market id -> quote volume of the last poll. Raises BadAnswer."""
    rows, refused = rows_of(numbered(decoded(_BY_PLACE, body)), _LISTED)
    entries = (
        Entry(native=row.market_symbol, base=row.base_currency, quote=row.counter_currency,
              status=MarketStatus.ONLINE if row.trading == "Enabled" else MarketStatus.HALTED)
        for row in rows.values() if row.market_type == "SPOT"
    )  # fmt: skip
    return listing_of(FACTS.name, entries, traded=traded, refused=refused)


# [{"timestamp":"1643640186","open":"37900","high":"38500","low":"36600","last":"38211.61",
#   "volume":"2199.30546512","vwap":"37512.34","bid":"38206.79","ask":"38215.29","side":"0",
#   "open_24":"37601.30","percent_change_24":"1.62","market_type":"SPOT","pair":"BTC/USD"}, …]
# Before its first trade a market has a last price of 0 or null.


class _Ticker(msgspec.Struct, gc=False):
    pair: str
    last: Any = None
    bid: Any = None
    ask: Any = None
    volume: Any = None
    vwap: Any = None
    timestamp: Any = None
    market_type: Any = "SPOT"


_TICKERS = msgspec.json.Decoder(list[_Ticker])
_TICKER = msgspec.json.Decoder(_Ticker)


def parse_tickers(body: bytes, *, recv_ms: int) -> Tickers:
    """/ticker/: all markets. Raises BadAnswer."""
    rows, refused = _rows(body)
    spot = (row for row in rows if row.market_type == "SPOT")
    by_symbol = unique_rows(spot, key=lambda row: native_of(row.pair))
    sheet, tickers = Sheet(by_symbol, rejected=refused), by_symbol.values()
    sheet.price("price", [row.last for row in tickers], zero_is_missing=True)
    sheet.book([row.bid or 0 for row in tickers], [row.ask or 0 for row in tickers])
    sheet.volume("volume_24h_base", [row.volume for row in tickers])
    vwap = sheet.read("vwap", [row.vwap or 0 for row in tickers])
    sheet.worth("volume_24h_quote", vwap, amount="volume_24h_base")
    event_ms = newest_ms([row.timestamp for row in tickers], recv_ms=recv_ms, unit_ms=SECOND_MS)
    return sheet.tickers(recv_ms=recv_ms, event_ms=event_ms)


def native_of(pair: str) -> str:
    """The name that Bitstamp's addresses have for a pair: BTC/USD is btcusd."""
    return pair.replace("/", "").lower()


def _rows(body: bytes) -> tuple[list[_Ticker], dict[str, str]]:
    """All rows at once; where one is odd, each for itself."""
    try:
        return _TICKERS.decode(body), {}
    except (ValueError, RecursionError):
        rows, refused = rows_of(numbered(decoded(_BY_PLACE, body)), _TICKER)
        return list(rows.values()), refused


# {"data":{"pair":"BTC/USD","ohlc":[{"timestamp":"1646245140","open":"44223.12",
#   "high":"44223.12","low":"44208.02","close":"44208.02","volume":"0.14098226"}, …]}}
# Oldest first; [start, end] counts where `limit` allows.


class _Series(msgspec.Struct):
    ohlc: list[msgspec.Raw]


class _Ohlc(msgspec.Struct):
    data: _Series


class _Candle(msgspec.Struct, gc=False):
    timestamp: Any
    close: Any
    volume: Any


_OHLC = msgspec.json.Decoder(_Ohlc)
_CANDLE = msgspec.json.Decoder(_Candle)


def parse_candles(body: bytes) -> Rows:
    """Candles of one market, unchecked. Raises BadAnswer."""
    rows, refused = rows_of(numbered(decoded(_OHLC, body).data.ohlc), _CANDLE)
    return Rows(
        time_unit_ms=SECOND_MS,
        opens=[row.timestamp for row in rows.values()],
        closes=[row.close for row in rows.values()],
        volumes=[row.volume for row in rows.values()],
        malformed_count=len(refused),
    )


def parse_time_ms(body: bytes, *, recv_ms: int) -> int:
    """The newest time in an answer of all tickers. Raises BadAnswer where there is none."""
    rows, _ = _rows(body)
    # Whoever asks for the time wants to know how wrong it is: no time is too far off.
    time_ms = newest_ms([row.timestamp for row in rows], recv_ms=2 * recv_ms, unit_ms=SECOND_MS)
    if time_ms is None:
        raise BadAnswer("BITSTAMP's tickers carry no time")
    return time_ms


class BitstampVenue(RestVenue):
    """Bitstamp as the collector sees it (ports.venue.Venue)."""

    FACTS = FACTS
    TRAITS = TRAITS

    async def markets(self) -> Sequence[Market]:
        """Every spot market; what was left out stands in `rejected_markets`."""
        listing = await self.http.get(
            Request(path="/api/v2/markets/", urgent=True),
            lambda body: self._listed(parse_markets(body, traded=self._traded)),
        )
        return listing.markets

    async def tickers(self) -> Tickers:
        """All markets in one call."""
        return await self.http.get(
            Request(path="/api/v2/ticker/", urgent=True),
            lambda body: self._whole(parse_tickers(body, recv_ms=self._clock.now_ms())),
        )

    async def candles(self, native: str, *, span_ms: int, from_ms: int, to_ms: int) -> Candles:
        """1,000 candles a call. Where both ends are said only the last counts, so the limit says
        the first."""
        asked = CandleRequest(native=native, span_ms=span_ms, from_ms=from_ms, to_ms=to_ms)
        assert span_ms in TRAITS.candle_spans_ms
        rows = Rows(time_unit_ms=SECOND_MS)
        for first_ms, last_ms in self._pages(asked):
            params = {"step": str(span_ms // SECOND_MS), "start": str(first_ms // SECOND_MS),
                      "end": str(last_ms // SECOND_MS),
                      "limit": str((last_ms - first_ms) // span_ms + 1)}  # fmt: skip
            request = Request(path=f"/api/v2/ohlc/{quote(native, safe='')}/", params=params,
                              of_market=True, absent=frozenset({404}))  # fmt: skip
            rows.extend(await self.http.get(request, parse_candles))
        return candles_of(rows, asked, now_ms=self._clock.now_ms())

    async def time_ms(self) -> int:
        """Bitstamp's clock, in whole seconds."""
        return await self.http.get(
            Request(path="/api/v2/ticker/", urgent=True),
            lambda body: parse_time_ms(body, recv_ms=self._clock.now_ms()),
        )
