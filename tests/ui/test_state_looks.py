"""Each state of DASHBOARD.md 6.4, looked at: clean at WCAG 2.1 A/AA, no wider than its screen, and
a picture for people. What brings them about, and what follows: test_states.py."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from tests.ui.between import API, STREAM, Between
from tests.ui.conftest import LOST, Opener
from tests.ui.looks import keep, violations
from tests.ui.running import Running, until

if TYPE_CHECKING:
    from playwright.sync_api import Page

ROW = ".rows .row"
SNAPSHOT, RECORDS = f"{API}/snapshot", f"{API}/metrics/records"
MARKET = "/?market=KRAKEN:BTC/USD"
NOW = "document.querySelector('.banner.bad button')?.click()"  # where it is not back by itself
OWN_STREAM = "delete globalThis.SharedWorker"  # then the page reads its stream by its own clock
Shown = Callable[[Opener, Between, Running, dict[str, Any]], "Page"]


def _live(opened: Opener, between: Between, look: dict[str, Any], route: str = MARKET) -> Page:
    page = opened(route, at=between.address, may=f"{LOST}|status of", **look)
    page.get_by_text("Live", exact=True).wait_for()
    page.locator(".panel .chart").wait_for()
    return page


def _first_look(opened: Opener, between: Between, _: Running, look: dict[str, Any]) -> Page:
    between.change(SNAPSHOT, lambda told: threading.Event().wait(60) or told)
    page = opened(at=between.address, may=LOST, **look)
    page.get_by_text("Loading markets").wait_for()
    return page


def _empty(opened: Opener, between: Between, _: Running, look: dict[str, Any]) -> Page:
    def none(told: Any) -> Any:
        return {**told, "total": 0, "of": 0, "columns": {name: [] for name in told["columns"]}}

    between.change(SNAPSHOT, none)
    page = opened(at=between.address, **look)
    page.get_by_role("heading", name="No market yet").wait_for()
    return page


def _no_match(opened: Opener, between: Between, _: Running, look: dict[str, Any]) -> Page:
    page = opened("/?q=zzzz", at=between.address, **look)
    page.get_by_role("button", name="Clear filter").wait_for()
    return page


def _no_market(opened: Opener, between: Between, _: Running, look: dict[str, Any]) -> Page:
    page = opened("/m/kraken/nope-usd", at=between.address, **look)
    page.get_by_role("heading", name="No market KRAKEN:NOPE/USD").wait_for()
    return page


def _lost(opened: Opener, between: Between, _: Running, look: dict[str, Any]) -> Page:
    page = _live(opened, between, look)
    between.cut()
    page.get_by_text("Connection lost.").wait_for()
    return page


def _silent(opened: Opener, between: Between, _: Running, look: dict[str, Any]) -> Page:
    page = opened("/about", at=between.address, may=LOST, script=OWN_STREAM, **look)
    page.clock.install()
    page.goto(between.address + MARKET)
    page.get_by_text("Live", exact=True).wait_for()
    page.locator(".panel .chart:not(.waiting)").wait_for()
    page.locator(".replay[role=status]").wait_for()
    until(lambda: between.count("/sparklines") > 0)
    between.silent = True
    page.clock.fast_forward(25_000)
    page.get_by_text("Server reachable but silent").wait_for()
    return page


def _signed_out(opened: Opener, between: Between, _: Running, look: dict[str, Any]) -> Page:
    page = _live(opened, between, look)
    between.refuse(STREAM, 401, detail="sign in", type="about:blank")
    between.cut()
    between.mend()
    page.get_by_text("You are signed out.").wait_for()
    return page


def _venue_down(opened: Opener, between: Between, program: Running, look: dict[str, Any]) -> Page:
    between.only_ours = True
    page = _live(opened, between, look)
    told = json.loads(program.get(SNAPSHOT))["columns"]["venue"]
    rows = [row for row, venue in enumerate(told) if venue == "KRAKEN"]
    between.tell("venue", {
        "venue": "KRAKEN", "state": "down", "detail": "no answer", "success_at": None,
        "since": "2026-11-22T12:00:00.000Z", "skew_ms": None})  # fmt: skip
    between.delta({"state": [rows, ["stale"] * len(rows)]})
    page.locator(f"{ROW}.stale").first.wait_for(state="attached")
    return page


def _partly_known(opened: Opener, between: Between, _: Running, look: dict[str, Any]) -> Page:
    def partly(told: Any) -> Any:
        told["columns"]["coverage"] = [0.71] * len(told["columns"]["coverage"])
        return told

    between.change(SNAPSHOT, partly)
    page = _live(opened, between, look)
    page.locator(".panel .trust", has_text="* σ of 71%").wait_for()
    return page


def _failed(opened: Opener, between: Between, _: Running, look: dict[str, Any]) -> Page:
    between.refuse(RECORDS, 500, detail="the history cannot be read", request_id="7f3a9c21")
    page = _live(opened, between, look)
    page.locator(".panel .failed").wait_for()
    return page


def _new_version(opened: Opener, between: Between, _: Running, look: dict[str, Any]) -> Page:
    page = _live(opened, between, look)
    between.change("hello", lambda told: {**told, "ui": "another build"})
    between.cut()
    page.get_by_text("Connection lost.").wait_for()
    between.mend()
    page.evaluate(NOW)
    page.get_by_text("New version.").wait_for()
    return page


def _storage(opened: Opener, between: Between, _: Running, look: dict[str, Any]) -> Page:
    between.change(f"{API}/storage", lambda told: {**told, "state": "full", "reason": "disk full"})
    page = _live(opened, between, look)
    page.get_by_text("Storage full.").wait_for()
    return page


def _may_only_look(opened: Opener, between: Between, _: Running, look: dict[str, Any]) -> Page:
    reader = {"kind": "user", "name": "rea", "role": "reader", "guarded": True}
    scopes = ["read:metrics", "read:alerts"]
    between.change(f"{API}/session", lambda told: {**told, **reader, "scopes": scopes})
    page = _live(opened, between, look)
    page.get_by_text("You may look, not make rules").wait_for()
    return page


STATES: dict[str, Shown] = {
    "first-look": _first_look, "empty": _empty, "no-match": _no_match, "no-market": _no_market,
    "lost": _lost, "silent": _silent, "signed-out": _signed_out, "venue-down": _venue_down,
    "partly-known": _partly_known, "failed": _failed, "new-version": _new_version,
    "storage": _storage, "may-only-look": _may_only_look,
}  # fmt: skip
LOOKS: dict[str, dict[str, Any]] = {
    "dark": {"color_scheme": "dark"},
    "phone": {"color_scheme": "light", "viewport": {"width": 390, "height": 844}},
}


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("state", STATES)
def test_a_state_is_read_by_everybody_and_fits_its_screen(
    opened: Opener, between: Between, program: Running, state: str, look: str
) -> None:
    """DASHBOARD.md 6.4 and 6.8."""
    page = STATES[state](opened, between, program, LOOKS[look])
    keep(page, f"state-{state}-{look}.png")
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
