"""Kraken's WebSocket v2 (docs.kraken.com/api, "Spot WebSocket v2": ticker, trade, status).

Numbers are JSON numbers; markets go by modern names (BTC/USD), which are our pairs. Each symbol of
a request is answered for itself. A ticker comes with every trade of its market, so its price holds
until the next one, and its 24-hour figures are as old as it is.
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
    rows_of,
    trades_of,
)
from sigmawatch.domain.market import Market
from sigmawatch.domain.stream import (
    Channel,
    Condition,
    Declined,
    Said,
    StreamTraits,
    Taken,
    Unread,
)

_NAMES = {Channel.QUOTES: "ticker", Channel.TRADES: "trade"}
_CHANNELS = {name: channel for channel, name in _NAMES.items()}


# {"channel":"status","type":"update","data":[{"version":"2.0.10","system":"online", …}]}
# {"method":"subscribe","req_id":1,"result":{"channel":"ticker","symbol":"BTC/USD", …},
#  "success":true,"time_in":"…","time_out":"…"}
# {"error":"Currency pair not supported XYZ/USD","method":"subscribe","success":false,
#  "symbol":"XYZ/USD","req_id":1,"time_in":"…","time_out":"…"}


class _Frame(msgspec.Struct, gc=False):
    channel: Any = None
    method: Any = None
    success: Any = None
    error: Any = None
    req_id: Any = None
    symbol: Any = None
    result: Any = None
    data: msgspec.Raw = msgspec.Raw(b"null")
    Error: Any = None  # {"Error":"Exceeded msg rate"}


# {"channel":"ticker","type":"update","data":[{"symbol":"BTC/USD","bid":63297.7,"bid_qty":5.4,
#   "ask":63297.8,"ask_qty":0.3,"last":63297.8,"volume":1020.88391276,"vwap":63685.7,"low":63250,
#   "high":64409.2,"change":0.7,"change_pct":0,"trades":47536,
#   "timestamp":"2026-08-12T19:29:02.066592Z"}]}


class _Ticker(msgspec.Struct, gc=False):
    symbol: Any
    last: Any = None
    volume: Any = None
    vwap: Any = None
    timestamp: Any = None


# {"channel":"trade","type":"update","data":[{"symbol":"MATIC/USD","side":"sell","price":0.5117,
#   "qty":40.0,"ord_type":"market","trade_id":4665906,"timestamp":"2023-09-25T07:49:37.708706Z"}]}


class _Trade(msgspec.Struct, gc=False):
    symbol: Any
    price: Any = None
    qty: Any = None
    trade_id: Any = None
    timestamp: Any = None


class _Status(msgspec.Struct, gc=False):
    system: Any = None


_FRAME = msgspec.json.Decoder(_Frame)
_TICKERS = (msgspec.json.Decoder(list[_Ticker]), msgspec.json.Decoder(_Ticker))
_TRADES = (msgspec.json.Decoder(list[_Trade]), msgspec.json.Decoder(_Trade))
_STATUSES = msgspec.json.Decoder(list[_Status])


class KrakenDialect:
    """Fulfils frames.Dialect."""

    URL = "wss://ws.kraken.com/v2"
    PATH = "/v2"
    TRAITS = StreamTraits(
        levels=frozenset({"price", "volume_24h_base", "volume_24h_quote"}),
        lasting=frozenset({"price"}),
        chunk_max=50,
        request_every_ms=500,
        begins_with=frozenset({Channel.QUOTES}),
        ping_every_ms=20_000,
    )

    def __init__(self) -> None:
        self._natives: dict[str, str] = {}  # by the name they have on the stream

    def request(self, channel: Channel, markets: Sequence[Market], *, number: int) -> str:
        self._natives.update((market.pair, market.native) for market in markets)
        params: dict[str, Any] = {
            "channel": _NAMES[channel],
            "symbol": [market.pair for market in markets],
            "snapshot": True,
        }
        if channel is Channel.QUOTES:
            params["event_trigger"] = "trades"
        wish = {"method": "subscribe", "params": params, "req_id": number}
        return msgspec.json.encode(wish).decode()

    def ping(self, number: int) -> str | None:
        return f'{{"method":"ping","req_id":{number}}}'

    def read(self, frame: bytes, *, recv_ms: int) -> Sequence[Said]:
        try:
            said = _FRAME.decode(frame)
            if said.channel == "ticker":
                return [self._quotes(said.data, recv_ms)]
            if said.channel == "trade":
                return [self._trades(said.data, recv_ms)]
            if said.channel == "status":
                return [_condition(said.data)]
        except (ValueError, RecursionError) as error:
            return [Unread(why=str(error)[:120])]
        if said.method == "subscribe":
            return [self._answer(said)]
        if said.Error is not None:
            return [Declined(why=str(said.Error)[:120])]
        known_frame = said.channel == "heartbeat" or said.method in ("pong", "unsubscribe")
        return [] if known_frame else [Unread(why="neither a channel nor an answer")]

    def _quotes(self, data: msgspec.Raw, recv_ms: int) -> Said:
        rejected: dict[str, str] = {}
        rows = [
            QuoteRow(native, ticker.timestamp, ticker.last, ticker.volume, vwap=ticker.vwap)
            for ticker in rows_of(data, _TICKERS, rejected=rejected)
            if (native := known(self._natives, ticker.symbol, rejected=rejected)) is not None
        ]
        return quotes_of(rows, time=rfc3339_ms, recv_ms=recv_ms, rejected=rejected, derived=True)

    def _trades(self, data: msgspec.Raw, recv_ms: int) -> Said:
        rejected: dict[str, str] = {}
        rows = [
            TradeRow(native, trade.trade_id, trade.timestamp, trade.price, trade.qty)
            for trade in rows_of(data, _TRADES, rejected=rejected)
            if (native := known(self._natives, trade.symbol, rejected=rejected)) is not None
        ]
        return trades_of(rows, time=rfc3339_ms, recv_ms=recv_ms, rejected=rejected)

    def _answer(self, said: _Frame) -> Said:
        told = said.result if isinstance(said.result, dict) else {}
        channel = _CHANNELS.get(str(told.get("channel")))
        native = self._natives.get(str(told.get("symbol", said.symbol)))
        natives = None if native is None else (native,)
        request = said.req_id if type(said.req_id) is int else None
        if said.success is True and natives is not None:
            return Taken(channel=channel, natives=natives, request=request)
        why = str(said.error)[:120]
        if "already subscribed" in why.lower():
            return Taken(channel=channel, natives=natives, request=request)
        return Declined(why=why, channel=channel, natives=natives, request=request,
                        final="not supported" in why.lower())  # fmt: skip


def _condition(data: msgspec.Raw) -> Condition:
    """Maintenance, cancel_only, post_only and limit_only make no prices."""
    statuses = _STATUSES.decode(data)
    text = str(statuses[0].system) if statuses else "unknown"
    return Condition(trading=text == "online", text=text[:40])
