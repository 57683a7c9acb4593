"""Answers given without a task: what is said, and to whom, is what the application would say."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from tests.security.callers import Known, configured
from tests.security.wire import request, served
from tests.web.conftest import World, reading

from sigmawatch.app.cli.serving import Stage
from sigmawatch.app.telemetry import families
from sigmawatch.app.web import create_app
from sigmawatch.domain.caller import Role, Scope

RECORDS = "/api/v1/metrics/kraken:eth-usd:price/records"
PATHS = (
    RECORDS, "/api/v1/metrics/1", "/api/v1/metrics/KRAKEN:BTC%2FUSD:price", "/api/v1/metrics",
    "/api/v1/ranking?limit=3",
)  # fmt: skip
FAR = {"X-Forwarded-For": "203.0.113.7"}
OPEN = {"behind_proxy": True, "proxies": ["127.0.0.1"], "mode": "open-read",
        "cors_origins": ["https://other.example"]}  # fmt: skip
_MOMENT = re.compile(rb'(x-request-id: |"request_id":")[0-9a-f]{16}|(;r=)[0-9]+|(;t=)[0-9]+')
_LEFT = re.compile(rb";r=([0-9]+)")


@dataclass(slots=True)
class Door:
    """One connection to a served application. answered: how often it answered at once."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    app: Any
    answered: Counter[bool] = field(default_factory=Counter)

    async def ask(self, path: str, headers: Mapping[str, str] = {}) -> bytes:
        self.write(path, headers)
        return await self.read()

    def write(self, path: str, headers: Mapping[str, str]) -> None:
        lines = [f"{name}: {text}" for name, text in headers.items()]
        self.writer.write(request(f"GET {path} HTTP/1.1", "Host: localhost", *lines))

    async def read(self) -> bytes:
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"content-length: ([0-9]+)", head)
        return head + (await self.reader.readexactly(int(length[1])) if length else b"")


@asynccontextmanager
async def opened(
    world: World, known: Known, *, access: Any = OPEN, **limits: int
) -> AsyncIterator[Door]:
    """A connection to the world's program under these tables."""
    app: Any = create_app(configured(world, access=access, limits=limits), book=known)
    at_once = app.at_once
    async with served(app) as (port, _), asyncio.timeout(60):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        door = Door(reader, writer, app)

        def noting(scope: Any, head: Any) -> bytes | None:
            whole: bytes | None = at_once(scope, head)
            door.answered[whole is not None] += 1
            return whole

        app.at_once = noting
        yield door
        writer.close()


def status(answer: bytes) -> int:
    return int(answer[9:12])


def timeless(answer: bytes) -> bytes:
    return _MOMENT.sub(rb"\1\2\3", answer)


def callers(known: Known) -> Mapping[str, Mapping[str, str]]:
    """Headers by who sends them."""
    key = known.key("reads", Scope.READ_METRICS)
    return {
        "nobody": FAR,
        "a key": {**FAR, **key},
        "who is logged in": {**FAR, **known.log_in(Role.READER)},
        "over TLS": {**FAR, **key, "X-Forwarded-Proto": "https"},
        "another site": {**FAR, **key, "Origin": "https://other.example"},
        "a foreign site": {**FAR, **key, "Origin": "https://evil.example"},
        "a reader of gzip": {**FAR, "Accept-Encoding": "gzip"},
    }


@reading
@pytest.mark.parametrize("who", callers(Known()))
async def test_whoever_asks_again_is_answered_as_before_and_at_once(still: World, who: str) -> None:
    """The first time h11 reads the words, and a handler answers where none did before; the second
    time the words are known. Each draws on the same budgets, once."""
    known = Known()
    headers = callers(known)[who]
    async with opened(still, known) as door:
        for path in PATHS:
            door.answered.clear()
            answers = [await door.ask(path, headers) for _ in range(4)]
            assert {status(answer) for answer in answers} == {200}
            assert len({timeless(answer) for answer in answers}) == 1
            assert len(set(answers)) == 4, "each has an id of its own"
            assert door.answered == {True: 3}
            left = [[int(one) for one in _LEFT.findall(answer)] for answer in answers]
            assert left[0]
            assert left == [[one - number for one in left[0]] for number in range(4)]


@reading
async def test_whoever_may_not_is_refused_though_the_answer_is_kept(still: World) -> None:
    """SECURITY.md S01, S02, S06: what an answer is kept for others is nobody's right to it."""
    known = Known()
    good, narrow = known.key("reads", Scope.READ_METRICS), known.key("n", Scope.READ_ALERTS)
    async with opened(still, known, access={**OPEN, "mode": "users"}) as door:
        for _ in range(3):
            assert status(await door.ask(RECORDS, {**FAR, **good})) == 200
        for headers, refused in (
            ({}, 401), (FAR, 401), ({**FAR, **narrow}, 403),
            ({**FAR, "Authorization": "Bearer nothing"}, 401),
        ):  # fmt: skip
            answers = [await door.ask(RECORDS, headers) for _ in range(3)]
            assert [status(answer) for answer in answers] == [refused] * 3, headers
            assert len({timeless(answer) for answer in answers}) == 1
        assert door.answered == {True: 2, False: 8}


@reading
async def test_a_key_that_is_revoked_gets_nothing_more(still: World) -> None:
    known = Known()
    headers = {**FAR, **known.key("reads", Scope.READ_METRICS)}
    async with opened(still, known) as door:
        assert [status(await door.ask(RECORDS, headers)) for _ in range(3)] == [200] * 3
        assert door.answered[True] == 2
        known.keys.clear()
        assert status(await door.ask(RECORDS, headers)) == 401


@reading
async def test_budgets_end_as_they_do_at_a_handler(still: World) -> None:
    """The narrower one first; who is refused by it has drawn on the other once, not twice."""
    async with opened(still, Known(), cheap_per_minute=3, anonymous_per_minute=8) as door:
        answers = [await door.ask("/api/v1/metrics/1", FAR) for _ in range(10)]
    assert [status(answer) for answer in answers] == [200] * 3 + [429] * 7
    said = [re.search(rb'"detail":"([0-9]+ \w+)', answer) for answer in answers[3:]]
    assert [one and one[1] for one in said] == [b"3 cheap"] * 5 + [b"8 anonymous"] * 2
    assert door.answered[True] == 2


@reading
async def test_what_is_answered_at_once_is_counted(still: World) -> None:
    async with opened(still, Known()) as door:
        counted = still.program.telemetry.counter(
            families.HTTP_REQUESTS, "GET", "/api/v1/metrics/{id}/records", "200"
        )
        before = counted.value
        for _ in range(5):
            await door.ask(RECORDS, FAR)
        assert door.answered[True] == 4
        assert counted.value - before == 5


@reading
async def test_what_fails_on_the_short_way_is_asked_of_the_application(still: World) -> None:
    """Which lets nobody in unasked: whoever the short way had let in is asked again."""
    async with opened(still, Known()) as door:
        assert status(await door.ask(RECORDS)) == 200

        def failing(scope: Any, _head: Any) -> bytes | None:
            scope["state"]["refusal"] = None
            raise RuntimeError("broken")

        door.app.at_once = failing
        wrong = {**FAR, "Authorization": "Bearer sw_of_nobody"}
        assert [status(await door.ask(RECORDS, who)) for who in (FAR, wrong, FAR)] == [
            200,
            401,
            200,
        ]


@reading
async def test_who_does_not_read_gets_every_answer_in_turn(still: World) -> None:
    """Where the line is full the connection waits, as it does for any answer."""
    async with opened(still, Known()) as door:
        first = await door.ask("/api/v1/metrics", FAR)
        count = 6_000_000 // len(first)
        for number in range(count):
            door.write("/api/v1/metrics", FAR | {"X-Number": str(number % 2)})
            await asyncio.sleep(0)  # so that some come alone
        answers = [await door.read() for _ in range(count)]
    assert {timeless(answer) for answer in answers} == {timeless(first)}


@reading
async def test_a_target_that_names_its_host_is_answered_as_a_path(still: World) -> None:
    """RFC 9112, 3.2.2; rarely said, so it goes the long way."""
    async with opened(still, Known()) as door:
        plain = await door.ask(RECORDS, FAR)
        for _ in range(3):
            told = await door.ask(f"http://localhost{RECORDS}", FAR)
            assert timeless(told) == timeless(plain)
        wrong = await door.ask(f"http://evil.example{RECORDS}", FAR)
    assert status(wrong) == 400
    assert door.answered[True] == 0


@reading
async def test_who_was_answered_at_once_waits_no_longer_than_others(still: World) -> None:
    app: Any = create_app(still.program)
    async with served(app) as (port, held), asyncio.timeout(60):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        door = Door(reader, writer, app)
        for _ in range(3):
            await door.ask(RECORDS)
        now_s = asyncio.get_running_loop().time()
        held.look(now_s + 10.0)
        assert held.open_count == 1
        held.look(now_s + 16.0)
        assert await reader.read() == b""
        writer.close()


async def test_the_program_that_is_run_answers_at_once_whatever_it_shows(moving: World) -> None:
    """The demo, or a live market: what stands before both hands it on."""
    stage = Stage(moving.program, token="t" * 43)
    async with served(stage) as (port, _), asyncio.timeout(60):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        door = Door(reader, writer, stage)
        for _ in range(2):
            stage.show(moving.program)
            first, _ = [await door.ask(RECORDS) for _ in range(2)]
            stage._app.asgi_handler = _unasked
            assert timeless(await door.ask(RECORDS)) == timeless(first)
        writer.close()


async def _unasked(_scope: Any, _receive: Any, _send: Any) -> None:
    raise AssertionError("no task is needed for what is kept")
