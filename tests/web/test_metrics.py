"""`/metrics`: filters, sorts and pages against a naive reading of the whole list."""

from __future__ import annotations

from typing import Any

import pytest
from tests.web.conftest import BASES, MOVES, World, reading

from sigmawatch.app.web.view import SORTABLE

WINDOW = "10m"
Row = dict[str, Any]


async def everything(world: World, **query: object) -> list[Row]:
    page = await world.get("/metrics", window=WINDOW, **query)
    assert page["next_cursor"] is None
    rows: list[Row] = page["items"]
    return rows


@reading
async def test_a_row_carries_value_freshness_three_sigmas_and_rank_together(still: World) -> None:
    """SEMANTICS.md 3: rank, of, excluded, "8/10", the three σ, mean, n/expected/coverage, from/to,
    ddof, slot."""
    row = await still.get("/metrics/kraken:btc-usd:price", window=WINDOW)
    high = 10.0 * MOVES["BTC"]
    assert (row["name"], row["unit"], row["kind"]) == (
        "KRAKEN:BTC/USD:price", "quote_per_base", "level",
    )  # fmt: skip
    assert row["value"] == pytest.approx(10.0)
    assert row["mean"] == pytest.approx((10.0 + high) / 2)
    assert row["sigma_abs"] == pytest.approx((high - 10.0) / 2)
    assert row["sigma_rel"] == pytest.approx(row["sigma_abs"] / row["mean"])
    assert row["sigma_ret"] > 0
    assert (row["min"], row["max"]) == (pytest.approx(10.0), pytest.approx(high))
    assert (row["n"], row["expected"], row["coverage"], row["ddof"]) == (10, 10, 1.0, 0)
    assert (row["from"], row["to"]) == ("2026-11-21T08:02:00.000Z", "2026-11-21T08:12:00.000Z")
    assert (row["slot"], row["value_at"]) == 2 * ("2026-11-21T08:11:00.000Z",)
    assert (row["rank"], row["rank_text"], row["ties"]) == (1, "1/12", 2)
    assert (row["state"], row["changed_at"]) == ("fresh", "2026-11-21T08:12:01.000Z")
    assert row["demo"] is False


@reading
@pytest.mark.parametrize(
    "name",
    ["7", "KRAKEN:BTC-USD:price", "kraken:xbt_usd:PRICE", "kraken:BTCUSD:price",
     "KRAKEN:BTC%2FUSD:price"],
)  # fmt: skip
async def test_a_series_answers_to_every_spelling(still: World, name: str) -> None:
    """SEMANTICS.md 1: input accepts `kraken:btc-usd`, `BTCUSD`, XBT = BTC."""
    assert (await still.get(f"/metrics/{name}"))["slug"] == "KRAKEN:BTC-USD:price"


@reading
@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ({"venue": "kraken"}, lambda row: row["venue"] == "KRAKEN"),
        ({"quote": "usd"}, lambda row: row["quote"] == "USD"),
        ({"quote": "EUR"}, lambda row: False),
        ({"metric": "PRICE"}, lambda row: row["metric"] == "price"),
        ({"metric": "trades"}, lambda row: False),
        ({"state": "fresh"}, lambda row: row["state"] == "fresh"),
        ({"state": "quiet"}, lambda row: row["state"] == "quiet"),
        ({"q": "en:e"}, lambda row: "EN:E" in row["name"]),
        ({"q": "ethusd"}, lambda row: row["base"] == "ETH"),
        ({"interval": "1m"}, lambda row: True),
        ({"interval": "5m"}, lambda row: False),
        ({"venue": "binance", "q": "d"}, lambda r: r["venue"] == "BINANCE" and "D" in r["name"]),
    ],
)
async def test_a_filter_lets_through_what_it_says(still: World, query: Any, wanted: Any) -> None:
    rows = await everything(still)
    assert await everything(still, **query) == [row for row in rows if wanted(row)]


async def test_every_column_sorts_both_ways_stable_and_null_last(moving: World) -> None:
    moving.venues["KRAKEN"].prices.pop("SOLUSD")  # a row with nulls
    await moving.pass_slots(4, MOVES)
    rows = await everything(moving)
    assert any(row["rank"] is None for row in rows)
    for column in SORTABLE:
        for sign in ("", "-"):
            known = [row for row in rows if row[column] is not None]
            known.sort(key=lambda row: (_key(row, column), row["id"]))
            if sign:
                known.sort(key=lambda row: _key(row, column), reverse=True)
            wanted = known + [row for row in rows if row[column] is None]
            found = await everything(moving, sort=sign + column)
            assert [row["id"] for row in found] == [row["id"] for row in wanted], sign + column


def _key(row: Row, column: str) -> Any:
    if column == "state":
        return ["fresh", "quiet", "stale", "frozen", "delisted"].index(row["state"])
    return row[column]


@reading
async def test_filters_do_not_change_ranks(still: World) -> None:
    """SEMANTICS.md 3: the default universe is everything tracked."""
    rows = {row["id"]: row for row in await everything(still)}
    for row in await everything(still, venue="kraken"):
        assert row == rows[row["id"]]
        assert row["of"] == 12


async def test_pages_of_one_walk_show_one_moment_though_slots_close(moving: World) -> None:
    query = {"window": WINDOW, "sort": "-sigma_rel", "limit": 5}
    at_once = await everything(moving, sort="-sigma_rel")
    page = await moving.get("/metrics", **query)
    sequence, walked = page["sequence"], page["items"]
    while page["next_cursor"]:
        await moving.pass_slots(1, dict(zip(BASES, MOVES.values(), strict=True)))
        page = await moving.get("/metrics", **query, cursor=page["next_cursor"])
        assert (page["sequence"], page["total"]) == (sequence, 12)
        walked += page["items"]
    without_age = [{**row, "age_s": None} for row in walked]
    assert without_age == [{**row, "age_s": None} for row in at_once]
    assert (await moving.get("/metrics", **query))["sequence"] > sequence


async def test_a_walk_left_alone_too_long_ends_with_410(moving: World) -> None:
    page = await moving.get("/metrics", limit=5)
    await moving.pass_slots(6)
    answer = await moving.client.get(f"/api/v1/metrics?limit=5&cursor={page['next_cursor']}")
    assert answer.status_code == 410
    assert answer.json()["type"] == "/problems/cursor-expired"


@pytest.mark.parametrize("path", ["/metrics?limit=2", "/metrics/1", "/ranking", "/ranking?limit=2"])
async def test_an_unchanged_snapshot_answers_304_until_a_slot_closes(
    moving: World, path: str
) -> None:
    first = await moving.client.get(f"/api/v1{path}")
    again = await moving.client.get(
        f"/api/v1{path}", headers={"If-None-Match": f'"other", {first.headers["etag"]}'}
    )
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    await moving.pass_slots(1)
    later = await moving.client.get(
        f"/api/v1{path}", headers={"If-None-Match": first.headers["etag"]}
    )
    assert later.status_code == 200


@reading
async def test_rank_is_by_any_key_among_any_peers_over_any_window(still: World) -> None:
    name = "/metrics/kraken:eth-usd:price"
    among_all = await still.get(name, by="sigma_abs", window="11m")
    assert (among_all["by"], among_all["window"], among_all["of"]) == ("sigma_abs", "11m", 12)
    kraken = await still.get(name, by="value", peers="venue:kraken,quote:USD")
    assert (kraken["rank_text"], kraken["ties"]) == ("5/6", 1)
    binance = await still.get(name, peers="venue:binance", window=WINDOW)
    assert (binance["rank"], binance["rank_reason"]) == (None, "not_a_peer")


async def test_what_is_not_known_is_null_with_a_reason(world: World) -> None:
    await world.pass_slots(3, MOVES)
    row = await world.get("/metrics/1")
    assert (row["change_pct"], row["rank"], row["rank_text"]) == (None, None, None)
    assert (row["rank_reason"], row["surge"], row["live_value"]) == ("too_few", None, None)


async def test_the_running_slot_is_shown_apart_from_the_closed_one(world: World) -> None:
    """SEMANTICS.md 2: the running slot is shown live and never enters a statistic."""
    await world.pass_slots(2)
    before = await world.get("/metrics/1")
    world.venues["BINANCE"].prices["BTCUSD"] = 11.0
    await world.clock.advance_to_ms(world.clock.now_ms() + 20_000)
    answer = await world.client.post("/api/v1/collect", json={"venue": "binance"})
    assert answer.json()["success"]
    row = await world.get("/metrics/1")
    assert (row["value"], row["live_value"]) == (10.0, 11.0)
    assert row["live_at"] == "2026-11-21T08:02:21.000Z"
    assert (row["n"], row["mean"]) == (before["n"], before["mean"])


async def test_before_the_first_slot_everything_is_empty_and_nothing_fails(world: World) -> None:
    assert (await world.get("/metrics"))["items"] == []
    ranking = await world.get("/ranking")
    assert (ranking["items"], ranking["of"], ranking["slot"]) == ([], 0, None)
    answer = await world.client.get("/api/v1/metrics/1")
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "1"
