"""`/ranking`: the whole table in one order."""

from __future__ import annotations

import statistics

from tests.web.conftest import MOVES, World, reading

WINDOW = "10m"


@reading
async def test_ties_share_the_better_rank_and_stand_by_name(still: World) -> None:
    """SEMANTICS.md 3: ties share the better rank ("1, 2, 2, 4"); order inside a tie is by key."""
    page = await still.get("/ranking", window=WINDOW)
    moved = [row for row in page["items"] if row["base"] != "XRP"]
    assert [row["rank"] for row in moved] == [1, 1, 3, 3, 5, 5, 7, 7, 9, 9]
    assert [row["ties"] for row in moved] == [2] * 10
    names = [row["name"] for row in moved]
    assert names[:2] == ["BINANCE:BTC/USD:price", "KRAKEN:BTC/USD:price"]


@reading
async def test_the_head_says_what_was_ranked_and_who_was_not(still: World) -> None:
    page = await still.get("/ranking", metric="price", by="sigma_ret", window="11m")
    assert (page["metric"], page["unit"], page["by"]) == ("price", "quote_per_base", "sigma_ret")
    assert (page["window"], page["interval"], page["slot"]) == (
        "11m", "1m", "2026-11-21T08:11:00.000Z",
    )  # fmt: skip
    assert (page["direction"], page["ddof"], page["mixed_units"]) == ("descending", 0, False)
    assert page["of"] + page["excluded"] + page["provisional_of"] == page["total"] == 12


@reading
async def test_too_little_coverage_is_a_second_list_and_too_few_values_a_reason(
    still: World,
) -> None:
    """SEMANTICS.md 3: enough n with less coverage is `provisional`: a place in a second list."""
    day = await still.get("/ranking", window="14m")  # 12 of 14: enough coverage
    assert day["of"] > 0
    thin = await still.get("/ranking", window="15m")
    assert thin["of"] == 12
    longer = await still.get("/ranking", window="1h")
    assert (longer["of"], longer["provisional_of"]) == (0, 0)
    assert {row["rank_reason"] for row in longer["items"]} <= {"too_few", "stale", "frozen"}


async def test_excluded_series_are_listed_last_with_their_reason(moving: World) -> None:
    """SEMANTICS.md 3: stale, frozen, suspect and delisted series are excluded, counted."""
    moving.venues["KRAKEN"].prices.pop("SOLUSD")
    await moving.pass_slots(4, MOVES)
    page = await moving.get("/ranking", window=WINDOW)
    assert [(row["name"], row["rank"], row["rank_reason"]) for row in page["items"][-3:]] == [
        ("BINANCE:XRP/USD:price", None, "frozen"),
        ("KRAKEN:SOL/USD:price", None, "stale"),
        ("KRAKEN:XRP/USD:price", None, "frozen"),
    ]
    assert (page["excluded"], page["of"]) == (3, 9)
    last = page["items"][-2]
    assert last["value"] is not None  # its newest one of the day, with its slot
    assert last["value_at"] == "2026-11-21T08:11:00.000Z"
    assert last["marks"] == ["outage"]


async def test_amounts_of_several_currencies_are_marked_mixed(moving: World) -> None:
    """SEMANTICS.md 1: a ranking of `sigma_abs` over several quote currencies is `mixed_units`."""
    moving.venues["KRAKEN"].prices["BTCEUR"] = 9.0
    await moving.client.post("/api/v1/metrics", json={"market": "KRAKEN:BTC/EUR"})
    await moving.pass_slots(12, {**MOVES, "BTCEUR": 1.01})
    mixed = await moving.get("/ranking", by="sigma_abs", window=WINDOW)
    assert mixed["mixed_units"] is True
    narrowed = await moving.get("/ranking", by="sigma_abs", window=WINDOW, peers="quote:USD")
    assert narrowed["mixed_units"] is False
    relative = await moving.get("/ranking", by="sigma_rel", window=WINDOW)
    assert relative["mixed_units"] is False


async def test_a_walk_through_the_ranking_is_one_moment(moving: World) -> None:
    """Ranks 1 to N come exactly once, though a slot closes between two pages."""
    at_once = await moving.get("/ranking", window=WINDOW)
    first = await moving.get("/ranking", window=WINDOW, limit=7)
    await moving.pass_slots(1, {"XRP": 1.5})
    second = await moving.get("/ranking", window=WINDOW, limit=7, cursor=first["next_cursor"])
    ids = [row["id"] for row in first["items"] + second["items"]]
    assert ids == [row["id"] for row in at_once["items"]]
    assert second["slot"] == first["slot"]
    assert second["next_cursor"] is None


@reading
async def test_a_window_nobody_keeps_standing_agrees_with_the_list(still: World) -> None:
    ranking = await still.get("/ranking", window="11m")
    listed = await still.get("/metrics", window="11m", sort="rank")
    assert {row["id"]: row["sigma_rel"] for row in ranking["items"]} == {
        row["id"]: row["sigma_rel"] for row in listed["items"]
    }


@reading
async def test_an_excess_is_the_change_less_the_median_of_the_peers(still: World) -> None:
    page = await still.get("/ranking", by="excess_change", window=WINDOW)
    assert page["of"] >= 5
    ranked = [row for row in page["items"] if row["rank"]]
    market = statistics.median(row["change_pct"] for row in ranked)
    for row in ranked:
        assert row["excess_change"] == row["change_pct"] - market
    assert ranked == sorted(ranked, key=lambda row: row["rank"])
    first = ranked[0]
    one = await still.get(f"/metrics/{first['id']}", window=WINDOW)
    assert one["excess_change"] == first["excess_change"]


@reading
async def test_an_excess_is_among_the_peers_asked_for(still: World) -> None:
    page = await still.get("/ranking", by="excess_change", window=WINDOW, peers="venue:kraken")
    ranked = [row["change_pct"] for row in page["items"] if row["rank"]]
    assert page["items"][0]["excess_change"] == ranked[0] - statistics.median(ranked)


async def test_of_fewer_than_five_there_is_no_excess(moving: World) -> None:
    await moving.client.put("/api/v1/watchlists/few", json={"items": ["KRAKEN:BTC/USD", "*:ETH/*"]})
    page = await moving.get("/ranking", by="excess_change", window=WINDOW, peers="watchlist:few")
    assert (page["of"], page["total"]) == (0, 3)
    assert [row["excess_change"] for row in page["items"]] == [None] * 3
    assert {row["rank_reason"] for row in page["items"]} == {"unknown"}
