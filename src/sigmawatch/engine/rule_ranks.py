"""Ranks as far as rules may rely on them, of one board and the slots before it; and how its market
moved.

The board's own rankings tell of its slot, its `past` of those before: standing rankings, for an
hour. Where a ranking cannot be relied on (engine.membership) nobody's rank is known. Imports
domain.rank_column, engine.membership, snapshot.
"""

from __future__ import annotations

import numpy as np

from sigmawatch.domain.expression import Among, RankKey
from sigmawatch.domain.rank_column import Standing
from sigmawatch.domain.window import DAY_MS
from sigmawatch.engine.geometry import Column, Rows
from sigmawatch.engine.membership import MEMBERSHIP_SLOTS, reliable
from sigmawatch.engine.ranking import Ranks
from sigmawatch.engine.snapshot import Board


class RuleRanks:
    """Shared by all that judge the board; each ranking is looked at once."""

    def __init__(self, board: Board) -> None:
        self._board = board.closed
        self._columns: dict[tuple[Standing, int], Column] = {}
        self._moves: dict[tuple[str, int, Among | None], Column] = {}

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

    def market_move(self, metric: str, *, window_ms: int, among: Among | None) -> Column:
        """float64[rows of the board]: the median change of all of `metric`, or of those `among` a
        row's own; NaN of too few. Raises Invalid as above."""
        key = (metric, window_ms, among)
        if key not in self._moves:
            self._moves[key] = self._moved(metric, window_ms, among=among)
        return self._moves[key]

    def _moved(self, metric: str, window_ms: int, *, among: Among | None) -> Column:
        board = self._board
        if among is None:
            move = board.market_move(metric, window_ms=window_ms)
            return np.full(len(board.series), move)
        labels = board.layout.labels
        label = labels.quote if among is Among.QUOTE else labels.venue
        return board.market_moves(metric, window_ms=window_ms, groups=label.codes)

    def _relied_on(self, standing: Standing, lag: int) -> Column:
        layout = self._board.layout
        column = np.full(len(layout.series), np.nan)
        peers = layout.metrics.get(standing.metric)
        if peers is None:
            return column
        rows = np.flatnonzero(peers)
        now, *before = (
            self._ranks(standing, lag + back, rows=rows) for back in range(MEMBERSHIP_SLOTS + 1)
        )
        if now is None:
            return column
        ranked = now > 0
        if reliable(ranked, len(rows), before=(then > 0 for then in before if then is not None)):
            column[rows] = np.where(ranked, now, np.nan)
        return column

    def _ranks(self, standing: Standing, lag: int, *, rows: Rows) -> Ranks | None:
        """int32[rows], 0 for none; None where they are not known."""
        if lag == 0:
            board = self._board
            ranking = board.ranking(standing.metric, standing.by, window_ms=standing.window_ms)
            return ranking.rank[rows]
        past = self._board.past.at(standing, self._board.slot - lag)
        return None if past is None else past.ranks(rows)
