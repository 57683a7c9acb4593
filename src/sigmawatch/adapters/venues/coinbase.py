"""Coinbase Exchange, REST (docs.cdp.coinbase.com/exchange, "Products").

All tickers come from /products/stats, which the reference does not promise: where it is refused,
the public product list of Advanced Trade answers instead, in which other names of one order book
(BTC-USDC for BTC-USD) would count twice. No bid and ask in bulk, no trade counts, no quote volume:
that is derived. Public calls take no API key; 10 requests a second, 15 at once, are allowed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import msgspec

from sigmawatch.adapters.venues.answers import decoded, rows_of
from sigmawatch.adapters.venues.candles import CandleRequest, Rows, candles_of, table
from sigmawatch.adapters.venues.columns import Sheet
from sigmawatch.adapters.venues.http import Request
from sigmawatch.adapters.venues.listing import Entry, Listing, listing_of, numbered
from sigmawatch.adapters.venues.rest import RestVenue
from sigmawatch.adapters.venues.settings import Limits, VenueFacts
from sigmawatch.adapters.venues.streams.coinbase import CoinbaseDialect
from sigmawatch.domain.errors import BadAnswer, Invalid, NotFound
from sigmawatch.domain.market import Market, MarketStatus
from sigmawatch.domain.reading import Candles, Tickers, positive
from sigmawatch.domain.window import HOUR_MS, MINUTE_MS, SECOND_MS
from sigmawatch.ports.venue import VenueTraits

FACTS = VenueFacts(
    name="COINBASE",
    base_url="https://api.exchange.coinbase.com",
    fallback_url="https://api.coinbase.com",
    limits=Limits(per_minute=540.0, burst=5.0, reserve=2.0),
)
_SPANS_MS = (MINUTE_MS, 5 * MINUTE_MS, 15 * MINUTE_MS, HOUR_MS)
TRAITS = VenueTraits(
    name=FACTS.name,
    levels=frozenset({"price", "volume_24h_base", "volume_24h_quote"}),
    flows=frozenset({"traded_base", "traded_quote"}),
    candle_spans_ms=_SPANS_MS,
    candle_reach_ms=(None,) * len(_SPANS_MS),
    candle_rows_max=300,
    poll_floor_ms=5_000,
    requests_per_minute=FACTS.limits.per_minute,
    poll_cost=1.0,
    candle_cost=1.0,
)


# [{"id":"SKL-EUR","base_currency":"SKL","quote_currency":"EUR", … "post_only":false,
#   "limit_only":false,"cancel_only":false,"trading_disabled":false,"status":"online", …}, …]
# status: online, offline, internal, delisted.


class _Product(msgspec.Struct, gc=False):
    id: Any
    base_currency: Any
    quote_currency: Any
    status: Any = "online"
    trading_disabled: Any = False
    cancel_only: Any = False
    post_only: Any = False


_PRODUCTS = msgspec.json.Decoder(list[msgspec.Raw])
_PRODUCT = msgspec.json.Decoder(_Product)


def parse_markets(body: bytes, *, traded: Mapping[str, float] | None = None) -> Listing:
    """/products. traded: market id -> quote volume of the last poll. Raises BadAnswer."""
    products, refused = rows_of(numbered(decoded(_PRODUCTS, body)), _PRODUCT)
    entries = (
        Entry(native=product.id, base=product.base_currency, quote=product.quote_currency,
              status=_status(product))
        for product in products.values()
    )  # fmt: skip
    return listing_of(FACTS.name, entries, traded=traded, refused=refused)


def _status(product: _Product) -> MarketStatus:
    if product.status == "delisted":
        return MarketStatus.DELISTED
    held = product.trading_disabled or product.cancel_only or product.post_only
    return MarketStatus.ONLINE if product.status == "online" and not held else MarketStatus.HALTED


# {"BTC-USD":{"stats_30day":{"volume":"291870.51"},"stats_24hour":{"open":"63250.1","high":"64100",
#   "low":"62800.5","last":"63912.44","volume":"9120.33148214"}}, …}


class _Stats24Hour(msgspec.Struct, gc=False):
    last: Any = None
    volume: Any = None


class _Stats(msgspec.Struct, gc=False):
    stats_24hour: _Stats24Hour


_ALL_STATS = msgspec.json.Decoder(dict[str, _Stats])
_BY_NAME = msgspec.json.Decoder(dict[str, msgspec.Raw])
_STATS = msgspec.json.Decoder(_Stats)


def parse_tickers(body: bytes, *, recv_ms: int) -> Tickers:
    """/products/stats. Raises BadAnswer."""
    rows, refused = _rows(body)
    stats = [row.stats_24hour for row in rows.values()]
    sheet = Sheet(rows, rejected=refused)
    sheet.price("price", [one.last for one in stats])
    sheet.volume("volume_24h_base", [one.volume for one in stats])
    sheet.worth("volume_24h_quote", sheet.column("price"), amount="volume_24h_base")
    return sheet.tickers(recv_ms=recv_ms)


def _rows(body: bytes) -> tuple[dict[str, _Stats], dict[str, str]]:
    """All rows at once; where one is odd, each for itself."""
    try:
        return _ALL_STATS.decode(body), {}
    except (ValueError, RecursionError):
        return rows_of(decoded(_BY_NAME, body).items(), _STATS)


# {"products":[{"product_id":"BTC-USDC","price":"63912.44","volume_24h":"9120.33148214", …
#   "alias":"BTC-USD","alias_to":[],"approximate_quote_24h_volume":"582900000.12"}, …],
#  "num_products":812}
# `alias` names the product whose order book this one shares.


class _Advanced(msgspec.Struct, gc=False):
    product_id: str
    price: Any = None
    volume_24h: Any = None
    alias: Any = ""


class _AdvancedAnswer(msgspec.Struct):
    products: list[msgspec.Raw]


_ADVANCED = msgspec.json.Decoder(_Advanced)
_ALL_ADVANCED = msgspec.json.Decoder(_AdvancedAnswer)


def parse_advanced(body: bytes, *, recv_ms: int) -> Tickers:
    """Advanced Trade's market/products, without second names. Raises BadAnswer."""
    rows, refused = rows_of(numbered(decoded(_ALL_ADVANCED, body).products), _ADVANCED)
    own = {row.product_id: row for row in rows.values() if row.alias in ("", None, row.product_id)}
    sheet = Sheet(own, rejected=refused)
    sheet.price("price", [row.price for row in own.values()])
    sheet.volume("volume_24h_base", [row.volume_24h for row in own.values()])
    sheet.worth("volume_24h_quote", sheet.column("price"), amount="volume_24h_base")
    return sheet.tickers(recv_ms=recv_ms)


# [[1710327600,73241.5,73402.47,73243.33,73370.65,1.56794406], …]
# [open time s, LOW, HIGH, OPEN, CLOSE, volume base], newest first; a quiet minute is absent.

_CANDLES = msgspec.json.Decoder(list[Any])


def parse_candles(body: bytes) -> Rows:
    """Candles of one market, unchecked. Raises BadAnswer."""
    sound, malformed_count = table(decoded(_CANDLES, body), width=6)
    return Rows(
        time_unit_ms=SECOND_MS,
        opens=[row[0] for row in sound],
        closes=[row[4] for row in sound],
        volumes=[row[5] for row in sound],
        malformed_count=malformed_count,
    )


_TIME = msgspec.json.Decoder(dict[str, Any])


def parse_time_ms(body: bytes) -> int:
    """{"iso":"2015-01-07T23:47:25.201Z","epoch":1420674445.201}"""
    try:
        return round(positive(decoded(_TIME, body).get("epoch")) * SECOND_MS)
    except Invalid as error:
        raise BadAnswer(f"COINBASE's time is no number: {error}") from None


class CoinbaseVenue(RestVenue):
    """Coinbase Exchange as the collector sees it (ports.venue.Venue)."""

    FACTS = FACTS
    TRAITS = TRAITS
    DIALECT = CoinbaseDialect

    async def markets(self) -> Sequence[Market]:
        """Every spot market; what was left out stands in `rejected_markets`."""
        listing = await self.http.get(
            Request(path="/products", urgent=True),
            lambda body: self._listed(parse_markets(body, traded=self._traded)),
        )
        return listing.markets

    async def tickers(self) -> Tickers:
        """All markets in one call, or in two where the first one is not offered."""
        stats = Request(path="/products/stats", urgent=True, absent=frozenset({403, 404}))
        try:
            return await self.http.get(
                stats, lambda body: self._whole(parse_tickers(body, recv_ms=self._clock.now_ms()))
            )
        except NotFound:
            return await self.http.get(
                Request(path="/api/v3/brokerage/market/products", urgent=True, fallback=True),
                lambda body: self._whole(parse_advanced(body, recv_ms=self._clock.now_ms())),
            )

    async def candles(self, native: str, *, span_ms: int, from_ms: int, to_ms: int) -> Candles:
        """300 candles a call; one more would be refused."""
        asked = CandleRequest(native=native, span_ms=span_ms, from_ms=from_ms, to_ms=to_ms)
        assert span_ms in TRAITS.candle_spans_ms
        rows = Rows(time_unit_ms=SECOND_MS)
        for first_ms, last_ms in self._pages(asked):
            params = {
                "granularity": str(span_ms // SECOND_MS),
                "start": str(first_ms // SECOND_MS),
                "end": str(last_ms // SECOND_MS),
            }
            request = Request(path=f"/products/{quote(native, safe='')}/candles", params=params,
                              of_market=True, absent=frozenset({404}))  # fmt: skip
            rows.extend(await self.http.get(request, parse_candles))
        return candles_of(rows, asked, now_ms=self._clock.now_ms())

    async def time_ms(self) -> int:
        """Coinbase's clock."""
        return await self.http.get(Request(path="/time", urgent=True), parse_time_ms)
