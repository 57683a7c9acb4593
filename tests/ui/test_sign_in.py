"""Coming in: the first user by the token, then by a password, then by a provider."""

from __future__ import annotations

import asyncio
import re
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.oidc_provider import CLIENT_ID, CLIENT_SECRET, Provider, providing
from tests.ui.conftest import Opener
from tests.ui.running import Running

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

PASSWORD = "correct horse battery staple"
NOBODY = "status of 40[13]"  # what the browser itself says of a refusal


@contextmanager
def provided() -> Iterator[Provider]:
    """A provider in a thread of its own: the browser's driver holds this one's event loop."""
    told: Future[tuple[Provider, asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def provide() -> None:
        async with providing(lambda: int(time.time())) as provider:
            over = asyncio.Event()
            told.set_result((provider, asyncio.get_running_loop(), over))
            await over.wait()

    thread = threading.Thread(target=asyncio.run, args=(provide(),), daemon=True)
    thread.start()
    provider, loop, over = told.result(timeout=60)
    try:
        yield provider
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(timeout=60)


@pytest.fixture
def guarded(browser: Browser, tmp_path: Path) -> Iterator[Running]:
    """A live program without venues or users, whose people may sign in by a provider."""
    with provided() as provider, Running(tmp_path) as running:
        provider.back_to = f"{running.address}/login/oidc/callback"
        running.configure(f"""
            [egress]
            allow = ["127.0.0.0/8:{provider.port}"]
            [access.oidc]
            name = "Example & Sons"
            issuer = "{provider.issuer}"
            client_id = "{CLIENT_ID}"
            client_secret = "{CLIENT_SECRET}"
            public_url = "{running.address}"
            roles = {{ editor = ["traders"] }}
            [venues]
            kraken.enabled = false
            coinbase.enabled = false
            binance.enabled = false
        """)
        running.start()
        yield running


def test_people_come_in_by_the_token_by_a_password_and_by_a_provider(
    guarded: Running, opened: Opener, context: Callable[..., BrowserContext]
) -> None:
    """DASHBOARD.md 7: the set-up token makes the first admin, once; then whoever has a password or
    is somebody for the provider comes in."""
    page = opened("/sign-in", at=guarded.address, may=NOBODY)
    page.get_by_role("button", name="Sign in").wait_for()
    assert page.get_by_role("link", name="Continue with").count() == 0  # it lets nobody in yet
    page.get_by_role("link", name="There is no user yet").click()
    _fill(page, token="wrong", name="ada", password=PASSWORD)
    page.get_by_role("button", name="Create").click()
    page.get_by_role("alert").wait_for()
    _fill(page, token=guarded.setup_token)
    page.get_by_role("button", name="Create").click()
    page.wait_for_url(f"{guarded.address}/")
    assert _who(page) == ("user", "ada", "admin")

    other = opened("/alerts", at=guarded.address, within=context(), may=NOBODY)
    other.wait_for_url(f"{guarded.address}/sign-in")  # whoever is nobody is led here
    _fill(other, name="ada", password="a wrong password")
    other.get_by_role("button", name="Sign in").click()
    other.get_by_role("alert").wait_for()
    _fill(other, password=PASSWORD)
    other.get_by_role("button", name="Sign in").click()
    other.wait_for_url(f"{guarded.address}/")
    assert _who(other) == ("user", "ada", "admin")

    third = opened("/sign-in", at=guarded.address, within=context(), may=NOBODY)
    third.get_by_role("link", name="Continue with Example & Sons").click()
    third.get_by_role("navigation", name="Pages").wait_for()
    assert re.fullmatch(re.escape(guarded.address) + "/?", third.url)
    assert _who(third) == ("user", "jane-doe", "editor")


def _fill(page: Page, **given: str) -> None:
    for name, value in given.items():
        page.get_by_label(name.capitalize(), exact=True).fill(value)


def _who(page: Page) -> tuple[str, str, str]:
    told = page.evaluate("fetch('/api/v1/session').then(answer => answer.json())")
    return told["kind"], told["name"], told["role"]
