"""Rollups put together say exactly what their slots say (SEMANTICS.md 3: to 1e-12, ddof 0)."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.engine import oracle

from sigmawatch.domain.frame import Flag, Reason
from sigmawatch.engine.geometry import Column, Marks
from sigmawatch.engine.rollups import (
    COLUMNS,
    FIRST_SLOT,
    LAST_SLOT,
    Rollups,
    Slotted,
    coarsened,
    rolled_up,
)
from sigmawatch.engine.summary import Summary, summary

MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000
FIRST = 29_000_080  # 40 minutes into an hour, 80 before a midnight
WIDE = settings(max_examples=30)


def slotted(values: Column, marks: Marks | None = None, *, levels: bool = True) -> Slotted:
    if marks is None:
        marks = np.where(np.isnan(values), np.uint8(Reason.OUTAGE), np.uint8(0)).astype(np.uint8)
    return Slotted(from_slot=FIRST, interval_ms=MINUTE_MS, values=values[:, None],
                   marks=marks[:, None], levels=levels)  # fmt: skip


def judged(values: Column, *, levels: bool = True) -> oracle.Exact:
    held = {FIRST + i: v for i, v in enumerate(values.tolist()) if not math.isnan(v)}
    return oracle.window(held, last=FIRST + len(values) - 1, slots=len(values), level=levels)


def close(told: float, exact: float | None) -> bool:
    """The oracle itself counts in 50 digits: of equal returns it finds a deviation of 1e-50."""
    return math.isnan(told) if exact is None else told == pytest.approx(exact, rel=1e-12, abs=1e-40)


def agree(told: Summary, exact: oracle.Exact) -> None:
    assert told.n == exact.n
    assert close(told.mean, exact.mean)
    assert close(told.sigma_abs, exact.sigma_abs)
    assert close(told.sigma_ret, exact.sigma_ret)
    assert close(told.minimum, exact.minimum)
    assert close(told.maximum, exact.maximum)
    if not told.sign_change:
        assert close(told.sigma_rel, exact.sigma_rel)


PRICES = st.floats(0.5, 2.0, width=32)


@WIDE
@given(
    values=st.lists(st.one_of(PRICES, st.just(math.nan)), min_size=1, max_size=300),
    level=st.sampled_from([1.0, 1e-6, 1e9]),
)
@example(values=[1.0 + slot * slot % 7 / 10 for slot in range(300)], level=1.0)
def test_rollups_of_any_widths_say_what_the_slots_say(values: list[float], level: float) -> None:
    column = level * np.array(values)
    [hours] = rolled_up(slotted(column), width_ms=HOUR_MS)
    [fives] = rolled_up(slotted(column), width_ms=5 * MINUTE_MS)
    exact = judged(column)
    for runs in (hours, fives, coarsened(fives, width_ms=HOUR_MS),
                 coarsened(hours, width_ms=DAY_MS)):  # fmt: skip
        agree(summary(runs, expected=len(values)), exact)
        if len(runs):
            held = column[np.isfinite(column)]
            assert summary(runs, expected=1).first == held[0]
            assert summary(runs, expected=1).last == held[-1]


@WIDE
@given(jitter=st.lists(st.integers(-3, 3), min_size=240, max_size=240))
def test_a_quiet_series_at_a_high_level_loses_no_digits_over_thirty_days(
    jitter: list[int],
) -> None:
    """σ of 1e-5 at a level of 1e5: means kept as such would leave four digits."""
    column = np.tile(1e5 + 1e-5 * np.array(jitter), 30)
    [hours] = rolled_up(slotted(column), width_ms=HOUR_MS)
    agree(summary(hours, expected=len(column)), judged(column))


def test_a_constant_series_has_no_deviation_at_all() -> None:
    [hours] = rolled_up(slotted(np.full(3_000, 0.1)), width_ms=HOUR_MS)
    whole = summary(hours, expected=3_000)
    assert (whole.sigma_abs, whole.sigma_rel, whole.sigma_ret) == (0.0, 0.0, 0.0)


def test_a_return_is_counted_across_runs_only_between_neighbouring_slots() -> None:
    column = np.full(100, math.nan)
    column[[19, 20, 79, 81]] = [1.0, 2.0, 4.0, 8.0]  # slots 19|20 are two hours' neighbours
    [hours] = rolled_up(slotted(column), width_ms=HOUR_MS)
    day = coarsened(hours, width_ms=DAY_MS)
    assert hours.return_n.tolist() == [0, 0, 0]
    assert day.return_n.tolist() == [1, 0]
    assert day.return_mean.tolist() == [pytest.approx(math.log(2.0), rel=1e-15), 0.0]


def test_a_flow_has_a_total_and_no_returns() -> None:
    [hours] = rolled_up(slotted(np.arange(120.0), levels=False), width_ms=HOUR_MS)
    assert hours.total.tolist() == [190.0, 2_970.0, 3_980.0]
    assert hours.return_n.tolist() == [0, 0, 0]
    agree(summary(hours, expected=120), judged(np.arange(120.0), levels=False))


def test_suspect_numbers_count_nowhere_and_flags_are_those_of_the_values() -> None:
    """SEMANTICS.md 1: suspect is "missing for statistics"; 2: "the statistic says coarse"."""
    values: Column = np.array([1.0, 900.0, 3.0])
    marks: Marks = np.array([0, Reason.SUSPECT | Flag.REVISED, Flag.COARSE], np.uint8)
    [hours] = rolled_up(slotted(values, marks), width_ms=HOUR_MS)
    assert (hours.n.tolist(), hours.high.tolist()) == ([2], [3.0])
    assert hours.marks.tolist() == [Flag.COARSE]
    assert summary(hours, expected=3).coarse
    assert hours.edges.tolist() == [FIRST_SLOT | LAST_SLOT]


def test_a_run_without_a_value_is_absent_and_the_later_of_two_stands() -> None:
    column = np.full(180, math.nan)
    column[0], column[179] = 5.0, 6.0
    [hours] = rolled_up(slotted(column), width_ms=HOUR_MS)
    assert np.diff(hours.at).tolist() == [3]
    column[0] = 7.0
    [again] = rolled_up(slotted(column[:20]), width_ms=HOUR_MS)
    both = Rollups.joined(HOUR_MS, [hours, again])
    assert both.first.tolist() == [7.0, 6.0]
    assert Rollups.joined(HOUR_MS, [again, hours]).first.tolist() == [5.0, 6.0]


def test_of_nothing_nothing_is_known() -> None:
    [hours] = rolled_up(slotted(np.empty(0)), width_ms=HOUR_MS)
    assert len(coarsened(hours, width_ms=DAY_MS)) == 0
    assert math.isnan(summary(hours, expected=60).sigma_abs)
    assert summary(hours, expected=60).coverage == 0.0


def test_a_series_is_rolled_up_to_the_same_bytes_whoever_stands_beside_it() -> None:
    dice = np.random.default_rng(1)
    values = dice.uniform(1.0, 2.0, (150, 7))
    marks = np.zeros(values.shape, np.uint8)
    both = [
        rolled_up(
            Slotted(from_slot=FIRST, interval_ms=MINUTE_MS, values=order(values[:, :k]),
                    marks=order(marks[:, :k]), levels=True),
            width_ms=HOUR_MS,
        )[0]
        for k in (1, 2, 7)
        for order in (np.ascontiguousarray, np.asfortranarray)
    ]  # fmt: skip
    assert len({(one.m2.tobytes(), one.return_m2.tobytes()) for one in both}) == 1


@pytest.mark.parametrize("wide", [1, 2, 5, 60])
def test_runs_that_are_rolled_up_together_are_those_that_are_rolled_up_alone(wide: int) -> None:
    """To the last bit: what is sealed does not depend on what was sealed with it."""
    rng = np.random.default_rng(wide)
    values = 100.0 + np.cumsum(rng.normal(size=(700, 3)), axis=0)
    values[rng.random(values.shape) < 0.2] = np.nan
    marks = np.where(np.isnan(values), np.uint8(Reason.OUTAGE), np.uint8(Flag.FILLED))
    whole = Slotted(from_slot=FIRST, interval_ms=MINUTE_MS, values=values, marks=marks, levels=True)
    together = rolled_up(whole, width_ms=wide * MINUTE_MS)
    edges = [FIRST, *(at for at in range(FIRST + 1, FIRST + 700) if at % wide == 0), FIRST + 700]
    for series in range(3):
        alone = Rollups.joined(wide * MINUTE_MS, [
            rolled_up(
                Slotted(from_slot=first, interval_ms=MINUTE_MS, levels=True,
                        values=values[first - FIRST : stop - FIRST, series : series + 1],
                        marks=marks[first - FIRST : stop - FIRST, series : series + 1]),
                width_ms=wide * MINUTE_MS,
            )[0]
            for first, stop in pairwise(edges)
        ])  # fmt: skip
        for name in COLUMNS:
            assert getattr(together[series], name).tobytes() == getattr(alone, name).tobytes()
