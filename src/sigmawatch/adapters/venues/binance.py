"""Binance spot, REST (developers.binance.com, "Spot API", "Market data endpoints").

The unit of the budget is weight: 6,000 a minute and address, read back from X-MBX-USED-WEIGHT-1M.
Public calls need no API key; where one is set it goes along as X-MBX-APIKEY. Where api.binance.com
refuses an address, the market-data host may answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from sigmawatch.adapters.venues.answers import decoded, rows_of
from sigmawatch.adapters.venues.candles import CandleRequest, Rows, candles_of, table
from sigmawatch.adapters.venues.columns import Sheet, newest_ms, unique_rows
from sigmawatch.adapters.venues.http import Request
from sigmawatch.adapters.venues.listing import Entry, Listing, listing_of, numbered
from sigmawatch.adapters.venues.rest import RestVenue
from sigmawatch.adapters.venues.settings import Limits, VenueFacts
from sigmawatch.adapters.venues.streams.binance import BinanceDialect
from sigmawatch.domain.errors import BadAnswer
from sigmawatch.domain.market import Market, MarketStatus
from sigmawatch.domain.reading import Candles, Tickers
from sigmawatch.domain.window import HOUR_MS, MINUTE_MS
from sigmawatch.ports.venue import VenueTraits

_TICKER_WEIGHT, _INFO_WEIGHT, _KLINES_WEIGHT, _TIME_WEIGHT = 80.0, 20.0, 2.0, 1.0
FACTS = VenueFacts(
    name="BINANCE",
    base_url="https://api.binance.com",
    limits=Limits(per_minute=6_000.0, burst=1_200.0, reserve=_TICKER_WEIGHT, call=_KLINES_WEIGHT),
    key_header="X-MBX-APIKEY",
    used_header="x-mbx-used-weight-1m",
    maintenance_marks=(b'"code":-1016',),  # "this service is no longer available"
    alternative="https://data-api.binance.vision",
)
_SPANS_MS = (MINUTE_MS, 5 * MINUTE_MS, 15 * MINUTE_MS, HOUR_MS)
_INTERVALS = dict(zip(_SPANS_MS, ("1m", "5m", "15m", "1h"), strict=True))
TRAITS = VenueTraits(
    name=FACTS.name,
    levels=frozenset({"price", "bid", "ask", "spread_bp", "volume_24h_base", "volume_24h_quote"}),
    flows=frozenset({"traded_base", "traded_quote", "trades"}),
    candle_spans_ms=_SPANS_MS,
    candle_reach_ms=(None,) * len(_SPANS_MS),
    candle_rows_max=1_000,
    poll_floor_ms=5_000,
    requests_per_minute=FACTS.limits.per_minute,
    poll_cost=_TICKER_WEIGHT,
    candle_cost=_KLINES_WEIGHT,
    budget_unit="weight",
)


# {"timezone":"UTC","serverTime":1633998511098, … "symbols":[{"symbol":"ETHBTC","status":"TRADING",
#   "baseAsset":"ETH","quoteAsset":"BTC", … "isSpotTradingAllowed":true, …}]}
# status: TRADING, HALT, BREAK, CANCEL_ONLY, …


class _Info(msgspec.Struct):
    symbols: list[msgspec.Raw]


class _Symbol(msgspec.Struct, rename="camel", gc=False):
    symbol: Any
    base_asset: Any
    quote_asset: Any
    status: Any = "TRADING"


_INFO = msgspec.json.Decoder(_Info)
_SYMBOL = msgspec.json.Decoder(_Symbol)


def parse_markets(body: bytes, *, traded: Mapping[str, float] | None = None) -> Listing:
    """exchangeInfo. traded: market id -> quote volume of the last poll. Raises BadAnswer."""
    symbols, refused = rows_of(numbered(decoded(_INFO, body).symbols), _SYMBOL)
    entries = (
        Entry(
            native=symbol.symbol, base=symbol.base_asset, quote=symbol.quote_asset,
            status=MarketStatus.ONLINE if symbol.status == "TRADING" else MarketStatus.HALTED,
        )
        for symbol in symbols.values()
    )  # fmt: skip
    return listing_of(FACTS.name, entries, traded=traded, refused=refused)


# [{"symbol":"ETHBTC", … "lastPrice":"0.03606000","bidPrice":"0.03605000","askPrice":"0.03606000",
#   "volume":"36180.52340000","quoteVolume":"1309.40217841","closeTime":1730439017452, …}, …]
# A halted market stays in the list with zero prices: they are missing, not wrong.


class _Ticker(msgspec.Struct, rename="camel", gc=False):
    symbol: str
    last_price: Any = None
    bid_price: Any = None
    ask_price: Any = None
    volume: Any = None
    quote_volume: Any = None
    close_time: Any = None


_TICKERS = msgspec.json.Decoder(list[_Ticker])
_BY_PLACE = msgspec.json.Decoder(list[msgspec.Raw])
_TICKER = msgspec.json.Decoder(_Ticker)


def parse_tickers(body: bytes, *, recv_ms: int) -> Tickers:
    """ticker/24hr of all markets. Raises BadAnswer."""
    rows, refused = _rows(body)
    by_symbol = unique_rows(rows, key=lambda row: row.symbol)
    sheet, tickers = Sheet(by_symbol, rejected=refused), by_symbol.values()
    sheet.price("price", [row.last_price for row in tickers], zero_is_missing=True)
    sheet.book([row.bid_price for row in tickers], [row.ask_price for row in tickers])
    sheet.volume("volume_24h_base", [row.volume for row in tickers])
    sheet.volume("volume_24h_quote", [row.quote_volume for row in tickers])
    # When it was made: the newest end of a 24-hour window in it.
    event_ms = newest_ms([row.close_time for row in tickers], recv_ms=recv_ms)
    return sheet.tickers(recv_ms=recv_ms, event_ms=event_ms)


def _rows(body: bytes) -> tuple[Iterable[_Ticker], dict[str, str]]:
    """All rows at once; where one is odd, each for itself."""
    try:
        return _TICKERS.decode(body), {}
    except (ValueError, RecursionError):
        rows, refused = rows_of(numbered(decoded(_BY_PLACE, body)), _TICKER)
        return rows.values(), refused


# [[1499040000000,"0.01634790","0.80000000","0.01575800","0.01577100","148976.11427815",
#   1499644799999,"2434.19055334",308,"1756.87402397","28.46694368","0"], …]
# [open ms, open, high, low, close, volume base, close ms, volume quote, trades, …]; a minute
# without trades has a row with volume 0.

_KLINES = msgspec.json.Decoder(list[Any])


def parse_candles(body: bytes) -> Rows:
    """klines of one market, unchecked. Raises BadAnswer."""
    sound, malformed_count = table(decoded(_KLINES, body), width=9)
    return Rows(
        time_unit_ms=1,
        quoted=True,
        fills=True,
        opens=[row[0] for row in sound],
        closes=[row[4] for row in sound],
        volumes=[row[5] for row in sound],
        quotes=[row[7] for row in sound],
        trades=[row[8] for row in sound],
        malformed_count=malformed_count,
    )


_TIME = msgspec.json.Decoder(dict[str, Any])


def parse_time_ms(body: bytes) -> int:
    """{"serverTime":1499827319559}"""
    time_ms = decoded(_TIME, body).get("serverTime")
    if type(time_ms) is not int:
        raise BadAnswer(f"BINANCE's time is no whole number: {time_ms!r:.40}")
    return time_ms


class BinanceVenue(RestVenue):
    """Binance as the collector sees it (ports.venue.Venue)."""

    FACTS = FACTS
    TRAITS = TRAITS
    DIALECT = BinanceDialect

    async def markets(self) -> Sequence[Market]:
        """Every spot market; what was left out stands in `rejected_markets`."""
        listing = await self.http.get(
            Request(path="/api/v3/exchangeInfo", params={"showPermissionSets": "false"},
                    cost=_INFO_WEIGHT, urgent=True),
            lambda body: self._listed(parse_markets(body, traded=self._traded)),
        )  # fmt: skip
        return listing.markets

    async def tickers(self) -> Tickers:
        """All markets in one call."""
        return await self.http.get(
            Request(path="/api/v3/ticker/24hr", params={"type": "FULL"},
                    cost=_TICKER_WEIGHT, urgent=True),
            lambda body: self._whole(parse_tickers(body, recv_ms=self._clock.now_ms())),
        )  # fmt: skip

    async def candles(self, native: str, *, span_ms: int, from_ms: int, to_ms: int) -> Candles:
        """1,000 candles a call."""
        asked = CandleRequest(native=native, span_ms=span_ms, from_ms=from_ms, to_ms=to_ms)
        assert span_ms in TRAITS.candle_spans_ms
        rows = Rows(time_unit_ms=1, quoted=True, fills=True)
        for first_ms, last_ms in self._pages(asked):
            params = {"symbol": native, "interval": _INTERVALS[span_ms], "limit": "1000",
                      "startTime": str(first_ms), "endTime": str(last_ms)}  # fmt: skip
            request = Request(path="/api/v3/klines", params=params, cost=_KLINES_WEIGHT,
                              of_market=True, absent=frozenset({400}))  # fmt: skip
            rows.extend(await self.http.get(request, parse_candles))
        return candles_of(rows, asked, now_ms=self._clock.now_ms())

    async def time_ms(self) -> int:
        """Binance's clock."""
        request = Request(path="/api/v3/time", cost=_TIME_WEIGHT, urgent=True)
        return await self.http.get(request, parse_time_ms)
