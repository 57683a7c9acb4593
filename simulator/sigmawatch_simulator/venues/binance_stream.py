"""Binance's combined streams: all mini tickers each second, trades a market, an id a request.

{"stream":"btcusdt@trade","data":{"e":"trade","E":1723161255343,"s":"BTCUSDT","t":3735683259, ... }}
"""

import json
from typing import Any

from sigmawatch_simulator.feed import Feed
from sigmawatch_simulator.market import Market
from sigmawatch_simulator.past import Trade
from sigmawatch_simulator.talk import Refuses, Said
from sigmawatch_simulator.text import fixed

PATH = "/stream"
_ALL = "!miniTicker@arr"
_MESSAGES_PER_S = 5
_EVERY_MS = 1_000


class BinanceTalk:
    """Fulfils talk.Talk."""

    def __init__(self, feed: Feed, *, limited: bool) -> None:
        self._feed = feed
        self._limited = limited
        self._positions = {f"{m.id.lower()}@trade": at for at, m in enumerate(feed.markets)}
        self._since_ms: dict[int, int] = {}
        self._tickers_ms: int | None = None
        self._second = (0, 0)

    def opened(self, now_ms: int) -> list[Said]:
        return []

    def asked(self, text: str, *, now_ms: int, refuses: Refuses) -> list[Said]:
        second, count = self._second
        self._second = (now_ms // 1_000, count + 1 if second == now_ms // 1_000 else 1)
        if self._limited and self._second[1] > _MESSAGES_PER_S:
            return [Said(kind="answer", close=1008)]
        wish = json.loads(text)
        streams = wish.get("params", [])
        unknown = [one for one in streams if one != _ALL and one not in self._positions]
        if wish.get("method") != "SUBSCRIBE" or unknown:
            words = {"code": 2, "msg": f"Invalid request: {unknown[:1]}"}
            return [Said(kind="answer", text=_text({"error": words, "id": wish.get("id")}))]
        trades = [self._positions[one] for one in streams if one != _ALL]
        if any(refuses(self._feed.markets[position].id) for position in trades):
            words = {"code": 3, "msg": "Too many requests"}
            return [Said(kind="answer", text=_text({"error": words, "id": wish.get("id")}))]
        for one in streams:
            if one == _ALL:
                self._tickers_ms = now_ms if self._tickers_ms is None else self._tickers_ms
            else:
                self._since_ms.setdefault(self._positions[one], now_ms)
        return [Said(kind="answer", text=_text({"result": None, "id": wish.get("id")}))]

    def due(self, now_ms: int, *, is_maintenance: bool) -> list[Said]:
        told: list[Said] = []
        for position, since_ms in self._since_ms.items():
            trades = self._feed.trades(position, after_ms=since_ms, to_ms=now_ms)
            self._since_ms[position] = max(now_ms, since_ms)
            if not is_maintenance:
                told += [self._trade(position, trade) for trade in trades]
        tickers = self._tickers(now_ms)
        return [*told, *([] if tickers is None or is_maintenance else [tickers])]

    def leaving(self, now_ms: int) -> Said | None:
        return Said(kind="status", text=_text({"e": "serverShutdown", "E": now_ms}))

    def _tickers(self, now_ms: int) -> Said | None:
        """The markets that traded since the last one: others have changed nothing."""
        since_ms = self._tickers_ms
        if since_ms is None or now_ms - since_ms < _EVERY_MS:
            return None
        self._tickers_ms = now_ms
        moved = self._feed.stage.tape.window(since_ms, now_ms).count > 0
        rows = [self._row(at, now_ms) for at in moved.nonzero()[0].tolist()]
        if not rows:
            return None
        return Said(kind="ticker", text=_text({"stream": _ALL, "data": rows}), about=_ALL)

    def _row(self, position: int, now_ms: int) -> dict[str, Any]:
        board, market = self._feed.board(now_ms), self._feed.markets[position]
        day, ticks = board.day, market.tick_decimals
        return {
            "e": "24hrMiniTicker", "E": now_ms - 1, "s": market.id,
            "c": fixed(int(board.last[position]), ticks),
            "o": fixed(int(day.open[position]), ticks),
            "h": fixed(int(day.high[position]), ticks),
            "l": fixed(int(day.low[position]), ticks),
            "v": fixed(int(day.volume[position]), market.lot_decimals),
            "q": fixed(int(day.quote[position]), market.quote_decimals),
        }  # fmt: skip

    def _trade(self, position: int, trade: Trade) -> Said:
        market = self._feed.markets[position]
        frame = {"stream": f"{market.id.lower()}@trade", "data": _trade_row(trade, market)}
        return Said(kind="trade", text=_text(frame), about=market.id)


def _trade_row(trade: Trade, market: Market) -> dict[str, Any]:
    time_ms = trade.time_ns // 1_000_000
    return {
        "e": "trade", "E": time_ms + 1, "s": market.id, "t": trade.id,
        "p": fixed(trade.price, market.tick_decimals),
        "q": fixed(trade.size, market.lot_decimals), "T": time_ms, "m": not trade.is_buy, "M": True,
    }  # fmt: skip


def _text(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))
