"""Every error is a problem (RFC 9457) that names the field and what is allowed."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest
from tests.web.conftest import TOKEN, World, reading

from sigmawatch.app.web.problems import KINDS
from sigmawatch.domain.errors import Busy, StorageFailed

PROBLEM = "application/problem+json"
# What must never leave: stack traces, SQL, paths of the machine, our own modules.
LEAK = re.compile(r"Traceback|SELECT |INSERT |/work|/tmp|/home|/root|\.py\b|sigmawatch\.|msgspec")


def judged(answer: httpx.Response, status: int, slug: str) -> dict[str, Any]:
    """The problem in an answer, after what holds for all of them."""
    assert answer.headers["content-type"] == PROBLEM
    problem: dict[str, Any] = answer.json()
    assert (answer.status_code, problem["type"]) == (status, f"/problems/{slug}"), problem
    assert problem["status"] == status
    assert problem["title"] == KINDS[slug].title
    assert problem["detail"]
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert not LEAK.search(answer.text), answer.text
    return problem


@reading
@pytest.mark.parametrize(
    ("path", "status", "slug", "field", "hint"),
    [
        ("/nothing", 404, "not-found", None, None),
        ("/metrics/999", 404, "unknown-series", "id", "/api/v1/metrics"),
        ("/metrics/kraken:btx-usd:price", 404, "unknown-series", "id", "KRAKEN:BTC-USD:price"),
        ("/metrics/kraken:btc-usd:prize", 404, "unknown-metric", "metric", "price"),
        ("/metrics/btc-usd:price", 422, "invalid-value", "id", "BINANCE:BTC-USD:price"),
        ("/metrics/rubbish", 422, "invalid-value", "id", "KRAKEN:BTC-USD:price"),
        ("/metrics/999/records", 404, "unknown-series", "id", None),
        ("/venues/moon", 404, "unknown-venue", "venue", "BINANCE, KRAKEN"),
        ("/venues/%00", 404, "unknown-venue", "venue", "BINANCE, KRAKEN"),
        ("/metrics?venue=moon", 422, "unknown-venue", "venue", "BINANCE, KRAKEN"),
        ("/metrics?metric=prize", 422, "unknown-metric", "metric", "spread_bp"),
        ("/metrics?metric=volume", 422, "invalid-value", "metric", "volume_24h_quote"),
        ("/metrics?state=rotten", 422, "invalid-value", "state", "fresh, quiet, stale"),
        ("/metrics?sort=beauty", 422, "invalid-value", "sort", "sigma_rel"),
        ("/metrics?sort=--rank", 422, "invalid-value", "sort", "sigma_rel"),
        ("/metrics?limit=0", 422, "invalid-value", "limit", "1 to 1000"),
        ("/metrics?limit=1000000000", 422, "invalid-value", "limit", "1 to 1000"),
        ("/metrics?limit=ten", 422, "invalid-value", "limit", "1 to 1000"),
        ("/metrics?limit=", 422, "invalid-value", "limit", "1 to 1000"),
        ("/metrics?limit=5&limit=6", 422, "invalid-value", "limit", None),
        ("/metrics?limit=null", 422, "invalid-value", "limit", "1 to 1000"),
        ("/metrics?state=null", 422, "invalid-value", "state", "fresh, quiet, stale"),
        ("/markets?tracked=null", 422, "invalid-value", "tracked", None),
        ("/metrics?q=" + "x" * 65, 422, "invalid-value", "q", None),
        ("/metrics?windows=24h", 422, "unknown-parameter", "windows", "window"),
        ("/metrics?window=25h", 422, "invalid-value", "window", "24h"),
        ("/metrics?window=90s", 422, "invalid-value", "window", "1m"),
        ("/metrics?window=soon", 422, "invalid-value", "window", "6h"),
        ("/metrics?interval=7s", 422, "invalid-value", "interval", "1m"),
        ("/metrics?by=beauty", 422, "invalid-value", "by", "sigma_rel"),
        ("/metrics?cursor=rubbish", 422, "invalid-value", "cursor", "next_cursor"),
        ("/metrics/1?peers=everyone", 422, "invalid-value", "peers", "venue:NAME"),
        ("/metrics/1?peers=venue:", 422, "invalid-value", "peers", "venue:NAME"),
        ("/metrics/1?peers=venue:a-b", 422, "invalid-value", "peers", "venue:NAME"),
        ("/metrics/1/records?from=yesterday", 422, "invalid-value", "from", "RFC 3339"),
        ("/metrics/1/records?from=1795248000", 422, "invalid-value", "from", "milliseconds"),
        ("/metrics/1/records?to=2026-11-21T08:00:00", 422, "invalid-value", "to", "RFC 3339"),
        ("/metrics/1/records?to=9999999999999999", 422, "invalid-value", "to", None),
        ("/metrics/1/records?from=-99999999999d", 422, "invalid-value", "from", None),
        ("/metrics/1/records?from=-1h&to=-2h", 422, "invalid-value", "from", "before"),
        ("/metrics/1/records?limit=50001", 422, "invalid-value", "limit", "1 to 50000"),
        ("/metrics/1/records?format=xml", 422, "invalid-value", "format", "json, csv"),
        ("/metrics/records", 422, "invalid-value", "ids", "1 to 100"),
        ("/metrics/records?ids=", 422, "invalid-value", "ids", "1 to 100"),
        ("/metrics/records?ids=" + "1," * 101, 422, "invalid-value", "ids", "1 to 100"),
        ("/metrics/records?ids=1&cursor=x", 422, "invalid-value", "cursor", None),
        ("/ranking?metric=prize", 422, "unknown-metric", "metric", "price"),
        ("/markets?tracked=maybe", 422, "invalid-value", "tracked", "true or false"),
        ("/runs?before=then", 422, "invalid-value", "before", "RFC 3339"),
        ("/jobs?x=1", 422, "unknown-parameter", "x", "none"),
    ],
)  # fmt: skip
async def test_a_bad_question_names_the_field_and_what_is_allowed(
    still: World, path: str, status: int, slug: str, field: str | None, hint: str | None
) -> None:
    """Issue: unknown pair, venue or metric, malformed query: a clear error; the program runs on."""
    problem = judged(await still.client.get(f"/api/v1{path}"), status, slug)
    assert [error["field"] for error in problem["errors"]] == ([field] if field else [])
    if hint:
        assert hint in problem["errors"][0]["allowed"]


@reading
async def test_every_bad_parameter_is_told_at_once(still: World) -> None:
    answer = await still.client.get("/api/v1/metrics?limit=0&state=x&q=" + "y" * 99)
    errors = judged(answer, 422, "invalid-value")["errors"]
    assert {error["field"]: error["value"] for error in errors} == {
        "limit": "0", "state": "x", "q": "y" * 80 + "…",
    }  # fmt: skip
    answer = await still.client.get("/api/v1/metrics?a=1&b=2")
    errors = judged(answer, 422, "unknown-parameter")["errors"]
    assert [error["field"] for error in errors] == ["a", "b"]


@reading
async def test_a_cursor_of_another_query_is_refused(still: World) -> None:
    cursor = (await still.get("/metrics", limit=5))["next_cursor"]
    for path in ("/metrics?sort=name", "/ranking?x", "/metrics/1/records?x", "/markets?x"):
        address = f"/api/v1{path.removesuffix('x')}&cursor={cursor}".replace("?&", "?")
        answer = await still.client.get(address)
        assert judged(answer, 422, "invalid-value")["errors"][0]["field"] == "cursor"


@reading
@pytest.mark.parametrize(
    ("body", "status", "slug", "field"),
    [
        (b"{", 400, "malformed", None),
        (b"", 422, "invalid-value", "body"),
        (b"[]", 422, "invalid-value", "body"),
        (b"null", 422, "invalid-value", "body"),
        (b"\xef\xbb\xbf{}", 400, "malformed", None),
        (b'{"market": "\xed\xa0\x80"}', 400, "malformed", None),
        (b'{"market": NaN}', 400, "malformed", None),
        (b"[" * 100_000, 400, "malformed", None),
        (b'{"market": ' + b"9" * 5_000 + b"}", 400, "malformed", None),
        (b'{"market": "a", "id": 1, "x": 2}', 422, "unknown-field", "id"),
        (b'{"market": "' + b"a" * 1_000_000 + b'"}', 413, "too-large", None),
    ],
)
async def test_a_bad_body_is_refused(
    still: World, body: bytes, status: int, slug: str, field: str | None
) -> None:
    answer = await still.client.post(
        "/api/v1/metrics", content=body, headers={"content-type": "application/json"}
    )
    problem = judged(answer, status, slug)
    assert [error["field"] for error in problem["errors"]] == ([field] if field else [])


@reading
@pytest.mark.parametrize(
    ("body", "slug", "field"),
    [(b'{"": {}}', "unknown-field", ""), (b'{"kind": "all"}', "unknown-field", "kind"),
     (b'{"venue": 5}', "invalid-value", "venue"), (b"[]", "invalid-value", "body")],
)  # fmt: skip
async def test_a_bad_body_is_refused_where_none_is_needed(
    still: World, body: bytes, slug: str, field: str
) -> None:
    answer = await still.client.post(
        "/api/v1/collect", content=body, headers={"content-type": "application/json"}
    )
    [error] = judged(answer, 422, slug)["errors"]
    assert error["field"] == field
    assert "venue" in error["allowed"]


@reading
async def test_a_body_without_end_is_cut_at_its_limit(still: World) -> None:
    async def chunks() -> Any:
        yield b'{"market": "'
        for _ in range(2_000):
            yield b"a" * 1_000

    answer = await still.client.post(
        "/api/v1/metrics", content=chunks(), headers={"content-type": "application/json"}
    )
    judged(answer, 413, "too-large")


@reading
@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/collect", {"venue": "moon"}),
        ("/collect", {"shard": "3/2"}),
        ("/collect", {"shard": "0/1"}),
        ("/collect", {"shard": "1/1001"}),
        ("/jobs", {"kind": "mining"}),
        ("/jobs", {}),
        ("/jobs", {"kind": "backfill", "venue": "moon"}),
    ],
)
async def test_what_cannot_be_started_is_named(still: World, path: str, body: Any) -> None:
    answer = await still.client.post(f"/api/v1{path}", json=body)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == PROBLEM
    (error,) = answer.json()["errors"]
    assert error["field"] in {"venue", "shard", "kind"}
    assert error["allowed"]


@reading
@pytest.mark.parametrize("method", ["PUT", "PATCH", "TRACE", "CONNECT", "BREW"])
async def test_a_method_that_is_not_taken_is_405_with_those_that_are(
    still: World, method: str
) -> None:
    answer = await still.client.request(method, "/api/v1/metrics")
    judged(answer, 405, "method-not-allowed")
    assert {"GET", "POST"} <= set(answer.headers["allow"].split(", "))
    hidden = await still.client.post(
        "/api/v1/runs", headers={"X-HTTP-Method-Override": "GET"}, json={}
    )
    judged(hidden, 405, "method-not-allowed")


async def test_our_own_failure_says_nothing_but_the_request_id(world: World) -> None:
    class Failing:
        """It can be seen whether something changed, and nothing else."""

        sequence = committed_count = changes_count = 0

        def __getattr__(self, name: str) -> Any:
            raise RuntimeError("SELECT secret FROM /work/place.py")

    class Broken(Failing):
        clock = world.program.clock
        config, access = world.program.config, world.program.access
        once, telemetry = world.program.once, world.program.telemetry
        snapshot = tracker = catalogue = Failing()

    from sigmawatch.app.web import create_app

    asgi: Any = create_app(Broken())  # type: ignore[arg-type]
    transport = httpx.ASGITransport(asgi, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        for path in ("/api/v1/metrics", "/api/v1/venues", "/readyz"):
            judged(await client.get(path), 500, "internal")
        assert (await client.get("/healthz")).status_code == 200


@pytest.mark.parametrize(
    ("error", "status", "slug", "retry"),
    [
        (Busy("too much waits", retry_after_s=7), 503, "unavailable", "7"),
        (StorageFailed("/work/data/x.db: disk image is malformed"), 503, "refused", None),
    ],
)
async def test_an_error_of_ours_says_whether_trying_again_helps(
    world: World, error: Exception, status: int, slug: str, retry: str | None
) -> None:
    async def fail(**_: object) -> None:
        raise error

    class Failing:
        """The real program, but for one answer."""

        runs = staticmethod(fail)

        def __getattr__(self, name: str) -> Any:
            return getattr(world.program, name)

    from sigmawatch.app.web import create_app

    asgi: Any = create_app(Failing())  # type: ignore[arg-type]
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(asgi), base_url="http://localhost"
    ) as client:
        answer = await client.get("/api/v1/runs")
    judged(answer, status, slug)
    assert answer.headers.get("retry-after") == retry


@reading
async def test_every_kind_of_problem_explains_itself(still: World) -> None:
    for slug, kind in KINDS.items():
        answer = await still.client.get(kind.type)
        assert answer.json() == {
            "type": f"/problems/{slug}", "title": kind.title, "status": kind.status,
            "advice": kind.advice,
        }  # fmt: skip
    judged(await still.client.get("/problems/nothing"), 404, "not-found")


async def test_readiness_says_what_is_waited_for(world: World) -> None:
    for venue in world.venues.values():
        assert venue.asked
    assert (await world.client.get("/readyz")).status_code == 200
    assert (await world.client.get("/healthz")).json() == {"status": "ok"}


@reading
async def test_a_wrong_credential_is_refused_and_the_right_one_taken(still: World) -> None:
    for wrong in (f"Bearer {TOKEN}x", "Bearer", "Bearer ", f"Basic {TOKEN}", TOKEN):
        answer = await still.client.get("/api/v1/venues", headers={"Authorization": wrong})
        judged(answer, 401, "unauthorized")
        assert answer.headers["www-authenticate"] == "Bearer"
    right = {"Authorization": f"Bearer {TOKEN}"}
    assert (await still.client.get("/api/v1/venues", headers=right)).status_code == 200
