"""Coinbase Exchange's REST personality: candles newest first and low before high, quiet left out.

{"BTC-USD":{"stats_30day":{"volume":"9e3"},"stats_24hour":{"open":"94001.20", ...}}}
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import msgspec

from sigmawatch_simulator.listings import Listings
from sigmawatch_simulator.market import Market
from sigmawatch_simulator.past import Past, Span, Trade
from sigmawatch_simulator.text import Grid, fixed, hole
from sigmawatch_simulator.venues.limits import TokenBucket
from sigmawatch_simulator.venues.speech import Answer, Question, Scene, json_answer, whole

_GRANULARITIES_S = (60, 300, 900, 3_600, 21_600, 86_400)
_ROWS_MAX = 300
_TRADES_MAX = 1_000
_PRODUCT = re.compile(r"^/products/([^/]+)(/ticker|/stats|/candles|/trades|)$")


class Coinbase:
    """Ten requests a second per address, fifteen at once; wants a User-Agent."""

    venue = "coinbase"

    def __init__(
        self,
        markets: tuple[Market, ...],
        *,
        limited: bool = True,
        burst: float = 15.0,
        per_s: float = 10.0,
    ) -> None:
        self._limited = limited
        self._bucket = TokenBucket(burst=burst, per_s=per_s)
        self._grid = Grid(markets)
        self._templates = [_template(market) for market in markets]
        self._dead = _dead_products(markets)

    def route(self, path: str) -> str:
        match = _PRODUCT.match(path)
        return path if path == "/products/stats" or not match else f"/products/{{id}}{match[2]}"

    def answer(self, question: Question, scene: Scene) -> Answer:
        if not question.headers.get("user-agent"):
            return _message("User-Agent header is required.", 400)
        if self._limited and not self._bucket.admits(question.ip, scene.now_ms):
            return _message("Public rate limit exceeded", 429)
        if scene.is_maintenance:
            return _message("Service unavailable, maintenance in progress", 503)
        match question.path:
            case "/time":
                iso = _iso(scene.now_ms * 1_000_000, digits=3)
                return json_answer({"iso": iso, "epoch": scene.now_ms / 1_000})
            case "/products":
                return json_answer(self._products(scene.listings))
            case "/products/stats":
                return self._all_stats(scene)
            case _:
                return self._product(question, scene)

    def _product(self, question: Question, scene: Scene) -> Answer:
        match = _PRODUCT.match(question.path)
        if match is None:
            return _message("NotFound", 404)
        name, call = match.groups()
        dead = next((entry for entry in self._dead if entry["id"] == name), None)
        if dead is not None and call in {"", "/ticker"}:
            return json_answer(dead if not call else {"bid": "", "ask": "", "volume": "0"})
        position = scene.listings.positions.get(name)
        if position is None:
            return _message("NotFound", 404)
        match call:
            case "/ticker":
                return self._ticker(position, scene)
            case "/stats":
                rows = self._stats_rows(scene)
                return Answer(body=_flat(rows[position]))
            case "/candles":
                return _candles(scene.past(position), question)
            case "/trades":
                return _trades(scene.past(position), question)
            case _:
                return json_answer(_entry(scene.listings.markets[position], name))

    def _products(self, listings: Listings) -> list[dict[str, Any]]:
        listed = [_entry(listings.markets[at], listings.ids[at]) for at in listings.listed]
        gone = [_entry(m, m.id, status="delisted") for m in listings.gone()]
        return listed + gone + self._dead

    def _all_stats(self, scene: Scene) -> Answer:
        rows, ids = self._stats_rows(scene), scene.listings.ids
        text = ",".join(f'"{ids[at]}":{rows[at]}' for at in scene.listings.listed)
        return Answer(body=f"{{{text}}}".encode())

    def _stats_rows(self, scene: Scene) -> list[str]:
        board = scene.tape.board(scene.now_ms)
        day, grid = board.day, self._grid
        columns: list[Iterable[int]] = [
            *grid.volumes(day.volume * 30),
            *grid.prices(day.open), *grid.prices(day.high), *grid.prices(day.low),
            *grid.prices(board.last), *grid.volumes(day.volume),
        ]  # fmt: skip
        values = zip(*columns, strict=True)
        return [text % row for text, row in zip(self._templates, values, strict=True)]

    def _ticker(self, position: int, scene: Scene) -> Answer:
        board, market = scene.tape.board(scene.now_ms), scene.listings.markets[position]
        latest = scene.past(position).latest_trades(1)
        price, lot = market.tick_decimals, market.lot_decimals
        trade = _trade(latest[-1], market) if latest else {}
        return json_answer(
            {
                "ask": fixed(int(board.ask[position]), price),
                "bid": fixed(int(board.bid[position]), price),
                "volume": fixed(int(board.day.volume[position]), lot),
                **{name: trade[name] for name in ("trade_id", "price", "size", "time") if trade},
            }
        )


def _template(market: Market) -> str:
    """The six figures of /products/stats."""
    price, volume = hole(market.tick_decimals), hole(market.lot_decimals)
    return (
        f'{{"stats_30day":{{"volume":"{volume}"}},"stats_24hour":{{"open":"{price}",'
        f'"high":"{price}","low":"{price}","last":"{price}","volume":"{volume}"}}}}'
    )


def _flat(row: str) -> bytes:
    """The row of one product as /products/{id}/stats says it."""
    parts = msgspec.json.decode(row)
    flat = {**parts["stats_24hour"], "volume_30day": parts["stats_30day"]["volume"]}
    return msgspec.json.encode(flat)


def _candles(past: Past, question: Question) -> Answer:
    granularity = whole(question.query.get("granularity", "60"))
    if granularity not in _GRANULARITIES_S:
        return _message("Unsupported granularity", 400)
    step_ms = granularity * 1_000
    try:
        end_ms = _moment(question.query.get("end"), past.now_ms)
        start_ms = _moment(question.query.get("start"), end_ms - (_ROWS_MAX - 1) * step_ms)
    except ValueError:
        return _message("invalid start or end", 400)
    if (end_ms - start_ms) // step_ms > _ROWS_MAX:
        return _message(
            "granularity too small for the requested time range. "
            f"Count of aggregations requested exceeds {_ROWS_MAX}",
            400,
        )
    span = Span(first_ms=start_ms, end_ms=end_ms + 1, step_ms=step_ms)
    found = past.candles(span).traded()
    columns = (found.open_ms, found.low, found.high, found.open, found.close, found.volume)
    rows = zip(*(column.tolist() for column in columns), strict=True)
    newest_first = [_candle(row, past.market) for row in reversed(list(rows))]
    return json_answer(newest_first[:_ROWS_MAX])


def _candle(row: tuple[int, ...], market: Market) -> list[Any]:
    """[time s, low, high, open, close, volume], JSON numbers."""
    price, lot = market.tick_decimals, market.lot_decimals
    prices = [msgspec.Raw(fixed(value, price).encode()) for value in row[1:5]]
    return [row[0] // 1_000, *prices, msgspec.Raw(fixed(row[5], lot).encode())]


def _trades(past: Past, question: Question) -> Answer:
    limit = min(whole(question.query.get("limit")) or _TRADES_MAX, _TRADES_MAX)
    rows = [_trade(trade, past.market) for trade in reversed(past.latest_trades(limit))]
    cursors = {}
    if rows:
        cursors = {"cb-before": str(rows[0]["trade_id"]), "cb-after": str(rows[-1]["trade_id"])}
    return json_answer(rows, 200, **cursors)


def _trade(trade: Trade, market: Market) -> dict[str, Any]:
    return {
        "trade_id": trade.id,
        "side": "sell" if trade.is_buy else "buy",  # the maker's side
        "size": fixed(trade.size, market.lot_decimals, shown=8),
        "price": fixed(trade.price, market.tick_decimals, shown=max(8, market.tick_decimals)),
        "time": _iso(trade.time_ns, digits=6),
    }


def _entry(market: Market, name: str, *, status: str = "online") -> dict[str, Any]:
    is_online = status == "online"
    return {
        "id": name,
        "base_currency": market.base,
        "quote_currency": market.quote,
        "quote_increment": fixed(1, market.tick_decimals),
        "base_increment": fixed(1, market.lot_decimals),
        "display_name": market.pair,
        "min_market_funds": "1",
        "margin_enabled": False,
        "post_only": False,
        "limit_only": False,
        "cancel_only": not is_online,
        "status": status,
        "status_message": "",
        "trading_disabled": not is_online,
        "fx_stablecoin": False,
        "max_slippage_percentage": "0.03000000",
        "auction_mode": False,
        "high_bid_limit_percentage": "",
    }


def _dead_products(markets: tuple[Market, ...]) -> list[dict[str, Any]]:
    """Products without statistics: a tenth is delisted, one has not started."""
    model = markets[-1]
    count = max(1, len(markets) // 10)
    names = [f"OLD{number}-{model.quote}" for number in range(count)]
    dead = [_entry(model, name, status="delisted") for name in names]
    dead.append(_entry(model, f"SOON-{model.quote}"))
    return [{**e, "base_currency": e["id"].split("-")[0], "display_name": e["id"]} for e in dead]


def _moment(text: str | None, otherwise_ms: int) -> int:
    """Seconds since the epoch or ISO 8601, as milliseconds. Raises ValueError for others."""
    if text is None:
        return otherwise_ms
    if text.lstrip("-").isdigit():
        return min(int(text), 10**10) * 1_000
    moment = datetime.fromisoformat(text.replace(" ", "+"))
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return int(aware.timestamp() * 1_000)


def _iso(time_ns: int, *, digits: int) -> str:
    moment = datetime.fromtimestamp(time_ns // 10**9, tz=UTC)
    part = time_ns % 10**9 // 10 ** (9 - digits)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{part:0{digits}d}Z"


def _message(text: str, status: int) -> Answer:
    return json_answer({"message": text}, status)
