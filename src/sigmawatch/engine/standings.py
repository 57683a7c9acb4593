"""The rankings of one board: who is eligible by a key, what was ranked already (SEMANTICS.md 3).

What follows from the state of the series is judged once for all keys, what follows from a window
once for its three deviations. A ranking is made when somebody first asks for it and kept; it is a
pure function of the board, so it makes no difference when. Imports engine.ranking, freshness,
market_move.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import numpy.typing as npt

from sigmawatch.domain.errors import Invalid
from sigmawatch.domain.frame import Reason
from sigmawatch.domain.metric import METRICS, Unit
from sigmawatch.engine.freshness import State
from sigmawatch.engine.geometry import Column, Mask, Rows
from sigmawatch.engine.market_move import market_move, market_moves
from sigmawatch.engine.marks import counted, is_reason, reasons_of
from sigmawatch.engine.ranking import Codes, Ranking, Why, rank

if TYPE_CHECKING:
    from sigmawatch.engine.snapshot import Board, Layout, Statistics

DEVIATIONS = ("sigma_rel", "sigma_abs", "sigma_ret")
CHANGES = ("change_pct", "excess_change")
KEYS = (*DEVIATIONS, *CHANGES, "surge", "value")
COVERAGE_MIN = 0.8
RANKINGS_MAX = 256
ROWS_MAX = 8_000_000  # of all kept rankings of a board together, 17 bytes each

T = TypeVar("T", bound=np.generic)

_OF_STATE = np.array(
    [getattr(Why, state.name, Why.RANKED) for state in State], np.uint8
)  # DELISTED, STALE, FROZEN, PAUSED


def values_min(expected: int) -> float:
    """How many values a deviation needs before it is ranked."""
    return max(min(30.0, 0.8 * expected), 10.0)


class Standings:
    """What was ranked on a board so far."""

    def __init__(self) -> None:
        self._peers: dict[str, Peers] = {}  # of everything tracked, by metric
        self._made: dict[tuple[object, ...], Ranking] = {}
        self._moves: dict[tuple[object, ...], float] = {}

    def copy(self) -> Standings:
        """For a board that differs by more windows only."""
        other = Standings()
        other._made, other._moves = dict(self._made), dict(self._moves)
        return other

    def ranking(
        self, board: Board, metric: str, *, by: str, window_ms: int,
        peers: Mask | Sequence[int] | None,
    ) -> Ranking:  # fmt: skip
        """See Board.ranking. Made once for each key, window and set of peers."""
        chosen, narrow = _chosen(board, peers)
        windowless = by not in DEVIATIONS and by not in CHANGES
        name = (metric, by, 0 if windowless else window_ms, narrow)
        found = self._made.get(name)
        if found is None:
            found = self._of(board, metric, chosen=chosen).ranking(board, by, window_ms=window_ms)
            rankings_max = min(RANKINGS_MAX, ROWS_MAX // (len(board.series) + 1))
            if len(self._made) < rankings_max:
                self._made[name] = found
        return found

    def move(
        self, board: Board, metric: str, *, window_ms: int, peers: Mask | Sequence[int] | None
    ) -> float:
        """See Board.market_move. Made once for each window and set of peers."""
        chosen, narrow = _chosen(board, peers)
        name = (metric, window_ms, narrow)
        found = self._moves.get(name)
        if found is None:
            found = self._of(board, metric, chosen=chosen).move(board, window_ms)
            if len(self._moves) < RANKINGS_MAX:
                self._moves[name] = found
        return found

    def moves(self, board: Board, metric: str, *, window_ms: int, groups: Rows) -> Column:
        """See Board.market_moves."""
        rows = self._of(board, metric, chosen=None).moving(board, window_ms)
        moves = _statistics(board, window_ms).change_pct[rows]
        count = int(groups.max(initial=-1)) + 1
        return market_moves(moves, groups[rows], groups_count=count)[groups]

    def _of(self, board: Board, metric: str, *, chosen: Mask | None) -> Peers:
        if chosen is not None:
            return Peers(board, metric, chosen=chosen)
        if metric not in self._peers:
            self._peers[metric] = Peers(board, metric)
        return self._peers[metric]


def _chosen(board: Board, peers: Mask | Sequence[int] | None) -> tuple[Mask | None, bytes | None]:
    """bool[rows] of some peers, and what to know them by."""
    if peers is None:
        return None, None
    chosen = _mask(peers, rows=len(board.series))
    return chosen, np.packbits(chosen).tobytes()


def _mask(peers: Mask | Sequence[int], *, rows: int) -> Mask:
    if isinstance(peers, np.ndarray) and peers.dtype == np.bool_:
        return peers
    chosen = np.zeros(rows, np.bool_)
    chosen[np.asarray(peers, np.intp)] = True
    return chosen


class Peers:
    """One metric's series that are ranked against each other; what their rankings share.

    The board is told each time and not kept: it keeps its standings, and a cycle of 25 MB a slot
    would wait for the garbage collector.
    """

    def __init__(self, board: Board, metric: str, *, chosen: Mask | None = None) -> None:
        count = len(board.series)
        mask = board.layout.metrics.get(metric, np.zeros(count, np.bool_))
        self._rows = np.flatnonzero(mask if chosen is None else mask & chosen)
        self._all = len(self._rows) == count
        self._metric = metric
        suspect = is_reason(reasons_of(self._of(board.mark)), Reason.SUSPECT)
        self._why = _marked(_OF_STATE[self._of(board.state)], Why.SUSPECT, where=suspect)
        self._judged: dict[int, tuple[Codes, Mask]] = {}

    def _of(self, column: npt.NDArray[T]) -> npt.NDArray[T]:
        """What a column of the board says of the peers."""
        return column if self._all else column[self._rows]

    def ranking(self, board: Board, by: str, *, window_ms: int) -> Ranking:
        """Raises Invalid for an unknown key, or a window that the board does not hold."""
        if by in DEVIATIONS:
            key, why = self._deviation(by, _statistics(board, window_ms))
        elif by in CHANGES:
            key, torn = _statistics(board, window_ms).change_pct, self._torn(board, window_ms)
            if by == "excess_change":
                key = key - self.move(board, window_ms)
            why = self._known(key, _marked(self._why, Why.SEAM, where=torn))
        else:
            key = self._latest(board, by)
            why = self._known(key, self._why)
        names = board.layout.name_order
        ranking = rank(by, key, rows=self._rows, why=why, name_order=names)
        mixed = self._mixed(ranking, board.layout)
        return replace(ranking, mixed_units=True) if mixed else ranking

    def moving(self, board: Board, window_ms: int) -> Rows:
        """The rows that are ranked by their change. Raises Invalid as above."""
        why = self._known(_statistics(board, window_ms).change_pct, self._why)
        moving: Rows = self._rows[why == Why.RANKED]
        return moving

    def move(self, board: Board, window_ms: int) -> float:
        """The median change of those, in percent; NaN of too few."""
        rows = self.moving(board, window_ms)
        return market_move(_statistics(board, window_ms).change_pct[rows])

    def _known(self, key: Column, why: Codes) -> Codes:
        return _marked(why, Why.UNKNOWN, where=~np.isfinite(self._of(key)))

    def _deviation(self, by: str, statistics: Statistics) -> tuple[Column, Codes]:
        key: Column = getattr(statistics, by)
        why, thin = self._counted(statistics)
        if by == "sigma_rel":
            why = _marked(why, Why.SIGN_CHANGE, where=self._of(statistics.sign_change))
        if by != "sigma_ret":  # no return crosses a seam
            why = _marked(why, Why.SEAM, where=self._of(statistics.seam))
        return key, _marked(self._known(key, why), Why.PROVISIONAL, where=thin)

    def _torn(self, board: Board, window_ms: int) -> Mask:
        """Where a change over the window would cross a seam."""
        if board.seam is None:
            return np.zeros(len(self._rows), np.bool_)
        torn: Mask = self._of(board.seam) >= board.interval.slot(
            _statistics(board, window_ms).from_ms
        )
        return torn

    def _counted(self, statistics: Statistics) -> tuple[Codes, Mask]:
        """Who has too few values, and where they cover too little of the window."""
        if statistics.window_ms not in self._judged:
            n, expected = self._of(statistics.n), statistics.expected
            why = _marked(self._why, Why.TOO_FEW, where=n < values_min(expected))
            self._judged[statistics.window_ms] = why, n < COVERAGE_MIN * expected
        return self._judged[statistics.window_ms]

    def _latest(self, board: Board, by: str) -> Column:
        """A key that is a latest value; NaN where it is not known or not fresh."""
        if by == "surge":
            return board.surge
        value = np.where(counted(reasons_of(board.mark)), board.value, np.nan)
        if by in ("value", self._metric):
            return value
        if by not in METRICS:
            raise Invalid(f"unknown key {by!r}", field="by", allowed=", ".join((*KEYS, *METRICS)))
        fresh = (board.state == State.FRESH) | (board.state == State.QUIET)
        rows = board.layout.companions(by)
        return np.where(rows >= 0, np.where(fresh, value, np.nan)[rows], np.nan)

    def _mixed(self, ranking: Ranking, layout: Layout) -> bool:
        """Whether the ranked numbers are amounts of more than one currency, or formulas of more
        than one unit."""
        by = ranking.by
        if by not in ("sigma_abs", "value") and by not in METRICS:
            return False
        unit = METRICS[by if by in METRICS else self._metric].unit
        currencies = layout.formula_units if unit is Unit.FORMULA else layout.currencies.get(unit)
        if currencies is None:
            return False
        ranked = currencies[ranking.order]
        return bool((ranked != ranked[:1]).any())


def _statistics(board: Board, window_ms: int) -> Statistics:
    if window_ms not in board.statistics:
        held = ", ".join(str(held) for held in board.statistics)
        raise Invalid(f"no statistics over {window_ms} ms here", field="window", allowed=held)
    return board.statistics[window_ms]


def _marked(why: Codes, reason: Why, *, where: Mask) -> Codes:
    """`why` with `reason` where nothing came before it. Never to be written to."""
    if not where.any():
        return why
    marked = why.copy()
    np.copyto(marked, np.uint8(reason), where=where & (why == Why.RANKED))
    return marked
