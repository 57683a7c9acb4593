"""OKX spot, REST v5 (okx.com/docs-v5, "Public Data" and "Market Data").

Errors come as a code, inside a 200 or beside a status of their own. Figures of 24 hours are rolling
(`open24h`; `sodUtc0` is the open of the day). Public calls take no API key; 20 of each kind in two
seconds are allowed, and all kinds share a budget below that.
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
    Maintenance,
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
    name="OKX",
    base_url="https://www.okx.com",
    # A burst and two seconds of the steady rate stay below 20.
    limits=Limits(per_minute=300.0, burst=10.0, reserve=2.0),
    maintenance_marks=(b'"50001"',),  # "service temporarily unavailable"
    alternative="https://eea.okx.com",
)
_BARS = {MINUTE_MS: "1m", 5 * MINUTE_MS: "5m", 15 * MINUTE_MS: "15m", HOUR_MS: "1H"}
_SPANS_MS = tuple(_BARS)
_REACH_ROWS, _PAGE_ROWS = 1_440, 300
TRAITS = VenueTraits(
    name=FACTS.name,
    levels=frozenset({"price", "bid", "ask", "spread_bp", "volume_24h_base", "volume_24h_quote"}),
    flows=frozenset({"traded_base", "traded_quote"}),
    candle_spans_ms=_SPANS_MS,
    candle_reach_ms=tuple(_REACH_ROWS * span_ms for span_ms in _SPANS_MS),
    candle_rows_max=_PAGE_ROWS,
    poll_floor_ms=2_000,
    requests_per_minute=FACTS.limits.per_minute,
    poll_cost=1.0,
    candle_cost=1.0,
)


class _Answer(msgspec.Struct, Generic[T]):
    code: Any = None
    msg: Any = None
    data: T | None = None


def _data(answer: _Answer[T]) -> T:
    """What was asked for, or the error that OKX put in its place."""
    if answer.code != "0":
        raise _refusal(str(answer.code)[:20], str(answer.msg)[:120])
    if answer.data is None:
        raise BadAnswer("OKX answered without error and without data")
    return answer.data


def _refusal(code: str, said: str) -> SigmawatchError:
    """{"code":"50011","msg":"Too Many Requests","data":[]} and its like, by what to do next."""
    text = f"OKX says {code}: {said}"
    if code in {"50011", "50061"}:
        return RateLimited(text)
    if code == "50001":
        return Maintenance(text)
    if code in {"50004", "50005", "50013", "50026"}:  # timed out, offline, busy, its own fault
        return Unavailable(text)
    unknown = code == "51001" or (code == "51000" and "instid" in said.lower())
    return NotFound(text) if unknown else BadAnswer(text)


# {"code":"0","data":[{"instType":"SPOT","instId":"BTC-USDT","baseCcy":"BTC","quoteCcy":"USDT",
#   "state":"live", …}, …],"msg":""}
# state: live, suspend, preopen, test. A name was null for a day (ccxt #26047).


class _Instrument(msgspec.Struct, rename="camel", gc=False):
    inst_id: Any = None
    base_ccy: Any = None
    quote_ccy: Any = None
    state: Any = "live"


_BY_PLACE = msgspec.json.Decoder(_Answer[list[msgspec.Raw]])
_INSTRUMENT = msgspec.json.Decoder(_Instrument)


def parse_markets(body: bytes, *, traded: Mapping[str, float] | None = None) -> Listing:
    """instruments?instType=SPOT. traded: market id -> quote volume of the last poll. Raises
    BadAnswer and OKX's errors."""
    rows, refused = rows_of(numbered(_data(decoded(_BY_PLACE, body))), _INSTRUMENT)
    entries = (
        Entry(native=row.inst_id, base=row.base_ccy, quote=row.quote_ccy,
              status=MarketStatus.ONLINE if row.state == "live" else MarketStatus.HALTED)
        for row in rows.values()
    )  # fmt: skip
    return listing_of(FACTS.name, entries, traded=traded, refused=refused)


# {"code":"0","msg":"","data":[{"instType":"SPOT","instId":"BTC-USDT","last":"30244.7",
#   "lastSz":"0.00080911","askPx":"30244.8","askSz":"1.7","bidPx":"30244.7","bidSz":"1.25",
#   "open24h":"28613.9","high24h":"30973.5","low24h":"28613.9","sodUtc0":"29037",
#   "sodUtc8":"28700","volCcy24h":"366446128.85","vol24h":"12235.15","ts":"1652459225478"}, …]}
# Of a spot market vol24h is base, volCcy24h quote. Without a price or an order the text is empty.


class _Ticker(msgspec.Struct, rename="camel", gc=False):
    inst_id: str
    last: Any = None
    bid_px: Any = None
    ask_px: Any = None
    vol24h: Any = None
    vol_ccy24h: Any = msgspec.field(default=None, name="volCcy24h")
    ts: Any = None


_TICKERS = msgspec.json.Decoder(_Answer[list[_Ticker]])
_TICKER = msgspec.json.Decoder(_Ticker)


def parse_tickers(body: bytes, *, recv_ms: int) -> Tickers:
    """tickers?instType=SPOT: all markets. Raises BadAnswer and OKX's errors."""
    rows, refused = _rows(body)
    by_id = unique_rows(rows, key=lambda row: row.inst_id)
    sheet, tickers = Sheet(by_id, rejected=refused), by_id.values()
    sheet.price("price", [row.last for row in tickers])
    sheet.book([row.bid_px or 0 for row in tickers], [row.ask_px or 0 for row in tickers])
    sheet.volume("volume_24h_base", [row.vol24h for row in tickers])
    sheet.volume("volume_24h_quote", [row.vol_ccy24h for row in tickers])
    event_ms = newest_ms([row.ts for row in tickers], recv_ms=recv_ms)
    return sheet.tickers(recv_ms=recv_ms, event_ms=event_ms)


def _rows(body: bytes) -> tuple[list[_Ticker], dict[str, str]]:
    """All rows at once; where one is odd, each for itself."""
    try:
        return _data(_TICKERS.decode(body)), {}
    except (ValueError, RecursionError):
        rows, refused = rows_of(numbered(_data(decoded(_BY_PLACE, body))), _TICKER)
        return list(rows.values()), refused


# {"code":"0","msg":"","data":[["1597026383085","3.721","3.743","3.677","3.708","8422410",
#   "22698348.04","22698348.04","0"], …]}
# [open ms, open, high, low, close, volume base, …, volume quote, confirmed], newest first; the
# running candle is the one that is not confirmed.

_CANDLES = msgspec.json.Decoder(_Answer[Any])


def parse_candles(body: bytes) -> Rows:
    """Candles of one market, unchecked, without the running one. Raises BadAnswer, NotFound."""
    sound, malformed_count = table(_data(decoded(_CANDLES, body)), width=9)
    closed = [row for row in sound if row[8] != "0"]
    return Rows(
        time_unit_ms=1,
        quoted=True,
        opens=[row[0] for row in closed],
        closes=[row[4] for row in closed],
        volumes=[row[5] for row in closed],
        quotes=[row[7] for row in closed],
        malformed_count=malformed_count,
    )


_TIME = msgspec.json.Decoder(_Answer[list[dict[str, Any]]])


def parse_time_ms(body: bytes) -> int:
    """{"code":"0","msg":"","data":[{"ts":"1597026383085"}]}"""
    said = _data(decoded(_TIME, body))
    text = str(said[0].get("ts")) if said else ""
    if not (text.isascii() and text.isdigit() and len(text) <= 16):
        raise BadAnswer(f"OKX's time is no whole number: {text!r:.40}")
    return int(text)


class OkxVenue(RestVenue):
    """OKX as the collector sees it (ports.venue.Venue)."""

    FACTS = FACTS
    TRAITS = TRAITS

    async def markets(self) -> Sequence[Market]:
        """Every spot market; what was left out stands in `rejected_markets`."""
        listing = await self.http.get(
            Request(path="/api/v5/public/instruments", params={"instType": "SPOT"}, urgent=True),
            lambda body: self._listed(parse_markets(body, traded=self._traded)),
        )
        return listing.markets

    async def tickers(self) -> Tickers:
        """All markets in one call."""
        return await self.http.get(
            Request(path="/api/v5/market/tickers", params={"instType": "SPOT"}, urgent=True),
            lambda body: self._whole(parse_tickers(body, recv_ms=self._clock.now_ms())),
        )

    async def candles(self, native: str, *, span_ms: int, from_ms: int, to_ms: int) -> Candles:
        """300 candles a call, the newest 1,440 at most."""
        assert span_ms in TRAITS.candle_spans_ms
        now_ms = self._clock.now_ms()
        reached_ms = now_ms // span_ms * span_ms - (_REACH_ROWS - 1) * span_ms
        asked = CandleRequest(native=native, span_ms=span_ms, to_ms=to_ms,
                              from_ms=min(max(from_ms, reached_ms), to_ms))  # fmt: skip
        rows = Rows(time_unit_ms=1, quoted=True)
        for first_ms, last_ms in self._pages(asked):
            params = {"instId": native, "bar": _BARS[span_ms], "limit": str(_PAGE_ROWS),
                      "before": str(first_ms - 1), "after": str(last_ms + 1)}  # fmt: skip
            request = Request(path="/api/v5/market/candles", params=params, of_market=True,
                              absent=frozenset({400}))  # fmt: skip
            rows.extend(await self.http.get(request, parse_candles))
        return candles_of(rows, asked, now_ms=self._clock.now_ms())

    async def time_ms(self) -> int:
        """OKX's clock."""
        return await self.http.get(Request(path="/api/v5/public/time", urgent=True), parse_time_ms)
