"""The chart: two markets in one, the band of mean and sigma, and what one may take away."""

from __future__ import annotations

import csv
import struct
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.ui.conftest import Opener
from tests.ui.looks import keep, violations
from tests.ui.test_markets import height_of_line

if TYPE_CHECKING:
    from playwright.sync_api import Page

MARKET = "/m/kraken/btc-usd"
INK = """() => {
  const drawn = document.querySelector(".chart canvas");
  const {data} = drawn.getContext("2d").getImageData(0, 0, drawn.width, drawn.height);
  const wanted = [246, 189, 69];
  let count = 0;
  for (let at = 0; at < data.length; at += 4)
    if (wanted.every((value, one) => Math.abs(data[at + one] - value) < 12)) count++;
  return count;
}"""  # how much of the colour of the other series is on it, in the dark


LABELS = """() => {
  const drawn = document.querySelector(".chart canvas");
  const plot = document.querySelector(".chart .u-over");
  const left = Math.ceil((plot.offsetLeft + plot.clientWidth) * devicePixelRatio) + 1;
  const wide = drawn.width - left;
  const high = Math.floor((plot.offsetTop + plot.clientHeight) * devicePixelRatio);
  const {data} = drawn.getContext("2d").getImageData(left, 0, wide, high);
  const wanted = [147, 160, 181];
  const inked = Array.from({length: high}, (_, row) => {
    for (let at = 4 * row * wide; at < 4 * (row + 1) * wide; at += 4)
      if (data[at + 3] > 120 && wanted.every((one, part) => Math.abs(data[at + part] - one) < 40))
        return "#";
    return " ";
  });
  return inked.join("").trim().split(/ +/).map(label => label.length / devicePixelRatio);
}"""  # how high each label of the price's axis is, in the dark; the last may reach below


def charted(opened: Opener, route: str = MARKET, **options: object) -> Page:
    page = opened(route, **options)
    drawn, busy = page.locator(".chart canvas"), page.get_by_role("button", name="Retry")
    drawn.or_(busy).first.wait_for()
    if busy.count():  # a slow machine's program refused what took too long, and the page says so
        busy.click()
    drawn.wait_for()
    page.wait_for_selector(".chart:not(.waiting)")
    return page


def test_no_tag_cuts_a_label_of_the_axis_wherever_the_line_is_dragged(opened: Opener) -> None:
    """DASHBOARD.md 2.2: price tag with collision avoidance."""
    page = charted(opened)
    page.get_by_role("slider", name="Alert line").wait_for()
    over = page.locator(".u-over").bounding_box()
    assert over is not None
    page.mouse.move(over["x"] + over["width"] / 2, height_of_line(page, over))
    page.mouse.down()
    heights: list[float] = []
    for down in range(10, int(over["height"]) - 10, 4):
        page.mouse.move(over["x"] + over["width"] / 2, over["y"] + down)
        heights += page.evaluate(LABELS)[:-1]
    page.mouse.up()
    assert len(heights) > 50
    assert min(heights) >= 8  # of a digit


def compared(page: Page, market: str) -> None:
    with page.expect_response(
        lambda told: market.replace("/", "-") in told.url.replace("%3A", ":")
    ):
        page.get_by_label("Compare").fill(market)
        page.get_by_label("Compare").press("Enter")


def test_another_market_is_laid_over_in_per_cent_or_on_an_axis_of_its_own(opened: Opener) -> None:
    page = charted(opened)
    page.get_by_role("slider", name="Alert line").wait_for()
    alone = page.evaluate(INK)
    compared(page, "KRAKEN:ETH/USD")
    page.wait_for_function(f"before => ({INK})() !== before", arg=alone)
    page.get_by_role("button", name="in %").click()
    page.get_by_role("button", name="two axes").wait_for()
    keep(page, "chart-compared.png")
    page.get_by_label("Compare").fill("")
    page.get_by_label("Compare").press("Enter")
    page.get_by_role("button", name="two axes").wait_for(state="detached")


def test_a_comparison_with_nothing_says_so(opened: Opener) -> None:
    page = charted(opened, may="404|422")
    compared(page, "KRAKEN:NOPE/USD")
    page.locator(".chart-box .failed").wait_for()


def test_the_band_of_mean_and_sigma_is_shown_and_hidden(opened: Opener) -> None:
    page = charted(opened)
    band = page.get_by_role("button", name="±σ")
    picture = "() => document.querySelector('.chart canvas').toDataURL()"
    before = page.evaluate(picture)
    band.click()
    assert band.get_attribute("aria-pressed") == "true"
    page.wait_for_function(f"before => ({picture})() !== before", arg=before)
    keep(page, "chart-band.png")
    band.click()
    assert band.get_attribute("aria-pressed") == "false"


def taken(page: Page, file: Path) -> list[dict[str, str]]:
    """What the chart shows, as numbers."""
    with page.expect_download() as got:
        page.get_by_role("button", name="CSV").click()
    got.value.save_as(file)
    return list(csv.DictReader(file.read_text("utf-8").splitlines()))


def test_the_chart_is_taken_away_as_numbers_and_as_a_picture(
    opened: Opener, tmp_path: Path
) -> None:
    """DASHBOARD.md 1.2: what is seen can be taken along; the other market, too."""
    page = charted(opened)
    compared(page, "KRAKEN:ETH/USD")
    rows = taken(page, tmp_path / "chart.csv")
    for _ in range(50):  # the other market has answered, and is laid over the chart soon
        if "other" in rows[0]:
            break
        page.wait_for_timeout(100)
        rows = taken(page, tmp_path / "chart.csv")
    assert len(rows) > 600
    assert rows[-1]["time"].endswith("Z")
    assert [one for one in rows if one["value"] and one["other"]]
    with page.expect_download() as got:
        page.get_by_role("button", name="PNG").click()
    got.value.save_as(tmp_path / "chart.png")
    content = (tmp_path / "chart.png").read_bytes()
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", content[16:24])
    assert width > 300
    assert height > 150


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_a_chart_with_all_that_is_laid_over_it_fits_a_phone(opened: Opener, scheme: str) -> None:
    page = charted(opened, color_scheme=scheme, viewport={"width": 320, "height": 700})
    compared(page, "KRAKEN:ETH/USD")
    page.get_by_role("button", name="±σ").click()
    keep(page, f"chart-phone-{scheme}.png")
    assert violations(page) == []
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 320
