"""The markets: the table, its address, its keys, and the alert that is made on the chart."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from tests.ui.conftest import Opener
from tests.ui.running import Running, until

if TYPE_CHECKING:
    from playwright.sync_api import Page

ROW = ".rows .row"


def names(page: Page) -> list[str]:
    """The markets in view, in the order in which they stand."""
    found: list[tuple[int, str]] = page.eval_on_selector_all(
        ROW,
        "all => all.map(row => [Number(row.getAttribute('aria-rowindex')),"
        " row.querySelector('.c-market').title])",
    )
    return [name for _, name in sorted(found)]


def asked(page: Page) -> dict[str, str]:
    return {name: value for name, (value,) in parse_qs(urlsplit(page.url).query).items()}


def focused(page: Page) -> str:
    told: str = page.evaluate("document.activeElement.className || document.activeElement.id")
    return told


def best(program: Running) -> str:
    """The market of the first rank, as the API has it now."""
    columns = json.loads(program.get("/api/v1/snapshot"))["columns"]
    row = columns["rank"].index(1)
    return f"{columns['venue'][row]}:{columns['pair'][row]}"


def test_the_table_shows_every_market_ranked_and_goes_on_by_itself(
    opened: Opener, program: Running
) -> None:
    page = opened()
    page.wait_for_selector(ROW)
    columns = json.loads(program.get("/api/v1/snapshot"))["columns"]
    assert page.locator(".grid").get_attribute("aria-rowcount") == str(len(columns["id"]) + 1)
    page.get_by_text("Live", exact=True).wait_for()
    until(lambda: names(page)[0] == best(program))  # a slot may close between two looks
    before = page.locator(".rows").inner_text()
    program.post("/api/v1/collect", {})
    page.wait_for_function(
        "before => document.querySelector('.rows').innerText !== before", arg=before,
        timeout=150_000,
    )  # fmt: skip


def test_only_rows_in_view_are_in_the_page(opened: Opener) -> None:
    page = opened(viewport={"width": 1000, "height": 470})
    page.wait_for_selector(ROW)
    total = int(page.locator(".grid").get_attribute("aria-rowcount") or 0) - 1
    assert 0 < page.locator(ROW).count() < total
    last = page.evaluate("const g = document.querySelector('.grid'); g.scrollTop = 1e6")
    assert last == 1_000_000
    page.wait_for_selector(f"[aria-rowindex='{total + 1}']")


def test_sort_and_filter_stand_in_the_address_and_survive_a_reload(opened: Opener) -> None:
    """DASHBOARD.md 1.2, 6: the URL is the state."""
    page = opened()
    page.wait_for_selector(ROW)
    page.get_by_role("columnheader", name="Volume").get_by_role("button").click()
    page.locator("#filter").fill("btc kraken")
    page.wait_for_function("() => document.querySelectorAll('.rows .row').length === 2")
    assert asked(page)["sort"] == "-volume"
    assert asked(page)["q"] == "btc kraken"
    shown = names(page)
    assert all(name.startswith("KRAKEN:BTC/") for name in shown)
    page.reload()
    page.wait_for_selector(ROW)
    assert names(page) == shown
    header = page.get_by_role("columnheader", name="Volume")
    assert header.get_attribute("aria-sort") == "descending"


def test_a_filter_that_leaves_nothing_says_so_and_how_to_go_on(opened: Opener) -> None:
    page = opened("/?q=zzzz")
    page.get_by_text("No market matches “zzzz”").wait_for()
    page.get_by_role("button", name="Clear filter").click()
    page.wait_for_selector(ROW)
    assert "q" not in asked(page)


def test_keys_move_sort_and_open_and_are_letters_while_one_types(opened: Opener) -> None:
    """DASHBOARD.md 6.7."""
    page = opened()
    page.wait_for_selector(ROW)
    order = names(page)
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.wait_for_function("() => document.querySelectorAll('.row.selected').length === 1")
    assert asked(page)["market"] == order[2]
    grid = page.locator(".grid")
    assert page.locator(f"#{grid.get_attribute('aria-activedescendant')}.selected").count() == 1
    page.keyboard.press("v")
    assert asked(page)["sort"] == "-volume"
    page.keyboard.press("/")
    page.keyboard.type("sol")
    assert asked(page)["q"] == "sol"
    assert asked(page)["sort"] == "-volume"
    page.keyboard.press("Escape")
    page.keyboard.press("o")
    page.wait_for_url("**/m/*/*")


def test_the_palette_finds_a_market_by_the_first_letters_typed(opened: Opener) -> None:
    page = opened()
    page.wait_for_selector(ROW)
    page.keyboard.press("Control+k")
    page.keyboard.type("eth eur")
    page.keyboard.press("Enter")
    page.wait_for_function("() => location.search.includes('market')")
    assert asked(page)["market"] == "KRAKEN:ETH/EUR"
    page.get_by_role("complementary", name="KRAKEN:ETH/EUR").wait_for()


def test_the_order_is_held_while_one_points_and_goes_on_afterwards(opened: Opener) -> None:
    page = opened()
    page.locator(ROW).first.hover()
    page.locator(".chip.held").wait_for()
    held = names(page)
    page.mouse.move(5, 5)
    page.locator(".chip.held").wait_for(state="detached")
    assert sorted(names(page)) == sorted(held)


def played(program: Running, condition: str, target: str) -> Any:
    body = {"condition": condition, "target": [target], "cooldown": "30m", "over": "24h"}
    return program.post("/api/v1/rules/preview", body)


def fired(program: Running, condition: str, target: str) -> int:
    return int(played(program, condition, target)["episodes_count"])


def by_hand(program: Running, line: float, over: Mapping[str, str]) -> int:
    """How often the price crossed a line that is heard at most every 30 minutes, counted over the
    stored records of that time: a crossing fires; while it lasts and for 30 slots after it, none
    does; one that is still under way then is no new one."""
    values = slots_of(program, over)
    crossed = [(before <= line < now) or (before >= line > now)
               for before, now in pairwise(values)]  # fmt: skip
    count, at = 0, 0
    while at < len(crossed):
        if not crossed[at]:
            at += 1
            continue
        count += 1
        while at < len(crossed) and crossed[at]:
            while at < len(crossed) and crossed[at]:
                at += 1
            at += 30
            if at < len(crossed) and not crossed[at - 1]:
                break
    return count


def slots_of(program: Running, over: Mapping[str, str]) -> list[float]:
    """What stood in every minute of a time, and in the one before it: a candle in all it spans."""
    first, stop = (datetime.fromisoformat(over[name]) for name in ("from_at", "to_at"))
    asked = urlencode({"from": (first - timedelta(minutes=15)).isoformat(),
                       "to": stop.isoformat(), "limit": 10_000})  # fmt: skip
    told = json.loads(program.get(f"/api/v1/metrics/KRAKEN:BTC-USD:price/records?{asked}"))
    stood: dict[datetime, float] = {}
    for one in told["items"]:
        minutes = int(one.get("span", "1m").removesuffix("m"))
        for minute in range(minutes):
            moment = datetime.fromisoformat(one["time"]) + timedelta(minutes=minute)
            stood[moment] = one["value"]
    begin = first - timedelta(minutes=1)
    return [stood[begin + timedelta(minutes=minute)]
            for minute in range(int((stop - begin) / timedelta(minutes=1)))]  # fmt: skip


@pytest.mark.parametrize("pixels", [60, 35])
def test_an_alert_is_made_by_dragging_a_line_that_is_played_over_the_day(
    opened: Opener, program: Running, pixels: int
) -> None:
    """DASHBOARD.md 8: drag the alert line, compare hit count with an independent count and with the
    input field."""
    page = opened("/?market=KRAKEN:BTC/USD")
    slider = page.get_by_role("slider", name="Alert line")
    slider.wait_for()
    page.locator(".chart canvas").wait_for()
    page.wait_for_selector(".chart:not(.waiting)")
    first = float(slider.get_attribute("aria-valuenow") or "nan")
    over = page.locator(".u-over").bounding_box()
    assert over is not None
    height = height_of_line(page, over)
    middle = over["x"] + over["width"] / 2
    page.mouse.move(middle, height)
    page.mouse.down()
    page.mouse.move(middle, height + pixels, steps=6)
    page.mouse.up()
    dragged = float(slider.get_attribute("aria-valuenow") or "nan")
    assert dragged < first
    assert float(page.get_by_label("Value").input_value()) == dragged
    condition = f"crosses_above({dragged:g}) or crosses_below({dragged:g})"
    condition = condition if f"{dragged:g}" == repr(dragged) else condition.replace(
        f"{dragged:g}", repr(dragged).removesuffix(".0"))  # fmt: skip
    told = played(program, condition, "KRAKEN:BTC/USD:price")
    count = by_hand(program, dragged, told)
    assert told["episodes_count"] == count
    page.locator(".replay b", has_text=re.compile(rf"^{count} time")).wait_for()
    page.get_by_role("button", name="Create alert").click()
    page.get_by_text("Alert created").wait_for()
    rules = json.loads(program.get("/api/v1/rules"))["items"]
    assert any(rule["condition"] == condition for rule in rules)


def height_of_line(page: Page, over: Any) -> float:
    """Where the dashed line is: the pointer says so by its shape."""
    middle = over["x"] + over["width"] / 2
    for down in range(2, int(over["height"]), 6):
        page.mouse.move(middle, over["y"] + down)
        if "on-line" in (page.locator(".chart").get_attribute("class") or ""):
            return float(over["y"] + down)
    raise AssertionError("no line on the chart")


def test_the_line_is_moved_by_keys_as_well(opened: Opener) -> None:
    """Issue 7: drag-to-alert with keyboard equivalent; an arrow is 0.1 %, with Shift 1 %."""
    page = opened("/?market=KRAKEN:ETH/USD")
    slider = page.get_by_role("slider", name="Alert line")
    slider.focus()
    first = float(slider.get_attribute("aria-valuenow") or "nan")
    page.keyboard.press("ArrowUp")
    second = float(slider.get_attribute("aria-valuenow") or "nan")
    page.keyboard.press("Shift+ArrowDown")
    third = float(slider.get_attribute("aria-valuenow") or "nan")
    assert second == pytest.approx(first * 1.001, rel=1e-4)
    assert third == pytest.approx(second * 0.99, rel=1e-4)


def test_a_rule_that_makes_no_sense_is_told_in_the_servers_words(opened: Opener) -> None:
    page = opened("/alerts/new", may="422")
    page.get_by_role("button", name="As text").click()
    page.get_by_label("When").fill("price >> 3")
    page.get_by_text("a value is missing here").wait_for()
    assert page.get_by_role("button", name="Create alert").is_disabled()


def test_the_page_says_which_sigma_to_trust(opened: Opener) -> None:
    """SEMANTICS.md 3: the page says in one sentence which to trust."""
    page = opened()
    page.get_by_text("Trust σ relative for what moved most for its size").wait_for()


def test_enter_in_a_value_plays_it_and_only_enter_on_the_button_makes_the_alert(
    opened: Opener, own: Running
) -> None:
    page = opened("/?market=KRAKEN:ETH/USD", at=own.address)
    page.locator(".replay[role=status]").wait_for()
    before = own.get("/api/v1/rules")
    with page.expect_response(lambda told: "/rules/preview" in told.url) as played:
        page.get_by_label("Value").fill("5000")
        page.keyboard.down("Enter")
    assert "crosses_above(5000)" in (played.value.request.post_data or "")
    page.keyboard.down("Enter")  # still held: it repeats
    page.keyboard.up("Enter")
    button = page.get_by_role("button", name="Create alert")
    assert button.evaluate("button => button === document.activeElement")
    assert page.get_by_role("slider", name="Alert line").get_attribute("aria-valuenow") == "5000"
    assert own.get("/api/v1/rules") == before
    page.keyboard.press("Enter")
    page.get_by_text("Alert created").wait_for()


def test_a_market_over_the_table_can_be_closed_on_a_phone(opened: Opener) -> None:
    page = opened("/?market=KRAKEN:ETH/USD", viewport={"width": 390, "height": 844})
    panel = page.get_by_role("complementary", name="KRAKEN:ETH/USD")
    assert not page.locator(ROW).first.is_visible()
    panel.get_by_role("button", name="Close").click()
    panel.wait_for(state="detached")
    page.locator(ROW).first.wait_for()


def test_escape_closes_the_commands_and_nothing_else(opened: Opener) -> None:
    page = opened("/?market=KRAKEN:ETH/USD")
    page.get_by_role("complementary", name="KRAKEN:ETH/USD").wait_for()
    page.evaluate(
        """() => addEventListener("keydown", ({key}) => setTimeout(() => {
          if (key === "Escape") globalThis.heldBy = document.activeElement.tagName;
        }))"""
    )
    page.keyboard.press("Control+k")
    page.keyboard.type("sol")
    page.keyboard.press("Escape")
    page.wait_for_function("() => globalThis.heldBy")
    assert page.evaluate("heldBy") == "BODY"  # at once, else what follows is typed unseen
    page.keyboard.press("?")
    page.get_by_role("dialog", name="Shortcuts").wait_for()
    assert page.locator("dialog.palette input").input_value() == "sol"
    assert "market=KRAKEN" in page.url


def test_paper_is_light_and_without_what_one_presses(opened: Opener) -> None:
    page = opened("/m/kraken/btc-usd")
    page.locator(".rule-form").wait_for()
    theme = "document.documentElement.dataset.theme"
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate(theme) == "light"
    assert not page.locator(".rule-form").is_visible()
    assert not page.get_by_role("button", name="Pause").is_visible()
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.evaluate(theme) == "dark"
