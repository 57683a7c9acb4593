"""Ranks as far as rules may rely on them, of one board and the slots before it.

The board's own rankings tell of its slot, its `past` of those before: standing rankings, for an
hour. Where a ranking cannot be relied on (engine.membership) nobody's rank is known. Imports
domain.rank_column, engine.membership, snapshot.
"""

from __future__ import annotations

import numpy as np

from sigmawatch.domain.expression import RankKey
from sigmawatch.domain.rank_column import Standing
from sigmawatch.domain.window import DAY_MS
from sigmawatch.engine.geometry import Column
from sigmawatch.engine.membership import MEMBERSHIP_SLOTS, reliable
from sigmawatch.engine.ranking import Ranks
from sigmawatch.engine.snapshot import Board


class RuleRanks:
    """Shared by all that judge the board; each ranking is looked at once."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._columns: dict[tuple[Standing, int], Column] = {}

    def column(self, metric: str, by: RankKey, *, window_ms: int | None, lag: int) -> Column:
        """float64[rows of the board]: the rank `lag` slots ago, NaN where none is to be relied on.

        Raises Invalid where the board does not hold the window.
        """
        interval = self._board.interval
        standing = Standing(
            metric=metric, by=by.value, window_ms=window_ms or DAY_MS, interval=interval
        )
        if (standing, lag) not in self._columns:
            self._columns[standing, lag] = self._relied_on(standing, lag)
        return self._columns[standing, lag]

    def _relied_on(self, standing: Standing, lag: int) -> Column:
        layout = self._board.layout
        column = np.full(len(layout.series), np.nan)
        peers = layout.metrics.get(standing.metric)
        ranks = self._ranks(standing, lag)
        if peers is None or ranks is None:
            return column
        rows = np.flatnonzero(peers)
        before = (
            then[rows] > 0
            for back in range(1, MEMBERSHIP_SLOTS + 1)
            if (then := self._ranks(standing, lag + back)) is not None
        )
        known = ranks[rows] > 0
        if reliable(known, len(rows), before=before):
            column[rows[known]] = ranks[rows[known]]
        return column

    def _ranks(self, standing: Standing, lag: int) -> Ranks | None:
        """int32[rows of the board], 0 for none; None where they are not known."""
        if lag == 0:
            board = self._board
            return board.ranking(standing.metric, standing.by, window_ms=standing.window_ms).rank
        past = self._board.past.at(standing, self._board.slot - lag)
        return None if past is None else past.ranks()
