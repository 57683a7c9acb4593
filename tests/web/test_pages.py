"""The page and the documentation: from the package alone, under the policy."""

from __future__ import annotations

import re

import pytest
from tests.web.conftest import World, reading

from sigmawatch.app.web.pages import assets

PAGES = ["/", "/docs"]


@reading
@pytest.mark.parametrize("path", PAGES)
async def test_a_page_needs_nothing_but_its_own_packaged_assets(still: World, path: str) -> None:
    page = await still.client.get(path)
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    for address in re.findall(r'(?:src|href)="([^"]+)"', page.text):
        if address != "data:,":
            assert address.startswith("/")
            assert (await still.client.get(address)).status_code == 200
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\son\w+=|\sstyle=", page.text)


def test_assets_name_no_other_host_and_write_text_only() -> None:
    """SECURITY.md S18: names are inert text everywhere."""
    for name, content in assets().items():
        text = content.decode()
        assert not re.search(r"https?://|//[a-z0-9-]+\.[a-z]", text), name
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", text
        ), name


@reading
@pytest.mark.parametrize(
    "name",
    ["../pages.py", "..%2fpages.py", "%2e%2e%2fpages.py", "....//pages.py", "page.js%00", "",
     "%2e%2e", "..%5cpages.py", "static/page.js"],
)  # fmt: skip
async def test_no_name_leads_out_of_the_assets(still: World, name: str) -> None:
    """SECURITY.md S25: path traversal in static files: 404."""
    answer = await still.client.get(f"/static/{name}")
    assert answer.status_code == 404


@reading
async def test_a_page_keeps_its_choices_in_its_own_address(still: World) -> None:
    assert (await still.client.get("/?metric=price&by=change_pct&window=1h")).status_code == 200
    assert (await still.client.get("/docs?from=somewhere")).status_code == 200


@reading
async def test_an_asset_answers_304_to_its_tag(still: World) -> None:
    first = await still.client.get("/static/style.css")
    tag = {"If-None-Match": first.headers["etag"]}
    assert (await still.client.get("/static/style.css", headers=tag)).status_code == 304


@reading
async def test_the_page_says_which_sigma_to_trust(still: World) -> None:
    """SEMANTICS.md 3: the page says in one sentence which to trust."""
    text = " ".join((await still.client.get("/")).text.split())
    assert "Trust σ relative for what moved most for its size" in text
