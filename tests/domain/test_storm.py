"""Storms, by SEMANTICS.md 7: "more than 25 % *and at least 10* of a rule's states in one slot, or
> 20 episodes of one rule in 60 s, become one summary listing the top ten; notices already sent
stand"."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.examples import examples

from sigmawatch.domain.alert_turn import Telling
from sigmawatch.domain.notice import NoticeKind
from sigmawatch.domain.storm import Gathered, Storm, Word, gather, venues_to_tell
from sigmawatch.domain.window import Interval

MINUTE, SECOND = Interval(60_000), Interval(1_000)
SLOT = 1_000


def words(
    count: int, *, first: int = 0, kind: NoticeKind = NoticeKind.FIRING, opened: int = SLOT
) -> list[Word]:
    return [
        Word(series_id=first + each, weight=float(each % 13),
             telling=Telling(kind=kind, opened=opened, ordinal=0))
        for each in range(count)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("told", "states", "storms"),
    [
        (10, 39, True),
        (10, 40, False),  # exactly 25 %
        (9, 9, False),  # all, but fewer than ten
        (11, 40, True),
        (20, 4_000, False),
        (21, 4_000, True),  # more than 20 within a minute, whatever the share
    ],
)
def test_many_at_once_are_one(told: int, states: int, storms: bool) -> None:
    _, gathered = gather(Storm(), words(told), slot=SLOT, interval=MINUTE, states_count=states)
    if storms:
        assert gathered.single == ()
        assert gathered.summary is not None
        assert gathered.summary.counts == {NoticeKind.FIRING: told}
    else:
        assert gathered == Gathered(single=tuple(words(told)))


def test_a_summary_lists_the_ten_that_are_furthest_beyond_their_limit() -> None:
    _, gathered = gather(Storm(), words(60), slot=SLOT, interval=MINUTE, states_count=60)
    assert gathered.summary is not None
    top = gathered.summary.top
    assert [one.weight for one in top] == [12.0] * 4 + [11.0] * 4 + [10.0] * 2
    assert [one.series_id for one in top][:4] == [12, 25, 38, 51]


def test_more_than_twenty_episodes_within_a_minute_are_summed_up_and_those_before_stand() -> None:
    storm, told = Storm(), []
    for second in range(30):
        slot = SLOT + second
        storm, gathered = gather(
            storm, words(1, first=second), slot=slot, interval=SECOND, states_count=4_000
        )
        told.append((len(gathered.single), gathered.summary))
    assert [single for single, _ in told] == [1] * 20 + [0] * 10
    assert [summary is not None for _, summary in told] == [False] * 20 + [True] + [False] * 9


def test_an_episode_that_is_told_of_twice_counts_once() -> None:
    storm = Storm()
    for second in range(40):
        storm, gathered = gather(
            storm, words(1, first=second % 10), slot=SLOT + second, interval=SECOND,
            states_count=4_000,
        )  # fmt: skip
        assert len(gathered.single) == 1


def test_a_word_that_waits_is_told_though_nothing_else_happens() -> None:
    storm, _ = gather(Storm(), words(50), slot=SLOT, interval=SECOND, states_count=50)
    storm, gathered = gather(
        storm, words(3, first=90), slot=SLOT + 1, interval=SECOND, states_count=50
    )
    assert gathered == Gathered()
    for second in range(2, 60):
        storm, gathered = gather(storm, (), slot=SLOT + second, interval=SECOND, states_count=50)
        assert gathered == Gathered()
    storm, gathered = gather(storm, (), slot=SLOT + 60, interval=SECOND, states_count=50)
    assert gathered.summary is not None
    assert gathered.summary.words == tuple(words(3, first=90))


@examples(40)
@given(
    st.lists(st.sampled_from([0, 0, 0, 1, 2, 9, 12, 30]), min_size=1, max_size=200),
    st.sampled_from([1_000, 5_000, 30_000, 60_000, 3_600_000]),
    st.sampled_from([20, 100, 5_000]),
)
def test_everything_is_told_once_within_a_minute_and_nothing_is_told_in_bulk(
    counts: list[int], interval_ms: int, states: int
) -> None:
    interval, minute = Interval(interval_ms), -(-60_000 // interval_ms)
    storm, first = Storm(), 0
    said: dict[Word, int] = {}
    heard: dict[Word, int] = {}
    single: list[int] = []
    summaries: list[int] = []
    for slot, count in enumerate([*counts, *[0] * 60]):
        new = words(count, first=first, opened=slot)
        first += count
        said |= dict.fromkeys(new, slot)
        storm, gathered = gather(storm, new, slot=slot, interval=interval, states_count=states)
        summed = gathered.summary.words if gathered.summary else ()
        summaries += [slot] if summed else []
        single += [slot] * len(gathered.single)
        for word in (*gathered.single, *summed):
            assert word not in heard
            heard[word] = slot
    assert set(heard) == set(said)
    assert all(heard[word] - said[word] < minute for word in said)
    assert all(b - a >= minute for a, b in pairwise(summaries))
    for slot in single:
        assert sum(slot <= other < slot + minute for other in single) <= 20


def test_a_venue_is_told_of_once_until_its_data_is_back() -> None:
    """"At most one data notice per *venue*, not per series"."""  # fmt: skip
    kraken, both = frozenset({"KRAKEN"}), frozenset({"KRAKEN", "COINBASE"})
    none: frozenset[str] = frozenset()
    told, now = venues_to_tell(none, missing=kraken, silent=kraken)
    assert now == kraken
    told, now = venues_to_tell(told, missing=both, silent=both)
    assert now == {"COINBASE"}
    told, now = venues_to_tell(told, missing=none, silent=kraken)
    assert (told, now) == (kraken, none)
    told, _ = venues_to_tell(told, missing=none, silent=none)
    assert venues_to_tell(told, missing=kraken, silent=kraken)[1] == kraken
