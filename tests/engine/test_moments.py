"""Folding slots one by one: into new arrays or into one's own, whatever is missing, to the byte."""

from __future__ import annotations

import numpy as np
import pytest

from sigmawatch.engine.moments import Moments

WIDTH, SLOTS = 200, 40
FIELDS = ("n", "shift", "mean", "m2", "low", "high", "marks")


def slowly(rows: np.ndarray) -> tuple[float, ...]:
    """n, mean - shift and m2 of one channel of one column, by Welford's update."""
    n, shift, mean, m2 = 0, 0.0, 0.0, 0.0
    for row in rows[~np.isnan(rows)].tolist():
        shift = shift if n else row
        n, off = n + 1, row - shift - mean
        step = off / n
        mean, m2 = mean + step, (off - step) * off + m2
    return float(n), shift, mean, m2


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 1.0])
def test_folding_is_its_slow_definition_to_the_byte(share: float) -> None:
    dice = np.random.default_rng(7)
    rows = 100.0 + dice.normal(size=(SLOTS, 2, WIDTH)).cumsum(axis=0)
    rows[dice.random(rows.shape) < share] = np.nan
    rows[:, :, 3] = np.nan  # never there
    rows[: SLOTS // 2, :, 4] = np.nan  # there later
    rows[:, :, 5] = 7.0
    rows[::2, :, 6], rows[1::2, :, 6] = 0.0, -0.0
    marks = dice.integers(0, 256, (SLOTS, WIDTH)).astype(np.uint8)
    anew, own = Moments.empty(2, WIDTH), Moments.empty(2, WIDTH)
    for row, said in zip(rows, marks, strict=True):
        before = {name: getattr(anew, name).tobytes() for name in FIELDS}
        more = anew.after(row, said)
        assert before == {name: getattr(anew, name).tobytes() for name in FIELDS}
        anew = more
        own.fold(row, said)
    for name in FIELDS:
        assert getattr(anew, name).tobytes() == getattr(own, name).tobytes(), name
    slow = np.array([[slowly(rows[:, channel, at]) for at in range(WIDTH)] for channel in (0, 1)])
    for kind, name in enumerate(FIELDS[:4]):
        assert getattr(own, name).tolist() == slow[:, :, kind].tolist(), name
    assert own.marks.tolist() == np.bitwise_or.reduce(marks).tolist()
    assert np.array_equal(own.low, np.fmin.reduce(rows[:, 0]), equal_nan=True)
    assert np.array_equal(own.high, np.fmax.reduce(rows[:, 0]), equal_nan=True)
