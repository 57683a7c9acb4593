"""The arithmetic against the exact oracle (SEMANTICS.md 2, 3)."""

from __future__ import annotations

import numpy as np
import pytest
from tests.engine import oracle
from tests.engine.world import MINUTE, NAN, START, a_frame, a_table

from sigmawatch.domain.window import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, Interval
from sigmawatch.engine.snapshot import Statistics

NAMES = ("mean", "sigma_abs", "sigma_rel", "sigma_ret", "minimum", "maximum", "change_pct")


def worst(statistics: Statistics, row: int, *, exact: oracle.Exact) -> float:
    """The largest relative error of one row's numbers, n and coverage included."""
    assert statistics.n[row] == exact.n
    assert statistics.coverage[row] == pytest.approx(exact.n / statistics.expected, abs=1e-15)
    return max(
        oracle.off_by(float(getattr(statistics, name)[row]), getattr(exact, name)) for name in NAMES
    )


@pytest.mark.parametrize(
    ("interval", "windows_ms"),
    [
        (MINUTE, (DAY_MS, HOUR_MS, 10 * MINUTE_MS, 31 * MINUTE_MS, 5 * HOUR_MS)),
        (Interval(5 * SECOND_MS), (2 * HOUR_MS, HOUR_MS, MINUTE_MS, 455 * SECOND_MS)),
        (Interval(5 * MINUTE_MS), (DAY_MS, HOUR_MS, 35 * MINUTE_MS)),
        (Interval(60 * MINUTE_MS), (DAY_MS, HOUR_MS, 7 * HOUR_MS)),
    ],
)
def test_statistics_are_exact_over_any_window_and_interval(
    interval: Interval, windows_ms: tuple[int, ...]
) -> None:
    rng = np.random.default_rng(7)
    table = a_table(3, interval=interval, windows_ms=windows_ms[:2], block_id=4)
    known: list[dict[int, float]] = [{}, {}, {}]
    stop = START + 2 * interval.slots(windows_ms[0]) + 40
    check = set(rng.integers(START, stop, 12).tolist()) | {stop - 1}
    for slot in range(START, stop):
        row = 100.0 * np.exp(rng.normal(0, 0.01, 3))
        row[rng.random(3) < 0.2] = NAN
        table.apply(a_frame(slot, row, interval=interval, block_id=4))
        for series, value in zip(known, row.tolist(), strict=True):
            if not np.isnan(value):
                series[slot] = value
        if slot in check:
            board = table.close(slot)
            for window_ms in windows_ms:
                statistics = table.statistics(window_ms, slot)
                slots = interval.slots(window_ms)
                if window_ms in board.statistics:
                    assert_same(statistics, board.statistics[window_ms])
                for index, series in enumerate(known):
                    exact = oracle.window(series, last=slot, slots=slots)
                    assert worst(statistics, index, exact=exact) < 1e-12


def assert_same(one: Statistics, other: Statistics) -> None:
    """Byte for byte."""
    for name in ("n", "coarse", "sign_change", "coverage", *NAMES):
        assert getattr(one, name).tobytes() == getattr(other, name).tobytes(), name
