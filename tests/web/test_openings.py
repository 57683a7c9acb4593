"""`POST /venues` and `DELETE /venues/{venue}`, as far as no venue is asked; in a program that may
ask some: tests/app/test_run_time.py."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.web.conftest import World, a_world, reading


async def test_a_venue_is_switched_off_once_nothing_is_tracked_there(moving: World) -> None:
    off = "/api/v1/venues/kraken"
    refused = await moving.client.delete(off)
    assert (refused.status_code, "6 series are tracked" in refused.text) == (409, True)
    for row in (await moving.get("/metrics", venue="kraken"))["items"]:
        assert (await moving.client.delete(f"/api/v1/metrics/{row['id']}")).status_code == 204
    assert (await moving.client.delete(off)).status_code == 204
    assert [one["name"] for one in (await moving.get("/venues"))["items"]] == ["BINANCE"]
    assert (await moving.client.delete(off)).status_code == 404
    await moving.pass_slots(1)
    assert (await moving.get("/audit"))["items"][0]["what"] == "venue.disable"


async def test_what_a_file_sets_up_is_switched_there(tmp_path: Path) -> None:
    async with a_world(tmp_path / "data", source=tmp_path / "sigmawatch.toml") as world:
        answer = await world.client.delete("/api/v1/venues/kraken")
        assert (answer.status_code, "sigmawatch.toml" in answer.text) == (409, True)


@reading
@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"venue": "moon"}, 422, "venue"),
        ({"venue": "not a venue"}, 422, "venue"),
        ({}, 422, "venue"),
        ({"venue": "okx", "url": "https://example.org"}, 422, "url"),
    ],
)
async def test_what_cannot_be_switched_on_is_named(
    still: World, body: dict[str, str], status: int, field: str
) -> None:
    answer = await still.client.post("/api/v1/venues", json=body)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (status, field)


@reading
async def test_what_is_on_stays_on(still: World) -> None:
    answer = await still.client.post("/api/v1/venues", json={"venue": "Kraken"})
    assert (answer.status_code, answer.json()["name"]) == (200, "KRAKEN")
    assert (await still.get("/venues"))["available"] == []
