"""Standing still: in which slots one of several venues of a market said the same again and again
while others of them moved.

A venue may answer every call from a cache that nobody fills (SEMANTICS.md 4, `frozen`). Of one
market told by several venues, the others are the witnesses: they trade the same thing. Imports
engine.freshness for how long is too long, so both call the same silence too long.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sigmawatch.engine.freshness import FROZEN_GAPS, FROZEN_SLOTS, GAPS, MOVED_SLOTS
from sigmawatch.engine.geometry import Mask, Slots

SEEN_SLOTS = FROZEN_SLOTS + 1  # how far back a silence must reach to be one


def may_stand_still(moved: Mask, *, slots: int) -> Mask:
    """In which of the last `slots` slots a venue had not moved for FROZEN_SLOTS; bool[slots].

    moved: bool[n], oldest first, n >= slots + FROZEN_SLOTS; whether its row changed there.
    """
    assert len(moved) >= slots + FROZEN_SLOTS
    counts = np.concatenate(([0], np.cumsum(moved)))
    stops = np.arange(len(moved) - slots, len(moved)) + 1
    found: Mask = counts[stops] == counts[stops - FROZEN_SLOTS]
    return found


def witnessed(others: Sequence[tuple[Mask, Mask]], *, slots: int) -> Mask:
    """In which of the last `slots` slots at least half of the other venues that were read had moved
    within MOVED_SLOTS; bool[slots]. others: of each, where it was read and where it moved."""
    read_count, moved_count = np.zeros(slots, np.int64), np.zeros(slots, np.int64)
    for read, moved in others:
        recently = np.convolve(moved, np.ones(MOVED_SLOTS, np.int64))[: len(moved)] > 0
        read_count += read[-slots:]
        moved_count += read[-slots:] & recently[-slots:]
    found: Mask = (read_count > 0) & (2 * moved_count >= read_count)
    return found


def stands_still(moved: Mask, *, slots: int) -> Mask:
    """In which of the last `slots` slots a venue had been silent for too long by its own pace, as
    engine.freshness says of a whole venue's markets; bool[slots].

    moved: bool[day], oldest first. The pace is the median gap of the last GAPS changes in the
    quarter day before the silence.
    """
    day, at = len(moved), np.flatnonzero(moved)
    every = np.arange(day - slots, day)
    before = np.searchsorted(at, every, side="right")  # changes up to each slot
    found = np.zeros(slots, np.bool_)
    for count in np.unique(before).tolist():
        last = int(at[count - 1]) if count else -1
        limit = _limit(at[max(count - GAPS - 1, 0) : count], day=day)
        found |= (before == count) & (every - last >= limit)
    return found


def _limit(times: Slots, *, day: int) -> float:
    """How many slots without a change are too many. times: of the last changes."""
    near = times[times >= times[-1] - day // 4] if len(times) else times
    gap = float(np.median(np.diff(near))) if len(near) > 1 else 0.0
    return min(max(FROZEN_GAPS * gap, FROZEN_SLOTS), day * 3 // 4)
