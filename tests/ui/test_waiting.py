"""What the page waits for comes, however late; where it does not, it says so and tries again."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from tests.ui.between import API, Between
from tests.ui.conftest import Opener
from tests.ui.test_routes import ROUTES, settled

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Route

RECORDS = f"{API}/metrics/records"
PARTS = re.compile(r"/static/(market|alerts|venues|inbox|settings|about|door|letter)-[^/]*\.js")
LATER = [route for route in ROUTES if route not in {"/", "/kiosk"} and "?" not in route]
BUSY = """
  const later = setTimeout.bind(globalThis);
  const ask = fetch.bind(globalThis);
  let late = 0;
  globalThis.requestAnimationFrame = (draw) => later(() => draw(performance.now()), late || 16);
  globalThis.setTimeout = (run, ms) => later(run, ms > 10 && ms < late ? late : ms);
  const drawn = async () => {
    while (!document.body.innerText.includes("Loading KRAKEN:BTC/USD"))
      await new Promise((done) => later(done, 5));
  };
  globalThis.fetch = async (asked, ...more) => {
    const path = String(asked);
    if (path.includes("/snapshot")) late = 1500;
    const answer = await ask(asked, ...more);
    if (path.includes("/session")) await new Promise((done) => later(done, 300));
    if (path.includes("/snapshot")) await drawn();
    return answer;
  };
"""  # once the table is asked for, what follows a drawing is late; the table comes in between


class Parts:
    """The files of parts of the page, held while a test says so."""

    def __init__(self, browser: BrowserContext) -> None:
        self.holding = True
        self._held: list[Route] = []
        browser.route(PARTS, self._meet)

    def _meet(self, route: Route) -> None:
        if self.holding:
            self._held.append(route)
        else:
            route.continue_()

    def let_go(self) -> None:
        self.holding = False
        for route in self._held:
            route.continue_()
        self._held.clear()

    def forget(self) -> None:
        """They were asked for by a page that is gone."""
        self.holding = False
        for route in self._held:
            route.abort()
        self._held.clear()


def test_what_comes_between_a_drawing_and_what_follows_it_is_shown(
    opened: Opener, context: Callable[..., BrowserContext]
) -> None:
    """A busy machine does the one long before the other."""
    browser = context()
    parts = Parts(browser)
    page = opened("/about", within=browser)
    page.add_init_script(BUSY)
    with page.expect_request("**/api/v1/snapshot?**"):
        page.goto(page.url.replace("/about", "/m/kraken/btc-usd"))
    parts.let_go()
    page.locator(".chart canvas").wait_for()
    page.wait_for_selector(".chart:not(.waiting)")


@pytest.mark.parametrize("route", LATER)
def test_a_part_that_does_not_come_says_so_and_is_asked_for_anew(
    opened: Opener, context: Callable[..., BrowserContext], route: str
) -> None:
    browser = context()
    browser.clock.install()
    parts = Parts(browser)
    page = opened(route, within=browser)
    page.get_by_role("status").filter(has_text="Loading").wait_for()
    page.clock.fast_forward(12_000)
    page.get_by_text("This part of the page is still being fetched").wait_for()
    parts.holding = False
    page.get_by_role("button", name="Reload").click()
    parts.forget()
    settled(page, ROUTES[route])
    assert page.get_by_text("This part of the page").count() == 0


def test_a_part_that_is_refused_says_so_and_is_asked_for_anew(
    opened: Opener, context: Callable[..., BrowserContext]
) -> None:
    browser = context()
    browser.route(PARTS, lambda route: route.abort())
    page = opened("/venues", within=browser, may="ERR_FAILED")
    page.get_by_text("This part of the page could not be fetched").wait_for()
    browser.unroute(PARTS)
    page.get_by_role("button", name="Reload").click()
    settled(page, ROUTES["/venues"])


def test_an_answer_that_does_not_come_is_given_up_and_asked_for_again(
    opened: Opener, between: Between, context: Callable[..., BrowserContext]
) -> None:
    ready = threading.Event()

    def held(told: Any) -> Any:
        assert ready.wait(120)
        return told

    between.change(RECORDS, held)
    browser = context()
    browser.clock.install()
    page = opened("/m/kraken/btc-usd", at=between.address, within=browser)
    try:
        with page.expect_request(lambda asked: RECORDS in asked.url):
            page.locator(".chart.waiting").wait_for()
            page.clock.run_for(1_000)
        page.clock.fast_forward(46_000)
        failed = page.locator(".chart-box .failed")
        failed.get_by_text("The server has not answered in time").wait_for()
    finally:
        ready.set()
    failed.get_by_role("button", name="Retry").click()
    page.clock.run_for(1_000)
    page.wait_for_selector(".chart:not(.waiting)")
    assert failed.count() == 0
