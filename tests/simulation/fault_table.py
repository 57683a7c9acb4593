"""The fault table: every way in which a venue fails, where it was seen, and how it must be taken.

EXCHANGES.md 4 as values. `test_fault_table` runs the polls' half at every venue that has an adapter
of ours and the streams' half at every venue that is listened to; `scripts.venue_faults` writes
docs/reference/venue-faults.md from it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from types import MappingProxyType
from typing import Any

from tests.simulation.world import MARKETS, NATIVE

from sigmawatch_simulator import Fault

TICKERS = {
    "KRAKEN": "*/Ticker", "COINBASE": "*/stats", "BINANCE": "*/ticker/24hr",
    "OKX": "*/market/tickers", "BYBIT": "*/market/tickers", "BITSTAMP": "*/ticker/",
}  # fmt: skip
CANDLES = {
    "KRAKEN": "*/OHLC", "COINBASE": "*/candles", "BINANCE": "*/klines",
    "OKX": "*/market/candles", "BYBIT": "*/market/kline", "BITSTAMP": "*/ohlc/*",
}  # fmt: skip
LISTS = {
    "KRAKEN": "*/AssetPairs", "COINBASE": "*/products", "BINANCE": "*/exchangeInfo",
    "OKX": "*/instruments", "BYBIT": "*/instruments-info", "BITSTAMP": "*/markets/",
}  # fmt: skip
HANDSHAKES = {"KRAKEN": "/v2", "COINBASE": "/", "BINANCE": "/stream"}
VICTIM = 2  # which of a venue's tracked markets is struck alone


class Effect(Enum):
    """What a fault costs, in the words of the page."""

    AWAY = "nothing is read"
    ONE_MARKET = "that market alone is missing"
    RENAMED = "that market alone is missing, until the list of markets says how it is called now"
    SUSPECT = "that reading is shown as suspect and never counts"
    QUIET = "read, and not called fresh"
    LATER = "that market is as it was told last"
    UNHARMED = "nothing"


@dataclass(frozen=True, kw_only=True)
class Taken:
    """How a venue's fault is taken. state: of the venue meanwhile; reason: of what is missing."""

    effect: Effect
    state: str = "up"
    reason: str = ""


def away(state: str, reason: str | None = None) -> Taken:
    return Taken(effect=Effect.AWAY, state=state, reason=reason or state)


UNAVAILABLE = away("down", "unavailable")
BAD_ANSWER = away("down", "bad_answer")
TIMEOUT = away("down", "timeout")
RATE_LIMITED = away("rate_limited")
BLOCKED = away("blocked_by_region")
MAINTENANCE = away("maintenance")
ONE_MARKET = Taken(effect=Effect.ONE_MARKET, state="degraded", reason="no_value")
RENAMED = Taken(effect=Effect.RENAMED)
SUSPECT = Taken(effect=Effect.SUSPECT)
QUIET = Taken(effect=Effect.QUIET)
LATER = Taken(effect=Effect.LATER)
UNHARMED = Taken(effect=Effect.UNHARMED)


@dataclass(frozen=True, kw_only=True)
class Row:
    """A fault of what is asked for. does: what the venue does; seen: where. paths: where it
    strikes, by venue, None for everything. victim: it strikes one market alone. but: venues that it
    is otherwise at. slots: how long it lasts."""

    does: str
    kind: str
    taken: Taken
    seen: str = ""
    options: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    paths: Mapping[str, str] | None = None
    victim: bool = False
    but: Mapping[str, Taken] = field(default_factory=lambda: MappingProxyType({}))
    but_options: Mapping[str, Mapping[str, Any]] = field(
        default_factory=lambda: MappingProxyType({})
    )
    venues: tuple[str, ...] = NATIVE
    slots: int = 4

    def at(self, venue: str) -> Fault:
        """The fault, planned for one venue."""
        options = {**self.options, **self.but_options.get(venue, {})}
        if self.paths is not None:
            options["path"] = self.paths[venue]
        if self.victim:
            options["markets"] = (MARKETS[venue][VICTIM],)
        return Fault(kind=self.kind, venue=venue.lower(), **options)

    def taken_at(self, venue: str) -> Taken:
        return self.but.get(venue, self.taken)


def _poison(value: object, does: str, *, seen: str = "", taken: Taken = ONE_MARKET) -> Row:
    return Row(does=f"one market's price is {does}", kind="poison", taken=taken, seen=seen, slots=1,
               options={"value": value}, paths=TICKERS, victim=True)  # fmt: skip


def _candles(kind: str, does: str, *, seen: str, **more: Any) -> Row:
    return Row(does=does, kind=kind, taken=UNHARMED, seen=seen, paths=CANDLES, **more)


ROWS: tuple[Row, ...] = (
    Row(does="429 with Retry-After", kind="rate_limited", taken=RATE_LIMITED,
        options={"retry_after_s": 90}, seen="ccxt #14639, freqtrade #1982"),
    Row(does="429 without a time", kind="rate_limited", taken=RATE_LIMITED,
        seen="cryptofeed #613"),
    Row(does="418 with Retry-After", kind="banned", taken=RATE_LIMITED,
        options={"retry_after_s": 150}, seen="ccxt #1365, cryptofeed #957"),
    Row(does="418 that says in its text alone until when", kind="banned_in_words",
        taken=RATE_LIMITED, options={"retry_after_s": 150}, seen="XChange #4011"),
    Row(does="200 with its words for too many requests", kind="rate_in_words", taken=RATE_LIMITED,
        but={"COINBASE": BAD_ANSWER, "BINANCE": BAD_ANSWER, "BITSTAMP": BAD_ANSWER},
        seen="ccxt #20648, hummingbot #2380"),
    Row(does="200 with `EAPI:Rate limit exceeded`", kind="kraken_error", taken=RATE_LIMITED,
        options={"value": "EAPI:Rate limit exceeded"}, venues=("KRAKEN",), seen="freqtrade #1549"),
    Row(does="200 with `EService:Unavailable`", kind="kraken_error", taken=UNAVAILABLE,
        venues=("KRAKEN",)),
    Row(does="503 with code -1008", kind="overloaded", taken=UNAVAILABLE),
    Row(does="520 with a page of Cloudflare", kind="cloudflare_520", taken=UNAVAILABLE,
        seen="ccxt #4295, hummingbot PR #2857, blackbird #41"),
    Row(does="502 with a page", kind="server_error", taken=UNAVAILABLE),
    Row(does="500 with a page", kind="server_error", taken=UNAVAILABLE, options={"value": 500}),
    Row(does="403 with a page of CloudFront", kind="forbidden_html", taken=BLOCKED,
        seen="Binance.Net #115"),
    Row(does="451", kind="region_blocked", taken=BLOCKED),
    Row(does="says that it is being maintained", kind="maintenance", taken=MAINTENANCE),
    Row(does="the same for half an hour", kind="maintenance", taken=MAINTENANCE, slots=30,
        seen="freqtrade #2892"),
    Row(does="a page with 200", kind="html_200", taken=BAD_ANSWER),
    Row(does="302 to a login page", kind="redirect", taken=BAD_ANSWER),
    Row(does="200 without a body", kind="empty_body", taken=BAD_ANSWER),
    Row(does="200 with {}", kind="empty_object", taken=BAD_ANSWER),
    Row(does="200 with []", kind="empty_array", taken=BAD_ANSWER),
    Row(does="200 with null for a result", kind="null_result", taken=BAD_ANSWER),
    Row(does="JSON cut in the middle, with 200", kind="truncated", taken=BAD_ANSWER),
    Row(does="a gzip stream that ends in the middle", kind="gzip_cut", taken=BAD_ANSWER),
    Row(does="more than 16 MB", kind="huge_body", taken=BAD_ANSWER, options={"value": 17}),
    Row(does="a tenth of the markets", kind="few_markets", taken=BAD_ANSWER, paths=TICKERS),
    Row(does="accepts, and never answers", kind="hang", taken=TIMEOUT,
        seen="ccxt #27468, freqtrade #7215"),
    Row(does="a byte a second", kind="slow_body", taken=TIMEOUT),
    Row(does="resets the connection", kind="reset", taken=UNAVAILABLE),
    Row(does="JSON that calls itself a page", kind="mime_html", taken=UNHARMED),
    _poison("", "an empty text", seen="ccxt #4574"),
    _poison(None, "null"),
    _poison("0.00000", "zero, as of a halted market", seen="ccxt #8908"),
    _poison("NaN", "NaN"),
    _poison("1e400", "beyond every float"),
    _poison("1e-10", "a ten-billionth", taken=SUSPECT),
    _poison("1e9", "a billion", taken=SUSPECT),
    _poison("*1000", "a thousand times too high, once", taken=SUSPECT),
    Row(does="one market's row is null", kind="null_row", taken=ONE_MARKET, paths=TICKERS,
        victim=True, slots=1),
    Row(does="one market twice, the second time at twice the price", kind="duplicate_keys",
        taken=LATER, paths=TICKERS, slots=1),
    Row(does="the first answer again and again", kind="frozen", taken=QUIET, paths=TICKERS,
        slots=13),
    Row(does="a market's name is null in the list", kind="poison", taken=UNHARMED, paths=LISTS,
        options={"field": "name", "value": None}, victim=True, seen="ccxt #26047"),
    Row(does="a market's name is no ASCII", kind="poison", taken=UNHARMED, paths=LISTS,
        options={"field": "name", "value": "\u4eba/\u20ac"}, victim=True),
    Row(does="a market vanishes", kind="delist", taken=ONE_MARKET, victim=True),
    Row(does="a market is called otherwise", kind="rename", taken=RENAMED, victim=True,
        options={"value": "OTHERWISE"}),
    Row(does="a market is new", kind="list", taken=UNHARMED,
        options={"markets": ("XRP/USD", "XRP/USDT"), "from_ms": 1 << 42}),
    Row(does="its clock is 40 s ahead", kind="clock_skew", taken=UNHARMED,
        options={"value": 40_000}, seen="hftbacktest's and cryptofeed's captures"),
    _candles("unsorted_candles", "candles in disorder", seen="hummingbot PR #7224, #7086"),
    _candles("fewer_candles", "fewer candles than there are", seen="ccxt PR #5682",
             options={"value": 1}, but_options={"KRAKEN": {"value": 13}}),
    _candles("future_candles", "candles of minutes to come", seen="hummingbot PR #7086"),
    _candles("missing_candles", "a tenth of the candles is not there",
             seen="freqtrade #3392, #9751, ccxt #5026", options={"share": 0.1}),
    _candles("odd_candles", "the oldest candle is null, the newest torn",
             seen="hummingbot PR #7086"),
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class StreamRow:
    """A fault of what is listened to, in force for `lasts_s`. also: in the way of a handshake.
    broken: the stream must be seen to be down within 10 s of it. connects_max: while it lasts, and
    until the stream stands again, which it does within `back_s`: the longest back-off, and what it
    takes to connect and be answered."""

    does: str
    fault: Fault
    seen: str = ""
    also: Fault | None = None
    lasts_s: int = 20
    broken: bool = True
    connects_max: int = 12
    back_s: int = 90

    def at(self, venue: str) -> Iterator[Fault]:
        """The faults, planned for one venue."""
        yield replace(self.fault, venue=venue.lower())
        if self.also is not None:
            yield replace(self.also, venue=venue.lower(), path=HANDSHAKES[venue])


def _stream(does: str, kind: str, *, broken: bool = False, seen: str = "",
            lasts_s: int = 20, **options: Any) -> StreamRow:  # fmt: skip
    return StreamRow(does=does, fault=Fault(kind=kind, **options), seen=seen, broken=broken,
                     lasts_s=lasts_s)  # fmt: skip


SILENT = (
    _stream("open, and not a word", "ws_silent", broken=True,
            seen="ccxt #17081, #21731, #25092, cryptofeed #893, ccxws #214"),
    _stream("everything late", "ws_late", times_max=400),
    _stream("confirmed, with heartbeats, and mute", "ws_mute", lasts_s=60,
            seen="nautilus_trader #4255, PR #4275"),
    _stream("no tickers any more", "ws_mute", path="ticker", lasts_s=60,
            seen="Binance's changes of 2025-11-14 and 2026-03-26"),
    _stream("the same ticker for ever", "ws_frozen", lasts_s=60, seen="ccxt #22409, #23214"),
)  # fmt: skip
ENDING = (
    _stream("broken without goodbye (1006)", "ws_abort", broken=True,
            seen="cryptofeed #308, #715, #226"),
    _stream("closed (1013)", "ws_close", broken=True, value=1013),
    _stream("cut for its age", "ws_cut", broken=True, value=1, seen="binance-connector #505"),
    StreamRow(does="closed, and then 429", fault=Fault(kind="ws_abort", times_max=1),
              also=Fault(kind="rate_limited", retry_after_s=15), connects_max=3,
              seen="cryptofeed #613"),
    StreamRow(does="closed, and one attempt fails", fault=Fault(kind="ws_abort", times_max=1),
              also=Fault(kind="server_error", times_max=1), connects_max=3,
              seen="node-binance-api #86"),
    _stream("says that it will close", "ws_shutdown"),
    _stream("closed (1000) for too many markets at once", "ws_many", value=1, seen="ccxt #26508"),
)  # fmt: skip
NONSENSE = (
    _stream("a frame that is an array", "ws_malformed", seen="measured with ccxt.pro"),
    _stream("a frame that is an array of null", "ws_malformed", value="[null]"),
    _stream("a frame that is a page", "ws_malformed", value="<html>"),
    _stream("frames cut in their middle", "ws_torn"),
    _stream("a frame of five megabytes", "ws_huge", broken=True, value=5),
    _stream("everything twice", "ws_twice", seen="sieblyio/binance #434"),
    _stream("trades are lost", "ws_gap", seen="cryptofeed #20, coinbasepro-python #365"),
    _stream("everything backwards", "ws_disorder", seen="kucoin-api-docs #44"),
    _stream("a market that nobody asked for", "ws_stranger", seen="cryptofeed #347"),
    _stream("some markets refused", "ws_refused", share=0.5,
            seen="ccxt #6588, #8971, xchange-stream #502"),
)  # fmt: skip
STREAM_GROUPS: Mapping[str, tuple[StreamRow, ...]] = MappingProxyType(
    {"silent": SILENT, "ending": ENDING, "nonsense": NONSENSE}
)
