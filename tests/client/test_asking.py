"""Both clients ask alike: what is repeated, what is not, and how long is waited between."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from tests.client.scripted import BOTH, Ask, Script, refused, told

from sigmawatch.client import Cache, Problem, Retry, Unreachable, Unreadable

HEALTH = told({"status": "ok"})
WATCHLIST: dict[str, Any] = {
    "name": "m", "items": ["*:BTC/*"], "origin": "api", "series_count": 2, "demo": False,
}  # fmt: skip
LOST = Unreachable("gone", sent=True)
NEVER_SENT = Unreachable("no way there", sent=False)

both = pytest.mark.parametrize("ask", BOTH, ids=["blocking", "awaiting"])


@both
@pytest.mark.parametrize("status", [429, 503])
def test_who_is_told_to_wait_waits_that_long_and_asks_again(ask: Ask, status: int) -> None:
    script = Script([refused(status, retry_after="7"), HEALTH])
    assert ask(script, "show_health").status == "ok"
    assert script.waited_s == [7.0]


@both
def test_without_retry_after_each_wait_is_twice_the_one_before_less_up_to_half(ask: Ask) -> None:
    script = Script([*[refused(503)] * 3, HEALTH])
    ask(script, "show_health", client={"retry": Retry(wait_s=1.0)})
    for wait_s, longest_s in zip(script.waited_s, (1.0, 2.0, 4.0), strict=True):
        assert longest_s / 2 <= wait_s <= longest_s


@both
def test_after_the_last_attempt_the_refusal_is_told(ask: Ask) -> None:
    script = Script([refused(503)] * 3)
    with pytest.raises(Problem) as caught:
        ask(script, "show_health", client={"retry": Retry(attempts_max=3)})
    assert (caught.value.status, len(script.asked)) == (503, 3)


@both
def test_who_would_have_to_wait_too_long_is_told_at_once(ask: Ask) -> None:
    script = Script([refused(429, "too-many-requests", retry_after="61")])
    with pytest.raises(Problem) as caught:
        ask(script, "show_health")
    assert caught.value.retry_after_s == 61.0
    assert script.waited_s == []


@both
@pytest.mark.parametrize("slug", ["refused", "too-slow"])
def test_what_would_end_alike_is_not_asked_again(ask: Ask, slug: str) -> None:
    script = Script([refused(503, slug)])
    with pytest.raises(Problem):
        ask(script, "show_health")
    assert len(script.asked) == 1


@both
@pytest.mark.parametrize("lost", [LOST, NEVER_SENT, refused(502), refused(504)])
def test_a_question_that_got_lost_is_asked_again(ask: Ask, lost: Any) -> None:
    assert ask(Script([lost, HEALTH]), "show_health").status == "ok"


@both
def test_a_post_is_sent_again_under_the_key_of_its_first_time(ask: Ask) -> None:
    script = Script([LOST, refused(409, "conflict", retry_after="1"), told(WATCHLIST, 201)])
    assert ask(script, "add_watchlist", name="m", items=["*:BTC/*"]).series_count == 2
    keys = {request.headers["Idempotency-Key"] for request in script.asked}
    assert len(keys) == 1
    assert len(script.asked) == 3


@both
def test_two_posts_have_two_keys_and_a_callers_own_key_stands(ask: Ask) -> None:
    script = Script([told(WATCHLIST, 201)] * 3)
    for own in (None, None, "mine"):
        ask(script, "add_watchlist", name="m", items=[], idempotency_key=own)
    first, second, third = (request.headers["Idempotency-Key"] for request in script.asked)
    assert first != second
    assert third == "mine"


@both
@pytest.mark.parametrize(
    ("name", "given"), [("put_watchlist", ("m",)), ("remove_watchlist", ("m",))]
)
def test_a_change_that_may_have_been_made_is_not_sent_again(
    ask: Ask, name: str, given: tuple[str, ...]
) -> None:
    script = Script([LOST])
    with pytest.raises(Unreachable):
        ask(script, name, *given)
    assert len(script.asked) == 1


@both
def test_a_change_that_never_left_is_sent_again(ask: Ask) -> None:
    script = Script([NEVER_SENT, told(WATCHLIST)])
    assert ask(script, "put_watchlist", "m", items=["*:BTC/*"]).name == "m"


@both
def test_who_asks_once_makes_no_key(ask: Ask) -> None:
    script = Script([told(WATCHLIST, 201)])
    ask(script, "add_watchlist", name="m", items=[], client={"retry": Retry(attempts_max=1)})
    assert "Idempotency-Key" not in script.asked[0].headers


@both
def test_a_post_without_a_key_on_its_callers_wish_is_not_sent_twice(ask: Ask) -> None:
    script = Script([refused(503), LOST])
    with pytest.raises(Unreachable):
        ask(script, "add_watchlist", name="m", items=[], idempotency_key="")
    assert ["Idempotency-Key" in one.headers for one in script.asked] == [False, False]


@both
def test_what_is_written_already_is_sent_as_it_is(ask: Ask) -> None:
    script = Script([told({}, 500)])
    with pytest.raises(Problem):
        ask(script, "push_samples_raw", b"BTC/USD price=1 1", "text/plain", precision="s")
    (request,) = script.asked
    assert (request.body, request.headers["Content-Type"]) == (b"BTC/USD price=1 1", "text/plain")
    assert request.url.endswith("/api/v1/samples?precision=s")


@both
def test_a_query_beside_a_body_is_asked_with_keywords_too(ask: Ask) -> None:
    script = Script([told({}, 500)])
    with pytest.raises(Problem):
        ask(script, "push_samples", samples=[{"market": "BTC/USD", "value": 1.0}], every="10s")
    (request,) = script.asked
    assert request.url.endswith("?every=10s")
    assert request.body == b'{"samples":[{"market":"BTC/USD","value":1.0}]}'


@both
def test_what_is_too_long_to_be_known_again_has_no_key_and_is_sent_once(ask: Ask) -> None:
    script = Script([LOST])
    with pytest.raises(Unreachable):
        ask(script, "add_watchlist", name="m", items=["x" * 1_000_000])
    assert "Idempotency-Key" not in script.asked[0].headers
    assert len(script.asked) == 1


@both
def test_every_row_of_every_page_comes_once(ask: Ask) -> None:
    def page(names: list[str], cursor: str | None) -> Any:
        rows: list[dict[str, Any]] = [
            {"name": one, "venue": "X", "pair": one, "base": "B", "quote": "Q", "native": one,
             "status": "online", "metrics": [], "paused": False, "title": None} for one in names
        ]  # fmt: skip
        return told({"items": rows, "total": 3, "next_cursor": cursor, "demo": False})

    script = Script([page(["a", "b"], "next"), page(["c"], None)])
    assert [row.name for row in ask(script, "iter_markets", q="x")] == ["a", "b", "c"]
    assert [one.url.partition("?")[2] for one in script.asked] == ["q=x", "q=x&cursor=next"]


@both
def test_what_has_not_changed_is_taken_from_the_cache(ask: Ask) -> None:
    script = Script([told({"status": "ok"}, etag='W/"1"'), told(None, 304), told({"status": "no"})])
    given = {"cache": Cache()}
    said = [ask(script, "show_health", client=given).status for _ in range(3)]
    assert said == ["ok", "ok", "no"]
    tags = [one.headers.get("If-None-Match") for one in script.asked]
    assert tags == [None, 'W/"1"', 'W/"1"']


@both
def test_the_cache_forgets_what_was_not_asked_for_longest(ask: Ask) -> None:
    cache = Cache(answers_max=2)
    script = Script([told(WATCHLIST, etag=f'"{n}"') for n in range(5)])
    for name in ("a", "b", "a", "c", "b"):
        ask(script, "show_watchlist", name, client={"cache": cache})
    tags = [one.headers.get("If-None-Match") for one in script.asked]
    assert tags == [None, None, '"0"', None, None]


@both
def test_a_problem_has_the_fields_of_its_document(ask: Ask) -> None:
    document = {
        "type": "/problems/unknown-series", "title": "Unknown series", "status": 404,
        "detail": "there is no series 9", "advice": "GET /api/v1/metrics lists what is tracked.",
        "errors": [{"field": "id", "message": "m", "allowed": "a", "hint": "of a newer server"}],
        "request_id": "5f0c",
    }  # fmt: skip
    with pytest.raises(Problem, match="404 there is no series 9") as caught:
        ask(Script([told(document, 404)]), "show_metric", 9)
    problem = caught.value
    assert (problem.slug, problem.type, problem.title, problem.advice, problem.request_id) == (
        "unknown-series", "/problems/unknown-series", "Unknown series",
        "GET /api/v1/metrics lists what is tracked.", "5f0c",
    )  # fmt: skip
    assert (problem.errors[0].field, problem.errors[0].allowed) == ("id", "a")
    again = pickle.loads(pickle.dumps(problem))
    assert (str(again), again.slug, again.errors) == (str(problem), problem.slug, problem.errors)
    assert pickle.loads(pickle.dumps(LOST)).sent


@both
def test_what_is_no_problem_document_is_a_problem_all_the_same(ask: Ask) -> None:
    proxy = told("<html>Bad gateway</html>", 500)
    with pytest.raises(Problem) as caught:
        ask(Script([proxy]), "show_health")
    assert (caught.value.status, caught.value.told, caught.value.slug) == (500, False, "blank")


@both
def test_an_answer_of_another_shape_is_told_with_what_was_expected(ask: Ask) -> None:
    with pytest.raises(Unreadable, match=r"GET /healthz: .* `status`"):
        ask(Script([told({"state": "ok"})]), "show_health")


@both
def test_what_has_no_method_yet_can_be_asked_for(ask: Ask) -> None:
    script = Script([told({"tides": [1]})])
    answer = ask(script, "ask", "GET", "/api/v1/tides", query={"at": "now", "of": None})
    assert answer == {"tides": [1]}
    assert script.asked[0].url.endswith("/api/v1/tides?at=now")


@pytest.mark.parametrize("wrong", [{"attempts_max": 0}, {"wait_s": -1.0}, {"wait_s_max": 0.1}])
def test_patience_that_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="retry"):
        Retry(**wrong)
