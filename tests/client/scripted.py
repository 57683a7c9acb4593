"""A server in a few lines: what it answers, one after the other, and what it was asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec

from sigmawatch.client import AsyncClient, Client
from sigmawatch.client.calls import Reply, Request
from sigmawatch.client.transport import Opened, OpenedAsync

Answer = Reply | Exception
URL = "http://sigma.test"


def told(content: object, status: int = 200, **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status=status, headers=named, body=msgspec.json.encode(content))


def refused(status: int, slug: str = "unavailable", **headers: str) -> Reply:
    document = {"type": f"/problems/{slug}", "title": "T", "status": status, "detail": "why"}
    return told(document, status, **headers)


@dataclass
class Script:
    """Both transports. chunks: of each stream that is opened."""

    answers: list[Answer]
    asked: list[Request] = field(default_factory=list)
    waited_s: list[float] = field(default_factory=list)
    chunks: list[list[bytes | Exception]] = field(default_factory=list)

    def send(self, request: Request) -> Reply:
        self.asked.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    @contextmanager
    def open(self, request: Request) -> Iterator[Opened]:
        head = self.send(request)
        yield Opened(head=head, chunks=self._chunks(head))

    def _chunks(self, head: Reply) -> Iterator[bytes]:
        for chunk in self.chunks.pop(0) if head.status == 200 else [head.body]:
            if isinstance(chunk, Exception):
                raise chunk
            yield chunk

    def wait(self, wait_s: float) -> None:
        self.waited_s.append(wait_s)

    def close(self) -> None:
        pass


@dataclass
class AsyncScript:
    """The same, awaited."""

    script: Script

    async def send(self, request: Request) -> Reply:
        return self.script.send(request)

    @asynccontextmanager
    async def open(self, request: Request) -> AsyncIterator[OpenedAsync]:
        with self.script.open(request) as opened:
            yield OpenedAsync(head=opened.head, chunks=_awaited(opened.chunks))

    async def wait(self, wait_s: float) -> None:
        self.script.wait(wait_s)

    async def close(self) -> None:
        pass


async def _awaited(chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


Ask = Callable[..., Any]


def blocking(script: Script, name: str, /, *given: Any, **more: Any) -> Any:
    """What the blocking client comes to. client: how it is made; keep: gets what is told, one by
    one, where what is told ends in an error."""
    client = Client(URL, "", transport=script, **more.pop("client", {}))
    kept = more.pop("keep", [])
    found = getattr(client, name)(*given, **more)
    if not isinstance(found, Iterator):
        return found
    for one in found:
        kept.append(one)
    return kept


def awaiting(script: Script, name: str, /, *given: Any, **more: Any) -> Any:
    """What the other one comes to."""
    client = AsyncClient(URL, "", transport=AsyncScript(script), **more.pop("client", {}))
    kept = more.pop("keep", [])

    async def found() -> Any:
        result = getattr(client, name)(*given, **more)
        if isinstance(result, Awaitable):
            return await result
        async for one in result:
            kept.append(one)
        return kept

    return asyncio.run(found())


BOTH = (blocking, awaiting)
