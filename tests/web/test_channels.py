"""`/channels`: made, tested and removed over the API; what was written is never read back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.channels.samples import SECRET, a_message
from tests.egress.receiver import Receiver, answering, receiving
from tests.web.conftest import World, a_world

from sigmawatch.adapters.vault import NAME as KEY_FILE
from sigmawatch.domain.errors import Conflict, NotFound, Refused
from sigmawatch.ports.channel import Answer

PLANTED = "QplantedSecretQ"


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving(answering(200)) as one:
        yield one


def webhook(receiver: Receiver, name: str = "ops") -> dict[str, Any]:
    url = f"http://127.0.0.1:{receiver.port}/in?key={PLANTED}"
    return {"name": name, "service": "webhook", "settings": {"url": url, "secret": SECRET}}


def opened(receiver: Receiver) -> dict[str, Any]:
    return {"egress": {"allow": [f"127.0.0.0/8:{receiver.port}"]}}


async def test_a_channel_is_made_tested_and_removed(tmp_path: Path, receiver: Receiver) -> None:
    async with a_world(tmp_path / "data", **opened(receiver)) as world:
        made = await world.client.post("/api/v1/channels", json=webhook(receiver))
        assert made.status_code == 201, made.text
        assert made.headers["location"] == "/api/v1/channels/ops"
        shown = made.json()
        assert (shown["origin"], shown["state"]) == ("api", "ready")
        assert shown["address"] == f"127.0.0.1:{receiver.port} …retQ"
        tested = await world.client.post("/api/v1/channels/ops/test")
        assert (tested.status_code, tested.json()["delivered"]) == (200, True)
        told = json.loads(receiver.came[0].body)
        assert "test of the channel ops" in told["data"]["title"]
        match = {"If-Match": made.headers["etag"]}
        removed = await world.client.delete("/api/v1/channels/ops", headers=match)
        assert removed.status_code == 204
        gone = await world.client.post("/api/v1/channels/ops/test")
        assert (gone.status_code, gone.json()["type"]) == (404, "/problems/unknown-channel")


async def test_who_removes_a_channel_says_what_was_read(tmp_path: Path, receiver: Receiver) -> None:
    """SECURITY.md S49: "If-Match missing/stale; two concurrent edits: 428 / 412; one winner"."""
    async with a_world(tmp_path / "data", **opened(receiver)) as world:
        client, address = world.client, "/api/v1/channels/ops"
        await client.post("/api/v1/channels", json=webhook(receiver))
        read = (await client.get(address)).headers["etag"]
        assert (await client.get(address, headers={"If-None-Match": read})).status_code == 304
        assert (await client.delete(address)).status_code == 428
        await world.program.channels.disable("ops", reason="HTTP 410")
        stale = await client.delete(address, headers={"If-Match": read})
        assert (stale.status_code, stale.json()["type"]) == (412, "/problems/precondition-failed")
        match = {"If-Match": (await client.get(address)).headers["etag"]}
        both = await asyncio.gather(*(client.delete(address, headers=match) for _ in range(2)))
        assert sorted(answer.status_code for answer in both) == [204, 404]


async def test_what_failed_is_said(tmp_path: Path, receiver: Receiver) -> None:
    receiver.behave = answering(503, headers={"Retry-After": "3"})
    async with a_world(tmp_path / "data", **opened(receiver)) as world:
        await world.client.post("/api/v1/channels", json=webhook(receiver))
        tested = (await world.client.post("/api/v1/channels/ops/test")).json()
    assert (tested["delivered"], tested["answer"], tested["detail"]) == (False, "later", "HTTP 503")


async def test_channels_and_their_secrets_outlive_a_restart(
    tmp_path: Path, receiver: Receiver
) -> None:
    async with a_world(tmp_path / "data", **opened(receiver)) as world:
        await world.client.post("/api/v1/channels", json=webhook(receiver))
    async with a_world(tmp_path / "data", **opened(receiver)) as world:
        sent = await world.program.channels.test("OPS")
        assert sent.answer is Answer.ACCEPTED
        rekeyed = await world.client.post("/api/v1/channels/rekey")
        assert rekeyed.json()["count"] == 1
    async with a_world(tmp_path / "data", **opened(receiver)) as world:
        assert (await world.program.channels.test("ops")).answer is Answer.ACCEPTED


async def test_without_its_key_a_channel_says_so_and_the_others_go_on(
    tmp_path: Path, receiver: Receiver
) -> None:
    defined = {"home": webhook(receiver)["settings"] | {"service": "webhook"}}
    settings: dict[str, Any] = {**opened(receiver), "channels": defined}
    async with a_world(tmp_path / "data", **settings) as world:
        await world.client.post("/api/v1/channels", json=webhook(receiver))
    (tmp_path / "data" / KEY_FILE).unlink()
    async with a_world(tmp_path / "data", **settings) as world:
        shown = {one["name"]: one for one in (await world.get("/channels"))["items"]}
        assert (shown["ops"]["state"], shown["home"]["state"]) == ("unusable", "ready")
        assert "key" in shown["ops"]["reason"]
        with pytest.raises(Refused, match="key"):
            world.program.channels.find("ops")
        assert (await world.program.channels.test("home")).answer is Answer.ACCEPTED


async def test_what_the_configuration_defines_is_changed_there(
    tmp_path: Path, receiver: Receiver
) -> None:
    source = tmp_path / "sigmawatch.toml"
    settings: dict[str, Any] = {
        **opened(receiver),
        "channels": {"ops": {"service": "slack", "url": "https://hooks.slack.com/services/a"}},
    }
    async with a_world(tmp_path / "data", source=source, **settings) as world:
        for answer in (
            await world.client.post("/api/v1/channels", json=webhook(receiver)),
            await world.client.delete("/api/v1/channels/ops", headers={"If-Match": "*"}),
        ):
            assert answer.status_code == 409
            assert "sigmawatch.toml" in answer.json()["detail"]
        assert (await world.get("/channels/ops"))["origin"] == "file"


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        ({"name": "inbox"}, {"name"}),
        ({"name": "a b"}, {"name"}),
        ({"service": "fax"}, {"service"}),
        ({"settings": {}}, {"url", "secret"}),
        (
            {"settings": {"url": "https://10.0.0.1/", "secret": "short", "colour": "red"}},
            {"colour"},
        ),
        ({"settings": {"url": "https://10.0.0.1/", "secret": "short"}}, {"url", "secret"}),
        ({"settings": {"url": f"https://localhost/{PLANTED}", "secret": SECRET}}, {"url"}),
        ({"more": 1}, {"more"}),
    ],
)
async def test_everything_that_is_wrong_is_named_and_nothing_is_quoted(
    world: World, receiver: Receiver, change: dict[str, object], fields: set[str]
) -> None:
    """S26-S34: 422 at save."""
    answer = await world.client.post("/api/v1/channels", json={**webhook(receiver), **change})
    assert answer.status_code == 422, answer.text
    assert {error["field"] for error in answer.json()["errors"]} == fields
    assert PLANTED not in answer.text
    assert (await world.get("/channels"))["items"] == []


async def test_a_disabled_channel_is_not_found_until_it_is_enabled(
    tmp_path: Path, receiver: Receiver
) -> None:
    async with a_world(tmp_path / "data", **opened(receiver)) as world:
        await world.client.post("/api/v1/channels", json=webhook(receiver))
        await world.program.channels.disable("ops", reason="HTTP 410")
        with pytest.raises(Refused, match="HTTP 410"):
            world.program.channels.find("ops")
        assert (await world.get("/channels/ops"))["state"] == "disabled"
    async with a_world(tmp_path / "data", **opened(receiver)) as world:
        assert (await world.get("/channels/ops"))["reason"] == "HTTP 410"
        enabled = await world.client.post("/api/v1/channels/ops/enable")
        assert enabled.json()["state"] == "ready"
        assert world.program.channels.find("ops").name == "ops"


async def test_a_demo_tells_nobody(tmp_path: Path, receiver: Receiver) -> None:
    """SEMANTICS.md 5: "every channel is dry-run"."""
    async with a_world(tmp_path / "data", demo=True, **opened(receiver)) as world:
        await world.client.post("/api/v1/channels", json=webhook(receiver))
        assert (await world.client.post("/api/v1/channels/ops/test")).status_code == 409
    assert receiver.connections_count == 0


async def test_subscribers_get_their_mail_by_the_channel_that_is_named(tmp_path: Path) -> None:
    mail = {"service": "smtp", "server": "smtp.example.com", "sender": "alerts@example.com",
            "to": "ops@example.com"}  # fmt: skip
    settings: dict[str, Any] = {
        "channels": {"mail": mail, "chat": {"service": "slack", "url": "https://a.com/b"}}
    }
    async with a_world(tmp_path / "a", **settings, notify={"mail": "mail"}) as world:
        assert world.program.channels.mailing("me@example.org").name == "mail"
        with pytest.raises(Refused):
            world.program.channels.mailing("me@example.org\r\nX: y")
    async with a_world(tmp_path / "b", **settings, notify={"mail": "chat"}) as world:
        with pytest.raises(Refused, match="no mail"):
            world.program.channels.mailing("me@example.org")
    async with a_world(tmp_path / "c", **settings) as world:
        with pytest.raises(NotFound):
            world.program.channels.mailing("me@example.org")


def left_in(folder: Path) -> dict[Path, bytes]:
    """Every file and what it holds, but the key's."""
    files = [one for one in folder.rglob("*") if one.is_file() and one.name != KEY_FILE]
    return {one: one.read_bytes() for one in files}


async def test_a_secret_that_is_planted_is_found_nowhere(
    tmp_path: Path,
    receiver: Receiver,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """S39, S40: API, export, backup, error text, logs, after a hundred failing deliveries."""
    receiver.behave = answering(500, PLANTED.encode())
    async with a_world(tmp_path / "data", **opened(receiver)) as world:
        bodies = (webhook(receiver), webhook(receiver), webhook(receiver, "a b"))
        answers = [(await world.client.post("/api/v1/channels", json=one)).text for one in bodies]
        channel = world.program.channels.find("ops")
        answers += [repr(await channel.send(a_message())) for _ in range(100)]
        paths = ("/channels", "/channels/ops", "/deliveries", "/storage", "/metrics")
        answers += [(await world.client.get(f"/api/v1{path}")).text for path in paths]
        answers += [repr(world.program.channels.entry("ops")), repr(world.program.config)]
        await world.pass_slots(1)
        copy = str(tmp_path / "copy.db")
        await world.program._ports.backups.backup(copy, told=lambda done, total: None)
    told = capfd.readouterr()
    files = await asyncio.to_thread(left_in, tmp_path)
    assert any(one.name == "copy.db" for one in files)
    for text in (*answers, told.out, told.err, caplog.text):
        assert PLANTED not in text
        assert SECRET not in text
    for one, held in files.items():
        assert PLANTED.encode() not in held, one.name
        assert SECRET.encode() not in held, one.name


async def test_a_channel_that_is_there_is_not_made_twice(
    tmp_path: Path, receiver: Receiver
) -> None:
    async with a_world(tmp_path / "data", **opened(receiver)) as world:
        for status in (201, 409):
            answer = await world.client.post("/api/v1/channels", json=webhook(receiver))
            assert answer.status_code == status
        with pytest.raises(Conflict):
            await world.program.channels.add("ops", "slack", given={})


async def test_a_channel_is_changed_whole_by_who_has_read_it(
    tmp_path: Path, receiver: Receiver
) -> None:
    """SECURITY.md S49; and no secret goes where it was not meant for: nothing of before is kept."""
    async with a_world(tmp_path / "data", **opened(receiver)) as world:
        client, address = world.client, "/api/v1/channels/ops"
        made = await client.post("/api/v1/channels", json=webhook(receiver))
        await world.program.channels.disable("ops", reason="HTTP 410")
        body = {name: value for name, value in webhook(receiver).items() if name != "name"}
        assert (await client.put(address, json=body)).status_code == 428
        stale = await client.put(address, json=body, headers={"If-Match": made.headers["etag"]})
        assert stale.status_code == 412
        match = {"If-Match": (await client.get(address)).headers["etag"]}
        partly = {"service": "webhook", "settings": {"per_minute": 3}}
        wrong = await client.put(address, json=partly, headers=match)
        assert [one["field"] for one in wrong.json()["errors"]] == ["url", "secret"]
        body["settings"]["per_minute"] = 3
        changed = await client.put(address, json=body, headers=match)
        assert changed.status_code == 200, changed.text
        assert (changed.json()["per_minute"], changed.json()["state"]) == (3.0, "ready")
        assert changed.headers["etag"] != match["If-Match"]
        assert PLANTED not in changed.text
        assert (await client.put(address, json=body, headers=match)).status_code == 412
    async with a_world(tmp_path / "data", **opened(receiver)) as world:
        assert (await world.program.channels.test("ops")).answer is Answer.ACCEPTED


async def test_every_service_says_what_a_channel_of_it_needs(tmp_path: Path) -> None:
    async with a_world(tmp_path / "data") as world:
        services = {one["name"]: one for one in (await world.get("/services"))["items"]}
    assert "apprise" not in services
    settings = {one["name"]: one for one in services["webhook"]["settings"]}
    assert (settings["url"]["required"], settings["url"]["secret"]) == (True, True)
    assert settings["per_minute"]["required"] is False
