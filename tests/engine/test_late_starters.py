"""Two trackers agree to the byte, whenever they started (DESIGN.md, SCALE-OUT.md)."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.engine.world import MINUTE, NAN, START, a_frame, a_patch, a_series, a_table

from sigmawatch.domain.frame import Flag, Frame, Patch, Reason
from sigmawatch.domain.window import DAY_MS, MINUTE_MS, Interval
from sigmawatch.engine.snapshot import Board, Statistics
from sigmawatch.engine.table import SeriesTable

CANDLE = Reason.OBSERVED | Flag.FILLED
QUARTER_HOUR = Interval(15 * MINUTE_MS)  # a day of 96 slots: cheap, and every edge is met
HISTORY = {"changed_ms"}  # receipts are remembered for longer than the ring


def columns(value: Board | Statistics) -> dict[str, bytes]:
    return {
        one.name: getattr(value, one.name).tobytes()
        for one in dataclasses.fields(value)
        if isinstance(getattr(value, one.name), np.ndarray) and one.name not in HISTORY
    }


def assert_same(one: Board, other: Board) -> None:
    assert columns(one) == columns(other)
    for window_ms, statistics in one.statistics.items():
        assert columns(statistics) == columns(other.statistics[window_ms])
    for by in ("sigma_rel", "sigma_abs", "sigma_ret", "change_pct", "surge"):
        mine, theirs = one.ranking("price", by), other.ranking("price", by)
        assert mine.rank.tobytes() == theirs.rank.tobytes()
        assert mine.why.tobytes() == theirs.why.tobytes()


def stream(seed: int, slots: int, *, interval: Interval, count: int = 5) -> list[Frame | Patch]:
    """Frames of `count` series, in order of arrival: gaps, late ones, outages, candles, coarse
    candles, revisions, markets that fall silent, suspects."""
    rng = np.random.default_rng(seed)
    items: list[Frame | Patch] = []
    values, late = np.full(count, 100.0), []
    pace = rng.choice([1.0, 0.6, 0.1, 0.02], count)
    for slot in range(START, START + slots):
        moved = rng.random(count) < pace
        values = np.where(moved, values * np.exp(rng.normal(0, 0.01, count)), values)
        marks = np.where(moved, Reason.OBSERVED, Reason.UNCHANGED).astype(np.uint8)
        said = np.where(rng.random(count) < 0.03, NAN, values)
        marks[np.isnan(said)] = Reason.OUTAGE
        if rng.random() < 0.02:
            place = int(rng.integers(count))
            said[place], marks[place] = 1e6, Reason.SUSPECT
        frame = a_frame(slot, said, marks.tolist(), interval=interval)
        if rng.random() < 0.1:
            late.append(frame)
        elif rng.random() > 0.02:
            items += [frame, *late]
            late.clear()
        if rng.random() < 0.1 and slot > START + 50:
            back = slot - int(rng.integers(1, 50))
            run = rng.uniform(90, 110, int(rng.integers(1, 6)))
            mark = CANDLE | (Flag.COARSE if rng.random() < 0.5 else 0)
            items.append(a_patch(back - len(run), run, mark if rng.random() < 0.7 else 0,
                                 series_id=int(rng.integers(count)) + 1, made_slot=slot,
                                 interval=interval))  # fmt: skip
    return items


def touched(item: Frame | Patch) -> int:
    return item.slot if isinstance(item, Frame) else item.from_slot + len(item.marks) - 1


def closed_each_slot(
    table: SeriesTable, items: list[Frame | Patch], *, until: int, newest: int = START
) -> Board:
    """Apply in order and close every slot as its time comes."""
    for item in items:
        slot = table.interval.slot(item.recv_ms) - 1
        for due in range(newest, slot):
            table.close(due)
        newest = max(newest, slot)
        table.apply(item)
    for due in range(newest, until + 1):
        table.close(due)
    return table.close(until)


def applied_at_once(table: SeriesTable, items: list[Frame | Patch], *, until: int) -> Board:
    for item in items:
        table.apply(item)
    return table.close(until)


@settings(max_examples=6)
@given(seed=st.integers(0, 10_000), extra=st.integers(0, 40))
def test_a_table_built_at_once_gives_the_bytes_of_one_that_closed_every_slot(
    seed: int, extra: int
) -> None:
    items = stream(seed, 200 + extra, interval=QUARTER_HOUR)
    until = max(touched(item) for item in items)
    running = closed_each_slot(a_table(5, interval=QUARTER_HOUR), items, until=until)
    assert_same(running, applied_at_once(a_table(5, interval=QUARTER_HOUR), items, until=until))


@settings(max_examples=6)
@given(seed=st.integers(0, 10_000), extra=st.integers(0, 40))
def test_a_table_that_started_after_a_day_gives_the_bytes_of_one_that_ran_on(
    seed: int, extra: int
) -> None:
    """The last 24 h, and what change_pct reads before them, are all that it needs."""
    items = stream(seed, 260 + extra, interval=QUARTER_HOUR)
    until = max(touched(item) for item in items)
    running = closed_each_slot(a_table(5, interval=QUARTER_HOUR), items, until=until)
    needed = [item for item in items if touched(item) >= until - 96 - 2]
    assert len(needed) < len(items)
    assert_same(running, applied_at_once(a_table(5, interval=QUARTER_HOUR), needed, until=until))


def test_a_day_of_minutes_gives_the_same_bytes_from_any_restart() -> None:
    items = stream(3, 1_700, interval=MINUTE)
    until = max(touched(item) for item in items)
    running = closed_each_slot(a_table(5), items, until=until)
    for start in (until - 1_442, until - 1_500):
        needed = [item for item in items if touched(item) >= start]
        assert_same(running, applied_at_once(a_table(5), needed, until=until))


def test_a_block_that_grew_gives_the_bytes_of_one_that_always_was_wide() -> None:
    """The width doubles from 32; what stands in other places changes nothing."""
    items = stream(4, 300, interval=QUARTER_HOUR, count=5)
    until = max(touched(item) for item in items)
    grown, wide = a_table(5, interval=QUARTER_HOUR), a_table(5, interval=QUARTER_HOUR)
    wide.add(a_series(2_000, place=700, interval=QUARTER_HOUR))
    closed_each_slot(grown, items[:150], until=until - 150)
    grown.add(a_series(2_000, place=700, interval=QUARTER_HOUR))
    assert_same(
        closed_each_slot(grown, items[150:], until=until, newest=until - 150),
        closed_each_slot(wide, items, until=until),
    )


@pytest.mark.parametrize(
    "window_ms",
    [DAY_MS, *(minutes * MINUTE_MS for minutes in (15, 60, 75, 90, 105, 135, 165, 180, 345))],
)
def test_a_window_standing_or_not_is_the_same_to_the_byte(window_ms: int) -> None:
    items = stream(9, 230, interval=QUARTER_HOUR)
    until = max(touched(item) for item in items)
    standing = a_table(5, interval=QUARTER_HOUR, windows_ms=(window_ms,))
    board = closed_each_slot(standing, items, until=until)
    other = a_table(5, interval=QUARTER_HOUR, windows_ms=())
    applied_at_once(other, items, until=until)
    assert columns(board.statistics[window_ms]) == columns(other.statistics(window_ms, until))
    earlier = standing.statistics(window_ms, until - 7)
    assert columns(earlier) == columns(other.statistics(window_ms, until - 7))


def test_the_bytes_do_not_depend_on_the_order_of_closing() -> None:
    """Closing an older slot, and the newest again, is the same as never having done it."""
    items = stream(12, 200, interval=QUARTER_HOUR)
    until = max(touched(item) for item in items)
    table = a_table(5, interval=QUARTER_HOUR)
    first = applied_at_once(table, items, until=until)
    table.close(until - 5)
    table.close(until - 1)
    assert_same(first, table.close(until))
