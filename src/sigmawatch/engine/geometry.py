"""The shape of an engine block for one interval: how many slots a span, a ring, a day have.

A span is the run of slots whose moments are kept together. Short spans make the tables of the
window's edges small, long ones make their number small; the cost of both is least near
sqrt(reach / 2). A span divides the hour, so that the usual windows begin where spans do. All of it
is a function of the interval alone, so every process folds in the same order.

Where a minute has 10 slots or more, a day of single slots would take more memory than a day of
whole minutes beside 2 h of slots (engine.minutes): at 1 s 0.8 MB a series against 0.2. With fewer
slots, and where intervals do not divide a minute (32 s, 45 s, 48 s), the day of slots is smaller.
Imports domain.alert_policy, window.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sigmawatch.domain.alert_policy import MAX_LATENESS_MS
from sigmawatch.domain.window import DAY_MS, HOUR_MS, MINUTE_MS, Interval

Column = npt.NDArray[np.float64]
Marks = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
Slots = npt.NDArray[np.int64]
Rows = npt.NDArray[np.intp]

_HOUR_SLOTS_MIN = 8  # below, an hour is too short to be cut: a span divides the day only


@dataclass(frozen=True, slots=True, kw_only=True)
class Geometry:
    """Counts of slots. day: the longest window. reach: the longest of single slots. minute: in one
    of those that are kept beside them, 0 where none are. span; ring: what is held, whole spans."""

    day: int
    reach: int
    minute: int
    span: int
    ring: int

    def first(self, last: int, slots: int) -> int:
        """The first slot of a window of `slots` slots that ends with `last`: where single slots do
        not reach so far, the first that begins a whole minute (SEMANTICS.md 2)."""
        first = last - slots + 1
        return first if slots <= self.reach else -(-first // self.minute) * self.minute

    @property
    def short(self) -> int:
        """The span for windows of less than two of the others."""
        return _divisor(self.span, near=math.sqrt(self.span))


def geometry(interval: Interval) -> Geometry:
    """The block shape of `interval`.

    The ring holds the reach, the newest span, one more to look before the window, and some to spare
    for slots that arrive while an older one closes, or while nothing can be stored: what is judged
    later than that is told of only where it still holds.
    """
    day, reach = interval.slots_per_day, interval.slots_held_ms // interval.ms
    minute = MINUTE_MS // interval.ms if interval.slots_held_ms < DAY_MS else 0
    hour, rest = divmod(HOUR_MS, interval.ms)
    cut = hour if not rest and hour >= _HOUR_SLOTS_MIN else day
    best = math.sqrt(reach / 2)
    span = _divisor(cut, near=best)
    spare = max(MAX_LATENESS_MS // interval.ms, 12)
    ring = (-(-reach // span) + -(-spare // span) + 2) * span
    return Geometry(day=day, reach=reach, minute=minute, span=span, ring=ring)


def _divisor(number: int, *, near: float) -> int:
    return min((d for d in range(1, number + 1) if number % d == 0), key=lambda d: abs(d - near))
