"""Columns read thousands of numbers at once and are as strict as one by one."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.venues.support import floats as plain
from tests.venues.support import row, sound

from sigmawatch.adapters.venues.columns import Sheet, floats
from sigmawatch.domain.errors import Invalid
from sigmawatch.domain.reading import number

decimals = st.decimals(-(10**9), 10**9, allow_nan=False, places=8).map(str)
odd = st.one_of(
    st.none(), st.booleans(), st.text(max_size=8), st.lists(st.none(), max_size=2),
    st.sampled_from(["", "nan", "NaN", "inf", "-Infinity", "1_000", "1e400", "1e-99999", ".", "1.",
                     ".5", "+1", "-1", " 1", "1 ", "١٢", "1.2.3", "0x10", "9" * 81, "9" * 80,
                     "1,2", ",", "007", "0." + "1" * 78, "1e5", "1E-7"]),
    st.integers(-(10**400), 10**400), st.floats(),
)  # fmt: skip


def one_by_one(raws: list[object]) -> list[float | None]:
    """The slow definition."""
    values: list[float | None] = []
    for raw in raws:
        try:
            values.append(number(raw))
        except Invalid:
            values.append(None)
    return values


@given(st.lists(st.one_of(decimals, odd), max_size=40))
def test_a_column_reads_exactly_what_its_numbers_read_alone(raws: list[object]) -> None:
    values, refused = floats(raws)
    slow = one_by_one(raws)
    assert [None if math.isnan(value) else value for value in values] == slow
    assert set(refused) == {index for index, value in enumerate(slow) if value is None}


@given(st.integers(0, 2_999), odd)
def test_one_odd_value_among_thousands_costs_no_other(place: int, what: object) -> None:
    raws: list[object] = [f"{index}.25" for index in range(3_000)]
    raws[place] = what
    values, refused = floats(raws)
    assert all(values[index] == index + 0.25 for index in range(3_000) if index != place)
    assert set(refused) <= {place}


@given(st.lists(st.text("0123456789.,", max_size=12), max_size=30))
def test_what_looks_plain_is_read_no_further_than_each_alone(raws: list[object]) -> None:
    values, _ = floats(raws)
    assert [None if math.isnan(value) else value for value in values] == one_by_one(raws)


@given(st.lists(st.one_of(st.floats(), st.integers(-(10**400), 10**400)), max_size=30))
def test_json_numbers_are_held_to_the_same_range(raws: list[object]) -> None:
    values, _ = floats([*raws, 1e101])
    assert [None if math.isnan(value) else value for value in values] == one_by_one([*raws, 1e101])


def test_a_price_must_be_above_zero_and_a_volume_not_negative() -> None:
    sheet = Sheet(["A", "B", "C", "D"])
    sheet.price("price", ["1.5", "0", "-2", "3"])
    sheet.volume("volume_24h_base", ["0", "-1", "2", None])
    tickers = sheet.tickers(recv_ms=1)
    assert plain(tickers.columns["price"]) == [1.5, None, None, 3.0]
    assert plain(tickers.columns["volume_24h_base"]) == [0.0, None, 2.0, None]
    assert tickers.rejected["B"].startswith("price: must be above zero")
    assert "volume_24h_base: must not be negative" in tickers.rejected["B"]
    assert set(tickers.rejected) == {"B", "C", "D"}


def test_where_zero_means_none_it_is_missing_without_a_complaint() -> None:
    sheet = Sheet(["HALTED", "WRONG"])
    sheet.price("price", ["0.00000000", "-0.1"], zero_is_missing=True)
    tickers = sheet.tickers(recv_ms=1)
    assert plain(tickers.columns["price"]) == [None, None]
    assert set(tickers.rejected) == {"WRONG"}


def test_a_crossed_book_loses_both_sides_and_an_empty_side_only_itself() -> None:
    sheet = Sheet(["GOOD", "CROSSED", "NO_BID", "EQUAL"])
    sheet.book(["99", "101", "0", "5"], ["101", "99", "7", "5"])
    tickers = sheet.tickers(recv_ms=1)
    assert row(tickers, "GOOD") == {"bid": 99.0, "ask": 101.0, "spread_bp": 200.0}
    assert row(tickers, "CROSSED") == {}
    assert row(tickers, "NO_BID") == {"ask": 7.0}
    assert row(tickers, "EQUAL") == {"bid": 5.0, "ask": 5.0, "spread_bp": 0.0}
    assert set(tickers.rejected) == {"CROSSED"}
    assert tickers.derived == {"spread_bp"}


def test_a_quote_volume_is_derived_and_missing_where_a_factor_is() -> None:
    sheet = Sheet(["A", "NO_PRICE", "QUIET", "HUGE", "NO_VWAP", "NEW"])
    sheet.volume("volume_24h_base", ["2", "3", "0", "1e99", "4", "0"])
    vwap = sheet.read("vwap", ["10", "", "0.0", "1e99", "0", None])
    sheet.worth("volume_24h_quote", vwap, amount="volume_24h_base")
    tickers = sheet.tickers(recv_ms=1)
    assert plain(tickers.columns["volume_24h_quote"]) == [20.0, None, 0.0, None, None, 0.0]
    assert tickers.derived == {"volume_24h_quote"}
    assert set(tickers.rejected) == {"NO_PRICE", "HUGE", "NO_VWAP", "NEW"}


@pytest.mark.parametrize("raws", [[], [None], ["x"] * 100])
def test_a_sheet_of_nothing_good_is_still_a_sheet(raws: list[object]) -> None:
    sheet = Sheet(str(index) for index in range(len(raws)))
    sheet.price("price", raws)
    sheet.book(raws, raws)
    tickers = sheet.tickers(recv_ms=1)
    assert sound(tickers)
    assert len(tickers.rejected) == len(raws)
