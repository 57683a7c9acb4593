"""`/session`, `/setup`, `/users`, `/keys`, `/audit`: access over the API, on a real program."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.web.conftest import TOKEN, World

PASSWORD = "correct horse battery staple"
BY_COMMAND = {"authorization": f"Bearer {TOKEN}"}
PAGE = {"sec-fetch-site": "same-origin", "x-sigmawatch": "1"}


@asynccontextmanager
async def a_client(world: World, **headers: str) -> AsyncIterator[httpx.AsyncClient]:
    """Another browser or program on this machine."""
    app: Any = world.app
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://127.0.0.1:8000/api/v1", headers=headers
    ) as client:
        yield client


@asynccontextmanager
async def a_page(
    world: World, name: str, password: str = PASSWORD
) -> AsyncIterator[httpx.AsyncClient]:
    """A browser in which somebody is logged in."""
    async with a_client(world, **PAGE) as page:
        login = await page.post("/session", json={"name": name, "password": password})
        assert login.status_code == 201, login.text
        yield page


async def add(world: World, name: str, role: str = "editor") -> None:
    body = {"name": name, "role": role, "password": PASSWORD}
    made = await world.client.post("/api/v1/users", json=body, headers=BY_COMMAND)
    assert made.status_code == 201, made.text


@pytest.fixture
async def guarded(world: World) -> World:
    """With an admin, two editors and a reader."""
    for name, role in (("ada", "admin"), ("edi", "editor"), ("eve", "editor"), ("rea", "reader")):
        await add(world, name, role)
    return world


async def a_key(page: httpx.AsyncClient, *scopes: str, **more: Any) -> dict[str, Any]:
    made = await page.post(
        "/keys", json={"name": "ci", "scopes": scopes or ["read:metrics"], **more}
    )
    assert made.status_code == 201, made.text
    told: dict[str, Any] = made.json()
    return told


def kind(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].removeprefix("/problems/")


async def test_without_a_user_this_machine_needs_no_login_and_with_one_it_does(
    world: World,
) -> None:
    shown = (await world.client.get("/api/v1/session")).json()
    assert (shown["kind"], shown["guarded"]) == ("local", False)
    assert (await world.client.get("/api/v1/metrics")).status_code == 200
    await add(world, "ada", "admin")
    assert kind(await world.client.get("/api/v1/metrics")) == (401, "unauthorized")
    shown = (await world.client.get("/api/v1/session")).json()
    assert (shown["kind"], shown["scopes"]) == ("anonymous", [])


async def test_the_set_up_token_makes_the_first_admin_once(world: World) -> None:
    # SECURITY.md, S10: "Re-use of the setup token; setup after set-up; setup from LAN |
    # 401/403/404"
    async with a_client(world, **PAGE) as page:
        body = {"token": "x" * 43, "name": "ada", "password": PASSWORD}
        assert kind(await page.post("/setup", json=body)) == (401, "unauthorized")
        assert kind(await page.post("/setup/token")) == (403, "not-permitted")
        issued = await page.post("/setup/token", headers=BY_COMMAND)
        body["token"] = issued.json()["token"]
        assert issued.headers["cache-control"] == "no-store"
        made = await page.post("/setup", json=body)
        assert made.status_code == 201, made.text
        assert (made.json()["name"], made.json()["role"]) == ("ada", "admin")
        assert (await page.get("/users")).status_code == 200  # logged in by the answer's cookie
        assert kind(await page.post("/setup", json=body)) == (404, "not-found")


async def test_the_set_up_is_not_for_the_network(world: World) -> None:
    app: Any = world.app
    token = world.program.access.setup.issue()
    transport = httpx.ASGITransport(app, client=("192.0.2.7", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as stranger:
        body = {"token": token, "name": "eve", "password": PASSWORD}
        refused = await stranger.post("/api/v1/setup", json=body)
    assert kind(refused) == (403, "forbidden")
    assert not world.program.access.book.guarded


async def test_whoever_asks_on_this_machine_is_not_its_first_admin(world: World) -> None:
    body = {"name": "eve", "role": "admin", "password": PASSWORD}
    refused = await world.client.post("/api/v1/users", json=body)
    assert kind(refused) == (409, "conflict")
    assert "setup" in refused.json()["errors"][0]["allowed"]


async def test_a_login_sets_a_cookie_that_only_this_site_is_sent(guarded: World) -> None:
    # SECURITY.md: "HttpOnly, SameSite=Strict; over TLS `__Host-` prefix and Secure"
    async with a_client(guarded, **PAGE) as page:
        login = await page.post("/session", json={"name": "edi", "password": PASSWORD})
        cookie = login.headers["set-cookie"].lower()
        for part in ("sigmawatch=", "httponly", "samesite=strict", "path=/", "max-age=604800"):
            assert part in cookie
        assert "domain" not in cookie
        assert login.headers["cache-control"] == "no-store"
        shown = (await page.get("/session")).json()
        assert (shown["kind"], shown["name"], shown["role"]) == ("user", "edi", "editor")
        assert shown["expires_at"] == "2026-11-28T08:00:00.000Z"
        assert (await page.delete("/session")).status_code == 204
        assert (await page.get("/metrics")).status_code == 401


async def test_an_old_cookie_is_good_for_nothing(guarded: World) -> None:
    # SECURITY.md, S11: "Session fixation, old id after login, cookie after logout | new id, old
    # refused"
    async with a_client(guarded, **PAGE, cookie="sigmawatch=chosen-by-somebody") as page:
        login = await page.post("/session", json={"name": "edi", "password": PASSWORD})
        first = re.search("sigmawatch=([^;]+)", login.headers["set-cookie"])
    assert first is not None
    assert first[1] != "chosen-by-somebody"
    async with a_client(guarded, **PAGE, cookie=f"sigmawatch={first[1]}") as page:
        assert (await page.get("/metrics")).status_code == 200
        login = await page.post("/session", json={"name": "edi", "password": PASSWORD})
        assert f"sigmawatch={first[1]}" not in login.headers["set-cookie"]
        page.cookies.clear()
        assert (await page.get("/metrics")).status_code == 401


async def test_wrong_logins_are_told_alike(guarded: World) -> None:
    async with a_client(guarded, **PAGE) as page:
        told = set()
        for name, password in (("edi", "wrong" * 3), ("nobody", PASSWORD)):
            answer = await page.post("/session", json={"name": name, "password": password})
            assert kind(answer) == (401, "unauthorized")
            assert answer.headers["www-authenticate"] == "Bearer"
            told.add(answer.json()["detail"])
        assert len(told) == 1


async def test_guessing_passwords_has_to_wait(guarded: World) -> None:
    # SECURITY.md, S05: "429 growing delay"
    async with a_client(guarded, **PAGE) as page:
        for _ in range(3):
            await page.post("/session", json={"name": "edi", "password": "wrong" * 3})
        answer = await page.post("/session", json={"name": "edi", "password": PASSWORD})
        assert kind(answer) == (429, "too-many-requests")
        assert answer.headers["retry-after"] == "1"


async def test_whoever_changes_their_password_goes_on_with_a_new_cookie(guarded: World) -> None:
    async with a_page(guarded, "edi") as page, a_page(guarded, "edi") as elsewhere:
        body = {"current": PASSWORD, "password": "another long password"}
        assert (await page.put("/session/password", json=body)).status_code == 200
        assert (await page.get("/metrics")).status_code == 200
        assert (await elsewhere.get("/metrics")).status_code == 401
    async with a_page(guarded, "edi", "another long password"):
        pass


async def test_log_out_everywhere(guarded: World) -> None:
    async with a_page(guarded, "edi") as page, a_page(guarded, "edi") as elsewhere:
        gone = await page.delete("/session", params={"everywhere": "true"})
        assert gone.status_code == 204
        assert (await elsewhere.get("/metrics")).status_code == 401
        assert kind(await page.delete("/session")) == (401, "unauthorized")


async def test_users_are_for_admins(guarded: World) -> None:
    async with a_page(guarded, "ada") as admin, a_page(guarded, "edi") as editor:
        assert [one["name"] for one in (await admin.get("/users")).json()["items"]] == [
            "ada", "edi", "eve", "rea",
        ]  # fmt: skip
        assert kind(await editor.get("/users")) == (403, "not-permitted")
        changed = await admin.patch("/users/rea", json={"role": "editor"})
        assert (changed.status_code, changed.json()["role"]) == (200, "editor")
        assert kind(await admin.patch("/users/ada", json={"disabled": True})) == (409, "conflict")
        assert kind(await admin.get("/users/nobody")) == (404, "not-found")
        body = {"password": "another long password"}
        assert (await admin.put("/users/edi/password", json=body)).status_code == 200
        assert (await editor.get("/session")).json()["kind"] == "anonymous"


NOT_THEIRS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("PATCH", "/users/edi", {"id": 1}),
    ("PATCH", "/users/edi", {"made_at": "2026-11-21T08:00:00Z"}),
    ("PATCH", "/users/edi", {"password": PASSWORD}),
    ("POST", "/users", {"name": "x", "role": "reader", "password": PASSWORD, "owner_id": 1}),
    ("POST", "/keys", {"name": "x", "scopes": ["read:metrics"], "user_id": 1}),
    ("POST", "/keys", {"name": "x", "scopes": ["read:metrics"], "made_ms": 0}),
    ("POST", "/session", {"name": "edi", "password": PASSWORD, "role": "admin"}),
    ("PUT", "/session/password", {"current": "x", "password": PASSWORD, "role": "admin"}),
    ("POST", "/silences", {"target": ["KRAKEN:*/*"], "until": "2h", "owner_id": 1}),
    ("PUT", "/watchlists/x", {"items": ["*:BTC/*"], "owner_id": 1}),
    ("POST", "/channels", {"name": "x", "service": "y", "settings": {}, "owner_id": 1}),
)


async def test_what_is_not_ones_to_set_is_an_unknown_field(guarded: World) -> None:
    # SECURITY.md, S09: "PATCH with owner_id, role, scopes, created_at, id | 422 unknown field"
    async with a_page(guarded, "ada") as admin:
        for method, path, body in NOT_THEIRS:
            answer = await admin.request(method, path, json=body)
            assert kind(answer) == (422, "unknown-field"), path


async def test_no_key_names_files_of_this_machine(guarded: World, tmp_path: Path) -> None:
    """A backup is a file where somebody says: for who has the data folder alone."""
    async with a_page(guarded, "ada") as admin:
        key = (await a_key(admin, "admin"))["key"]
        body = {"target": str(tmp_path / "stolen.db")}
        assert kind(await admin.post("/backups", json=body)) == (403, "not-permitted")
    async with a_client(guarded, authorization=f"Bearer {key}") as program:
        assert kind(await program.post("/backups", json=body)) == (403, "not-permitted")
        assert kind(await program.get("/backups")) == (403, "not-permitted")
    assert not (tmp_path / "stolen.db").exists()


async def test_what_is_tracked_and_untracked_is_in_the_audit_log(guarded: World) -> None:
    async with a_page(guarded, "ada") as admin:
        made = await admin.post("/metrics", json={"market": "KRAKEN:NEW/USD", "metrics": ["price"]})
        assert made.status_code == 201, made.text
        await admin.delete("/metrics/KRAKEN:NEW-USD:price")
        items = (await admin.get("/audit", params={"limit": 2})).json()["items"]
    assert [(one["who"], one["what"], one["about"]) for one in items] == [
        ("ada", "metric.untrack", "KRAKEN:NEW/USD:price"),
        ("ada", "metric.track", "KRAKEN:NEW/USD:price"),
    ]  # fmt: skip


async def test_a_key_is_told_once_and_asks_for_what_it_may(guarded: World) -> None:
    async with a_page(guarded, "edi") as page:
        told = await a_key(page, expires="90d", networks=["127.0.0.0/8"])
        assert re.fullmatch("sw_[0-9a-z]{12}_[0-9A-Za-z]{43}_[0-9A-Za-z]{6}", told["key"])
        about = told["about"]
        assert (about["user"], about["state"], about["expires_at"]) == (
            "edi", "good", "2027-02-19T08:00:00.000Z",
        )  # fmt: skip
        shown = (await page.get(f"/keys/{about['id']}")).json()
        assert "key" not in shown
        assert told["key"].split("_")[2] not in (await page.get("/keys")).text
    async with a_client(guarded, authorization=f"Bearer {told['key']}") as program:
        assert (await program.get("/metrics")).status_code == 200
        body = {"name": "x", "service": "ntfy", "settings": {}}
        assert kind(await program.post("/channels", json=body)) == (403, "not-permitted")
        body = {"name": "x", "scopes": ["read:metrics"]}
        assert kind(await program.post("/keys", json=body)) == (403, "not-permitted")
        shown = (await program.get("/session")).json()
        assert (shown["kind"], shown["scopes"]) == ("key", ["read:metrics"])


async def test_a_revoked_or_mistyped_key_is_nobodys(guarded: World) -> None:
    # SECURITY.md, S02: "Expired, revoked, truncated, other-installation key | 401"
    async with a_page(guarded, "edi") as page:
        told = await a_key(page)
        async with a_client(guarded, authorization=f"Bearer {told['key']}") as program:
            assert (await program.get("/metrics")).status_code == 200
            assert (await page.delete(f"/keys/{told['about']['id']}")).status_code == 204
            assert kind(await program.get("/metrics")) == (401, "unauthorized")
        assert (await page.get(f"/keys/{told['about']['id']}")).json()["state"] == "revoked"
        good = (await a_key(page))["key"]
    for wrong in (good[:-1], good[:-1] + ("0" if good[-1] != "0" else "1"), "sw_x_y_z"):
        async with a_client(guarded, authorization=f"Bearer {wrong}") as program:
            assert kind(await program.get("/metrics")) == (401, "unauthorized")


async def test_a_key_is_rotated_with_an_overlap(guarded: World) -> None:
    async with a_page(guarded, "edi") as page:
        old = await a_key(page)
        path = f"/keys/{old['about']['id']}/rotate"
        bad = await page.post(path, json={"overlap": "90d"})
        assert (kind(bad), bad.json()["errors"][0]["allowed"]) == (
            (422, "invalid-value"), "0s to 30d",
        )  # fmt: skip
        new = (await page.post(path, json={"overlap": "1h"})).json()
        states = {one["id"]: one["state"] for one in (await page.get("/keys")).json()["items"]}
        assert states == {old["about"]["id"]: "ending", new["about"]["id"]: "good"}


async def test_another_users_key_is_not_there(guarded: World) -> None:
    # SECURITY.md, S07: "User A reads/edits/deletes B's rule, channel, notification, key | 404"
    async with a_page(guarded, "edi") as edi, a_page(guarded, "eve") as eve:
        path = f"/keys/{(await a_key(edi))['about']['id']}"
        assert (await eve.get("/keys")).json()["items"] == []
        assert kind(await eve.get(path)) == (404, "not-found")
        assert kind(await eve.delete(path)) == (404, "not-found")
        assert kind(await eve.post(f"{path}/rotate", json={})) == (404, "not-found")
        assert (await edi.get(path)).json()["state"] == "good"
        async with a_page(guarded, "ada") as admin:
            assert (await admin.get(path)).json()["user"] == "edi"


async def test_nobody_makes_a_key_that_may_more_than_they(guarded: World) -> None:
    async with a_page(guarded, "rea") as reader:
        body = {"name": "x", "scopes": ["admin"]}
        refused = await reader.post("/keys", json=body)
        assert kind(refused) == (422, "invalid-value")
        assert refused.json()["errors"][0]["allowed"] == "read:alerts, read:metrics"
        unknown = await reader.post("/keys", json={"name": "x", "scopes": ["root"]})
        assert unknown.json()["errors"][0]["allowed"].startswith("read:metrics")


async def test_what_is_done_and_refused_is_in_the_audit_log_by_pages(guarded: World) -> None:
    # SECURITY.md: "Audit log: append-only, hash-chained, who/what/when/request id"
    async with a_page(guarded, "edi") as page:
        made = await page.post("/keys", json={"name": "ci", "scopes": ["read:metrics"]})
        await page.get("/users")
    await guarded.program.access.keep()
    async with a_page(guarded, "ada") as admin:
        first = (await admin.get("/audit", params={"limit": 3})).json()
        deeds = [(one["who"], one["what"], one["about"]) for one in first["items"]]
        key_id = made.json()["about"]["id"]
        assert deeds == [
            ("ada", "session.begin", "from 127.0.0.1"), ("edi", "refused", "GET list_users"),
            ("edi", "key.make", f"key {key_id}"),
        ]  # fmt: skip
        assert first["items"][2]["request_id"] == made.headers["x-request-id"]
        rest = await admin.get("/audit", params={"cursor": first["next_cursor"]})
        assert [one["number"] for one in rest.json()["items"]] == [5, 4, 3, 2, 1]
        assert rest.json()["next_cursor"] is None
        verified = (await admin.get("/audit/verification")).json()
        assert (verified["sound"], verified["rows"], verified["wrong_row"]) == (True, 8, None)
        assert verified["newest_hash"] == first["items"][0]["hash"]
        for method in ("DELETE", "PUT", "PATCH", "POST"):
            answer = await admin.request(method, "/audit", json={})
            assert answer.status_code == 405  # "no delete in the API"


async def test_no_secret_is_in_an_answer_or_a_listing(guarded: World) -> None:
    async with a_page(guarded, "ada") as admin:
        told = await a_key(admin)
        secret = told["key"].split("_")[2]
        for path in ("/users", "/keys", "/audit", "/session"):
            text = (await admin.get(path)).text
            assert secret not in text
            assert "argon2" not in text
            assert PASSWORD not in text


async def test_users_and_keys_come_in_pages_that_neither_repeat_nor_hide(guarded: World) -> None:
    async with a_page(guarded, "ada") as ada:
        for _ in range(4):
            await a_key(ada)
        for path, named in (("/users", "name"), ("/keys", "id")):
            whole = (await ada.get(path)).json()
            assert whole["next_cursor"] is None
            found, cursor = [], ""
            while cursor is not None:
                query = {"limit": "3", **({"cursor": cursor} if cursor else {})}
                page = (await ada.get(path, params=query)).json()
                found += [one[named] for one in page["items"]]
                cursor = page["next_cursor"]
                if cursor is not None:
                    await add(guarded, f"a{path[1]}{len(found)}", "reader")  # before what comes
                    await guarded.clock.advance_to_ms(guarded.clock.now_ms() + 1)
                    await a_key(ada)
            assert found == [one[named] for one in whole["items"]]
        other = (await ada.get("/keys", params={"limit": "1"})).json()["next_cursor"]
        foreign = await ada.get("/users", params={"cursor": other})
        assert foreign.status_code == 422
        assert (await ada.get("/keys", params={"limit": "0"})).status_code == 422


async def test_a_log_in_reads_no_user_and_no_key_back(
    guarded: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A login costs what it is, however many users and keys there are."""
    store, read = guarded.program.access._ground.store, []
    for name in ("users", "sessions", "keys"):
        monkeypatch.setattr(store, name, lambda name=name: read.append(name))
    async with a_page(guarded, "edi") as edi:
        assert (await edi.get("/session")).json()["name"] == "edi"
        assert (await edi.delete("/session")).status_code == 204
        assert (await edi.get("/session")).json()["kind"] == "anonymous"
    assert read == []
