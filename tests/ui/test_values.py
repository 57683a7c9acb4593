"""Names, numbers, times and gaps that break pages, in the page (DASHBOARD.md 6.4, 6.5 and 8)."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest
from tests.ui.between import API, Between
from tests.ui.conftest import Opener

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

ROW = ".rows .row"
SNAPSHOT, RECORDS = f"{API}/snapshot", f"{API}/metrics/records"
HOSTILE = "<img src=x onerror=throw(1)>"
LONG = (HOSTILE + "ẞ" * 200)[:196] + "/USD"


def first_row(**cells: Any) -> Callable[[Any], Any]:
    """The snapshot with these cells in its first row, a large market's."""

    def changed(told: Any) -> Any:
        for name, value in cells.items():
            told["columns"][name][0] = value
        return told

    return changed


@pytest.mark.parametrize("width", [1440, 1000, 390])
def test_a_name_of_200_characters_breaks_nothing_and_does_nothing(
    opened: Opener, between: Between, width: int
) -> None:
    """SECURITY.md: every name of an exchange's is hostile; DASHBOARD.md 8."""
    between.only_ours = True
    between.change(SNAPSHOT, first_row(pair=LONG))
    page = opened(at=between.address, viewport={"width": width, "height": 800})
    page.wait_for_selector(ROW)
    page.locator(f"{ROW} .c-market", has_text=HOSTILE).wait_for()
    assert page.evaluate("document.images.length") == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    heights = page.eval_on_selector_all(ROW, "all => all.map(row => row.offsetHeight)")
    assert set(heights) == {36}
    _fits(page, ".card .line", ".card")


def _fits(page: Page, inner: str, outer: str) -> None:
    """No element reaches out of the one around it."""
    out = page.evaluate(
        "([inner, outer]) => [...document.querySelectorAll(inner)].filter(one =>"
        " one.scrollWidth > one.closest(outer).clientWidth).map(one => one.innerText)",
        [inner, outer],
    )
    assert out == []


def test_the_panel_of_a_market_with_a_long_name_keeps_its_width(
    opened: Opener, between: Between
) -> None:
    between.only_ours = True
    between.change(SNAPSHOT, first_row(pair=LONG))
    page = opened(f"/?{urlencode({'market': f'BINANCE:{LONG}'})}", at=between.address,
                  may="status of 4")  # fmt: skip
    panel = page.locator(".panel", has_text=HOSTILE)
    panel.wait_for()
    assert panel.evaluate("panel => panel.scrollWidth <= panel.clientWidth")
    assert panel.get_by_role("button", name="Star").is_visible()


@pytest.mark.parametrize(
    ("value", "text", "whole"),
    [
        (1e-12, "0.0₁₁1000", "0.0₁₁1000"),
        (1e12, "1.00T", "1,000,000,000,000.0"),
        (99_999_999.9, "99,999,999.9", "99,999,999.9"),
        (-0.00042, "−0.00042000", "−0.00042000"),
        (None, "–", "–"),
    ],
)
def test_a_price_of_any_size_is_read_whole(
    opened: Opener, between: Between, value: float | None, text: str, whole: str
) -> None:
    """DASHBOARD.md 6.5; the exact value is in the title, unknown is no 0. A column rounds what it
    has no room for: half a number is another one."""
    between.only_ours = True
    between.change(SNAPSHOT, first_row(latest=value))
    page = opened("/?market=BINANCE:BTC/USDT", at=between.address)
    cell = page.locator(f"{ROW}.selected .c-price")
    cell.wait_for()
    assert cell.inner_text() == text
    assert cell.get_attribute("title") == ("unknown" if value is None else _as_script(page, value))
    assert cell.evaluate("cell => cell.scrollWidth <= cell.clientWidth")
    assert page.locator(".panel .latest strong").inner_text() == whole


def _as_script(page: Page, value: float) -> str:
    told: str = page.evaluate("value => String(value)", value)
    return told


# Times

CHANGE = datetime(2026, 10, 25, 1, tzinfo=UTC)  # when Berlin's clocks go back from 3 to 2


def around(moment: datetime) -> Callable[[Any], Any]:
    """The records of a chart, as if they were of the day around that moment, by the half hour."""

    def changed(told: Any) -> Any:
        for series in told["items"]:
            series["items"] = series["items"][:48]
            for at, one in enumerate(series["items"]):
                time = moment + timedelta(minutes=30 * (at - 24))
                one["time"] = time.strftime("%Y-%m-%dT%H:%M:%S.000Z")
        return told

    return changed


def test_a_day_on_which_clocks_change_is_told_in_the_zone_that_is_chosen(
    opened: Opener, between: Between, context: Callable[..., BrowserContext]
) -> None:
    """DASHBOARD.md 8: zone switch across a DST day; 1.2.8: the zone stands next to a clock."""
    browser = context(timezone_id="Europe/Berlin")
    browser.clock.install(time=CHANGE + timedelta(hours=12))
    between.change(RECORDS, around(CHANGE))
    page = opened("/?market=KRAKEN:BTC/USD", at=between.address, within=browser)
    page.get_by_role("button", name="Table").click()
    page.locator(".as-table tbody tr").first.wait_for()
    here = _hours(page)
    assert here.count("25 Oct 02") == 2 * here.count("25 Oct 03")
    assert "CET" in page.locator(".chart-head .read").inner_text()
    page.keyboard.press("Control+k")
    page.keyboard.type("times in utc")
    page.keyboard.press("Enter")
    page.locator(".chart-head .read", has_text="UTC").wait_for()
    there = _hours(page)
    assert there.count("25 Oct 02") == there.count("25 Oct 03") == here.count("25 Oct 03")


def _hours(page: Page) -> list[str]:
    """Day and hour of every line of the chart's table."""
    told: list[str] = page.eval_on_selector_all(
        ".as-table tbody tr", "all => all.map(row => row.cells[0].innerText.split(':')[0])"
    )
    return told


# Gaps


def outage(told: Any) -> Any:
    """Nothing is known of the middle third of the time, whatever candles it was read from."""
    for series in told["items"]:
        first, last = (_at(series["items"][at]) for at in (0, -1))
        third = (last - first) / 3
        for one in series["items"]:
            if third <= _at(one) - first < 2 * third:
                one.update(value=None, marks=["outage"])
    return told


def _at(record: Any) -> datetime:
    return datetime.fromisoformat(record["time"])


def test_a_gap_is_drawn_as_a_gap_with_its_reason_and_what_is_covered(
    opened: Opener, between: Between
) -> None:
    """DASHBOARD.md 6.4: never interpolated, "coverage 71 %"."""
    between.only_ours = True
    between.change(RECORDS, outage)
    page = opened("/?market=KRAKEN:BTC/USD", at=between.address)
    page.wait_for_selector(".panel .chart:not(.waiting)")
    read = page.locator(".chart-head .read")
    read.filter(has_text=re.compile("coverage 6[67]%")).wait_for()
    drawn = [_drawn(page, share) for share in (0.15, 0.5, 0.85)]
    assert drawn == [True, False, True]
    page.locator(".replay[role=status]").wait_for()  # nothing moves any more
    page.locator(".u-over").hover()  # its middle
    read.filter(has_text=re.compile("nothing known · .*outage")).wait_for()


def _drawn(page: Page, share: float) -> bool:
    """Whether the price's colour is anywhere in the column of pixels at that share of the plot."""
    found: bool = page.evaluate(
        """share => {
          const canvas = document.querySelector('.chart canvas');
          const over = document.querySelector('.u-over');
          const at = Math.round((over.offsetLeft + share * over.clientWidth) * devicePixelRatio);
          const pen = canvas.getContext('2d');
          const pixels = pen.getImageData(at - 2, 0, 5, canvas.height).data;
          for (let i = 0; i < pixels.length; i += 4)
            if (pixels[i + 2] > 200 && pixels[i] < 140 && pixels[i + 3] > 200) return true;
          return false;
        }""",
        share,
    )
    return found


# A tab that nobody sees

HIDDEN = """
  globalThis.drawings = 0;
  const draw = globalThis.requestAnimationFrame.bind(globalThis);
  const waiting = [];
  globalThis.requestAnimationFrame = (what) => globalThis.unseen ? waiting.push(what) : draw(what);
  globalThis.see = () => { globalThis.unseen = false; waiting.splice(0).forEach(draw); };
  Object.defineProperty(document, 'hidden', {get: () => globalThis.unseen ?? false});
  addEventListener('DOMContentLoaded', () => new MutationObserver((all) => {
    drawings += all.length;
  }).observe(document.body, {subtree: true, childList: true, characterData: true}));
"""


def test_a_hidden_tab_draws_nothing_and_is_right_at_once_when_it_is_seen(
    opened: Opener, between: Between
) -> None:
    """DASHBOARD.md 6.3: hidden tabs do not render at all. Without a screen none is ever hidden, so
    here it is as a browser hides it: it says so, and gives no frame to draw in."""
    between.only_ours = True
    page = opened("/?market=BINANCE:BTC/USDT", at=between.address, script=HIDDEN)
    page.wait_for_selector(".panel .chart:not(.waiting)")
    page.get_by_text("Live", exact=True).wait_for()
    page.locator(".replay[role=status]").wait_for()
    page.evaluate("globalThis.unseen = true")
    page.evaluate("new Promise(done => setTimeout(done, 1500))")  # what was under way
    before = page.evaluate("drawings")
    for value in range(1, 6):
        between.delta({"latest": [[0], [1000.0 + value]]})
    assert page.evaluate("new Promise(done => setTimeout(() => done(drawings), 1500))") == before
    page.evaluate("see()")
    page.locator(f"{ROW}.selected", has_text="1,005.00").wait_for()
    assert page.evaluate("drawings") > before
