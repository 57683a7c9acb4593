"""The settings on the page: channels, mail, keys, users, the log; for whom they are."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.ui.conftest import Opener
from tests.ui.looks import keep, violations
from tests.ui.running import START, Running

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

ADMIN, PASSWORD = "ada", "correct horse battery staple"
TABS = {"channels": "Channels", "mail": "Mail", "keys": "Keys", "users": "Users", "log": "Log"}


@dataclass(frozen=True, kw_only=True)
class Guarded:
    """A program with users, and the cookie of its admin: who logs in too often has to wait."""

    program: Running
    cookie: Any


@pytest.fixture(scope="module")
def guarded(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """One of this file's own, whose first user is made on its page."""
    folder = tmp_path_factory.mktemp("guarded")
    with Running(folder) as running:
        running.start()
        page = browser.new_page()
        page.goto(f"{running.address}/set-up")
        page.get_by_label("Token").fill(_token(folder))
        page.get_by_label("Name").fill(ADMIN)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Create").click()
        page.get_by_text("DEMO: an invented market").wait_for()
        yield Guarded(program=running, cookie=page.context.storage_state())
        page.close()


def _token(folder: Path) -> str:
    """What the command line gives whoever may read the data folder."""
    command = [
        sys.executable,
        "-c",
        START,
        "user",
        "setup-token",
        "--data",
        str(folder / "data" / "demo"),
    ]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=True, timeout=120
    )  # fmt: skip
    return done.stdout.strip()


@pytest.fixture
def settings(opened: Opener, guarded: Guarded) -> Opener:
    """Opens a tab of the settings as the admin."""

    def open_(tab: str, **options: Any) -> Page:
        route = f"/settings?tab={tab}"
        return opened(route, at=guarded.program.address, storage_state=guarded.cookie, **options)

    return open_


def told(page: Page, guarded: Guarded, path: str) -> Any:
    """What the API answers to who is signed in on the page."""
    return page.request.get(f"{guarded.program.address}/api/v1/{path}").json()


def row(page: Page, text: str) -> Locator:
    found = page.locator(".list > li").filter(has_text=text)
    found.wait_for()
    return found


def test_a_channel_is_made_changed_tested_and_removed_and_its_secret_never_shown(
    settings: Opener, guarded: Guarded
) -> None:
    """SECURITY.md, Secrets: fields are write-only."""
    page = settings("channels", may="409|422")
    page.get_by_role("button", name="New channel").click()
    form = page.get_by_role("form", name="New channel")
    form.get_by_label("Name").fill("ops")
    form.get_by_label("Service").select_option("telegram")
    form.get_by_label("token").wait_for()
    form.get_by_label("Service").select_option("webhook")
    form.get_by_label("url").fill("https://hooks.example.org/in")
    form.get_by_label("secret", exact=True).fill("short")
    form.get_by_role("button", name="Make").click()
    page.locator("[name=secret][aria-invalid=true]").wait_for()
    form.get_by_label("secret", exact=True).fill("whsec_" + "QUJD" * 12)
    form.get_by_role("button", name="Make").click()
    page.get_by_text("The channel ops is made").wait_for()
    row(page, "ops").get_by_role("button", name="Send test").click()
    page.get_by_text("the demo market sends nothing to anybody").wait_for()
    row(page, "ops").get_by_role("button", name="Edit").click()
    form = page.get_by_role("form", name="Edit ops")
    assert form.get_by_label("secret", exact=True).input_value() == ""
    form.get_by_label("url").fill("https://other.example.org/in")
    form.get_by_label("secret", exact=True).fill("whsec_" + "REVG" * 12)
    form.get_by_role("button", name="Save").click()
    row(page, "other.example.org").wait_for()
    assert "REVGREVG" not in json.dumps(told(page, guarded, "channels")) + page.content()
    row(page, "ops").get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Really delete?").click()
    page.get_by_text("None yet: alerts come to the inbox.").wait_for()


def test_a_key_is_shown_once_and_revoked(settings: Opener, guarded: Guarded) -> None:
    """SECURITY.md, API keys: shown once."""
    page = settings("keys", may="422")
    page.get_by_role("button", name="New key").click()
    form = page.get_by_role("form", name="New key")
    form.get_by_label("What it is for").fill("grafana")
    form.get_by_label("May", exact=True).fill("read:everything")
    form.get_by_role("button", name="Make").click()
    page.locator("[name=scopes][aria-invalid=true]").wait_for()
    form.get_by_label("May", exact=True).fill("read:metrics, read:alerts")
    form.get_by_role("button", name="Make").click()
    shown = page.get_by_label("The key grafana")
    shown.wait_for()
    key = shown.input_value()
    (kept,) = told(page, guarded, "keys")["items"]
    assert kept["id"] in key
    assert kept["scopes"] == ["read:alerts", "read:metrics"]
    page.get_by_role("button", name="I have it").click()
    assert key not in page.content()
    page.reload()
    row(page, "grafana").get_by_role("button", name="Revoke").click()
    page.get_by_role("button", name="Really revoke?").click()
    row(page, "revoked").wait_for()
    assert told(page, guarded, "keys")["items"][0]["state"] == "revoked"


def test_users_are_made_changed_and_disabled_by_an_admin(
    settings: Opener, guarded: Guarded
) -> None:
    page = settings("users", may="409|422")
    page.get_by_role("button", name="New user").click()
    form = page.get_by_role("form", name="New user")
    form.get_by_label("Name").fill("rita")
    form.get_by_label("Password").fill("x")
    form.get_by_role("button", name="Make").click()
    page.locator("[name=password][aria-invalid=true]").wait_for()
    form.get_by_label("Password").fill(PASSWORD)
    form.get_by_role("button", name="Make").click()
    page.get_by_label("Role of rita").wait_for()
    page.get_by_label("Role of rita").select_option("editor")
    page.locator(".tag", has_text="editor").wait_for()
    page.get_by_label(f"Role of {ADMIN}").select_option("reader")
    page.get_by_role("alert").filter(has_text="admin").first.wait_for()
    row(page, "rita").get_by_role("button", name="Disable").click()
    page.get_by_role("button", name="Really disable?").click()
    row(page, "disabled").wait_for()
    users = {one["name"]: one for one in told(page, guarded, "users")["items"]}
    assert (users["rita"]["role"], users["rita"]["disabled"]) == ("editor", True)
    assert users[ADMIN]["role"] == "admin", "the last admin stays one"


def test_the_log_tells_what_was_done_and_is_verified(settings: Opener, guarded: Guarded) -> None:
    page = settings("log")
    oldest = told(page, guarded, "audit?limit=1000")["items"][-1]
    page.get_by_role("cell", name=oldest["what"], exact=True).first.wait_for()
    assert oldest["about"] in page.locator("tbody").inner_text()
    page.get_by_role("button", name="Verify").click()
    page.get_by_text("The log is as it was written").wait_for()


def test_who_follows_by_mail_says_from_what_on_and_when_not(
    settings: Opener, guarded: Guarded
) -> None:
    """The demo sends no mail, and says so in its own words."""
    page = settings("mail", may="404|409|422")
    page.get_by_role("button", name="New subscription").click()
    form = page.get_by_role("form", name="New subscription")
    form.get_by_label("Mail address").fill("nobody")
    form.get_by_role("button", name="Subscribe").click()
    page.locator("[name=address][aria-invalid=true]").wait_for()
    form.get_by_label("Mail address").fill("ada@example.org")
    form.get_by_label("From").select_option("critical")
    form.get_by_label("Nothing is told").fill("22:00-07:00 Europe/Berlin")
    form.get_by_role("button", name="Subscribe").click()
    said = page.get_by_role("alert").or_(page.get_by_text("A mail is on its way")).first
    said.wait_for()
    assert said.inner_text() != ""


def test_a_reader_gets_the_reason_and_no_users_or_log(
    settings: Opener, opened: Opener, guarded: Guarded
) -> None:
    page = settings("users")
    body = {"name": "rea", "role": "reader", "password": PASSWORD}
    made = page.request.post(f"{guarded.program.address}/api/v1/users", data=body, headers={
        "X-Sigmawatch": "1", "Sec-Fetch-Site": "same-origin"})  # fmt: skip
    assert made.status == 201, made.text()
    reader = opened("/sign-in", at=guarded.program.address)
    reader.get_by_label("Name").fill("rea")
    reader.get_by_label("Password").fill(PASSWORD)
    reader.get_by_role("button", name="Sign in").click()
    reader.get_by_text("DEMO: an invented market").wait_for()
    for tab in ("channels", "mail"):
        reader.goto(f"{guarded.program.address}/settings?tab={tab}")
        reader.get_by_text("that takes the scope write:channels").wait_for()
        assert reader.locator("main .opens, main .list button").count() == 0
        assert reader.get_by_role("tab").all_inner_texts() == ["You", "Channels", "Mail", "Keys"]


@pytest.mark.parametrize("scheme", ["dark", "light"])
@pytest.mark.parametrize("tab", TABS)
def test_every_part_of_the_settings_is_read_by_everybody_and_fits_a_phone(
    settings: Opener, tab: str, scheme: str
) -> None:
    """DASHBOARD.md 6.8."""
    page = settings(tab, color_scheme=scheme, viewport={"width": 320, "height": 700})
    page.get_by_role("heading", name=TABS[tab]).wait_for()
    if tab != "log":
        page.locator(".opens").click()
    keep(page, f"settings-{tab}-{scheme}.png")
    assert violations(page) == []
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 320
