"""Sheets: what a screen shows, and what differs between two of them."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from tests.engine.world import MINUTE, START, a_frame, a_table
from tests.examples import examples

from sigmawatch.domain.rank_column import Standing
from sigmawatch.domain.window import HOUR_MS
from sigmawatch.engine.sheet import DIGITS, Sheet, changes, rounded, sheet_of
from sigmawatch.engine.table import SeriesTable

PRICES = Standing(metric="price", by="sigma_rel", window_ms=HOUR_MS, interval=MINUTE)
numbers = st.floats(allow_nan=True, allow_infinity=False)


def written_digits(value: float) -> int:
    """Significant digits that JSON needs for `value`."""
    mantissa = repr(abs(value)).partition("e")[0].replace(".", "")
    return len(mantissa.strip("0")) or 1


@examples(200)
@given(st.lists(numbers, min_size=1, max_size=8))
def test_a_number_is_told_to_seven_significant_digits(values: list[float]) -> None:
    """DASHBOARD.md 7: only values that changed after rounding to 7 significant digits."""
    for value, told in zip(values, rounded(np.array(values)).tolist(), strict=True):
        if math.isnan(value):
            assert math.isnan(told)
            continue
        assert written_digits(told) <= DIGITS
        if math.isfinite(told):
            half = 0.5000001 * 10.0 ** (1 - DIGITS)
            assert abs(told - value) <= half * abs(value) * 10 or abs(value) < 1e-300
        usual = float(f"{value:.{DIGITS}g}")  # but for ties, which decimals break otherwise
        assert math.isclose(told, usual, rel_tol=1.1e-6)


def test_dust_and_giants_keep_their_digits() -> None:
    told = rounded(np.array([1.23456789e-30, 1.23456789e30, 5e-324, 0.0, -0.1])).tolist()
    assert told == [1.234568e-30, 1.234568e30, 5e-324, 0.0, -0.1]


def a_world(count: int = 3, slots: int = 60) -> SeriesTable:
    table = a_table(count)
    for slot in range(START, START + slots):
        swing = 1.0 if slot % 2 else -1.0
        prices = [100.0 + swing * (row + 1) for row in range(count)]
        table.apply(a_frame(slot, prices))
    return table


def sheet(table: SeriesTable, slot: int) -> Sheet:
    board = table.close(slot)
    return sheet_of(board, np.arange(len(board.series)), standing=PRICES)


def test_a_sheet_says_what_the_board_says() -> None:
    table = a_world()
    board = table.close(START + 59)
    told = sheet_of(board, np.array([2, 0]), standing=PRICES)
    assert told.ids.tolist() == [3, 1]
    assert told.columns["latest"].tolist() == [103.0, 101.0]
    assert told.columns["high"].tolist() == [103.0, 101.0]
    assert told.columns["low"].tolist() == [97.0, 99.0]
    assert told.columns["state"].tolist() == [0, 0]
    ranking = board.ranking("price", "sigma_rel", window_ms=HOUR_MS)
    assert told.columns["rank"].tolist() == ranking.rank[[2, 0]].tolist()
    assert np.isnan(told.columns["volume_24h_ref"]).all()  # nobody tracks it here


def test_a_sheet_says_how_much_of_the_window_is_known() -> None:
    """SEMANTICS.md 3: a deviation of too little of its window can be told from the others."""
    told = sheet(a_world(slots=45), START + 44)
    assert told.columns["coverage"].tolist() == [0.75, 0.75, 0.75]


def test_the_running_slots_reading_is_the_latest() -> None:
    table = a_world()
    table.apply(a_frame(START + 60, [7.0, 8.0, 9.0], open=True))
    assert sheet(table, START + 59).columns["latest"].tolist() == [7.0, 8.0, 9.0]


def test_what_differs_in_the_eighth_digit_is_no_change() -> None:
    table = a_world()
    before = sheet(table, START + 59)
    live = [101.0, 102.0, 103.0]
    table.apply(a_frame(START + 60, [live[0] + 1e-6, live[1] + 1e-3, live[2]], open=True))
    found = changes(before, sheet(table, START + 59))
    assert {name: rows.tolist() for name, rows in found.items()} == {"latest": [1]}


def test_a_rank_is_told_though_its_market_has_not_moved() -> None:
    """DASHBOARD.md 7: ranks are their own column: a rank changes without its market changing."""
    table = a_world(count=2)
    before = sheet(table, START + 59)
    assert before.columns["rank"].tolist() == [2, 1]
    table.apply(a_frame(START + 60, [1_000.0, 102.0]))  # the first one leaps, the second rests
    after = sheet(table, START + 60)
    found = changes(before, after)
    assert after.columns["rank"].tolist() == [1, 2]
    assert found["rank"].tolist() == [0, 1]
    assert found["latest"].tolist() == [0]


columns = st.lists(st.sampled_from([math.nan, 0.0, 1.0, -2.5]), min_size=1, max_size=6)


@examples(50)
@given(st.data())
def test_changes_are_their_slow_definition(data: st.DataObject) -> None:
    then = data.draw(columns)
    now = data.draw(st.lists(st.sampled_from([math.nan, 0.0, 1.0, -2.5]),
                             min_size=len(then), max_size=len(then)))  # fmt: skip
    ids = np.arange(len(then))
    one = Sheet(slot=1, ids=ids, columns={"latest": np.array(then)}, of=0)
    other = Sheet(slot=2, ids=ids, columns={"latest": np.array(now)}, of=0)
    slow = [
        row for row, (a, b) in enumerate(zip(then, now, strict=True))
        if not (a == b or (math.isnan(a) and math.isnan(b)))
    ]  # fmt: skip
    assert {name: rows.tolist() for name, rows in changes(one, other).items()} == (
        {"latest": slow} if slow else {}
    )
