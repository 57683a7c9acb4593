"""The venues on the page: what is known of the last day, runs, jobs, markets that come and go."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from tests.ui.between import Between
from tests.ui.conftest import Opener
from tests.ui.looks import keep, violations
from tests.ui.running import Running

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page


def box(page: Page, venue: str) -> Locator:
    found = page.locator(".venue").filter(has_text=venue)
    found.wait_for()
    return found


def test_a_venue_shows_its_last_day_in_half_hours_and_its_runs(opened: Opener) -> None:
    """DASHBOARD.md 6.1: coverage strip of 48 half hours."""
    page = opened("/venues")
    cells = box(page, "KRAKEN").locator(".coverage i")
    cells.first.wait_for()
    assert cells.count() == 48
    assert cells.last.get_attribute("class") == "complete"
    box(page, "KRAKEN").get_by_role("button", name="Show runs").click()
    runs = page.get_by_role("group", name="Runs of KRAKEN")
    runs.get_by_role("row").nth(1).wait_for()
    assert "complete" in runs.inner_text() or "partial" in runs.inner_text()


def test_the_page_of_a_composite_says_who_has_a_part_and_why_not(
    opened: Opener, own: Running
) -> None:
    line = "composite(KRAKEN:BTC/USD, COINBASE:BTC/USD, KRAKEN:BTC/USD * 2)"
    own.post("/api/v1/metrics", {"name": "BTC/ALL", "formula": line, "metric": "price"})
    page = opened("/m/derived/btc-all", at=own.address)
    made = page.locator(".made")
    made.get_by_text("too far from the others").wait_for()
    assert line in made.inner_text()
    assert "2 of 3" in made.inner_text()
    row = made.get_by_role("row").filter(has_text="KRAKEN:BTC/USD * 2")
    assert "too far from the others" in row.inner_text()
    assert violations(page) == []
    keep(page, "composite.png")


def test_a_job_that_is_over_is_begun_anew(opened: Opener, program: Running) -> None:
    page = opened("/venues")
    job = page.locator(".list > li").filter(has_text="backfill KRAKEN")
    (one,) = [o for o in json.loads(program.get("/api/v1/jobs"))["items"] if o["venue"] == "KRAKEN"]
    job.get_by_role("button", name="Again").click()
    page.wait_for_function(
        """async before => {
          const answer = await fetch("api/v1/jobs", {cache: "no-store"});
          return !(await answer.json()).items.some(one => one.id === before);
        }""", arg=one["id"],
    )  # fmt: skip


def test_a_market_is_tracked_with_its_cost_told_before_and_stopped_again(
    opened: Opener, own: Running
) -> None:
    page = opened("/venues", at=own.address, may="404|422")
    page.get_by_role("button", name="Track a market").click()
    form = page.get_by_role("form", name="Track a market")
    form.get_by_label("Market", exact=True).fill("KRAKEN:BTC/USD")
    form.get_by_label("Metrics", exact=True).fill("price, bid")
    form.get_by_text("1 new series").wait_for()
    assert "of memory" in form.inner_text()
    form.get_by_label("Metrics", exact=True).fill("price, bids")
    form.get_by_role("button", name="Track").click()
    form.get_by_role("alert").filter(has_text="bids").wait_for()
    form.get_by_label("Metrics", exact=True).fill("price, bid")
    form.get_by_role("button", name="Track").click()
    page.get_by_text("Tracked from now on").wait_for()
    tracked = json.loads(own.get("/api/v1/metrics?metric=bid"))["items"]
    assert [one["name"] for one in tracked] == ["KRAKEN:BTC/USD:bid"]
    page.goto(f"{own.address}/m/kraken/btc-usd")
    tile = page.locator(".small-multiple li").filter(has_text="bid")
    tile.get_by_role("button", name="Stop").click()
    tile.get_by_role("button", name="Really stop?").click()
    tile.wait_for(state="detached")
    assert json.loads(own.get("/api/v1/metrics?metric=bid"))["items"] == []


STREAM = {
    "since": "2026-11-22T18:03:00.000Z", "detail": "", "heard_at": None, "wanted_count": 12,
    "subscribed_count": 12, "connections_count": 1, "frames_count": 9, "bad_frames_count": 0,
    "refused_count": 0, "trades_count": 4, "duplicates_count": 0, "gaps_count": 0,
}  # fmt: skip
HEARD = {"heard_at": "2026-11-22T18:03:30.000Z"}
STREAMS = [
    (None, "off, polled", "Polled once a slot"),
    ({"state": "live", **HEARD}, "connected since 22 Nov 18:03, heard",
     "Read from its stream since 22 Nov 18:03"),
    ({"state": "connecting"}, "connecting since 22 Nov 18:03, polled meanwhile",
     "Polled once a slot · stream connecting since 22 Nov 18:03"),
    ({"state": "connecting", **HEARD, "detail": "nothing for 5 s"},
     "silent, connecting anew since 22 Nov 18:03, polled meanwhile: nothing for 5 s",
     "stream silent, connecting anew since 22 Nov 18:03"),
    ({"state": "down", "detail": "refused"}, "fallen back to polls since 22 Nov 18:03: refused",
     "Polled once a slot · stream fallen back to polls since 22 Nov 18:03: refused"),
]  # fmt: skip


@pytest.mark.parametrize(("stream", "fact", "source"), STREAMS)
def test_a_venue_tells_how_its_stream_is_and_a_market_where_its_price_is_from(
    opened: Opener, between: Between, stream: dict[str, object] | None, fact: str, source: str
) -> None:
    def with_stream(told: Any) -> Any:
        for one in told["items"]:
            if one["name"] == "KRAKEN":
                one["stream"] = stream and {**STREAM, **stream}
        return told

    between.change("/api/v1/venues", with_stream)
    page = opened("/venues", at=between.address)
    box(page, "KRAKEN").locator("dd", has_text=fact).wait_for()
    page.goto(f"{between.address}/m/kraken/btc-usd")
    page.locator(".source", has_text=source).wait_for()


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_all_of_the_venues_is_read_by_everybody_and_fits_a_phone(
    opened: Opener, scheme: str
) -> None:
    """DASHBOARD.md 6.8."""
    page = opened("/venues", color_scheme=scheme, viewport={"width": 320, "height": 700})
    box(page, "KRAKEN").get_by_role("button", name="Show runs").click()
    page.get_by_role("group", name="Runs of KRAKEN").get_by_role("row").nth(1).wait_for()
    page.get_by_role("button", name="Track a market").click()
    cells = box(page, "KRAKEN").locator(".coverage i")
    cells.first.wait_for()
    assert len(set(cells.evaluate_all("all => all.map(one => one.offsetTop)"))) == 1
    keep(page, f"venues-narrow-{scheme}.png")
    assert violations(page) == []
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 320
