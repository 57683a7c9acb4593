"""`/metrics/{id}/chart.svg`: what is asked, answered, kept, and refused."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest
from tests.web.conftest import World

CHART = "/api/v1/metrics/KRAKEN:BTC-USD:price/chart.svg"


async def test_a_chart_is_an_svg_of_the_series_that_a_client_need_not_fetch_twice(
    world: World,
) -> None:
    await world.pass_slots(30)
    answer = await world.client.get(CHART, params={"window": "20m", "theme": "dark"})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("image/svg+xml")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert ">KRAKEN:BTC/USD:price<" in answer.text
    assert 'fill="#10161f"' in answer.text
    tag = answer.headers["etag"]
    again = await world.client.get(CHART, params={"window": "20m", "theme": "dark"},
                                   headers={"if-none-match": tag})  # fmt: skip
    assert again.status_code == 304
    await world.pass_slots(1, {"BTC": 1.5})
    moved = await world.client.get(CHART, params={"window": "20m", "theme": "dark"},
                                   headers={"if-none-match": tag})  # fmt: skip
    assert moved.status_code == 200
    assert moved.headers["etag"] != tag


async def test_a_chart_shows_the_values_of_its_range_alone(world: World) -> None:
    await world.pass_slots(10)
    await world.pass_slots(1, {"BTC": 3.0})
    await world.pass_slots(1, {"BTC": 3.0})
    early = await world.client.get(CHART, params={"to": "-3m"})
    late = await world.client.get(CHART, params={"window": "5m"})
    highest = re.compile(r"highest ([\d.,]+)")
    assert highest.findall(early.text) != highest.findall(late.text)


async def test_a_browser_that_opens_a_chart_gets_the_picture(world: World) -> None:
    """The page around an answer is for JSON."""
    await world.pass_slots(2)
    answer = await world.client.get(CHART, headers={"accept": "text/html,*/*;q=0.8"})
    assert answer.text.startswith("<svg ")


@pytest.mark.parametrize(("query", "field"), [
    ({"window": "90s"}, "window"), ({"window": "1h", "from": "-2h"}, "window"),
    ({"window": "soon"}, "window"), ({"from": "-1h", "to": "-2h"}, "from"),
    ({"width": "1000000"}, "width"), ({"height": "1"}, "height"), ({"theme": "pink"}, "theme"),
    ({"line": "nan"}, "line"), ({"line": "inf"}, "line"), ({"line": "x"}, "line"),
    ({"from": "-10s", "to": "-10s"}, "from"),
])  # fmt: skip
async def test_what_cannot_be_drawn_is_refused_by_name(
    world: World, query: Mapping[str, str], field: str
) -> None:
    await world.pass_slots(2)
    answer = await world.client.get(CHART, params=query)
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["field"] == field


async def test_a_chart_of_nothing_is_not_found(world: World) -> None:
    answer = await world.client.get("/api/v1/metrics/KRAKEN:NOPE-USD:price/chart.svg")
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("application/problem+json")
