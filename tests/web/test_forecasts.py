"""`/metrics/forecast`: what tracking more would cost, and that asking costs nothing."""

from __future__ import annotations

from typing import Any

import pytest
from tests.web.conftest import World

PATH = "/api/v1/metrics/forecast"


async def forecast(world: World, **body: Any) -> dict[str, Any]:
    answer = await world.client.post(PATH, json=body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_more_of_a_market_costs_memory_and_disk_and_nothing_is_tracked_by_asking(
    world: World,
) -> None:
    await world.pass_slots(1)
    before = (await world.get("/metrics"))["total"]
    told = await forecast(world, market="KRAKEN:NEW/USD", metrics=["price"])
    assert (told["market"], told["interval"], told["new_count"]) == ("KRAKEN:NEW/USD", "1m", 1)
    assert (told["memory_bytes"], told["disk_bytes_per_day"]) == (16 * 1440, 10 * 1440)
    assert told["backfill_s"] >= 0
    assert (await world.get("/metrics"))["total"] == before


async def test_what_is_tracked_already_costs_nothing_more(world: World) -> None:
    await world.pass_slots(1)
    told = await forecast(world, market="KRAKEN:BTC/USD", metrics=["price"])
    assert (told["new_count"], told["memory_bytes"], told["disk_bytes_per_day"]) == (0, 0, 0)
    assert told["budget_pct"] == told["budget_pct_before"]
    assert told["problems"] == []


async def test_shorter_slots_of_a_market_poll_the_venue_more_often(world: World) -> None:
    await world.pass_slots(1)
    told = await forecast(world, market="KRAKEN:BTC/USD", metrics=["price"], every="30s")
    assert told["new_count"] == 1
    assert told["budget_pct"] > told["budget_pct_before"]


async def test_several_markets_have_one_forecast_and_single_metrics_slots_of_their_own(
    world: World,
) -> None:
    await world.pass_slots(1)
    told = await forecast(
        world, markets=["KRAKEN:BTC/USD", "KRAKEN:NEW/USD"], metrics=["price", "volume_24h_quote"],
        every="30s", intervals={"volume_24h_quote": "5m"},
    )  # fmt: skip
    assert (told["venue"], told["markets_count"], told["new_count"]) == ("KRAKEN", 2, 4)
    assert told["interval"] == "30s"
    assert told["requests_per_minute"] > told["requests_per_minute_before"]
    assert told["used_per_minute"] <= told["budget_per_minute"]
    assert told["backfill_requests"] > 0
    assert told["memory_bytes"] == 2 * 16 * (2_880 + 288)


async def test_markets_of_two_venues_are_two_questions(world: World) -> None:
    await world.pass_slots(1)
    answer = await world.client.post(PATH, json={"markets": ["KRAKEN:NEW/USD", "BINANCE:BTC/USD"]})
    assert answer.status_code == 422
    assert "one venue" in answer.text


async def test_a_metric_is_tracked_at_the_slots_that_are_said_of_it(world: World) -> None:
    await world.pass_slots(1)
    answer = await world.client.post("/api/v1/metrics", json={
        "market": "KRAKEN:NEW/USD", "metrics": ["price", "volume_24h_ref"],
        "intervals": {"volume_24h_quote": "5m"},
    })  # fmt: skip
    assert answer.status_code == 201, answer.text
    told = {one["name"].rpartition(":")[2]: one["interval"] for one in answer.json()["items"]}
    assert told == {"price": "1m", "volume_24h_quote": "5m", "volume_24h_ref": "5m"}


@pytest.mark.parametrize(("body", "status"), [
    ({"market": "KRAKEN:BTC/USD", "intervals": {"price": "7s"}}, 422),
    ({"market": "KRAKEN:BTC/USD", "intervals": {"wolume": "1m"}}, 422),
    ({"market": "KRAKEN:BTC/USD", "metrics": ["traded_ref"],
      "intervals": {"traded_ref": "1m", "traded_quote": "5m"}}, 422),
    ({"name": "X/Y", "formula": "KRAKEN:BTC/USD / 2"}, 422),
    ({"market": "KRAKEN:NOPE/USD"}, 422), ({"market": "KRAKEN:BTC/USD", "metrics": ["x"]}, 422),
    ({"market": "KRAKEN:BTC/USD", "every": "soon"}, 422), ({}, 422),
])  # fmt: skip
async def test_what_has_no_forecast_is_refused(
    world: World, body: dict[str, Any], status: int
) -> None:
    await world.pass_slots(1)
    assert (await world.client.post(PATH, json=body)).status_code == status
