"""`AsyncClient`: the API, awaited."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import AsyncExitStack, aclosing
from dataclasses import replace
from types import TracebackType
from typing import Any, Self, TypeVar, Unpack

from sigmawatch.client.calls import Call, Ground, Operation, Reply, Request
from sigmawatch.client.conversation import Cache, Manners, Pause, Retry, resumed
from sigmawatch.client.errors import ClientError, Unreachable
from sigmawatch.client.events import Connect, Event, Listening, Read, Tell, listening
from sigmawatch.client.transport import AsyncTransport
from sigmawatch.client.v1.awaiting import Operations
from sigmawatch.client.v1.models import TableSnapshot
from sigmawatch.client.v1.operations.stream import SHOW_STREAM, ShowStreamQuery
from sigmawatch.client.watching import Watched, passes

Answer = TypeVar("Answer")


class AsyncClient(Operations):
    """As `Client`, for one event loop; the transport is aiohttp.

    Leave a stream that you do not read to its end with `contextlib.aclosing`, as any asynchronous
    generator.
    """

    def __init__(
        self, url: str | None = None, key: str | None = None, *, retry: Retry | None = None,
        cache: Cache | None = None, transport: AsyncTransport | None = None,
    ) -> None:  # fmt: skip
        ground = Ground.of(url, key)
        self._manners = Manners(ground=ground, retry=retry or Retry(), cache=cache)
        self._transport = transport or _http()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._manners.ground.url!r})"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        await self.close()

    async def close(self) -> None:
        """Let go of every connection. The client may be used on; it makes new ones."""
        await self._transport.close()

    async def ask(
        self, method: str, path: str, *, query: Mapping[str, object] | None = None,
        body: Mapping[str, object] | None = None, headers: Mapping[str, str | None] | None = None,
    ) -> Any:  # fmt: skip
        """The JSON of what this client has no method for, as a newer server may. path: from the
        root, `/api/v1/…`, its names quoted."""
        operation: Operation[Any] = Operation(method=method, path=path, answer=object)
        return await self._ask(operation.call(query=query, body=body, headers=headers))

    def stream(self, **query: Unpack[ShowStreamQuery]) -> AsyncGenerator[Event, None]:
        """What changes, as it happens, until you leave. A connection that is lost is made anew by
        itself, and goes on where it was; `Lost` says so in between."""
        return self._listened(listening(SHOW_STREAM.call(query=query), self._manners))

    async def watch(self, **query: Unpack[ShowStreamQuery]) -> AsyncGenerator[TableSnapshot, None]:
        """The whole table, now and after every change, until you leave."""
        watched = Watched()
        async with aclosing(self.stream(**query)) as events:
            async for event in events:
                changed = watched.take(event)
                if watched.wants:
                    changed = await self._loaded(watched, query)
                if changed and watched.table is not None:
                    yield watched.table

    async def _loaded(self, watched: Watched, query: ShowStreamQuery) -> bool:
        try:
            return watched.load(await self.show_snapshot(**query))
        except ClientError as exc:
            if passes(exc):
                return False
            raise

    async def _ask(self, call: Call[Answer]) -> Answer:
        talk = self._manners.talk(call)
        came: Reply | Unreachable | None = None
        while True:
            try:
                step = resumed(talk, came)
            except StopIteration as done:
                answer: Answer = done.value
                return answer
            came = await self._came_of(step)

    async def _came_of(self, step: Request | Pause) -> Reply | Unreachable | None:
        try:
            if isinstance(step, Request):
                return await self._transport.send(step)
            await self._transport.wait(step.wait_s)
        except Unreachable as exc:
            return exc
        return None

    async def _listened(self, talk: Listening) -> AsyncGenerator[Event, None]:
        async with _Line(self._transport) as line:
            came: Reply | bytes | Unreachable | None = None
            while True:
                step, came = resumed(talk, came), None
                if isinstance(step, Tell):
                    yield step.event
                else:
                    came = await line.came_of(step)


class _Line:
    """The one connection of a stream."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport
        self._stack = AsyncExitStack()
        self._chunks: AsyncIterator[bytes] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        await self._stack.aclose()

    async def came_of(self, step: Connect | Read | Pause) -> Reply | bytes | Unreachable | None:
        try:
            if isinstance(step, Connect):
                return await self._connected(step.request)
            if isinstance(step, Read):
                assert self._chunks is not None
                return await anext(self._chunks, b"")
            await self._stack.aclose()
            await self._transport.wait(step.wait_s)
        except Unreachable as exc:
            return exc
        return None

    async def _connected(self, request: Request) -> Reply:
        opened = await self._stack.enter_async_context(self._transport.open(request))
        self._chunks = opened.chunks
        if opened.head.status == 200:
            return opened.head
        return replace(opened.head, body=b"".join([chunk async for chunk in opened.chunks]))


def _http() -> AsyncTransport:
    """aiohttp takes longer to import than all of the blocking client."""
    from sigmawatch.client.http_async import AsyncHttp  # noqa: PLC0415

    return AsyncHttp()
