"""The page in a real browser, over a real program with the demo market (DASHBOARD.md 8).

The browser is the machine's own Chromium; PyPI's `playwright` drives it and downloads none. Without
Chromium these tests are skipped, with the line that installs it; where SIGMAWATCH_TEST_UI is
"required", as in CI, that is a failure. A page error, or anything on the console that is an error
(a violation of the policy is), fails the test it happens in, but for what the test says it causes.
A 503 that says when to ask again is no error: a busy program's word, and the page does ask again.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hatch_build
import pytest
from tests.ui.between import Between
from tests.ui.running import Running

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update",
         "--disable-sync"]  # fmt: skip
WAIT_MS = 60_000
LOST = "ERR_(CONNECTION|CONTENT_LENGTH|SOCKET|INCOMPLETE_CHUNKED|EMPTY_RESPONSE|NETWORK)"
Opener = Callable[..., "Page"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.ui)
            item.add_marker(pytest.mark.timeout(300))


def _missing(what: str) -> None:
    if os.environ.get("SIGMAWATCH_TEST_UI") == "required":
        pytest.fail(what)
    pytest.skip(what)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Its driver holds an event loop of this thread, so it ends before tests of other modules."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        _missing("no Chromium here: apt install chromium (or any package that has it)")
    if not hatch_build.fresh():
        _missing("the page is not built: python hatch_build.py")
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as driver:
        made = driver.chromium.launch(executable_path=found, headless=True, args=FLAGS)
        yield made
        made.close()


@pytest.fixture(scope="module")
def program(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One program for the tests of a module that only look."""
    with Running(tmp_path_factory.mktemp("program")) as running:
        running.start()
        yield running


@pytest.fixture
def own(browser: Browser, tmp_path: Path) -> Iterator[Running]:
    """A program that the test may end."""
    with Running(tmp_path) as running:
        running.start()
        yield running


@pytest.fixture
def context(browser: Browser) -> Iterator[Callable[..., BrowserContext]]:
    """Makes browsers of a test's own: dark, UTC, en-GB, less motion."""
    made: list[BrowserContext] = []

    def make(**options: Any) -> BrowserContext:
        settings = {
            "viewport": {"width": 1440, "height": 900}, "color_scheme": "dark",
            "timezone_id": "UTC", "locale": "en-GB", "reduced_motion": "reduce", **options,
        }  # fmt: skip
        made.append(browser.new_context(**settings))
        made[-1].set_default_timeout(WAIT_MS)
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def between(program: Running) -> Iterator[Between]:
    """What stands between the page and the program, for the test to have it misbehave."""
    with Between(program.port) as made:
        yield made


class Heard:
    """What a page said that it should not have, once it is over: `faults`."""

    def __init__(self) -> None:
        self._said: list[tuple[str, str]] = []
        self._busy: set[str] = set()
        self._errors: list[str] = []

    def listen(self, page: Page, *, may: str | None) -> None:
        """may: what the console may say."""
        page.on("pageerror", lambda error: self._errors.append(f"{page.url}: {error}"))
        page.on("console", lambda said: self._hear(said, may))
        page.on("response", self._note)

    def _hear(self, said: Any, may: str | None) -> None:
        if said.type == "error" and not (may and re.search(may, said.text)):
            self._said.append((said.text, said.location["url"]))

    def _note(self, answer: Any) -> None:
        if answer.status == 503 and "retry-after" in answer.headers:
            self._busy.add(answer.url)

    @property
    def faults(self) -> list[str]:
        told = [f"{text} {url}" for text, url in self._said
                if not ("status of 503" in text and url in self._busy)]  # fmt: skip
        return [*self._errors, *told]


@pytest.fixture
def opened(context: Callable[..., BrowserContext], program: Running) -> Iterator[Opener]:
    """Opens a route of the page. at: another program's. may: what the console may say. script: run
    in it before anything of its own."""
    heard = Heard()

    def open_(
        route: str = "/", *, at: str | None = None, within: BrowserContext | None = None,
        may: str | None = None, script: str | None = None, **options: Any,
    ) -> Page:  # fmt: skip
        page = (within or context(**options)).new_page()
        heard.listen(page, may=may)
        if script is not None:
            page.add_init_script(script)
        page.goto((at or program.address) + route)
        return page

    yield open_
    assert heard.faults == []
