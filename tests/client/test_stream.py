"""The stream as a client reads it: events of bytes, however they are cut; lost connections."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.client.scripted import BOTH, Ask, Script, refused, told

from sigmawatch.app.streaming import payloads
from sigmawatch.client import Lost, Problem, Retry, Unknown, Unreachable, Unreadable, models
from sigmawatch.client.calls import Reply
from sigmawatch.client.events import Feed
from sigmawatch.client.watching import Watched, applied

OPEN = Reply(status=200, headers={"content-type": "text/event-stream"})
CUT = Unreachable("cut", sent=True)
both = pytest.mark.parametrize("ask", BOTH, ids=["blocking", "awaiting"])


def event(name: str, data: object, *, id: str = "", retry_ms: int = 0) -> bytes:
    lines = [*([f"id: {id}"] if id else ()), *([f"retry: {retry_ms}"] if retry_ms else ())]
    text = msgspec.json.encode(data).decode()
    return "\n".join([*lines, f"event: {name}", f"data: {text}", "", ""]).encode()


def delta(sequence: int, **columns: Any) -> models.Delta:
    document = {"sequence": sequence, "time": "2026-11-21T08:01:01.350Z", "slot": None, "of": 2,
                "columns": columns}  # fmt: skip
    return msgspec.convert(document, models.Delta)


def hello(epoch: str = "e") -> models.Hello:
    return msgspec.convert(
        {"version": "1", "ui": "u", "epoch": epoch, "sequence": 0, "metric": "price", "page": 1,
         "time": "2026-11-21T08:01:01.350Z", "interval_ms": 60_000, "pace_ms": 1_000, "rows": 2,
         "pages": 1, "venues": [], "demo": True}, models.Hello,
    )  # fmt: skip


TEXT = b"".join([
    event("hello", hello(), id="e-0", retry_ms=3_000),
    b":\n\n",
    event("delta", delta(1, latest=[[0], [1.5]]), id="e-1"),
    event("tide", {"height": "höher"}),
    event("reset", {"reason": "other series"}),
    event("bye", {"reason": "the program ends"}),
])  # fmt: skip


@given(st.lists(st.integers(0, len(TEXT))))
def test_events_are_the_same_however_their_bytes_are_cut(cuts: list[int]) -> None:
    feed, events = Feed(), list[Any]()
    for begin, end in pairwise([0, *sorted(cuts), len(TEXT)]):
        events += feed.take(TEXT[begin:end])
    assert [type(one).__name__ for one in events] == ["Hello", "Delta", "Unknown", "Reset", "Bye"]
    assert events[2] == Unknown(name="tide", data='{"height":"höher"}'.encode())
    assert (feed.last, feed.again_s) == ("e-1", 3.0)


@pytest.mark.parametrize("name", ["Hello", "Delta", "VenueEvent", "EpisodeEvent", "Reset", "Bye"])
def test_the_models_of_events_are_those_that_the_program_tells(name: str) -> None:
    ours, theirs = getattr(models, name), getattr(payloads, name)
    assert [one.encode_name for one in msgspec.structs.fields(ours)] == [
        one.encode_name for one in msgspec.structs.fields(theirs)
    ]


def test_an_event_of_another_shape_is_told() -> None:
    with pytest.raises(Unreadable, match="delta"):
        Feed().take(event("delta", {"sequence": "one"}))


@both
def test_a_cut_stream_goes_on_after_the_last_event_and_says_so_in_between(ask: Ask) -> None:
    script = Script([OPEN, OPEN, CUT, OPEN, refused(401, "unauthorized")])
    script.chunks = [[TEXT, CUT], [event("delta", delta(2)), CUT], [event("delta", delta(3))]]
    kept: list[Any] = []
    with pytest.raises(Problem) as caught:
        ask(script, "stream", keep=kept)
    assert caught.value.slug == "unauthorized"
    assert [type(one).__name__ for one in kept[4:]] == ["Bye", "Lost", "Delta", "Lost", "Delta",
                                                         "Lost"]  # fmt: skip
    assert isinstance(kept[5], Lost)
    asked = [request.headers.get("Last-Event-ID") for request in script.asked]
    assert asked == [None, "e-1", "e-1", "e-1", "e-1"]
    assert min(script.waited_s) >= 3.0, "as long as the server's `retry` says"


@both
def test_a_server_that_is_long_away_is_waited_for_once_the_stream_was_open(ask: Ask) -> None:
    away = [CUT] * 8 + [refused(503, "not-ready")] * 8 + [refused(502)] * 8
    script = Script([OPEN, *away, OPEN, refused(401, "unauthorized")])
    script.chunks = [[TEXT], [event("delta", delta(2))]]
    kept: list[Any] = []
    with pytest.raises(Problem, match="401"):
        ask(script, "stream", keep=kept)
    assert [type(one).__name__ for one in kept[4:]] == ["Bye", "Lost", "Delta", "Lost"]
    assert max(script.waited_s) <= 30.0


@both
def test_a_stream_that_cannot_be_opened_is_given_up(ask: Ask) -> None:
    script = Script([Unreachable("no way", sent=False)] * 3)
    with pytest.raises(Unreachable, match="no way"):
        ask(script, "stream", client={"retry": Retry(attempts_max=3)})
    assert len(script.waited_s) == 2


@both
def test_who_is_one_reader_too_many_waits_and_then_is_told(ask: Ask) -> None:
    script = Script([refused(429, "too-many-streams", retry_after="5")] * 2)
    with pytest.raises(Problem, match="429"):
        ask(script, "stream", client={"retry": Retry(attempts_max=2)})
    assert script.waited_s == [5.0]


def a_table(sequence: int = 0, epoch: str = "e") -> models.TableSnapshot:
    columns = {one.name: [None, None] for one in msgspec.structs.fields(models.Columns)}
    document = {
        "epoch": epoch, "sequence": sequence, "time": "2026-11-21T08:01:01.350Z", "slot": None,
        "metric": "price", "unit": "u", "interval": "1m", "by": "sigma_rel", "window": "24h",
        "watchlist": None, "of": 0, "total": 2, "page": 1, "pages": 1, "demo": True,
        "columns": {**columns, "id": [1, 2], "venue": ["X", "X"], "pair": ["A", "B"],
                    "state": ["fresh", "fresh"]},
    }  # fmt: skip
    return msgspec.convert(document, models.TableSnapshot)


def test_a_delta_changes_what_it_names_and_nothing_that_was_handed_out() -> None:
    before = a_table()
    after = applied(before, delta(1, latest=[[1], [2.5]], tide=[[0], [1]]))
    assert (after.columns.latest, after.sequence, after.of) == ([None, 2.5], 1, 2)
    assert (before.columns.latest, before.sequence) == ([None, None], 0)


def test_deltas_that_the_snapshot_holds_already_change_nothing() -> None:
    watched = Watched()
    watched.take(hello())
    assert watched.load(a_table(sequence=5))
    assert not watched.take(delta(5, latest=[[0], [9.0]]))
    assert watched.take(delta(6, latest=[[0], [9.0]]))


def test_a_gap_a_reset_and_a_snapshot_of_another_table_make_it_load_again() -> None:
    watched = Watched()
    watched.take(hello())
    assert watched.wants
    assert not watched.load(a_table(epoch="older"))
    assert watched.wants
    watched.load(a_table())
    assert not watched.take(delta(2, latest=[[0], [9.0]]))
    assert watched.wants
    watched.load(a_table(sequence=2))
    watched.take(models.Reset(reason="fell behind"))
    assert not watched.wants, "before the stream says of which table"
    watched.take(hello())
    assert watched.wants
    watched.load(a_table(sequence=2))
    watched.take(hello("another"))
    assert watched.wants


def test_a_delta_of_other_rows_than_the_table_has_is_told() -> None:
    with pytest.raises(Unreadable, match="latest"):
        applied(a_table(), delta(1, latest=[[2], [1.0]]))


@both
@pytest.mark.parametrize("away", [CUT, refused(503), refused(429)])
def test_who_watches_goes_on_though_a_snapshot_could_not_be_had_at_once(
    ask: Ask, away: Any
) -> None:
    snapshot = told(a_table(sequence=2))
    script = Script([OPEN, away, snapshot, OPEN, refused(401, "unauthorized")])
    script.chunks = [[event("hello", hello()), event("delta", delta(2, latest=[[0], [1.0]])),
                      event("delta", delta(3, latest=[[1], [2.0]]))], []]  # fmt: skip
    tables: list[models.TableSnapshot] = []
    with pytest.raises(Problem, match="401"):
        ask(script, "watch", keep=tables, client={"retry": Retry(attempts_max=1)})
    assert [one.columns.latest for one in tables] == [[None, None], [None, 2.0]]


@both
def test_who_watches_what_is_refused_is_told(ask: Ask) -> None:
    script = Script([OPEN, refused(422, "unknown-metric")])
    script.chunks = [[event("hello", hello())]]
    with pytest.raises(Problem, match="422"):
        ask(script, "watch", metric="tide")
