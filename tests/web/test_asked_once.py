"""`Idempotency-Key`: what is sent again is done once, and answered alike."""

from __future__ import annotations

import asyncio
from contextlib import closing
from pathlib import Path
from typing import Any

import apsw
import httpx
import pytest
from tests.web.conftest import World, a_world, reading
from tests.web.test_access import PAGE, PASSWORD, a_client, a_page, add

from sigmawatch.app.once import asking
from sigmawatch.domain.watchlist import Watchlist
from sigmawatch.ports.once import Answered, Asked

WATCHLISTS = "/api/v1/watchlists"
SILENCES = "/api/v1/silences"
MAJORS = {"name": "majors", "items": ["*:BTC/*"]}
QUIET = {"target": ["kraken:*"], "until": "2h"}


def under(key: str) -> dict[str, str]:
    return {"Idempotency-Key": key}


def told(answer: httpx.Response) -> tuple[int, bytes, str | None]:
    return answer.status_code, answer.content, answer.headers.get("location")


async def test_the_same_request_under_a_key_is_done_once_and_answered_alike(world: World) -> None:
    """SECURITY.md S50: "Idempotency-Key reuse with same and different body: same answer / 422"."""
    first = await world.client.post(SILENCES, json=QUIET, headers=under("k-1"))
    again = await world.client.post(SILENCES, json=QUIET, headers=under("k-1"))
    assert first.status_code == 201
    assert told(again) == told(first)
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert again.headers["x-request-id"] != first.headers["x-request-id"]
    assert len((await world.get("/silences"))["items"]) == 1
    other = await world.client.post(SILENCES, json=QUIET, headers=under("k-2"))
    assert other.json()["id"] != first.json()["id"]


@pytest.mark.parametrize(
    ("path", "body"), [(SILENCES, {**QUIET, "until": "3h"}), (WATCHLISTS, MAJORS)]
)
async def test_another_request_under_that_key_is_refused(
    world: World, path: str, body: dict[str, Any]
) -> None:
    await world.client.post(SILENCES, json=QUIET, headers=under("k-1"))
    answer = await world.client.post(path, json=body, headers=under("k-1"))
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "Idempotency-Key"
    assert len((await world.get("/silences"))["items"]) == 1
    assert (await world.get("/watchlists"))["items"] == []


async def test_it_holds_after_a_restart(tmp_path: Path) -> None:
    async with a_world(tmp_path / "data") as world:
        first = await world.client.post(SILENCES, json=QUIET, headers=under('"k-1"'))
    async with a_world(tmp_path / "data") as world:
        again = await world.client.post(SILENCES, json=QUIET, headers=under("k-1"))
        assert told(again) == told(first)


async def test_the_note_is_part_of_the_transaction_that_does_the_work(world: World) -> None:
    asked = Asked(owner="key 7 abc", key="k-1", digest=b"1")
    with asking(asked):
        await world.program.watchlists.add(Watchlist.of("majors", ["*:BTC/*"]))
    assert await world.program.once.find(asked) == Answered(digest=b"1", sealed=None)


async def test_what_was_done_before_a_crash_is_not_done_again(tmp_path: Path) -> None:
    """Then it is noted, and its answer was not kept any more."""
    async with a_world(tmp_path / "data") as world:
        await world.client.post(SILENCES, json=QUIET, headers=under("k-1"))
    with closing(apsw.Connection(str(tmp_path / "data" / "sigmawatch.db"))) as database:
        database.execute("UPDATE questions SET sealed = NULL")
    async with a_world(tmp_path / "data") as world:
        again = await world.client.post(SILENCES, json=QUIET, headers=under("k-1"))
        assert again.status_code == 409
        assert "carried out" in again.json()["detail"]
        assert len((await world.get("/silences"))["items"]) == 1


async def test_what_was_refused_did_nothing_and_may_be_sent_again(world: World) -> None:
    wrong = await world.client.post(SILENCES, json={"target": ["x"]}, headers=under("k-1"))
    assert wrong.status_code == 422
    right = await world.client.post(SILENCES, json=QUIET, headers=under("k-1"))
    assert right.status_code == 201


async def test_two_at_once_under_one_key_are_one(world: World) -> None:
    both = await asyncio.gather(*(
        world.client.post(SILENCES, json=QUIET, headers=under("k-1")) for _ in range(2)
    ))  # fmt: skip
    assert {answer.status_code for answer in both} <= {201, 409}
    assert len((await world.get("/silences"))["items"]) == 1
    waiting = [answer for answer in both if answer.status_code == 409]
    assert all(answer.headers["retry-after"] == "1" for answer in waiting)


@reading
@pytest.mark.parametrize("key", ["", '""', "a b", "x" * 256, "schlüssel".encode("latin-1")])
async def test_what_is_no_key_is_refused(still: World, key: str | bytes) -> None:
    headers = [(b"idempotency-key", key if isinstance(key, bytes) else key.encode())]
    answer = await still.client.post("/api/v1/jobs", json={}, headers=headers)
    assert answer.status_code == 422
    assert "1 to 255" in answer.json()["errors"][0]["allowed"]


async def test_answers_are_kept_sealed(world: World) -> None:
    """SECURITY.md: "backups contain ciphertext only"; what is told once may be in an answer."""
    await world.client.post(WATCHLISTS, json=MAJORS, headers=under("k-1"))
    found = await world.program.once._store.find("local None None", "k-1")
    assert found is not None
    assert found.sealed is not None
    assert b"majors" not in found.sealed


async def test_a_transaction_outside_a_question_notes_nothing(world: World) -> None:
    asked = Asked(owner="o", key="k", digest=b"1")
    with asking(asked):
        pass
    await world.client.post(SILENCES, json=QUIET)
    assert await world.program.once.find(asked) is None


async def test_keys_of_different_callers_are_apart(world: World) -> None:
    await add(world, "ada", "admin")
    await add(world, "edi", "editor")
    async with a_page(world, "ada") as ada, a_page(world, "edi") as edi:
        answers = [
            await page.post("/watchlists", json={**MAJORS, "name": name}, headers=under("k-1"))
            for page, name in ((ada, "majors"), (edi, "minors"))
        ]
        assert [answer.status_code for answer in answers] == [201, 201]


async def test_what_is_told_once_is_told_again_to_who_lost_the_answer(world: World) -> None:
    await add(world, "ada", "admin")
    async with a_page(world, "ada") as ada:
        body = {"name": "ci", "scopes": ["read:metrics"]}
        made = await ada.post("/keys", json=body, headers=under("k-1"))
        again = await ada.post("/keys", json=body, headers=under("k-1"))
        assert told(again) == told(made)
        assert len((await ada.get("/keys")).json()["items"]) == 1


async def test_nobody_is_signed_in_by_an_answer_of_the_past(world: World) -> None:
    await add(world, "ada", "admin")
    async with a_client(world, **PAGE) as page:
        body = {"name": "ada", "password": PASSWORD}
        first = await page.post("/session", json=body, headers=under("k-1"))
        assert "set-cookie" in first.headers
    async with a_client(world, **PAGE) as page:
        again = await page.post("/session", json=body, headers=under("k-1"))
        assert "set-cookie" not in again.headers


async def test_who_was_refused_and_written_down_may_send_it_again(world: World) -> None:
    """SECURITY.md S06: "403, nothing changed, audit entry"; the entry is not the work."""
    for name, role in (("ada", "admin"), ("rea", "reader")):
        await add(world, name, role)
    async with a_page(world, "rea") as rea, a_page(world, "ada") as ada:
        body = {"name": "majors", "items": ["*:BTC/*"]}
        assert (await rea.post("/watchlists", json=body, headers=under("k-1"))).status_code == 403
        promoted = await ada.patch("/users/rea", json={"role": "editor"})
        assert promoted.status_code == 200, promoted.text
    async with a_page(world, "rea") as rea:
        again = await rea.post("/watchlists", json=body, headers=under("k-1"))
        assert again.status_code == 201, again.text
