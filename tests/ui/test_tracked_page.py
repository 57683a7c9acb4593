"""What is read, by which name and from where, by the page: patterns, names, pauses, fail-over."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError

import pytest
from tests.ui.between import API, Between
from tests.ui.conftest import Opener
from tests.ui.looks import keep, violations
from tests.ui.running import Running, until
from tests.ui.test_rules_page import asked
from tests.ui.test_venues_page import box
from tests.ui.test_walk import SLOT_MS

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

PATTERN = "KRAKEN:*/USD top 3 by volume_24h_quote"


@pytest.fixture(scope="module")
def changed(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A program of this file's own: what it reads is changed."""
    with Running(tmp_path_factory.mktemp("changed")) as running:
        running.start()
        yield running


def told(program: Running, path: str) -> Any:
    return json.loads(program.get(f"{API}/{path}"))


def sure(within: Locator | Page, act: str) -> None:
    """Press what asks once more, twice."""
    within.get_by_role("button", name=act, exact=True).click()
    within.get_by_role("button", name=f"Really {act.lower()}?", exact=True).click()


def test_a_pattern_is_followed_shows_its_markets_and_is_removed(
    opened: Opener, changed: Running
) -> None:
    page = opened("/venues", at=changed.address)
    page.get_by_role("button", name="Track a market").click()
    form = page.get_by_role("form", name="Track a market")
    form.get_by_label("Market", exact=True).fill(PATTERN.lower().replace("usd", "USD"))
    form.get_by_label("Metrics", exact=True).fill("spread_bp")
    form.get_by_role("button", name="Track").click()
    page.get_by_text("followed from now on").wait_for()
    line = page.locator(".list > li").filter(has_text=PATTERN)
    line.locator("summary").click()
    (one,) = told(changed, "patterns")["items"]
    line.get_by_role("link").first.wait_for()
    named = [f"KRAKEN:{pair}" for pair in line.get_by_role("link").all_inner_texts()]
    assert named == one["markets"]
    assert violations(page) == []
    keep(page, "patterns.png")
    line.get_by_role("link").first.click()
    page.get_by_role("complementary", name=named[0]).wait_for()
    page.locator(".small-multiple li").filter(has_text="spread bp").wait_for()
    page.go_back()
    sure(line, "Remove")
    line.wait_for(state="detached")
    assert told(changed, "patterns")["items"] == []


def test_a_market_is_shown_by_another_name_and_found_by_both(
    opened: Opener, changed: Running
) -> None:
    page = opened("/m/kraken/eth-usd", at=changed.address, may="422")
    page.get_by_role("button", name="Rename").click()
    form = page.get_by_role("form", name="Rename")
    form.get_by_label("Shown as").fill("not a name")
    form.get_by_role("button", name="Rename").click()
    form.get_by_role("alert").or_(form.locator("small.bad")).first.wait_for()
    form.get_by_label("Shown as").fill("ETH-HERE")
    form.get_by_role("button", name="Rename").click()
    page.get_by_text("shown as ETH-HERE").wait_for()
    assert violations(page) == []
    keep(page, "renamed.png")
    for name in ("ETH-HERE", "KRAKEN:ETH-USD"):
        assert told(changed, f"metrics/{name}:price")["market"] == "KRAKEN:ETH/USD"


def test_a_market_that_is_paused_says_so_and_goes_on_when_resumed(
    opened: Opener, changed: Running
) -> None:
    page = opened("/m/kraken/sol-usd", at=changed.address)
    metrics = page.locator(".box").filter(has=page.get_by_role("heading", name="Metrics"))
    sure(metrics, "Pause")
    metrics.locator(".badge", has_text="paused").wait_for()
    assert paused(changed, "KRAKEN:SOL/USD")
    assert violations(page) == []
    keep(page, "paused.png")
    metrics.get_by_role("button", name="Resume").click()
    metrics.get_by_role("button", name="Pause", exact=True).wait_for()
    assert not paused(changed, "KRAKEN:SOL/USD")


def paused(program: Running, market: str) -> bool:
    venue, _, pair = market.partition(":")
    items = told(program, f"markets?venue={venue}&q={pair}&tracked=true")["items"]
    return bool(next(one["paused"] for one in items if one["name"] == market))


def test_a_venue_that_is_paused_says_so_and_goes_on_when_resumed(
    opened: Opener, changed: Running
) -> None:
    page = opened("/venues", at=changed.address)
    coinbase = box(page, "COINBASE").first
    sure(coinbase, "Pause")
    coinbase.locator("h2 .tag", has_text="paused").wait_for()
    keep(page, "venue-paused.png")
    coinbase.get_by_role("button", name="Resume").click()
    coinbase.get_by_role("button", name="Pause", exact=True).wait_for()
    until(lambda: state(changed, "COINBASE") != "paused")


def state(program: Running, venue: str) -> str:
    found: str = next(one["state"] for one in told(program, "venues")["items"]
                      if one["name"] == venue)  # fmt: skip
    return found


def test_a_market_with_backups_is_shown_from_another_venue_by_request(
    opened: Opener, changed: Running
) -> None:
    backups = {"market": "KRAKEN:BTC/USD", "metrics": ["price"], "backups": ["COINBASE:BTC/USD"]}
    changed.post(f"{API}/metrics", backups)
    page = opened("/venues", at=changed.address)
    line = page.locator(".list > li").filter(has_text="DERIVED:BTC/USD")
    line.locator(".tag", has_text="KRAKEN").wait_for(timeout=SLOT_MS)
    assert "KRAKEN:BTC/USD, then COINBASE:BTC/USD · its own venue" in line.inner_text()
    kraken = box(page, "KRAKEN").first
    sure(kraken, "Fail over")
    line.locator(".tag.warning", has_text="COINBASE").wait_for(timeout=SLOT_MS)
    assert "kept away by request" in line.inner_text()
    assert violations(page) == []
    keep(page, "fail-over.png")
    kraken.get_by_role("button", name="Let it back").click()
    kraken.get_by_role("button", name="Fail over").wait_for()


def test_a_venue_is_switched_off_once_nothing_is_tracked_there(
    opened: Opener, changed: Running
) -> None:
    page = opened("/venues", at=changed.address, may="422")  # a line of what has just gone
    binance = box(page, "BINANCE").first
    assert binance.get_by_role("button", name="Switch off").count() == 0
    while items := told(changed, "metrics?venue=binance&limit=200")["items"]:
        for one in items:
            with suppress(HTTPError):  # what others are computed from stays until they are gone
                asked(changed, "DELETE", f"metrics/{one['id']}")
    sure(binance, "Switch off")
    binance.wait_for(state="detached")
    assert "BINANCE" not in [one["name"] for one in told(changed, "venues")["items"]]
    page.get_by_role("button", name="Switch on BINANCE").click()
    binance.wait_for()
    until(lambda: told(changed, "venues")["available"] == [])


def test_a_venue_that_is_off_is_offered_and_a_refusal_is_told_in_the_servers_words(
    opened: Opener, changed: Running
) -> None:
    """The demo market has no venues but its own, so it says no."""
    with Between(changed.port) as between:
        between.change(f"{API}/venues", lambda told: {**told, "available": ["OKX"]})
        page = opened("/venues", at=between.address, may="422")
        with page.expect_request(lambda one: one.method == "POST") as sent:
            page.get_by_role("button", name="Switch on OKX").click()
        assert sent.value.post_data_json == {"venue": "OKX"}
        page.locator(".toast.bad", has_text="no adapter for venue OKX").wait_for()
        page.close()
