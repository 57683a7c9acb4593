"""Entity tags of every answer, indented JSON, and the page that a browser gets around it."""

from __future__ import annotations

import json
import re
from html import unescape
from html.parser import HTMLParser

import httpx
import pytest
from tests.web.conftest import World, reading
from tests.web.test_access import a_page, add

from sigmawatch.app.web import contract
from sigmawatch.app.web.browsable import page_around
from sigmawatch.app.web.presented import _manner

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"
HTML = {"Accept": BROWSER}
UNKEPT = {"/api/v1/backups", "/readyz", "/webhook/record_trade_volume", "/api/v1/session"}
PLAIN = [
    path for path, operations in json.loads(contract().content)["paths"].items()
    if "{" not in path and "304" in operations.get("get", {}).get("responses", {})
    and path not in UNKEPT
]  # fmt: skip


class Links(HTMLParser):
    """The addresses that a page leads to, and its tags."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.addresses += [value or "" for name, value in attrs if name in ("href", "src")]


def json_of(page: httpx.Response) -> str:
    """The document inside a page."""
    return unescape(re.sub(r"<[^>]+>", "", page.text.partition("<pre>")[2].partition("</pre>")[0]))


@reading
@pytest.mark.parametrize("path", [
    *PLAIN, "/api/v1/metrics/1", "/api/v1/metrics/1/records", "/api/v1/metrics/1/statistics",
    "/api/v1/rules/price-move", "/api/v1/venues/kraken",
])  # fmt: skip
async def test_every_resource_carries_a_tag_and_answers_304_to_it(still: World, path: str) -> None:
    """SECURITY.md: "ETag on every resource", "304 for If-None-Match"."""
    query = {"/api/v1/metrics/records": "?ids=1,2", "/api/v1/sparklines": "?ids=1,2"}.get(path, "")
    first = await still.client.get(path + query)
    assert first.status_code == 200, first.text
    held = {"If-None-Match": first.headers["etag"]}
    again = await still.client.get(path + query, headers=held)
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    head = await still.client.head(path + query)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["etag"] == first.headers["etag"]


@reading
async def test_json_is_indented_on_request(still: World) -> None:
    plain = await still.client.get("/api/v1/metrics/1")
    answer = await still.client.get(
        "/api/v1/metrics/1", headers={"Accept": "application/json; indent=4"}
    )
    assert answer.text.startswith('{\n    "id": 1,\n    "name"')
    assert answer.headers["content-type"] == "application/json"
    assert {**answer.json(), "age_s": 0} == {**plain.json(), "age_s": 0}
    assert answer.headers["etag"] != plain.headers["etag"]


async def test_what_was_read_indented_can_be_changed(world: World) -> None:
    rule = {"condition": "price > 3 * mean(1h)", "target": ["kraken:*/USD"]}
    await world.client.put("/api/v1/rules/hot", json=rule)
    read = await world.client.get(
        "/api/v1/rules/hot", headers={"Accept": "application/json; indent=2"}
    )
    match = {"If-Match": read.headers["etag"]}
    assert (await world.client.delete("/api/v1/rules/hot", headers=match)).status_code == 204


@reading
@pytest.mark.parametrize("path", ["/api/v1", "/api/v1/metrics", "/api/v1/ranking", "/api/v1/rules",
                                  "/api/v1/runs", "/api/v1/venues", "/healthz"])  # fmt: skip
async def test_a_browser_gets_a_page_around_the_json_with_links(still: World, path: str) -> None:
    page = await still.client.get(path, headers=HTML)
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "accept" in page.headers["vary"].lower()
    links = Links(page.text)
    for address in links.addresses if path != "/api/v1" else ():
        assert (await still.client.get(address)).status_code == 200, address
    if path == "/api/v1/metrics":
        assert "/api/v1/metrics/1" in links.addresses
    if path == "/api/v1/rules":
        assert "/api/v1/rules/price-move" in links.addresses
    plain = await still.client.get(path)
    if "age_s" not in plain.text and "as_of" not in plain.text:
        assert json_of(page).split() == httpx.Response(200, text=_indented(plain)).text.split()


def _indented(plain: httpx.Response) -> str:
    return json.dumps(plain.json(), indent=2, ensure_ascii=False)


@reading
async def test_a_page_has_a_tag_of_its_own(still: World) -> None:
    page = await still.client.get("/api/v1/rules", headers=HTML)
    plain = await still.client.get("/api/v1/rules")
    assert page.headers["etag"] != plain.headers["etag"]
    held = {**HTML, "If-None-Match": plain.headers["etag"]}
    assert (await still.client.get("/api/v1/rules", headers=held)).status_code == 200
    held = {**HTML, "If-None-Match": page.headers["etag"]}
    again = await still.client.get("/api/v1/rules", headers=held)
    assert (again.status_code, again.headers["etag"]) == (304, page.headers["etag"])


@reading
async def test_a_problem_is_a_page_too(still: World) -> None:
    for path, status in (("/api/v1/metrics/999", 404), ("/api/v1/metrics?limit=0", 422),
                         ("/problems/nothing", 404)):  # fmt: skip
        page = await still.client.get(path, headers=HTML)
        assert (page.status_code, page.headers["content-type"]) == (
            status, "text/html; charset=utf-8")  # fmt: skip
        assert any(one.startswith("/problems/") for one in Links(page.text).addresses)


@pytest.mark.parametrize("name", [
    '<img src=x onerror="alert(1)">', "<script>alert(1)</script>", "</pre><svg onload=alert(1)>",
    "javascript:alert(1)", "//evil.example/", '/api/"onclick="alert(1)', "&lt;b&gt;",
])  # fmt: skip
def test_whatever_a_name_says_it_is_inert(name: str) -> None:
    """SECURITY.md S18: "inert text everywhere"."""
    scope = {"path": f"/api/v1/rules/{name}", "query_string": name.encode("latin-1")}
    body = json.dumps({"items": [{"name": name, "slug": name, name: name, "next_cursor": name}]})
    page = page_around(body.encode(), scope, status=200).decode()  # type: ignore[arg-type]
    links = Links(page)
    assert links.tags <= {"html", "head", "meta", "title", "link", "body", "nav", "a", "h1",
                          "code", "pre", "b"}  # fmt: skip
    assert links.attributes <= {"lang", "charset", "name", "content", "rel", "href"}
    assert all(one.startswith("/") and not one.startswith("//") for one in links.addresses)


@pytest.mark.parametrize(
    ("accept", "manner"),
    [
        (BROWSER, "html"), ("text/html", "html"), ("application/json", ""), ("*/*", ""), ("", ""),
        ("application/json, text/html;q=0.9", ""), ("text/html;q=0", ""),
        ("application/json;q=0.5, text/html", "html"), ("application/json; indent=4", "indent4"),
        ("application/json;indent=8", "indent8"), ("application/json; indent=9", ""),
        ("application/json; indent=40", ""),
    ],
)  # fmt: skip
def test_the_manner_follows_from_accept(accept: str, manner: str) -> None:
    scope = {"headers": [(b"accept", accept.encode())], "query_string": b""}
    assert _manner(scope) == manner  # type: ignore[arg-type]


@reading
async def test_what_is_too_large_to_be_read_stays_json(still: World) -> None:
    page = await still.client.get("/api/v1/metrics/1/records?from=-40d&limit=50000", headers=HTML)
    assert page.status_code == 200
    assert page.headers["content-type"] == "application/json"


@reading
async def test_an_answer_that_varies_otherwise_varies_by_accept_too(still: World) -> None:
    """RFC 9110, 12.5.5."""
    answer = await still.client.get("/api/v1/snapshot")
    assert {"accept", "accept-encoding"} <= {
        one.strip().lower() for one in answer.headers["vary"].split(",")
    }
    held = {"If-None-Match": answer.headers["etag"]}
    again = await still.client.get("/api/v1/snapshot", headers=held)
    assert "accept" in {one.strip() for one in again.headers["vary"].split(",")}


async def test_what_may_be_somebodys_own_is_kept_nowhere(world: World) -> None:
    """SECURITY.md: "no-store on private data"; a tag of the bytes does not change that."""
    await add(world, "ada", "admin")
    async with a_page(world, "ada") as page:
        for path in ("/inbox", "/deliveries", "/users", "/users/ada", "/keys", "/audit"):
            answer = await page.get(path)
            assert answer.status_code == 200
            assert answer.headers["cache-control"] == "no-store", path
