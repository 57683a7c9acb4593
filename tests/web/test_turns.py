"""Requests whose head was read before: answered as the first one was, byte by byte."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

import pytest
from tests.security.wire import exchanged, request, served, statuses
from tests.web.conftest import World, reading

from sigmawatch.app.web import heads
from sigmawatch.app.web.heads import Heads

ASKED = [
    "/healthz", "/api/v1/metrics/1", "/api/v1/metrics/1/records", "/api/v1/ranking?limit=2",
    "/api/v1/nowhere", "/api/v1/metrics/BTC%2FUSD", "/", "/api/v1/metrics?unknown=1",
]  # fmt: skip
_OF_THE_MOMENT = re.compile(rb'(x-request-id: |"request_id":")[0-9a-f]{16}')


def get(path: str, *lines: str) -> bytes:
    return request(f"GET {path} HTTP/1.1", "Host: localhost", *lines)


async def answered(reader: asyncio.StreamReader) -> bytes:
    """One answer whose length is told."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = re.search(rb"content-length: ([0-9]+)", head)
    body = await reader.readexactly(int(length[1])) if length else b""
    return _OF_THE_MOMENT.sub(rb"\1", head + body)


@reading
@pytest.mark.parametrize("path", ASKED)
async def test_the_second_of_two_requests_in_the_same_words_is_answered_as_the_first(
    still: World, path: str
) -> None:
    async with served(still.app) as (port, receipts), asyncio.timeout(60):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        answers = []
        for _ in range(3):
            writer.write(get(path))
            answers.append(await answered(reader))
        assert len(receipts.heads) == 1
        assert answers[0] == answers[1] == answers[2]
        writer.write(get(path, "Connection: close"))
        last = await answered(reader)
        assert last.partition(b"\r\n\r\n")[2] == answers[0].partition(b"\r\n\r\n")[2]
        writer.close()


@pytest.mark.parametrize("cut", [1, 20, -3])
async def test_a_known_head_that_comes_in_pieces_or_before_its_turn_is_read_as_ever(
    cut: int,
) -> None:
    """RFC 9112, 9.3.2: "a server must send responses in the same order"."""
    asked = get("/a")
    pieces = (
        asked[:cut], asked[cut:], asked + asked, asked + get("/b")[:cut], get("/b")[cut:],
        asked, asked, get("/c"), get("/c", "Connection: close"),
    )  # fmt: skip
    async with served(_naming) as (port, receipts):
        await _asked_alone(port, asked)
        assert len(receipts.heads) == 1
        answer = await exchanged(port, *pieces)
    assert re.findall(rb"<(/.)>", answer) == [b"/a", b"/a", b"/a", b"/a", b"/b", b"/a", b"/a",
                                               b"/c", b"/c"]  # fmt: skip


async def _asked_alone(port: int, asked: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(asked)
    await reader.readuntil(b">")
    writer.close()
    await writer.wait_closed()


async def _naming(scope: Any, receive: Any, send: Any) -> None:
    """Answers which address it was, after a while."""
    body = b"<%s>" % scope["raw_path"]
    await asyncio.sleep(0)
    await send({"type": "http.response.start", "status": 200,
                "headers": [(b"content-length", b"%d" % len(body))]})  # fmt: skip
    await send({"type": "http.response.body", "body": body})


async def test_an_answer_that_is_not_plain_is_written_by_h11() -> None:
    """Of unknown length, in pieces; and one that breaks its own head is refused as ever."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert (await receive()) == {"type": "http.request", "body": b"", "more_body": False}
        broken = scope["path"] == "/broken"
        headers = [(b"x-name", b"a\r\nset-cookie: b" if broken else b"a")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for piece in (b"one", b"two"):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async with served(app) as (port, receipts), asyncio.timeout(60):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(3):
            writer.write(get("/a"))
            assert b"transfer-encoding: chunked" in (await reader.readuntil(b"\r\n\r\n")).lower()
            assert await reader.readuntil(b"0\r\n\r\n") == b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"
        writer.close()
        for _ in range(2):
            assert b"set-cookie" not in await exchanged(port, get("/broken"))
        assert len(receipts.heads) == 2


@pytest.mark.parametrize("asked", [
    request("POST /a HTTP/1.1", "Host: localhost", "Content-Length: 0"),
    get("/a", "Content-Length: 2") + b"ab", get("/a", "Transfer-Encoding: chunked") + b"0\r\n\r\n",
    get("/a", "Expect: 100-continue"), get("/a", "Connection: close"),
    request("GET /a HTTP/1.0", "Host: localhost"), request("HEAD /a HTTP/1.1", "Host: localhost"),
    get("/a") + get("/a"), get("/a", "X: " + "x" * 3_000), request("GET /a HTTP/1.1"),
])  # fmt: skip
async def test_only_a_plain_request_is_known_by_its_head(asked: bytes) -> None:
    async with served(_naming) as (port, receipts):
        await exchanged(port, asked, get("/z", "Connection: close"))
        assert len(receipts.heads) == 0


async def test_connections_that_wait_after_a_turn_are_closed_in_their_time() -> None:
    async with served(_naming) as (port, held), asyncio.timeout(60):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(2):
            writer.write(get("/a"))
            await reader.readuntil(b">")
        held.look(asyncio.get_running_loop().time() + 10.0)
        assert held.open_count == 1
        held.look(asyncio.get_running_loop().time() + 16.0)
        assert await reader.read() == b""
        writer.close()


def test_heads_are_few_and_forgotten_when_nobody_sends_them() -> None:
    known, scope = Heads(), _scope()
    for number in range(3 * heads.HEADS_MAX):
        known.keep(b"%d\r\n\r\n" % number, scope)
    assert len(known) <= 2 * heads.HEADS_MAX
    newest = b"%d\r\n\r\n" % (3 * heads.HEADS_MAX - 1)
    for turn in range(1, 4):
        known.look(turn * heads.HEAD_KEPT_S)
        assert known.find(newest) is not None
    for turn in range(4, 6):
        known.look(turn * heads.HEAD_KEPT_S)
    assert known.find(newest) is None
    assert len(known) == 0


def _scope() -> dict[str, Any]:
    return {
        "type": "http", "asgi": {}, "http_version": "1.1", "method": "GET", "root_path": "",
        "path": "/a", "raw_path": b"/a", "query_string": b"", "headers": [(b"host", b"localhost")],
    }  # fmt: skip


@reading
async def test_a_known_head_is_looked_at_as_any_other(still: World) -> None:
    """SECURITY.md S02, S14: by whom and by which name is asked again of every request."""
    foreign = request("GET /api/v1/metrics/1 HTTP/1.1", "Host: evil.example")
    wrong = get("/api/v1/metrics/1", "Authorization: Bearer nothing")
    async with served(still.app) as (port, _):
        close = get("/healthz", "Connection: close")
        answer = await exchanged(port, foreign, wrong, close)
        again = await exchanged(port, foreign, wrong, close)
    assert statuses(answer) == statuses(again) == [b"421", b"401", b"200"]
    assert json.loads(re.findall(rb"\r\n\r\n({.*?})HTTP", again, re.DOTALL)[0])["status"] == 421
