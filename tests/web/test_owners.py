"""What belongs to one user does not exist for another (SECURITY.md, Authorization and S07)."""

from __future__ import annotations

import ast
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.egress.receiver import Receiver, answering, receiving
from tests.web.conftest import MOVES, World, a_world
from tests.web.test_access import a_page, add, guarded, kind
from tests.web.test_channels import opened, webhook

import sigmawatch.app.web
from sigmawatch.domain.alert import Severity

__all__ = ["guarded"]

HOT = {"condition": "price > 3 * mean(1h)", "target": ["kraken:*/USD"]}
UP = {"condition": "price > 1", "target": ["KRAKEN:BTC/USD"]}


@dataclass(kw_only=True)
class Users:
    """Pages of an admin, two editors and a reader of one program."""

    world: World
    ada: httpx.AsyncClient
    edi: httpx.AsyncClient
    eve: httpx.AsyncClient
    rea: httpx.AsyncClient


@pytest.fixture
async def users(guarded: World) -> AsyncIterator[Users]:
    async with (
        a_page(guarded, "ada") as ada,
        a_page(guarded, "edi") as edi,
        a_page(guarded, "eve") as eve,
        a_page(guarded, "rea") as rea,
    ):
        yield Users(world=guarded, ada=ada, edi=edi, eve=eve, rea=rea)


async def names(page: httpx.AsyncClient, path: str, field: str = "name") -> list[Any]:
    answer = await page.get(path)
    assert answer.status_code == 200, answer.text
    return [one[field] for one in answer.json()["items"]]


async def test_a_watchlist_of_another_user_does_not_exist(users: Users) -> None:
    made = await users.edi.put("/watchlists/mine", json={"items": ["*:BTC/*"]})
    assert made.status_code == 201, made.text
    assert await names(users.edi, "/watchlists") == ["mine"]
    assert await names(users.ada, "/watchlists") == ["mine"]
    for page in (users.eve, users.rea):
        assert await names(page, "/watchlists") == []
        assert kind(await page.get("/watchlists/mine")) == (404, "unknown-watchlist")
    for path in ("/metrics?watchlist=mine", "/ranking?peers=watchlist:mine",
                 "/metrics?peers=watchlist:mine", "/snapshot?watchlist=mine"):  # fmt: skip
        assert kind(await users.eve.get(path)) == (422, "unknown-watchlist")
        assert (await users.edi.get(path)).json().get("type") != "/problems/unknown-watchlist"
    named = await users.eve.put("/rules/hot", json={**HOT, "target": ["watchlist:mine"]})
    assert (named.status_code, named.json()["errors"][0]["field"]) == (422, "target")
    stolen = await users.eve.put("/watchlists/mine", json={"items": ["*:XRP/*"]})
    assert stolen.status_code == 404
    assert (await users.eve.delete("/watchlists/mine")).status_code == 404
    kept = (await users.edi.get("/watchlists/mine")).json()
    assert kept["items"] == ["*:BTC/*"]
    assert (await users.edi.delete("/watchlists/mine")).status_code == 204


async def test_a_silence_of_another_user_does_not_exist(users: Users) -> None:
    body = {"target": ["KRAKEN:*/*"], "until": "2h"}
    made = await users.edi.post("/silences", json=body)
    path = f"/silences/{made.json()['id']}"
    assert await names(users.eve, "/silences", "id") == []
    assert kind(await users.eve.get(path)) == (404, "not-found")
    assert kind(await users.eve.delete(path)) == (404, "not-found")
    assert await names(users.edi, "/silences", "id") == [made.json()["id"]]
    assert (await users.edi.delete(path)).status_code == 204
    of_all = (await users.ada.post("/silences", json=body)).json()["id"]
    assert await names(users.eve, "/silences", "id") == [of_all]
    assert kind(await users.eve.delete(f"/silences/{of_all}")) == (403, "not-permitted")


async def test_a_rule_of_another_user_does_not_exist(users: Users) -> None:
    made = await users.edi.put("/rules/hot", json=HOT)
    assert made.status_code == 201, made.text
    assert "hot" in await names(users.edi, "/rules")
    assert "hot" not in await names(users.eve, "/rules")
    etag = {"if-match": made.headers["etag"]}
    for answer in (
        await users.eve.get("/rules/hot"), await users.eve.get("/rules/hot/versions"),
        await users.eve.delete("/rules/hot", headers=etag),
        await users.eve.post("/rules/hot/enable"), await users.eve.post("/rules/hot/disable"),
        await users.eve.get("/rules/hot/course", params={"series": "KRAKEN:BTC/USD price"}),
    ):  # fmt: skip
        assert kind(answer) == (404, "unknown-rule")
    taken = await users.eve.put("/rules/hot", json=UP)
    assert taken.status_code == 404
    assert "its name is taken" in taken.json()["detail"]
    assert (await users.edi.get("/rules/hot")).json()["version"] == 1
    silence = {"target": ["KRAKEN:*/*"], "until": "2h", "rule": "hot"}
    assert (await users.eve.post("/silences", json=silence)).status_code == 422
    other = {**HOT, "cooldown": "1h"}
    assert (await users.ada.put("/rules/hot", json=other, headers=etag)).status_code == 200
    assert users.world.program.rulebook.find("hot").owner_id == 2  # whose it was


async def test_what_is_the_installations_is_an_admins_to_change(users: Users) -> None:
    shipped = (await names(users.eve, "/rules"))[0]
    read = await users.eve.get(f"/rules/{shipped}")
    etag = {"if-match": read.headers["etag"]}
    for answer in (
        await users.eve.delete(f"/rules/{shipped}", headers=etag),
        await users.eve.post(f"/rules/{shipped}/disable"),
    ):  # fmt: skip
        assert kind(answer) == (403, "not-permitted")
    assert (await users.ada.post(f"/rules/{shipped}/disable")).status_code == 200


async def test_episodes_notices_and_messages_of_another_users_rule_do_not_exist(
    users: Users,
) -> None:
    # SECURITY.md, S07: "User A reads/edits/deletes B's rule, channel, notification, key | 404"
    world = users.world
    await world.pass_slots(2, MOVES)
    assert (await users.edi.put("/rules/up", json=UP)).status_code == 201
    await world.pass_slots(3, MOVES)
    rule_id = world.program.rulebook.find("up").id
    mine = [name for name in await names(users.edi, "/episodes", "id")
            if name.startswith(f"{rule_id}-")]  # fmt: skip
    assert len(mine) == 1
    assert not set(mine) & set(await names(users.eve, "/episodes", "id"))
    for page, status in ((users.eve, 404), (users.edi, 200), (users.ada, 200)):
        assert (await page.get(f"/episodes/{mine[0]}")).status_code == status
        assert (await page.get(f"/episodes/{mine[0]}/explain")).status_code == status
    seen = await users.eve.post(f"/episodes/{mine[0]}/acknowledge", json={"by": "eve"})
    assert kind(seen) == (404, "not-found")
    sent = {one["number"]: one for one in (await users.ada.get("/deliveries")).json()["items"]}
    of_mine = [number for number, one in sent.items() if one["episode"] == mine[0]]
    assert of_mine
    assert not set(of_mine) & set(await names(users.eve, "/deliveries", "number"))
    for page, status in ((users.eve, 404), (users.edi, 200)):
        assert (await page.get(f"/deliveries/{of_mine[0]}")).status_code == status
    assert kind(await users.eve.post(f"/deliveries/{of_mine[0]}/resend")) == (404, "not-found")


async def test_a_message_about_ones_own_rule_comes_to_ones_own_inbox(users: Users) -> None:
    world = users.world
    await world.program.rulebook.put("house", UP)
    await users.edi.put("/rules/up", json=UP)
    rules = {one.name: one.id for one in world.program.rulebook.all}
    ledger = world.program._ports.ledger
    async with ledger.transaction() as transaction:
        for name in ("up", "house"):
            message: dict[str, Any] = {
                "kind": "firing",
                "thread": f"{rules[name]}-1-1",
                "title": name,
                "lines": [],
            }
            await transaction.inbox.put(
                name, severity=Severity.WARNING, message=json.dumps(message), rule_id=rules[name]
            )
    shown = {}
    for page in (users.ada, users.edi, users.eve):
        answer = (await page.get("/inbox")).json()
        shown[page] = (sorted(one["title"] for one in answer["items"]), answer["unread"])
    assert shown[users.ada] == shown[users.edi] == (["house", "up"], 2)
    assert shown[users.eve] == (["house"], 1)
    assert (await users.eve.post("/inbox/read", json={"through": 1_000})).json()["read"] == 1
    assert (await users.edi.get("/inbox")).json()["unread"] == 1  # their own


async def test_a_users_silence_holds_back_what_is_theirs_alone(users: Users) -> None:
    world = users.world
    await users.edi.put("/rules/mine", json=UP)
    await users.eve.put("/rules/theirs", json=UP)
    silence = {"target": ["KRAKEN:*/*"], "until": "2h"}
    assert (await users.edi.post("/silences", json=silence)).status_code == 201
    await world.pass_slots(3, MOVES)
    told = (await users.ada.get("/deliveries")).json()["items"]
    rules = {one.name: f"{one.id}-" for one in world.program.rulebook.all}
    assert [one for one in told if one["episode"].startswith(rules["theirs"])]
    assert not [one for one in told if one["episode"].startswith(rules["mine"])]


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving(answering(200)) as one:
        yield one


async def test_a_channel_of_another_user_does_not_exist_and_is_not_to_be_told_by(
    tmp_path: Path, receiver: Receiver
) -> None:
    async with a_world(tmp_path / "data", **opened(receiver)) as world:
        for name, role in (("ada", "admin"), ("edi", "editor"), ("eve", "editor")):
            await add(world, name, role)
        async with a_page(world, "edi") as edi, a_page(world, "eve") as eve:
            made = await edi.post("/channels", json=webhook(receiver))
            assert made.status_code == 201, made.text
            etag = {"if-match": made.headers["etag"]}
            assert await names(edi, "/channels") == ["ops"]
            assert await names(eve, "/channels") == []
            for answer in (
                await eve.get("/channels/ops"), await eve.delete("/channels/ops", headers=etag),
                await eve.post("/channels/ops/test"), await eve.post("/channels/ops/enable"),
            ):  # fmt: skip
                assert kind(answer) == (404, "unknown-channel")
            told = await eve.put("/rules/hot", json={**HOT, "channels": ["ops"]})
            assert (told.status_code, told.json()["errors"][0]["field"]) == (422, "channels")
            assert not receiver.came
            mine = await edi.put("/rules/hot", json={**HOT, "channels": ["ops"]})
            assert mine.status_code == 201, mine.text
            assert (await edi.post("/channels/ops/test")).status_code == 200
            assert (await edi.delete("/channels/ops", headers=etag)).status_code == 204


def test_every_handler_that_changes_something_says_who_does() -> None:
    """A change without `by` would be the program's own, which may everything."""
    changes = {"rulebook": {"put", "enable", "remove"}, "silencing": {"add", "end"},
               "channels": {"add", "remove", "enable", "test", "rekey"},
               "watchlists": {"add", "put", "remove"}, "notifying": {"subscribe", "send_again"},
               "subscriptions": {"end"}, "episodes": {"acknowledge"}, "book": {"put"}}  # fmt: skip
    found = 0
    for path in Path(sigmawatch.app.web.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            holder = node.func.value
            name = getattr(holder, "attr", getattr(holder, "id", ""))
            if node.func.attr in changes.get(name, ()):
                found += 1
                assert "by" in {one.arg for one in node.keywords}, f"{path.name}:{node.lineno}"
    assert found >= 15


async def test_the_audit_log_says_who_changed_what(users: Users) -> None:
    await users.edi.put("/watchlists/mine", json={"items": ["*:BTC/*"]})
    await users.ada.delete("/watchlists/mine")
    items = (await users.ada.get("/audit", params={"limit": 2})).json()["items"]
    assert [(one["who"], one["what"], one["about"]) for one in items] == [
        ("ada", "watchlist.remove", "watchlist mine"), ("edi", "watchlist.put", "watchlist mine"),
    ]  # fmt: skip
    assert items[0]["before"] == items[1]["after"] != ""
    assert items[0]["after"] == ""
