"""The connection: one stream a browser, lost and found again, and the page anywhere."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from tests.ui.conftest import LOST, Opener
from tests.ui.running import Running

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import BrowserContext

ROW = ".rows .row"
BELOW = "/tools/sigma"


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


class _Below(BaseHTTPRequestHandler):
    """A proxy that serves the program below a path, as people's proxies do."""

    port: int
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._pass_on(None)

    def do_POST(self) -> None:
        self._pass_on(self.rfile.read(int(self.headers["content-length"])))

    def _pass_on(self, body: bytes | None) -> None:
        if not self.path.startswith(BELOW + "/"):
            self.send_error(404)
            return
        inner = HTTPConnection("127.0.0.1", self.port, timeout=60)
        headers = dict(self.headers.items())
        inner.request(self.command, self.path.removeprefix(BELOW), body=body, headers=headers)
        answer = inner.getresponse()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in {"transfer-encoding", "connection"}:
                self.send_header(name, value)
        self.send_header("connection", "close")
        self.end_headers()
        with suppress(OSError, HTTPException):
            while piece := answer.read1(65_536):
                self.wfile.write(piece)
                self.wfile.flush()
        inner.close()
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def below_a_path(port: int) -> Iterator[str]:
    handler = type("Below", (_Below,), {"port": port})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}{BELOW}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_the_page_works_below_a_path_and_on_every_depth_of_it(
    opened: Opener, program: Running
) -> None:
    """Issue 7: served under a sub-path."""
    with below_a_path(program.port) as address:
        page = opened("/m/kraken/btc-usd", at=address, may=LOST)
        page.get_by_role("heading", name="BTC/USD").wait_for()
        page.get_by_text("Live", exact=True).wait_for()
        page.get_by_role("link", name="Venues").click()
        page.wait_for_url(f"{address}/venues")
        page.get_by_role("heading", name="KRAKEN").wait_for()
        page.close()
