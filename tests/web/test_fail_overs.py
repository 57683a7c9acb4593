"""Fail-over by the API: what is asked for, told, ordered, and refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.web.conftest import World, a_world, reading
from tests.web.listening import applied, listening, snapshot

from sigmawatch.domain.errors import Unavailable

BODY = {"market": "kraken:btc-usd", "metrics": ["price"], "backups": ["binance:btc-usd"]}
VIEW, CHOICE = "/api/v1/metrics/derived:btc-usd:price", "/api/v1/metrics/derived:btc-usd:source"
KRAKEN, BINANCE = "KRAKEN:BTC/USD", "BINANCE:BTC/USD"


async def stitched(world: World) -> dict[str, Any]:
    answer = await world.client.post("/api/v1/metrics", json=BODY)
    assert answer.status_code == 201, answer.text
    (made,) = answer.json()["items"]
    return dict(made)


async def out(world: World, slots: int) -> None:
    """Kraken is gone for so many slots."""
    world.venues["KRAKEN"].error = Unavailable("out of order")
    await world.pass_slots(slots)
    world.venues["KRAKEN"].error = None


async def only(world: World) -> dict[str, Any]:
    (item,) = (await world.get("/fail-overs"))["items"]
    return dict(item)


async def test_a_market_with_backups_is_tracked_and_shown_from_its_own_venue(world: World) -> None:
    made = await stitched(world)
    assert (made["name"], made["created"]) == ("DERIVED:BTC/USD:price", True)
    assert made["formula"] == "failover(KRAKEN:BTC/USD, BINANCE:BTC/USD)"
    assert (await world.client.post("/api/v1/metrics", json=BODY)).status_code == 200
    await world.pass_slots(3)
    shown = (await world.client.get(VIEW)).json()
    assert (shown["source"], shown["seam"], shown["unit"]) == (KRAKEN, False, "quote_per_base")
    assert shown["value"] == (await world.get("/metrics/kraken:btc-usd:price"))["value"]
    assert (await world.get("/metrics/kraken:btc-usd:price"))["source"] is None
    one = await only(world)
    assert (one["source"], one["why"], one["metrics"]) == (KRAKEN, "first", ["price"])
    assert one["markets"] == [KRAKEN, BINANCE]


async def test_after_two_silent_slots_the_backup_is_told_on_every_record(world: World) -> None:
    await stitched(world)
    world.venues["BINANCE"].prices["BTCUSD"] *= 5
    await world.pass_slots(3)
    await out(world, 4)
    shown = (await world.client.get(VIEW)).json()
    assert (shown["source"], shown["seam"], shown["change_pct"]) == (BINANCE, True, None)
    by_change = (await world.client.get(VIEW, params={"by": "change_pct"})).json()
    assert by_change["rank_reason"] == "seam"
    one = await only(world)
    assert (one["source"], one["why"]) == (BINANCE, "not_read")
    items = (await world.get("/metrics/derived:btc-usd:price/records"))["items"][-7:]
    assert [item["source"] for item in items] == [KRAKEN] * 4 + [BINANCE] * 3
    assert ["seam" in item.get("marks", ()) for item in items] == [False] * 4 + [True] + [False] * 2
    assert one["since"] == items[4]["time"]
    by_step = (await world.get("/metrics/derived:btc-usd:price/records", step="1h"))["items"]
    assert (by_step[-1]["source"], "seam" in by_step[-1]["marks"]) == (BINANCE, True)


async def test_the_stream_tells_as_it_changes_which_venue_is_shown(world: World) -> None:
    await stitched(world)
    await world.pass_slots(2)
    hub = world.program.streaming
    heard, begun = await listening(hub), await snapshot(hub)
    assert (await heard.until("hello"))["epoch"] == begun["epoch"]
    columns = begun["columns"]
    row = columns["venue"].index("DERIVED")
    assert columns["source"][row] == KRAKEN
    assert {columns["source"][at] for at in range(len(columns["id"])) if at != row} == {None}
    world.venues["KRAKEN"].error = Unavailable("out of order")
    changes = []
    for _ in range(4):
        await world.pass_slots(1)
        delta = await heard.until("delta")
        changes += delta["columns"].get("source", ([], []))[1]
        applied(columns, delta)
        assert (await snapshot(hub))["columns"] == columns, "deltas and snapshot agree"
    assert changes == [BINANCE]
    assert columns["source"][row] == BINANCE
    assert (await world.client.get(VIEW)).json()["source"] == BINANCE


@pytest.mark.parametrize("kind", ["csv", "ndjson"])
async def test_tables_have_a_column_of_it_where_there_is_any(world: World, kind: str) -> None:
    await stitched(world)
    await world.pass_slots(2)
    told = await world.client.get(f"{VIEW}/records", params={"format": kind})
    assert "source" in told.text.splitlines()[0]
    assert KRAKEN in told.text.splitlines()[-1]
    plain = "/api/v1/metrics/kraken:btc-usd:price/records"
    other = await world.client.get(plain, params={"format": kind})
    assert "source" not in other.text


async def test_the_picture_has_a_line_where_another_venue_begins(world: World) -> None:
    await stitched(world)
    await world.pass_slots(3)
    before = (await world.client.get(f"{VIEW}/chart.svg")).text
    await out(world, 4)
    after = (await world.client.get(f"{VIEW}/chart.svg")).text
    assert ">BINANCE<" not in before
    assert after.count(">BINANCE<") == 1
    assert after.count("stroke-dasharray") == before.count("stroke-dasharray") + 1


async def test_long_statistics_say_that_a_seam_lies_in_them(world: World) -> None:
    await stitched(world)
    await world.pass_slots(3)
    path = "/metrics/derived:btc-usd:price/statistics"
    assert not (await world.get(path))["seam"]
    await out(world, 4)
    told = await world.get(path)
    assert (told["seam"], told["change_pct"]) == (True, None)


# By hand


async def venue(world: World) -> tuple[int, int]:
    found = await world.get("/venues/kraken")
    return found["fail_overs_count"], found["kept_away_count"]


async def test_a_venue_is_kept_away_from_and_let_back_with_an_entry_each(world: World) -> None:
    await stitched(world)
    await world.pass_slots(12)
    path = "/api/v1/venues/kraken/fail-over"
    answer = await world.client.post(path)
    assert (answer.status_code, answer.json()) == (
        200, {"venue": "KRAKEN", "away": True, "changed_count": 1, "total_count": 1},
    )  # fmt: skip
    assert (await world.client.post(path)).json()["changed_count"] == 0
    assert await venue(world) == (1, 1)
    await world.pass_slots(12)
    one = await only(world)
    assert (one["source"], one["why"]) == (BINANCE, "asked")
    assert (await world.client.delete(path)).json()["changed_count"] == 1
    await world.pass_slots(1)
    assert ((await only(world))["source"], await venue(world)) == (KRAKEN, (1, 0))
    log = (await world.get("/audit"))["items"]
    told = [(one["what"], one["about"]) for one in log if one["what"].startswith("venue.")]
    assert sorted(told) == [("venue.back", "KRAKEN"), ("venue.fail_over", "KRAKEN")]


async def test_an_order_outlives_the_program(tmp_path: Path) -> None:
    async with a_world(tmp_path / "data") as world:
        await stitched(world)
        await world.pass_slots(3)
        await world.client.post("/api/v1/venues/kraken/fail-over")
        slot = world.slot
    async with a_world(tmp_path / "data", start_ms=slot * 60_000) as world:
        await world.program.recover()
        await world.pass_slots(2)
        one = await only(world)
    assert (one["source"], one["why"]) == (BINANCE, "asked")


# What is refused, and what goes with what


@reading
@pytest.mark.parametrize(
    ("body", "field", "hint"),
    [
        ({"market": "KRAKEN:BTC/USD", "backups": ["KRAKEN:BTC/USD"]}, "backups", None),
        ({"market": "KRAKEN:BTC/USD", "backups": ["BINANCE:ETH/USD"]}, "backups", None),
        ({"market": "KRAKEN:BTC/USD", "backups": ["BTC/USD"]}, "backups", "VENUE:BASE/QUOTE"),
        ({"market": "KRAKEN:BTC/USD", "backups": []}, "backups", None),
        ({"market": "KRAKEN:BTC/USD", "backups": ["MOON:BTC/USD"]}, "venue", "KRAKEN"),
        ({"market": "KRAKEN:BTC/USD", "backups": ["BINANCE:BTC/USD"], "metrics": ["traded_quote"]},
         "backups", None),
        ({"name": "A/B", "formula": "KRAKEN:BTC/USD", "backups": ["BINANCE:BTC/USD"]},
         "backups", "formula"),
    ],
)  # fmt: skip
async def test_what_cannot_stand_for_it_is_refused(
    still: World, body: dict[str, Any], field: str, hint: str | None
) -> None:
    tracked = len(still.program.catalogue.series)
    answer = await still.client.post("/api/v1/metrics", json=body)
    assert answer.status_code in (404, 422), answer.text
    (problem,) = answer.json()["errors"]
    assert problem["field"].partition("[")[0] == field
    assert hint is None or hint in problem["allowed"]
    assert len(still.program.catalogue.series) == tracked


async def test_a_formula_reads_a_venue_and_not_what_stands_for_several(world: World) -> None:
    await stitched(world)
    body = {"name": "X/USD", "formula": "2 * DERIVED:BTC/USD:price"}
    answer = await world.client.post("/api/v1/metrics", json=body)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "formula")


async def test_what_is_needed_stays_and_what_nobody_needs_goes(world: World) -> None:
    made = await stitched(world)
    for needed in ("/api/v1/metrics/binance:btc-usd:price", CHOICE):
        refused = await world.client.delete(needed)
        assert (refused.status_code, refused.json()["type"]) == (409, "/problems/conflict")
    assert (await world.client.delete(made["href"])).status_code == 204
    assert (await world.client.get(CHOICE)).status_code == 404
    assert (await world.client.delete("/api/v1/metrics/binance:btc-usd:price")).status_code == 204


async def test_all_metrics_of_a_name_go_together(world: World) -> None:
    await stitched(world)
    again = BODY | {"metrics": ["price", "bid"]}
    assert (await world.client.post("/api/v1/metrics", json=again)).status_code == 201
    assert (await only(world))["metrics"] == ["bid", "price"]
    other = {"market": BINANCE, "metrics": ["volume_24h_base"], "backups": [KRAKEN]}
    refused = await world.client.post("/api/v1/metrics", json=other)
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "backups")


async def test_a_file_defines_fail_overs_that_wait_for_their_markets(tmp_path: Path) -> None:
    entry = {"market": KRAKEN, "backups": [BINANCE]}
    source = tmp_path / "sigmawatch.toml"
    async with a_world(tmp_path / "data", source=source, failover=[entry],
                       failover_after_slots=1) as world:  # fmt: skip
        await world.pass_slots(3)
        one = await only(world)
        assert (one["name"], one["source"]) == ("DERIVED:BTC/USD", KRAKEN)
        await out(world, 1)
        assert (await only(world))["source"] == BINANCE
        assert (await world.client.delete(VIEW)).status_code == 409
    async with a_world(tmp_path / "data", source=source) as world:
        await world.pass_slots(1)
        assert (await world.get("/fail-overs"))["items"] == []
