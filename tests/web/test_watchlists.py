"""`/watchlists`, and what they are for: filters and peers."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.web.conftest import MOVES, World, a_world

from sigmawatch.app.config import WatchlistConfig

WINDOW = "10m"
MAJORS = {"items": ["*:BTC/*", "kraken:eth-usd:price"]}


async def test_a_watchlist_is_made_shown_changed_and_removed(moving: World) -> None:
    made = await moving.client.post("/api/v1/watchlists", json={"name": "Majors", **MAJORS})
    assert (made.status_code, made.headers["location"]) == (201, "/api/v1/watchlists/majors")
    shown = await moving.client.get(made.headers["location"])
    assert shown.json() == made.json() == {
        "name": "majors", "items": ["*:BTC/*", "KRAKEN:ETH/USD:price"], "origin": "api",
        "series_count": 3, "demo": False,
    }  # fmt: skip
    kept = {"If-None-Match": shown.headers["etag"]}
    assert (await moving.client.get("/api/v1/watchlists/majors", headers=kept)).status_code == 304
    other = await moving.client.put("/api/v1/watchlists/MAJORS", json={"items": ["kraken:*"]})
    assert (other.status_code, other.json()["series_count"]) == (200, 6)
    changed = await moving.client.get("/api/v1/watchlists/majors", headers=kept)
    assert changed.status_code == 200
    new = await moving.client.put("/api/v1/watchlists/alts", json={"items": ["*:SOL/*"]})
    assert new.status_code == 201
    assert [one["name"] for one in (await moving.get("/watchlists"))["items"]] == ["alts", "majors"]
    assert (await moving.client.delete("/api/v1/watchlists/alts")).status_code == 204
    assert [one["name"] for one in (await moving.get("/watchlists"))["items"]] == ["majors"]


async def test_it_is_there_after_a_restart(tmp_path: Path) -> None:
    async with a_world(tmp_path / "data") as world:
        await world.client.put("/api/v1/watchlists/majors", json=MAJORS)
    async with a_world(tmp_path / "data") as world:
        assert (await world.get("/watchlists/majors"))["items"] == [
            "*:BTC/*", "KRAKEN:ETH/USD:price",
        ]  # fmt: skip


async def test_it_filters_the_list_and_narrows_the_peers(moving: World) -> None:
    """SEMANTICS.md 3: "`peers=` narrows it (venue, quote currency, watchlist)"."""
    await moving.client.put("/api/v1/watchlists/majors", json=MAJORS)
    listed = await moving.get("/metrics", watchlist="majors", window=WINDOW)
    names = ["BINANCE:BTC/USD:price", "KRAKEN:BTC/USD:price", "KRAKEN:ETH/USD:price"]
    assert sorted(row["name"] for row in listed["items"]) == names
    assert {row["of"] for row in listed["items"]} == {12}
    ranking = await moving.get("/ranking", peers="watchlist:majors", window=WINDOW)
    assert (ranking["of"], ranking["total"]) == (3, 3)
    assert [(row["name"], row["rank"]) for row in ranking["items"]] == list(
        zip(names, (1, 1, 3), strict=True)
    )
    both = await moving.get("/ranking", peers="watchlist:majors,venue:kraken", window=WINDOW)
    assert [row["name"] for row in both["items"]] == names[1:]
    among = await moving.get("/metrics", peers="watchlist:majors", window=WINDOW, sort="rank")
    assert [row["rank"] for row in among["items"][:4]] == [1, 1, 3, None]
    assert among["total"] == 12
    one = await moving.get("/metrics/kraken:eth-usd:price", peers="watchlist:majors", window=WINDOW)
    assert one["rank_text"] == "3/3"


async def test_new_markets_join_by_themselves(moving: World) -> None:
    await moving.client.put("/api/v1/watchlists/news", json={"items": ["kraken:N*/USD"]})
    assert (await moving.get("/watchlists/news"))["series_count"] == 0
    await moving.client.post("/api/v1/metrics", json={"market": "KRAKEN:NEW/USD"})
    await moving.pass_slots(1, MOVES)
    assert (await moving.get("/watchlists/news"))["series_count"] == 1
    assert (await moving.get("/metrics", watchlist="news"))["total"] == 1


async def test_what_the_configuration_defines_is_changed_there(tmp_path: Path) -> None:
    """DESIGN.md: what a file defines is read-only elsewhere and says which file manages it."""
    source = tmp_path / "sigmawatch.toml"
    async with a_world(tmp_path / "data") as world:
        await world.client.put("/api/v1/watchlists/majors", json={"items": ["*:ETH/*"]})
    defined = (WatchlistConfig(name="Majors", items=("xbt-usd",)),)
    async with a_world(tmp_path / "data", source=source, watchlists=defined) as world:
        shown = await world.get("/watchlists/majors")
        assert (shown["origin"], shown["items"]) == ("file", ["*:BTC/USD"])
        path = "/api/v1/watchlists/majors"
        for answer in (
            await world.client.put(path, json=MAJORS),
            await world.client.delete(path),
            await world.client.post("/api/v1/watchlists", json={"name": "majors", **MAJORS}),
        ):
            assert answer.status_code == 409
            assert "sigmawatch.toml" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("watchlists/mojors", 404),
        ("metrics?watchlist=mojors", 422),
        ("ranking?peers=watchlist:mojors", 422),
        ("metrics/kraken:btc-usd:price?peers=watchlist:mojors", 404),
    ],
)
async def test_an_unknown_one_is_refused_with_near_names(
    moving: World, query: str, status: int
) -> None:
    await moving.client.put("/api/v1/watchlists/majors", json=MAJORS)
    answer = await moving.client.get(f"/api/v1/{query}")
    assert (answer.status_code, answer.json()["type"]) == (status, "/problems/unknown-watchlist")
    assert answer.json()["errors"][0]["allowed"] == "majors"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "x", "items": ["BTCUSD"]}, "items"),
        ({"name": "x", "items": []}, "items"),
        ({"name": "x y", "items": ["*:BTC/*"]}, "name"),
        ({"name": "x", "items": ["*:BTC/*"], "more": 1}, "more"),
        ({"items": ["*:BTC/*"]}, "name"),
    ],
)
async def test_what_is_no_watchlist_is_refused_by_field(
    world: World, body: dict[str, object], field: str
) -> None:
    answer = await world.client.post("/api/v1/watchlists", json=body)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == field


async def test_a_name_is_taken_once_and_removing_what_is_not_there_is_404(world: World) -> None:
    for status in (201, 409):
        answer = await world.client.post("/api/v1/watchlists", json={"name": "a", **MAJORS})
        assert answer.status_code == status
    assert (await world.client.delete("/api/v1/watchlists/b")).status_code == 404
