"""Asks a server the same few things over many connections, each again when it has all of an answer.

    python -m benchmarks.shared.asking PORT SECONDS       requests as a JSON list on standard input

A process of its own, with nothing but the standard library to load. Prints answers a second, p50
and p99 in milliseconds, and how many answers there were in all.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from functools import partial

CONNECTIONS = 64
WARM_S = 0.2


def length(head: bytes) -> int:
    """The bytes of the body behind a head; of a 304 none."""
    _, found, rest = head.partition(b"content-length: ")
    return int(rest.partition(b"\r\n")[0]) if found else 0


class Asking(asyncio.Protocol):
    """One connection: asks, reads the whole answer, asks the next."""

    def __init__(self, requests: Sequence[bytes], *, first: int, took_s: list[float]) -> None:
        self._requests, self._next, self._took_s = requests, first, took_s
        self._missing_bytes, self._began_s = 0, 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._ask()

    def _ask(self) -> None:
        self._next = (self._next + CONNECTIONS) % len(self._requests)
        self._began_s = time.perf_counter()
        self._transport.write(self._requests[self._next])

    def data_received(self, data: bytes) -> None:
        if not self._missing_bytes:
            end = data.index(b"\r\n\r\n") + 4
            assert data[9:10] in b"23", data[:200]
            self._missing_bytes = end + length(data[:end])
        self._missing_bytes -= len(data)
        if not self._missing_bytes:
            self._took_s.append(time.perf_counter() - self._began_s)
            self._ask()


async def _drive(port: int, seconds: float, requests: Sequence[bytes]) -> None:
    """Ask for `seconds`, after all was asked for once; print answers a second, p50 and p99."""
    loop, took_s = asyncio.get_running_loop(), list[float]()
    connections = [
        (await loop.create_connection(
            partial(Asking, requests, first=number, took_s=took_s), "127.0.0.1", port
        ))[0]
        for number in range(CONNECTIONS)
    ]  # fmt: skip
    while len(took_s) < len(requests) + CONNECTIONS:  # noqa: ASYNC110 - nothing tells us
        await asyncio.sleep(0.05)
    await asyncio.sleep(WARM_S)
    before_count = len(took_s)
    took_s.clear()
    began_s = time.perf_counter()
    await asyncio.sleep(seconds)
    rate = len(took_s) / (time.perf_counter() - began_s)
    count = before_count + len(took_s)
    took_s.sort()
    p50_s, p99_s = took_s[len(took_s) // 2], took_s[len(took_s) * 99 // 100]
    for connection in connections:
        connection.abort()
    print(json.dumps([rate, 1_000 * p50_s, 1_000 * p99_s, count]))


if __name__ == "__main__":
    asked = [text.encode() for text in json.load(sys.stdin)]
    asyncio.run(_drive(int(sys.argv[1]), float(sys.argv[2]), asked))
