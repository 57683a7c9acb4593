"""Both ways of speaking HTTP, over real sockets, to a server that does what it should not."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import pytest

from sigmawatch.client import (
    AsyncClient,
    BlockingHttp,
    Cache,
    Client,
    Retry,
    Unreachable,
    Unreadable,
)
from sigmawatch.client.http_async import AsyncHttp

OK = b'HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{"status":"ok"}'
ONCE = Retry(attempts_max=1)
Served = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def a_server(*answers: bytes | None) -> AsyncIterator[tuple[str, list[bytes]]]:
    """Its address, and the heads that came. Gives one answer a request, over as many connections as
    come; None: it closes without one."""
    heads: list[bytes] = []
    turn = count()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                heads.append(await reader.readuntil(b"\r\n\r\n"))
                answer = answers[next(turn)]
                if answer is None:
                    return
                writer.write(answer)
                await writer.drain()
                if b"Content-Length" not in answer or answer.endswith(b"cut"):
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", heads
    finally:
        server.close()


async def blocking(url: str, *names: str, retry: Retry = ONCE) -> list[Any]:
    def asked() -> list[Any]:
        with Client(url, "", retry=retry, transport=BlockingHttp(timeout_s=60)) as client:
            return [getattr(client, name)() for name in names]

    return await asyncio.to_thread(asked)


async def awaiting(url: str, *names: str, retry: Retry = ONCE) -> list[Any]:
    async with AsyncClient(url, "", retry=retry, transport=AsyncHttp(timeout_s=60)) as client:
        return [await getattr(client, name)() for name in names]


both = pytest.mark.parametrize("ask", [blocking, awaiting])


@both
async def test_one_connection_serves_question_after_question(ask: Any) -> None:
    async with a_server(OK, OK, OK) as (url, heads):
        await ask(url, *["show_health"] * 3)
    assert len(heads) == 3
    assert heads[0].startswith(b"GET /healthz HTTP/1.1\r\n")
    assert b"gzip" in heads[0]


@both
async def test_what_comes_compressed_is_read(ask: Any) -> None:
    body = gzip.compress(b'{"status":"ok"}')
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(body)}\r\n\r\n"
    async with a_server(head.encode() + body) as (url, _):
        assert (await ask(url, "show_health"))[0].status == "ok"


@both
@pytest.mark.parametrize(
    "answer",
    [
        None,
        b"HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{cut",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{cut",
        b"SSH-2.0-OpenSSH_9.6\r\n",
    ],
    ids=["nothing", "too short", "half a chunk", "no HTTP"],
)
async def test_an_answer_that_breaks_off_is_unreachable(ask: Any, answer: bytes | None) -> None:
    async with a_server(answer) as (url, _):
        with pytest.raises(Unreachable) as caught:
            await ask(url, "show_health")
    assert caught.value.sent


@both
async def test_an_answer_that_broke_off_is_asked_for_again(ask: Any) -> None:
    cut = b"HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{cut"
    async with a_server(OK, cut, OK) as (url, heads):
        retry = Retry(wait_s=0.0)
        assert len(await ask(url, "show_health", "show_health", retry=retry)) == 2
    assert len(heads) == 3


@both
async def test_where_nobody_listens_nothing_was_sent(ask: Any) -> None:
    async with a_server() as (url, _):
        pass
    with pytest.raises(Unreachable, match=r"127\.0\.0\.1") as caught:
        await ask(url, "show_health")
    assert not caught.value.sent


@both
async def test_a_redirect_is_not_followed(ask: Any) -> None:
    answer = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"
    async with a_server(answer) as (url, heads):
        with pytest.raises(Exception, match="302"):
            await ask(url, "show_health")
    assert len(heads) == 1


@both
async def test_some_other_servers_page_is_told_as_what_it_is(ask: Any) -> None:
    page = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>"
    async with a_server(page) as (url, _):
        with pytest.raises(Unreadable, match="GET /healthz"):
            await ask(url, "show_health")


async def test_a_change_goes_over_a_connection_of_its_own() -> None:
    def asked(url: str) -> None:
        with Client(url, "", retry=ONCE) as client:
            client.show_health()
            client.untrack(1)

    gone = b"HTTP/1.1 204 No Content\r\n\r\n"
    async with a_server(OK, gone) as (url, heads):
        await asyncio.to_thread(asked, url)
    assert [head.split()[0] for head in heads] == [b"GET", b"DELETE"]


async def test_threads_share_a_client() -> None:
    """Every thread has its own connection while it asks; none is left open."""

    def ask_often() -> int:
        return sum(client.show_health().status == "ok" for _ in range(20))

    tagged = OK.replace(b"\r\n\r\n", b'\r\nETag: "1"\r\n\r\n')
    async with a_server(*[tagged] * 80) as (url, heads):
        client = Client(url, "", retry=ONCE, cache=Cache(answers_max=1))
        done = await asyncio.gather(*(asyncio.to_thread(ask_often) for _ in range(4)))
        client.close()
    assert (done, len(heads)) == ([20] * 4, 80)
