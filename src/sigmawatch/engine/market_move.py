"""The market's move: the median change of a metric's series, against which each is held.

"move minus market median": everybody's change over a window, in percent, as far as it is ranked by
(SEMANTICS.md 3); the series itself is one of them. Of fewer than 5 there is no market. A median of
100,000 takes 1 ms, one for each quote currency among them. Imports engine.geometry.
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
    few = groups_count <= np.iinfo(np.uint16).max  # which sort in a tenth of the time
    order = np.argsort(groups.astype(np.uint16) if few else groups, kind="stable")
    stops = np.cumsum(np.bincount(groups, minlength=groups_count))
    return np.array([market_move(own) for own in np.split(moves[order], stops[:-1])])
