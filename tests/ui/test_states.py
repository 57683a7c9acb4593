"""What the page says when something between it and its markets is wrong (DASHBOARD.md 6.4)."""

from __future__ import annotations

import json
import re
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tests.ui.between import API, STREAM, Between
from tests.ui.conftest import LOST, Opener
from tests.ui.running import Running, until

if TYPE_CHECKING:
    from playwright.sync_api import Page

ROW = ".rows .row"
SNAPSHOT, RECORDS = f"{API}/snapshot", f"{API}/metrics/records"
NOW = "document.querySelector('.banner.bad button')?.click()"  # where it is not back by itself
OWN_STREAM = "delete globalThis.SharedWorker"  # then the page reads its stream by its own clock


def live(page: Page) -> Page:
    page.wait_for_selector(ROW)
    page.get_by_text("Live", exact=True).wait_for()
    return page


def price(page: Page, market: str) -> float:
    """Of a market in view, as exactly as its cell knows it."""
    cell = page.locator(f"{ROW}:has(.c-market[title='{market}']) .c-price")
    return float(cell.get_attribute("title") or "nan")


def lose(page: Page, between: Between) -> None:
    between.cut()
    page.get_by_text("Connection lost.").wait_for()


def find(page: Page, between: Between) -> None:
    between.mend()
    page.evaluate(NOW)
    page.get_by_text("Connection lost.").wait_for(state="detached")
    live(page)


def latest(program: Running) -> dict[str, float]:
    columns = json.loads(program.get(SNAPSHOT))["columns"]
    names = zip(columns["venue"], columns["pair"], strict=True)
    return dict(zip((":".join(name) for name in names), columns["latest"], strict=True))


def test_what_was_missed_is_told_again_after_a_gap(
    opened: Opener, program: Running, between: Between
) -> None:
    """DASHBOARD.md 7: a ring of deltas answers `Last-Event-ID`; nothing is loaded again."""
    page = live(opened(at=between.address, may=LOST))
    loaded = between.asked.count(SNAPSHOT + "?metric=price&by=sigma_rel")
    assert between.resumed == [None]
    lose(page, between)
    before = latest(program)
    program.post(f"{API}/collect", {})
    until(lambda: latest(program) != before)
    now = latest(program)
    moved = next(name for name, value in now.items() if value != before[name])
    find(page, between)
    page.wait_for_function(
        "([name, price]) => Number(document.querySelector(`.c-market[title='${name}'] ~ .c-price`)"
        ".title) === price", arg=[moved, now[moved]],
    )  # fmt: skip
    assert between.resumed[-1] is not None
    assert between.asked.count(SNAPSHOT + "?metric=price&by=sigma_rel") == loaded


def test_what_cannot_be_told_again_is_loaded_again_and_nothing_is_lost_from_view(
    opened: Opener, between: Between
) -> None:
    """DASHBOARD.md 6.4: snapshot reloaded silently, selection and scroll kept."""
    small = {"width": 1200, "height": 400}  # the rows never fit, banner or not
    page = live(opened("/?market=KRAKEN:ETH/USD", at=between.address, may=LOST, viewport=small))
    page.get_by_role("complementary", name="KRAKEN:ETH/USD").wait_for()
    page.evaluate("document.querySelector('.grid').scrollTop = 180")
    lose(page, between)
    loaded = len([one for one in between.asked if one.startswith(SNAPSHOT)])
    between.resume_from = "another-epoch-7"
    find(page, between)
    until(lambda: len([one for one in between.asked if one.startswith(SNAPSHOT)]) > loaded)
    live(page)
    page.get_by_role("complementary", name="KRAKEN:ETH/USD").wait_for()
    assert page.evaluate("document.querySelector('.grid').scrollTop") == 180
    assert page.locator(".banner:not(.demo)").count() == 0


def test_a_server_that_is_there_but_says_nothing_is_told_apart_and_left_for_a_new_connection(
    opened: Opener, between: Between
) -> None:
    """DASHBOARD.md 6.4: amber: "Server reachable but silent"; docs/explanation/dashboard.md: after
    40 s it connects anew."""
    page = opened("/about", at=between.address, script=OWN_STREAM)
    page.clock.install()
    page.goto(f"{between.address}/")
    live(page)
    between.silent = True
    opened_once = len(between.resumed)
    page.clock.fast_forward(25_000)
    page.get_by_text("Server reachable but silent").wait_for()
    page.locator(".pill.warn", has_text="Silent").wait_for()
    assert len(between.resumed) == opened_once
    page.clock.fast_forward(20_000)
    page.get_by_text("Connection lost.").wait_for()
    between.silent = False
    page.clock.fast_forward(5_000)
    live(page)
    assert len(between.resumed) == opened_once + 1
    assert page.locator(".banner:not(.demo)").count() == 0


def test_while_the_connection_is_lost_ages_go_on_and_the_table_can_be_used(
    opened: Opener, between: Between
) -> None:
    """DASHBOARD.md 6.4: "Showing data from 14 s ago. Trying again in 3 s [Now]"; still usable."""
    page = opened("/about", at=between.address, may=LOST, script=OWN_STREAM)
    page.clock.install()
    page.goto(f"{between.address}/")
    live(page)
    between.cut()
    banner = page.locator(".banner.bad")
    banner.get_by_text("Trying again in").wait_for()
    page.clock.fast_forward(14_000)
    banner.get_by_text(re.compile(r"Showing data from (1[4-9]|[2-9]\d) s ago")).wait_for()
    page.locator("#filter").fill("eth")
    page.wait_for_function("() => document.querySelectorAll('.rows .row').length < 10")
    assert "saturate" in page.locator(".rows").evaluate("rows => getComputedStyle(rows).filter")


def test_who_is_signed_out_is_told_so_and_shown_the_door(opened: Opener, between: Between) -> None:
    page = live(opened(at=between.address, may=f"status of 401|{LOST}"))
    between.refuse(STREAM, 401, detail="sign in", type="about:blank")
    between.cut()
    between.mend()
    page.get_by_text("You are signed out.").wait_for()
    assert page.get_by_role("link", name="Sign in").get_attribute("href") == "/sign-in"
    assert page.locator(ROW).count() > 0


def test_a_venue_that_is_down_takes_its_markets_out_of_the_cards_and_is_counted(
    opened: Opener, program: Running, between: Between
) -> None:
    """DASHBOARD.md 6.4: rows dim by colour, not opacity; excluded from cards; counts on the tab."""
    between.only_ours = True
    page = live(opened(at=between.address))
    told = json.loads(program.get(SNAPSHOT))["columns"]["venue"]
    rows = [row for row, venue in enumerate(told) if venue == "KRAKEN"]
    facts = {"since": "2026-11-22T12:00:00.000Z", "success_at": None, "skew_ms": None}
    down = {"venue": "KRAKEN", "state": "down", "detail": "no answer", **facts}
    between.tell("venue", down)
    between.delta({"state": [rows, ["stale"] * len(rows)]})
    page.locator("nav .count[aria-label='1 not up']").wait_for()
    stale = page.locator(f"{ROW}.stale")
    page.wait_for_function(
        "n => [...document.querySelectorAll('.rows .row.stale .c-change')]"
        ".filter((cell) => cell.innerText === 'stale').length === n", arg=len(rows),
    )  # fmt: skip
    assert stale.first.evaluate("row => getComputedStyle(row).opacity") == "1"
    dimmed = stale.first.locator(".c-price").evaluate("cell => getComputedStyle(cell).color")
    fresh = page.locator(f"{ROW}:not(.stale):not(.selected) .c-price").first
    assert dimmed != fresh.evaluate("cell => getComputedStyle(cell).color")
    badges = page.locator(f"{ROW} .c-venue .badge.bad")
    assert set(badges.all_inner_texts()) == {"down"}
    assert badges.count() == stale.count()
    assert "no answer" in (badges.first.get_attribute("title") or "")
    ago = datetime.now(UTC) - timedelta(seconds=250)
    between.tell("venue", {**down, "success_at": ago.isoformat()})
    stale.first.locator(".c-change", has_text=re.compile(r"^stale [4-9] min$")).wait_for()
    page.set_viewport_size({"width": 390, "height": 800})
    stale.first.locator(".c-market .badge", has_text="down").wait_for()
    page.set_viewport_size({"width": 1440, "height": 900})
    page.locator(".card .line").first.wait_for()
    named = page.eval_on_selector_all(".card .line", "all => all.map(line => line.title)")
    assert named
    assert not [name for name in named if name.startswith("KRAKEN")]


def test_a_value_that_begins_to_come_from_a_backup_says_so_where_it_is_shown(
    opened: Opener, program: Running, between: Between
) -> None:
    """SEMANTICS.md 5: a visible seam; the stream's `source`, on a wide screen and a phone."""
    between.only_ours = True
    page = live(opened("/?q=kraken&market=KRAKEN:BTC/USD", at=between.address))
    page.locator(".panel header").wait_for()
    row = list(latest(program)).index("KRAKEN:BTC/USD")
    shown = page.locator(".badge[title='shown from COINBASE:BTC/USD']", has_text="coinbase")
    assert shown.count() == 0
    between.delta({"source": [[row], ["COINBASE:BTC/USD"]]})
    for place in (f"{ROW}.selected .c-venue", ".panel header"):
        page.locator(place).filter(has=shown).wait_for()
    assert page.locator(".rows").locator(shown).count() == 1
    page.set_viewport_size({"width": 390, "height": 800})
    page.get_by_role("button", name="Close").click()
    named = page.locator(f"{ROW} .c-market").filter(has=shown)
    named.wait_for()
    between.delta({"source": [[row], [None]]})
    named.wait_for(state="detached")


def test_a_sigma_of_too_little_of_its_window_is_starred_with_the_reason(
    opened: Opener, between: Between
) -> None:
    """DASHBOARD.md 6.4: sigma carries `*` with reason; SEMANTICS.md 3: provisional."""
    between.only_ours = True

    def partly(told: Any) -> Any:
        told["columns"]["coverage"] = [0.7153, *told["columns"]["coverage"][1:]]
        told["columns"]["sigma_rel"] = [9.0, *told["columns"]["sigma_rel"][1:]]
        return told

    between.change(SNAPSHOT, partly)
    page = live(opened("/?sort=-sigma&market=BINANCE:BTC/USDT", at=between.address))
    row = page.locator(f"{ROW}.selected")
    cell = row.locator(".c-sigma")
    assert cell.locator("sup").inner_text() == "*"
    assert cell.get_attribute("title") == "σ of 71% of the 24 h: provisional"
    assert "71% of the 24 h" in (cell.locator(".unseen").text_content() or "")
    assert page.locator(f"{ROW} sup").count() == 1
    page.get_by_text("* σ of less than 80% of the 24 h: provisional").wait_for()
    page.locator(".panel .tiles", has_text="900.00%*").wait_for()
    page.get_by_text("it is ranked apart from the others").wait_for()
    card = page.locator(".card", has_text="Most volatile")
    assert "900" not in card.inner_text()
    between.delta({"coverage": [[0], [0.8]]})
    page.locator(f"{ROW} sup").wait_for(state="detached")
    page.get_by_text("* σ of less than").wait_for(state="detached")


def test_a_page_of_another_build_offers_to_load_itself_anew(
    opened: Opener, between: Between
) -> None:
    """DASHBOARD.md 6.4: "New version. Reload" when `hello.ui` is not its own."""
    page = live(opened(at=between.address, may=LOST))
    between.change("hello", lambda told: {**told, "ui": "another build"})
    lose(page, between)
    find(page, between)
    page.get_by_text("New version.").wait_for()
    page.get_by_role("status").get_by_role("button", name="Reload").click()
    live(page)
    assert page.get_by_text("New version.").count() == 0


def test_the_first_look_is_the_tables_frame_until_its_markets_are_there(
    opened: Opener, between: Between
) -> None:
    """DASHBOARD.md 6.4: header and table frame at once, 12 grey rows, no shimmer."""
    ready = threading.Event()

    def later(told: Any) -> Any:
        assert ready.wait(60)
        return told

    between.change(SNAPSHOT, later)
    page = opened(at=between.address)
    try:
        page.get_by_text("Loading").wait_for()
        assert page.locator(".loading > .blank").count() == 12
        assert page.get_by_role("link", name="Alerts").is_visible()
    finally:
        ready.set()
    live(page)
    assert page.locator(".loading").count() == 0


def test_an_empty_catalogue_is_no_error_and_says_how_venues_are(
    opened: Opener, between: Between
) -> None:
    """DASHBOARD.md 6.4: "No market yet", and the venues with their states."""
    between.only_ours = True
    between.change("hello", lambda told: {
        **told, "venues": [{**one, "state": "starting"} for one in told["venues"]]})  # fmt: skip
    nothing = {"total": 0, "of": 0}
    between.change(SNAPSHOT, lambda told: {
        **told, **nothing, "columns": {name: [] for name in told["columns"]}})  # fmt: skip
    page = opened(at=between.address)
    page.get_by_role("heading", name="No market yet").wait_for()
    page.get_by_text("KRAKEN starting").wait_for()
    assert page.get_by_role("alert").count() == 0


def test_an_error_stands_in_the_part_it_concerns_until_it_is_tried_again(
    opened: Opener, between: Between
) -> None:
    """DASHBOARD.md 6.4: what, status, request id, Retry; the page never blanks."""
    between.refuse(RECORDS, 500, detail="the history cannot be read", request_id="7f3a9c21")
    page = live(opened("/?market=KRAKEN:BTC/USD", at=between.address, may="status of 500"))
    failed = page.locator(".panel .failed")
    failed.get_by_text("the history cannot be read").wait_for()
    assert "Status 500 · request 7f3a9c21" in failed.inner_text()
    assert page.locator(ROW).count() > 0
    between.refusals.clear()
    failed.get_by_role("button", name="Retry").click()
    page.wait_for_selector(".panel .chart:not(.waiting)")
    assert failed.count() == 0


def test_a_table_that_cannot_be_loaded_says_why_and_tries_again(
    opened: Opener, between: Between
) -> None:
    between.refuse(SNAPSHOT, 500, detail="no snapshot", request_id="81c0ffee")
    page = opened(at=between.address, may="status of 500")
    page.get_by_text("no snapshot").wait_for()
    assert page.get_by_role("link", name="Alerts").is_visible()
    with page.expect_response(lambda told: SNAPSHOT in told.url):  # refused once more
        page.get_by_role("button", name="Retry").dispatch_event("click")
    between.refusals.clear()
    page.wait_for_function(
        """() => {
          document.querySelector(".failed button")?.click();
          return document.querySelector(".rows .row");
        }""", polling=500,
    )  # fmt: skip
    live(page)


def test_storage_that_fails_is_said_on_every_page(opened: Opener, between: Between) -> None:
    """docs/how-to/when-storage-fails.md: said everywhere, for as long as it lasts."""
    between.change(f"{API}/storage", lambda told: {**told, "state": "full", "reason": "disk full"})
    page = opened("/venues", at=between.address)
    page.get_by_text("Storage full. disk full").wait_for()


def test_a_fifth_table_in_another_tab_is_told_why_it_is_not_live(
    opened: Opener, between: Between, context: Any
) -> None:
    """docs/explanation/dashboard.md: four different tables at a time, of six connections."""
    browser = context()
    for metric in ("price", "traded_quote", "traded_ref", "volume_24h_quote"):
        live(opened(f"/?metric={metric}", at=between.address, within=browser))
    page = opened("/?metric=volume_24h_ref", at=between.address, within=browser)
    page.get_by_text("Four other tables are live in other tabs").wait_for()
    page.locator(".pill.warn", has_text="Not live").wait_for()
    page.wait_for_selector(ROW)


def test_who_may_only_look_sees_the_rule_played_and_why_there_is_no_button(
    opened: Opener, between: Between
) -> None:
    """DASHBOARD.md 6.4: rule form shows sentence + replay, buttons replaced by reason."""
    reader = {"kind": "user", "name": "rea", "role": "reader", "guarded": True}
    scopes = ["read:metrics", "read:alerts"]
    between.change(f"{API}/session", lambda told: {**told, **reader, "scopes": scopes})
    page = live(opened("/?market=KRAKEN:BTC/USD", at=between.address))
    page.get_by_text("You may look, not make rules: that takes the scope write:rules.").wait_for()
    page.locator(".replay[role=status]").wait_for()
    assert page.get_by_label("Condition").is_visible()
    assert page.get_by_role("button", name="Create alert").count() == 0
    page.goto(f"{between.address}/alerts?tab=rules")
    page.get_by_text("price-move").first.wait_for()
    assert page.get_by_role("button", name="Disable").count() == 0
