"""Every route: it shows what it is for, fits a phone, and is read by a screen reader."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.ui.conftest import Opener
from tests.ui.looks import keep, violations

if TYPE_CHECKING:
    from playwright.sync_api import Page

ROUTES = {
    "/": "KRAKEN:BTC/USD",
    "/m/kraken/btc-usd": "BTC elsewhere",
    "/alerts": "Alerts",
    "/alerts?tab=rules": "price-move",
    "/alerts?tab=history": "History",
    "/alerts?tab=deliveries": "Deliveries",
    "/alerts?tab=silences": "Nothing is silenced",
    "/alerts/new": "Would have fired",
    "/venues": "KRAKEN",
    "/inbox": "Inbox",
    "/settings": "This browser",
    "/kiosk": "KRAKEN:BTC/USD",
    "/about": "preact",
    "/sign-in": "Sign in",
    "/set-up": "The first user",
    "/subscriptions/confirm": "Yes, send them",
}
BARE = {"/kiosk", "/sign-in", "/set-up", "/subscriptions/confirm"}  # without the bar
THEMES = [
    (scheme, palette) for scheme in ("dark", "light") for palette in ("classic", "safe", "east")
]


def settled(page: Page, text: str) -> Page:
    page.wait_for_function(
        "text => document.body?.innerText.includes(text) ||"
        " document.querySelector(`[title='${text}']`)", arg=text,
    )  # fmt: skip
    return page


def kept_as(route: str, look: str) -> str:
    """The file of a route's picture."""
    name = route.strip("/?=").replace("/", "-").replace("?tab=", "-") or "markets"
    return f"{name}-{look}.png"


@pytest.mark.parametrize("scheme", ["dark", "light"])
@pytest.mark.parametrize("route", ROUTES)
def test_a_route_shows_what_it_is_for_to_everybody(
    opened: Opener, route: str, scheme: str
) -> None:  # fmt: skip
    """DASHBOARD.md 6.1 and 6.8: clean at WCAG 2.1 A/AA."""
    page = settled(opened(route, color_scheme=scheme), ROUTES[route])
    if route not in BARE:
        page.get_by_text("DEMO: an invented market").wait_for()
    keep(page, kept_as(route, scheme), whole=True)
    assert violations(page) == []


@pytest.mark.parametrize("route", ROUTES)
def test_a_route_fits_a_narrow_phone_in_the_light(opened: Opener, route: str) -> None:
    """DASHBOARD.md 6.8: 320 px width without loss."""
    narrow = {"width": 320, "height": 700}
    page = settled(opened(route, viewport=narrow, color_scheme="light"), ROUTES[route])
    keep(page, kept_as(route, "phone"), whole=True)
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 320


@pytest.mark.parametrize(("scheme", "palette"), THEMES)
def test_the_markets_are_accessible_in_every_theme_and_palette(
    opened: Opener, scheme: str, palette: str
) -> None:
    """DASHBOARD.md 6.8: clean at WCAG 2.1 A/AA."""
    page = settled(opened(color_scheme=scheme), "KRAKEN:BTC/USD")
    page.evaluate("palette => { document.documentElement.dataset.palette = palette }", palette)
    assert violations(page) == []


@pytest.mark.parametrize("route", ["/nowhere", "/m/kraken", "/alerts/old/one"])
def test_an_address_that_is_none_says_so_and_leads_back(opened: Opener, route: str) -> None:
    """Opened in a browser, at whatever depth; its console tells of the status, which is 404."""
    page = opened(route, may="status of 404")
    page.get_by_role("heading", name="No such page").wait_for()
    assert route in page.inner_text("main")
    assert page.title() == "no such page · Sigmawatch"
    assert violations(page) == []
    page.get_by_role("link", name="All markets").click()
    settled(page, ROUTES["/"])
    page.go_back()
    page.get_by_role("heading", name="No such page").wait_for()
