"""`Client`: the API, one question after the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from types import TracebackType
from typing import Any, Self, TypeVar, Unpack

from sigmawatch.client.calls import Call, Ground, Operation, Reply, Request
from sigmawatch.client.conversation import Cache, Manners, Pause, Retry, resumed
from sigmawatch.client.errors import ClientError, Unreachable
from sigmawatch.client.events import Connect, Event, Listening, Read, Tell, listening
from sigmawatch.client.http_blocking import BlockingHttp
from sigmawatch.client.transport import Transport
from sigmawatch.client.v1.blocking import Operations
from sigmawatch.client.v1.models import TableSnapshot
from sigmawatch.client.v1.operations.stream import SHOW_STREAM, ShowStreamQuery
from sigmawatch.client.watching import Watched, passes

Answer = TypeVar("Answer")


class Client(Operations):
    """Every operation of the API as a method; threads may share one.

    url, key: else SIGMAWATCH_URL and SIGMAWATCH_KEY, else this machine's server without a key.
    retry: how often and how long; cache: answers that are only sent again once they have changed;
    transport: another way than HTTP by the standard library. Every method raises ClientError:
    Problem for what the server refuses, Unreachable, Unreadable.
    """

    def __init__(
        self, url: str | None = None, key: str | None = None, *, retry: Retry | None = None,
        cache: Cache | None = None, transport: Transport | None = None,
    ) -> None:  # fmt: skip
        ground = Ground.of(url, key)
        self._manners = Manners(ground=ground, retry=retry or Retry(), cache=cache)
        self._transport: Transport = transport or BlockingHttp()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._manners.ground.url!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self.close()

    def close(self) -> None:
        """Let go of every connection. The client may be used on; it makes new ones."""
        self._transport.close()

    def ask(
        self, method: str, path: str, *, query: Mapping[str, object] | None = None,
        body: Mapping[str, object] | None = None, headers: Mapping[str, str | None] | None = None,
    ) -> Any:  # fmt: skip
        """The JSON of what this client has no method for, as a newer server may. path: from the
        root, `/api/v1/…`, its names quoted."""
        operation: Operation[Any] = Operation(method=method, path=path, answer=object)
        return self._ask(operation.call(query=query, body=body, headers=headers))

    def stream(self, **query: Unpack[ShowStreamQuery]) -> Iterator[Event]:
        """What changes, as it happens, until you leave. A connection that is lost is made anew by
        itself, and goes on where it was; `Lost` says so in between."""
        return self._listened(listening(SHOW_STREAM.call(query=query), self._manners))

    def watch(self, **query: Unpack[ShowStreamQuery]) -> Iterator[TableSnapshot]:
        """The whole table, now and after every change, until you leave."""
        watched = Watched()
        for event in self.stream(**query):
            changed = watched.take(event)
            if watched.wants:
                changed = self._loaded(watched, query)
            if changed and watched.table is not None:
                yield watched.table

    def _loaded(self, watched: Watched, query: ShowStreamQuery) -> bool:
        try:
            return watched.load(self.show_snapshot(**query))
        except ClientError as exc:
            if passes(exc):
                return False
            raise

    def _ask(self, call: Call[Answer]) -> Answer:
        talk = self._manners.talk(call)
        came: Reply | Unreachable | None = None
        while True:
            try:
                step = resumed(talk, came)
            except StopIteration as done:
                answer: Answer = done.value
                return answer
            came = self._came_of(step)

    def _came_of(self, step: Request | Pause) -> Reply | Unreachable | None:
        try:
            if isinstance(step, Request):
                return self._transport.send(step)
            self._transport.wait(step.wait_s)
        except Unreachable as exc:
            return exc
        return None

    def _listened(self, talk: Listening) -> Iterator[Event]:
        with _Line(self._transport) as line:
            came: Reply | bytes | Unreachable | None = None
            while True:
                step, came = resumed(talk, came), None
                if isinstance(step, Tell):
                    yield step.event
                else:
                    came = line.came_of(step)


class _Line:
    """The one connection of a stream."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._stack = ExitStack()
        self._chunks: Iterator[bytes] = iter(())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self._stack.close()

    def came_of(self, step: Connect | Read | Pause) -> Reply | bytes | Unreachable | None:
        try:
            if isinstance(step, Connect):
                return self._connected(step.request)
            if isinstance(step, Read):
                return next(self._chunks, b"")
            self._stack.close()
            self._transport.wait(step.wait_s)
        except Unreachable as exc:
            return exc
        return None

    def _connected(self, request: Request) -> Reply:
        opened = self._stack.enter_context(self._transport.open(request))
        self._chunks = opened.chunks
        if opened.head.status == 200:
            return opened.head
        return replace(opened.head, body=b"".join(opened.chunks))
