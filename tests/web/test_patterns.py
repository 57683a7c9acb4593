"""`/patterns`: followed, shown, refused and let go over the API."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.web.conftest import BASES, World, a_world, reading

BODY = {"pattern": "kraken:*/usd", "metrics": ["bid"]}


async def test_a_pattern_is_made_shown_and_removed(moving: World) -> None:
    answer = await moving.client.post("/api/v1/patterns", json=BODY)
    assert answer.status_code == 201
    made = answer.json()
    assert (made["pattern"], made["origin"], made["interval"]) == ("KRAKEN:*/USD", "api", "1m")
    assert made["markets"] == sorted(f"KRAKEN:{base}/USD" for base in (*BASES, "NEW"))
    assert answer.headers["location"] == f"/api/v1/patterns/{made['id']}"
    again = await moving.client.post("/api/v1/patterns", json=BODY)
    assert (again.status_code, again.json()) == (200, made)
    assert (await moving.get("/patterns"))["items"] == [made]
    assert await moving.get(f"/patterns/{made['id']}") == made
    rows = (await moving.get("/metrics", metric="bid"))["items"]
    assert {row["origin"] for row in rows} == {"pattern"}
    stays = await moving.client.delete(f"/api/v1/metrics/{rows[0]['id']}")
    assert (stays.status_code, "KRAKEN:*/USD" in stays.text) == (409, True)
    assert (await moving.client.delete(f"/api/v1/patterns/{made['id']}")).status_code == 204
    assert (await moving.get("/metrics", metric="bid"))["total"] == 0
    assert (await moving.client.get(f"/api/v1/patterns/{made['id']}")).status_code == 404
    told = [row["what"] for row in (await moving.get("/audit"))["items"]]
    assert told[:2] == ["pattern.remove", "pattern.follow"]


async def test_slots_are_as_long_as_the_file_says_for_the_venue(tmp_path: Path) -> None:
    venues = {"kraken": {"every": "5m"}}
    async with a_world(tmp_path / "data", venues=venues) as world:
        for body, every in ((BODY, "5m"), (BODY | {"every": "1m"}, "1m")):
            made = (await world.client.post("/api/v1/patterns", json=body)).json()
            assert made["interval"] == every
        other = (
            await world.client.post("/api/v1/patterns", json={"pattern": "binance:*/usd"})
        ).json()
        assert other["interval"] == "1m", "the configured one"


async def test_what_a_file_says_is_changed_there(tmp_path: Path) -> None:
    source = tmp_path / "sigmawatch.toml"
    track = [{"venue": "kraken", "markets": ["*/USD"], "metrics": ["price"]}]
    async with a_world(tmp_path / "data", source=source, track=track) as world:
        [one] = (await world.get("/patterns"))["items"]
        assert one["origin"] == "file"
        for answer in (
            await world.client.delete(f"/api/v1/patterns/{one['id']}"),
            await world.client.post("/api/v1/patterns", json=BODY),
        ):
            assert answer.status_code == 409
            assert "sigmawatch.toml" in answer.text


@reading
@pytest.mark.parametrize(
    ("body", "kind", "field"),
    [
        ({"pattern": "kraken:*/JPY"}, "invalid-value", "pattern"),
        ({"pattern": "kraken:BTC/USD"}, "invalid-value", "pattern"),
        ({"pattern": "kraken:*/USD top 3 by price"}, "invalid-value", "pattern"),
        ({"pattern": "kraken:*/USD top 3 by prize"}, "unknown-metric", "metric"),
        ({"pattern": "moon:*/USD"}, "unknown-venue", "venue"),
        ({"pattern": "kraken:*/USD", "metrics": ["trades"]}, "invalid-value", "metrics"),
        ({"pattern": "kraken:*/USD", "metrics": []}, "invalid-value", "metrics"),
        ({"pattern": "kraken:*/USD", "every": "7s"}, "invalid-value", "every"),
        ({"pattern": "kraken:*/USD", "top": 3}, "unknown-field", "top"),
        ({}, "invalid-value", "pattern"),
    ],
)
async def test_what_cannot_be_followed_is_named_and_nothing_changes(
    still: World, body: dict[str, object], kind: str, field: str
) -> None:
    answer = await still.client.post("/api/v1/patterns", json=body)
    problem = answer.json()
    assert (answer.status_code, problem["type"]) == (422, f"/problems/{kind}")
    assert problem["errors"][0]["field"] == field
    assert (await still.get("/metrics"))["total"] == 12
    assert (await still.get("/patterns"))["items"] == []


@reading
async def test_a_pattern_where_a_market_belongs_says_where_it_is_taken(still: World) -> None:
    answer = await still.client.post("/api/v1/metrics", json={"market": "kraken:*/USD"})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["allowed"] == "POST /api/v1/patterns"
