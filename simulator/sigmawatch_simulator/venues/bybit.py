"""Bybit's REST v5 personality: a retCode in every body, klines newest first, 403 for ten minutes.

{"retCode":0,"retMsg":"OK","result":{"category":"spot","list":[...]},"retExtInfo":{},"time":...}
"""

from collections.abc import Iterable
from typing import Any

from sigmawatch_simulator.arrays import MINUTE_MS
from sigmawatch_simulator.listings import Listings
from sigmawatch_simulator.market import Market
from sigmawatch_simulator.past import Past, Span
from sigmawatch_simulator.text import Grid, fixed, hole
from sigmawatch_simulator.venues.limits import Lockout
from sigmawatch_simulator.venues.speech import Answer, Question, Scene, json_answer, whole

_PREFIX = "/v5/market/"
_INTERVALS_MINUTES = {"1": 1, "3": 3, "5": 5, "15": 15, "30": 30, "60": 60, "120": 120, "240": 240}
_LIMIT_DEFAULT, _LIMIT_MAX = 200, 1_000


class Bybit:
    """600 requests in five seconds per address; who asks for more is shut out for ten minutes."""

    venue = "bybit"

    def __init__(self, markets: tuple[Market, ...], *, limited: bool = True) -> None:
        self._limited = limited
        self._lockout = Lockout(burst=600.0, per_s=120.0, ban_s=600)
        self._grid = Grid(markets)
        self._templates = [_template(market) for market in markets]
        self._odd = _instrument(markets[-1], f"SOON{markets[-1].quote}", status="PreLaunch") | {
            "baseCoin": "SOON"
        }

    def route(self, path: str) -> str:
        return path

    def answer(self, question: Question, scene: Scene) -> Answer:
        calls = {
            "time": lambda: _time(scene.now_ms),
            "instruments-info": lambda: self._instruments(scene.listings, scene.now_ms),
            "tickers": lambda: self._tickers(scene),
            "kline": lambda: _kline(question, scene),
        }
        name = question.path.removeprefix(_PREFIX)
        if name not in calls or not question.path.startswith(_PREFIX):
            return json_answer({"retCode": 404, "retMsg": "404 page not found"}, 404)
        if self._limited and not self._lockout.admits(question.ip, scene.now_ms):
            return Answer(body=b"403, access too frequent", status=403, content_type="text/plain")
        if scene.is_maintenance:
            return json_answer({"retCode": 10016, "retMsg": "System is under maintenance"}, 503)
        if name != "time" and question.query.get("category") != "spot":
            return _error(10001, "Illegal category", now_ms=scene.now_ms)
        return calls[name]()

    def _instruments(self, listings: Listings, now_ms: int) -> Answer:
        listed = [_instrument(listings.markets[at], listings.ids[at]) for at in listings.listed]
        gone = [_instrument(market, market.id, status="Closed") for market in listings.gone()]
        return _result({"category": "spot", "list": [*listed, *gone, self._odd]}, now_ms)

    def _tickers(self, scene: Scene) -> Answer:
        rows, ids = self._rows(scene), scene.listings.ids
        texts = [f'{{"symbol":"{ids[at]}",{rows[at]}' for at in scene.listings.listed]
        head = '{"retCode":0,"retMsg":"OK","result":{"category":"spot","list":['
        tail = f']}},"retExtInfo":{{}},"time":{scene.now_ms}}}'
        return Answer(body=f"{head}{','.join(texts)}{tail}".encode())

    def _rows(self, scene: Scene) -> list[str]:
        board, grid = scene.tape.board(scene.now_ms), self._grid
        day = board.day
        change = ((board.last - day.open) / day.open.clip(min=1)).tolist()
        columns: list[Iterable[Any]] = [
            *grid.prices(board.bid), *grid.volumes(board.last_size),
            *grid.prices(board.ask), *grid.volumes(board.last_size),
            *grid.prices(board.last), *grid.prices(day.open), change,
            *grid.prices(day.high), *grid.prices(day.low),
            *grid.quotes(day.quote), *grid.volumes(day.volume),
        ]  # fmt: skip
        values = zip(*columns, strict=True)
        return [text % row for text, row in zip(self._templates, values, strict=True)]


def _template(market: Market) -> str:
    """A row after its symbol."""
    price, volume = hole(market.tick_decimals), hole(market.lot_decimals)
    quote = hole(market.quote_decimals)
    return (
        f'"bid1Price":"{price}","bid1Size":"{volume}","ask1Price":"{price}",'
        f'"ask1Size":"{volume}","lastPrice":"{price}","prevPrice24h":"{price}",'
        f'"price24hPcnt":"%.4f","highPrice24h":"{price}","lowPrice24h":"{price}",'
        f'"turnover24h":"{quote}","volume24h":"{volume}","usdIndexPrice":""}}'
    )


def _kline(question: Question, scene: Scene) -> Answer:
    """[open ms, o, h, l, c, volume base, turnover quote], newest first, the running one too."""
    query, now_ms = question.query, scene.now_ms
    minutes = _INTERVALS_MINUTES.get(query.get("interval", ""))
    if minutes is None:
        return _error(10001, "Invalid period!", now_ms=now_ms)
    position = scene.listings.positions.get(query.get("symbol", ""))
    if position is None:
        return _error(10001, "Not supported symbols", now_ms=now_ms)
    past = scene.past(position)
    limit = min(max(whole(query.get("limit")) or _LIMIT_DEFAULT, 1), _LIMIT_MAX)
    found = past.candles(_span(past, question, step_ms=minutes * MINUTE_MS, limit=limit))
    columns = (found.open_ms, found.open, found.high, found.low, found.close, found.volume,
               found.quote)  # fmt: skip
    rows = zip(*(column.tolist() for column in columns), strict=True)
    newest_first = [_candle(row, past.market) for row in reversed(list(rows))]
    name = query["symbol"]
    return _result({"symbol": name, "category": "spot", "list": newest_first[:limit]}, now_ms)


def _span(past: Past, question: Question, *, step_ms: int, limit: int) -> Span:
    running_ms = past.now_ms - past.now_ms % step_ms
    start, end = whole(question.query.get("start")), whole(question.query.get("end"))
    last_ms = running_ms if end is None else min(end // step_ms * step_ms, running_ms)
    end_ms = last_ms + step_ms
    first_ms = end_ms - limit * step_ms if start is None else -(-start // step_ms) * step_ms
    return Span(first_ms=first_ms, end_ms=end_ms, step_ms=step_ms)


def _candle(row: tuple[int, ...], market: Market) -> list[str]:
    prices = [fixed(value, market.tick_decimals) for value in row[1:5]]
    return [str(row[0]), *prices, fixed(row[5], market.lot_decimals),
            fixed(row[6], market.quote_decimals)]  # fmt: skip


def _instrument(market: Market, name: str, *, status: str = "Trading") -> dict[str, Any]:
    return {
        "symbol": name,
        "baseCoin": market.base,
        "quoteCoin": market.quote,
        "innovation": "0",
        "status": status,
        "marginTrading": "none",
        "lotSizeFilter": {"basePrecision": fixed(1, market.lot_decimals)},
        "priceFilter": {"tickSize": fixed(1, market.tick_decimals)},
    }


def _time(now_ms: int) -> Answer:
    said = {"timeSecond": str(now_ms // 1_000), "timeNano": str(now_ms * 1_000_000)}
    return _result(said, now_ms)


def _result(value: Any, now_ms: int) -> Answer:
    return json_answer(
        {"retCode": 0, "retMsg": "OK", "result": value, "retExtInfo": {}, "time": now_ms}
    )


def _error(code: int, text: str, *, now_ms: int) -> Answer:
    return json_answer(
        {"retCode": code, "retMsg": text, "result": {}, "retExtInfo": {}, "time": now_ms}
    )
