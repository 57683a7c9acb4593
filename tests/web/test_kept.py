"""Answers that are kept: what is got from them is what a handler would say, and nothing else."""

from __future__ import annotations

import asyncio
import gzip
import random
from typing import Any

import httpx
import numpy as np
import pytest
from tests.web.conftest import MINUTE, MOVES, World, reading
from tests.web.test_access import BY_COMMAND, a_client, a_key, a_page, add

from sigmawatch.app.collector import PARTITION
from sigmawatch.app.web import kept
from sigmawatch.app.web.kept import Kept
from sigmawatch.domain.frame import Patch
from sigmawatch.ports.bus import Message

METRIC = "/api/v1/metrics/kraken:eth-usd:price"
HOT = (
    METRIC, f"{METRIC}?by=sigma_ret&window=5m", f"{METRIC}?peers=venue:kraken",
    f"{METRIC}/records", f"{METRIC}/records?from=-6m", f"{METRIC}/records?points=20&agg=ohlc",
    f"{METRIC}/records?format=csv", "/api/v1/metrics/records?ids=1,2", "/api/v1/sparklines?ids=1,2",
    "/api/v1/metrics", "/api/v1/metrics?limit=5&sort=-value", "/api/v1/metrics?peers=quote:USD",
    "/api/v1/ranking", "/api/v1/ranking?by=sigma_abs&limit=3", "/api/v1/metrics/nobody",
    "/api/v1/metrics?shape=classic", "/api/v1/ranking?peers=watchlist:majors",
)  # fmt: skip
ACCEPTS = ("*/*", "text/html", "application/json; indent=2", "text/csv")
CODINGS = ("gzip", "identity")
AHEAD_MS = (0, 0, 0, 1, 999, 1_000, 2_500)
STEPS = 60
_OF_THE_MOMENT = {"x-request-id", "date"}
_fresh = iter(range(10**9))


def answers_of(world: World) -> Kept:
    """The layer under test."""
    handler: Any = world.app.asgi_handler
    while not isinstance(handler, Kept):
        handler = handler._app
    return handler


def told(answer: httpx.Response) -> tuple[int, bytes, dict[str, str]]:
    headers = {n: v for n, v in answer.headers.items() if n not in _OF_THE_MOMENT}
    body = answer.content
    if answer.status_code >= 400:
        body = b""  # it names the request
        headers.pop("content-length")
    return answer.status_code, body, headers


async def asked(world: World, path: str, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return await world.client.get(path, headers=named)


async def asked_anew(world: World, path: str, **headers: str) -> httpx.Response:
    """What a handler says: nobody has asked in these words before."""
    accept = headers.pop("accept", "*/*")
    return await asked(world, path, accept=f"{accept}, x/{next(_fresh)};q=0.1", **headers)


async def patched(world: World, value: float) -> None:
    """Another value of an old slot comes in, without a board of it."""
    series = world.program.catalogue.series[7]
    patch = Patch(
        series_id=series.id, from_slot=world.slot - 3, revision=1_000_000 + next(_fresh),
        recv_ms=world.clock.now_ms(), values=np.array([value], "<f8").tobytes(), marks=b"\0",
    )  # fmt: skip
    message = Message(partition=PARTITION, sequence=1, items=(patch,))
    await world.program.tracker.take([message])


@pytest.mark.parametrize("seed", range(3))
async def test_whatever_was_asked_before_an_answer_is_what_its_handler_says(
    world: World, seed: int
) -> None:
    rng = random.Random(seed)
    await world.client.put("/api/v1/watchlists/majors", json={"items": ["*:BTC/*"]})
    await world.pass_slots(8, MOVES)
    tags: dict[str, str] = {}
    for step in range(STEPS):
        await world.clock.advance_to_ms(world.clock.now_ms() + rng.choice(AHEAD_MS))
        event = rng.randrange(12)
        if event == 0 and world.clock.now_ms() < MINUTE.open_ms(world.slot + 1):
            await world.pass_slots(1, MOVES)
        elif event == 1:
            await patched(world, 60.0 + step)
        path = rng.choice(HOT)
        held = {"if-none-match": tags[path]} if rng.random() < 0.3 and path in tags else {}
        ways = {"accept": rng.choice(ACCEPTS), "accept-encoding": rng.choice(CODINGS), **held}
        sequence = world.program.snapshot.sequence
        now, again = await asked(world, path, **ways), await asked(world, path, **ways)
        anew = await asked_anew(world, path, **ways)
        if world.program.snapshot.sequence != sequence:
            continue  # another board was shown meanwhile
        assert told(now) == told(anew), f"step {step}: {path} {ways}"
        assert told(again) == told(anew), f"step {step}: {path} {ways}, again"
        tags[path] = now.headers.get("etag", '"none"')


@reading
async def test_a_hot_answer_is_made_once_for_all_who_ask(still: World) -> None:
    """DESIGN.md: "hot answers are encoded on first read and cached"."""
    layer, made = answers_of(still), 0
    inner = layer._app

    async def counting(scope: Any, receive: Any, send: Any) -> None:
        nonlocal made
        made += 1
        await inner(scope, receive, send)

    layer._app = counting
    try:
        for path in (METRIC, f"{METRIC}/records", "/api/v1/ranking", "/api/v1/metrics"):
            for _ in range(3):
                answer = await asked(still, path, accept="a/b, */*")
                assert answer.status_code == 200
    finally:
        layer._app = inner
    assert made == 4


async def test_what_was_kept_is_made_anew_once_for_all_who_wait_for_it(moving: World) -> None:
    """With each second, and with each slot; the first time everybody asks a handler, who may say
    that it is theirs alone."""
    layer, made = answers_of(moving), 0
    inner = layer._app

    async def counting(scope: Any, receive: Any, send: Any) -> None:
        nonlocal made
        made += 1
        await inner(scope, receive, send)

    layer._app = counting

    async def many() -> set[bytes]:
        answers = await asyncio.gather(*(asked(moving, "/api/v1/ranking") for _ in range(20)))
        return {answer.content for answer in answers}

    await asked(moving, "/api/v1/ranking")
    for ahead in ("second", "slot"):
        made = 0
        if ahead == "slot":
            await moving.pass_slots(1, MOVES)
        else:
            await moving.clock.advance_to_ms(moving.clock.now_ms() + 1_000)
        assert len(await many()) == 1
        assert made == 1, ahead


async def test_the_one_age_of_a_row_goes_on_while_its_answer_is_kept(moving: World) -> None:
    ages = []
    for ahead_ms in (0, 400, 700, 5_000, 60_000):
        await moving.clock.advance_to_ms(moving.clock.now_ms() + ahead_ms)
        answer = await asked(moving, METRIC)
        changed = (await asked_anew(moving, METRIC)).json()
        assert answer.json() == changed
        ages.append(changed["age_s"])
    assert ages == sorted(ages)
    assert ages[-1] - ages[0] >= 65.0


async def test_what_comes_in_late_is_told_at_once(moving: World) -> None:
    path = f"{METRIC}/records"
    before = (await asked(moving, path)).json()["items"]
    await patched(moving, 12.5)
    after = (await asked(moving, path)).json()["items"]
    assert [row["value"] for row in after if row not in before] == [12.5]


async def test_a_kept_answer_is_for_who_may_ask_and_costs_what_it_costs(world: World) -> None:
    """SECURITY.md S02, S61: a revoked key gets nothing more; every answer draws on a budget."""
    await world.pass_slots(2, MOVES)
    await add(world, "ada", "admin")
    async with a_page(world, "ada") as page:
        key = await a_key(page)
        bearer = {"authorization": f"Bearer {key['key']}"}
        first = await asked(world, METRIC, **bearer)
        second = await asked(world, METRIC, **bearer)
        assert (first.status_code, second.status_code) == (200, 200)
        assert '"cheap";r=5998' in second.headers["ratelimit"]
        narrow = await a_key(page, "read:alerts")
        other = await asked(world, METRIC, authorization=f"Bearer {narrow['key']}")
        assert other.status_code == 403
        assert (await page.delete(f"/keys/{key['about']['id']}")).status_code == 204
        assert (await asked(world, METRIC, **bearer)).status_code == 401
    async with a_client(world) as nobody:
        assert (await nobody.get("/metrics/kraken:eth-usd:price")).status_code == 401
    assert (await asked(world, METRIC, **BY_COMMAND)).status_code == 200


@reading
async def test_large_answers_are_packed_for_who_takes_that_under_a_weak_tag(still: World) -> None:
    """RFC 9110, 8.8.3.3: one strong tag never names two encodings."""
    path = f"{METRIC}/records"
    plain = await asked(still, path, accept_encoding="identity")
    packed = await asked(still, path, accept_encoding="gzip")
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.content == plain.content
    assert packed.headers["etag"] == f"W/{plain.headers['etag']}"
    for one in (plain, packed):
        assert {"accept", "accept-encoding"} <= set(one.headers["vary"].split(", "))
    held = {"accept-encoding": "gzip", "if-none-match": packed.headers["etag"]}
    assert (await asked(still, path, **held)).status_code == 304
    raw: list[bytes] = []
    async with still.client.stream("GET", path, headers={"accept-encoding": "gzip"}) as answer:
        raw += [chunk async for chunk in answer.aiter_raw()]
    assert int(packed.headers["content-length"]) == len(b"".join(raw)) < len(plain.content) / 3
    assert gzip.decompress(b"".join(raw)) == plain.content


async def test_what_is_kept_is_bounded_and_goes_with_its_slot(
    moving: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "KEPT_BYTES_MAX", 300_000)
    layer = answers_of(moving)
    for number in range(1, 13):
        await asked(moving, f"/api/v1/metrics/{number}/records", accept_encoding="identity")
        assert layer.size_bytes <= 300_000
    assert layer.size_bytes > 100_000
    await moving.pass_slots(1, MOVES)
    await asked(moving, "/api/v1/metrics/1")
    assert layer.size_bytes < 10_000


async def test_a_watchlist_that_changed_is_heard_of_at_once(moving: World) -> None:
    path = "/api/v1/ranking?peers=watchlist:mine"
    for items, count in ((["kraken:*"], 6), (["*:BTC/*"], 2)):
        await moving.client.put("/api/v1/watchlists/mine", json={"items": items})
        assert (await asked(moving, path)).json()["total"] == count
