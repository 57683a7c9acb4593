"""What a fault of a stream does to what is told, on the wire, in every venue's words."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from tests.simulator.asking import MINUTE_MS

from sigmawatch_simulator import Fault, Simulator

ASKED: dict[str, tuple[str, Any]] = {
    "kraken": ("/v2", {"method": "subscribe", "params": {
        "channel": "trade", "symbol": ["BTC/USD"], "snapshot": False}, "req_id": 1}),
    "coinbase": ("/", {"type": "subscribe", "product_ids": ["BTC-USD"], "channels": ["matches"]}),
    "binance": ("/stream", {"method": "SUBSCRIBE", "params": ["btcusdt@trade"], "id": 1}),
}  # fmt: skip

CONFIRMED = ('"success":true', '"subscriptions"', '"result":null')


class Listener:
    """One who has subscribed to the trades of one market."""

    def __init__(self, simulator: Simulator, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._simulator, self._socket = simulator, socket
        self._heard_count = 0

    async def confirmed(self) -> None:
        """Wait until the subscription is."""
        text = ""
        while not any(mark in text for mark in CONFIRMED):
            text = await self._frame()

    async def minute(self) -> list[Any]:
        """What is told about the next minute at once."""
        self._simulator.clock.advance(MINUTE_MS)
        await self._simulator.streams.pump()
        missing_count = self._simulator.streams.sent.total() - self._heard_count
        return [json.loads(await self._frame()) for _ in range(missing_count)]

    async def _frame(self) -> str:
        async with asyncio.timeout(30.0):
            self._heard_count += 1
            return await self._socket.receive_str()


@asynccontextmanager
async def listening(
    simulator: Simulator, client: aiohttp.ClientSession, venue: str
) -> AsyncIterator[Listener]:
    path, wish = ASKED[venue]
    async with client.ws_connect(simulator.base_url(venue) + path) as socket:
        await socket.send_json(wish)
        listener = Listener(simulator, socket)
        await listener.confirmed()
        await listener.minute()
        yield listener


def trades(frames: list[Any]) -> list[Any]:
    """Those that tell a trade of the market itself, or of another one."""
    return [frame for frame in frames if "trade" in json.dumps(frame) or "match" in str(frame)]


@pytest.mark.parametrize("venue", ["coinbase", "binance"])  # a frame of Kraken's holds many
async def test_what_is_told_at_once_is_told_backwards(
    running: Simulator, client: aiohttp.ClientSession, venue: str
) -> None:
    async with listening(running, client, venue) as heard:
        with running.faults.on(Fault(kind="ws_disorder")):
            wrong = await heard.minute()
    ids = [trade_id for frame in trades(wrong) for trade_id in ids_of(frame)]
    assert len(ids) > 1
    assert ids == sorted(ids, reverse=True)


@pytest.mark.parametrize("venue", ASKED)
async def test_a_stranger_has_every_trade_too(
    running: Simulator, client: aiohttp.ClientSession, venue: str
) -> None:
    async with listening(running, client, venue) as heard:
        with running.faults.on(Fault(kind="ws_stranger")):
            told = trades(await heard.minute())
    own = [ids_of(frame) for frame in told if "nobody" not in json.dumps(frame).lower()]
    strange = [ids_of(frame) for frame in told if "nobody" in json.dumps(frame).lower()]
    assert own
    assert own == strange


def ids_of(frame: Any) -> list[int]:
    if "stream" in frame:
        return [frame["data"]["t"]]
    if "data" in frame:
        return [row["trade_id"] for row in frame["data"]]
    return [frame["trade_id"]]
