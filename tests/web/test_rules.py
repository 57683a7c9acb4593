"""`/rules`, `/silences`, `/episodes`: rules as data, through the API."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
from tests.web.conftest import MOVES, START_MS, World, a_world

from sigmawatch.domain.alert import Episode, Severity

HOT: dict[str, Any] = {"condition": "price > 3 * mean(1h)", "target": ["kraken:*/USD"]}


def fields(answer: httpx.Response) -> dict[str, Any]:
    return {error["field"]: error for error in answer.json()["errors"]}


async def test_a_rule_is_made_shown_changed_and_removed(moving: World) -> None:
    client = moving.client
    made = await client.put("/api/v1/rules/Hot", json=HOT)
    assert (made.status_code, made.headers["location"]) == (201, "/api/v1/rules/hot")
    shown = await client.get("/api/v1/rules/hot")
    assert shown.json() == made.json()
    told = shown.json()
    assert (told["version"], told["target"], told["origin"]) == (1, ["KRAKEN:*/USD"], "api")
    assert told["clears_when"] == "not price > 2.7 * mean(1h)"
    assert (told["cooldown"], told["problems"]) == ("15m", [])
    assert shown.headers["etag"] == told["etag"]
    kept = {"If-None-Match": shown.headers["etag"]}
    assert (await client.get("/api/v1/rules/hot", headers=kept)).status_code == 304
    changed = await client.put("/api/v1/rules/hot", json={**HOT, "cooldown": "1h"},
                               headers={"If-Match": shown.headers["etag"]})  # fmt: skip
    assert (changed.status_code, changed.json()["version"]) == (200, 2)
    versions = (await moving.get("/rules/hot/versions"))["items"]
    assert [(one["version"], one["cooldown"]) for one in versions] == [(2, "1h"), (1, "15m")]
    gone = await client.delete("/api/v1/rules/hot", headers={"If-Match": changed.headers["etag"]})
    assert gone.status_code == 204
    assert (await client.get("/api/v1/rules/hot")).json()["type"] == "/problems/unknown-rule"


async def test_who_changes_a_rule_says_which_version_was_read(moving: World) -> None:
    """SECURITY.md S49: "If-Match missing/stale; two concurrent edits: 428 / 412; one winner"."""
    client = moving.client
    read = (await client.put("/api/v1/rules/hot", json=HOT)).headers["etag"]
    colder = {**HOT, "cooldown": "1h"}
    assert (await client.put("/api/v1/rules/hot", json=colder)).status_code == 428
    assert (await client.delete("/api/v1/rules/hot")).status_code == 428
    match = {"If-Match": read}
    assert (await client.put("/api/v1/rules/hot", json=colder, headers=match)).status_code == 200
    assert (await client.put("/api/v1/rules/hot", json=HOT, headers=match)).status_code == 412
    assert (await client.delete("/api/v1/rules/hot", headers=match)).status_code == 412
    assert (await client.put("/api/v1/rules/new", json=HOT, headers=match)).status_code == 412
    whatever = {"If-Match": "*"}
    assert (await client.delete("/api/v1/rules/hot", headers=whatever)).status_code == 204


async def test_everything_wrong_with_a_rule_is_told_at_once_with_its_place(moving: World) -> None:
    line = "price > 3 * medan(1h)"
    answer = await moving.client.put("/api/v1/rules/hot", json={
        "condition": line, "target": ["kraken"], "cooldown": "8d", "valid_until": "soon",
    })  # fmt: skip
    assert answer.status_code == 422
    found = fields(answer)
    assert found.keys() == {"condition", "target", "cooldown", "valid_until"}
    assert found["condition"]["position"] == line.index("medan")
    more = await moving.client.post("/api/v1/rules/check", json={
        **HOT, "target": ["watchlist:none"], "mute": ["10:00-11:00 Mars/X"],
    })  # fmt: skip
    assert more.status_code == 422
    assert fields(more).keys() == {"target", "mute[0]"}
    unknown = await moving.client.put("/api/v1/rules/hot", json={**HOT, "colour": "red"})
    assert unknown.json()["type"] == "/problems/unknown-field"
    assert (await moving.client.get("/api/v1/rules/hot")).status_code == 404


async def test_a_rule_of_more_than_64_kb_is_refused(moving: World) -> None:
    """SECURITY.md: "body 1 MB (rules 64 KB)"."""
    many = {**HOT, "target": [f"kraken:A{number}/USD" for number in range(5_000)]}
    answer = await moving.client.put("/api/v1/rules/hot", json=many)
    assert answer.status_code == 413


async def test_a_rule_can_be_checked_without_being_saved(moving: World) -> None:
    answer = await moving.client.post("/api/v1/rules/check", json=HOT)
    assert answer.status_code == 200
    assert answer.json() == {
        "condition": "price > 3 * mean(1h)", "clears_when": "not price > 2.7 * mean(1h)",
        "series_count": 6, "warnings": [], "demo": False,
    }  # fmt: skip
    warned = await moving.client.post("/api/v1/rules/check", json={**HOT, "target": ["no:*/USD"]})
    assert warned.json()["warnings"][0]["path"] == "target"
    assert (await moving.client.get("/api/v1/rules/new")).status_code == 404


async def test_a_rule_is_disabled_and_enabled_and_keeps_its_version(moving: World) -> None:
    await moving.client.put("/api/v1/rules/hot", json=HOT)
    off = await moving.client.post("/api/v1/rules/hot/disable")
    assert (off.json()["enabled"], off.json()["version"]) == (False, 1)
    on = await moving.client.post("/api/v1/rules/hot/enable")
    assert (on.json()["enabled"], on.json()["version"]) == (True, 1)
    assert (await moving.client.post("/api/v1/rules/none/enable")).status_code == 404


async def test_what_the_rules_file_defines_is_shown_with_its_problems_and_changed_there(
    tmp_path: Path,
) -> None:
    """P34: a bad rule never stops a running program, and "error shown at the rule"."""
    source = tmp_path / "sigmawatch.toml"
    (tmp_path / "rules.toml").write_text(
        '[rules.hot]\ncondition = "price > 3 * mean(1h)"\ntarget = "*:*/USD"\n'
        '[rules.cold]\ncondition = "price < mean(1x)"\ntarget = "*:*/USD"\n', "utf-8"
    )  # fmt: skip
    async with a_world(tmp_path / "data", source=source) as world:
        page = await world.get("/rules")
        assert page["file"] == "rules.toml"
        assert [one["path"] for one in page["file_problems"]] == ["rules.cold.condition"]
        assert "cold" not in [one["name"] for one in page["items"]]
        assert (await world.get("/rules/hot"))["origin"] == "file"
        for answer in (
            await world.client.put("/api/v1/rules/hot", json=HOT, headers={"If-Match": "*"}),
            await world.client.delete("/api/v1/rules/hot", headers={"If-Match": "*"}),
            await world.client.post("/api/v1/rules/hot/disable"),
        ):
            assert answer.status_code == 409
            assert "rules.toml" in answer.json()["detail"]
        assert (await world.client.get("/readyz")).status_code == 200


async def test_rules_are_judged_from_the_next_slot_on_and_open_episodes(moving: World) -> None:
    await moving.client.put("/api/v1/rules/up", json={
        "condition": "price > 0", "target": ["kraken:BTC/USD"], "severity": "critical",
    })  # fmt: skip
    await moving.pass_slots(2, MOVES)
    [episode] = (await moving.get("/episodes", open=True))["items"]
    assert (episode["rule"], episode["series"]) == ("up", "KRAKEN:BTC/USD:price")
    assert (episode["severity"], episode["closed_at"]) == ("critical", None)
    path = f"/api/v1/episodes/{episode['id']}"
    seen = await moving.client.post(f"{path}/acknowledge", json={"by": "ann"})
    again = await moving.client.post(f"{path}/acknowledge", json={"by": "bob"})
    assert seen.json()["acknowledged_by"] == again.json()["acknowledged_by"] == "ann"
    assert (await moving.client.get(path)).json() == again.json()
    for wrong in ("9-9-9", "nothing", "1-1-99999999999999999999999"):
        refused = await moving.client.post(
            f"/api/v1/episodes/{wrong}/acknowledge", json={"by": "ann"}
        )
        assert refused.status_code == 404
    await moving.client.post("/api/v1/rules/up/disable")
    await moving.pass_slots(1, MOVES)
    assert not (await moving.get("/episodes", open=True))["items"]


async def test_pages_of_episodes_go_through_all_of_a_storm(moving: World) -> None:
    await moving.client.put("/api/v1/rules/up", json=HOT)
    rule = moving.program.rulebook.find("up")
    async with moving.program._ports.ledger.transaction() as transaction:
        await transaction.alerts.put_episodes(
            Episode(rule_id=rule.id, series_id=series.id, version=1, severity=Severity.INFO,
                    opened_ms=START_MS, told_ms=START_MS)
            for series in moving.program.catalogue.series
        )  # fmt: skip
    found: list[str] = []
    page = await moving.get("/episodes", limit=5)
    while page["next_cursor"]:
        found += [one["id"] for one in page["items"]]
        page = await moving.get("/episodes", limit=5, cursor=page["next_cursor"])
    found += [one["id"] for one in page["items"]]
    assert len(found) == len(set(found)) == 12


async def test_pages_of_rules_go_through_all_by_name(moving: World) -> None:
    for name in ("b", "a", "z", "hot"):
        await moving.client.put(f"/api/v1/rules/{name}", json=HOT)
    found: list[str] = []
    page = await moving.get("/rules", limit=3)
    while page["next_cursor"]:
        found += [one["name"] for one in page["items"]]
        page = await moving.get("/rules", limit=3, cursor=page["next_cursor"])
    found += [one["name"] for one in page["items"]]
    assert found == sorted(["b", "a", "z", "hot", "data-stale", "price-move", "volume-surge"])
    assert page["total"] == 7


async def test_a_silence_is_made_shown_and_ended(moving: World) -> None:
    made = await moving.client.post("/api/v1/silences", json={
        "target": ["kraken:*"], "until": "2h", "by": "ann", "comment": "maintenance",
    })  # fmt: skip
    assert made.status_code == 201
    shown = await moving.client.get(made.headers["location"])
    assert shown.json() == made.json()
    assert shown.json()["target"] == ["KRAKEN:*/*"]
    assert (await moving.get("/silences"))["items"] == [made.json()]
    assert (await moving.client.delete(made.headers["location"])).status_code == 204
    assert (await moving.get("/silences"))["items"] == []
    assert (await moving.client.get(made.headers["location"])).status_code == 404
    assert (await moving.client.delete("/api/v1/silences/99")).status_code == 404


async def test_a_silence_that_means_nothing_or_is_over_is_refused(moving: World) -> None:
    for body, field in (
        ({"target": ["kraken"], "until": "2h"}, "target"),
        ({"target": ["watchlist:none"], "until": "2h"}, "watchlist"),
        ({"target": ["kraken:*"], "until": "2h", "rule": "none"}, "rule"),
        ({"target": ["kraken:*"], "until": "2020-01-01T00:00:00Z"}, "until"),
        ({"target": ["kraken:*"], "until": "soon"}, "until"),
        ({"target": ["kraken:*"], "until": "2h", "comment": "a\r\nb"}, "comment"),
    ):
        answer = await moving.client.post("/api/v1/silences", json=body)
        assert answer.status_code == 422, answer.text
        assert fields(answer).keys() == {field}


async def test_rules_and_silences_are_there_after_a_restart(tmp_path: Path) -> None:
    async with a_world(tmp_path / "data") as world:
        await world.client.put("/api/v1/rules/hot", json=HOT)
        await world.client.post("/api/v1/silences", json={"target": ["kraken:*"], "until": "2h"})
        rules, silences = await world.get("/rules"), await world.get("/silences")
    async with a_world(tmp_path / "data") as world:
        assert await world.get("/rules") == rules
        assert await world.get("/silences") == silences
