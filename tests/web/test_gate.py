"""What is refused before any handler, and what every answer carries (SECURITY.md)."""

from __future__ import annotations

import pytest
from tests.web.conftest import World, reading
from tests.web.test_errors import judged

SECURE = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
EVERYWHERE = ["/", "/docs", "/static/docs.js", "/openapi.json", "/healthz", "/api/v1/metrics",
              "/api/v1/metrics/1/records?format=csv", "/api/v1/nothing", "/nothing"]  # fmt: skip


@reading
@pytest.mark.parametrize("path", EVERYWHERE)
async def test_every_answer_carries_the_security_headers(still: World, path: str) -> None:
    answer = await still.client.get(path)
    for name, value in SECURE.items():
        assert answer.headers.get_list(name) == [value]
    policy = dict(
        part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";")
    )
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert policy["require-trusted-types-for"] == "'script'"
    assert policy["trusted-types"] == "sigmawatch"  # the page's own, for its worker's address
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert len(answer.headers["x-request-id"]) == 16
    assert not [name for name in answer.headers if name.startswith("access-control")]


@reading
@pytest.mark.parametrize(
    ("host", "admitted"),
    [
        ("127.0.0.1", True), ("127.0.0.1:8000", True), ("localhost:1", True), ("LOCALHOST", True),
        ("localhost.:8000", True), ("[::1]:8000", True), ("[::1]", True),
        ("evil.example", False), ("127.0.0.1.evil.example:8000", False), ("localhost:x", False),
        ("evil.example#127.0.0.1", False), ("127.0.0.1@evil.example", False), ("", False),
        ("[::ffff:127.0.0.1]", False), ("0.0.0.0", False), ("localhost:8000:1", False),
    ],
)  # fmt: skip
async def test_only_loopback_names_are_answered(still: World, host: str, admitted: bool) -> None:
    """SECURITY.md: host header allow-list on every request, 421 otherwise (DNS rebinding)."""
    for path in ("/", "/api/v1/metrics", "/healthz", "/nothing"):
        answer = await still.client.get(path, headers={"Host": host})
        if admitted:
            assert answer.status_code in (200, 404)
        else:
            judged(answer, 421, "misdirected")


@reading
async def test_two_hosts_are_malformed(still: World) -> None:
    headers = [("Host", "localhost"), ("Host", "evil.example")]
    judged(await still.client.get("/healthz", headers=headers), 400, "malformed")


@reading
@pytest.mark.parametrize(
    ("headers", "admitted"),
    [
        ({}, True),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "http://127.0.0.1:8000"}, True),
        ({"Sec-Fetch-Site": "none"}, True),
        ({"Origin": "http://127.0.0.1:8000"}, True),
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({"Sec-Fetch-Site": "new-thing"}, False),
        ({"Origin": "http://127.0.0.1:9000"}, False),
        ({"Origin": "http://localhost:8000"}, False),
        ({"Origin": "https://evil.example"}, False),
        ({"Origin": "null"}, False),
    ],
)
async def test_other_sites_pages_change_nothing(
    still: World, headers: dict[str, str], admitted: bool
) -> None:
    """SECURITY.md: unsafe methods need Sec-Fetch-Site same-origin (fallback: Origin = Host)."""
    post = await still.client.post("/api/v1/collect", json={"shard": "9/1"}, headers=headers)
    remove = await still.client.delete("/api/v1/metrics/999", headers=headers)
    if admitted:
        assert (post.status_code, remove.status_code) == (422, 404)
    else:
        judged(post, 403, "forbidden")
        judged(remove, 403, "forbidden")
    assert (await still.client.get("/healthz", headers=headers)).status_code == 200


@reading
@pytest.mark.parametrize(
    "media_type",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
     "application/jsonx", "text/json"],
)  # fmt: skip
async def test_a_body_is_json_or_refused(still: World, media_type: str) -> None:
    """SECURITY.md S12: form POST, text/plain JSON, fetch no-cors: refused, unchanged."""
    answer = await still.client.post(
        "/api/v1/collect", content=b"{}", headers={"Content-Type": media_type}
    )
    judged(answer, 415, "unsupported-type")
    untyped = await still.client.post("/api/v1/collect", content=b"{}")
    judged(untyped, 415, "unsupported-type")
    packed = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    judged(
        await still.client.post("/api/v1/collect", content=b"{}", headers=packed),
        415, "unsupported-type",
    )  # fmt: skip


@reading
async def test_oversized_requests_are_refused_by_their_part(still: World) -> None:
    judged(await still.client.get("/healthz?q=" + "x" * 8_200), 414, "uri-too-long")
    judged(
        await still.client.get("/healthz", headers={"X-Big": "x" * 17_000}),
        431, "headers-too-large",
    )  # fmt: skip
    answer = await still.client.post("/api/v1/collect", content=b'"' + b"x" * 1_000_001)
    judged(answer, 413, "too-large")


@reading
@pytest.mark.parametrize("path", EVERYWHERE)
async def test_head_is_get_without_the_body(still: World, path: str) -> None:
    got, head = await still.client.get(path), await still.client.head(path)
    assert (head.status_code, head.content) == (got.status_code, b"")
    assert head.headers["content-type"] == got.headers["content-type"]
    assert head.headers["content-length"] == got.headers["content-length"]


@reading
async def test_every_request_has_an_id_of_its_own(still: World) -> None:
    ids = {(await still.client.get("/healthz")).headers["x-request-id"] for _ in range(20)}
    assert len(ids) == 20
    given = await still.client.get("/healthz", headers={"X-Request-Id": "mine"})
    assert given.headers["x-request-id"] != "mine"
