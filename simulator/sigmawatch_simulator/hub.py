"""The sockets of every venue's stream: who is connected, what each is told, and what goes wrong.

Everything told follows from the venue's clock: `pump` brings every connection up to now, at once
where a test calls it, else by a task of the server many times a second. Faults of the group STREAM
change what is told, or how.
"""

import asyncio
import json
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

from aiohttp import WSMsgType, web

from sigmawatch_simulator.faults import STREAM, Fault
from sigmawatch_simulator.feed import Feed
from sigmawatch_simulator.noise import uniform
from sigmawatch_simulator.talk import Said, Talk
from sigmawatch_simulator.venues import binance_stream, coinbase_stream, kraken_stream

if TYPE_CHECKING:
    from sigmawatch_simulator.server import Simulator

PUMP_S = 0.05
_SEND_S = 5.0
_DAY_MS = 86_400_000
_DATA = {"ticker", "trade"}
_NAMES = {"symbol", "product_id", "s"}


class _Speaker(Protocol):
    def __call__(self, feed: Feed, *, limited: bool) -> Talk: ...


SPEAKERS: dict[str, tuple[str, _Speaker]] = {
    "kraken": (kraken_stream.PATH, kraken_stream.KrakenTalk),
    "coinbase": (coinbase_stream.PATH, coinbase_stream.CoinbaseTalk),
    "binance": (binance_stream.PATH, binance_stream.BinanceTalk),
}


@dataclass(slots=True, eq=False)
class _Seat:
    """One connection."""

    venue: str
    socket: web.WebSocketResponse
    transport: asyncio.Transport
    talk: Talk
    since_ms: int
    sent: int = 0
    held: list[Said] = field(default_factory=list)  # by a fault that delays
    first: dict[str, Said] = field(default_factory=dict)  # the ticker that a fault repeats
    left: bool = False  # the venue has said that it will close
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


class StreamHub:
    """All connections of one simulator. sent: frames by venue and kind, since the start; open_max:
    connections at once, by venue."""

    def __init__(self, simulator: "Simulator") -> None:
        self._simulator = simulator
        self._seats: list[_Seat] = []
        self._feeds: dict[str, Feed] = {}
        self.sent: Counter[tuple[str, str]] = Counter()
        self.connects: Counter[str] = Counter()
        self.connected_ms: dict[str, list[int]] = {}
        self.open_max: Counter[str] = Counter()

    def serves(self, venue: str, path: str) -> bool:
        return venue in SPEAKERS and path == SPEAKERS[venue][0]

    def open_count(self, venue: str) -> int:
        return sum(seat.venue == venue for seat in self._seats)

    def sent_counts(self, venue: str) -> list[int]:
        """How many frames each open connection was sent."""
        return [seat.sent for seat in self._seats if seat.venue == venue]

    async def serve(self, venue: str, request: web.Request) -> web.WebSocketResponse:
        """One connection, until either side closes it."""
        socket = web.WebSocketResponse(max_msg_size=1_000_000)
        await socket.prepare(request)
        now_ms = self._simulator.venue_now_ms(venue)
        self.connects[venue] += 1
        self.connected_ms.setdefault(venue, []).append(self._simulator.clock.now_ms())
        limited = self._simulator.config.limited
        feed = self._feeds.setdefault(venue, Feed(self._simulator.stages[venue]))
        assert request.transport is not None
        talk = SPEAKERS[venue][1](feed, limited=limited)
        seat = _Seat(
            venue=venue, socket=socket, transport=request.transport, talk=talk, since_ms=now_ms
        )
        self._seats.append(seat)
        self.open_max[venue] = max(self.open_max[venue], self.open_count(venue))
        try:
            await self._tell(seat, seat.talk.opened(now_ms))
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    await self._answer(seat, message.data)
        finally:
            self._seats.remove(seat)
        return socket

    async def pump(self) -> None:
        """Tell every connection what is due."""
        for seat in list(self._seats):
            with suppress(ConnectionError, TimeoutError):
                async with asyncio.timeout(_SEND_S):
                    await self._pump(seat)

    async def pump_for_ever(self) -> None:
        while True:
            await self.pump()
            await asyncio.sleep(PUMP_S)

    async def stop(self) -> None:
        """Close every connection, as a venue does that goes down."""
        for seat in list(self._seats):
            with suppress(ConnectionError, TimeoutError):
                async with asyncio.timeout(1.0):
                    await seat.socket.close(code=1001)

    async def _answer(self, seat: _Seat, text: str) -> None:
        now_ms = self._simulator.venue_now_ms(seat.venue)
        faults = self._struck(seat)
        many = faults.get("ws_many")
        if many is not None and _symbols_count(text) > int(many.value or 100):
            await seat.socket.close(code=1000)
            return
        refused = faults.get("ws_refused")

        def refuses(market: str) -> bool:
            return refused is not None and (
                market in refused.markets
                or (not refused.markets and uniform(self._seed, "refused", market) < refused.share)
            )

        async with seat.turn:
            said = seat.talk.asked(text, now_ms=now_ms, refuses=refuses)
            await self._tell(seat, said, faults=faults)

    async def _pump(self, seat: _Seat) -> None:
        now_ms = self._simulator.venue_now_ms(seat.venue)
        board = self._simulator.faults
        async with seat.turn:
            faults = self._struck(seat)
            said = seat.talk.due(
                now_ms,
                is_maintenance=board.is_maintenance(seat.venue, self._simulator.clock.now_ms()),
            )
            leaving = seat.talk.leaving(now_ms)
            if "ws_shutdown" in faults and not seat.left and leaving is not None:
                seat.left = True
                said.append(leaving)
            await self._tell(seat, said, faults=faults)
            await self._end(seat, faults, now_ms=now_ms)

    async def _end(self, seat: _Seat, faults: dict[str, Fault], *, now_ms: int) -> None:
        if "ws_abort" in faults:
            seat.transport.abort()
        cut = faults.get("ws_cut")
        if cut is not None and now_ms - seat.since_ms >= int(cut.value or _DAY_MS):
            await seat.socket.close(code=1000)
        if "ws_close" in faults:
            await seat.socket.close(code=int(faults["ws_close"].value or 1000))

    async def _tell(
        self, seat: _Seat, said: list[Said], *, faults: dict[str, Fault] | None = None
    ) -> None:
        for one in self._disturbed(seat, said, faults=faults or {}):
            if one.close is not None:
                await seat.socket.close(code=one.close)
                return
            self.sent[seat.venue, one.kind] += 1
            seat.sent += 1
            await seat.socket.send_str(one.text)

    def _disturbed(self, seat: _Seat, said: list[Said], *, faults: dict[str, Fault]) -> list[Said]:
        """What is really sent."""
        if "ws_silent" in faults:
            return []
        if "ws_late" in faults:
            seat.held += said
            return []
        told, seat.held = seat.held + said, []
        mute, frozen = faults.get("ws_mute"), faults.get("ws_frozen")
        if mute is not None:
            told = [
                one for one in told if one.kind not in _DATA or mute.path not in ("*", one.kind)
            ]
        if frozen is not None:
            told = [self._first(seat, one) for one in told if one.kind != "trade"]
        else:
            seat.first.clear()
        if "ws_gap" in faults:
            told = [one for one in told if one.kind != "trade"]
        if "ws_twice" in faults:
            told = [one for one in told for _ in range(2 if one.kind in _DATA else 1)]
        if "ws_stranger" in faults:
            told += [replace(one, text=_of_stranger(one.text)) for one in told if one.kind in _DATA]
        if "ws_disorder" in faults:
            told.reverse()
        if "ws_malformed" in faults:
            told.append(Said(kind="odd", text=str(faults["ws_malformed"].value or "[]")))
        if "ws_torn" in faults:
            told = [replace(one, text=one.text[: len(one.text) // 2]) for one in told]
        if "ws_huge" in faults:
            size = int(faults["ws_huge"].value or 5) * 1_000_000
            told.append(Said(kind="odd", text=" " * size + "{}"))
        return told

    def _first(self, seat: _Seat, one: Said) -> Said:
        return seat.first.setdefault(one.about, one) if one.kind == "ticker" else one

    def _struck(self, seat: _Seat) -> dict[str, Fault]:
        now_ms = self._simulator.clock.now_ms()
        struck = self._simulator.faults.strike_stream(seat.venue, now_ms=now_ms)
        assert all(fault.kind in STREAM for fault in struck)
        return {fault.kind: fault for fault in struck}

    @property
    def _seed(self) -> int:
        return self._simulator.config.seed


def _symbols_count(text: str) -> int:
    """How many markets a message subscribes to, in any venue's words."""
    wish = json.loads(text)
    params = wish.get("params")
    if isinstance(params, list):
        return len(params)
    symbols = (params or {}).get("symbol") or wish.get("product_ids") or []
    return len(symbols)


def _of_stranger(text: str) -> str:
    """The same words about a market that nobody asked for, in any venue's way of naming one."""

    def renamed(value: Any) -> Any:
        if isinstance(value, list):
            return [renamed(one) for one in value]
        if isinstance(value, dict):
            return {
                key: "NOBODY" if key in _NAMES and isinstance(one, str) else renamed(one)
                for key, one in value.items()
            }
        return f"nobody@{value.partition('@')[2]}" if str(value).endswith("@trade") else value

    return json.dumps(renamed(json.loads(text)), separators=(",", ":"))
