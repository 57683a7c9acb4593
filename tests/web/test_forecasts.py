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


@pytest.mark.parametrize(("body", "status"), [
    ({"name": "X/Y", "formula": "KRAKEN:BTC/USD / 2"}, 422),
    ({"market": "KRAKEN:NOPE/USD"}, 422), ({"market": "KRAKEN:BTC/USD", "metrics": ["x"]}, 422),
    ({"market": "KRAKEN:BTC/USD", "every": "soon"}, 422), ({}, 422),
])  # fmt: skip
async def test_what_has_no_forecast_is_refused(
    world: World, body: dict[str, Any], status: int
) -> None:
    await world.pass_slots(1)
    assert (await world.client.post(PATH, json=body)).status_code == status
