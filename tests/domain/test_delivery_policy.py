"""What follows from an attempt: every row of SEMANTICS.md 8, and its limits as properties."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigmawatch.domain.delivery_policy import (
    EXPIRY_MS,
    WAITS_MS,
    Pulse,
    Tokens,
    expired,
    settled,
    singly,
    wait_ms,
)
from sigmawatch.domain.notice import Delivery, Notice, NoticeKind, NoticeStatus
from sigmawatch.domain.sent import Answer, Sent

DUE_MS = 1_740_000_000_000
HOUR_MS = 3_600_000


def delivery(*, attempts: int = 0, episode: str = "1-1-0") -> Delivery:
    notice = Notice(rule_id=1, series_id=1, episode=episode, kind=NoticeKind.FIRING, ordinal=0,
                    channel="ops", decided_ms=DUE_MS, due_ms=DUE_MS, receipt="{}")  # fmt: skip
    return Delivery(notice=notice, number=1, status=NoticeStatus.LEASED, attempts=attempts,
                    next_ms=DUE_MS, fence=1)  # fmt: skip


def later(wait_ms: int | None = None, *, unsure: bool = False) -> Sent:
    return Sent(answer=Answer.LATER, detail="503", wait_ms=wait_ms, unsure=unsure)


@pytest.mark.parametrize(
    ("attempts", "wait_s"),
    [(0, 2), (1, 10), (2, 30), (3, 120), (4, 600), (5, 1_800), (6, 3_600), (7, 3_600), (19, 3_600)],
)
def test_a_failed_attempt_is_repeated_after_the_schedule_give_or_take_half(
    attempts: int, wait_s: int
) -> None:
    """ "0 s, 2 s, 10 s, 30 s, 2 m, 10 m, 30 m, then hourly to 24 h, jitter ± 50 %"."""
    waits = [
        settled(delivery(attempts=attempts, episode=str(n)), later(), now_ms=DUE_MS).next_ms
        - DUE_MS
        for n in range(200)
    ]
    assert min(waits) >= 500 * wait_s
    assert max(waits) < 1_500 * wait_s + 1
    assert max(waits) - min(waits) > 800 * wait_s, "the jitter spreads them"


@given(st.integers(0, 30), st.text(max_size=20))
def test_the_jitter_is_the_same_in_every_process(failures: int, seed: str) -> None:
    assert wait_ms(failures, seed=seed) == wait_ms(failures, seed=seed)
    assert wait_ms(0, seed=seed) == WAITS_MS[0] == 0


@pytest.mark.parametrize(
    ("asked_ms", "waits_ms"), [(0, 1_000), (1, 1_000), (7_000, 7_000), (9 * HOUR_MS, HOUR_MS)]
)
def test_a_retry_after_is_obeyed_within_a_second_and_an_hour(asked_ms: int, waits_ms: int) -> None:
    outcome = settled(delivery(attempts=3), later(asked_ms), now_ms=DUE_MS)
    assert (outcome.status, outcome.next_ms) == (NoticeStatus.RETRY_WAIT, DUE_MS + waits_ms)
    assert Pulse().after(later(asked_ms), lane="ops", now_ms=DUE_MS).resume_ms == outcome.next_ms


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (Answer.ACCEPTED, NoticeStatus.DELIVERED),
        (Answer.LATER, NoticeStatus.RETRY_WAIT),
        (Answer.REFUSED, NoticeStatus.DEAD),
        (Answer.MALFORMED, NoticeStatus.DEAD),
        (Answer.GONE, NoticeStatus.DEAD),
    ],
)
def test_only_acceptance_is_success_and_only_later_is_tried_again(
    answer: Answer, status: NoticeStatus
) -> None:
    outcome = settled(delivery(), Sent(answer=answer, detail="so"), now_ms=DUE_MS)
    assert (outcome.status, outcome.detail) == (status, "so")


def test_what_cannot_be_tried_again_within_24_hours_has_expired_with_its_reason() -> None:
    outcome = settled(delivery(attempts=20), later(), now_ms=DUE_MS + EXPIRY_MS - 1)
    assert (outcome.status, outcome.detail) == (
        NoticeStatus.EXPIRED, "not delivered within 24 h: 503"
    )  # fmt: skip
    assert not expired(delivery(), now_ms=DUE_MS + EXPIRY_MS - 1)
    assert expired(delivery(), now_ms=DUE_MS + EXPIRY_MS)


def test_an_attempt_that_nobody_is_sure_of_is_said_to_be_so() -> None:
    assert settled(delivery(), later(unsure=True), now_ms=DUE_MS).unsure
    assert not settled(delivery(), later(), now_ms=DUE_MS).unsure


def test_a_lane_that_fails_is_left_alone_for_longer_each_time_until_it_answers() -> None:
    pulse, pauses = Pulse(), []
    for _ in range(5):
        pulse = pulse.after(later(), lane="ops", now_ms=DUE_MS)
        pauses.append(pulse.resume_ms - DUE_MS)
    assert pauses == sorted(pauses)
    assert pulse.failures == 5
    refused = Sent(answer=Answer.REFUSED, detail="400")
    assert pulse.after(refused, lane="ops", now_ms=DUE_MS) == Pulse()


@given(
    st.floats(0.2, 600.0),
    st.lists(st.tuples(st.integers(0, 90_000), st.integers(1, 40)), min_size=1, max_size=60),
)
def test_within_any_minute_no_more_is_sent_than_a_channel_takes(
    per_minute: float, wishes: list[tuple[int, int]]
) -> None:
    tokens, now_ms, sent = Tokens.full(per_minute, now_ms=0), 0, []
    for pause_ms, wanted in wishes:
        now_ms += pause_ms
        tokens = tokens.at(now_ms)
        count = min(wanted, tokens.whole)
        tokens = tokens.spent(count)
        sent += [now_ms] * count
    for start_ms in sent:
        within = sum(start_ms <= at_ms < start_ms + 60_000 for at_ms in sent)
        assert within <= max(per_minute, 1.0) + 1e-6


@given(st.floats(0.2, 600.0))
def test_a_spent_channel_says_when_it_takes_the_next_one(per_minute: float) -> None:
    empty = replace(Tokens.full(per_minute, now_ms=DUE_MS), left=0.0)
    assert empty.at(empty.next_ms).whole == 1
    assert empty.at(empty.next_ms - 10).whole == 0 or per_minute > 500
    assert empty.at(DUE_MS - 5).left == 0.0, "a clock that was set back brings nothing"


@given(st.integers(1, 500), st.integers(1, 100))
def test_what_exceeds_a_limit_is_one_digest_and_nothing_is_dropped(due: int, tokens: int) -> None:
    """ "Rate limits turn overflow into a digest, never a drop."."""
    alone = singly(due, tokens=tokens)
    assert 0 <= alone <= due
    assert alone + (alone < due) <= tokens
