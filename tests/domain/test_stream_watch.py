"""Decisions about a stream's connection, as tables.

EXCHANGES.md 5: "monotonic time of last frame per connection (Kraken 5 s, [...]), of last ack per
subscription [...]; on breach reconnect with jitter, resubscribe in chunks, verify acks".
"""

from __future__ import annotations

import pytest

from sigmawatch.domain.stream import Channel, Declined, StreamTraits, Taken
from sigmawatch.domain.stream_watch import (
    AGAIN_MAX_MS,
    ANSWER_MS,
    BACKOFF_MAX_MS,
    QUIET_MIN_MS,
    RHYTHM_MIN,
    Key,
    Pulse,
    Subscriptions,
    backoff_ms,
)

QUOTES, TRADES = Channel.QUOTES, Channel.TRADES


def traits(**options: object) -> StreamTraits:
    given = {"levels": frozenset({"price"}), "lasting": frozenset({"price"}), "chunk_max": 4,
             "request_every_ms": 500, "begins_with": frozenset({QUOTES}), **options}  # fmt: skip
    return StreamTraits(**given)  # type: ignore[arg-type]


def keys(count: int, channel: Channel = QUOTES) -> list[Key]:
    return [(channel, f"M{number}") for number in range(count)]


def asked(count: int = 4, **options: object) -> Subscriptions:
    """Subscriptions of which the first chunk was asked for at 0."""
    subscriptions = Subscriptions(traits=traits(**options))
    subscriptions.want(keys(count))
    assert subscriptions.due(0) is not None
    return subscriptions


@pytest.mark.parametrize(
    ("failures", "chance", "wait_ms"),
    [(0, 0.0, 1_000), (0, 0.99, 1_000), (1, 0.99, 1_980), (3, 0.5, 4_000), (6, 0.5, 30_000),
     (99, 0.999, 59_940), (99, 0.0, 1_000)],
)  # fmt: skip
def test_the_wait_before_a_connection_is_jitter_below_a_doubling_ceiling_and_never_under_a_second(
    failures: int, chance: float, wait_ms: int
) -> None:
    """RELIABILITY.md P17: "<= 1 reconnect per second per host, backoff with jitter to 60 s"."""
    assert backoff_ms(failures, chance=chance) == wait_ms
    assert wait_ms <= BACKOFF_MAX_MS


def test_markets_are_asked_for_in_chunks_no_faster_than_the_venue_bears() -> None:
    subscriptions = Subscriptions(traits=traits())
    subscriptions.want(keys(6))
    first = subscriptions.due(0)
    assert first is not None
    assert first.natives == ("M0", "M1", "M2", "M3")
    assert subscriptions.due(499) is None
    second = subscriptions.due(500)
    assert second is not None
    assert second.natives == ("M4", "M5")
    assert subscriptions.due(1_000) is None


def test_a_channel_for_all_markets_is_asked_for_once() -> None:
    subscriptions = Subscriptions(traits=traits(whole=frozenset({QUOTES}), markets_max=4))
    subscriptions.want([*keys(6), *keys(6, TRADES)])
    first, second = subscriptions.due(0), subscriptions.due(500)
    assert first is not None
    assert second is not None
    assert len(first.natives) == 6
    assert second.natives == ("M0", "M1", "M2", "M3"), "no more on one connection"


def test_what_is_refused_is_asked_again_in_smaller_chunks_later_and_later() -> None:
    """ccxt #6588, #8971: some subscriptions of a burst are refused."""
    subscriptions, asked_at = asked(), []
    subscriptions.declined(Declined(why="rate"), 0)
    for now_ms in range(0, 20_000, 100):
        request = subscriptions.due(now_ms)
        if request is not None:
            asked_at.append((now_ms, len(request.natives)))
            subscriptions.declined(Declined(why="rate", request=request.id), now_ms)
    assert asked_at[:6] == [
        (1_000, 2), (1_500, 2), (3_000, 1), (3_500, 1), (4_000, 1), (4_500, 1),
    ]  # fmt: skip
    assert asked_at[6][0] == 7_000, "four seconds after its refusal"


def test_half_of_a_chunk_confirmed_leaves_the_other_half_to_ask_for() -> None:
    subscriptions = asked()
    fresh = subscriptions.taken(Taken(channel=QUOTES, natives=("M0", "M2"), request=1), 10)
    subscriptions.declined(Declined(why="rate", channel=QUOTES, natives=("M1", "M3")), 10)
    assert fresh == [(QUOTES, "M0"), (QUOTES, "M2")]
    again = subscriptions.due(2_000)
    assert again is not None
    assert again.natives == ("M1", "M3")
    assert not subscriptions.taken(Taken(channel=QUOTES, natives=("M0",)), 20), "known already"


def test_a_request_that_nobody_answers_is_a_refusal() -> None:
    subscriptions = asked()
    assert subscriptions.due(ANSWER_MS - 1) is None
    assert subscriptions.due(ANSWER_MS + 1_000) is not None or subscriptions.refused_count == 4


def test_a_market_that_the_venue_does_not_know_is_left_alone_for_long() -> None:
    subscriptions = asked(1)
    subscriptions.declined(Declined(why="not supported", request=1, final=True), 0)
    assert subscriptions.due(AGAIN_MAX_MS - 1) is None
    assert subscriptions.due(AGAIN_MAX_MS) is not None
    assert subscriptions.settled


def test_a_channel_that_was_confirmed_and_never_spoke_is_dead_after_ten_seconds() -> None:
    """nautilus_trader #4255: acked with success, then never a message."""
    subscriptions = asked()
    subscriptions.taken(Taken(request=1), 0)
    assert subscriptions.dead(ANSWER_MS - 1) is None
    assert subscriptions.dead(ANSWER_MS) is QUOTES


def test_one_silent_market_among_many_is_no_reason_to_connect_again() -> None:
    subscriptions = asked()
    subscriptions.taken(Taken(request=1), 0)
    for native in ("M0", "M1", "M2"):
        subscriptions.heard(QUOTES, native)
    assert subscriptions.dead(ANSWER_MS) is None


def test_a_channel_that_need_not_speak_up_is_not_dead_for_being_silent() -> None:
    subscriptions = asked(begins_with=frozenset())
    subscriptions.taken(Taken(request=1), 0)
    assert subscriptions.dead(10 * ANSWER_MS) is None


def test_a_connection_without_any_frame_is_dead_after_its_limit() -> None:
    pulse = Pulse(traits=traits(), frame_ms=0)
    pulse.beat(1_000)
    assert pulse.silent(5_999, trading=True) is None
    assert pulse.silent(6_000, trading=True) == "no frame for 5 s"
    assert pulse.silent(6_000, trading=False) is not None, "heartbeats go on in maintenance"


def rhythm(*gaps_ms: int) -> tuple[Pulse, int]:
    """A channel that spoke after each of these gaps, and when it did last."""
    pulse, now_ms = Pulse(traits=traits(), frame_ms=0), 0
    for gap_ms in gaps_ms:
        now_ms += gap_ms
        pulse.data(TRADES, now_ms)
    pulse.beat(now_ms + 1_000_000)
    return pulse, now_ms


@pytest.mark.parametrize(
    ("gaps_ms", "quiet_ms"),
    [
        ([1_000] * RHYTHM_MIN, QUIET_MIN_MS),  # a steady one
        ([20_000] * RHYTHM_MIN, 60_000),  # a slow one: three of its pauses
        ([1, 20_000] + [1] * 1_000, 60_000),  # a burst says nothing about the quiet after it
    ],
)
def test_a_channel_is_dead_after_three_of_its_longest_pauses(
    gaps_ms: list[int], quiet_ms: int
) -> None:
    pulse, last_ms = rhythm(*gaps_ms)
    assert pulse.silent(last_ms + quiet_ms * 95 // 100, trading=True) is None
    assert pulse.silent(last_ms + quiet_ms, trading=True) is not None
    assert pulse.silent(last_ms + quiet_ms, trading=False) is None


def test_a_rhythm_is_not_known_from_a_few_words() -> None:
    pulse, last_ms = rhythm(*[1_000] * (RHYTHM_MIN - 1))
    assert pulse.silent(last_ms + 900_000, trading=True) is None
