"""What is said until there is an answer: repeats, waits, what is known already. No I/O.

A conversation is a generator: it gives what is to be done (send a request, wait) and is given what
came of it, so the client that blocks and the one that awaits drive the same one.
"""

from __future__ import annotations

import random
import uuid
from collections import OrderedDict
from collections.abc import Generator
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, TypeVar

from sigmawatch.client.calls import Call, Ground, Reply, Request, keyed
from sigmawatch.client.errors import Problem, Unreachable

Answer = TypeVar("Answer")
Todo = TypeVar("Todo")

_IN_BETWEEN = (502, 504)  # something between us and the server could not reach it
_NO_USE = ("refused", "too-slow")  # asking the same again would end alike


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """Wait."""

    wait_s: float


Step = Request | Pause
Talk = Generator[Step, Reply | None, Answer]


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """How often, and how long, before we give up.

    attempts_max: of one question; 1 asks once and makes no Idempotency-Key. wait_s: before the
    second, doubled each time, unless the answer says Retry-After. wait_s_max: of one wait; who is
    told to wait longer is told so at once.
    """

    attempts_max: int = 4
    wait_s: float = 0.5
    wait_s_max: float = 60.0

    def __post_init__(self) -> None:
        if self.attempts_max < 1 or not 0.0 <= self.wait_s <= self.wait_s_max:
            raise ValueError("retry: at least one attempt, and 0 <= wait_s <= wait_s_max")

    def backoff_s(self, attempt: int) -> float:
        """Before attempt + 1: doubled, and up to half of it less, so that many do not come at
        once (full jitter would ask a server that is starting too soon)."""
        longest_s: float = min(self.wait_s * 2.0 ** min(attempt - 1, 30), self.wait_s_max)
        return longest_s * random.uniform(0.5, 1.0)  # noqa: S311 no secret


@dataclass(slots=True)
class Cache:
    """Answers by their address, asked for again with their entity tag (RFC 9110, 13.1.2): what has
    not changed is not sent again. answers_max: the longest unused goes first. Threads may share
    one, and so may clients that have the same key."""

    answers_max: int = 256
    _kept: OrderedDict[str, Reply] = field(default_factory=OrderedDict, init=False, repr=False)
    _lock: Lock = field(default_factory=Lock, init=False, repr=False)

    def asking(self, request: Request) -> Request:
        kept = self._kept.get(request.url)
        return request if kept is None else request.having(If_None_Match=kept.headers["etag"])

    def told(self, request: Request, reply: Reply) -> Reply:
        """The whole answer."""
        with self._lock:
            if reply.status == 304 and (kept := self._kept.get(request.url)) is not None:
                reply = kept
            if reply.status == 200 and "etag" in reply.headers:
                self._kept[request.url] = reply
                self._kept.move_to_end(request.url)
            while len(self._kept) > self.answers_max:
                self._kept.popitem(last=False)
        return reply


@dataclass(frozen=True, slots=True, kw_only=True)
class Manners:
    """How a client asks."""

    ground: Ground
    retry: Retry
    cache: Cache | None = None

    def talk(self, call: Call[Answer]) -> Talk[Answer]:
        """All of one question, and its answer. Raises ClientError."""
        key = str(uuid.uuid4()) if self.retry.attempts_max > 1 else ""
        request = keyed(call.request(self.ground), key)
        if self.cache is None or request.method != "GET":
            return call.read((yield from self._asked(request)))
        reply = yield from self._asked(self.cache.asking(request))
        return call.read(self.cache.told(request, reply))

    def _asked(self, request: Request) -> Talk[Reply]:
        attempt = 1
        while True:
            try:
                reply = yield request
            except Unreachable as exc:
                if attempt >= self.retry.attempts_max or (exc.sent and not request.repeatable):
                    raise
                wait_s = self.retry.backoff_s(attempt)
            else:
                assert reply is not None
                told_s = waits_s(request, reply, retry=self.retry, attempt=attempt)
                if told_s is None:
                    return reply
                wait_s = told_s
            yield Pause(wait_s=wait_s)
            attempt += 1


def waits_s(request: Request, reply: Reply, *, retry: Retry, attempt: int) -> float | None:
    """How long to wait before the same is asked again; None where it is not."""
    if reply.status < 400 or attempt >= retry.attempts_max:
        return None
    problem = Problem(reply.status, reply.body, headers=reply.headers)
    under_way = reply.status == 409 and problem.retry_after_s is not None  # we ask a second time
    between = reply.status in _IN_BETWEEN and request.repeatable
    if not (under_way or between or reply.status in {429, 503}) or problem.slug in _NO_USE:
        return None
    wait_s = retry.backoff_s(attempt)
    if problem.retry_after_s is not None:
        wait_s = problem.retry_after_s
    return wait_s if wait_s <= retry.wait_s_max else None


def resumed(talk: Generator[Todo, Any, Any], came: object) -> Todo:
    """The next step, after what came of the one before. Raises StopIteration with the answer."""
    return talk.throw(came) if isinstance(came, Unreachable) else talk.send(came)
