"""`/deliveries`, `/inbox` and `/subscriptions`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.notifying.world import notice
from tests.web.conftest import START_MS, World, a_world

from sigmawatch.app.notifying.tokens import Purpose
from sigmawatch.domain.notice import INBOX, SUBSCRIBER, NoticeKind, NoticeStatus, Outcome
from sigmawatch.ports.ledger import Ledger


def ledger_of(world: World) -> Ledger:
    return world.program._ports.ledger


async def told(world: World, *channels: str) -> None:
    """Notices that the notifier sent, or that lie in the outbox as dead letters."""
    async with ledger_of(world).transaction() as transaction:
        await transaction.outbox.put(notice(channel=name, at_ms=START_MS) for name in channels)
    for name in channels:
        async with ledger_of(world).transaction() as transaction:
            [lease] = await transaction.outbox.claim(name, now_ms=START_MS, rows_max=1)
            dead = Outcome(status=NoticeStatus.DEAD, detail="404")
            await transaction.outbox.settle([(lease, dead)], now_ms=START_MS)


async def test_dead_letters_are_listed_counted_and_sent_again_once(world: World) -> None:
    """SEMANTICS.md 8: "Dead letters are visible, counted, and can be sent again."."""
    await told(world, "ops", "chat")
    page = await world.get("/deliveries", status="dead", limit=1)
    assert [one["channel"] for one in page["items"]] == ["chat"]
    assert (page["counts"], page["unsure"]) == ({"dead": 2}, 0)
    [older] = (await world.get("/deliveries", before=page["next_before"]))["items"]
    assert (older["channel"], older["status"], older["detail"]) == ("ops", "dead", "404")

    path = f"/api/v1/deliveries/{older['number']}"
    answer = await world.client.post(f"{path}/resend")
    assert (answer.status_code, answer.json()["status"]) == (202, "pending")
    assert (await world.client.post(f"{path}/resend")).status_code == 409
    assert (await world.client.get(path)).json()["id"] == notice(channel="ops").id


async def test_a_delivery_that_is_not_there_is_not_found(world: World) -> None:
    assert (await world.client.get("/api/v1/deliveries/7")).status_code == 404
    assert (await world.client.post("/api/v1/deliveries/7/resend")).status_code == 404


async def test_the_inbox_shows_what_the_program_told_and_what_is_unread(world: World) -> None:
    serving = asyncio.create_task(world.program.notifying.run_for_ever(world.program._outlook))
    async with ledger_of(world).transaction() as transaction:
        await transaction.outbox.put([
            notice(at_ms=START_MS), notice(NoticeKind.FIRING, series_id=2, at_ms=START_MS)
        ])  # fmt: skip
    world.program.notifying.notifier.wake()
    while (page := await world.get("/inbox"))["unread"] < 2:  # noqa: ASYNC110 - done in threads
        await asyncio.sleep(0.01)
    newest, oldest = page["items"]
    assert newest["title"] == "Firing: hot · KRAKEN:BTC/USD price 301 USD"
    assert "mean(1h) = 100 (100 % of its window)" in newest["lines"]
    body = {"through": oldest["number"]}
    assert (await world.client.post("/api/v1/inbox/read", json=body)).json() == {"read": 1}
    assert (await world.get("/inbox", unread=True))["unread"] == 1
    found = (await world.get("/deliveries", status="delivered"))["items"]
    assert {one["channel"] for one in found} == {"*", INBOX}
    serving.cancel()


@pytest.fixture
async def dry(tmp_path: Path) -> AsyncIterator[World]:
    """A world that sends nothing: anybody can be asked there."""
    async with a_world(tmp_path / "data", demo=True) as made:
        yield made


async def test_without_a_channel_for_mail_nobody_can_subscribe(world: World) -> None:
    body = {"address": "ada@example.org", "target": "rule:hot"}
    refused = await world.client.post("/api/v1/subscriptions", json=body)
    assert (refused.status_code, refused.json()["errors"][0]["allowed"]) == (
        422, "name a channel for it: notify.mail"
    )  # fmt: skip


@pytest.mark.parametrize("path", ["/api/v1/subscriptions", "/subscriptions"])
async def test_a_mail_programs_own_button_ends_a_subscription(dry: World, path: str) -> None:
    """RFC 8058, 3.1: the POST to the address of List-Unsubscribe, with the body that
    List-Unsubscribe-Post says, and no page, no cookie and no JSON."""
    body = {"address": "ada@example.org", "target": "pattern:kraken:*/usd"}
    number = (await dry.client.post("/api/v1/subscriptions", json=body)).json()["number"]
    token = dry.program.notifying.subscriptions.token(Purpose.UNSUBSCRIBE, f"{SUBSCRIBER}{number}")
    address = f"{path}/unsubscribe?token={token}"
    if path == "/subscriptions":
        seen = await dry.client.get(address)
        assert seen.headers["content-type"].startswith("text/html"), "a look is no click"
        assert len((await dry.get("/subscriptions"))["items"]) == 1
    said = {"Content-Type": "application/x-www-form-urlencoded"}
    done = await dry.client.post(address, content="List-Unsubscribe=One-Click", headers=said)
    assert done.status_code == 200, done.text
    assert (await dry.get("/subscriptions"))["items"] == []


async def test_a_subscription_is_made_shown_and_ended(dry: World) -> None:
    world = dry
    body = {"address": "ada@example.org", "target": "pattern:kraken:*/usd", "severity": "warning"}
    made = await world.client.post("/api/v1/subscriptions", json=body)
    assert made.status_code == 201
    assert (made.json()["target"], made.json()["confirmed_at"]) == ("pattern:KRAKEN:*/USD", None)
    assert (await world.client.post("/api/v1/subscriptions", json=body)).status_code == 409
    assert (await world.get("/deliveries"))["items"][0]["kind"] == "confirm"

    wrong = await world.client.post("/api/v1/subscriptions/confirm?token=1." + 43 * "a")
    assert wrong.status_code == 404, wrong.text
    number = made.json()["number"]
    assert (await world.client.delete(f"/api/v1/subscriptions/{number}")).status_code == 204
    assert (await world.get("/subscriptions"))["items"] == []
    for wrong_body in ({"address": "ada", "target": "rule:hot"}, {**body, "target": "hot"}):
        refused = await world.client.post("/api/v1/subscriptions", json=wrong_body)
        assert refused.status_code == 422
