"""How much anybody may ask for: budgets, bounds of queries, and the limiter's own memory."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.security.callers import LOOPBACK, Known, calling
from tests.web.conftest import TOKEN, World, reading
from tests.web.test_errors import judged

from sigmawatch.app.web import gate
from sigmawatch.app.web.door.buckets import Buckets, Quota, headers_of
from sigmawatch.app.web.door.patience import Patience
from sigmawatch.app.web.problems import ProblemError
from sigmawatch.domain.caller import Role, Scope

TEN = Quota(name="ten", burst=10, window_s=60)
METRICS = "/api/v1/metrics"


def test_a_bucket_gives_its_burst_and_then_what_comes_back() -> None:
    buckets = Buckets()
    draws = [buckets.draw("a", TEN, now_ms=0) for _ in range(11)]
    assert [draw.remaining_count for draw in draws] == [9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 0]
    assert [draw.wait_ms for draw in draws] == [0.0] * 10 + [6_000.0]
    assert buckets.draw("a", TEN, now_ms=5_999).wait_ms > 0
    assert buckets.draw("a", TEN, now_ms=6_000).wait_ms == 0
    assert buckets.draw("b", TEN, now_ms=0).remaining_count == 9
    assert buckets.draw("a", TEN, now_ms=600_000).remaining_count == 9


@given(
    st.lists(st.integers(0, 20_000), max_size=80), st.integers(1, 30), st.integers(1, 120)
)  # fmt: skip
def test_a_bucket_is_its_slow_definition(gaps_ms: list[int], burst: int, window_s: int) -> None:
    """A token bucket that is refilled step by step, in whole token-milliseconds."""
    quota = Quota(name="q", burst=burst, window_s=window_s)
    buckets, now_ms, full = Buckets(), 0, burst * window_s * 1_000
    level = full
    for gap_ms in gaps_ms:
        now_ms += gap_ms
        level = min(full, level + gap_ms * burst)
        drawn = buckets.draw("a", quota, now_ms=now_ms)
        admitted = level >= window_s * 1_000
        assert (drawn.wait_ms == 0) == admitted
        level -= window_s * 1_000 if admitted else 0
        assert drawn.remaining_count == level // (window_s * 1_000)


def test_an_attacker_with_many_addresses_fills_no_memory() -> None:
    """At most so many buckets, whoever asks; who asked last is remembered."""
    buckets = Buckets(size_max=100)
    for number in range(10_000):
        buckets.draw(f"address {number}", TEN, now_ms=number)
        buckets.draw("loud", TEN, now_ms=number)
    assert len(buckets) == 100
    assert buckets.draw("loud", TEN, now_ms=10_000).wait_ms > 0


def test_the_headers_are_those_of_the_draft() -> None:
    """draft-ietf-httpapi-ratelimit-headers-10, 3 and 4: lists of strings with q, w; r, t."""
    buckets = Buckets()
    day = Quota(name="day", burst=100, window_s=86_400)
    draws = [buckets.draw("a", quota, now_ms=0) for quota in (TEN, day)]
    assert headers_of(draws) == [
        (b"ratelimit-policy", b'"ten";q=10;w=60, "day";q=100;w=86400'),
        (b"ratelimit", b'"ten";r=9;t=6, "day";r=99;t=864'),
    ]
    assert headers_of([]) == []


@reading
async def test_each_class_of_cost_has_a_budget_of_its_own_for_each_key(still: World) -> None:
    """SECURITY.md, Limits: "token buckets per key, per address and per cost class"."""
    known = Known()
    one, other = known.key("aaaa", *Scope), known.key("bbbb", *Scope)
    limits = {"cheap_per_minute": 3, "query_per_minute": 1, "write_per_minute": 2}
    async with calling(still, known, limits=limits) as client:
        assert [(await client.get(METRICS, headers=one)).status_code for _ in range(5)] == (
            [200, 200, 200, 429, 429]
        )
        refused = await client.get(METRICS, headers=one)
        judged(refused, 429, "too-many-requests")
        assert refused.headers["retry-after"] == "20"
        assert refused.headers["ratelimit"] == '"cheap";r=0;t=60'
        assert (await client.get(METRICS, headers=other)).status_code == 200
        history = [await client.get(f"{METRICS}/1/records", headers=one) for _ in range(2)]
        assert [answer.status_code for answer in history] == [200, 429]
        assert history[0].headers["ratelimit-policy"] == '"query";q=1;w=60'
        changes = [await client.delete("/api/v1/rules/no", headers=one) for _ in range(3)]
        assert [answer.status_code for answer in changes] == [404, 404, 429]


@reading
async def test_who_brings_nothing_is_counted_by_address_and_all_together(still: World) -> None:
    """SECURITY.md, Limits: "separate budget for unauthenticated requests"."""
    limits = {"anonymous_per_minute": 5}
    known = Known()
    key = known.key("aaaa", Scope.READ_METRICS)
    async with calling(still, known, limits=limits) as client:
        paths = ["/healthz", "/nothing", "/", "/api/v1/rules", "/docs", "/healthz"]
        statuses = [(await client.get(path)).status_code for path in paths]
        assert statuses == [200, 404, 200, 401, 200, 429]
        assert (await client.get(METRICS, headers=key)).status_code == 200
    async with calling(still, limits={"anonymous_total_per_minute": 2}) as client:
        statuses = [(await client.get("/healthz")).status_code for _ in range(3)]
        assert statuses == [200, 200, 429]


async def test_an_ipv6_network_is_one_address(world: World) -> None:
    known = Known()
    limits = {"anonymous_per_minute": 1}
    async with calling(world, known, address="2001:db8:1:2::1", limits=limits) as client:
        transport: Any = client._transport
        statuses = []
        for address in ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", "2001:db8:1:3::1"):
            transport.client = (address, 1)
            statuses.append((await client.get("/healthz")).status_code)
        assert statuses == [200, 429, 200]
        await world.clock.advance_to_ms(world.clock.now_ms() + 60_000)
        transport.client = ("2001:db8:1:2::77", 1)
        assert (await client.get("/healthz")).status_code == 200


@reading
async def test_this_machine_and_the_command_line_are_not_counted(still: World) -> None:
    tight = {"cheap_per_minute": 1, "anonymous_per_minute": 1}
    near = Known(guarded=False)
    async with calling(still, near, address=LOOPBACK, limits=tight) as client:
        assert {(await client.get(METRICS)).status_code for _ in range(5)} == {200}
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with calling(still, limits=tight) as client:
        assert {(await client.get(METRICS, headers=headers)).status_code for _ in range(5)} == {200}


@reading
async def test_a_session_has_the_budget_of_its_user(still: World) -> None:
    known = Known()
    cookie = known.log_in(Role.READER, user_id=1)
    other = known.log_in(Role.READER, user_id=2)
    async with calling(still, known, limits={"cheap_per_minute": 1}) as client:
        assert (await client.get(METRICS, headers=cookie)).status_code == 200
        assert (await client.get(METRICS, headers=cookie)).status_code == 429
        assert (await client.get(METRICS, headers=other)).status_code == 200


@pytest.mark.parametrize(
    ("path", "statuses"),
    [
        ("/metrics?limit=1000000000", {422}),
        ("/metrics/1/records?from=2016-01-01T00:00:00Z&step=1s", {200, 422}),
        ("/metrics/1/records?from=2016-01-01T00:00:00Z&points=1000000000", {422}),
        ("/metrics/records?ids=" + ",".join(["1"] * 3_000), {422}),
        ("/markets?limit=1000000000", {422}),
        ("/ranking?metric=price&limit=1000000000", {422}),
    ],
)  # fmt: skip
@reading
async def test_s46_what_is_asked_too_much_of_is_refused_or_made_less(
    still: World, path: str, statuses: set[int]
) -> None:
    """S46: "limit=10^9, range of 10 years at 1 s, 10,000 series: 422 or down-sampled; < 5 s; others
    unaffected"."""
    async with asyncio.timeout(60):
        answer = await still.client.get(f"/api/v1{path}")
    assert answer.status_code in statuses, answer.text[:300]
    if answer.status_code == 200:
        assert len(answer.json()["items"]) <= 50_000


async def test_s46_a_query_is_given_up_and_others_are_answered_meanwhile() -> None:
    """SECURITY.md, Limits: "5 s query time-out". An answer that has begun is not cut."""
    handler = SimpleNamespace(opt={"cost": "query"})
    scope: Any = {"type": "http", "state": {}, "route_handler": handler}
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def hangs(*_: Any) -> None:
        await asyncio.Event().wait()

    async def begins(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start"})
        await asyncio.Event().wait()

    receive: Any = None
    with pytest.raises(ProblemError, match=r"not answered within 0\.01 s"):
        await Patience(0.01)(hangs)(scope, receive, send)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await Patience(0.01)(begins)(scope, receive, send)
    assert sent == [{"type": "http.response.start"}]
    handler.opt = {}
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await Patience(0.01)(hangs)(scope, receive, send)


BLOW_UPS = ["a" * 60, "(a+)+$", "*" * 60, "?" * 60, "[a-z]*" * 10, "%" * 60, "_" * 60]


@pytest.mark.parametrize("text", BLOW_UPS)
@reading
async def test_s48_no_filter_is_a_pattern_that_blows_up(still: World, text: str) -> None:
    """S48: "Regular-expression style blow-up in any filter: linear time". SECURITY.md: "No user
    regular expressions"; a filter's stars are found by fnmatch-like steps of bounded number."""
    async with asyncio.timeout(60):
        for query in ({"q": text}, {"watchlist": text[:32]}, {"peers": f"pattern:{text}"}):
            answer = await still.client.get(METRICS, params=query)
            assert answer.status_code in (200, 404, 422), answer.text
        answer = await still.client.post(
            "/api/v1/rules/check",
            json={"name": "hot", "condition": text * 30, "target": [f"*:{'*A' * 30}/*"]},
        )
        assert answer.status_code in (200, 422)


def test_s48_patterns_of_ours_repeat_nothing_that_repeats() -> None:
    """No pattern in the web layer puts a repetition into a repetition of the same."""
    nested = re.compile(r"\([^()]*[+*]\)[+*]")
    for path in Path(gate.__file__).parent.rglob("*.py"):
        for line in path.read_text("utf-8").splitlines():
            if "re.compile(" in line and nested.search(line):
                assert "[^" in line, f"{path.name}: {line.strip()}"
