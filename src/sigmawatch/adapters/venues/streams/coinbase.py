"""Coinbase Exchange's WebSocket feed (docs.cdp.coinbase.com, "Exchange WebSocket Channels":
ticker_batch, matches, heartbeat).

Texts as numbers. `ticker_batch` tells of a product at most every five seconds and only on a change.
Messages may be lost, says the venue: the heartbeat names the newest trade, so a loss is noticed. An
answer lists everything that is subscribed to.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from sigmawatch.adapters.venues.streams.frames import (
    QuoteRow,
    TradeRow,
    known,
    quotes_of,
    rfc3339_ms,
    trades_of,
)
from sigmawatch.domain.errors import Invalid
from sigmawatch.domain.market import Market
from sigmawatch.domain.stream import (
    Channel,
    Declined,
    Newest,
    Said,
    StreamTraits,
    Taken,
    Unread,
)

_NAMES = {Channel.QUOTES: "ticker_batch", Channel.TRADES: "matches"}
_CHANNELS = {name: channel for channel, name in _NAMES.items()}
_SILENT = ("status", "l2update", "snapshot")  # no set: a frame may hold anything


# {"type":"subscriptions","channels":[{"name":"matches","product_ids":["BTC-USD", …]}, …]}
# {"type":"error","message":"Failed to subscribe","reason":"XXX-USD is not a valid product"}
# {"type":"ticker","sequence":333938798,"product_id":"BAND-GBP","price":"14.7775", …
#  "volume_24h":"94381.28000000", … "time":"2021-04-17T16:43:30.244075Z","trade_id":881613}
# {"type":"match","trade_id":881613, … "side":"sell","size":"0.04","price":"14.7775",
#  "product_id":"BAND-GBP","sequence":333938798,"time":"2021-04-17T16:43:30.244075Z"}
# {"type":"heartbeat","sequence":90,"last_trade_id":20,"product_id":"BTC-USD","time":"…"}


class _Frame(msgspec.Struct, gc=False):
    type: Any = None
    product_id: Any = None
    price: Any = None
    size: Any = None
    volume_24h: Any = None
    time: Any = None
    trade_id: Any = None
    last_trade_id: Any = None
    channels: Any = None
    message: Any = None
    reason: Any = None


_FRAME = msgspec.json.Decoder(_Frame)


class CoinbaseDialect:
    """Fulfils frames.Dialect."""

    URL = "wss://ws-feed.exchange.coinbase.com"
    PATH = "/"
    TRAITS = StreamTraits(
        levels=frozenset({"price", "volume_24h_base", "volume_24h_quote"}),
        lasting=frozenset({"price"}),
        chunk_max=50,
        request_every_ms=250,
    )

    def __init__(self) -> None:
        self._natives: dict[str, str] = {}

    def request(self, channel: Channel, markets: Sequence[Market], *, number: int) -> str:
        self._natives.update((market.native, market.native) for market in markets)
        wish = {
            "type": "subscribe",
            "product_ids": [market.native for market in markets],
            "channels": [_NAMES[channel], "heartbeat"],
        }
        return msgspec.json.encode(wish).decode()

    def ping(self, number: int) -> str | None:
        """Heartbeats keep the connection."""
        return None

    def read(self, frame: bytes, *, recv_ms: int) -> Sequence[Said]:
        try:
            said = _FRAME.decode(frame)
        except (ValueError, RecursionError) as error:
            return [Unread(why=str(error)[:120])]
        match said.type:
            case "ticker":
                return [self._quotes(said, recv_ms)]
            case "match" | "last_match":
                return [self._trades(said, recv_ms)]
            case "heartbeat":
                return self._newest(said)
            case "subscriptions":
                return self._taken(said)
            case "error":
                words = f"{said.message}: {said.reason}" if said.reason else str(said.message)
                return [Declined(why=words[:120])]
        return [] if said.type in _SILENT else [Unread(why="no type that was asked for")]

    def _quotes(self, said: _Frame, recv_ms: int) -> Said:
        rejected: dict[str, str] = {}
        native = known(self._natives, said.product_id, rejected=rejected)
        rows = [] if native is None else [
            QuoteRow(native, said.time, said.price, said.volume_24h, vwap=said.price)
        ]  # fmt: skip
        return quotes_of(rows, time=rfc3339_ms, recv_ms=recv_ms, rejected=rejected, derived=True)

    def _trades(self, said: _Frame, recv_ms: int) -> Said:
        """`last_match` is an old trade, told when one subscribes: with it the numbers begin."""
        rejected: dict[str, str] = {}
        native = known(self._natives, said.product_id, rejected=rejected)
        rows = [] if native is None else [
            TradeRow(native, said.trade_id, said.time, said.price, said.size)
        ]  # fmt: skip
        return trades_of(rows, time=rfc3339_ms, recv_ms=recv_ms, rejected=rejected)

    def _newest(self, said: _Frame) -> Sequence[Said]:
        native = self._natives.get(str(said.product_id))
        if native is None or type(said.last_trade_id) is not int:
            return []
        try:
            event_ms = rfc3339_ms(said.time)
        except Invalid:
            return []
        return [Newest(native=native, trade_id=said.last_trade_id, event_ms=event_ms)]

    def _taken(self, said: _Frame) -> Sequence[Said]:
        """Everything that is subscribed to by now, a channel each."""
        told: list[Said] = []
        for row in said.channels if isinstance(said.channels, list) else []:
            channel = _CHANNELS.get(str(row.get("name"))) if isinstance(row, dict) else None
            products = row.get("product_ids") if channel is not None else None
            if isinstance(products, list):
                natives = tuple(self._natives[one] for one in products
                                if isinstance(one, str) and one in self._natives)  # fmt: skip
                told.append(Taken(channel=channel, natives=natives))
        return told
