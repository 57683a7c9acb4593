"""Binance's REST personality: weights, bans, halted markets with zero prices, filled klines.

[{"symbol":"BTCUSDT","priceChange":"-12.00000000", ... "count":5019250}]
"""

from collections.abc import Iterable
from typing import Any

import msgspec
import numpy as np

from sigmawatch_simulator.arrays import DAY_MS, MINUTE_MS
from sigmawatch_simulator.candles import Candles
from sigmawatch_simulator.listings import Listings
from sigmawatch_simulator.market import Market
from sigmawatch_simulator.past import Past, Span
from sigmawatch_simulator.text import Grid, fixed, halves, hole
from sigmawatch_simulator.venues.binance_info import BREAK, halted_names, symbol_entry
from sigmawatch_simulator.venues.limits import Verdict, WeightWindow
from sigmawatch_simulator.venues.speech import Answer, Question, Scene, json_answer, whole

_PREFIX = "/api/v3/"
_INTERVALS_MINUTES = {
    "1m": 1, "3m": 3, "5m": 5, "15m": 15, "30m": 30, "1h": 60, "2h": 120, "4h": 240,
    "6h": 360, "8h": 480, "12h": 720, "1d": 1_440, "3d": 4_320, "1w": 10_080,
}  # fmt: skip
_LIMIT_DEFAULT = 500
_LIMIT_MAX = 1_000
_SYMBOLS_WEIGHTS = ((20, 2), (100, 40))
_ALL_WEIGHT = 80
_RATE_TEXT = (
    "Too much request weight used; current limit is {} request weight per 1 MINUTE. "
    "Please use WebSocket Streams for live updates to avoid polling the API."
)
_BAN_TEXT = (
    "Way too much request weight used; IP banned until {}. "
    "Please use the websocket for live updates to avoid bans."
)


class Binance:
    """6,000 weight a minute per address; 429, then bans."""

    venue = "binance"

    def __init__(
        self, markets: tuple[Market, ...], *, limited: bool = True, weight_max: int = 6_000
    ) -> None:
        self._limited = limited
        self._weight_max = weight_max
        self._window = WeightWindow(weight_max=weight_max)
        self._grid = Grid(markets)
        self._full = [_template(market, is_full=True) for market in markets]
        self._mini = [_template(market, is_full=False) for market in markets]
        self._halted = halted_names(markets)
        self._info: dict[tuple[str, ...], tuple[Listings, bytes]] = {}

    def route(self, path: str) -> str:
        return path

    def answer(self, question: Question, scene: Scene) -> Answer:
        calls = {
            "ping": lambda: json_answer({}),
            "time": lambda: json_answer({"serverTime": scene.now_ms}),
            "exchangeInfo": lambda: self._exchange_info(question, scene),
            "ticker/24hr": lambda: self._ticker(question, scene),
            "klines": lambda: self._klines(question, scene),
        }
        name = question.path.removeprefix(_PREFIX)
        if name not in calls or not question.path.startswith(_PREFIX):
            return Answer(body=b"<html><body><h2>404 Not found</h2></body></html>", status=404)
        verdict = self._charge(question, _weight(name, question), now_ms=scene.now_ms)
        if verdict.status == 200 and scene.is_maintenance:
            answer = _error(-1016, "This service is no longer available.", status=503)
        else:
            answer = calls[name]() if verdict.status == 200 else self._refusal(verdict)
        used = {"X-MBX-USED-WEIGHT": str(verdict.used), "X-MBX-USED-WEIGHT-1M": str(verdict.used)}
        return Answer(
            body=answer.body,
            status=answer.status,
            content_type="application/json;charset=UTF-8",
            headers={**answer.headers, **used},
        )

    def _charge(self, question: Question, weight: int, *, now_ms: int) -> Verdict:
        if not self._limited:
            return Verdict(status=200, used=weight)
        return self._window.charge(question.ip, weight, now_ms=now_ms)

    def _refusal(self, verdict: Verdict) -> Answer:
        text = _RATE_TEXT.format(self._weight_max)
        if verdict.status == 418:
            text = _BAN_TEXT.format(verdict.banned_until_ms)
        body = msgspec.json.encode({"code": -1003, "msg": text})
        wait = {"Retry-After": str(verdict.retry_after_s)}
        return Answer(body=body, status=verdict.status, headers=wait)

    def _exchange_info(self, question: Question, scene: Scene) -> Answer:
        query = question.query
        if "symbol" in query or "symbols" in query:
            names = _names(query)
            if names is None or any(self._is_unknown(name, scene) for name in names):
                return _error(-1121, "Invalid symbol.")
            return Answer(body=self._info_body(scene, {"names": ",".join(names), **query}))
        return Answer(body=self._info_body(scene, {"names": "", **query}))

    def _info_body(self, scene: Scene, query: dict[str, str]) -> bytes:
        wanted = tuple(query.get(name, "") for name in _INFO_FILTERS)
        kept = self._info.get(wanted)
        if kept is None or kept[0] is not scene.listings:
            symbols = list(_symbols(scene.listings, self._halted, query=query))
            kept = self._info[wanted] = (scene.listings, msgspec.json.encode(symbols))
            while len(self._info) > 8:
                self._info.pop(next(iter(self._info)))
        head = _INFO_HEAD % (scene.now_ms, self._weight_max)
        return head.encode() + kept[1] + b"}"

    def _ticker(self, question: Question, scene: Scene) -> Answer:
        query = question.query
        kind = query.get("type", "FULL")
        status = query.get("symbolStatus", "")
        if kind not in {"FULL", "MINI"} or ("symbol" in query and "symbols" in query):
            return _error(-1101, "Too many parameters; expected '0' or '1'.")
        names = _names(query)
        if names is None:
            return _error(-1100, "Illegal characters found in parameter 'symbols'.")
        if any(self._is_unknown(name, scene) for name in names):
            return _error(-1121, "Invalid symbol.")
        rows = self._rows(scene, is_full=kind == "FULL")
        chosen = names or self._all_names(scene, status)
        texts = [rows[name] for name in chosen]
        text = texts[0] if "symbol" in query else f"[{','.join(texts)}]"
        return Answer(body=text.encode())

    def _rows(self, scene: Scene, *, is_full: bool) -> dict[str, str]:
        """Symbol to text, listed and halted."""
        columns = self._columns(scene, is_full=is_full)
        templates = self._full if is_full else self._mini
        values = list(zip(*columns, strict=True))
        ids = scene.listings.ids
        rows = {
            ids[at]: f'{{"symbol":"{ids[at]}",' + templates[at] % values[at]
            for at in scene.listings.listed
        }
        halted = _HALTED_FULL if is_full else _HALTED_MINI
        times = (scene.now_ms - DAY_MS, scene.now_ms)
        for name in self._all_halted(scene):
            rows[name] = f'{{"symbol":"{name}",' + halted % times
        return rows

    def _columns(self, scene: Scene, *, is_full: bool) -> list[Iterable[Any]]:
        board = scene.tape.board(scene.now_ms)
        day, grid = board.day, self._grid
        change = board.last - day.open
        shared: list[Iterable[Any]] = [
            *grid.prices(board.last), *grid.prices(day.open), *grid.prices(day.high),
            *grid.prices(day.low), *grid.volumes(day.volume), *grid.quotes(day.quote),
        ]  # fmt: skip
        times = _times(scene.now_ms, day.count)
        if not is_full:
            return [*shared, *times]
        sign = np.where(change < 0, "-", "").tolist()
        percent = (100.0 * change / np.maximum(day.open, 1)).tolist()
        return [
            sign, *halves(np.abs(change), grid.tick_scale), percent,
            grid.vwap(day.volume, day.quote), *grid.prices(day.open),
            *grid.volumes(board.last_size), *grid.prices(board.bid), *grid.volumes(day.volume),
            *grid.prices(board.ask), *grid.volumes(day.volume), *shared, *times,
        ]  # fmt: skip

    def _klines(self, question: Question, scene: Scene) -> Answer:
        query = question.query
        if "symbol" not in query or "interval" not in query:
            name = "interval" if "symbol" in query else "symbol"
            text = f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed."
            return _error(-1102, text)
        if query["interval"] not in _INTERVALS_MINUTES:
            return _error(-1120, "Invalid interval.")
        position = scene.listings.positions.get(query["symbol"])
        if position is None:
            if self._is_unknown(query["symbol"], scene):
                return _error(-1121, "Invalid symbol.")
            return json_answer([])
        step_ms = _INTERVALS_MINUTES[query["interval"]] * MINUTE_MS
        past = scene.past(position)
        candles = past.candles(_span(past, question, step_ms=step_ms))
        return json_answer(_kline_rows(candles, past.market, step_ms=step_ms))

    def _is_unknown(self, name: str, scene: Scene) -> bool:
        return name not in scene.listings.positions and name not in self._all_halted(scene)

    def _all_halted(self, scene: Scene) -> list[str]:
        return [*self._halted, *(market.id for market in scene.listings.gone())]

    def _all_names(self, scene: Scene, status: str) -> list[str]:
        trading = [scene.listings.ids[at] for at in scene.listings.listed]
        match status:
            case "TRADING":
                return trading
            case "":
                return trading + self._all_halted(scene)
            case _:
                return self._all_halted(scene) if status == BREAK else []


_INFO_FILTERS = ("names", "symbolStatus", "permissions", "showPermissionSets")
_INFO_HEAD = (
    '{"timezone":"UTC","serverTime":%d,"rateLimits":[{"rateLimitType":"REQUEST_WEIGHT",'
    '"interval":"MINUTE","intervalNum":1,"limit":%d}],"exchangeFilters":[],"symbols":'
)
_ZERO = "0.00000000"
_HALTED_MINI = (
    f'"lastPrice":"{_ZERO}","openPrice":"{_ZERO}","highPrice":"{_ZERO}","lowPrice":"{_ZERO}",'
    f'"volume":"{_ZERO}","quoteVolume":"{_ZERO}","openTime":%d,"closeTime":%d,'
    '"firstId":-1,"lastId":-1,"count":0}'
)
_HALTED_FULL = (
    f'"priceChange":"{_ZERO}","priceChangePercent":"0.000","weightedAvgPrice":"{_ZERO}",'
    f'"prevClosePrice":"{_ZERO}","lastQty":"{_ZERO}","bidPrice":"{_ZERO}","bidQty":"{_ZERO}",'
    f'"askPrice":"{_ZERO}","askQty":"{_ZERO}",' + _HALTED_MINI
)


def _template(market: Market, *, is_full: bool) -> str:
    """A row after its symbol; the halted ones name the same fields in the same order."""
    price, volume = hole(market.tick_decimals, 8), hole(market.lot_decimals, 8)
    quote = hole(market.quote_decimals, 8)
    mini = (
        f'"lastPrice":"{price}","openPrice":"{price}","highPrice":"{price}","lowPrice":"{price}",'
        f'"volume":"{volume}","quoteVolume":"{quote}","openTime":%d,"closeTime":%d,'
        '"firstId":%d,"lastId":%d,"count":%d}'
    )
    full = (
        f'"priceChange":"%s{price}","priceChangePercent":"%.3f","weightedAvgPrice":"%.8f",'
        f'"prevClosePrice":"{price}","lastQty":"{volume}","bidPrice":"{price}",'
        f'"bidQty":"{volume}","askPrice":"{price}","askQty":"{volume}",'
    )
    return full + mini if is_full else mini


def _times(now_ms: int, count: Any) -> list[Iterable[int]]:
    first_id = now_ms // MINUTE_MS * 4_096
    first = [first_id] * len(count)
    last = (first_id + count - 1).tolist()
    return [[now_ms - DAY_MS] * len(count), [now_ms] * len(count), first, last, count.tolist()]


def _symbols(listings: Listings, halted: list[str], *, query: dict[str, str]) -> Iterable[Any]:
    status, names = query.get("symbolStatus", ""), query["names"].split(",")
    if query.get("permissions", "SPOT") != "SPOT" and "SPOT" not in query["permissions"]:
        return
    has_sets = query.get("showPermissionSets", "true") != "false"
    for at in listings.listed:
        if status in {"", "TRADING"} and (names == [""] or listings.ids[at] in names):
            yield symbol_entry(listings.markets[at], listings.ids[at], has_sets=has_sets)
    away = [(m, m.id) for m in listings.gone()] + [(listings.markets[-1], n) for n in halted]
    for market, name in away:
        if status in {"", BREAK} and (names == [""] or name in names):
            yield symbol_entry(market, name, status=BREAK, has_sets=has_sets)


def _weight(name: str, question: Question) -> int:
    if name == "ticker/24hr":
        if "symbol" in question.query:
            return 2
        count = len(_names(question.query) or ()) or 10**9
        return next((weight for most, weight in _SYMBOLS_WEIGHTS if count <= most), _ALL_WEIGHT)
    return {"exchangeInfo": 20, "klines": 2}.get(name, 1)


def _names(query: Any) -> list[str] | None:
    """The symbols asked for, none for all; None where the list is no JSON array of text."""
    if "symbol" in query:
        return [query["symbol"]]
    if "symbols" not in query:
        return []
    try:
        return msgspec.json.decode(query["symbols"], type=list[str])
    except msgspec.DecodeError:
        return None


def _span(past: Past, question: Question, *, step_ms: int) -> Span:
    """Oldest first from startTime; else the last `limit` up to endTime."""
    query = question.query
    limit = min(max(whole(query.get("limit")) or _LIMIT_DEFAULT, 1), _LIMIT_MAX)
    end_ms = min(whole(query.get("endTime")) or past.now_ms, past.now_ms)
    start_ms = whole(query.get("startTime"))
    if start_ms is None:
        first_ms = end_ms - end_ms % step_ms - (limit - 1) * step_ms
    else:
        first_ms = -(-start_ms // step_ms) * step_ms
    end_open_ms = min(end_ms - end_ms % step_ms + step_ms, first_ms + limit * step_ms)
    return Span(first_ms=first_ms, end_ms=end_open_ms, step_ms=step_ms)


def _kline_rows(candles: Candles, market: Market, *, step_ms: int) -> list[list[Any]]:
    """[open ms, o, h, l, c, volume, close ms, quote volume, count, taker base, quote, "0"]."""
    price, lot, quote = market.tick_decimals, market.lot_decimals, market.quote_decimals
    columns = (
        candles.open_ms, candles.open, candles.high, candles.low, candles.close,
        candles.volume, candles.quote, candles.count,
    )  # fmt: skip
    rows: list[list[Any]] = []
    for open_ms, o, h, low, c, volume, amount, count in zip(
        *(column.tolist() for column in columns), strict=True
    ):
        prices = [fixed(value, price, shown=8) for value in (o, h, low, c)]
        taker = [fixed(volume * 12 // 25, lot, shown=8), fixed(amount * 12 // 25, quote, shown=8)]
        amounts = (
            fixed(volume, lot, shown=8),
            open_ms + step_ms - 1,
            fixed(amount, quote, shown=8),
        )
        rows.append([open_ms, *prices, *amounts, count, *taker, "0"])
    return rows


def _error(code: int, text: str, *, status: int = 400) -> Answer:
    return json_answer({"code": code, "msg": text}, status)
