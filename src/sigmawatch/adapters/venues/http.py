"""How every venue is asked: one session, one budget and one circuit, shared by all its callers.

No cookies, no proxy from the environment, no redirects, a limit on every wait and every body. Each
call ends in a parsed value or one domain error; foreign exceptions go no further than this file.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import aiohttp
from yarl import URL

from sigmawatch import __version__
from sigmawatch.adapters.venues.answers import Reply, gist, json_of
from sigmawatch.adapters.venues.budget import Budget
from sigmawatch.adapters.venues.circuit import Circuit, Ticket
from sigmawatch.adapters.venues.settings import VenueFacts, VenueSettings
from sigmawatch.domain.errors import (
    BadAnswer,
    Invalid,
    NotFound,
    SigmawatchError,
    Unavailable,
)
from sigmawatch.domain.reading import quantity
from sigmawatch.ports.clock import Clock

T = TypeVar("T")
R = TypeVar("R")
Explain = Callable[[], Awaitable[SigmawatchError | None]]

_BACKGROUND_MAX = 4  # calls under way at once that are not urgent
_IDLE_S = 30.0
_PAUSE_S, _WORDED_PAUSE_S = 60.0, 15.0  # after a first 429, or a complaint inside a 200
_CHUNK_BYTES = 64 * 1024
_EXPLAIN_S = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One GET.

    cost: in the venue's unit. urgent: it goes before everything that is not. of_market: it is about
    one market, so that what it holds says nothing about the venue. absent: statuses that mean
    "there is no such thing" (NotFound), not a fault. fallback: ask the venue's second address.
    explain: one more question, which may name a failure better; not asked about a ban.
    """

    path: str
    params: Mapping[str, str] = field(default_factory=dict)
    cost: float = 1.0
    urgent: bool = False
    of_market: bool = False
    absent: frozenset[int] = frozenset()
    fallback: bool = False
    explain: Explain | None = None


Fetch = Callable[[Request], Awaitable[Reply]]


class VenueHttp:
    """The way to one venue. Raises domain errors only; `close` ends it for good."""

    def __init__(
        self, facts: VenueFacts, settings: VenueSettings, *, clock: Clock, rng: random.Random,
        fetch: Fetch | None = None,
    ) -> None:  # fmt: skip
        """fetch: another way there than ours, with the same errors."""
        self.facts = facts
        self.limits = facts.limits.scaled(settings.requests_per_minute)
        self._settings = settings
        self._other_way = fetch
        self._clock = clock
        self._budget = Budget(self.limits, clock=clock)
        self._circuit = Circuit(rng)
        self._background = asyncio.Semaphore(_BACKGROUND_MAX)
        self._session: aiohttp.ClientSession | None = None
        self._closed = False
        self._base = (settings.base_url or facts.base_url).rstrip("/")
        # Who sends us elsewhere means all of it: a test or a mirror must never reach the venue.
        fallback = settings.fallback_url or settings.base_url or facts.fallback_url
        self._fallback = fallback.rstrip("/")
        self._counts: Counter[str] = Counter()
        self.tap: Callable[[Request, Reply], None] | None = None  # hears every answer (`record`)

    @property
    def counts(self) -> Mapping[str, int]:
        """`requests` that went out, and failures by the class of their error, since the start."""
        return dict(self._counts)

    async def get(self, request: Request, parse: Callable[[bytes], T]) -> T:
        """What `parse` makes of the answer. While the circuit is open this raises at once and
        nothing is sent."""
        return await self.guarded(request, lambda: self._body(request), parse=parse)

    async def guarded(
        self, request: Request, ask: Callable[[], Awaitable[R]], *, parse: Callable[[R], T]
    ) -> T:
        """The same of whatever `ask` brings, within this budget and this circuit."""
        self._check()
        async with contextlib.nullcontext() if request.urgent else self._background:
            await self._budget.spend(request.cost, urgent=request.urgent, check=self._check)
            ticket = self._circuit.enter(self._clock.monotonic_ms())
            answered = False
            try:
                self._counts["requests"] += 1
                said = await ask()
                answered = True
                answer = parse(said)
            except SigmawatchError as error:
                raise await self._judged(error, ticket, request=request, said=answered) from None
            finally:
                self._circuit.left(ticket)
            self._circuit.answered(ticket)
            return answer

    async def ask(self, request: Request, parse: Callable[[bytes], T]) -> T:
        """Like `get`, past the circuit: the one question that explains a failure."""
        await self._budget.spend(request.cost, urgent=request.urgent, check=self._check_open)
        self._counts["requests"] += 1
        return parse(await self._body(request))

    async def close(self) -> None:
        """Give the connections back. A call under way ends with Unavailable."""
        self._closed = True
        if self._session is not None:
            await self._session.close()

    def _check(self) -> None:
        self._check_open()
        self._circuit.check(self._clock.monotonic_ms())

    def _check_open(self) -> None:
        if self._closed:
            raise Unavailable(f"{self.facts.name}: we are shutting down")

    async def _judged(
        self, error: SigmawatchError, ticket: Ticket, *, request: Request, said: bool
    ) -> SigmawatchError:
        """Count a failure; tell the circuit, where it is the venue's. said: in a sound answer."""
        absent = isinstance(error, NotFound)
        if request.of_market and (absent or (said and type(error) is BadAnswer)):
            self._circuit.answered(ticket)
        elif not absent:  # a call that the venue does not offer proves nothing, good or bad
            error = await _named(error, request.explain)
            first_s = _WORDED_PAUSE_S if said else _PAUSE_S
            now_ms = self._clock.monotonic_ms()
            self._circuit.failed(ticket, error, now_ms=now_ms, first_s=first_s)
        self._counts[type(error).__name__] += 1
        return error

    async def _body(self, request: Request) -> bytes:
        reply = await (self._other_way or self._fetch)(request)
        self._observe(reply)
        if reply.status in request.absent:
            raise NotFound(
                f"{self.facts.name} has no {request.path}: {reply.status} {gist(reply.body)}"
            )
        return json_of(reply, self.facts)

    async def _fetch(self, request: Request) -> Reply:
        base, headers = self._base, self._headers()
        if request.fallback:
            base, headers = self._fallback, {}
        url = URL(base + request.path, encoded=True).with_query(dict(request.params))
        try:
            async with self._opened().get(url, headers=headers, allow_redirects=False) as response:
                body = await self._read(response)
        except TimeoutError:
            raise Unavailable(f"{self.facts.name} did not answer in time") from None
        except (aiohttp.ClientPayloadError, aiohttp.ClientResponseError) as error:
            raise BadAnswer(f"{self.facts.name} sent a torn answer: {_brief(error)}") from None
        except (aiohttp.ClientError, OSError) as error:
            raise Unavailable(f"{self.facts.name} is out of reach: {_brief(error)}") from None
        received = {name.lower(): value for name, value in response.headers.items()}
        reply = Reply(status=response.status, headers=received, body=body,
                      recv_ms=self._clock.now_ms())  # fmt: skip
        if self.tap is not None:
            self.tap(request, reply)
        return reply

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        chunks, left = [], self._settings.body_bytes_max
        async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
            chunks.append(chunk)
            left -= len(chunk)
            if left < 0:
                response.close()
                raise BadAnswer(f"{self.facts.name} sent more than "
                                f"{self._settings.body_bytes_max:,} bytes")  # fmt: skip
        return b"".join(chunks)

    def _opened(self) -> aiohttp.ClientSession:
        assert not self._closed  # nothing waits between the check and here
        if self._session is None:
            wait_s = self._settings.timeout_s
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_IDLE_S),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"User-Agent": f"sigmawatch/{__version__}",
                         "Accept": "application/json", "Accept-Encoding": "gzip"},
                # sock_read: a kept-alive connection that went stale must not hang a poll.
                timeout=aiohttp.ClientTimeout(total=wait_s, connect=wait_s / 2,
                                              sock_connect=wait_s / 2, sock_read=wait_s / 2),
                trust_env=False,
            )  # fmt: skip
        return self._session

    def _headers(self) -> dict[str, str]:
        name = self.facts.key_header
        return {name: self._settings.api_key} if name and self._settings.api_key else {}

    def _observe(self, reply: Reply) -> None:
        used = reply.headers.get(self.facts.used_header or "")
        if used is None:
            return
        try:
            self._budget.observe(quantity(used))
        except Invalid:
            self._counts["unreadable_used_header"] += 1


async def _named(error: SigmawatchError, explain: Explain | None) -> SigmawatchError:
    """The same failure, under the name that the venue's own status gives it."""
    if explain is None or type(error) not in {Unavailable, BadAnswer}:
        return error
    try:
        async with asyncio.timeout(_EXPLAIN_S):
            return await explain() or error
    except (SigmawatchError, TimeoutError):
        return error


def _brief(error: BaseException) -> str:
    return f"{type(error).__name__} {error}".strip()[:160]
