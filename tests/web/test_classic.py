"""The predecessors' shapes: what was made for them goes on working."""

from __future__ import annotations

import json
from typing import Any

import httpx
import msgspec
import pytest
from litestar import get
from msgspec import Struct
from tests.web.conftest import TOKEN, World, reading
from tests.web.test_access import a_key, a_page, add

from sigmawatch.app.web import RESOURCES, contract, create_app
from sigmawatch.app.web.classic import classic_row
from sigmawatch.app.web.rows import MetricRow
from sigmawatch.domain.caller import Scope


@reading
async def test_a_series_is_told_as_the_predecessors_did(still: World) -> None:
    """SEMANTICS.md 3: "The classic response shape ranks `sigma_abs` over all series of the
    metric, as the predecessors did"."""
    row = await still.get("/metrics/1", by="sigma_abs")
    told = await still.get("/metrics/1", shape="classic", by="sigma_rel", peers="venue:kraken")
    records = (await still.get("/metrics/1/records"))["items"]
    assert told == {
        "id": 1, "ticker": row["pair"], "venue": row["venue"], "metric_type": "price",
        "value": row["value"], "standard_deviation": row["sigma_abs"],
        "metric_rank": row["rank_text"],
        "metric_24h_history": [
            {"timestamp": one["time"], "value": one["value"]}
            for one in records if one["value"] is not None
        ],
    }  # fmt: skip
    assert len(told["metric_24h_history"]) == 12


def test_the_rank_is_a_text() -> None:
    """The founding shape: `metric_rank: "8/10"`."""
    example = json.loads(contract().content)["components"]["schemas"]["MetricRow"]["examples"][0]
    row = msgspec.convert(example, MetricRow)
    assert classic_row(row).metric_rank == "8/10"


@reading
async def test_a_list_comes_under_metrics_or_bare(still: World) -> None:
    rows = (await still.get("/metrics", by="sigma_abs", sort="rank"))["items"]
    wrapped = await still.get("/metrics", shape="classic", sort="rank")
    bare = await still.get("/metrics", shape="array", sort="rank")
    assert wrapped == {"metrics": bare}
    assert [one["metric_rank"] for one in bare] == [row["rank_text"] for row in rows]
    assert "metric_24h_history" not in bare[0]


@reading
async def test_a_link_leads_through_the_pages_of_a_bare_array(still: World) -> None:
    address: str | None = "/api/v1/metrics?shape=array&limit=5"
    walked: list[int] = []
    while address:
        answer = await still.client.get(address)
        walked += [one["id"] for one in answer.json()]
        address = answer.headers.get("link", "").partition(">")[0].removeprefix("<") or None
    assert walked == list(range(1, 13))


@reading
async def test_an_unknown_shape_is_refused_with_those_that_are(still: World) -> None:
    answer = await still.client.get("/api/v1/metrics?shape=round")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["allowed"] == "classic, array"


class Greeting(Struct):
    """Of the second version."""

    hello: str


@get("/metrics", opt={"scope": Scope.READ_METRICS})
async def greet() -> Greeting:
    """What version 2 answers."""
    return Greeting("v2")


async def test_a_second_version_stands_beside_the_first_and_is_the_latest(moving: World) -> None:
    """DESIGN.md: "`/api/latest` is the newest version"."""
    app: Any = create_app(moving.program, token=TOKEN, versions={"v1": RESOURCES, "v2": (greet,)})
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://127.0.0.1"
    ) as client:
        first = (await client.get("/api/v1/metrics")).json()
        assert first["total"] == 12
        for version in ("v2", "latest"):
            assert (await client.get(f"/api/{version}/metrics")).json() == {"hello": "v2"}
        assert (await client.get("/api/v2/ranking")).status_code == 404


@reading
async def test_the_latest_version_is_the_first_as_long_as_there_is_no_other(still: World) -> None:
    pages = [(await still.client.get(f"/api/{v}/venues")).json() for v in ("v1", "latest")]
    assert pages[0].keys() == pages[1].keys()


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_the_predecessors_web_hook_collects_now(world: World, method: str) -> None:
    before = len((await world.get("/runs"))["items"])
    answer = await world.client.request(method, "/webhook/record_trade_volume")
    assert (answer.status_code, answer.json()) == (200, {"success": True})
    assert answer.headers["cache-control"] == "no-store"
    assert len((await world.get("/runs"))["items"]) == before + 2


async def test_a_partial_collection_is_no_success_and_says_why(world: World) -> None:
    """SEMANTICS.md 5: "a partial run is not a success"."""
    del world.venues["KRAKEN"].prices["XRPUSD"]
    answer = await world.client.post("/webhook/record_trade_volume")
    assert answer.status_code == 200
    assert answer.json()["success"] is False
    assert answer.json()["reasons"].keys() == {"KRAKEN"}


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
async def test_a_page_elsewhere_cannot_trigger_it(world: World, site: str) -> None:
    """SECURITY.md, CSRF: an image of another page must not collect."""
    before = len((await world.get("/runs"))["items"])
    for method in ("GET", "POST"):
        answer = await world.client.request(
            method, "/webhook/record_trade_volume", headers={"Sec-Fetch-Site": site}
        )
        assert answer.status_code == 403
    assert len((await world.get("/runs"))["items"]) == before


async def test_it_is_asked_for_once_in_a_while(world: World) -> None:
    first = await world.client.get("/webhook/record_trade_volume")
    second = await world.client.get("/webhook/record_trade_volume")
    assert (first.status_code, second.status_code) == (200, 429)
    assert second.headers["retry-after"] == "5"
    await world.clock.advance_to_ms(world.clock.now_ms() + 5_000)
    assert (await world.client.get("/webhook/record_trade_volume")).status_code == 200


async def test_a_key_that_may_push_triggers_it_and_a_cookie_does_not(world: World) -> None:
    """Never by cookie; a key needs the scope `write:ingest`."""
    await add(world, "ada", "admin")
    path = "/webhook/record_trade_volume"
    assert (await world.client.get(path)).status_code == 401
    async with a_page(world, "ada") as page:
        for method in ("GET", "POST"):
            asked = page.build_request(method, f"http://127.0.0.1:8000{path}")
            assert (await page.send(asked)).status_code == 401
        keys = [(await a_key(page, scope))["key"] for scope in ("read:metrics", "write:ingest")]
    answers = [
        await world.client.get(path, headers={"authorization": f"Bearer {key}"}) for key in keys
    ]
    assert [answer.status_code for answer in answers] == [403, 200]
    assert answers[1].json() == {"success": True}
