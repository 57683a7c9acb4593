"""Largest triangle three buckets: the rows of the paper's own algorithm."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigmawatch.engine.downsample import largest_triangles
from sigmawatch.engine.geometry import Column


def plain(x: list[float], y: list[float], count: int) -> list[int]:
    """Steinarsson 2013, page 23 ff. and its JavaScript, word for word."""
    if count >= len(x):
        return list(range(len(x)))
    kept, every, a = [0], (len(x) - 2) / (count - 2), 0
    for i in range(count - 2):
        start = math.floor((i + 1) * every) + 1
        end = min(math.floor((i + 2) * every) + 1, len(x))
        mean_x = sum(x[start:end]) / (end - start)
        mean_y = sum(y[start:end]) / (end - start)
        best, chosen = -1.0, 0
        for row in range(math.floor(i * every) + 1, math.floor((i + 1) * every) + 1):
            area = abs((x[a] - mean_x) * (y[row] - y[a]) - (x[a] - x[row]) * (mean_y - y[a])) / 2
            if area > best:
                best, chosen = area, row
        kept.append(chosen)
        a = chosen
    return [*kept, len(x) - 1]


def minutes(count: int) -> Column:
    return np.arange(count, dtype=np.float64)


@given(st.lists(st.integers(-1_000, 1_000), min_size=1, max_size=400), st.integers(3, 60))
def test_it_keeps_what_the_plain_algorithm_keeps(values: list[int], count: int) -> None:
    """Whole numbers: areas of one size are equal in both."""
    y = np.array(values, np.float64)
    kept = largest_triangles(minutes(len(y)), y, count=count)
    expected = plain(minutes(len(y)).tolist(), y.tolist(), count)
    assert len(kept) == min(count, len(y))
    assert kept.tolist() == expected or _as_large(y, kept.tolist(), expected)


def _as_large(y: Column, kept: list[int], expected: list[int]) -> bool:
    """Where two triangles of a bucket differ by less than rounding, either may be kept."""
    first = next(i for i, pair in enumerate(zip(kept, expected, strict=True)) if pair[0] != pair[1])
    every = (len(y) - 2) / (len(kept) - 2)
    start = math.floor(first * every) + 1
    end = min(math.floor((first + 1) * every) + 1, len(y))
    a, mean_x, mean_y = kept[first - 1], sum(range(start, end)) / (end - start), y[start:end].mean()
    areas = [
        abs((a - mean_x) * (y[row] - y[a]) - (a - row) * (mean_y - y[a]))
        for row in (kept[first], expected[first])
    ]
    return math.isclose(areas[0], areas[1], rel_tol=1e-9, abs_tol=1e-6)


def test_a_walk_of_a_week_keeps_the_rows_of_the_plain_algorithm() -> None:
    rng = np.random.default_rng(7)
    y = 60_000.0 + np.cumsum(rng.normal(0.0, 20.0, 10_080))
    x = 1_795_248_000_000.0 + 60_000.0 * minutes(10_080)
    kept = largest_triangles(x, y, count=300)
    assert kept.tolist() == plain(((x - x[0]) / np.ptp(x)).tolist(), y.tolist(), 300)


def test_a_spike_of_one_minute_is_kept() -> None:
    y = np.full(10_000, 100.0)
    y[7_777] = 130.0
    kept = largest_triangles(minutes(10_000), y, count=50)
    assert 7_777 in kept.tolist()
    assert (kept[0], kept[-1]) == (0, 9_999)
    assert (np.diff(kept) > 0).all()


@pytest.mark.parametrize("n", [0, 1, 2, 3, 4])
def test_few_points_are_all_kept(n: int) -> None:
    kept = largest_triangles(minutes(n), np.ones(n), count=4)
    assert kept.tolist() == list(range(n))
