"""After a failure nothing is asked until the pause is over; then one call goes first."""

from __future__ import annotations

import pytest
from tests.venues.support import Dice

from sigmawatch.adapters.venues.circuit import Circuit, Ticket, pause_s
from sigmawatch.domain.errors import (
    BadAnswer,
    BlockedByRegion,
    Maintenance,
    RateLimited,
    SigmawatchError,
    Unavailable,
)

DOWN = Unavailable("no answer")
LIMITED = RateLimited("too often")


@pytest.mark.parametrize(
    ("error", "first_s", "expected"),
    [
        # SEMANTICS 5: "Retry-After obeyed (without one: 15 min at most)".
        (RateLimited("", retry_after_s=37.0), 60.0, [37.0, 37.0, 37.0]),
        (RateLimited("", retry_after_s=259_200.0), 60.0, [259_200.0] * 3),
        (LIMITED, 60.0, [60.0, 120.0, 240.0, 480.0, 900.0, 900.0]),
        (LIMITED, 15.0, [15.0, 30.0, 60.0, 120.0, 240.0, 480.0, 900.0]),
        (BlockedByRegion(""), 60.0, [60.0, 120.0, 240.0, 480.0, 900.0]),
        # "full-jitter back-off to 60 s": half of the bound, as the dice stand at a half.
        (DOWN, 60.0, [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]),
        (BadAnswer(""), 60.0, [1.0, 2.0]),
        (Maintenance(""), 60.0, [1.0, 2.0]),
        (Unavailable("", retry_after_s=120.0), 60.0, [120.0]),
    ],
)
def test_how_long_a_pause_is(error: SigmawatchError, first_s: float, expected: list[float]) -> None:
    pauses = [
        pause_s(error, failures=count + 1, chance=0.5, first_s=first_s)
        for count in range(len(expected))
    ]
    assert pauses == expected
    assert pause_s(error, failures=10_000, chance=0.999, first_s=first_s) <= 259_200.0


def opened(error: SigmawatchError, *, chance: float = 0.5) -> Circuit:
    """A circuit whose first call failed at 0 ms."""
    circuit = Circuit(Dice(chance))
    circuit.failed(circuit.enter(0), error, now_ms=0)
    return circuit


def refused(circuit: Circuit, now_ms: int) -> SigmawatchError | None:
    """Why nothing may be asked now; None where it may."""
    try:
        circuit.check(now_ms)
    except SigmawatchError as error:
        return error
    return None


@pytest.mark.parametrize("error", [LIMITED, DOWN, BadAnswer("html"), Maintenance("at work")])
def test_while_open_every_call_gets_the_same_failure_and_the_time_left(
    error: SigmawatchError,
) -> None:
    told = refused(opened(error), 250)
    assert type(told) is type(error)
    assert isinstance(told, Unavailable)
    assert str(error) in str(told)
    left_s = 60.0 if isinstance(error, RateLimited) else 1.0
    assert told.retry_after_s == left_s - 0.25


def test_a_ban_ends_exactly_when_the_venue_said() -> None:
    circuit = opened(RateLimited("", retry_after_s=37.0))
    assert refused(circuit, 36_999)
    assert refused(circuit, 37_000) is None


def test_after_the_pause_one_probe_goes_and_the_others_wait_for_it() -> None:
    circuit = opened(LIMITED)
    probe = circuit.enter(60_000)
    assert isinstance(refused(circuit, 60_001), RateLimited)
    circuit.answered(probe)
    assert refused(circuit, 60_002) is None


def test_a_probe_that_was_given_up_makes_room_for_the_next() -> None:
    circuit = opened(LIMITED)
    circuit.left(circuit.enter(60_000))
    assert refused(circuit, 60_001) is None


def test_a_failing_probe_doubles_the_pause() -> None:
    circuit = opened(LIMITED)
    circuit.failed(circuit.enter(60_000), LIMITED, now_ms=60_000)
    assert refused(circuit, 179_999)
    assert refused(circuit, 180_000) is None


def test_another_kind_of_failure_starts_to_count_anew() -> None:
    circuit = opened(DOWN)
    circuit.failed(circuit.enter(1_000), LIMITED, now_ms=1_000)
    assert refused(circuit, 60_999)
    assert refused(circuit, 61_000) is None


def test_calls_that_fail_together_count_once() -> None:
    circuit = Circuit(Dice(0.5))
    together = [circuit.enter(0) for _ in range(8)]
    for ticket in together:
        circuit.failed(ticket, LIMITED, now_ms=10)
    assert refused(circuit, 60_009)
    assert refused(circuit, 60_010) is None


def test_of_failures_together_the_longest_pause_stands() -> None:
    circuit = Circuit(Dice(0.5))
    first, second, third = (circuit.enter(0) for _ in range(3))
    circuit.failed(first, DOWN, now_ms=0)
    circuit.failed(second, RateLimited("ban", retry_after_s=120.0), now_ms=0)
    circuit.failed(third, DOWN, now_ms=0)
    assert isinstance(refused(circuit, 119_999), RateLimited)


def test_an_answer_from_before_the_failure_ends_no_pause() -> None:
    circuit = Circuit(Dice(0.5))
    early, late = circuit.enter(0), circuit.enter(0)
    circuit.failed(late, LIMITED, now_ms=5)
    circuit.answered(early)
    assert refused(circuit, 6)


def test_a_failure_from_before_the_recovery_pauses_without_doubling() -> None:
    circuit = Circuit(Dice(0.5))
    early = circuit.enter(0)
    for second in (0, 10, 20):
        circuit.failed(circuit.enter(1_000 * second), DOWN, now_ms=1_000 * second)
    circuit.answered(circuit.enter(30_000))
    circuit.failed(early, DOWN, now_ms=31_000)
    assert refused(circuit, 31_999)
    assert refused(circuit, 32_000) is None


def test_a_success_forgets_the_failures_before_it() -> None:
    circuit = opened(DOWN)
    circuit.answered(circuit.enter(1_000))
    circuit.failed(circuit.enter(2_000), DOWN, now_ms=2_000)
    assert refused(circuit, 3_000) is None


def test_a_pause_keeps_no_frame_of_the_failed_call_alive() -> None:
    circuit = Circuit(Dice(0.5))
    try:
        raise Unavailable("deep inside")
    except Unavailable as error:
        circuit.failed(circuit.enter(0), error, now_ms=0)
    told = refused(circuit, 1)
    assert told is not None
    assert told.__context__ is None
    assert circuit.enter(5_000) == Ticket(1)
