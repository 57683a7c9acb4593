"""Candles of every venue come out in one shape: closed, ascending, unique, quiet ones absent."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.venues.support import MINUTE_MS, T0_MS, floats

from sigmawatch.adapters.venues.candles import CandleRequest, Rows, candles_of, table

Row = tuple[object, object, object]  # minute of T0, close, base volume
NOW_MS = T0_MS + 10 * MINUTE_MS + 1_500  # minute 10 is running
ASKED = CandleRequest(native="X", span_ms=MINUTE_MS, from_ms=T0_MS, to_ms=T0_MS + 10 * MINUTE_MS)


def rows(*given: Row, **options: object) -> Rows:
    opens = [T0_MS + row[0] * MINUTE_MS if isinstance(row[0], int) else row[0] for row in given]
    return Rows(
        time_unit_ms=1,
        opens=opens,
        closes=[row[1] for row in given],
        volumes=[row[2] for row in given],
        trades=[1 for _ in given],
        **options,  # type: ignore[arg-type]
    )


def minutes(*given: Row, asked: CandleRequest = ASKED, now_ms: int = NOW_MS) -> list[int]:
    candles = candles_of(rows(*given), asked, now_ms=now_ms)
    return [(open_ms - T0_MS) // MINUTE_MS for open_ms in candles.open_ms]


def test_order_repeats_and_fillers_of_the_venue_do_not_matter() -> None:
    # EXCHANGES: "Normalise to absent ..., or sigma differs by venue for the same market."
    given = [(index, f"{100 + index}", "1.5" if index % 3 else "0") for index in range(10)]
    tidy = candles_of(rows(*given), ASKED, now_ms=NOW_MS)
    untidy = [*given, *given[:4], (5, "999", "0")]
    random.Random(3).shuffle(untidy)
    assert candles_of(rows(*untidy), ASKED, now_ms=NOW_MS) == tidy
    assert minutes(*given) == [1, 2, 4, 5, 7, 8]


def test_the_running_candle_and_the_future_are_left_out_by_close_time() -> None:
    everything = CandleRequest(
        native="X", span_ms=MINUTE_MS, from_ms=0, to_ms=T0_MS + 99 * MINUTE_MS
    )
    given: list[Row] = [(9, "1", "1"), (10, "1", "1"), (11, "1", "1")]
    assert minutes(*given, asked=everything) == [9]
    assert minutes(*given, asked=everything, now_ms=NOW_MS - 1_501) == []
    assert minutes(*given, asked=everything, now_ms=NOW_MS - 1_500) == [9]


def test_what_the_venue_calls_uncommitted_waits_whatever_our_clock_says() -> None:
    said = rows((8, "1", "1"), (9, "1", "1"), committed_ms=T0_MS + 8 * MINUTE_MS)
    candles = candles_of(said, ASKED, now_ms=NOW_MS)
    assert list(candles.open_ms) == [T0_MS + 8 * MINUTE_MS]
    assert candles.complete_ms == T0_MS + 9 * MINUTE_MS


def test_only_what_was_asked_for_comes_back() -> None:
    # EXCHANGES 1.3: Coinbase's candles "may precede start".
    assert minutes((-1, "1", "1"), (0, "1", "1"), (9, "1", "1"), (10, "1", "1")) == [0, 9]


def test_of_two_rows_with_one_open_time_the_later_stands() -> None:
    given: list[Row] = [(3, "5", "1"), (4, "6", "1"), (3, "7", "1"), (3, "8", "0")]
    candles = candles_of(rows(*given), ASKED, now_ms=NOW_MS)
    assert floats(candles.close) == [7.0, 6.0]


@pytest.mark.parametrize(
    "bad",
    [
        (3, None, "1"),
        (3, "0", "1"),
        (3, "-1", "1"),
        (3, "NaN", "1"),
        (3, "1", "-1"),
        (3, "1", None),
    ],
)
def test_a_bad_row_is_counted_costs_no_other_and_is_never_taken_for_quiet(bad: Row) -> None:
    candles = candles_of(rows((2, "5", "1"), bad, (4, "6", "1")), ASKED, now_ms=NOW_MS)
    assert floats(candles.close) == [5.0, 6.0]
    assert candles.rejected_count == 1
    assert candles.complete_ms == T0_MS + 3 * MINUTE_MS


@pytest.mark.parametrize("time", [None, "soon", -5, 1e300, T0_MS + 1, True, [T0_MS]])
def test_a_row_whose_time_cannot_be_read_leaves_nothing_known_as_quiet(time: object) -> None:
    said = rows((2, "5", "1"), (4, "6", "1"))
    said.opens.append(time)
    said.closes.append("5")
    said.volumes.append("1")
    said.trades.append(1)
    candles = candles_of(said, ASKED, now_ms=NOW_MS)
    assert list(candles.close) == [5.0, 6.0]
    assert (candles.rejected_count, candles.complete_ms) == (1, T0_MS)


def test_a_missing_candle_means_quiet_once_a_later_one_exists_or_two_spans_passed() -> None:
    # SEMANTICS 2: "once a later candle exists or 2 slots have passed".
    def told_minute(*given: Row) -> int:
        candles = candles_of(rows(*given), ASKED, now_ms=NOW_MS)
        return (candles.complete_ms - T0_MS) // MINUTE_MS

    assert told_minute() == 8
    assert told_minute((3, "1", "1")) == 8
    assert told_minute((8, "1", "1")) == 9
    assert told_minute((9, "1", "1")) == 10
    assert told_minute((10, "1", "1")) == 10  # the running one is a later one


def test_a_venue_that_fills_says_itself_how_far_it_reaches() -> None:
    filled = candles_of(rows((6, "1", "0"), (7, "1", "1"), fills=True), ASKED, now_ms=NOW_MS)
    assert filled.from_ms == T0_MS + 6 * MINUTE_MS
    assert candles_of(rows((6, "1", "1")), ASKED, now_ms=NOW_MS).from_ms == T0_MS
    assert candles_of(rows(fills=True), ASKED, now_ms=NOW_MS).from_ms == ASKED.to_ms


def test_a_hole_of_a_venue_that_fills_is_never_taken_for_quiet() -> None:
    """EXCHANGES.md 4: missing candles after downtime (ccxt #5026, Binance)."""
    given = [(0, "1", "1"), (1, "1", "0"), (4, "2", "1"), (5, "2", "0"), (6, "2", "1")]
    holed = candles_of(rows(*given, fills=True), ASKED, now_ms=NOW_MS)
    assert (holed.complete_ms - T0_MS) // MINUTE_MS == 2
    assert [(open_ms - T0_MS) // MINUTE_MS for open_ms in holed.open_ms] == [0, 4, 6]
    leaves_out = candles_of(rows(*given), ASKED, now_ms=NOW_MS)
    assert (leaves_out.complete_ms - T0_MS) // MINUTE_MS == 8


def test_quote_volume_is_quoted_else_from_the_average_price_else_from_the_close() -> None:
    given: list[Row] = [(1, "10", "2"), (2, "10", "2")]
    quoted = candles_of(rows(*given, quoted=True, quotes=["19", "x"]), ASKED, now_ms=NOW_MS)
    assert (floats(quoted.volume_quote), quoted.quote_derived) == ([19.0, None], False)
    derived = candles_of(rows(*given, vwaps=["9.5", "0.0"]), ASKED, now_ms=NOW_MS)
    assert (floats(derived.volume_quote), derived.quote_derived) == ([19.0, 20.0], True)
    closing = candles_of(rows(*given), ASKED, now_ms=NOW_MS)
    assert (floats(closing.volume_quote), closing.quote_derived) == ([20.0, 20.0], True)
    closing = candles_of(replace(rows(*given), trades=[]), ASKED, now_ms=NOW_MS)
    assert floats(closing.trades) == [None, None]


@given(
    st.lists(st.tuples(st.integers(-3, 13), st.integers(-1, 3), st.integers(-1, 3)), max_size=25),
    st.integers(0, 12 * MINUTE_MS),
)
def test_candles_are_their_slow_definition(
    given: list[tuple[int, int, int]], passed_ms: int
) -> None:
    now_ms = T0_MS + passed_ms
    candles = candles_of(rows(*given), ASKED, now_ms=now_ms)
    kept: dict[int, tuple[float, float]] = {}
    for minute, close, volume in given:
        open_ms = T0_MS + minute * MINUTE_MS
        closed = open_ms + MINUTE_MS <= now_ms and ASKED.from_ms <= open_ms < ASKED.to_ms
        if close > 0 and volume > 0 and closed:
            kept[open_ms] = (close, volume)
    assert dict(zip(candles.open_ms, zip(candles.close, candles.volume_base, strict=True),
                    strict=True)) == kept  # fmt: skip
    assert list(candles.open_ms) == sorted(kept)
    assert candles.complete_ms <= max(now_ms, T0_MS)


@pytest.mark.parametrize("answer", [None, {}, "x", 7])
def test_what_is_no_list_of_rows_is_one_malformed_row(answer: object) -> None:
    assert table(answer, width=3) == ([], 1)


def test_rows_that_are_too_short_or_no_rows_are_counted() -> None:
    assert table([[1, 2, 3], [1, 2], None, {}, [1, 2, 3, 4]], width=3) == (
        [[1, 2, 3], [1, 2, 3, 4]],
        3,
    )
