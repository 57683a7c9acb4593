"""The shape of an engine block for one interval: how many slots a span, a ring, a day have.

A span is the run of slots whose moments are kept together. Short spans make the tables of the
window's edges small, long ones make their number small; the cost of both is least near
sqrt(day / 2). A span divides the hour, so that the usual windows begin where spans do. All of it is
a function of the interval alone, so every process folds in the same order. Imports domain.window.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sigmawatch.domain.window import HOUR_MS, Interval

Column = npt.NDArray[np.float64]
Marks = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
Slots = npt.NDArray[np.int64]
Rows = npt.NDArray[np.intp]

_HOUR_SLOTS_MIN = 8  # below, an hour is too short to be cut: a span divides the day only


@dataclass(frozen=True, slots=True, kw_only=True)
class Geometry:
    """Counts of slots: `day` the longest window, `span`, `ring` what is held (whole spans)."""

    day: int
    span: int
    ring: int

    @property
    def short(self) -> int:
        """The span for windows of less than two of the others."""
        return _divisor(self.span, near=math.sqrt(self.span))


def geometry(interval: Interval) -> Geometry:
    """The block shape of `interval`.

    The ring holds a day, the newest span, one more to look before the window, and some to spare
    for slots that arrive while an older one closes.
    """
    day = interval.slots_per_day
    hour, rest = divmod(HOUR_MS, interval.ms)
    cut = hour if not rest and hour >= _HOUR_SLOTS_MIN else day
    best = math.sqrt(day / 2)
    span = _divisor(cut, near=best)
    return Geometry(day=day, span=span, ring=(-(-day // span) + -(-12 // span) + 2) * span)


def _divisor(number: int, *, near: float) -> int:
    return min((d for d in range(1, number + 1) if number % d == 0), key=lambda d: abs(d - near))
