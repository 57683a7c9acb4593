"""What stands on the board at a slot's end, and when it may stand for a poll.

SEMANTICS.md 2: "the last observation (level) [...] unless the venue's event time says otherwise".
"""

from __future__ import annotations

from array import array

import pytest

from sigmawatch.app.listening.board import TRUST_MS, Board
from sigmawatch.domain.reading import Tickers
from sigmawatch.domain.stream import Quotes, StreamTraits, Trade

MINUTE_MS = 60_000
T0_MS = 1_000 * MINUTE_MS
LEVELS = frozenset({"price", "volume_24h_base", "volume_24h_quote"})
TRAITS = StreamTraits(
    levels=LEVELS, lasting=frozenset({"price"}), chunk_max=10, request_every_ms=500
)
PRICE, ALL = frozenset({"price"}), frozenset({"price", "volume_24h_base"})


def quotes(price: float, at_ms: int, *, native: str = "A", base: float = 5.0) -> Quotes:
    return Quotes(
        natives=(native,), event_ms=array("q", [at_ms]), recv_ms=at_ms,
        columns={"price": array("d", [price]), "volume_24h_base": array("d", [base]),
                 "volume_24h_quote": array("d", [base * price])},
    )  # fmt: skip


def a_board(*told: Quotes) -> Board:
    board = Board(TRAITS, bucket_ms=MINUTE_MS)
    for each in told:
        board.take(each)
    return board


def price(tickers: Tickers | None) -> float | None:
    return None if tickers is None else tickers.columns["price"][0]


def test_a_second_into_a_slot_the_price_of_its_end_is_given() -> None:
    board = a_board(quotes(10.0, T0_MS - 1_000), quotes(11.0, T0_MS + 500))
    assert price(board.tickers({"A": PRICE}, now_ms=T0_MS + 1_000)) == 10.0
    assert price(board.tickers({"A": PRICE}, now_ms=T0_MS + 30_000)) == 11.0, "a running slot"


def test_a_trade_is_a_newer_price_and_leaves_the_volumes_as_they_were_told() -> None:
    board = a_board(quotes(10.0, T0_MS - 9_000))
    trade = Trade(native="A", id=1, price=12.0, base=1.0, event_ms=T0_MS - 1_000)
    board.traded(trade, recv_ms=T0_MS)
    board.take(quotes(11.0, T0_MS - 5_000, base=6.0))
    told = board.tickers({"A": ALL}, now_ms=T0_MS + 1_000)
    assert told is not None
    assert (told.columns["price"][0], told.columns["volume_24h_base"][0]) == (12.0, 6.0)


def test_the_same_words_with_the_same_time_are_no_news() -> None:
    """ccxt #22409: the same ticker repeated with an unmoving timestamp."""
    board = a_board()
    assert [board.take(quotes(10.0, T0_MS)) for _ in range(3)] == [1, 0, 0]
    assert board.repeated_count == 2


def test_one_market_that_was_not_heard_has_the_venue_polled() -> None:
    board = a_board(quotes(10.0, T0_MS))
    assert board.tickers({"A": PRICE, "B": PRICE}, now_ms=T0_MS + 30_000) is None


def test_a_figure_that_a_stream_does_not_tell_has_the_venue_polled() -> None:
    board = a_board(quotes(10.0, T0_MS))
    assert board.tickers({"A": frozenset({"bid"})}, now_ms=T0_MS + 30_000) is None


@pytest.mark.parametrize(
    ("metrics", "age_ms", "serves"),
    [(PRICE, TRUST_MS, True), (PRICE, TRUST_MS + 1, False), (ALL, MINUTE_MS, True),
     (ALL, 2 * MINUTE_MS, False)],
)  # fmt: skip
def test_a_price_holds_for_five_minutes_and_a_rolling_figure_for_a_slot(
    metrics: frozenset[str], age_ms: int, serves: bool
) -> None:
    board = a_board(quotes(10.0, T0_MS + 15_000))
    told = board.tickers({"A": metrics}, now_ms=T0_MS + 15_000 + age_ms)
    assert (told is not None) is serves


def test_a_missing_volume_has_the_venue_polled() -> None:
    board = a_board(quotes(10.0, T0_MS, base=float("nan")))
    assert board.tickers({"A": ALL}, now_ms=T0_MS + 30_000) is None


def test_what_was_told_before_a_silence_is_forgotten() -> None:
    board = a_board(quotes(10.0, T0_MS))
    board.clear()
    assert board.tickers({"A": PRICE}, now_ms=T0_MS + 1_000) is None
