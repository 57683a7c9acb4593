"""The long tail: any exchange that the library ccxt knows, by REST, behind a guard (extra `ccxt`).

The library is imported when a venue of this kind is configured, and not before. Nothing of it is
believed: a call runs in a thread with a time-out of our own and within a budget of our own,
whatever it raises is a failed poll, an answer with half the markets missing is none, and a market
is known by the exchange's id, for two of them may share a symbol. Changes and opens are never read:
some are since midnight. How far back an exchange reaches is only known from what it sends.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar
from urllib.parse import urlsplit

import numpy as np

from sigmawatch.adapters.venues.answers import gist
from sigmawatch.adapters.venues.candles import CandleRequest, Rows, candles_of, table
from sigmawatch.adapters.venues.columns import Sheet, floats, newest_ms
from sigmawatch.adapters.venues.http import Request, VenueHttp
from sigmawatch.adapters.venues.listing import Entry, Listing, listing_of
from sigmawatch.adapters.venues.rest import CountFloor
from sigmawatch.adapters.venues.settings import Limits, VenueFacts, VenueSettings
from sigmawatch.domain.errors import (
    BadAnswer,
    BlockedByRegion,
    Invalid,
    Maintenance,
    NotFound,
    RateLimited,
    SigmawatchError,
    Unavailable,
)
from sigmawatch.domain.market import Market, MarketStatus
from sigmawatch.domain.reading import Candles, Tickers
from sigmawatch.domain.window import HOUR_MS, MINUTE_MS
from sigmawatch.ports.clock import Clock
from sigmawatch.ports.venue import VenueTraits

T = TypeVar("T")

_LIMITS = Limits(per_minute=60.0, burst=3.0, reserve=1.0)
_SPANS = {"1m": MINUTE_MS, "5m": 5 * MINUTE_MS, "15m": 15 * MINUTE_MS, "1h": HOUR_MS}
_PAGE_ROWS = 200  # the least that any of the larger exchanges gives in one call
_POLL_FLOOR_MS = 10_000
_STUCK_MAX = 4  # calls that were given up and have not ended
_STATUS_CHARS = 300  # of an exception's text, in which the library puts it
_GRACE_S = 1.0  # for the library's own time-out to come first
_FAMILIES: Sequence[tuple[str, type[SigmawatchError]]] = (
    ("OnMaintenance", Maintenance), ("RateLimitExceeded", RateLimited),
    ("DDoSProtection", RateLimited), ("BadSymbol", NotFound), ("NetworkError", Unavailable),
)  # fmt: skip


def exchange_of(settings: VenueSettings) -> Any:
    """The library's object for one exchange, with everything off that would ask in ways of its own.
    Raises Invalid where the library is not installed or does not know it."""
    try:
        library = importlib.import_module("ccxt")
    except ImportError as error:
        raise Invalid(f"needs {error.name}, which is not installed", field="kind",
                      allowed="pip install 'sigmawatch[ccxt]'") from None  # fmt: skip
    if settings.exchange not in library.exchanges:
        raise Invalid(f"ccxt knows no exchange {settings.exchange!r}", field="exchange",
                      allowed="a name as kucoin, gate or bitget")  # fmt: skip
    exchange = getattr(library, settings.exchange)({
        "timeout": round(1_000 * settings.timeout_s), "enableRateLimit": False,
        "options": {"defaultType": "spot", "fetchMarkets": {"types": ["spot"]}},
    })  # fmt: skip
    if not exchange.has["fetchTickers"]:
        raise Invalid(f"{settings.exchange} does not tell all markets at once", field="exchange")
    exchange.has["fetchCurrencies"] = False
    exchange.session.trust_env = False
    exchange.session.max_redirects = 0
    if settings.base_url:
        exchange.urls["api"] = _moved(exchange.urls["api"], settings.base_url.rstrip("/"))
    return exchange


def _moved(urls: Any, base: str) -> Any:
    """The same addresses on another host."""
    if isinstance(urls, dict):
        return {name: _moved(url, base) for name, url in urls.items()}
    return base + urlsplit(urls).path if isinstance(urls, str) else urls


def parse_markets(
    venue: str, by_id: Mapping[str, Sequence[Mapping[str, Any]]], *, traded: Mapping[str, float]
) -> Listing:
    """Spot markets by their ids. Of those that share a symbol none is listed: what the library
    tells of the symbol may be of either."""
    spot = [one for many in by_id.values() for one in many if one.get("spot")]
    shared = _shared(spot)
    entries = (
        Entry(native=one.get("id"), base=one.get("base"), quote=one.get("quote"),
              status=MarketStatus.HALTED if one.get("active") is False else MarketStatus.ONLINE)
        for one in spot if one.get("symbol") not in shared
    )  # fmt: skip
    refused = {str(one.get("id"))[:64]: "shares its symbol with another market" for one in spot
               if one.get("symbol") in shared}  # fmt: skip
    return listing_of(venue, entries, traded=traded, refused=refused)


def _shared(spot: Iterable[Mapping[str, Any]]) -> frozenset[object]:
    counted = Counter(one.get("symbol") for one in spot)
    return frozenset(symbol for symbol, count in counted.items() if count > 1)


def parse_tickers(
    told: Mapping[str, Mapping[str, Any]], natives: Mapping[str, str], *, recv_ms: int
) -> Tickers:
    """fetch_tickers. natives: symbol -> id, of markets that a symbol names alone."""
    rows = {natives[symbol]: row for symbol, row in told.items()
            if symbol in natives and isinstance(row, Mapping)}  # fmt: skip
    sheet, all_rows = Sheet(rows), list(rows.values())

    def column(name: str) -> list[object]:
        return [row.get(name) or 0 for row in all_rows]

    sheet.price("price", column("last"), zero_is_missing=True)
    sheet.book(column("bid"), column("ask"))
    for metric, name in (("volume_24h_base", "baseVolume"), ("volume_24h_quote", "quoteVolume")):
        sheet.volume(metric, column(name))
        sheet.column(metric)[[row.get(name) is None for row in all_rows]] = np.nan
    times, _ = floats([row.get("timestamp") for row in all_rows])
    event_ms = newest_ms(times[~np.isnan(times)].tolist(), recv_ms=recv_ms)
    return sheet.tickers(recv_ms=recv_ms, event_ms=event_ms)


def parse_candles(rows: object) -> Rows:
    """fetch_ohlcv: [open ms, open, high, low, close, volume base], unchecked."""
    sound, malformed_count = table(rows, width=6)
    return Rows(
        time_unit_ms=1,
        opens=[row[0] for row in sound],
        closes=[row[4] for row in sound],
        volumes=[row[5] for row in sound],
        malformed_count=malformed_count,
    )


class CcxtVenue:
    """An exchange through the library, as the collector sees it (ports.venue.Venue)."""

    def __init__(self, settings: VenueSettings, *, clock: Clock, rng: random.Random) -> None:
        self._settings = settings
        self._exchange = exchange_of(settings)
        self._clock = clock
        self._turn = asyncio.Lock()
        self._stuck = threading.BoundedSemaphore(_STUCK_MAX)
        self._floor = CountFloor(settings.count_floor)
        self._natives: Mapping[str, str] = {}  # by symbol
        self._traded: Mapping[str, float] = {}
        self.rejected_markets: Mapping[str, str] = {}
        facts = VenueFacts(name=settings.name, base_url="", limits=_LIMITS)
        # Budget and circuit are ours; what goes over the wire is the library's.
        self.http = VenueHttp(facts, settings, clock=clock, rng=rng)
        self.traits = _traits(settings.name, self._exchange, limits=self.http.limits)

    async def markets(self) -> Sequence[Market]:
        """Every spot market; what was left out stands in `rejected_markets`."""
        return (await self._asked("load_markets", True, parse=self._listed, urgent=True)).markets

    async def tickers(self) -> Tickers:
        """All markets, in as many calls as the library makes of it."""
        if not self._natives:
            await self.markets()
        return await self._asked("fetch_tickers", parse=self._ticked, urgent=True)

    async def candles(self, native: str, *, span_ms: int, from_ms: int, to_ms: int) -> Candles:
        """200 candles a call. What comes before the first that is sent is not known to be quiet."""
        assert span_ms in self.traits.candle_spans_ms
        symbol = next((one for one, known in self._natives.items() if known == native), None)
        if symbol is None:
            raise NotFound(f"{self.traits.name} has no market {native[:64]!r}", field="market")
        frame = next(name for name, width_ms in _SPANS.items() if width_ms == span_ms)
        rows, page_ms = Rows(time_unit_ms=1), _PAGE_ROWS * span_ms
        for first_ms in range(-(-from_ms // span_ms) * span_ms,
                              min(to_ms, self._clock.now_ms()), page_ms):  # fmt: skip
            asked = partial(self._asked, "fetch_ohlcv", symbol, frame, first_ms, _PAGE_ROWS)
            rows.extend(await asked(parse=parse_candles))
        opens, _ = floats(rows.opens)
        known = opens[(opens >= from_ms) & (opens < to_ms)]
        reached_ms = int(known.min()) if len(known) else to_ms
        request = CandleRequest(native=native, span_ms=span_ms, from_ms=reached_ms, to_ms=to_ms)
        return candles_of(rows, request, now_ms=self._clock.now_ms())

    async def time_ms(self) -> int:
        """The exchange's clock, ours where it tells none."""
        if not self._exchange.has.get("fetchTime"):
            return self._clock.now_ms()
        return await self._asked("fetch_time", parse=_whole, urgent=True)

    async def close(self) -> None:
        await self.http.close()
        self._exchange.session.close()

    async def _asked(
        self, method: str, *given: object, parse: Callable[[Any], T], urgent: bool = False
    ) -> T:
        """One call of the library, behind our budget and our circuit."""
        request = Request(path=method, urgent=urgent, of_market=method == "fetch_ohlcv")
        return await self.http.guarded(request, partial(self._called, method, *given), parse=parse)

    async def _called(self, method: str, *given: object) -> Any:
        """In a thread, one call after the other. A call that does not end is left behind with its
        object, and the next one gets a new one."""
        limit_s = self._settings.timeout_s + _GRACE_S
        async with self._turn:
            if not self._stuck.acquire(blocking=False):
                raise Unavailable(f"{self.traits.name}: {_STUCK_MAX} calls have not come back")
            call = partial(getattr(self._exchange, method), *given)
            try:
                async with asyncio.timeout(limit_s):
                    return await _in_thread(call, done=self._stuck.release)
            except TimeoutError:
                self._exchange = exchange_of(self._settings)
                raise Unavailable(f"{self.traits.name} did not answer in time") from None

    def _listed(self, _: object) -> Listing:
        by_id = self._exchange.markets_by_id or {}
        listing = parse_markets(self.traits.name, by_id, traded=self._traded)
        if not listing.markets:
            raise BadAnswer(f"{self.traits.name} lists no market at all")
        listed = {one.native for one in listing.markets}
        self._natives = {
            one["symbol"]: native for native, many in by_id.items() for one in many
            if native in listed and one.get("spot")
        }  # fmt: skip
        self.rejected_markets = listing.rejected
        return listing

    def _ticked(self, told: object) -> Tickers:
        if not isinstance(told, Mapping):
            raise BadAnswer(f"{self.traits.name} answered with {type(told).__name__}")
        tickers = parse_tickers(told, self._natives, recv_ms=self._clock.now_ms())
        prices = np.frombuffer(tickers.columns["price"])
        self._floor.check(int(np.count_nonzero(~np.isnan(prices))))
        self._traded = dict(zip(tickers.natives, tickers.columns["volume_24h_quote"], strict=True))
        return tickers


def _traits(name: str, exchange: Any, *, limits: Limits) -> VenueTraits:
    offered = exchange.timeframes or {} if exchange.has.get("fetchOHLCV") else {}
    spans = tuple(span_ms for frame, span_ms in _SPANS.items() if frame in offered)
    return VenueTraits(
        name=name,
        levels=frozenset({
            "price", "bid", "ask", "spread_bp", "volume_24h_base", "volume_24h_quote",
        }),
        flows=frozenset({"traded_base", "traded_quote"} if spans else ()),
        candle_spans_ms=spans, candle_reach_ms=(None,) * len(spans), candle_rows_max=_PAGE_ROWS,
        poll_floor_ms=_POLL_FLOOR_MS, requests_per_minute=limits.per_minute,
        poll_cost=1.0, candle_cost=1.0,
    )  # fmt: skip


def _whole(told: object) -> int:
    if type(told) is not int:
        raise BadAnswer(f"the time is no whole number: {told!r:.40}")
    return told


async def _in_thread(call: Callable[[], Any], *, done: Callable[[], None]) -> Any:
    """What `call` returns, or the error that its exception comes to; `done` when it has ended,
    whoever still waits. The thread keeps nobody from ending."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[Any] = loop.create_future()

    def tell(result: Any, error: SigmawatchError | None) -> None:
        if answer.done():
            return
        if error is None:
            answer.set_result(result)
        else:
            answer.set_exception(error)

    def work() -> None:
        result, error = None, None
        try:
            result = call()
        except Exception as raised:  # noqa: BLE001 - of any class: AttributeError was seen
            error = translated(raised)
        finally:
            done()
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(tell, result, error)

    threading.Thread(target=work, name="ccxt", daemon=True).start()
    return await answer


def translated(raised: Exception) -> SigmawatchError:
    """The library's exception by what to do next: its families by name, a country's refusal by the
    status in its text, and anything else is an answer that nobody could read."""
    said = f"{type(raised).__name__}: {gist(str(raised).encode())}"
    if any(f" {status} " in str(raised)[:_STATUS_CHARS] for status in (403, 451)):
        return BlockedByRegion(f"ccxt was refused, maybe for the country: {said}")
    names = {one.__name__ for one in type(raised).__mro__}
    for family, kind in _FAMILIES:
        if family in names:
            return kind(said)
    return BadAnswer(said)
