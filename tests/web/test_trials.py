"""`/rules/preview`, courses and explanations, through the API."""

from __future__ import annotations

from typing import Any

from tests.web.conftest import World

LINE = "price > 1.0001 * mean(10m)"
RULE: dict[str, Any] = {"condition": LINE, "target": ["kraken:*/USD"], "cooldown": "0s"}


async def test_a_rule_is_previewed_before_it_is_saved(moving: World) -> None:
    """SEMANTICS.md 6: "Preview before saving"."""
    answer = await moving.client.post("/api/v1/rules/preview", json={**RULE, "over": "1h"})
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert (told["condition"], told["series_count"]) == (LINE, 6)
    assert told["clears_when"] == "not price > 0.90009 * mean(10m)"
    assert told["episodes_count"] == len(told["episodes"]) > 0
    assert told["notices_count"] == sum(told["notices_by_kind"].values())
    assert told["notices_a_day"] == 24 * told["notices_count"]
    assert sum(one["episodes_count"] for one in told["series"]) == told["episodes_count"]
    assert sum(day["notices_count"] for day in told["days"]) == told["notices_count"]
    assert 0.0 <= told["unknown_share"] <= 1.0
    names = {rule["name"] for rule in (await moving.get("/rules"))["items"]}
    assert "preview" not in names


async def test_what_cannot_be_previewed_is_refused_with_its_place(moving: World) -> None:
    wrong = {**RULE, "condition": "price > 3 * medan(1h)"}
    answer = await moving.client.post("/api/v1/rules/preview", json=wrong)
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert (error["field"], error["position"]) == ("condition", 12)
    for over, status in (("soon", 422), ("400d", 422)):
        answer = await moving.client.post("/api/v1/rules/preview", json={**RULE, "over": over})
        assert answer.status_code == status, over
    nobody = {**RULE, "target": ["nowhere:*/USD"]}
    answer = await moving.client.post("/api/v1/rules/preview", json=nobody)
    assert answer.status_code == 422


async def test_an_episode_is_explained_and_its_course_shown(moving: World) -> None:
    made = await moving.client.put("/api/v1/rules/hot", json=RULE)
    assert made.status_code == 201, made.text
    await moving.pass_slots(4, {"BTC": 1.01})
    episodes = (await moving.get("/episodes"))["items"]
    mine = [one for one in episodes if one["rule"] == "hot"]
    assert mine
    told = await moving.get(f"/episodes/{mine[0]['id']}/explain")
    assert told["agrees"] is True
    assert (told["rule"], told["condition"]) == ("hot", LINE)
    numbers = {number["text"]: number for number in told["notices"][0]["numbers"]}
    assert numbers.keys() >= {"price", "mean(10m)"}
    assert all(number["then"] == number["now"] for number in numbers.values())
    course = await moving.get("/rules/hot/course", series=told["series"], slots=5)
    assert len(course["items"]) == 5
    assert course["items"][0]["compared"][0]["text"] == LINE
    assert any(item["phase"] == "firing" for item in course["items"])
    missing = await moving.client.get("/api/v1/rules/hot/course", params={"series": "X:A/B:price"})
    assert missing.status_code == 422
    assert (await moving.client.get("/api/v1/episodes/9-9-9/explain")).status_code == 404
