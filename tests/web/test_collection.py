"""`/venues`, `/markets`, `/runs`, `/jobs`, `/collect`: what exists, what was done, do it now."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.web.conftest import World, a_world, listed, reading

from sigmawatch.app.web.runs import _cut
from sigmawatch.domain.errors import BadAnswer, BlockedByRegion, Maintenance
from sigmawatch.domain.venue import Run, RunKind


@reading
async def test_every_venue_says_how_it_is(still: World) -> None:
    answer = await still.get("/venues")
    assert [venue["name"] for venue in answer["items"]] == ["BINANCE", "KRAKEN"]
    kraken = await still.get("/venues/kraken")
    assert kraken == answer["items"][1]
    assert (kraken["state"], kraken["tracked_count"], kraken["errors"]) == ("up", 6, {})
    assert kraken["success_at"] == "2026-11-21T08:12:01.000Z"


async def test_a_venue_says_through_when_its_readings_are_on_disk(tmp_path: Path) -> None:
    """RELIABILITY.md 2.0: `durable_through`, observable; it comes back with the database."""
    async with a_world(tmp_path) as world:
        before = await world.get("/venues/kraken")
        assert (before["durable_through"], before["durable_slot"]) == (None, None)
        await world.pass_slots(2)
        world.venues["KRAKEN"].error = Maintenance("back soon")
        await world.pass_slots(1)
        binance, kraken = (await world.get("/venues"))["items"]
    assert kraken["durable_through"] == kraken["success_at"] < binance["durable_through"]
    assert kraken["durable_slot"] < binance["durable_slot"] < binance["durable_through"]
    async with a_world(tmp_path) as world:
        again = (await world.get("/venues"))["items"]
    names = ("durable_through", "durable_slot")
    assert [[venue[n] for n in names] for venue in again] == [
        [venue[n] for n in names] for venue in (binance, kraken)
    ]


async def test_a_venue_in_trouble_says_why_and_alone(world: World) -> None:
    """SEMANTICS.md 4: `blocked_by_region` (451/403, with explanation), `maintenance`."""
    world.venues["BINANCE"].error = BlockedByRegion("451: use another host")
    await world.pass_slots(1)
    binance, kraken = (await world.get("/venues"))["items"]
    assert (binance["state"], binance["detail"]) == ("blocked_by_region", "451: use another host")
    assert binance["errors"] == {"blocked_by_region": 1}
    assert kraken["state"] == "up"


async def test_what_a_venue_told_and_was_refused_is_sampled_once_a_minute(world: World) -> None:
    """RELIABILITY.md P18: "bad message counted and sampled (<= 1/min) into a quarantine view"."""
    answer = await world.get("/venues/kraken/rejected")
    assert answer["items"] == []
    for number in range(3):
        world.venues["KRAKEN"].error = BadAnswer(f"not the expected JSON ({number})\x1b[2J")
        await world.pass_slots(1)
    items = (await world.get("/venues/Kraken/rejected"))["items"]
    assert [one["reason"] for one in items] == [
        f"not the expected JSON ({number})?[2J" for number in (2, 1, 0)
    ]
    assert {(one["about"], one["refused_count"]) for one in items} == {("", 1)}
    assert (await world.get("/venues/binance/rejected"))["items"] == []
    assert (await world.get("/venues/kraken"))["errors"] == {"bad_answer": 3}


async def test_what_was_pushed_and_refused_is_sampled_too(world: World) -> None:
    rows = [{"market": "BTC/USD", "value": 1}, {"market": "BTC/USD", "value": -1},
            {"market": "BTC/USD", "value": 0}]  # fmt: skip
    answer = await world.client.post("/api/v1/samples", json={"samples": rows})
    assert answer.status_code == 200, answer.text
    [one] = (await world.get("/venues/push/rejected"))["items"]
    assert (one["about"], one["refused_count"]) == ("row 1", 2)
    assert one["reason"] == "value: must be above zero"


@reading
async def test_markets_are_found_by_venue_text_and_whether_they_are_tracked(still: World) -> None:
    every = await still.get("/markets")
    assert every["total"] == 16
    eth = await still.get("/markets", q="eth", venue="Kraken")
    assert eth["items"] == [{
        "name": "KRAKEN:ETH/USD", "venue": "KRAKEN", "pair": "ETH/USD", "base": "ETH",
        "quote": "USD", "native": "ETHUSD", "status": "online", "metrics": ["price"],
        "title": None, "paused": False,
    }]  # fmt: skip
    untracked = await still.get("/markets", tracked="false")
    assert {market["pair"] for market in untracked["items"]} == {"NEW/USD", "BTC/EUR"}
    assert (await still.get("/markets", tracked="true"))["total"] == 12


@reading
async def test_market_pages_come_to_every_market_once(still: World) -> None:
    names, cursor = [], None
    while True:
        query = {"limit": 5} | ({"cursor": cursor} if cursor else {})
        page = await still.get("/markets", **query)
        names += [market["name"] for market in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert names == sorted(set(names))
    assert len(names) == 16


@reading
async def test_runs_come_newest_first_and_their_pages_neither_repeat_nor_skip(still: World) -> None:
    whole = (await still.get("/runs", limit=1_000))["items"]
    walked, before = [], None
    while True:
        query = {"limit": 5} | ({"before": before} if before else {})
        page = await still.get("/runs", **query)
        walked += page["items"]
        before = page["next_before"]
        if before is None:
            break
    assert walked == whole
    assert [run["started_at"] for run in whole] == sorted(
        (run["started_at"] for run in whole), reverse=True
    )
    assert {run["venue"] for run in (await still.get("/runs", venue="kraken"))["items"]} == {
        "KRAKEN"
    }


def a_run(started_ms: int) -> Run:
    return Run(venue="KRAKEN", kind=RunKind.POLL, slot=1, started_ms=started_ms,
               finished_ms=started_ms, expected=1, updated=1, failed=0)  # fmt: skip


@pytest.mark.parametrize(
    ("starts", "limit", "page", "next_ms"),
    [
        ([9, 8, 7], 3, [9, 8, 7], None),
        ([9, 8, 7, 6], 3, [9, 8, 7], 7),
        ([9, 8, 8, 8], 3, [9], 9),  # three of one millisecond stay together
        ([8, 8, 8, 8], 3, [8, 8, 8], 8),  # more than a page: the rest is skipped, not repeated
    ],
)
def test_runs_of_one_millisecond_are_not_torn_apart(
    starts: list[int], limit: int, page: list[int], next_ms: int | None
) -> None:
    found, before_ms = _cut([a_run(start) for start in starts], limit)
    assert [run.started_ms for run in found] == page
    assert before_ms == next_ms


async def test_collecting_now_says_what_was_updated_and_what_was_not(world: World) -> None:
    """SEMANTICS.md 5: a partial run is not a success."""
    whole = (await world.client.post("/api/v1/collect")).json()
    assert (whole["success"], whole["expected"], whole["updated"]) == (True, 12, 12)
    world.venues["KRAKEN"].prices.pop("ETHUSD")
    await world.clock.advance_to_ms(world.clock.now_ms() + 30_000)
    answer = await world.client.post("/api/v1/collect", json={"venue": "kraken"})
    part = answer.json()
    assert answer.status_code == 200
    assert (part["success"], part["expected"], part["updated"]) == (False, 6, 5)
    assert list(part["reasons"]) == ["KRAKEN"]
    assert sum(part["reasons"]["KRAKEN"].values()) == 1
    assert [run["outcome"] for run in part["runs"]] == ["partial"]


async def test_shards_share_the_series_among_them(world: World) -> None:
    counts = []
    for shard in ("1/3", "2/3", "3/3"):
        await world.clock.advance_to_ms(world.clock.now_ms() + 1_000)
        answer = await world.client.post("/api/v1/collect", json={"shard": shard})
        assert answer.json()["success"]
        counts.append(answer.json()["expected"])
    assert counts == [4, 4, 4]


async def test_a_collection_that_got_nothing_is_no_success(world: World) -> None:
    for venue in world.venues.values():
        venue.error = Maintenance("back soon")
    answer = (await world.client.post("/api/v1/collect", json={})).json()
    assert (answer["success"], answer["updated"]) == (False, 0)
    assert set(answer["reasons"]) == {"BINANCE", "KRAKEN"}


async def test_back_fill_is_started_by_request_and_watched(world: World) -> None:
    answer = await world.client.post("/api/v1/jobs", json={"kind": "backfill", "venue": "kraken"})
    assert answer.status_code == 202
    assert {job["venue"] for job in answer.json()["items"]} <= {"KRAKEN"}
    jobs = await world.get("/jobs")
    assert {job["kind"] for job in jobs["items"]} <= {"backfill"}


async def test_hostile_names_are_data_in_every_answer(world: World) -> None:
    """SECURITY.md, "Rendering": every exchange-supplied string is hostile."""
    venue = world.venues["KRAKEN"]
    hostile = "<img onerror=alert(1)>"
    venue.listed.append(
        type(listed("A", "KRAKEN"))(venue="KRAKEN", base=hostile.replace(" ", ""), quote="USD",
                                    native=hostile)
    )  # fmt: skip
    await next(
        one for one in world.program.stations.collectors if one.name == "KRAKEN"
    ).refresh_markets()
    answer = await world.client.get("/api/v1/markets", params={"q": "onerror"})
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.json()["items"][0]["native"] == hostile


async def test_every_answer_about_the_demo_market_says_so(tmp_path: Path) -> None:
    """SEMANTICS.md 5, issue: marked DEMO in page and API (`"demo": true`)."""
    async with a_world(tmp_path / "data", demo=True) as world:
        await world.pass_slots(1)
        for path in ("", "/metrics", "/metrics/1", "/metrics/1/records", "/metrics/records?ids=1",
                     "/ranking", "/venues", "/markets", "/runs", "/jobs"):  # fmt: skip
            assert (await world.get(path))["demo"] is True, path
        assert (await world.get("/metrics"))["items"][0]["demo"] is True
        collected = await world.client.post("/api/v1/collect")
        assert collected.json()["demo"] is True
        tracked = await world.client.post("/api/v1/metrics", json={"market": "KRAKEN:NEW/USD"})
        assert tracked.json()["demo"] is True
