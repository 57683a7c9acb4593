"""The connection: one stream a browser, lost and found again, and the page anywhere."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.ui.between import Between
from tests.ui.conftest import LOST, Opener
from tests.ui.running import Running

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import BrowserContext

ROW = ".rows .row"


def readers(program: Running) -> int:
    found = re.search(rb"^sigmawatch_stream_readers (\d+)", program.get("/metrics"), re.MULTILINE)
    assert found is not None
    return int(found[1])


def test_eight_tabs_of_a_browser_read_one_stream(
    opened: Opener, own: Running, context: Callable[..., BrowserContext]
) -> None:
    """DASHBOARD.md 3: with a stream a tab, tabs seven and eight hang for ever."""
    browser = context()
    pages = [opened(at=own.address, within=browser) for _ in range(8)]
    for page in pages:
        page.wait_for_selector(ROW)
        page.get_by_text("Live", exact=True).wait_for()
    assert readers(own) == 1


def test_a_lost_connection_is_said_and_found_again(opened: Opener, own: Running) -> None:
    """DASHBOARD.md 6.4: disconnected, resumed: selection kept, nothing to press."""
    page = opened("/?market=KRAKEN:BTC/USD", at=own.address, may=LOST)
    page.wait_for_selector(ROW)
    own.kill()
    page.get_by_text("Connection lost.").wait_for()
    assert page.locator(ROW).count() > 0
    assert page.get_by_text("Reconnecting").count() == 1
    own.start()
    page.get_by_text("Connection lost.").wait_for(state="detached")
    page.get_by_text("Live", exact=True).wait_for()
    page.wait_for_selector(".row.selected")
    assert "market=KRAKEN" in page.url


def test_the_page_works_below_a_path_and_on_every_depth_of_it(
    opened: Opener, program: Running
) -> None:
    """docs/explanation/dashboard.md: "Below any path"."""
    with Between(program.port, below="/tools/sigma") as between:
        page = opened("/m/kraken/btc-usd", at=between.address)
        page.get_by_role("heading", name="BTC/USD").wait_for()
        page.get_by_text("Live", exact=True).wait_for()
        page.get_by_role("link", name="Venues").click()
        page.wait_for_url(f"{between.address}/venues")
        page.get_by_role("heading", name="KRAKEN").wait_for()
        page.close()
