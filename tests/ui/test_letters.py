"""The links of a mail: nothing happens before somebody clicks, and then the page says what did."""

from __future__ import annotations

import json
import urllib.request
from datetime import datetime
from typing import Any

from tests.ui.conftest import Opener
from tests.ui.running import Running

from sigmawatch.adapters.keys import read_key
from sigmawatch.app.notifying.tokens import Purpose, Signer

GONE = "status of 404"  # what the browser itself says of a refusal
ASKED = {"address": "ada@example.org", "target": "pattern:KRAKEN:*/USD"}


def subscribed(program: Running) -> dict[Purpose, str]:
    """Somebody asks that an address be told; the links that it is sent."""
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(
        f"{program.address}/api/v1/subscriptions", json.dumps(ASKED).encode(), headers
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        made = json.load(answer)
    made_ms = round(datetime.fromisoformat(made["made_at"]).timestamp() * 1_000)
    signer = Signer(read_key(program.data / "demo"))
    return {
        purpose: f"/subscriptions/{purpose}?token="
        + signer.token(purpose, made["number"], made_ms=made_ms)
        for purpose in Purpose
    }


def standing(program: Running) -> list[Any]:
    return list(json.loads(program.get("/api/v1/subscriptions"))["items"])


def test_a_link_of_a_mail_asks_and_says_what_was_done(program: Running, opened: Opener) -> None:
    """Programs that look through mail follow its links (RFC 8058, 1), and mean nothing by it."""
    links = subscribed(program)
    page = opened(links[Purpose.CONFIRM], may=GONE)
    yes = page.get_by_role("button", name="Yes, send them")
    yes.wait_for()
    page.wait_for_load_state("networkidle")
    assert [one["confirmed_at"] for one in standing(program)] == [None]
    yes.click()
    page.get_by_role("status").get_by_text(
        "alerts on pattern:KRAKEN:*/USD go to ada@example.org from now on"
    ).wait_for()
    assert standing(program)[0]["confirmed_at"] is not None
    page.reload()  # the link is good once
    yes.click()
    page.get_by_role("alert").wait_for()

    page = opened(links[Purpose.UNSUBSCRIBE], may=GONE)
    no_more = page.get_by_role("button", name="Yes, stop them")
    no_more.wait_for()
    page.wait_for_load_state("networkidle")
    assert len(standing(program)) == 1
    no_more.click()
    page.get_by_role("status").get_by_text("nothing more is sent").wait_for()
    assert standing(program) == []
