"""What other people's pages can do to us: nothing (S12 to S14, S16, S17)."""

from __future__ import annotations

import pytest
from tests.security.callers import LOOPBACK, Known, calling
from tests.web.conftest import World, reading
from tests.web.test_errors import judged

from sigmawatch.domain.caller import Role, Scope

OWN = "http://127.0.0.1:8000"
PATH, BODY = "/api/v1/collect", b'{"shard": "9/1"}'  # admitted, it is 422 and changes nothing
RULE = "/api/v1/rules/no-such-rule"
JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("media_type", "slug"),
    [("text/plain", "unsupported-type"), ("application/x-www-form-urlencoded", "unsupported-type"),
     ("multipart/form-data; boundary=x", "unsupported-type"), ("application/json", "")],
)  # fmt: skip
@reading
async def test_s12_a_form_and_a_plain_fetch_change_nothing(
    still: World, media_type: str, slug: str
) -> None:
    """S12: "Cross-site form POST, text/plain JSON, fetch no-cors: 403, unchanged". What even a page
    of our own cannot send as a form is 415; from another site's page all of it is 403."""
    async with calling(still, Known(guarded=False), address=LOOPBACK) as client:
        for site in ("cross-site", "same-site"):
            headers = {"Content-Type": media_type, "Sec-Fetch-Site": site}
            judged(await client.post(PATH, content=BODY, headers=headers), 403, "forbidden")
        answer = await client.post(PATH, content=BODY, headers={"Content-Type": media_type})
        if slug:
            judged(answer, 415, slug)
        else:
            judged(answer, 422, "invalid-value")


PAGES = [
    ({"Sec-Fetch-Site": "same-origin", "X-Sigmawatch": "1"}, True),
    ({"Sec-Fetch-Site": "same-origin", "Origin": OWN, "X-Sigmawatch": "1"}, True),
    ({"Origin": OWN, "X-Sigmawatch": "1"}, True),  # a browser from before Sec-Fetch-Site
    ({"Sec-Fetch-Site": "same-origin"}, False),
    ({"X-Sigmawatch": "1"}, False),
    ({}, False),
    ({"Sec-Fetch-Site": "none", "X-Sigmawatch": "1"}, False),
    ({"Sec-Fetch-Site": "same-site", "Origin": OWN, "X-Sigmawatch": "1"}, False),
    ({"Sec-Fetch-Site": "same-origin", "Origin": "http://127.0.0.1:9000",
      "X-Sigmawatch": "1"}, False),
    ({"Origin": "http://localhost:8000", "X-Sigmawatch": "1"}, False),
    ({"Origin": "https://127.0.0.1:8000", "X-Sigmawatch": "1"}, False),
    ({"Origin": "null", "X-Sigmawatch": "1"}, False),
]  # fmt: skip


@reading
async def test_s13_with_a_cookie_only_our_own_page_changes_anything(still: World) -> None:
    """S13: "Same-site but other port/sub-domain page: 403". SECURITY.md, CSRF: "unsafe methods with
    cookie auth need Sec-Fetch-Site same-origin (fallback: Origin equals Host), JSON content type
    and a custom header"."""
    known = Known()
    cookie = known.log_in(Role.ADMIN)
    async with calling(still, known) as client:
        for headers, admitted in PAGES:
            answer = await client.delete(RULE, headers=cookie | headers)
            judged(answer, *((404, "unknown-rule") if admitted else (403, "forbidden")))
        assert (await client.get("/api/v1/rules", headers=cookie)).status_code == 200


@reading
async def test_a_key_needs_no_page(still: World) -> None:
    known = Known()
    key = known.key("abcd", Scope.WRITE_RULES)
    async with calling(still, known) as client:
        judged(await client.delete(RULE, headers=key), 404, "unknown-rule")
        foreign = key | {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
        judged(await client.delete(RULE, headers=foreign), 403, "forbidden")


FOREIGN_HOSTS = ["evil.example", "evil.example:8000", "127.0.0.1.nip.example", "0.0.0.0:8000",
     "[::ffff:7f00:1]", "localhost.evil.example"]  # fmt: skip


@reading
async def test_s14_a_name_that_was_pointed_at_us_is_not_ours(still: World) -> None:
    """S14: "DNS rebinding: Host evil.example to the loopback port: 421"."""
    async with calling(still, Known(guarded=False), address=LOOPBACK) as client:
        for path in ("/", "/api/v1/metrics", "/healthz", "/api/v1/stream", "/nothing"):
            for host in FOREIGN_HOSTS:
                judged(await client.get(path, headers={"Host": host}), 421, "misdirected")


@reading
async def test_a_configured_name_is_answered(still: World) -> None:
    named = {"hosts": ["markets.example.org"], "mode": "open-read"}
    async with calling(still, access=named) as client:
        for host in ("markets.example.org", "MARKETS.example.org.:443", "localhost"):
            answer = await client.get("/api/v1/metrics", headers={"Host": host})
            assert answer.status_code == 200
        answer = await client.get("/api/v1/metrics", headers={"Host": "a.markets.example.org"})
        judged(answer, 421, "misdirected")


def _asked(origin: str) -> dict[str, str]:
    return {"Origin": origin, "Access-Control-Request-Method": "GET",
            "Access-Control-Request-Headers": "authorization"}  # fmt: skip


FOREIGN = ["https://evil.example", "null", "https://page.example.org.evil.example",
           "http://page.example.org", "https://page.example.org:8443", "https://xpage.example.org",
           "https://page.example.org@evil.example"]  # fmt: skip


@pytest.mark.parametrize("listed", [(), ("https://page.example.org",)])
@reading
async def test_s16_other_origins_are_allowed_nothing(still: World, listed: tuple[str, ...]) -> None:
    """S16: "CORS preflight from foreign, `null`, look-alike origin: no allow headers"."""
    access = {"mode": "open-read", "cors_origins": listed}
    async with calling(still, access=access) as client:
        answers = [
            answer
            for origin in FOREIGN
            for answer in (
                await client.options("/api/v1/metrics", headers=_asked(origin)),
                await client.get("/api/v1/metrics", headers={"Origin": origin}),
                await client.get("/api/v1/rules", headers={"Origin": origin}),
            )
        ]
    for answer in answers:
        assert not [name for name in answer.headers if name.startswith("access-control")]


@reading
async def test_a_listed_origin_reads_with_a_key_and_never_with_a_cookie(still: World) -> None:
    """SECURITY.md: "explicit list only; never reflect, never `*` with credentials"."""
    origin = "https://page.example.org"
    known = Known()
    key = known.key("abcd", Scope.READ_METRICS, Scope.WRITE_RULES) | {"Origin": origin}
    access = {"cors_origins": [origin]}
    async with calling(still, known, access=access) as client:
        asked = await client.options("/api/v1/metrics", headers=_asked(origin))
        assert asked.status_code == 204
        assert "authorization" in asked.headers["access-control-allow-headers"]
        got = await client.get("/api/v1/metrics", headers=key)
        cross = key | {"Sec-Fetch-Site": "cross-site"}
        changed = await client.delete(RULE, headers=cross)
        judged(changed, 404, "unknown-rule")
        cookie = known.log_in(Role.ADMIN) | {"Origin": origin, "Sec-Fetch-Site": "cross-site"}
        with_cookie = cookie | {"X-Sigmawatch": "1"}
        judged(await client.delete(RULE, headers=with_cookie), 403, "forbidden")
    for answer in (asked, got, changed):
        assert answer.headers["access-control-allow-origin"] == origin
        assert "origin" in answer.headers["vary"]
        assert "access-control-allow-credentials" not in answer.headers


@reading
async def test_every_page_may_read_where_the_list_is_a_star(still: World) -> None:
    access = {"mode": "open-read", "cors_origins": ["*"]}
    async with calling(still, access=access) as client:
        got = await client.get("/api/v1/metrics", headers={"Origin": "https://any.example"})
    assert got.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in got.headers


@pytest.mark.parametrize("path", ["/", "/docs", "/api/v1/metrics", "/healthz", "/nothing"])
@reading
async def test_s17_no_page_frames_us(still: World, path: str) -> None:
    """S17: "Framing the dashboard: blocked by CSP"."""
    answer = await still.client.get(path)
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
