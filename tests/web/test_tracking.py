"""Tracking and untracking while the program runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.web.conftest import BASES, World, a_world, reading


async def test_what_is_tracked_is_there_at_once_and_again_is_200(moving: World) -> None:
    body = {"market": "kraken:new-usd", "metrics": ["price", "bid", "price"]}
    answer = await moving.client.post("/api/v1/metrics", json=body)
    assert answer.status_code == 201
    price, bid = answer.json()["items"]
    assert (price["name"], price["created"], price["interval"], price["origin"]) == (
        "KRAKEN:NEW/USD:price", True, "1m", "api",
    )  # fmt: skip
    assert answer.headers["location"] == price["href"]
    shown = await moving.client.get(price["href"])
    assert (shown.status_code, shown.json()["value"]) == (200, None)
    assert (await moving.get("/metrics", q="new"))["total"] == 2
    assert shown.json()["unit"] == "quote_per_base"
    again = await moving.client.post("/api/v1/metrics", json=body)
    assert again.status_code == 200
    assert [item["id"] for item in again.json()["items"]] == [price["id"], bid["id"]]
    assert not any(item["created"] for item in again.json()["items"])


async def test_another_interval_is_another_series(moving: World) -> None:
    body = {"market": "KRAKEN:BTC/USD", "every": "5m"}
    answer = await moving.client.post("/api/v1/metrics", json=body)
    assert answer.status_code == 201
    assert (await moving.get("/metrics", interval="5m"))["total"] == 1
    assert {row["interval"] for row in (await moving.get("/metrics"))["items"]} == {"1m", "5m"}
    ordered = (await moving.get("/metrics", sort="-interval"))["items"]
    assert ordered[0]["interval"] == "5m"
    assert (await moving.get("/ranking"))["interval"] == "1m"
    assert (await moving.get("/ranking", interval="5m"))["total"] == 1
    # Seven minutes are no whole number of five: only who would be in the answer must have them.
    assert (await moving.get("/ranking", window="7m"))["of"] == 0
    assert (await moving.get("/metrics", interval="1m", window="7m"))["total"] == 12
    assert (await moving.get("/metrics/1", window="7m"))["expected"] == 7
    both = await moving.client.get("/api/v1/metrics?window=7m")
    assert (both.status_code, both.json()["errors"][0]["field"]) == (422, "window")


async def test_what_is_untracked_is_gone_at_once(moving: World) -> None:
    answer = await moving.client.delete("/api/v1/metrics/kraken:btc-usd:price")
    assert (answer.status_code, answer.content) == (204, b"")
    gone = await moving.client.get("/api/v1/metrics/kraken:btc-usd:price")
    assert gone.status_code == 404
    assert (await moving.get("/metrics", venue="kraken"))["total"] == len(BASES) - 1
    assert (await moving.client.delete("/api/v1/metrics/7")).status_code == 404


async def test_what_a_file_defines_is_removed_there(tmp_path: Path) -> None:
    """DESIGN.md: what a file defines is read-only elsewhere and says which file manages it."""
    source = tmp_path / "somewhere" / "sigmawatch.toml"
    async with a_world(tmp_path / "data", source=source) as world:
        await world.pass_slots(1)
        assert (await world.get("/metrics/1"))["origin"] == "file"
        answer = await world.client.delete("/api/v1/metrics/1")
    assert answer.status_code == 409
    problem = answer.json()
    assert problem["type"] == "/problems/conflict"
    assert "sigmawatch.toml" in problem["detail"]
    assert "somewhere" not in answer.text  # SECURITY.md: no path in an error


async def test_a_formula_is_tracked_shown_and_removed_as_any_series(moving: World) -> None:
    body = {"name": "eth-btc", "formula": "kraken:eth/usd/kraken:btc/usd", "metric": "price"}
    answer = await moving.client.post("/api/v1/metrics", json=body)
    assert answer.status_code == 201
    (made,) = answer.json()["items"]
    text = "KRAKEN:ETH/USD / KRAKEN:BTC/USD"
    assert (made["name"], made["formula"]) == ("DERIVED:ETH/BTC:price", text)
    shown = await moving.get("/metrics/derived:eth-btc:price")
    assert (shown["formula"], shown["formula_unit"]) == (text, "BTC per ETH")
    rows = {row["name"]: row for row in (await moving.get("/metrics"))["items"]}
    eth, btc = rows["KRAKEN:ETH/USD:price"]["value"], rows["KRAKEN:BTC/USD:price"]["value"]
    assert shown["value"] == eth / btc
    assert (shown["n"], rows["KRAKEN:ETH/USD:price"]["formula"]) == (12, None)
    assert (await moving.get("/metrics", venue="derived"))["total"] == 1
    assert (await moving.get("/markets", venue="derived"))["items"][0]["metrics"] == ["price"]
    read = await moving.client.delete("/api/v1/metrics/kraken:eth-usd:price")
    assert (read.status_code, read.json()["type"]) == (409, "/problems/conflict")
    assert (await moving.client.post("/api/v1/metrics", json=body)).status_code == 200
    assert (await moving.client.delete(made["href"])).status_code == 204


@reading
@pytest.mark.parametrize(
    ("body", "kind", "field", "hint"),
    [
        (
            {"name": "A/B", "formula": "KRAKEN:NOT/USD"},
            "invalid-value",
            "formula",
            "KRAKEN:DOT/USD",
        ),
        ({"name": "A/B", "formula": "KRAKEN:BTC/USD +"}, "invalid-value", "formula", None),
        ({"name": "A", "formula": "KRAKEN:BTC/USD"}, "invalid-value", "name", "BASE/QUOTE"),
        ({"name": "A/B"}, "invalid-value", "market", "name and formula"),
        ({"market": "KRAKEN:NEW/EUR"}, "unknown-market", "market", "KRAKEN:NEW/USD"),
        ({"market": "BTC/USD"}, "invalid-value", "market", "BINANCE:BTC/USD"),
        ({"market": "MOON:BTC/USD"}, "unknown-venue", "venue", "BINANCE, KRAKEN"),
        ({"market": "a/b/c"}, "invalid-value", "market", "VENUE:BASE/QUOTE"),
        ({"market": "KRAKEN:NEW/USD", "metrics": ["prize"]}, "unknown-metric", "metric", "price"),
        ({"market": "KRAKEN:NEW/USD", "metrics": ["volume"]}, "invalid-value", "metric", "traded"),
        ({"market": "KRAKEN:NEW/USD", "metrics": ["trades"]}, "invalid-value", "metrics", "price"),
        ({"market": "KRAKEN:NEW/USD", "metrics": []}, "invalid-value", "metrics", None),
        ({"market": "KRAKEN:NEW/USD", "every": "7s"}, "invalid-value", "every", "1m"),
        ({"market": "KRAKEN:NEW/USD", "every": "soon"}, "invalid-value", "every", "1m"),
        ({"metrics": ["price"]}, "invalid-value", "market", "VENUE:BASE/QUOTE"),
        ({"market": 7}, "invalid-value", "market", "VENUE:BASE/QUOTE"),
        ({"market": "x" * 201}, "invalid-value", "market", None),
        ({"market": "KRAKEN:NEW/USD", "origin": "file"}, "unknown-field", "origin", "market"),
    ],
)
async def test_what_cannot_be_tracked_is_named_and_nothing_changes(
    still: World, body: dict[str, object], kind: str, field: str, hint: str | None
) -> None:
    answer = await still.client.post("/api/v1/metrics", json=body)
    problem = answer.json()
    assert (answer.status_code, problem["type"]) == (422, f"/problems/{kind}")
    (error,) = problem["errors"]
    assert error["field"] == field
    assert hint is None or hint in (error["allowed"] or "")
    assert (await still.get("/metrics"))["total"] == 12
