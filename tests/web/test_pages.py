"""The page and the documentation: from the package alone, under the policy.

What the dashboard shows is looked at in a browser (tests/ui); here is how its files are served,
with what was built and without.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Mapping
from typing import Any

import httpx
import pytest
from tests.web.conftest import TOKEN, World, reading
from tests.web.test_presented import BROWSER

from sigmawatch.app.web import create_app
from sigmawatch.app.web.dashboard import STATE, Dashboard, contents

ROUTES = ["/", "/m/kraken/btc-usd", "/alerts", "/alerts/new", "/venues", "/inbox", "/settings",
          "/kiosk", "/about", "/sign-in", "/set-up", "/subscriptions/confirm",
          "/subscriptions/unsubscribe"]  # fmt: skip
INDEX = b'<script type="module" src="./static/index-0a1b2c3d.js"></script><a href="./docs">x</a>'
SCRIPT = b"export const answer = 42;\n" * 40
BUILT = {"index.html": INDEX, "index-0a1b2c3d.js": SCRIPT, "licences.json": b"[]",
         "index-0a1b2c3d.js.gz": gzip.compress(SCRIPT),
         "index-0a1b2c3d.js.br": b"brotli"}  # fmt: skip


def served(world: World, files: Mapping[str, bytes]) -> httpx.AsyncClient:
    """A client of the same program, with other files built."""
    app: Any = create_app(world.program, token=TOKEN)
    app.state[STATE] = Dashboard(files)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1:8000")


@reading
@pytest.mark.parametrize("path", ROUTES)
async def test_every_route_of_the_page_is_the_page_and_finds_its_files_from_there(
    still: World, path: str
) -> None:
    """DASHBOARD.md 6.1: history API; issue 7: served under a sub-path, so nothing is absolute."""
    client = served(still, BUILT)
    page = await client.get(path)
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    for address in re.findall(r'(?:src|href)="([^"]+)"', page.text):
        assert address.startswith("." * (2 if path.count("/") > 1 else 1) + "/")
        assert (await client.get(str(page.url.join(address)))).status_code == 200
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\son\w+=|\sstyle=", page.text)


@reading
@pytest.mark.parametrize("path", [
    "/nowhere", "/m/kraken", "/alerts/old", "/a/b/c/", "/apiary", "/constructor",
    "/m/kraken/btc%2Fusd/more",
])  # fmt: skip
async def test_who_looks_where_nothing_is_gets_the_page_and_a_program_the_problem(
    still: World, path: str
) -> None:
    """The page says that there is no such page; the status is 404 for everybody."""
    client = served(still, BUILT)
    page = await client.get(path, headers={"accept": BROWSER})
    assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "accept" in page.headers["vary"]
    assert "no-cache" in page.headers["cache-control"]
    [script] = re.findall(r'src="([^"]+)"', page.text)
    assert (await client.get(str(page.url.join(script)))).content == SCRIPT
    for accept in ("*/*", "application/json"):
        told = await client.get(path, headers={"accept": accept})
        assert (told.status_code, told.json()["type"]) == (404, "/problems/not-found")
        assert told.headers["content-type"] == "application/problem+json"
    posted = await client.post(path, headers={"accept": BROWSER})
    assert posted.status_code in {404, 405}
    assert posted.headers["content-type"] == "application/problem+json"


@reading
@pytest.mark.parametrize("path", ["/api", "/api/v1/nowhere", "/api/v9/metrics", "/problems/a/b",
                                  "/webhook/none", "/metrics/none", "/static/no.js"])  # fmt: skip
async def test_what_is_not_there_of_the_api_is_a_problem_for_people_too(
    still: World, path: str
) -> None:
    answer = await served(still, BUILT).get(path, headers={"accept": BROWSER})
    assert (answer.status_code, "index-0a1b2c3d.js" in answer.text) == (404, False)
    assert "/problems/not-found" in answer.text


@reading
async def test_a_page_keeps_its_choices_in_its_own_address(still: World) -> None:
    client = served(still, BUILT)
    assert (await client.get("/?metric=price&by=change_pct&window=1h")).status_code == 200
    assert (await still.client.get("/docs?from=somewhere")).status_code == 200


@reading
@pytest.mark.parametrize(
    ("taken", "coding", "body"),
    [("gzip, deflate, br", "br", b"brotli"), ("gzip", "gzip", None), ("br;q=0, gzip", "gzip", None),
     ("identity", None, SCRIPT)],
)  # fmt: skip
async def test_a_built_file_comes_packed_as_the_client_takes_it(
    still: World, taken: str, coding: str | None, body: bytes | None
) -> None:
    client = served(still, BUILT)
    headers = {"accept-encoding": taken}
    async with client.stream(
        "GET", "/static/index-0a1b2c3d.js", headers=headers
    ) as answer:  # fmt: skip
        raw = b"".join([piece async for piece in answer.aiter_raw()])
    assert answer.headers.get("content-encoding") == coding
    assert (
        raw == (gzip.compress(SCRIPT) if body is None else body) or gzip.decompress(raw) == SCRIPT
    )
    assert answer.headers["vary"] == "accept-encoding"


@reading
async def test_what_has_its_digest_in_its_name_is_kept_for_ever_and_the_page_is_not(
    still: World,
) -> None:
    client = served(still, BUILT)
    kept = await client.get("/static/index-0a1b2c3d.js")
    assert "immutable" in kept.headers["cache-control"]
    for path in ("/", "/static/licences.json", "/static/style.css"):
        assert "no-cache" in (await client.get(path)).headers["cache-control"]


@reading
@pytest.mark.parametrize("path", ROUTES[:2])
async def test_without_a_build_the_page_says_how_to_get_one_and_the_api_works(
    still: World, path: str
) -> None:
    """DASHBOARD.md 5: missing assets at run time."""
    client = served(still, {})
    page = await client.get(path)
    assert page.status_code == 200
    assert "make run" in page.text
    for address in re.findall(r'(?:src|href)="([^"]+)"', page.text):
        if address != "data:,":
            assert (await client.get(str(page.url.join(address)))).status_code == 200
    assert (await client.get("/api/v1/metrics")).status_code == 200


@reading
async def test_the_documentation_needs_nothing_but_its_own_packaged_assets(still: World) -> None:
    page = await still.client.get("/docs")
    for address in re.findall(r'(?:src|href)="([^"]+)"', page.text):
        if address != "data:,":
            assert address.startswith("/")
            assert (await still.client.get(address)).status_code == 200
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\son\w+=|\sstyle=", page.text)


def test_assets_name_no_other_host_and_write_text_only() -> None:
    """SECURITY.md S18: names are inert text everywhere."""
    for name, content in contents("static").items():
        text = content.decode()
        assert not re.search(r"https?://|//[a-z0-9-]+\.[a-z]", text), name
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", text
        ), name


@reading
@pytest.mark.parametrize(
    "name",
    ["../pages.py", "..%2fpages.py", "%2e%2e%2fpages.py", "....//pages.py", "docs.js%00", "",
     "%2e%2e", "..%5cpages.py", "static/docs.js", ".stamp", "index.html", "index-0a1b2c3d.js.gz"],
)  # fmt: skip
async def test_no_name_leads_out_of_the_assets(still: World, name: str) -> None:
    """SECURITY.md S25: path traversal in static files: 404."""
    client = served(still, BUILT)
    answer = await client.get(f"/static/{name}")
    assert answer.status_code == 404


@reading
async def test_an_asset_answers_304_to_its_tag(still: World) -> None:
    first = await still.client.get("/static/style.css")
    tag = {"If-None-Match": first.headers["etag"]}
    assert (await still.client.get("/static/style.css", headers=tag)).status_code == 304
