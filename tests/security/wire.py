"""A served program, and what goes over the wire to it, byte by byte."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

from sigmawatch.app.web.receipts import Deadlines, Receipts, Room
from sigmawatch.app.web.server import listen, serve_on

PATIENT = Deadlines(head_s=60, body_s=60, body_grace_s=60, answer_s=60)
ROOMY = Room(connections_max=10_000)


@asynccontextmanager
async def served(
    app: Any, *, room: Room = ROOMY, deadlines: Deadlines = PATIENT
) -> AsyncIterator[tuple[int, Receipts]]:
    """A served application: its port, and its connections."""
    listener = listen("127.0.0.1", 0)
    port: int = listener.getsockname()[1]
    receipts = Receipts(room, deadlines=deadlines)
    task = asyncio.ensure_future(serve_on(app, listener, receipts=receipts))
    try:
        yield port, receipts
    finally:
        task.cancel()
        await asyncio.wait([task])


async def exchanged(port: int, *pieces: bytes) -> bytes:
    """Send pieces one after the other; everything that comes until the server closes. A server
    that closes before it has read everything resets the connection; what came first counts."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answer = b""
    try:
        async with asyncio.timeout(60):
            with suppress(ConnectionError):
                for piece in pieces:
                    writer.write(piece)
                    await writer.drain()
                    await asyncio.sleep(0)
            with suppress(ConnectionError):
                while chunk := await reader.read(65_536):
                    answer += chunk
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
    return answer


def request(*lines: str, body: bytes = b"") -> bytes:
    return "\r\n".join([*lines, "", ""]).encode() + body


def statuses(answer: bytes) -> Sequence[bytes]:
    """The status of every answer in what came back."""
    return [part[:3] for part in answer.split(b"HTTP/1.1 ")[1:]]


async def answers_still(port: int) -> None:
    """The server answers who asks properly."""
    asked = request("GET /healthz HTTP/1.1", "Host: localhost", "Connection: close")
    assert statuses(await exchanged(port, asked)) == [b"200"]
