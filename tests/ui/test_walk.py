"""A new user's way, who has read nothing: find what moves most, be told of it (issue 7's last)."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from tests.ui.conftest import Opener
from tests.ui.running import Running
from tests.ui.test_markets import fired, height_of_line

if TYPE_CHECKING:
    from playwright.sync_api import Page

SLOT_MS = 150_000  # a minute until it closes, on whatever machine


def keep(page: Page, name: str) -> None:
    """A picture for docs/tutorial-page.md, where people said where to put it."""
    if folder := os.environ.get("SIGMAWATCH_TEST_PICTURES"):
        page.mouse.move(2, 2)
        page.screenshot(path=str(Path(folder) / name))


def test_a_new_user_finds_what_moves_most_draws_an_alert_and_sees_it_fire(
    opened: Opener, own: Running
) -> None:
    page = opened(at=own.address, viewport={"width": 1280, "height": 960})
    card = page.locator(".card", has_text="Most volatile")
    card.locator(".line b").first.wait_for()
    keep(page, "walk-1-markets.png")
    market = card.locator(".line").first.get_attribute("title") or ""
    card.locator(".line").first.click()
    panel = page.get_by_role("complementary", name=market)
    panel.locator(".chart:not(.waiting)").wait_for()
    panel.get_by_label("Condition").select_option(label="price rises above")
    latest = float(panel.locator(".latest strong").get_attribute("title") or "nan")
    keep(page, "walk-2-market.png")
    drag_below(page, latest)
    condition = f"price > {panel.get_by_label('Value').input_value()}"
    count = fired(own, condition, f"{market}:price")
    panel.locator(".replay b", has_text=re.compile(rf"^{count} time")).wait_for()
    keep(page, "walk-3-dragged.png")
    panel.get_by_role("button", name="Create alert").click()
    page.get_by_text("Alert created").wait_for()
    told = page.locator(".toast.warn", has_text="Firing").filter(has_text=market)
    told.wait_for(timeout=SLOT_MS)
    page.locator("nav .count[aria-label$=' firing']").wait_for()  # the demo's own rules may, too
    keep(page, "walk-4-fired.png")
    page.get_by_role("link", name="Alerts").click()
    firing = page.locator("li", has_text=market)
    firing.get_by_role("button", name="Why?").click()
    firing.get_by_text("computed again: the same").wait_for()
    keep(page, "walk-5-why.png")


def drag_below(page: Page, latest: float) -> None:
    """Drag the dashed line to below what the market stands at, so that it is above it."""
    over = page.locator(".u-over").bounding_box()
    assert over is not None
    middle, height = over["x"] + over["width"] / 2, height_of_line(page, over)
    page.mouse.move(middle, height)
    page.mouse.down()
    page.mouse.move(middle, over["y"] + over["height"] * 0.8, steps=8)
    page.mouse.up()
    line = page.get_by_role("slider", name="Alert line")
    for _ in range(10):  # where the price is among the lowest of its day, the last bit by keys
        if float(line.get_attribute("aria-valuenow") or "nan") < 0.995 * latest:
            return
        line.press("Shift+ArrowDown")
    raise AssertionError("the line does not get below the price")
