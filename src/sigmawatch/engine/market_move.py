"""The market's move: the median change of a metric's series, against which each is held.

"move minus market median": everybody's change over a window, in percent, as far as it is ranked by
(SEMANTICS.md 3); the series itself is one of them. Of fewer than 5 there is no market. A median of
100,000 takes 1 ms, one for each of their groups 12 ms. Imports engine.geometry.
"""

from __future__ import annotations

import numpy as np

from sigmawatch.engine.geometry import Column, Rows

MOVES_MIN = 5


def market_move(moves: Column) -> float:
    """The median of float64[n], finite; NaN of fewer than MOVES_MIN."""
    return float(np.median(moves)) if len(moves) >= MOVES_MIN else np.nan


def market_moves(moves: Column, groups: Rows, *, groups_count: int) -> Column:
    """float64[groups_count]: the median of each group's moves, NaN where it has fewer than
    MOVES_MIN.

    moves: float64[n], finite. groups: intp[n], below groups_count.
    """
    ordered = moves[np.lexsort((moves, groups))]
    counts = np.bincount(groups, minlength=groups_count)
    first = np.cumsum(counts) - counts
    enough = counts >= MOVES_MIN
    low, high = first + np.maximum(counts - 1, 0) // 2, first + counts // 2
    medians = np.full(groups_count, np.nan)
    medians[enough] = (ordered[low[enough]] + ordered[high[enough]]) / 2.0
    return medians
