"""Markets and venues are paused over the API: what is shown, ranked and judged meanwhile."""

from __future__ import annotations

from tests.web.conftest import World


async def posted(world: World, path: str) -> dict[str, object]:
    answer = await world.client.post(f"/api/v1{path}")
    assert answer.status_code == 200, answer.text
    found: dict[str, object] = answer.json()
    return found


async def test_a_paused_market_is_shown_so_and_has_no_rank(moving: World) -> None:
    before = await moving.get("/ranking", window="10m")
    told = await posted(moving, "/markets/kraken:btc-usd/pause")
    assert (told["name"], told["paused"]) == ("KRAKEN:BTC/USD", True)
    await moving.pass_slots(1)
    row = await moving.get("/metrics/kraken:btc-usd:price")
    assert (row["state"], row["rank"], row["rank_reason"]) == ("paused", None, "paused")
    after = await moving.get("/ranking", window="10m")
    assert (after["of"], after["excluded"]) == (before["of"] - 1, before["excluded"] + 1)
    told = await posted(moving, "/markets/kraken:btc-usd/resume")
    assert told["paused"] is False
    await moving.pass_slots(1)
    assert (await moving.get("/metrics/kraken:btc-usd:price"))["state"] == "fresh"
    deeds = [row["what"] for row in (await moving.get("/audit"))["items"]]
    assert deeds[:2] == ["market.resume", "market.pause"]


async def test_nothing_fires_over_what_is_paused_and_what_does_stays_open(moving: World) -> None:
    rules = {
        "gone": {"condition": "stale", "target": ["kraken:*"]},
        "high": {"condition": "price > 0", "target": ["kraken:BTC/USD"], "no_data": "alert",
                 "no_data_for": "2m"},
        "soon": {"condition": "price > 0 for 4m", "target": ["kraken:ETH/USD"]},
    }  # fmt: skip
    for name, body in rules.items():
        answer = await moving.client.put(f"/api/v1/rules/{name}", json=body)
        assert answer.status_code in {200, 201}, answer.text
    await moving.pass_slots(2)
    for base in ("btc", "eth"):
        await posted(moving, f"/markets/kraken:{base}-usd/pause")
    await moving.pass_slots(8)
    episodes = (await moving.get("/episodes"))["items"]
    assert [(one["rule"], one["closed_at"]) for one in episodes] == [("high", None)]
    notices = await moving.program._ports.alerts.notices(episodes[0]["id"])
    assert [str(one.kind) for one in notices] == ["firing"]
    for base in ("btc", "eth"):
        await posted(moving, f"/markets/kraken:{base}-usd/resume")
    await moving.pass_slots(3)
    episodes = (await moving.get("/episodes"))["items"]
    assert [one["rule"] for one in episodes] == ["high"], "four minutes begin anew"
    await moving.pass_slots(3)
    assert {one["rule"] for one in (await moving.get("/episodes"))["items"]} == {"high", "soon"}


async def test_a_paused_venue_is_told_as_such(moving: World) -> None:
    told = await posted(moving, "/venues/kraken/pause")
    assert (told["state"], told["detail"]) == ("paused", "by local")
    await moving.pass_slots(2)
    assert (await moving.get("/venues/kraken"))["state"] == "paused"
    tracked = (await moving.get("/markets", venue="kraken", tracked=True))["items"]
    assert all(one["paused"] for one in tracked)
    await posted(moving, "/venues/kraken/resume")
    await moving.pass_slots(1)
    assert (await moving.get("/venues/kraken"))["state"] == "up"


async def test_what_is_not_tracked_cannot_be_paused(moving: World) -> None:
    for path, status in (
        ("/markets/kraken:new-usd/pause", 404),
        ("/markets/kraken:none-usd/pause", 404),
        ("/venues/moon/pause", 404),
        ("/markets/a:b:c/resume", 422),
    ):
        answer = await moving.client.post(f"/api/v1{path}")
        assert answer.status_code == status, answer.text
