"""Kraken's REST personality: errors inside 200, three names per pair, fillers in OHLC.

{"error":[],"result":{"XXBTZUSD":{"a":["94095.80000","1","1.000"], ... "o":"94001.20000"}}}
"""

import time
from collections.abc import Iterable
from typing import Any

import msgspec
import numpy as np

from sigmawatch_simulator.arrays import DAY_MS, MINUTE_MS
from sigmawatch_simulator.candles import Candles
from sigmawatch_simulator.listings import Listings
from sigmawatch_simulator.market import Market
from sigmawatch_simulator.past import Span, Trade
from sigmawatch_simulator.text import Grid, fixed, hole
from sigmawatch_simulator.venues import kraken_names
from sigmawatch_simulator.venues.limits import TokenBucket
from sigmawatch_simulator.venues.speech import Answer, Question, Scene, json_answer, whole

_PREFIX = "/0/public/"
_INTERVALS_MINUTES = (1, 5, 15, 30, 60, 240, 1440, 10080, 21600)
_ROWS_MAX = 720
_TRADES_MAX = 1_000
_FEES = [[0, 0.4], [10000, 0.35], [50000, 0.24], [100000, 0.22], [250000, 0.2], [500000, 0.18]]


class Kraken:
    """One call a second per address, and per pair for OHLC and Trades, with a burst."""

    venue = "kraken"

    def __init__(self, markets: tuple[Market, ...], *, limited: bool = True, burst: float = 15.0):
        self._limited = limited
        self._bucket = TokenBucket(burst=burst, per_s=1.0)
        self._pair_bucket = TokenBucket(burst=burst, per_s=1.0)
        self._grid = Grid(markets)
        self._board = _BoardText(markets)
        self._aliases = _aliases(markets)
        self._pairs: tuple[Listings | None, dict[str, Any]] = (None, {})

    def route(self, path: str) -> str:
        return path

    def answer(self, question: Question, scene: Scene) -> Answer:
        calls = {
            "Time": self._time,
            "SystemStatus": self._status,
            "AssetPairs": self._asset_pairs,
            "Ticker": self._ticker,
            "OHLC": self._ohlc,
            "Trades": self._trades,
        }
        name = question.path.removeprefix(_PREFIX)
        if self._limited and not self._bucket.admits(question.ip, scene.now_ms):
            return _error("EGeneral:Too many requests")
        if name not in calls or not question.path.startswith(_PREFIX):
            return Answer(body=b'{"error":["EGeneral:Unknown method"]}', status=404)
        if scene.is_maintenance and name not in {"Time", "SystemStatus"}:
            return _error("EService:Unavailable")
        return calls[name](question, scene)

    def _time(self, question: Question, scene: Scene) -> Answer:
        seconds = scene.now_ms // 1_000
        text = time.strftime("%a, %d %b %y %H:%M:%S +0000", time.gmtime(seconds))
        return _result({"unixtime": seconds, "rfc1123": text})

    def _status(self, question: Question, scene: Scene) -> Answer:
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(scene.now_ms // 1_000))
        status = "maintenance" if scene.is_maintenance else "online"
        return _result({"status": status, "timestamp": at})

    def _asset_pairs(self, question: Question, scene: Scene) -> Answer:
        if self._pairs[0] is not scene.listings:
            self._pairs = (scene.listings, _asset_pairs(scene.listings))
        pairs = self._pairs[1]
        if "pair" not in question.query:
            return _result(pairs)
        names = [self._key(name, scene.listings) for name in question.query["pair"].split(",")]
        if any(name is None or name not in pairs for name in names):
            return _error("EQuery:Unknown asset pair")
        return _result({name: pairs[name] for name in names if name is not None})

    def _ticker(self, question: Question, scene: Scene) -> Answer:
        rows = self._board.rows(scene, self._grid)
        ids = scene.listings.ids
        if "pair" not in question.query:
            return _board_answer(_named(rows, scene.listings))
        keys = [self._key(name, scene.listings) for name in question.query["pair"].split(",")]
        if any(key is None for key in keys):
            return _error("EQuery:Unknown asset pair")
        chosen = dict.fromkeys(scene.listings.positions[key] for key in keys if key is not None)
        return _board_answer((ids[position], rows[position]) for position in chosen)

    def _ohlc(self, question: Question, scene: Scene) -> Answer:
        position, refusal = self._one_pair(question, scene)
        if refusal is not None:
            return refusal
        interval = whole(question.query.get("interval", "1"))
        if interval not in _INTERVALS_MINUTES:
            return _error("EGeneral:Invalid arguments")
        step_ms = interval * MINUTE_MS
        running_ms = scene.now_ms - scene.now_ms % step_ms
        span = Span(
            first_ms=running_ms - _ROWS_MAX * step_ms, end_ms=running_ms + step_ms, step_ms=step_ms
        )
        candles = scene.past(position).candles(span)
        last_s = (running_ms - step_ms) // 1_000
        since = whole(question.query.get("since"))
        if since is not None and since * 1_000 >= span.first_ms:
            candles = candles.at(candles.open_ms > since * 1_000)
        market = scene.listings.markets[position]
        rows = _ohlc_rows(candles, market)
        return _result({scene.listings.ids[position]: rows, "last": last_s})

    def _trades(self, question: Question, scene: Scene) -> Answer:
        position, refusal = self._one_pair(question, scene)
        if refusal is not None:
            return refusal
        count = min(whole(question.query.get("count")) or _TRADES_MAX, _TRADES_MAX)
        since = whole(question.query.get("since"))
        past = scene.past(position)
        if since is None:
            trades = past.latest_trades(count)
        else:
            since_ns = since if since > 10**14 else since * 10**9
            trades = past.next_trades(since_ns, count)
        last = str(trades[-1].time_ns) if trades else str(since)
        rows = [_trade_row(trade, past.market) for trade in trades]
        return _result({scene.listings.ids[position]: rows, "last": last})

    def _one_pair(self, question: Question, scene: Scene) -> tuple[int, Answer | None]:
        key = self._key(question.query.get("pair", ""), scene.listings)
        if key is None:
            return -1, _error("EQuery:Unknown asset pair")
        if self._limited and not self._pair_bucket.admits(f"{question.ip} {key}", scene.now_ms):
            return -1, _error("EGeneral:Too many requests")
        return scene.listings.positions[key], None

    def _key(self, name: str, listings: Listings) -> str | None:
        if name in listings.positions:
            return name
        position = self._aliases.get(name)
        if position is None or listings.ids[position] != listings.markets[position].id:
            return None  # unknown, gone or renamed
        return listings.ids[position]


class _BoardText:
    """The text of every market's ticker row, without its name."""

    def __init__(self, markets: tuple[Market, ...]) -> None:
        self._templates = [_template(market) for market in markets]

    def rows(self, scene: Scene, grid: Grid) -> list[str]:
        board = scene.tape.board(scene.now_ms)
        day = board.day
        today = scene.tape.window(scene.now_ms - scene.now_ms % DAY_MS, scene.now_ms)
        none = today.count == 0
        lows, highs, opens = (
            grid.prices(np.where(none, board.last, side))
            for side in (today.low, today.high, today.open)
        )
        depth = (day.volume // np.maximum(day.count, 1) // grid.lot_scale + 1).tolist()
        columns: list[Iterable[Any]] = [
            *grid.prices(board.ask), depth, depth,
            *grid.prices(board.bid), depth, depth,
            *grid.prices(board.last), *grid.volumes(board.last_size),
            *grid.volumes(today.volume), *grid.volumes(day.volume),
            grid.vwap(today.volume, today.quote), grid.vwap(day.volume, day.quote),
            today.count.tolist(), day.count.tolist(),
            *lows, *grid.prices(day.low),
            *highs, *grid.prices(day.high),
            *opens,
        ]  # fmt: skip
        values = zip(*columns, strict=True)
        return [text % row for text, row in zip(self._templates, values, strict=True)]


def _template(market: Market) -> str:
    shown = max(5, market.tick_decimals)
    price, volume = hole(market.tick_decimals, shown), hole(market.lot_decimals, 8)
    return (
        f'{{"a":["{price}","%d","%d.000"],"b":["{price}","%d","%d.000"],'
        f'"c":["{price}","{volume}"],"v":["{volume}","{volume}"],'
        f'"p":["%.{shown}f","%.{shown}f"],"t":[%d,%d],'
        f'"l":["{price}","{price}"],"h":["{price}","{price}"],"o":"{price}"}}'
    )


def _named(rows: list[str], listings: Listings) -> Iterable[tuple[str, str]]:
    """All listed rows, then a few whose names AssetPairs does not know."""
    for position in listings.listed:
        yield listings.ids[position], rows[position]
    for position in listings.listed[: max(1, len(listings.listed) // 50)]:
        yield listings.ids[position] + ":BTNL", rows[position]


def _board_answer(named: Iterable[tuple[str, str]]) -> Answer:
    text = ",".join(f'"{name}":{row}' for name, row in named)
    return Answer(body=f'{{"error":[],"result":{{{text}}}}}'.encode())


def _result(value: Any) -> Answer:
    return json_answer({"error": [], "result": value})


def _error(text: str) -> Answer:
    return json_answer({"error": [text]})


def _aliases(markets: tuple[Market, ...]) -> dict[str, int]:
    found: dict[str, int] = {}
    for position, m in enumerate(markets):
        found[kraken_names.altname(m.base, m.quote)] = position
        found[kraken_names.wsname(m.base, m.quote)] = position
        found[m.id] = position
    return found


def _asset_pairs(listings: Listings) -> dict[str, Any]:
    """All listed pairs, and dark pools that have no ticker."""
    pairs: dict[str, Any] = {}
    for position in listings.listed:
        pairs[listings.ids[position]] = _pair_entry(listings.markets[position], position)
    for position in listings.listed[: max(1, len(listings.listed) // 40)]:
        market = listings.markets[position]
        dark = {**_pair_entry(market, position), "altname": _alt(market) + ".d"}
        del dark["wsname"]
        pairs[listings.ids[position] + ".d"] = dark
    return pairs


def _pair_entry(market: Market, position: int) -> dict[str, Any]:
    return {
        "altname": _alt(market),
        "wsname": kraken_names.wsname(market.base, market.quote),
        "aclass_base": "currency",
        "base": kraken_names.internal(market.base),
        "aclass_quote": "currency",
        "quote": kraken_names.internal(market.quote),
        "lot": "unit",
        "cost_decimals": 5,
        "pair_decimals": market.tick_decimals,
        "lot_decimals": 8,
        "lot_multiplier": 1,
        "leverage_buy": [],
        "leverage_sell": [],
        "fees": _FEES,
        "fees_maker": _FEES,
        "fee_volume_currency": "ZUSD",
        "margin_call": 80,
        "margin_stop": 40,
        "ordermin": "0.0001",
        "costmin": "0.5",
        "tick_size": fixed(1, market.tick_decimals),
        "status": "cancel_only" if position % 97 == 96 else "online",
    }


def _alt(market: Market) -> str:
    return kraken_names.altname(market.base, market.quote)


def _ohlc_rows(candles: Candles, market: Market) -> list[list[Any]]:
    """[time s, open, high, low, close, vwap, volume, count]; "0.0" as vwap of a filler."""
    price, lot, quote = market.tick_decimals, market.lot_decimals, market.quote_decimals
    rows: list[list[Any]] = []
    columns = zip(
        candles.open_ms.tolist(), candles.open.tolist(), candles.high.tolist(),
        candles.low.tolist(), candles.close.tolist(), candles.volume.tolist(),
        candles.quote.tolist(), candles.count.tolist(), strict=True,
    )  # fmt: skip
    for open_ms, o, h, low, c, volume, amount, count in columns:
        vwap = f"{amount / 10**quote / (volume / 10**lot):.{price}f}" if count else "0.0"
        prices = [fixed(value, price) for value in (o, h, low, c)]
        rows.append([open_ms // 1_000, *prices, vwap, fixed(volume, lot, shown=8), count])
    return rows


def _trade_row(trade: Trade, market: Market) -> list[Any]:
    return [
        fixed(trade.price, market.tick_decimals, shown=max(5, market.tick_decimals)),
        fixed(trade.size, market.lot_decimals, shown=8),
        msgspec.Raw(f"{trade.time_ns // 10**9}.{trade.time_ns % 10**9 // 100:07d}".encode()),
        "b" if trade.is_buy else "s",
        "m" if trade.id % 3 else "l",
        "",
        trade.id,
    ]
