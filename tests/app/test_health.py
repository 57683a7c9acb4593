"""A venue's health follows from what happened, and a delisting needs two lists an hour apart."""

from __future__ import annotations

import pytest

from sigmawatch.app.delisting import Delistings
from sigmawatch.app.health import VenueHealth, reason_of
from sigmawatch.domain.errors import (
    BadAnswer,
    BlockedByRegion,
    Maintenance,
    RateLimited,
    SigmawatchError,
    Unavailable,
)
from sigmawatch.domain.market import Market, MarketStatus
from sigmawatch.domain.venue import Run, RunKind, VenueState
from sigmawatch.domain.window import HOUR_MS


def run(*, expected: int, updated: int) -> Run:
    return Run(
        venue="KRAKEN", kind=RunKind.POLL, slot=1, started_ms=0, finished_ms=1,
        expected=expected, updated=updated, failed=expected - updated,
        reasons={"no_value": expected - updated} if updated < expected else {},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("error", "state", "reason"),
    [
        (RateLimited("slow down", retry_after_s=37.0), VenueState.RATE_LIMITED, "rate_limited"),
        (Maintenance("closed"), VenueState.MAINTENANCE, "maintenance"),
        (BlockedByRegion("451"), VenueState.BLOCKED_BY_REGION, "blocked_by_region"),
        (BadAnswer("HTML"), VenueState.DOWN, "bad_answer"),
        (Unavailable("reset"), VenueState.DOWN, "unavailable"),
        (TimeoutError(), VenueState.DOWN, "timeout"),
    ],
)
def test_an_error_of_a_whole_poll_names_the_venues_state_and_the_runs_reason(
    error: SigmawatchError | TimeoutError, state: VenueState, reason: str
) -> None:
    health = VenueHealth("KRAKEN", now_ms=0)
    health.failed(error, now_ms=1_000)
    assert health.status.state is state
    assert reason_of(error) == reason
    assert health.errors[reason] == 1


def test_a_ban_says_until_when() -> None:
    health = VenueHealth("BINANCE", now_ms=0)
    health.failed(RateLimited("429", retry_after_s=37.0), now_ms=1_000)
    assert health.status.until_ms == 38_000


def test_a_state_keeps_its_beginning_while_it_lasts() -> None:
    health = VenueHealth("KRAKEN", now_ms=0)
    health.failed(Unavailable("reset"), now_ms=1_000)
    health.failed(Unavailable("reset"), now_ms=9_000)
    assert (health.status.since_ms, health.failures_in_a_row) == (1_000, 2)


def test_an_answer_after_failures_is_a_recovery_and_after_none_is_not() -> None:
    health = VenueHealth("KRAKEN", now_ms=0)
    assert not health.answered(now_ms=1_000)
    health.failed(Unavailable("reset"), now_ms=2_000)
    assert health.answered(now_ms=3_000)
    assert (health.status.state, health.status.success_ms) == (VenueState.UP, 3_000)


def test_a_partial_run_is_degraded_and_a_whole_one_is_up_again() -> None:
    """SEMANTICS.md 4: `degraded` (some markets fail); 5: a partial run is not a success."""
    health = VenueHealth("KRAKEN", now_ms=0)
    health.answered(now_ms=1)
    health.ran(run(expected=3, updated=2), now_ms=2)
    assert str(health.status.state) == "degraded"
    assert health.status.detail == "1 no_value"
    health.ran(run(expected=3, updated=3), now_ms=3)
    assert str(health.status.state) == "up"


def market(native: str, status: MarketStatus = MarketStatus.ONLINE) -> Market:
    return Market(venue="KRAKEN", base=native, quote="USD", native=native, status=status)


def test_a_market_is_delisted_only_after_a_second_list_an_hour_later() -> None:
    """SEMANTICS.md 4: "confirmed by a second fetch an hour later"."""
    lists, tracked = Delistings(), [market("A"), market("B")]
    lists.listed([market("A")], tracked, now_ms=0)
    assert lists.confirmed == frozenset()
    lists.listed([market("A")], tracked, now_ms=HOUR_MS - 1)
    assert lists.confirmed == frozenset()
    lists.listed([market("A")], tracked, now_ms=HOUR_MS)
    assert lists.confirmed == {"B"}


def test_a_market_marked_gone_counts_as_gone_and_one_that_is_back_is_forgiven() -> None:
    lists, tracked = Delistings(), [market("A")]
    gone = [market("A", MarketStatus.DELISTED)]
    lists.listed(gone, tracked, now_ms=0)
    lists.listed([market("A")], tracked, now_ms=HOUR_MS)
    lists.listed(gone, tracked, now_ms=HOUR_MS + 1)
    assert lists.confirmed == frozenset()
    lists.listed(gone, tracked, now_ms=2 * HOUR_MS + 1)
    assert lists.confirmed == {"A"}
    lists.listed([market("A")], tracked, now_ms=3 * HOUR_MS)
    assert lists.confirmed == frozenset()
