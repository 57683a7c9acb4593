"""OKX's REST v5 personality: a code in every body, candles newest first, a name that is null.

{"code":"0","msg":"","data":[{"instType":"SPOT","instId":"BTC-USDT","last":"97000.1", ...}]}
"""

from collections.abc import Iterable
from typing import Any

from sigmawatch_simulator.arrays import DAY_MS, MINUTE_MS
from sigmawatch_simulator.listings import Listings
from sigmawatch_simulator.market import Market
from sigmawatch_simulator.past import Past, Span
from sigmawatch_simulator.text import Grid, fixed, hole
from sigmawatch_simulator.venues.limits import TokenBucket
from sigmawatch_simulator.venues.speech import Answer, Question, Scene, json_answer, whole

_PREFIX = "/api/v5/"
_BARS_MINUTES = {"1m": 1, "3m": 3, "5m": 5, "15m": 15, "30m": 30, "1H": 60, "2H": 120, "4H": 240}
_LIMIT_DEFAULT, _LIMIT_MAX = 100, 300
_REACH_ROWS = 1_440
_EIGHT_HOURS_MS = 8 * 60 * MINUTE_MS


class Okx:
    """Twenty requests of a kind in two seconds per address, forty for candles."""

    venue = "okx"

    def __init__(self, markets: tuple[Market, ...], *, limited: bool = True) -> None:
        self._limited = limited
        self._buckets = {
            False: TokenBucket(burst=20.0, per_s=10.0), True: TokenBucket(burst=40.0, per_s=20.0)
        }  # fmt: skip
        self._grid = Grid(markets)
        self._templates = [_template(market) for market in markets]
        self._odd = _odd_instruments(markets)

    def route(self, path: str) -> str:
        return path

    def answer(self, question: Question, scene: Scene) -> Answer:
        calls = {
            "public/time": lambda: _data([{"ts": str(scene.now_ms)}]),
            "public/instruments": lambda: self._instruments(question, scene.listings),
            "market/tickers": lambda: self._tickers(question, scene),
            "market/candles": lambda: _candles(question, scene),
        }
        name = question.path.removeprefix(_PREFIX)
        if name not in calls or not question.path.startswith(_PREFIX):
            return json_answer({"msg": "Requested URL doesn't exist", "code": "404"}, 404)
        bucket = self._buckets[name == "market/candles"]
        if self._limited and not bucket.admits(f"{question.ip} {name}", scene.now_ms):
            return _error("50011", "Too Many Requests", status=429)
        if scene.is_maintenance:
            return _error("50001", "Service temporarily unavailable. Try again later", status=503)
        return calls[name]()

    def _instruments(self, question: Question, listings: Listings) -> Answer:
        if question.query.get("instType") != "SPOT":
            return _error("51000", "Parameter instType error", status=400)
        listed = [_instrument(listings.markets[at], listings.ids[at]) for at in listings.listed]
        gone = [_instrument(market, market.id, state="suspend") for market in listings.gone()]
        return _data(listed + gone + self._odd)

    def _tickers(self, question: Question, scene: Scene) -> Answer:
        if question.query.get("instType") != "SPOT":
            return _error("51000", "Parameter instType error", status=400)
        rows, ids = self._rows(scene), scene.listings.ids
        texts = [f'{{"instType":"SPOT","instId":"{ids[at]}",{rows[at]}'
                 for at in scene.listings.listed]  # fmt: skip
        body = f'{{"code":"0","msg":"","data":[{",".join(texts)}]}}'
        return Answer(body=body.encode())

    def _rows(self, scene: Scene) -> list[str]:
        board, grid = scene.tape.board(scene.now_ms), self._grid
        day = board.day
        columns: list[Iterable[Any]] = [
            *grid.prices(board.last), *grid.volumes(board.last_size),
            *grid.prices(board.ask), *grid.volumes(board.last_size),
            *grid.prices(board.bid), *grid.volumes(board.last_size),
            *grid.prices(day.open), *grid.prices(day.high), *grid.prices(day.low),
            *grid.quotes(day.quote), *grid.volumes(day.volume),
            *grid.prices(scene.opened(DAY_MS)),
            *grid.prices(scene.opened(DAY_MS, ahead_ms=_EIGHT_HOURS_MS)),
            [scene.now_ms] * len(self._templates),
        ]  # fmt: skip
        values = zip(*columns, strict=True)
        return [text % row for text, row in zip(self._templates, values, strict=True)]


def _template(market: Market) -> str:
    """A row after its name."""
    price, volume = hole(market.tick_decimals), hole(market.lot_decimals)
    quote = hole(market.quote_decimals)
    return (
        f'"last":"{price}","lastSz":"{volume}","askPx":"{price}","askSz":"{volume}",'
        f'"bidPx":"{price}","bidSz":"{volume}","open24h":"{price}","high24h":"{price}",'
        f'"low24h":"{price}","volCcy24h":"{quote}","vol24h":"{volume}","sodUtc0":"{price}",'
        f'"sodUtc8":"{price}","ts":"%d"}}'
    )


def _candles(question: Question, scene: Scene) -> Answer:
    """[open ms, o, h, l, c, volume base, quote, quote, confirmed], newest first."""
    query = question.query
    position = scene.listings.positions.get(query.get("instId", ""))
    if position is None:
        return _error("51001", "Instrument ID doesn't exist.")
    minutes = _BARS_MINUTES.get(query.get("bar", "1m"))
    if minutes is None:
        return _error("51000", "Parameter bar error", status=400)
    past = scene.past(position)
    found = past.candles(_span(past, question, step_ms=minutes * MINUTE_MS))
    columns = (found.open_ms, found.open, found.high, found.low, found.close, found.volume,
               found.quote)  # fmt: skip
    running_ms = scene.now_ms - scene.now_ms % (minutes * MINUTE_MS)
    rows = [
        _candle(row, past.market, confirmed=row[0] < running_ms)
        for row in zip(*(column.tolist() for column in columns), strict=True)
    ]
    limit = min(max(whole(query.get("limit")) or _LIMIT_DEFAULT, 1), _LIMIT_MAX)
    return _data(rows[::-1][:limit])


def _span(past: Past, question: Question, *, step_ms: int) -> Span:
    """`after` means older than, `before` newer than; neither reaches back beyond 1,440 rows."""
    running_ms = past.now_ms - past.now_ms % step_ms
    oldest_ms = running_ms - (_REACH_ROWS - 1) * step_ms
    before, after = whole(question.query.get("before")), whole(question.query.get("after"))
    first_ms = oldest_ms if before is None else max(before // step_ms * step_ms + step_ms,
                                                    oldest_ms)  # fmt: skip
    end_ms = running_ms + step_ms if after is None else min(after, running_ms + step_ms)
    return Span(first_ms=first_ms, end_ms=end_ms, step_ms=step_ms)


def _candle(row: tuple[int, ...], market: Market, *, confirmed: bool) -> list[str]:
    prices = [fixed(value, market.tick_decimals) for value in row[1:5]]
    volume, quote = fixed(row[5], market.lot_decimals), fixed(row[6], market.quote_decimals)
    return [str(row[0]), *prices, volume, quote, quote, "1" if confirmed else "0"]


def _instrument(market: Market, name: str, *, state: str = "live") -> dict[str, Any]:
    return {
        "instType": "SPOT",
        "instId": name,
        "baseCcy": market.base,
        "quoteCcy": market.quote,
        "state": state,
        "tickSz": fixed(1, market.tick_decimals),
        "lotSz": fixed(1, market.lot_decimals),
        "minSz": fixed(1, market.lot_decimals),
        "listTime": "1611907686000",
        "ruleType": "normal",
    }


def _odd_instruments(markets: tuple[Market, ...]) -> list[dict[str, Any]]:
    """One that has not opened yet, and one whose names are null (ccxt #26047)."""
    model = markets[-1]
    soon = _instrument(model, f"SOON-{model.quote}", state="preopen") | {"baseCcy": "SOON"}
    nameless = _instrument(model, "") | {"instId": None, "baseCcy": None, "quoteCcy": None}
    return [soon, nameless]


def _data(value: Any) -> Answer:
    return json_answer({"code": "0", "msg": "", "data": value})


def _error(code: str, text: str, *, status: int = 200) -> Answer:
    return json_answer({"code": code, "msg": text, "data": []}, status)
