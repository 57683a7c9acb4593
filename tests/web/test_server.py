"""The HTTP server over real sockets: bounds, and an end that no client can delay."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
from tests.pace import allowed_s
from tests.web.conftest import World

from sigmawatch.app.web.server import listen, serve, serve_on
from sigmawatch.domain.errors import InUse, Invalid

END_S = 2.0
TWO_LENGTHS = (
    b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n"
    b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\n\r\n"
)


@asynccontextmanager
async def serving(app: object) -> AsyncIterator[tuple[int, asyncio.Task[None]]]:
    """A served application: its port and its task."""
    listener = listen("127.0.0.1", 0)
    port: int = listener.getsockname()[1]
    task = asyncio.ensure_future(serve_on(app, listener))
    try:
        yield port, task
    finally:
        task.cancel()
        await asyncio.wait([task])


async def exchange(port: int, request: bytes) -> bytes:
    """Send bytes; everything that comes back until the server closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        async with asyncio.timeout(60):
            return await reader.read()
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


def get(path: str, *headers: str) -> bytes:
    lines = [f"GET {path} HTTP/1.1", "Host: 127.0.0.1", "Connection: close", *headers, "", ""]
    return "\r\n".join(lines).encode()


async def test_the_api_answers_over_a_socket_and_says_nothing_of_its_server(
    moving: World,
) -> None:
    async with serving(moving.app) as (port, _):
        head, _, body = (await exchange(port, get("/api/v1/metrics?limit=2"))).partition(
            b"\r\n\r\n"
        )
    assert head.startswith(b"HTTP/1.1 200")
    assert b"\r\nserver:" not in head.lower()
    assert len(json.loads(body)["items"]) == 2


@pytest.mark.parametrize(
    ("request_bytes", "statuses"),
    [
        (get("/healthz", "X-Big: " + "x" * 100_000), (b"400", b"431")),
        (get("/healthz?" + "x" * 9_000), (b"414",)),
        (get("/healthz?" + "x" * 100_000), (b"400", b"414")),
        (b"GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n", (b"400",)),  # no host
        (b"GET http://evil.example/ HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
         (b"421",)),
        (TWO_LENGTHS, (b"400",)),
        (b"GET /healthz HTTP/1.1\r\nHost : localhost\r\nConnection: close\r\n\r\n", (b"400",)),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", (b"400",)),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", (b"400",)),
        (get("/api/v1/metrics", "Upgrade: websocket"), (b"400",)),
    ],
)  # fmt: skip
async def test_what_is_not_proper_http_is_refused(
    world: World, request_bytes: bytes, statuses: tuple[bytes, ...]
) -> None:
    async with serving(world.app) as (port, _):
        answer = await exchange(port, request_bytes + b"\r\n\r\n")
        assert answer.split(b" ", 2)[1] in statuses, answer[:200]
        assert (await exchange(port, get("/healthz"))).startswith(b"HTTP/1.1 200")


async def test_the_end_comes_within_two_seconds_though_clients_hang(world: World) -> None:
    """Issue: Ctrl-C and SIGTERM end in 2 s."""
    stuck = asyncio.Event()

    async def app(scope: object, receive: object, send: object) -> None:
        stuck.set()
        await asyncio.Future()

    async with serving(app) as (port, task):
        silent = await asyncio.open_connection("127.0.0.1", port)
        half = await asyncio.open_connection("127.0.0.1", port)
        half[1].write(b"GET / HTTP/1.1\r\nHost: loc")
        waiting = await asyncio.open_connection("127.0.0.1", port)
        waiting[1].write(get("/"))
        await asyncio.wait_for(stuck.wait(), 60)
        began_s = time.monotonic()
        task.cancel()
        await asyncio.wait([task])
        assert time.monotonic() - began_s < allowed_s(END_S)
        assert task.cancelled()
        for reader, writer in (silent, half, waiting):
            async with asyncio.timeout(allowed_s(1.0)):
                with suppress(ConnectionResetError):
                    answer = await reader.read()
                    assert answer == b"" or answer.startswith(b"HTTP/1.1 500")
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()


async def test_an_answer_under_way_is_finished_at_the_end(world: World) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def app(scope: object, receive: object, send: object) -> None:
        begun.set()
        await go_on.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})  # type: ignore[operator]
        await send({"type": "http.response.body", "body": b"whole"})  # type: ignore[operator]

    async with serving(app) as (port, task):
        asked = asyncio.ensure_future(exchange(port, get("/")))
        await asyncio.wait_for(begun.wait(), 5)
        task.cancel()
        go_on.set()
        assert (await asked).endswith(b"whole\r\n0\r\n\r\n")


async def test_a_taken_port_names_the_flag_that_helps() -> None:
    with listen("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(InUse, match=r"--port"):
            await serve(None, host="127.0.0.1", port=port)


def test_an_address_that_is_not_ours_is_invalid() -> None:
    with pytest.raises(Invalid, match="cannot listen"):
        listen("192.0.2.1", 0)


def test_both_loopback_families_can_be_listened_on() -> None:
    for host in ("127.0.0.1", "::1"):
        with listen(host, 0) as listener:
            assert listener.getsockname()[0] == host
