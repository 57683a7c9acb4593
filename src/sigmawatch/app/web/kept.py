"""Answers that are kept, as they were given, while what they follow from stands.

A handler says what its answer follows from (`Site.same_for_all`): from what is shown and stored
now, and, where it tells ages, from this second. Whoever asks the same meanwhile gets the same
bytes, and no handler is asked; the first asker's answer is made by one as ever, and who asks the
same while it is made waits for it, where such an answer was kept before: else whatever is asked
most would be made many times over as each slot closes, and with each second. Whether they may ask,
and what it costs them, is looked at as before a handler. What is large is compressed for who takes
that, once. The one age of a small answer is written anew with each second.
"""

from __future__ import annotations

import asyncio
import gzip
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec
from litestar.enums import ScopeType
from litestar.handlers import BaseRouteHandler
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from litestar.types.asgi_types import HTTPScope

from sigmawatch.app.web.compressed import accepts_gzip
from sigmawatch.app.web.door.guard import Guard
from sigmawatch.app.web.problems import ProblemError

KEPT_BYTES_MAX = 48_000_000
ANSWER_BYTES_MAX = 4_000_000
PACKED_BYTES_MIN = 4_000  # a few packets are sent as they are
_OVERHEAD_BYTES = 2_000  # of an answer beside its body, roughly
_OVER_MAX = 10_000
_LEVEL = 1  # three times as fast as the usual one, for a sixth more bytes
_GZIP, _VARY = (b"content-encoding", b"gzip"), (b"vary", b"accept-encoding")
_DECIDE = ("accept", "accept-encoding", "if-none-match")  # beside the address
_KEPT = "kept"
_AGE = b'"age_s":'

Key = tuple[str | bytes, ...]
Stamp = tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Age:
    """Where in a body the seconds since `since_ms` are."""

    since_ms: int
    begin: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """stamp: what it follows from. second: of the clock, where it tells ages; age: the only one."""

    stamp: Stamp
    second: int | None
    age: Age | None = None
    handler: BaseRouteHandler
    template: str
    start: Any
    body: bytes
    heads: dict[object, bytes | None] = field(default_factory=dict)  # as they left (`at_once`)

    def at(self, second: int) -> Answer | None:
        """As it is told in that second; None where a handler must be asked."""
        if self.second is None or self.second == second:
            return self
        if self.age is None:
            return None
        told = age_told(second * 1_000 - self.age.since_ms)
        body = self.body[: self.age.begin] + told + self.body[self.age.end :]
        age = replace(self.age, end=self.age.begin + len(told))
        start, heads = self.start, self.heads
        if len(body) != len(self.body):
            start, heads = _sized(start, body), {}
        return replace(self, second=second, age=age, body=body, start=start, heads=heads)


def age_told(age_ms: int) -> bytes:
    """As a row tells it: seconds, never below 0."""
    return msgspec.json.encode(max(age_ms, 0) / 1_000.0)


@dataclass(slots=True, kw_only=True)
class Ground:
    """What the answer to a request follows from. since_ms: of its only age."""

    stamp: Stamp
    second: int | None
    since_ms: int | None = None


def keep(scope: Any, stamp: Stamp, *, second: int | None = None) -> None:
    """Say what the answer to this request follows from; before anything of it is read."""
    scope["state"][_KEPT] = Ground(stamp=stamp, second=second)


def keep_age(scope: Any, since_ms: int) -> None:
    """Say that the answer tells one age, since that moment."""
    ground: Ground | None = scope["state"].get(_KEPT)
    if ground is not None:
        ground.since_ms = since_ms


def key_of(scope: HTTPScope, headers: Mapping[str, str]) -> Key:
    """The words of a GET, as far as an answer follows from them."""
    return scope["path"], scope["query_string"], *[headers.get(name, "") for name in _DECIDE]


class Kept:
    """Wraps the application behind the gate. now: what answers follow from at the moment, and the
    second of the clock."""

    def __init__(
        self, app: ASGIApp, *, guard: Guard, now: Callable[[], tuple[Stamp, int]]
    ) -> None:  # fmt: skip
        self._app, self._guard, self._now = app, guard, now
        self._answers: OrderedDict[Key, Answer] = OrderedDict()
        self._over: set[Key] = set()  # what was kept a while ago, and is to be made anew
        self._making: dict[Key, asyncio.Event] = {}
        self._bytes = 0
        self._stamp: Stamp = ()

    @property
    def size_bytes(self) -> int:
        return self._bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP or scope["method"] != "GET":
            await self._app(scope, receive, send)
            return
        headers = scope["state"]["headers"]
        key = key_of(scope, headers)
        answer = self.find(key)
        if answer is None and (making := self._making.get(key)) is not None:
            await making.wait()
            answer = self.find(key)
        if answer is None or not self.may_have(scope, answer):
            leaving = _Leaving(scope, send, packs=accepts_gzip(headers.get("accept-encoding", "")))
            with self._made(key):
                await self._app(scope, receive, leaving.take)
                if leaving.answer is not None:
                    self._put(key, leaving.answer)
            return
        start: Any = {**answer.start}  # others add to it
        await send(start)
        await send({"type": "http.response.body", "body": answer.body, "more_body": False})

    @contextmanager
    def _made(self, key: Key) -> Iterator[None]:
        """While a handler makes an answer: who asks the same may wait for it, once."""
        if key not in self._over:
            yield
            return
        self._over.discard(key)
        made = self._making[key] = asyncio.Event()
        try:
            yield
        finally:
            del self._making[key]
            made.set()

    def may_have(self, scope: HTTPScope, answer: Answer) -> bool:
        """Whether its handler would be asked. Where not, it is said by whoever says it else."""
        try:
            self._guard.admit(scope, answer.handler)
        except ProblemError:
            return False
        scope["path_template"] = answer.template
        return True

    def find(self, key: Key) -> Answer | None:
        """As it is told now; None where a handler must be asked."""
        stamp, second = self._now()
        if stamp != self._stamp:
            self._over = set(self._answers)
            self._answers.clear()
            self._bytes, self._stamp = 0, stamp
        answer = self._answers.get(key)
        if answer is None:
            return None
        told = answer.at(second)
        if told is None:
            self._drop(key)
            if len(self._over) < _OVER_MAX:
                self._over.add(key)
            return None
        if told is not answer:
            self._answers[key] = told
        self._answers.move_to_end(key)
        return told

    def _put(self, key: Key, answer: Answer) -> None:
        if answer.stamp != self._stamp or len(answer.body) > ANSWER_BYTES_MAX:
            return
        self._drop(key)
        self._answers[key] = answer
        self._bytes += len(answer.body) + _OVERHEAD_BYTES
        while self._bytes > KEPT_BYTES_MAX:
            self._drop(next(iter(self._answers)))

    def _drop(self, key: Key) -> None:
        answer = self._answers.pop(key, None)
        if answer is not None:
            self._bytes -= len(answer.body) + _OVERHEAD_BYTES


class _Leaving:
    """An answer on its way out. answer: as it is to be kept. packs: whether who asks takes gzip."""

    def __init__(self, scope: HTTPScope, send: Send, *, packs: bool) -> None:
        self._scope, self._send, self._packs = scope, send, packs
        self._start: Any = None
        self.answer: Answer | None = None

    async def take(self, message: Message) -> None:
        ground: Ground | None = self._scope["state"].get(_KEPT)
        if ground is None:
            await self._send(message)
        elif message["type"] == "http.response.start":
            self._start = message
        elif self._start is None:
            await self._send(message)
        else:
            start, self._start = self._start, None
            await self._whole(start, message, ground=ground)

    async def _whole(self, start: Any, message: Any, *, ground: Ground) -> None:
        """The start, and a message of the body, which is all of it or is not kept."""
        if not message.get("more_body") and start["status"] in {200, 304}:
            start, body = await self._packed(start, message.get("body", b""))
            self.answer = Answer(
                stamp=ground.stamp, second=ground.second if start["status"] == 200 else None,
                age=_age_in(body, ground), handler=self._scope["route_handler"],
                template=self._scope.get("path_template", ""), start=start, body=body,
            )  # fmt: skip
            message = {"type": "http.response.body", "body": body, "more_body": False}
            start = {**start}
        await self._send(start)
        await self._send(message)

    async def _packed(self, start: Any, body: bytes) -> tuple[Any, bytes]:
        """Smaller where that is asked for. A strong tag becomes a weak one: it is of other bytes
        (RFC 9110, 8.8.3.3), and If-None-Match compares weakly anyway."""
        if any(name == b"content-encoding" for name, _ in start["headers"]):
            return start, body
        start = {**start, "headers": [*start["headers"], _VARY]}
        if start["status"] == 304:
            return _weakened(start, held_by=self._scope["state"]["headers"]), body
        if not self._packs or len(body) < PACKED_BYTES_MIN:
            return start, body
        body = await asyncio.to_thread(gzip.compress, body, _LEVEL, mtime=0)
        start = _weakened(start)
        return _sized({**start, "headers": [*start["headers"], _GZIP]}, body), body


def _weakened(start: Any, *, held_by: Mapping[str, str] | None = None) -> Any:
    """The start of an answer under a weak tag. held_by: headers that led to a
    304, which names the tag as they do."""
    held = None if held_by is None else held_by.get("if-none-match", "").encode()
    headers = []
    for name, text in start["headers"]:
        weak = text if text.startswith(b"W/") else b"W/" + text
        change = name == b"etag" and (held is None or weak in held)
        headers.append((name, weak if change else text))
    return {**start, "headers": headers}


def _sized(start: Any, body: bytes) -> Any:
    """The start of an answer with another body."""
    length = (b"content-length", b"%d" % len(body))
    headers = [length if name == b"content-length" else (name, text)
               for name, text in start["headers"]]  # fmt: skip
    return {**start, "headers": headers}


def _age_in(body: bytes, ground: Ground) -> Age | None:
    """Where it is written, as it can only be once: inside a text its quotes would be escaped."""
    if ground.since_ms is None or ground.second is None:
        return None
    told = age_told(ground.second * 1_000 - ground.since_ms)
    before, found, _ = body.partition(_AGE + told + b",")
    begin = len(before) + len(_AGE)
    return Age(since_ms=ground.since_ms, begin=begin, end=begin + len(told)) if found else None
