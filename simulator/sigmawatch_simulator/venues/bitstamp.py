"""Bitstamp's REST v2 personality: `open` is the first price of the day, `open_24` the rolling one.

[{"timestamp":"1643640186","open":"37900","high":"38500", ..., "pair":"BTC/USD"}]
"""

import re
from collections.abc import Iterable
from typing import Any

from sigmawatch_simulator.arrays import DAY_MS
from sigmawatch_simulator.listings import Listings
from sigmawatch_simulator.market import Market
from sigmawatch_simulator.past import Past, Span
from sigmawatch_simulator.text import Grid, fixed, hole
from sigmawatch_simulator.venues.limits import TokenBucket
from sigmawatch_simulator.venues.speech import Answer, Question, Scene, json_answer, whole

_STEPS_S = (60, 180, 300, 900, 1_800, 3_600, 7_200, 14_400, 21_600, 43_200, 86_400)
_ROWS_MAX = 1_000
_OHLC = re.compile(r"^/api/v2/ohlc/([^/]+)/$")


class Bitstamp:
    """400 requests a second per address, 10,000 in ten minutes."""

    venue = "bitstamp"

    def __init__(self, markets: tuple[Market, ...], *, limited: bool = True) -> None:
        self._limited = limited
        self._bucket = TokenBucket(burst=400.0, per_s=10_000 / 600)
        self._grid = Grid(markets)
        self._templates = [_template(market) for market in markets]
        self._odd = _odd_markets(markets)

    def route(self, path: str) -> str:
        return "/api/v2/ohlc/{id}/" if _OHLC.match(path) else path

    def answer(self, question: Question, scene: Scene) -> Answer:
        if self._limited and not self._bucket.admits(question.ip, scene.now_ms):
            return _error("400.002", "Request rate limit exceeded.", status=400)
        if scene.is_maintenance:
            return _error("503.001", "Under maintenance.", status=503)
        match question.path:
            case "/api/v2/markets/":
                return json_answer(self._markets(scene.listings))
            case "/api/v2/ticker/":
                return self._tickers(scene)
            case _:
                return _ohlc(question, scene)

    def _markets(self, listings: Listings) -> list[dict[str, Any]]:
        listed = [_entry(listings.markets[at], listings.ids[at]) for at in listings.listed]
        gone = [_entry(market, market.id, trading="Disabled") for market in listings.gone()]
        return listed + gone + self._odd

    def _tickers(self, scene: Scene) -> Answer:
        rows, listings = self._rows(scene), scene.listings
        texts = [rows[at] + f'"pair":"{_pair(listings, at)}"}}' for at in listings.listed]
        contract = rows[0] + f'"market_type":"PERPETUAL","pair":"{_pair(listings, 0)}-PERP"}}'
        return Answer(body=f"[{','.join([*texts, contract])}]".encode())

    def _rows(self, scene: Scene) -> list[str]:
        board, grid = scene.tape.board(scene.now_ms), self._grid
        day = board.day
        change = (100.0 * (board.last - day.open) / day.open.clip(min=1)).tolist()
        columns: list[Iterable[Any]] = [
            [scene.now_ms // 1_000] * len(self._templates),
            *grid.prices(scene.opened(DAY_MS)), *grid.prices(day.high), *grid.prices(day.low),
            *grid.prices(board.last), *grid.volumes(day.volume), grid.vwap(day.volume, day.quote),
            *grid.prices(board.bid), *grid.prices(board.ask), *grid.prices(day.open), change,
        ]  # fmt: skip
        values = zip(*columns, strict=True)
        return [text % row for text, row in zip(self._templates, values, strict=True)]


def _pair(listings: Listings, at: int) -> str:
    """The name of a ticker; of a market that was renamed, its new one."""
    market, name = listings.markets[at], listings.ids[at]
    return market.pair if name in {market.id, ""} else name.upper()


def _template(market: Market) -> str:
    """A row before its name."""
    price, volume = hole(market.tick_decimals), hole(market.lot_decimals)
    return (
        f'{{"timestamp":"%d","open":"{price}","high":"{price}","low":"{price}","last":"{price}",'
        f'"volume":"{volume}","vwap":"%.{market.tick_decimals}f","bid":"{price}","ask":"{price}",'
        f'"side":"0","open_24":"{price}","percent_change_24":"%.2f",'
    )


def _ohlc(question: Question, scene: Scene) -> Answer:
    match = _OHLC.match(question.path)
    position = scene.listings.positions.get(match[1]) if match else None
    if position is None:
        return _error("404.002", "Market not found.", status=404)
    step_s, limit = whole(question.query.get("step")), whole(question.query.get("limit"))
    if step_s not in _STEPS_S or limit is None or not 1 <= limit <= _ROWS_MAX:
        return _error("400.001", "Invalid step or limit.", status=400)
    past = scene.past(position)
    step_ms = step_s * 1_000
    found = past.candles(_span(past, question, step_ms=step_ms, limit=limit)).traded()
    columns = (found.open_ms, found.open, found.high, found.low, found.close, found.volume)
    rows = [
        _candle(row, past.market)
        for row in zip(*(column.tolist() for column in columns), strict=True)
    ]
    return json_answer({"data": {"pair": past.market.pair, "ohlc": rows[-limit:]}})


def _span(past: Past, question: Question, *, step_ms: int, limit: int) -> Span:
    """Where both ends are said, only the last one counts."""
    start_s, end_s = whole(question.query.get("start")), whole(question.query.get("end"))
    if start_s is not None and end_s is None:
        first_ms = -(-start_s * 1_000 // step_ms) * step_ms
        return Span(first_ms=first_ms, end_ms=first_ms + limit * step_ms, step_ms=step_ms)
    last_ms = past.now_ms if end_s is None else min(end_s * 1_000, past.now_ms)
    end_ms = last_ms // step_ms * step_ms + step_ms
    return Span(first_ms=end_ms - limit * step_ms, end_ms=end_ms, step_ms=step_ms)


def _candle(row: tuple[int, ...], market: Market) -> dict[str, str]:
    opened, high, low, close = (fixed(value, market.tick_decimals) for value in row[1:5])
    return {"timestamp": str(row[0] // 1_000), "open": opened, "high": high, "low": low,
            "close": close, "volume": fixed(row[5], market.lot_decimals)}  # fmt: skip


def _entry(market: Market, name: str, *, trading: str = "Enabled") -> dict[str, Any]:
    return {
        "name": market.pair,
        "market_symbol": name,
        "base_currency": market.base,
        "base_decimals": market.lot_decimals,
        "counter_currency": market.quote,
        "counter_decimals": market.tick_decimals,
        "minimum_order_value": "10",
        "trading": trading,
        "instant_order_counter_decimals": 2,
        "instant_and_market_orders": trading,
        "description": market.pair,
        "market_type": "SPOT",
    }


def _odd_markets(markets: tuple[Market, ...]) -> list[dict[str, Any]]:
    """One that is switched off, and a perpetual contract, which is no spot market."""
    model = markets[-1]
    off = _entry(model, f"off{model.quote.lower()}", trading="Disabled") | {"base_currency": "OFF"}
    contract = _entry(markets[0], f"{markets[0].id}-perp") | {"market_type": "PERPETUAL"}
    return [off, contract]


def _error(code: str, text: str, *, status: int) -> Answer:
    return json_answer({"response_code": code, "response_explanation": text}, status)
