"""Who may write a place (SEMANTICS.md 2), and what the table keeps of it."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.engine.world import MINUTE, NAN, START, a_frame, a_patch, a_series, a_table, fed

from sigmawatch.domain.frame import Flag, Frame, Patch, Reason, lost
from sigmawatch.domain.window import Interval
from sigmawatch.engine.table import SeriesTable

CANDLE = int(Reason.OBSERVED | Flag.FILLED)
CARRIED = int(Reason.CARRIED | Flag.FILLED)
COARSE = int(Reason.OBSERVED | Flag.FILLED | Flag.COARSE)
REVISED = int(Flag.REVISED)


def place(table: SeriesTable, slot: int = START, series_id: int = 1) -> tuple[float, int]:
    """The value and mark of one place."""
    values, marks = table.stretch(series_id, from_slot=slot, to_slot=slot + 1)
    return float(values[0]), int(marks[0])


def told(*items: Frame | Patch, metric: str = "price", newest: int = START) -> SeriesTable:
    table = fed(a_table(metric=metric), {newest: [NAN]} if newest > START else {})
    for item in items:
        table.apply(item)
    return table


def test_a_later_observation_of_the_slot_refines_it() -> None:
    """SEMANTICS.md 2: "One value per series and slot: the last observation (level)"."""
    early, late = a_frame(START, [1.0], late_ms=-9_000), a_frame(START, [2.0])
    assert place(told(early, late)) == (2.0, Reason.OBSERVED)
    table = told(late)
    assert not table.apply(early)
    assert place(table) == (2.0, Reason.OBSERVED)


def test_what_is_missing_never_overwrites_a_value() -> None:
    """The running slot's observation stands if the boundary poll fails."""
    table = told(a_frame(START, [1.0], late_ms=-9_000, open=True), a_frame(START, [NAN]))
    assert place(table) == (1.0, Reason.OBSERVED)


def test_a_patch_that_said_nothing_leaves_no_opening_for_an_older_frame() -> None:
    table = told(a_patch(START, [NAN], Reason.PENDING), a_frame(START, [2.0]))
    assert not table.apply(a_frame(START, [1.0], late_ms=-9_000))
    assert place(table) == (2.0, Reason.OBSERVED)


def test_an_older_frame_fills_what_a_newer_one_did_not_know() -> None:
    table = a_table(2)
    table.apply(a_frame(START, [NAN, 5.0]))
    assert table.apply(a_frame(START, [1.0, 4.0], late_ms=-9_000))
    assert (place(table), place(table, series_id=2)) == ((1.0, 0), (5.0, 0))


def test_of_two_reasons_the_newer_one_stands() -> None:
    early = a_frame(START, [NAN], [Reason.OUTAGE], late_ms=-9_000)
    late = a_frame(START, [NAN], [Reason.DELISTED])
    for order in itertools.permutations((early, late)):
        assert place(told(*order))[1] == Reason.DELISTED


def test_a_candle_never_replaces_a_polled_level_but_fills_a_missing_one() -> None:
    """SEMANTICS.md 2: candles "fill missing level slots; they never replace a polled level"."""
    poll, candle = a_frame(START, [1.0]), a_patch(START, [2.0], CANDLE)
    both: list[Frame | Patch] = [poll, candle]
    for order in itertools.permutations(both):
        assert place(told(*order)) == (1.0, Reason.OBSERVED)
    assert place(told(a_frame(START, [NAN]), candle)) == (2.0, CANDLE)


def test_a_candle_replaces_a_flow_when_it_is_different() -> None:
    poll, first = a_frame(START, [1.0]), a_patch(START, [2.0], CANDLE, made_slot=START + 1)
    second = a_patch(START, [3.0], CANDLE, made_slot=START + 2)
    assert place(told(poll, first, metric="traded_quote"))[0] == 2.0
    assert place(told(first, second, metric="traded_quote")) == (3.0, CANDLE | REVISED)
    table = told(first, metric="traded_quote")
    assert not table.apply(a_patch(START, [2.0], CANDLE, made_slot=START + 2))


def test_a_fine_candle_stands_above_a_coarse_one() -> None:
    fine = a_patch(START, [2.0], CANDLE, made_slot=START + 1)
    coarse = a_patch(START, [9.0], COARSE, made_slot=START + 9)
    for metric in ("price", "traded_quote"):
        for order in itertools.permutations((fine, coarse)):
            assert place(told(*order, metric=metric))[0] == 2.0


def test_a_patch_place_that_is_pending_says_nothing() -> None:
    table = told(a_frame(START, [NAN], [Reason.OUTAGE]))
    assert not table.apply(a_patch(START, [NAN], Reason.PENDING))
    assert place(table)[1] == Reason.OUTAGE


@pytest.mark.parametrize(("slots_late", "revised"), [(0, 0), (2, 0), (3, REVISED)])
def test_only_a_change_more_than_two_slots_late_is_marked_revised(
    slots_late: int, revised: int
) -> None:
    table = told(a_frame(START, [1.0], late_ms=-50_000))
    table.apply(a_frame(START, [2.0], recv_ms=MINUTE.open_ms(START + slots_late) + 59_000))
    assert place(table) == (2.0, revised)


def test_filling_a_missing_slot_is_no_revision_however_late() -> None:
    table = told(a_frame(START, [NAN]))
    table.apply(a_frame(START, [2.0], recv_ms=MINUTE.open_ms(START + 9)))
    assert place(table) == (2.0, Reason.OBSERVED)


def test_a_patch_over_a_value_is_a_revision_and_stays_marked() -> None:
    table = told(a_frame(START, [1.0]), a_patch(START, [2.0], 0, made_slot=START + 1))
    assert place(table) == (2.0, REVISED)
    table.apply(a_patch(START, [2.0], 0, made_slot=START + 2))
    assert place(table) == (2.0, REVISED)


ITEMS: list[Frame | Patch] = [
    *(a_frame(START, [v, w], late_ms=late) for v, w, late in (
        (1.0, NAN, -40_000), (NAN, 2.0, -20_000), (3.0, 4.0, 500), (NAN, NAN, 30_000),
    )),
    a_frame(START, [5.0, 6.0], [Reason.SUSPECT, Reason.SUSPECT], late_ms=40_000),
    a_frame(START, [NAN, NAN], [Reason.DELISTED, Reason.PENDING], late_ms=41_000),
    *(a_patch(START, [v], mark, series_id=who, made_slot=made) for v, mark, who, made in (
        (7.0, CANDLE, 1, START + 1), (8.0, CANDLE, 2, START + 2), (9.0, COARSE, 1, START + 2),
        (10.0, CARRIED, 1, START + 2), (11.0, 0, 2, START + 1), (NAN, Reason.PENDING, 1, START + 1),
    )),
]  # fmt: skip


@settings(max_examples=60)
@given(items=st.lists(st.sampled_from(ITEMS), unique_by=id).flatmap(
    lambda chosen: st.tuples(st.just(chosen), st.permutations(chosen))),
    metric=st.sampled_from(["price", "traded_quote"]))  # fmt: skip
def test_any_order_of_arrival_leaves_the_same_slot(
    items: tuple[list[Frame | Patch], list[Frame | Patch]], metric: str
) -> None:
    """Values and reasons alike; that something was revised is a fact about the order."""
    left, right = (a_table(2, metric=metric) for _ in items)
    for table, order in zip((left, right), items, strict=True):
        for item in order:
            table.apply(item)
    for series_id in (1, 2):
        one, other = place(left, series_id=series_id), place(right, series_id=series_id)
        assert (np.array(one[0]).tobytes(), one[1] & ~REVISED) == (
            np.array(other[0]).tobytes(),
            other[1] & ~REVISED,
        )


@given(items=st.lists(st.sampled_from(ITEMS), max_size=6))
def test_applying_the_same_again_changes_nothing(items: list[Frame | Patch]) -> None:
    table = a_table(2)
    for item in items:
        table.apply(item)
    before = [place(table, series_id=who) for who in (1, 2)]
    assert [table.apply(item) for item in items] == [False] * len(items)
    assert repr([place(table, series_id=who) for who in (1, 2)]) == repr(before)


def test_old_slots_still_take_patches_and_late_frames() -> None:
    """Beyond the slots whose revisions are remembered place by place."""
    table = fed(a_table(2), {START + at: [1.0, NAN] for at in range(50)})
    assert table.apply(a_patch(START, [2.0], CANDLE, series_id=2, made_slot=START + 50))
    assert not table.apply(a_patch(START, [2.0], CANDLE, made_slot=START + 50))
    assert table.apply(a_frame(START, [3.0, NAN], recv_ms=MINUTE.open_ms(START + 50)))
    assert place(table) == (3.0, REVISED)
    assert place(table, series_id=2) == (2.0, CANDLE)


def test_a_value_that_is_no_number_is_an_outage() -> None:
    for broken in (float("inf"), float("-inf"), NAN):
        value, mark = place(told(a_frame(START, [broken], [Reason.OBSERVED])))
        assert np.isnan(value)
        assert mark == Reason.OUTAGE


def test_what_a_mark_calls_missing_is_no_value_whatever_stands_there() -> None:
    value, mark = place(told(a_frame(START, [5.0], [Reason.OUTAGE])))
    assert np.isnan(value)
    assert mark == Reason.OUTAGE


def test_a_suspect_number_is_shown_and_counts_nowhere() -> None:
    """SEMANTICS.md 1: "shown, missing for statistics and rules"."""
    table = told(a_frame(START, [5.0], [Reason.SUSPECT]))
    assert place(table) == (5.0, Reason.SUSPECT)
    board = table.close(START)
    assert board.value[0] == 5.0
    assert np.isnan(board.last_value[0])
    assert next(iter(board.statistics.values())).n[0] == 0
    table.apply(a_patch(START, [5.0], CANDLE))
    assert place(table) == (5.0, CANDLE)


def test_slots_that_were_skipped_were_not_polled() -> None:
    table = fed(a_table(), {START: [1.0], START + 3: [2.0]})
    values, marks = table.stretch(1, from_slot=START - 1, to_slot=START + 5)
    assert np.isnan(values).tolist() == [True, False, True, True, False, True]
    gap = Reason.NOT_POLLED
    assert marks.tolist() == [gap, Reason.OBSERVED, gap, gap, Reason.OBSERVED, gap]


def test_a_frame_from_the_future_is_refused_and_one_from_before_the_ring_ignored() -> None:
    """A clock that is wrong by a day must not empty the ring."""
    table = fed(a_table(), {START: [1.0]})
    assert not table.apply(a_frame(START + 1_441, [2.0], recv_ms=MINUTE.open_ms(START + 1)))
    assert not table.apply(a_patch(START + 5, [2.0], 0, made_slot=START + 1))
    assert not table.apply(a_frame(START - 5_000, [2.0]))
    assert not table.apply(a_patch(START - 5_000, [2.0], 0))
    assert table.newest_slot == START


def test_a_patch_that_reaches_before_the_ring_is_taken_as_far_as_it_is_held() -> None:
    table = fed(a_table(), {START: [1.0]})
    oldest = table.oldest_slot
    assert oldest is not None
    assert oldest <= START - 1_443
    assert table.apply(a_patch(oldest - 3, [7.0] * 5, CANDLE))
    values, _ = table.stretch(1, from_slot=oldest - 1, to_slot=oldest + 3)
    assert np.isnan(values).tolist() == [True, False, False, True]


def test_a_patch_may_wrap_around_the_ring() -> None:
    table = fed(a_table(), {START: [NAN]})
    assert table.apply(a_patch(START - 1_400, np.arange(1.0, 1_401.0), CANDLE))
    values, _ = table.stretch(1, from_slot=START - 1_400, to_slot=START)
    assert values.tolist() == list(range(1, 1_401))


def test_a_frame_is_taken_whatever_its_width() -> None:
    """Narrower where series came after it, wider where they are not known here."""
    table = a_table(2)
    assert table.apply(a_frame(START, [1.0]))
    assert table.apply(a_frame(START + 1, [1.0] * 900))
    assert [place(table, START + 1, who)[0] for who in (1, 2)] == [1.0, 1.0]
    assert np.isnan(place(table, START, 2)[0])
    assert table.apply(a_frame(START + 2, [])) is False


def test_unknown_blocks_and_series_are_refused_quietly() -> None:
    table = a_table()
    assert not table.apply(a_frame(START, [1.0], block_id=77))
    assert not table.apply(a_patch(START, [1.0], 0, series_id=77))
    assert table.gate(a_frame(START, [1.0], block_id=77)) == (a_frame(START, [1.0], block_id=77),)
    table.remove(77)


def test_a_block_grows_to_1024_series_and_keeps_what_it_held() -> None:
    table = fed(a_table(32), {START: [float(at) for at in range(32)]})
    table.apply(a_frame(START + 1, [5e9] + [1.0] * 31, [Reason.SUSPECT] + [0] * 31))
    for series_id in range(33, 1_025):
        table.add(a_series(series_id))
    assert [place(table, START, who)[0] for who in (1, 32)] == [0.0, 31.0]
    assert place(table, START + 1)[0] == 5e9
    assert place(table, START, 1_024)[1] == Reason.NOT_POLLED
    fed(table, {START + 2: [float(at) for at in range(1_024)]})
    board = table.close(START + 2)
    assert board.value.tolist() == [float(at) for at in range(1_024)]


def test_a_removed_series_leaves_every_answer_and_its_place_stays_empty() -> None:
    table = fed(a_table(3), {START: [1.0, 2.0, 3.0]})
    table.close(START)
    table.remove(2)
    fed(table, {START + 1: [4.0, 5.0, 6.0]})
    board = table.close(START + 1)
    assert [one.id for one in board.series] == [1, 3]
    assert board.value.tolist() == [4.0, 6.0]
    assert (board.row(2), board.row(3)) == (None, 1)
    assert next(iter(board.statistics.values())).mean.tolist() == [2.5, 4.5]


def test_missing_names_the_run_that_holds_every_slot_a_candle_could_fill() -> None:
    table = a_table(5)
    fed(table, {START + at: [1.0] * 5 for at in range(10)})
    gone = {2: Reason.OUTAGE, 3: Reason.DELISTED, 4: Reason.PENDING}
    for at in (12, 14):
        marks = [gone.get(who, 0) for who in range(1, 6)]
        values = [NAN if who in gone else 1.0 for who in range(1, 6)]
        table.apply(a_frame(START + at, values, marks))
    fed(table, {START + at: [1.0] * 5 for at in (10, 11, 13)})
    found = table.missing([1, 2, 3, 4, 99], from_slot=START, to_slot=START + 15)
    assert found == {2: (START + 12, START + 15), 4: (START + 12, START + 15)}
    assert table.missing([1], from_slot=START - 1, to_slot=START + 15) == {1: (START - 1, START)}
    assert table.missing([1], from_slot=START, to_slot=START + 17) == {1: (START + 15, START + 17)}
    assert a_table().missing([1], from_slot=5, to_slot=9) == {1: (5, 9)}


def test_the_table_of_ten_seconds_holds_a_whole_day() -> None:
    """Shorter slots: tests/engine/test_short_slots.py."""
    ten_seconds = Interval(10_000)
    table = fed(a_table(interval=ten_seconds), {START: [1.0]})
    assert table.oldest_slot is not None
    assert START - table.oldest_slot > 8_640 + 2


@pytest.mark.parametrize("newest", [START, START + 20])
def test_a_damaged_word_leaves_nothing_of_what_it_replaced_and_anything_later_stands(
    newest: int,
) -> None:
    """An older observation may be wrong where nobody knows what the later one said."""
    early, late = a_frame(START, [1.0], late_ms=-9_000), a_frame(START, [2.0])
    table = told(early, lost(late), newest=newest)
    value, mark = place(table)
    assert (math.isnan(value), mark) == (True, Reason.DAMAGED)
    table.apply(a_patch(START, [3.0], CANDLE))
    assert place(table)[0] == 3.0
    assert place(told(a_patch(START, [3.0], CANDLE), lost(late), newest=newest))[1] == mark
