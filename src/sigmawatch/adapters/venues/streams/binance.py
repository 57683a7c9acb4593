"""Binance spot's combined streams (binance-docs, "WebSocket Streams": mini tickers, trades).

One stream tells every second of all markets that changed, with figures of the rolling 24 hours; it
is asked for once. Trades are a stream a market, at most 1,024 on a connection, which is cut after
24 hours.
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
    rows_of,
    trades_of,
    whole_ms,
)
from sigmawatch.domain.market import Market
from sigmawatch.domain.stream import (
    Channel,
    Declined,
    Leaving,
    Said,
    StreamTraits,
    Taken,
    Unread,
)
from sigmawatch.domain.window import HOUR_MS

ALL_TICKERS = "!miniTicker@arr"
_SHUTDOWN = "serverShutdown"


# {"result":null,"id":1}   {"error":{"code":2,"msg":"Invalid request: …"},"id":1}
# {"stream":"!miniTicker@arr","data":[…]}   {"stream":"btcusdt@trade","data":{…}}
# {"e":"serverShutdown","E":1762776960000}, also as the stream "!serverShutdown"


class _Frame(msgspec.Struct, gc=False):
    stream: Any = None
    data: msgspec.Raw = msgspec.Raw(b"null")
    id: Any = None
    result: Any = msgspec.UNSET
    error: Any = None
    code: Any = None
    msg: Any = None
    e: Any = None


# [{"e":"24hrMiniTicker","E":1786539510015,"s":"BTCUSDT","c":"64117.99000000","o":"64330.60000000",
#   "h":"64500.00000000","l":"63238.00000000","v":"14724.65375000","q":"940099726.82861850"}, …]


class _Mini(msgspec.Struct, gc=False):
    s: Any
    E: Any = None
    c: Any = None
    v: Any = None
    q: Any = None


# {"e":"trade","E":1723161255343,"s":"BTCUSDT","t":3735683259,"p":"61837.63000000",
#  "q":"0.02000000","T":1723161255342,"m":true,"M":true}


class _Trade(msgspec.Struct, gc=False):
    s: Any
    t: Any = None
    p: Any = None
    q: Any = None
    T: Any = None


_FRAME = msgspec.json.Decoder(_Frame)
_MINIS = (msgspec.json.Decoder(list[_Mini]), msgspec.json.Decoder(_Mini))
_TRADE = msgspec.json.Decoder(_Trade)


class BinanceDialect:
    """Fulfils frames.Dialect."""

    URL = "wss://stream.binance.com:9443/stream"
    PATH = "/stream"
    TRAITS = StreamTraits(
        levels=frozenset({"price", "volume_24h_base", "volume_24h_quote"}),
        lasting=frozenset({"price"}),
        chunk_max=100,
        request_every_ms=500,
        whole=frozenset({Channel.QUOTES}),
        life_ms=23 * HOUR_MS,
        markets_max=1_000,
    )

    def __init__(self) -> None:
        self._natives: dict[str, str] = {}

    def request(self, channel: Channel, markets: Sequence[Market], *, number: int) -> str:
        self._natives.update((market.native, market.native) for market in markets)
        streams = [f"{market.native.lower()}@trade" for market in markets]
        if channel is Channel.QUOTES:
            streams = [ALL_TICKERS]
        wish = {"method": "SUBSCRIBE", "params": streams, "id": number}
        return msgspec.json.encode(wish).decode()

    def ping(self, number: int) -> str | None:
        """The venue pings us, and the socket answers."""
        return None

    def read(self, frame: bytes, *, recv_ms: int) -> Sequence[Said]:
        try:
            said = _FRAME.decode(frame)
            if said.stream == ALL_TICKERS:
                return [self._quotes(said.data, recv_ms)]
            if isinstance(said.stream, str) and said.stream.endswith("@trade"):
                return [self._trades(said.data, recv_ms)]
        except (ValueError, RecursionError) as error:
            return [Unread(why=str(error)[:120])]
        if said.e == _SHUTDOWN or said.stream == "!" + _SHUTDOWN:
            return [Leaving(text="the venue shuts this server down")]
        return [_answer(said)]

    def _quotes(self, data: msgspec.Raw, recv_ms: int) -> Said:
        """What changed among all markets; those nobody asked for are no news."""
        rejected: dict[str, str] = {}
        rows = [
            QuoteRow(mini.s, mini.E, mini.c, mini.v, mini.q)
            for mini in rows_of(data, _MINIS, rejected=rejected)
            if isinstance(mini.s, str) and mini.s in self._natives
        ]
        return quotes_of(rows, time=whole_ms, recv_ms=recv_ms, rejected=rejected, derived=False)

    def _trades(self, data: msgspec.Raw, recv_ms: int) -> Said:
        rejected: dict[str, str] = {}
        trade = _TRADE.decode(data)
        native = known(self._natives, trade.s, rejected=rejected)
        rows = [] if native is None else [TradeRow(native, trade.t, trade.T, trade.p, trade.q)]
        return trades_of(rows, time=whole_ms, recv_ms=recv_ms, rejected=rejected)


def _answer(said: _Frame) -> Said:
    request = said.id if type(said.id) is int else None
    if said.error is not None or said.code is not None:
        told = said.error if isinstance(said.error, dict) else {"msg": said.error or said.msg}
        return Declined(why=str(told.get("msg"))[:120], request=request)
    if said.result is None and request is not None:
        return Taken(request=request)
    return Unread(why="neither a stream nor an answer")
