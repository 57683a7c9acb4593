"""The statistics of a window as rules use them: unknown unless enough of its values are known.

"A baseline needs >= 80 % coverage and >= min(10, 0.8 x expected) values, never below 4": so four
in five of its values, and four at least (SEMANTICS.md 6). Imports engine.moments,
domain.expression.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from sigmawatch.domain.expression import Statistic
from sigmawatch.domain.expression_check import VALUES_MIN
from sigmawatch.engine.geometry import Column, Mask
from sigmawatch.engine.moments import Moments, channels_of

Number64 = Column | np.float64


def folded(columns: Iterable[Column], *, rows: int, channels: int = 2) -> Moments:
    """The moments of values as they come, oldest first, and in channel 1 of the returns between."""
    moments, before = Moments.empty(channels, rows), None
    marks = np.zeros(rows, np.uint8)
    for column in columns:
        moments.fold(channels_of(column, before, channels=channels), marks)
        before = column
    return moments


def values_needed(count: int) -> int:
    """How many of a window's `count` values must be known."""
    return max(VALUES_MIN, -(-4 * count // 5))


def statistic_of(statistic: Statistic, moments: Moments, *, count: int) -> Column:
    """One statistic of `count` values, NaN where too few of them are known (SEMANTICS.md 6)."""
    n, mean = moments.n[0], moments.shift[0] + moments.mean[0]
    enough: Mask = n >= values_needed(count)
    match statistic:
        case Statistic.MEAN:
            told = mean
        case Statistic.MIN:
            told = moments.low
        case Statistic.MAX:
            told = moments.high
        case Statistic.SIGMA_ABS:
            told = np.sqrt(moments.m2[0] / n)
        case Statistic.SIGMA_REL:
            one_sign = (moments.low >= 0.0) | (moments.high <= 0.0)
            enough &= one_sign
            told = np.sqrt(moments.m2[0] / n) / np.abs(mean)
        case Statistic.SIGMA_RET:
            if len(moments.n) == 1:  # a flow: it has no returns
                return np.full(len(n), np.nan)
            told = np.sqrt(moments.m2[1] / moments.n[1]) * math.sqrt(count)
        case _:
            raise AssertionError(statistic)
    return _known(told, enough)


def median(values: Column) -> Column:
    """float64[count, rows] to the middle of those known, or the mean of the two in the middle."""
    values.sort(axis=0)  # NaN comes last
    count = len(values)
    n = np.count_nonzero(np.isfinite(values), axis=0)
    enough = n >= values_needed(count)
    every = np.arange(values.shape[1])
    lower, upper = values[np.maximum(n - 1, 0) // 2, every], values[n // 2, every]
    return _known((lower + upper) / 2.0, enough)


def _known(column: Column, where: Mask) -> Column:
    told = np.asarray(finite(column))
    return told if where.all() else np.where(where, told, np.nan)


def finite(number: Number64) -> Number64:
    """What overflowed, or was divided by zero, is unknown. A number less itself is nothing, what is
    not finite less itself no number: to add that costs a fraction of choosing."""
    return number + (number - number)
