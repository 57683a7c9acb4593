"""`/metrics/{id}/composition`: whose prices a composite is of, and why some are left out."""

from __future__ import annotations

from typing import Any

from tests.web.conftest import MOVES, World, reading

from sigmawatch.app.web.composition import LeftOut
from sigmawatch.domain.frame import MISSING, Reason

LINE = "composite(KRAKEN:BTC/USD, BINANCE:BTC/USD, mean(KRAKEN:BTC/USD, 5m))"
PATH = "/metrics/derived:btc-all:price/composition"


async def composed(world: World, line: str = LINE) -> None:
    body = {"name": "BTC/ALL", "formula": line, "metric": "price"}
    made = await world.client.post("/api/v1/metrics", json=body)
    assert made.status_code == 201, made.text


async def the_composite(world: World) -> dict[str, Any]:
    told = await world.get(PATH)
    (one,) = told["composites"]
    return dict(one)


async def test_everybody_near_the_median_has_a_part(moving: World) -> None:
    await composed(moving)
    await moving.pass_slots(1, MOVES)
    told = await moving.get(PATH)
    assert (told["name"], told["formula"]) == ("DERIVED:BTC/ALL:price", LINE)
    assert told["slot"] == (await moving.get("/metrics/derived:btc-all:price"))["slot"]
    (one,) = told["composites"]
    assert (one["text"], one["within_pct"]) == (LINE, 5.0)
    assert (one["taken_count"], one["members_count"]) == (3, 3)
    assert (one["provisional"], one["reason"]) == (False, None)
    values = [member["value"] for member in one["members"]]
    assert one["value"] == sum(values) / 3
    assert (await moving.get("/metrics/derived:btc-all:price"))["value"] == one["value"]
    assert [member["volume"] for member in one["members"]] == [None] * 3


async def test_who_is_far_from_the_others_is_named_and_left_out(moving: World) -> None:
    await composed(moving)
    moving.venues["BINANCE"].prices["BTCUSD"] *= 2.0
    await moving.pass_slots(1, MOVES)
    one = await the_composite(moving)
    assert (one["taken_count"], one["members_count"]) == (2, 3)
    told = [(member["name"], member["taken"], member["reason"]) for member in one["members"]]
    assert told == [
        ("KRAKEN:BTC/USD", True, None),
        ("BINANCE:BTC/USD", False, "far"),
        ("mean(KRAKEN:BTC/USD, 5m)", True, None),
    ]
    assert one["members"][1]["apart_pct"] > 50.0
    assert one["value"] == (one["members"][0]["value"] + one["members"][2]["value"]) / 2


async def test_two_that_disagree_are_no_price(moving: World) -> None:
    await composed(moving, "composite(KRAKEN:BTC/USD, BINANCE:BTC/USD)")
    moving.venues["BINANCE"].prices["BTCUSD"] *= 2.0
    await moving.pass_slots(1, MOVES)
    one = await the_composite(moving)
    assert (one["value"], one["reason"], one["provisional"]) == (None, "disagree", False)
    assert [member["reason"] for member in one["members"]] == ["far", "far"]
    row = await moving.get("/metrics/derived:btc-all:price")
    assert row["marks"] == ["pending"]


async def test_one_that_is_left_is_provisional_and_nobody_is_unknown(moving: World) -> None:
    await composed(moving, "composite(KRAKEN:BTC/USD, BINANCE:BTC/USD)")
    moving.venues["BINANCE"].prices.pop("BTCUSD")
    await moving.pass_slots(4, MOVES)
    one = await the_composite(moving)
    assert (one["taken_count"], one["provisional"]) == (1, True)
    assert one["value"] == one["members"][0]["value"]
    assert (one["members"][1]["value"], one["members"][1]["reason"]) == (None, "outage")
    moving.venues["KRAKEN"].prices.pop("BTCUSD")
    await moving.pass_slots(4, MOVES)
    one = await the_composite(moving)
    assert (one["value"], one["reason"], one["provisional"]) == (None, "nobody", False)
    row = await moving.get("/metrics/derived:btc-all:price")
    assert row["marks"] == ["outage"]


async def test_who_stands_still_while_the_other_moves_is_left_out(moving: World) -> None:
    await composed(moving, "composite(KRAKEN:BTC/USD, BINANCE:BTC/USD)")
    price = moving.venues["BINANCE"].prices["BTCUSD"]
    for place in range(17):
        moving.venues["KRAKEN"].prices["BTCUSD"] = price * (1.0 + 0.001 * (place % 2))
        await moving.pass_slots(1)
    one = await the_composite(moving)
    assert [member["reason"] for member in one["members"]] == [None, "still"]
    assert one["provisional"]


def test_every_reason_for_a_missing_slot_is_one_for_being_left_out() -> None:
    said = {reason.name.lower() for reason in Reason if reason >= MISSING}
    assert said - {"no_place"} <= {one.value for one in LeftOut}


@reading
async def test_a_series_without_a_composite_is_made_of_none(still: World) -> None:
    told = await still.get("/metrics/kraken:btc-usd:price/composition")
    assert (told["formula"], told["composites"]) == (None, [])


@reading
async def test_a_series_that_nobody_tracks_has_no_composition(still: World) -> None:
    answer = await still.client.get("/api/v1/metrics/kraken:no-usd:price/composition")
    assert answer.status_code == 404
