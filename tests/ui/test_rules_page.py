"""The rules on the page: changed, copied, muted, removed, several at once, and who may not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.request import Request, urlopen

import pytest
from tests.ui.conftest import Opener
from tests.ui.looks import keep, violations
from tests.ui.running import Running

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

NEVER = "price > 1000000000"


def asked(program: Running, method: str, path: str, body: object = None, **headers: str) -> Any:
    """The answer of the API to somebody beside the page."""
    request = Request(
        f"{program.address}/api/v1/{path}", None if body is None else json.dumps(body).encode(),
        {"Content-Type": "application/json", **headers}, method=method,
    )  # fmt: skip
    with urlopen(request, timeout=60) as answer:
        return json.loads(answer.read() or b"null")


@pytest.fixture(scope="module")
def ruled(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A program of this file's own: its rules come and go."""
    with Running(tmp_path_factory.mktemp("ruled")) as running:
        running.start()
        yield running


@pytest.fixture
def rule(ruled: Running, request: pytest.FixtureRequest) -> str:
    """A rule that never fires, by a name of its own."""
    name = "r-" + "".join(c if c.isalnum() else "-" for c in request.node.name)[-40:].lower()
    asked(ruled, "PUT", f"rules/{name}", {"condition": NEVER, "target": ["kraken:BTC/USD:price"]})
    return name


def line(page: Page, name: str) -> Locator:
    page.get_by_label(f"Choose {name}", exact=True).wait_for()
    return page.locator(".rules > li").filter(has=page.get_by_label(f"Choose {name}", exact=True))


def at_rules(opened: Opener, program: Running, **options: Any) -> Page:
    return opened("/alerts?tab=rules", at=program.address, **options)


def test_a_rule_is_changed_where_it_stands_and_played_meanwhile(
    opened: Opener, ruled: Running, rule: str
) -> None:
    page = at_rules(opened, ruled)
    line(page, rule).get_by_role("button", name="Edit").click()
    form = page.get_by_role("form", name=f"Edit {rule}")
    form.get_by_label("When", exact=True).fill("price > 2000000000")
    form.get_by_text("Would have fired 0 times").wait_for()
    form.get_by_text("More").click()
    form.get_by_label("Episodes at most").fill("7")
    form.get_by_role("button", name="Save").click()
    page.get_by_text(f"{rule} is changed").wait_for()
    stored = asked(ruled, "GET", f"rules/{rule}")
    assert (stored["condition"], stored["max_triggers"]) == ("price > 2000000000", 7)


def test_who_was_slower_is_told_so_in_the_servers_words_and_shown_what_is_there(
    opened: Opener, ruled: Running, rule: str
) -> None:
    """SECURITY.md S49: two concurrent edits, one winner."""
    page = at_rules(opened, ruled, may="412")
    line(page, rule).get_by_role("button", name="Edit").click()
    form = page.get_by_role("form", name=f"Edit {rule}")
    form.get_by_label("Words for every message").fill("mine")
    etag = asked(ruled, "GET", f"rules/{rule}")["etag"]
    theirs = {"condition": NEVER, "target": ["kraken:BTC/USD:price"], "note": "theirs"}
    asked(ruled, "PUT", f"rules/{rule}", theirs, **{"If-Match": etag})
    form.get_by_role("button", name="Save").click()
    form.get_by_role("alert").wait_for()
    assert asked(ruled, "GET", f"rules/{rule}")["note"] == "theirs"
    form.get_by_role("button", name="Show what is there now").click()
    page.wait_for_function("() => document.querySelector('form [name=note]').value === 'theirs'")
    form.get_by_label("Words for every message").fill("both")
    form.get_by_role("button", name="Save").click()
    page.get_by_text(f"{rule} is changed").wait_for()
    assert asked(ruled, "GET", f"rules/{rule}")["note"] == "both"


def test_what_is_wrong_stands_under_its_field(opened: Opener, ruled: Running, rule: str) -> None:
    page = at_rules(opened, ruled, may="422")
    line(page, rule).get_by_role("button", name="Edit").click()
    form = page.get_by_role("form", name=f"Edit {rule}")
    form.get_by_label("At most every").fill("soon")
    form.get_by_role("button", name="Save").click()
    page.locator("[name=cooldown][aria-invalid=true]").wait_for()
    described = form.get_by_label("At most every").get_attribute("aria-describedby")
    assert "soon" in page.locator(f"[id='{described}']").inner_text()


def test_a_copy_is_another_rule(opened: Opener, ruled: Running, rule: str) -> None:
    page = at_rules(opened, ruled)
    line(page, rule).get_by_role("button", name="Duplicate").click()
    form = page.get_by_role("form", name=f"A rule like {rule}")
    form.get_by_label("Name").fill(f"{rule}-copy")
    form.get_by_role("button", name="Make").click()
    page.get_by_text(f"{rule}-copy is made").wait_for()
    line(page, f"{rule}-copy").wait_for()
    assert asked(ruled, "GET", f"rules/{rule}-copy")["condition"] == NEVER


def test_a_rule_is_muted_until_then_and_heard_again(
    opened: Opener, ruled: Running, rule: str
) -> None:
    page = at_rules(opened, ruled)
    line(page, rule).get_by_role("button", name="Mute").click()
    form = page.get_by_role("form", name=f"Mute {rule}")
    form.get_by_label("Until").fill("4h")
    form.get_by_label("Why").fill("holiday")
    form.get_by_role("button", name="Mute").click()
    line(page, rule).get_by_text("muted until").wait_for()
    (muted,) = [one for one in asked(ruled, "GET", "silences")["items"] if one["rule"] == rule]
    assert muted["comment"] == "holiday"
    line(page, rule).get_by_role("button", name="End").click()
    line(page, rule).get_by_text("muted until").wait_for(state="detached")
    assert not [one for one in asked(ruled, "GET", "silences")["items"] if one["rule"] == rule]


def test_several_rules_are_turned_off_and_removed_at_once(
    opened: Opener, ruled: Running, rule: str
) -> None:
    names = [rule, f"{rule}-b"]
    body = {"condition": NEVER, "target": ["kraken:BTC/USD:price"]}
    asked(ruled, "PUT", f"rules/{names[1]}", body)
    page = at_rules(opened, ruled)
    for name in names:
        page.get_by_label(f"Choose {name}", exact=True).check()
    group = page.get_by_role("group", name="For what is chosen")
    assert "2 rows chosen" in group.inner_text()
    group.get_by_role("button", name="Disable").click()
    group.wait_for(state="detached")
    assert [asked(ruled, "GET", f"rules/{name}")["enabled"] for name in names] == [False, False]
    for name in names:
        page.get_by_label(f"Choose {name}", exact=True).check()
    group.get_by_role("button", name="Delete").click()
    assert len(asked(ruled, "GET", "rules")["items"]) >= 2, "one is asked once more"
    group.get_by_role("button", name="Really delete?").click()
    group.wait_for(state="detached")
    left = {one["name"] for one in asked(ruled, "GET", "rules")["items"]}
    assert not left & set(names)


def test_a_silence_is_made_for_anything_and_ended(opened: Opener, ruled: Running) -> None:
    page = opened("/alerts?tab=silences", at=ruled.address, may="422")
    page.get_by_role("button", name="New silence").click()
    form = page.get_by_role("form", name="New silence")
    form.get_by_label("Of what").fill("binance:*/*")
    form.get_by_label("Until").fill("yesterday")
    form.get_by_role("button", name="Silence").click()
    page.locator("[name=until][aria-invalid=true]").wait_for()
    form.get_by_label("Until").fill("2h")
    form.get_by_role("button", name="Silence").click()
    page.get_by_text("every rule for binance:*/*", exact=False).first.wait_for()
    page.locator(".list li").filter(has_text="binance").get_by_role("button", name="End").click()
    page.get_by_text("Nothing is silenced").wait_for()


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_the_form_of_a_rule_is_read_by_everybody_and_fits_a_phone(
    opened: Opener, ruled: Running, rule: str, scheme: str
) -> None:
    """DASHBOARD.md 6.8."""
    narrow = {"width": 320, "height": 700}
    page = at_rules(opened, ruled, color_scheme=scheme, viewport=narrow)
    line(page, rule).get_by_role("button", name="Edit").click()
    page.get_by_role("form", name=f"Edit {rule}").get_by_text("More").click()
    assert violations(page) == []
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 320
    keep(page, f"rule-form-{scheme}.png")


def test_a_reader_gets_the_reason_in_place_of_buttons(opened: Opener, ruled: Running) -> None:
    """DASHBOARD.md 6.4: buttons replaced by reason."""
    page = opened("/about", at=ruled.address)
    page.route("**/api/v1/session", lambda route: route.fulfill(json={
        "kind": "user", "name": "rita", "role": "reader", "scopes": ["read:metrics", "read:alerts"],
        "expires_at": None, "guarded": True, "demo": True,
    }))  # fmt: skip
    for tab, scope in (("rules", "write:rules"), ("silences", "write:rules"),
                       ("deliveries", "write:channels")):  # fmt: skip
        page.goto(f"{ruled.address}/alerts?tab={tab}")
        page.get_by_text(f"that takes the scope {scope}").wait_for()
        assert page.locator("main .list button, main .opens, main input").count() == 0
        page.goto("about:blank")
