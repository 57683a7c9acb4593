"""Trades become flows: each counts once, and nobody claims a sum that may lack one.

SEMANTICS.md 2: "One value per series and slot: [...] the sum (flow)". EXCHANGES.md 1.2: "On
reconnect ask for the snapshot and drop ids already seen: no gap below 50 trades".
"""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from sigmawatch.domain.stream import Trade
from sigmawatch.domain.trade_book import SKEW_MS, TradeBook

MINUTE_MS = 60_000
T0_MS = 1_000 * MINUTE_MS


def a_trade(number: int, *, at_ms: int | None = None, price: float = 10.0) -> Trade:
    return Trade(
        native="A", id=number, price=price, base=1.0,
        event_ms=T0_MS + 1_000 * number if at_ms is None else at_ms,
    )  # fmt: skip


def a_book() -> TradeBook:
    return TradeBook(bucket_ms=MINUTE_MS, keep_ms=30 * MINUTE_MS)


def listening(at_ms: int = T0_MS - SKEW_MS) -> TradeBook:
    book = a_book()
    book.subscribed(at_ms)
    return book


def base(book: TradeBook, minutes: int = 1) -> float:
    flows = book.flows(T0_MS, T0_MS + minutes * MINUTE_MS, span_ms=MINUTE_MS)
    return sum(flow.base for flow in flows.values())


def test_a_trade_told_twice_counts_once() -> None:
    book = listening()
    assert [book.add(a_trade(number)) for number in (1, 2, 2, 1, 3)] == [
        True, True, False, False, True,
    ]  # fmt: skip
    assert base(book) == 3.0
    assert book.duplicates_count == 2


def test_a_span_is_covered_from_the_first_one_that_began_after_the_subscription() -> None:
    book = listening(T0_MS - SKEW_MS + 1)
    assert not book.covers(T0_MS, T0_MS + MINUTE_MS)
    assert book.covers(T0_MS + MINUTE_MS, T0_MS + 2 * MINUTE_MS)


def test_before_anybody_listens_nothing_is_covered() -> None:
    assert not a_book().covers(T0_MS, T0_MS + MINUTE_MS)


def test_a_number_jumped_over_uncovers_its_span_and_no_other() -> None:
    book = listening()
    book.add(a_trade(1))
    book.add(a_trade(3))
    assert not book.covers(T0_MS, T0_MS + MINUTE_MS)
    assert book.covers(T0_MS + MINUTE_MS, T0_MS + 2 * MINUTE_MS)
    assert book.holes_count == 1


def test_a_late_trade_fills_its_hole() -> None:
    book = listening()
    for number in (1, 4, 2, 3):
        assert book.add(a_trade(number))
    assert book.covers(T0_MS, T0_MS + MINUTE_MS)
    assert base(book) == 4.0


def test_a_heartbeat_that_names_an_unseen_trade_makes_a_hole() -> None:
    """EXCHANGES.md 1.4: "heartbeat's last_trade_id tells when a match was missed"."""
    book = listening()
    book.add(a_trade(1))
    book.newest(2, T0_MS + 2_000)
    assert not book.covers(T0_MS, T0_MS + MINUTE_MS)
    assert book.add(a_trade(2))
    assert book.covers(T0_MS, T0_MS + MINUTE_MS)


def test_after_a_silence_the_next_number_says_whether_anything_was_missed() -> None:
    for next_number, covered in ((2, True), (1, True), (3, False)):
        book = listening()
        book.add(a_trade(1))
        book.lost()
        assert not book.covers(T0_MS, T0_MS + MINUTE_MS)
        book.subscribed(T0_MS + 5_000)
        assert not book.covers(T0_MS, T0_MS + MINUTE_MS), "nobody knows yet"
        book.add(a_trade(next_number))
        assert book.covers(T0_MS, T0_MS + MINUTE_MS) is covered, next_number


def test_two_connections_at_once_leave_no_doubt() -> None:
    book = listening()
    book.add(a_trade(1))
    book.subscribed(T0_MS + 2_000)
    book.lost()
    assert book.covers(T0_MS, T0_MS + MINUTE_MS)


def test_the_close_of_a_span_is_its_highest_number_whatever_came_last() -> None:
    book = listening()
    for number, price in ((1, 10.0), (3, 30.0), (2, 20.0)):
        book.add(a_trade(number, price=price))
    assert book.flows(T0_MS, T0_MS + MINUTE_MS, span_ms=MINUTE_MS)[T0_MS].close == 30.0


def test_a_number_from_nowhere_costs_its_own_time_and_no_later_trade() -> None:
    """One poisoned trade: what comes after it has lower numbers, and later times."""
    book = listening()
    for number in (1, 2, 10**15):
        assert book.add(a_trade(number, at_ms=T0_MS + 1_000 * min(number, 3)))
    for number in range(3, 200):
        assert book.add(a_trade(number, at_ms=T0_MS + MINUTE_MS + 1_000 * number))
        assert not book.add(a_trade(number, at_ms=T0_MS + MINUTE_MS + 1_000 * number))
    assert not book.covers(T0_MS, T0_MS + MINUTE_MS)
    assert not book.covers(T0_MS + MINUTE_MS, T0_MS + 2 * MINUTE_MS)
    third = T0_MS + 2 * MINUTE_MS
    assert book.covers(third, third + MINUTE_MS)
    assert book.flows(third, third + MINUTE_MS, span_ms=MINUTE_MS)[third].count == 60


def test_a_newest_number_that_was_never_made_is_forgotten_with_the_next_trade() -> None:
    book = listening()
    book.add(a_trade(1))
    book.newest(10**15, T0_MS + 2_000)
    assert book.add(a_trade(2, at_ms=T0_MS + 3_000))
    assert book.last_id == 2
    assert not book.covers(T0_MS, T0_MS + MINUTE_MS)


def test_memory_is_bounded() -> None:
    book = listening()
    for number in range(10_000):
        book.add(a_trade(2 * number, at_ms=T0_MS + number * MINUTE_MS))
    assert len(book.flows(0, 1 << 60, span_ms=MINUTE_MS)) <= 62
    assert not book.covers(T0_MS, T0_MS + MINUTE_MS)


@given(st.integers(0, 2**32), st.integers(1, 60))
def test_a_covered_span_holds_every_trade_whatever_was_repeated_lost_or_mixed_up(
    seed: int, count: int
) -> None:
    """Against the slow truth: what was made, by number."""
    chance = random.Random(seed)
    made = [a_trade(number, at_ms=T0_MS + number * 7_000) for number in range(count)]
    book = listening()
    told = [trade for trade in made if chance.random() > 0.1]
    told += chance.choices(made, k=chance.randint(0, 5))
    told.sort(key=lambda trade: trade.id + chance.randint(0, 3))
    if 0 not in {trade.id for trade in told[:1]}:
        return  # what was before the first number that is told, nobody can know
    for trade in told:
        book.add(trade)
    last_ms = max(trade.event_ms for trade in told)
    for at_ms in range(T0_MS, last_ms - MINUTE_MS, MINUTE_MS):
        if book.covers(at_ms, at_ms + MINUTE_MS):
            true = sum(at_ms <= trade.event_ms < at_ms + MINUTE_MS for trade in made)
            flow = book.flows(at_ms, at_ms + MINUTE_MS, span_ms=MINUTE_MS).get(at_ms)
            assert (flow.count if flow else 0) == true
