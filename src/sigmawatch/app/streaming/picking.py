"""Which rows a table shows: one metric's series, of a watchlist or all, by id, a page of them."""

from __future__ import annotations

import numpy as np

from sigmawatch.app.streaming.table import ROWS_MAX, Asked
from sigmawatch.app.watchlists import Watchlists
from sigmawatch.engine.geometry import Mask, Rows
from sigmawatch.engine.snapshot import Board, Layout


class Picker:
    """For one table. Raises NotFound for a watchlist that is none."""

    def __init__(self, asked: Asked, watchlists: Watchlists) -> None:
        self._asked, self._watchlists = asked, watchlists
        self._layout: Layout | None = None
        self._listed: Mask | None = None
        self._rows: Rows = np.zeros(0, np.intp)
        if asked.watchlist is not None:
            watchlists.find(asked.watchlist)

    def __call__(self, board: Board) -> tuple[Rows, int]:
        """A page's rows, and how many there are on all pages; found anew where the series or the
        list are others than the last time. Raises NotFound."""
        name = self._asked.watchlist
        listed = None if name is None else self._watchlists.on(board, name)
        if board.layout is not self._layout or listed is not self._listed:
            self._layout, self._listed = board.layout, listed
            self._rows = _found(board.layout, self._asked.standing.metric, listed=listed)
        start = (self._asked.page - 1) * ROWS_MAX
        return self._rows[start : start + ROWS_MAX], len(self._rows)


def _found(layout: Layout, metric: str, *, listed: Mask | None) -> Rows:
    mask = layout.metrics.get(metric, np.zeros(len(layout.ids), np.bool_))
    rows = np.flatnonzero(mask if listed is None else mask & listed)
    return rows[np.argsort(layout.ids[rows])]
