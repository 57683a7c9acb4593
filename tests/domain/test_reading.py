"""Numbers from strangers, and columns that agree (SEMANTICS.md 1: "finite, ASCII number")."""

from __future__ import annotations

import math
from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigmawatch.domain.errors import Invalid
from sigmawatch.domain.reading import VALUE_MAX, Candles, Tickers, number, positive, quantity


@pytest.mark.parametrize(
    ("raw", "value"),
    [("1", 1.0), ("-1.5", -1.5), ("+.5", 0.5), ("5.", 5.0), ("1e-8", 1e-8), (7, 7.0), (0.1, 0.1),
     ("00012", 12.0), ("1E+2", 100.0), ("9" * 40, 1e40)],
)  # fmt: skip
def test_ascii_numbers_are_read(raw: object, value: float) -> None:
    assert number(raw) == value


@pytest.mark.parametrize(
    "raw",
    ["", " 1", "1 ", "nan", "NaN", "inf", "-Infinity", "1_000", "1,5", "\u0661\u0662", "\uff11",
     "0x1", "1e", "e5", ".", "--1", "1e99999", "1e101", "9" * 81, None, True, False, [], {}, b"1",
     math.nan, math.inf, 1e101, 10**200],
)  # fmt: skip
def test_what_python_would_read_but_no_venue_means_is_refused(raw: object) -> None:
    with pytest.raises(Invalid):
        number(raw)


@given(st.floats(-VALUE_MAX, VALUE_MAX))
def test_every_number_in_range_is_read_to_the_bit(value: float) -> None:
    assert number(value) == number(repr(value)) == value


def test_a_price_is_above_zero_and_a_quantity_not_below() -> None:
    assert (positive("0.1"), quantity("0"), quantity(3)) == (0.1, 0.0, 3.0)
    for raw in ("0", "-0.1", 0):
        with pytest.raises(Invalid, match="above zero"):
            positive(raw)
    with pytest.raises(Invalid, match="not be negative"):
        quantity("-1")


def test_columns_of_an_answer_are_as_long_as_its_markets() -> None:
    columns = {"price": array("d", [1.0, 2.0])}
    assert Tickers(natives=("A", "B"), columns=columns, recv_ms=1).event_ms is None
    for natives, wrong in ((("A",), columns), (("A", "B"), {"price": array("f", [1.0, 2.0])})):
        with pytest.raises(AssertionError):
            Tickers(natives=natives, columns=wrong, recv_ms=1)


def candles(*open_ms: int, close: float = 1.0) -> Candles:
    column = array("d", [close] * len(open_ms))
    return Candles(
        native="A", span_ms=60_000, open_ms=array("q", open_ms), close=column, trades=column,
        volume_base=column, volume_quote=column, complete_ms=0,
    )  # fmt: skip


def test_candles_are_oldest_first_once_each_and_know_their_close() -> None:
    assert len(candles(0, 60_000).close) == 2
    assert len(candles().close) == 0
    for wrong in ((60_000, 0), (0, 0)):
        with pytest.raises(AssertionError):
            candles(*wrong)
    with pytest.raises(AssertionError):
        candles(0, close=math.nan)
