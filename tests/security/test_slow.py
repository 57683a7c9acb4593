"""Clients that send or take slowly (S43, RELIABILITY.md P22, P23) and too many of them (P36).

Deadlines are those of a test, a tenth or less of the product's; what is promised in seconds and
for 10,000 connections is measured in tests/faults/test_slow_clients.py.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any

import pytest
from tests.security.wire import PATIENT, answers_still, request, served, statuses
from tests.web.conftest import World, reading

from sigmawatch.app.access_config import AccessConfig, LimitsConfig
from sigmawatch.app.web.receipts import Deadlines, Room
from sigmawatch.app.web.server import affordable, receipts_of

SHORT = Deadlines(head_s=0.2, body_s=0.6, body_grace_s=0.2, answer_s=0.4, linger_s=0.2)
POST = request(
    "POST /api/v1/collect HTTP/1.1", "Host: localhost", "Content-Type: application/json",
    "Content-Length: 100000",
)  # fmt: skip
HALF = b"GET /healthz HTTP/1.1\r\nHost: loc"


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def dripped(port: int, begun: bytes, drop: bytes) -> bytes:
    """Send `begun`, then a drop whenever the loop turns; what comes until the server closes."""
    async with asyncio.timeout(60), connected(port) as (reader, writer):
        writer.write(begun)

        async def drip() -> None:
            with suppress(ConnectionError):
                while True:
                    writer.write(drop)
                    await writer.drain()
                    await asyncio.sleep(0.02)

        dripping = asyncio.ensure_future(drip())
        try:
            with suppress(ConnectionError):
                return await reader.read()
            return b""
        finally:
            dripping.cancel()


@pytest.mark.parametrize(
    ("begun", "drop", "expected"),
    [
        (b"", b"", []),  # silent: nothing was asked, so nothing is answered
        (HALF, b"", [b"408"]),
        (HALF, b"x", [b"408"]),
        (b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n", b"X: y\r\n", [b"408"]),
        (POST, b"", [b"408"]),
        (POST, b"x", [b"408"]),  # 50 bytes a second, of 100 at least
        (POST, b"x" * 50, [b"408"]),  # fast enough, but too long
    ],
    ids=["silent", "half a head", "a dripping head", "dripping headers", "no body",
         "a dripping body", "a long body"],
)  # fmt: skip
@reading
async def test_s43_who_does_not_say_what_they_want_in_time_is_cut(
    still: World, begun: bytes, drop: bytes, expected: list[bytes]
) -> None:
    """S43: "Slow headers, slow body, silent connect, 10,000 idle: P22". P22: "dripping ones closed
    in 5 s (headers) / 30 s (body, min 100 B/s); others keep service"."""
    async with served(still.app, deadlines=SHORT) as (port, receipts):
        answer = await dripped(port, begun, drop)
        assert statuses(answer) == expected
        if expected:
            assert b"/problems/timed-out" in answer
        assert sum(receipts.cut_count.values()) == 1
        await answers_still(port)


@reading
async def test_a_client_that_is_slow_in_bounds_is_waited_for(still: World) -> None:
    """Between two requests, and while it is answered, no deadline of sending counts."""
    async with served(still.app, deadlines=SHORT) as (port, receipts), connected(port) as line:
        reader, writer = line
        for _ in range(2):
            writer.write(request("GET /healthz HTTP/1.1", "Host: localhost"))
            assert (await reader.readuntil(b"}")).startswith(b"HTTP/1.1 200")
            await asyncio.sleep(2 * SHORT.head_s)
            receipts.look(asyncio.get_running_loop().time())
        writer.write(HALF)
        async with asyncio.timeout(60):
            assert statuses(await reader.read()) == [b"408"]


async def streaming(scope: Any, receive: Any, send: Any) -> None:
    """An application that has more and more to say."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    while True:
        await send({"type": "http.response.body", "body": b"x" * 65_536, "more_body": True})
        await asyncio.sleep(0)


async def test_p23_who_takes_nothing_of_an_answer_is_cut_and_who_takes_it_is_not() -> None:
    """P23: "stalled SSE clients cost <= 256 KB each, are cut after 10 s of blocked send"."""
    async with served(streaming, deadlines=SHORT) as (port, receipts), AsyncExitStack() as stack:
        stalled = []
        for _ in range(20):
            line = socket.socket()
            line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            line.connect(("127.0.0.1", port))
            line.sendall(request("GET / HTTP/1.1", "Host: localhost"))
            stalled.append(stack.enter_context(line))
        reader, writer = await stack.enter_async_context(connected(port))
        writer.write(request("GET / HTTP/1.1", "Host: localhost"))
        async with asyncio.timeout(60):
            while receipts.cut_count["answer"] < len(stalled):
                assert await reader.read(65_536)
                assert all(
                    one.transport.get_write_buffer_size() < 256_000 for one in receipts._open
                )
        assert receipts.open_count == 1
        assert await reader.read(65_536)


@reading
async def test_p36_where_there_is_no_more_room_who_waits_gives_way(still: World) -> None:
    """P22: "others keep service". The one that has waited longest goes; who is answered stays."""
    room = Room(connections_max=5)
    async with served(still.app, room=room) as (port, receipts), AsyncExitStack() as stack:
        busy = await stack.enter_async_context(connected(port))
        busy[1].write(POST)
        idle = [await stack.enter_async_context(connected(port)) for _ in range(20)]
        await answers_still(port)
        async with asyncio.timeout(60):
            for reader, _ in idle[:15]:
                with suppress(ConnectionError):
                    assert await reader.read() == b""
        assert receipts.open_count <= 5
        assert receipts.cut_count["room"] >= 15
        assert not busy[0].at_eof()


@reading
async def test_one_address_has_so_many_connections_and_no_more(still: World) -> None:
    room = Room(connections_max=100, per_address_max=3, exempt=lambda _: False)
    async with served(still.app, room=room) as (port, receipts), AsyncExitStack() as stack:
        lines = [await stack.enter_async_context(connected(port)) for _ in range(3)]
        for _ in range(3):
            refused, _ = await stack.enter_async_context(connected(port))
            with suppress(ConnectionError):
                assert await refused.read() == b""
        assert receipts.cut_count["address"] == 3
        lines[0][1].close()
        await lines[0][1].wait_closed()
        async with asyncio.timeout(60):
            while receipts.open_count > 2:  # noqa: ASYNC110 - nobody tells of it
                await asyncio.sleep(0)
        await answers_still(port)


def test_this_machine_and_proxies_bring_as_many_as_they_like() -> None:
    access = AccessConfig(behind_proxy=True, proxies=("10.0.0.0/8",))
    room = receipts_of(access, LimitsConfig())._room
    assert [room.exempt(one) for one in ("127.0.0.1", "::1", "10.1.2.3", "203.0.113.7")] == [
        True, True, True, False,
    ]  # fmt: skip


def test_p36_some_open_files_are_left_to_collectors_and_senders() -> None:
    """P36: "collectors and alert senders have reserved descriptors"."""
    import resource

    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if allowed == resource.RLIM_INFINITY:
        pytest.skip("any number of files may be open here")
    assert affordable(10**9) <= allowed - min(256, allowed // 2)
    assert affordable(50) == min(50, affordable(10**9))


def test_the_deadlines_are_those_that_are_promised() -> None:
    """P22, P23: 5 s, 30 s, 100 B/s, 10 s; the tests themselves wait for less."""
    promised = Deadlines()
    assert (promised.head_s, promised.body_s, promised.body_bytes_per_s_min) == (5, 30, 100)
    assert promised.answer_s == 10
    assert PATIENT.head_s > promised.head_s
