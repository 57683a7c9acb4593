"""Slots of a few seconds: 2 h of them are held, and a day of whole minutes (SEMANTICS.md 2).

"Δ < 60 s: a window longer than the raw ring (2 h) starts on a whole minute, as `from` says."
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.engine import oracle
from tests.engine.test_late_starters import (
    applied_at_once,
    assert_same,
    closed_each_slot,
    columns,
    stream,
    touched,
)
from tests.engine.world import NAN, a_frame, a_patch, a_series, a_table

from sigmawatch.domain.errors import Invalid
from sigmawatch.domain.frame import Flag, Frame, Patch, Reason
from sigmawatch.domain.window import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, Interval
from sigmawatch.engine.geometry import geometry
from sigmawatch.engine.snapshot import Statistics
from sigmawatch.engine.table import SeriesTable

SIX = Interval(6 * SECOND_MS)
A_MINUTE, AN_HOUR, DAY = 10, 600, 14_400
START = 28_000_000 + 3  # neither a minute nor an hour begins here
CANDLE = Reason.OBSERVED | Flag.FILLED | Flag.COARSE
WINDOWS_MS = (DAY_MS, 5 * HOUR_MS, HOUR_MS)


def table_of(count: int = 5, windows_ms: Sequence[int] = WINDOWS_MS) -> SeriesTable:
    return a_table(count, interval=SIX, windows_ms=windows_ms)


def frames(values: np.ndarray, first: int = START) -> list[Frame | Patch]:
    return [a_frame(first + at, row, interval=SIX) for at, row in enumerate(values)]


def walk(slots: int, *, count: int = 3, gaps: float = 0.05) -> np.ndarray:
    rng = np.random.default_rng(slots)
    values = 100.0 * np.exp(np.cumsum(rng.normal(0, 1e-3, (slots, count)), axis=0))
    values[rng.random((slots, count)) < gaps] = NAN
    return values


def closed(values: np.ndarray, windows_ms: Sequence[int]) -> SeriesTable:
    table = table_of(values.shape[1], windows_ms)
    table.restore(frames(values))
    return table


def assert_exact(found: Statistics, column: Sequence[float], *, row: int = 0) -> None:
    """As the oracle says of the slots from `from` to `to`."""
    known = {START + at: value for at, value in enumerate(column) if not math.isnan(value)}
    last = SIX.slot(found.to_ms) - 1
    exact = oracle.window(known, last=last, slots=found.expected)
    assert found.n[row] == exact.n
    assert found.coverage[row] == exact.n / found.expected
    for name in ("mean", "sigma_abs", "sigma_rel", "minimum", "maximum", "change_pct"):
        assert oracle.off_by(getattr(found, name)[row], getattr(exact, name)) < 1e-12, name
    whole = math.sqrt(found.window_ms / (found.to_ms - found.from_ms))
    assert exact.sigma_ret is not None
    assert oracle.off_by(found.sigma_ret[row], exact.sigma_ret * whole) < 1e-12


def test_intervals_with_ten_slots_a_minute_keep_two_hours_of_slots() -> None:
    """Where they do not divide a minute, or are longer, the day of slots takes less memory."""
    for seconds in (1, 2, 3, 4, 5, 6):
        shape = geometry(Interval(seconds * SECOND_MS))
        assert shape.minute == 60 // seconds
        assert 2 * 3_600 // seconds + 3 * shape.minute <= shape.ring < 3 * 3_600 // seconds
    for seconds in (8, 10, 15, 30, 32, 45, 48, 60):
        shape = geometry(Interval(seconds * SECOND_MS))
        assert shape.minute == 0
        assert shape.ring > 86_400 // seconds


@pytest.mark.parametrize("past_minute", [0, 1, 5, 9])
def test_a_long_window_starts_on_a_whole_minute_and_says_so(past_minute: int) -> None:
    slots = 6 * AN_HOUR + 7 + past_minute
    values = walk(slots)
    last = START + slots - 1
    found = closed(values, ()).statistics(5 * HOUR_MS, last)
    assert found.from_ms % MINUTE_MS == 0
    assert found.to_ms == SIX.open_ms(last + 1)
    assert 0 <= found.from_ms - (found.to_ms - 5 * HOUR_MS) < MINUTE_MS
    assert found.expected == (found.to_ms - found.from_ms) // SIX.ms
    assert_exact(found, values[:, 1].tolist(), row=1)


def test_two_hours_are_as_exact_as_slots_are() -> None:
    values = walk(3 * AN_HOUR + 5)
    found = closed(values, ()).statistics(2 * HOUR_MS, START + len(values) - 1)
    assert found.expected == 1_200
    assert found.from_ms % MINUTE_MS != 0
    assert_exact(found, values[:, 0].tolist())


def test_a_day_of_six_seconds_is_exact() -> None:
    values = walk(DAY + 3 * A_MINUTE, count=1)
    table = closed(values, (DAY_MS,))
    found = table.close(START + len(values) - 1).statistics[DAY_MS]
    assert found.expected > DAY - A_MINUTE
    assert_exact(found, values[:, 0].tolist())


@pytest.mark.parametrize("gap_slots", [30, 2 * AN_HOUR, 3 * AN_HOUR + 5])
def test_a_gap_in_the_middle_of_a_minute_holds_nothing(gap_slots: int) -> None:
    values = walk(3 * AN_HOUR + gap_slots + 25, count=1, gaps=0.0)
    gap = slice(3 * AN_HOUR, 3 * AN_HOUR + gap_slots)
    table = table_of(1, ())
    table.restore(frames(values[: gap.start]))
    table.restore(frames(values[gap.stop :], START + gap.stop))
    values[gap] = NAN
    last = START + len(values) - 1
    assert_exact(table.statistics(5 * HOUR_MS, last), values[:, 0].tolist())


def test_the_change_over_a_long_window_is_from_the_close_before_its_first_minute() -> None:
    values = walk(6 * AN_HOUR, gaps=0.0)
    last = START + len(values) - 1
    first = -(-(last + 1 - 5 * AN_HOUR) // A_MINUTE) * A_MINUTE
    values[first - START - 2 : first - START, 1] = NAN
    values[first - START - 3 : first - START, 2] = NAN
    change = closed(values, ()).statistics(5 * HOUR_MS, last).change_pct
    then = values[first - START - 1, 0], values[first - START - 3, 1]
    newest = values[-1]
    assert change[0] == pytest.approx(100 * (newest[0] / then[0] - 1), rel=1e-12)
    assert change[1] == pytest.approx(100 * (newest[1] / then[1] - 1), rel=1e-12)
    assert math.isnan(change[2]), "unknown if that close is older than 2 slots before it"


def test_a_table_built_at_once_gives_the_bytes_of_one_that_closed_every_slot() -> None:
    items = stream(1, 6 * AN_HOUR, interval=SIX)
    until = max(touched(item) for item in items)
    begun = until - AN_HOUR // 2
    running = table_of()
    running.restore(item for item in items if touched(item) < begun)
    later = [item for item in items if touched(item) >= begun]
    board = closed_each_slot(running, later, until=until, newest=begun)
    assert_same(board, applied_at_once(table_of(), items, until=until))
    restored = table_of()
    restored.restore(items)
    assert_same(board, restored.close(until))
    other = restored.statistics(5 * HOUR_MS, until - 4)
    assert columns(running.statistics(5 * HOUR_MS, until - 4)) == columns(other)


def test_a_table_that_started_later_gives_the_bytes_of_one_that_ran_on() -> None:
    items = stream(2, 7 * AN_HOUR, interval=SIX)
    until = max(touched(item) for item in items)
    needed = [item for item in items if touched(item) >= until - 5 * AN_HOUR - 2 * A_MINUTE]
    assert len(needed) < len(items)
    one, other = table_of(), table_of()
    one.restore(items)
    other.restore(needed)
    assert columns(one.close(until)) == columns(other.close(until))
    for window_ms in (HOUR_MS, 3 * HOUR_MS, 5 * HOUR_MS):
        mine, theirs = (table.statistics(window_ms, until) for table in (one, other))
        assert columns(mine) == columns(theirs)


def test_a_block_that_grew_gives_the_bytes_of_one_that_always_was_wide() -> None:
    items = stream(4, 6 * AN_HOUR, interval=SIX)
    until = max(touched(item) for item in items)
    grown, wide = table_of(), table_of()
    wide.add(a_series(2_000, place=700, interval=SIX))
    wide.restore(items)
    grown.restore(items[: len(items) // 2])
    grown.add(a_series(2_000, place=700, interval=SIX))
    grown.restore(items[len(items) // 2 :])
    assert_same(grown.close(until), wide.close(until))


def test_a_late_value_counts_for_two_hours_and_then_is_history_only() -> None:
    values = walk(6 * AN_HOUR, gaps=0.0)
    table = closed(values, (5 * HOUR_MS,))
    last = START + len(values) - 1
    table.close(last)
    for back, counts in ((2 * AN_HOUR - 1, True), (2 * AN_HOUR + 2 * A_MINUTE, False)):
        before = table.close(last).statistics[5 * HOUR_MS]
        patch = a_patch(last - back, [9e6], 0, made_slot=last + 1, interval=SIX)
        assert table.apply(patch) is counts
        after = table.close(last).statistics[5 * HOUR_MS]
        assert (columns(after) != columns(before)) == counts
        values[-1 - back, 0] = 9e6 if counts else values[-1 - back, 0]
        assert_exact(after, values[:, 0].tolist())


def gap_filled(*, live: bool) -> SeriesTable:
    """Down for 4 hours, then filled from candles. live: the slots were closed in between."""
    values = walk(2 * AN_HOUR + 3, count=2, gaps=0.0)
    table = table_of(2)
    table.restore(frames(values))
    down, up = START + len(values), START + len(values) + 4 * AN_HOUR
    if live:
        table.close(up - 1)
    candles = np.repeat(np.linspace(90.0, 110.0, 4 * 60), A_MINUTE)
    table.apply(a_patch(down, candles, CANDLE, made_slot=up, interval=SIX))
    table.restore(frames(walk(25, count=2, gaps=0.0), up))
    return table


def test_a_gap_longer_than_the_ring_is_filled_and_filled_again_by_a_restart() -> None:
    one, other = gap_filled(live=True), gap_filled(live=False)
    until = one.newest_slot
    assert until is not None
    board = one.close(until)
    assert_same(board, other.close(until))
    found = board.statistics[5 * HOUR_MS]
    assert found.n[0] > 0.9 * found.expected
    assert found.n[1] < 0.4 * found.expected
    assert found.coarse.tolist() == [True, False]
    assert found.minimum[0] <= 90.0 + 1.0
    assert found.maximum[0] == 110.0


def test_old_minutes_that_are_filled_are_in_the_next_board_of_the_same_slot() -> None:
    values = walk(5 * AN_HOUR + 40, count=2, gaps=0.0)
    values[17:AN_HOUR, 1] = NAN  # from before the window on
    closed_before, told_at_once = closed(values, WINDOWS_MS), closed(values, WINDOWS_MS)
    last = START + len(values) - 1
    candles = np.linspace(90.0, 110.0, AN_HOUR - 17)
    patch = a_patch(START + 17, candles, CANDLE, series_id=2, made_slot=last + 1, interval=SIX)
    before = closed_before.close(last).statistics[5 * HOUR_MS]
    for table in (closed_before, told_at_once):
        assert table.apply(patch)
        assert not table.apply(patch), "it says nothing new"
    after = closed_before.close(last)
    assert_same(after, told_at_once.close(last))
    assert after.statistics[5 * HOUR_MS].n[1] == before.n[1] + 597 - 47


def troubled(seed: int, slots: int) -> list[Frame | Patch]:
    """In order of arrival: frames of five series, hours without any, and patches over anything
    from one slot to three hours, the oldest of which lie five hours back."""
    rng = np.random.default_rng(seed)
    items: list[Frame | Patch] = []
    slot = START
    while slot < START + slots:
        values = rng.uniform(90.0, 110.0, 5)
        values[rng.random(5) < 0.2] = NAN
        items.append(a_frame(slot, values, interval=SIX, late_ms=int(rng.choice([500, 7_000]))))
        if rng.random() < 0.02:
            first = max(slot - int(rng.integers(0, 5 * AN_HOUR)), START)
            count = min(int(rng.choice([1, 7, 40, AN_HOUR, 3 * AN_HOUR])), slot + 1 - first)
            whys = [int(CANDLE), int(Reason.PENDING), int(Reason.CARRIED | Flag.FILLED)]
            marks = rng.choice(whys, count)
            told = np.where(marks == Reason.PENDING, NAN, rng.uniform(90.0, 110.0, count))
            items.append(a_patch(first, told, marks.tolist(), series_id=int(rng.integers(1, 6)),
                                 made_slot=slot + 1, interval=SIX))  # fmt: skip
        slot += 1 if rng.random() < 0.995 else int(rng.integers(1, 3 * AN_HOUR))
    return items


@settings(max_examples=3)
@given(seed=st.integers(0, 10_000))
def test_whatever_was_closed_when_a_restart_says_the_same(seed: int) -> None:
    """What may still change follows from receipts alone: closing opens slots, and takes minutes in
    that a restart, which closes nothing, has not taken in yet."""
    items = troubled(seed, 5 * AN_HOUR)
    closing, quiet, restored = table_of(), table_of(), table_of()
    rng = np.random.default_rng(seed)
    for item in items:
        if rng.random() < 0.05:
            closing.close(SIX.slot(item.recv_ms) - 1)
        closing.apply(item)
        quiet.apply(item)
    restored.restore(items)
    until = max(touched(item) for item in items)
    board = closing.close(until)
    assert_same(board, quiet.close(until))
    assert_same(board, restored.close(until))
    stop = until + 1
    asked = {"from_slot": stop - DAY - 3, "to_slot": stop}
    assert closing.missing(range(1, 6), **asked) == restored.missing(range(1, 6), **asked)


def test_of_old_minutes_whole_unknown_ones_are_missing() -> None:
    values = walk(6 * AN_HOUR, gaps=0.0)
    hole = slice(AN_HOUR + 4, 2 * AN_HOUR)  # minutes [.. + 10, ..) are wholly inside
    values[hole, 1] = NAN
    values[AN_HOUR + 35, 2] = NAN
    table = closed(values, ())
    stop = START + len(values)
    missing = table.missing([1, 2, 3], from_slot=START - 2 * AN_HOUR, to_slot=stop)
    begun = START // A_MINUTE * A_MINUTE
    assert missing[1] == (begun - 2 * AN_HOUR, begun)
    assert missing[3] == missing[1], "a minute of which something is known is not asked for"
    assert missing[2] == (missing[1][0], (START + hole.stop) // A_MINUTE * A_MINUTE)


def test_what_was_filled_is_not_missing_any_more() -> None:
    table = gap_filled(live=True)
    assert table.newest_slot is not None
    stop = table.newest_slot + 1
    from_slot = START + A_MINUTE
    missing = table.missing([1, 2], from_slot=from_slot, to_slot=stop)
    assert 1 not in missing
    assert missing[2][0] >= START + 2 * AN_HOUR
    patch = a_patch(missing[2][0], [5.0] * (stop - missing[2][0]), CANDLE, series_id=2,
                    made_slot=stop, interval=SIX)  # fmt: skip
    assert table.apply(patch)
    assert table.missing([1, 2], from_slot=from_slot, to_slot=stop) == {}


def test_of_a_series_that_never_spoke_the_day_and_the_minute_before_it_are_missing() -> None:
    table = table_of(1)
    stop = START + 7
    table.close(stop - 1)
    missing = table.missing([1], from_slot=stop - DAY - 3, to_slot=stop)
    assert missing[1] == ((stop - DAY - 3) // A_MINUTE * A_MINUTE, stop)


def test_a_series_in_a_new_place_has_no_past() -> None:
    table = closed(walk(6 * AN_HOUR, count=2, gaps=0.0), ())
    last = START + 6 * AN_HOUR - 1
    table.remove(1)
    table.add(a_series(3, place=2, interval=SIX))
    found = table.statistics(5 * HOUR_MS, last)
    assert sorted(found.n.tolist()) == [0, found.expected]


def test_slots_that_are_no_longer_held_are_refused() -> None:
    table = closed(walk(6 * AN_HOUR, count=1), ())
    last = START + 6 * AN_HOUR - 1
    table.statistics(DAY_MS, last - 20)
    with pytest.raises(Invalid, match="no longer held"):
        table.statistics(DAY_MS, last - AN_HOUR)


def test_a_market_silent_for_as_long_as_slots_are_held_is_quiet() -> None:
    """Its pace is read from the 2 hours that are held, and no threshold is longer than 90 min."""
    table = table_of(2)
    still = [Reason.UNCHANGED, Reason.OBSERVED]
    table.restore(
        a_frame(START + at, [5.0, 5.0 + at], [0, 0] if at == 0 else still, interval=SIX)
        for at in range(2 * AN_HOUR)
    )
    board = table.close(START + 2 * AN_HOUR - 1)
    assert board.last_value[0] == 5.0
    assert board.state.tolist()[1] == 0
    assert board.state.tolist()[0] in (1, 3)
