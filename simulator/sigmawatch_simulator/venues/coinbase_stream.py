"""Coinbase Exchange's feed: five seconds to subscribe, ticker_batch, matches, heartbeats.

{"type":"match","trade_id":881613,"side":"sell","size":"0.04","price":"14.7775", ... }
"""

import json
from typing import Any

from sigmawatch_simulator.feed import Feed
from sigmawatch_simulator.market import Market
from sigmawatch_simulator.past import Trade
from sigmawatch_simulator.talk import Refuses, Said
from sigmawatch_simulator.text import fixed
from sigmawatch_simulator.venues.kraken_stream import stamp

PATH = "/"
_SUBSCRIBE_MS = 5_000
_BATCH_MS = 5_000
_BEAT_MS = 1_000
_CHANNELS = ("ticker_batch", "matches", "heartbeat")


class CoinbaseTalk:
    """Fulfils talk.Talk."""

    def __init__(self, feed: Feed, *, limited: bool) -> None:
        self._feed = feed
        self._positions = {market.id: at for at, market in enumerate(feed.markets)}
        self._subscribed: dict[str, dict[int, int]] = {name: {} for name in _CHANNELS}
        self._opened_ms = 0

    def opened(self, now_ms: int) -> list[Said]:
        self._opened_ms = now_ms
        return []

    def asked(self, text: str, *, now_ms: int, refuses: Refuses) -> list[Said]:
        wish = json.loads(text)
        products = wish.get("product_ids", [])
        unknown = [one for one in products if one not in self._positions]
        if wish.get("type") != "subscribe" or unknown:
            words = {"type": "error", "message": "Failed to subscribe",
                     "reason": f"{unknown[:1]} is not a valid product"}  # fmt: skip
            return [Said(kind="answer", text=_text(words))]
        fresh: list[Said] = []
        for product in products:
            if refuses(product):
                continue  # silently: it is missing in the answer
            position = self._positions[product]
            for name in wish.get("channels", []):
                if position not in self._subscribed[name]:
                    self._subscribed[name][position] = now_ms
                    fresh += self._begin(name, position, now_ms=now_ms)
        return [self._subscriptions(), *fresh]

    def _subscriptions(self) -> Said:
        rows = [
            {"name": name, "product_ids": [self._feed.markets[at].id for at in chosen]}
            for name, chosen in self._subscribed.items()
            if chosen
        ]
        return Said(kind="answer", text=_text({"type": "subscriptions", "channels": rows}))

    def _begin(self, name: str, position: int, *, now_ms: int) -> list[Said]:
        if name == "heartbeat":
            return []
        if name == "ticker_batch":
            return [self._ticker(position, now_ms)]
        latest = self._feed.latest(position, now_ms=now_ms, count=1)
        return [self._match(position, one, kind="last_match") for one in latest]

    def due(self, now_ms: int, *, is_maintenance: bool) -> list[Said]:
        if not any(self._subscribed.values()):
            late = now_ms - self._opened_ms >= _SUBSCRIBE_MS
            return [Said(kind="status", close=1008)] if late else []
        told: list[Said] = []
        matches = self._subscribed["matches"]
        for position, since_ms in matches.items():
            trades = self._feed.trades(position, after_ms=since_ms, to_ms=now_ms)
            matches[position] = max(now_ms, since_ms)
            if not is_maintenance:
                told += [self._match(position, one, kind="match") for one in trades]
        if not is_maintenance:
            told += self._batches(now_ms)
        return [*told, *self._beats(now_ms)]

    def leaving(self, now_ms: int) -> Said | None:
        return None

    def _batches(self, now_ms: int) -> list[Said]:
        """Products that traded since their last ticker, five seconds ago or more."""
        told: list[Said] = []
        batch = self._subscribed["ticker_batch"]
        for position, since_ms in batch.items():
            if now_ms - since_ms >= _BATCH_MS:
                if self._feed.trades(position, after_ms=since_ms, to_ms=now_ms):
                    told.append(self._ticker(position, now_ms))
                batch[position] = now_ms
        return told

    def _beats(self, now_ms: int) -> list[Said]:
        told: list[Said] = []
        beats = self._subscribed["heartbeat"]
        for position, since_ms in beats.items():
            if now_ms - since_ms >= _BEAT_MS:
                beats[position] = now_ms
                latest = self._feed.latest(position, now_ms=now_ms, count=1)
                row = {"type": "heartbeat", "sequence": now_ms,
                       "last_trade_id": latest[-1].id if latest else 0,
                       "product_id": self._feed.markets[position].id,
                       "time": stamp(now_ms * 1_000_000)}  # fmt: skip
                told.append(Said(kind="beat", text=_text(row)))
        return told

    def _ticker(self, position: int, now_ms: int) -> Said:
        board, market = self._feed.board(now_ms), self._feed.markets[position]
        day, ticks = board.day, market.tick_decimals
        latest = self._feed.latest(position, now_ms=now_ms, count=1)
        row = {
            "type": "ticker", "sequence": now_ms, "product_id": market.id,
            "price": fixed(int(board.last[position]), ticks),
            "open_24h": fixed(int(day.open[position]), ticks),
            "volume_24h": fixed(int(day.volume[position]), market.lot_decimals),
            "low_24h": fixed(int(day.low[position]), ticks),
            "high_24h": fixed(int(day.high[position]), ticks),
            "best_bid": fixed(int(board.bid[position]), ticks),
            "best_ask": fixed(int(board.ask[position]), ticks),
            "time": stamp(latest[-1].time_ns if latest else now_ms * 1_000_000),
            "trade_id": latest[-1].id if latest else 0,
        }  # fmt: skip
        return Said(kind="ticker", text=_text(row), about=market.id)

    def _match(self, position: int, trade: Trade, *, kind: str) -> Said:
        market = self._feed.markets[position]
        return Said(kind="trade", text=_text(_row(trade, market, kind=kind)), about=market.id)


def _row(trade: Trade, market: Market, *, kind: str) -> dict[str, Any]:
    return {
        "type": kind, "trade_id": trade.id, "side": "sell" if trade.is_buy else "buy",
        "size": fixed(trade.size, market.lot_decimals),
        "price": fixed(trade.price, market.tick_decimals),
        "product_id": market.id, "sequence": trade.id, "time": stamp(trade.time_ns),
    }  # fmt: skip


def _text(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))
