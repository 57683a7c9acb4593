"""Kraken's WebSocket v2: status on connect, an answer a symbol, numbers, heartbeats when quiet.

{"channel":"ticker","type":"update","data":[{"symbol":"BTC/USD","bid":63297.7, ... }]}
"""

import json
from datetime import UTC, datetime
from typing import Any

from sigmawatch_simulator.feed import Feed
from sigmawatch_simulator.market import Market
from sigmawatch_simulator.past import Trade
from sigmawatch_simulator.talk import Refuses, Said
from sigmawatch_simulator.text import fixed

PATH = "/v2"
_SNAPSHOT_TRADES = 50
_BEAT_MS = 1_000
_MESSAGES_PER_S = 10


class KrakenTalk:
    """Fulfils talk.Talk."""

    def __init__(self, feed: Feed, *, limited: bool) -> None:
        self._feed = feed
        self._limited = limited
        self._positions = {market.pair: at for at, market in enumerate(feed.markets)}
        self._since_ms: dict[tuple[str, int], int] = {}  # channel and market -> told until
        self._said_ms = 0
        self._second = (0, 0)
        self._maintenance = False

    def opened(self, now_ms: int) -> list[Said]:
        return [_status("online")]

    def asked(self, text: str, *, now_ms: int, refuses: Refuses) -> list[Said]:
        second, count = self._second
        self._second = (now_ms // 1_000, count + 1 if second == now_ms // 1_000 else 1)
        if self._limited and self._second[1] > _MESSAGES_PER_S:
            return [Said(kind="answer", text='{"Error":"Exceeded msg rate"}')]
        wish = json.loads(text)
        if wish.get("method") == "ping":
            return [_answer({"method": "pong", "req_id": wish.get("req_id")})]
        params = wish.get("params", {})
        told: list[Said] = []
        for symbol in params.get("symbol", []):
            answer = {"method": "subscribe", "req_id": wish.get("req_id"), "success": True,
                      "result": {"channel": params["channel"], "symbol": symbol,
                                 "snapshot": params.get("snapshot", True)},
                      "time_in": _rfc3339(now_ms), "time_out": _rfc3339(now_ms)}  # fmt: skip
            why = self._refusal(params["channel"], symbol, refuses=refuses)
            if why is not None:
                answer |= {"success": False, "error": why, "symbol": symbol}
                del answer["result"]
            told.append(_answer(answer))
            if why is None:
                told += self._begin(params["channel"], symbol, now_ms=now_ms)
        return told

    def _refusal(self, channel: str, symbol: str, *, refuses: Refuses) -> str | None:
        position = self._positions.get(symbol)
        if position is None:
            return f"Currency pair not supported {symbol}"
        if refuses(self._feed.markets[position].id):
            return "EGeneral:Exceeded msg rate"
        return "Already subscribed" if (channel, position) in self._since_ms else None

    def _begin(self, channel: str, symbol: str, *, now_ms: int) -> list[Said]:
        position = self._positions[symbol]
        self._since_ms[channel, position] = now_ms
        self._said_ms = now_ms
        if channel == "ticker":
            return [self._ticker(position, now_ms, kind="snapshot")]
        latest = self._feed.latest(position, now_ms=now_ms, count=_SNAPSHOT_TRADES)
        return [self._trade(position, latest, kind="snapshot")] if latest else []

    def due(self, now_ms: int, *, is_maintenance: bool) -> list[Said]:
        told: list[Said] = []
        if is_maintenance is not self._maintenance:
            self._maintenance = is_maintenance
            told.append(_status("maintenance" if is_maintenance else "online"))
        for (channel, position), since_ms in self._since_ms.items():
            trades = self._feed.trades(position, after_ms=since_ms, to_ms=now_ms)
            self._since_ms[channel, position] = max(now_ms, since_ms)
            if trades and not is_maintenance:
                told.append(
                    self._ticker(position, now_ms, kind="update")
                    if channel == "ticker"
                    else self._trade(position, trades, kind="update")
                )
        if told:
            self._said_ms = now_ms
        elif self._since_ms and now_ms - self._said_ms >= _BEAT_MS:
            self._said_ms = now_ms
            told.append(Said(kind="beat", text='{"channel":"heartbeat"}'))
        return told

    def leaving(self, now_ms: int) -> Said | None:
        return None

    def _ticker(self, position: int, now_ms: int, *, kind: str) -> Said:
        board, market = self._feed.board(now_ms), self._feed.markets[position]
        day = board.day
        price, lot = market.tick_decimals, market.lot_decimals
        base = float(fixed(int(day.volume[position]), lot))
        quote = float(fixed(int(day.quote[position]), market.quote_decimals))
        last = float(fixed(int(board.last[position]), price))
        latest = self._feed.latest(position, now_ms=now_ms, count=1)
        time_ns = latest[-1].time_ns if latest else now_ms * 1_000_000
        row = {
            "symbol": market.pair,
            "bid": float(fixed(int(board.bid[position]), price)), "bid_qty": 1.0,
            "ask": float(fixed(int(board.ask[position]), price)), "ask_qty": 1.0,
            "last": last, "volume": base, "vwap": quote / base if base else 0.0,
            "low": float(fixed(int(day.low[position]), price)),
            "high": float(fixed(int(day.high[position]), price)),
            "change": last - float(fixed(int(day.open[position]), price)), "change_pct": 0.0,
            "trades": int(day.count[position]), "timestamp": stamp(time_ns),
        }  # fmt: skip
        frame = {"channel": "ticker", "type": kind, "data": [row]}
        return Said(kind="ticker", text=_text(frame), about=market.id)

    def _trade(self, position: int, trades: list[Trade], *, kind: str) -> Said:
        market = self._feed.markets[position]
        rows = [_trade_row(trade, market) for trade in trades]
        frame = {"channel": "trade", "type": kind, "data": rows}
        return Said(kind="trade", text=_text(frame), about=market.id)


def _trade_row(trade: Trade, market: Market) -> dict[str, Any]:
    return {
        "symbol": market.pair, "side": "buy" if trade.is_buy else "sell",
        "price": float(fixed(trade.price, market.tick_decimals)),
        "qty": float(fixed(trade.size, market.lot_decimals)),
        "ord_type": "market", "trade_id": trade.id, "timestamp": stamp(trade.time_ns),
    }  # fmt: skip


def _status(system: str) -> Said:
    row = {"version": "2.0.10", "system": system, "api_version": "v2",
           "connection_id": 18_239_578_009_413_566_319}  # fmt: skip
    frame = {"channel": "status", "type": "update", "data": [row]}
    return Said(kind="status", text=_text(frame))


def _answer(value: dict[str, Any]) -> Said:
    return Said(kind="answer", text=_text(value))


def _text(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def _rfc3339(now_ms: int) -> str:
    return stamp(now_ms * 1_000_000)


def stamp(time_ns: int) -> str:
    """2026-08-12T19:29:02.066592Z"""
    whole = datetime.fromtimestamp(time_ns // 10**9, UTC)
    return f"{whole:%Y-%m-%dT%H:%M:%S}.{time_ns % 10**9 // 1_000:06d}Z"
