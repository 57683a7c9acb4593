"""`/aliases`: another name finds a market wherever one is asked for by name."""

from __future__ import annotations

from typing import Any

import pytest
from tests.web.conftest import World, reading


async def put(world: World, alias: str, market: str = "kraken:btc-usd", **more: bool) -> Any:
    return await world.client.put(f"/api/v1/aliases/{alias}", json={"market": market, **more})


async def test_another_name_finds_a_series_a_rule_and_a_list(moving: World) -> None:
    answer = await put(moving, "my-btc")
    assert (answer.status_code, answer.json()["market"]) == (201, "KRAKEN:BTC/USD")
    assert (await put(moving, "My-BTC")).status_code == 200
    for name in ("my-btc:price", "MY-BTC:price", "kraken:my-btc:price", "kraken:btc-usd:price"):
        shown = await moving.get(f"/metrics/{name}")
        assert shown["name"] == "KRAKEN:BTC/USD:price", name
    rule = {"condition": "price > 0", "target": ["my-btc"]}
    made = await moving.client.put("/api/v1/rules/mine", json=rule)
    assert made.json()["target"] == ["KRAKEN:BTC/USD"]
    listed = await moving.client.put("/api/v1/watchlists/l", json={"items": ["my-btc:price"]})
    assert listed.json()["items"] == ["KRAKEN:BTC/USD:price"]
    paused = await moving.client.post("/api/v1/markets/my-btc/pause")
    assert (paused.status_code, paused.json()["name"]) == (200, "KRAKEN:BTC/USD")
    assert (await moving.client.delete("/api/v1/aliases/my-btc")).status_code == 204
    assert (await moving.client.get("/api/v1/metrics/my-btc:price")).status_code == 404
    assert (await moving.get("/rules/mine"))["target"] == ["KRAKEN:BTC/USD"]
    assert (await moving.client.delete("/api/v1/aliases/my-btc")).status_code == 404
    deeds = [row["what"] for row in (await moving.get("/audit"))["items"]]
    assert {"alias.put", "alias.remove"} <= set(deeds)


async def test_another_name_is_understood_in_a_formula_where_it_is_a_word_of_its_own(
    moving: World,
) -> None:
    await put(moving, "my-btc")
    await put(moving, "other", "binance:btc-usd")
    for name, text, formula in (
        ("a/usd", "my-btc - other", "KRAKEN:BTC/USD - BINANCE:BTC/USD"),
        ("b/usd", "2 * (MY-BTC:price + other)", "2 * (KRAKEN:BTC/USD + BINANCE:BTC/USD)"),
        ("c/usd", "my-btc[5m]", "KRAKEN:BTC/USD[5m]"),
        ("d/usd", "mean(other, 1h)", "mean(BINANCE:BTC/USD, 1h)"),
    ):
        answer = await moving.client.post("/api/v1/metrics", json={"name": name, "formula": text})
        assert answer.status_code == 201, answer.text
        assert answer.json()["items"][0]["formula"] == formula
    for text in ("my-btc-other", "nobody - other", "other/usd"):
        answer = await moving.client.post(
            "/api/v1/metrics", json={"name": "x/usd", "formula": text}
        )
        assert answer.status_code == 422, text


async def test_a_market_is_shown_by_one_of_its_names_and_found_by_all(moving: World) -> None:
    async def title() -> str | None:
        [market] = (await moving.get("/markets", venue="kraken", q="BTC/USD"))["items"]
        found: str | None = market["title"]
        return found

    assert await title() is None
    await put(moving, "Bitcoin", shown=True)
    assert await title() == "Bitcoin"
    await put(moving, "Digital-gold", shown=True)
    assert await title() == "Digital-gold"
    items = {one["alias"]: one["shown"] for one in (await moving.get("/aliases"))["items"]}
    assert items == {"Bitcoin": False, "Digital-gold": True}
    for name in ("bitcoin", "digital-gold", "kraken:btc-usd"):
        assert (await moving.get(f"/metrics/{name}:price"))["market"] == "KRAKEN:BTC/USD"


async def test_a_name_is_of_one_market_and_hides_none(moving: World) -> None:
    await put(moving, "coin")
    for alias, market, status in (
        ("coin", "kraken:eth-usd", 409),
        ("ethusd", "kraken:btc-usd", 409),
        ("ETH-USD", "kraken:btc-usd", 409),
        ("7", "kraken:btc-usd", 422),
        ("a:b", "kraken:btc-usd", 422),
        ("other", "kraken:none-usd", 404),
        ("other", "kraken:new-usd", 404),
    ):
        answer = await put(moving, alias, market)
        assert answer.status_code == status, (alias, answer.text)


@reading
@pytest.mark.parametrize("body", [{}, {"market": 7}, {"market": "kraken:btc-usd", "color": 1}])
async def test_what_cannot_be_named_changes_nothing(still: World, body: dict[str, object]) -> None:
    answer = await still.client.put("/api/v1/aliases/x", json=body)
    assert answer.status_code == 422
    assert (await still.get("/aliases"))["items"] == []
