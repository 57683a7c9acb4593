"""A view: one board looked at over one window and ranked by one key, in columns.

Columns are float64 as `/metrics` names them, NaN where null; moments in milliseconds. They are
taken at the rows that are needed: all that a filter lets through to sort, one page to show.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from sigmawatch.domain.errors import Invalid
from sigmawatch.domain.rank_column import Standing
from sigmawatch.domain.series import Series
from sigmawatch.domain.window import DAY_MS, HOUR_MS
from sigmawatch.engine.geometry import Column, Mask, Rows
from sigmawatch.engine.rank_history import Past
from sigmawatch.engine.ranking import Codes, Ranking, Ranks, Why
from sigmawatch.engine.snapshot import Board, Statistics


class View:
    """peers: bool[rows], who is ranked against whom; None for everything tracked."""

    def __init__(
        self, board: Board, *, window_ms: int, by: str, peers: Mask | None = None, now_ms: int
    ) -> None:
        self.board = board
        self.by = by
        self.now_ms = now_ms
        self.statistics: Statistics = board.statistics[window_ms]
        self._window_ms = window_ms
        self._peers = peers

    def ranking(self, metric: str) -> Ranking:
        """The ranking of one metric's series. Raises Invalid for an unknown key."""
        return self.board.ranking(metric, self.by, window_ms=self._window_ms, peers=self._peers)

    def _rankings(self, rows: Rows) -> Iterator[tuple[Rows, Ranking]]:
        """Where in `rows` the series of each metric are, and that metric's ranking."""
        for metric, mask in self.board.layout.metrics.items():
            at = np.flatnonzero(mask[rows])
            if len(at):
                yield at, self.ranking(metric)

    def past(self, metric: str, back_ms: int) -> Past | None:
        """One metric's ranking as it was `back_ms` ago, or up to a quarter of an hour before; None
        where that is not kept: of narrowed peers, and of keys and windows that do not stand."""
        board = self.board
        standing = Standing(
            metric=metric, by=self.by, window_ms=self._window_ms, interval=board.interval
        )
        if self._peers is not None:
            return None
        return board.past.before(standing, board.slot - -(-back_ms // board.interval.ms))

    def _past_column(self, name: str, rows: Rows) -> Column:
        column = np.full(len(rows), np.nan)
        take, back_ms = _OF_PAST[name]
        for metric, mask in self.board.layout.metrics.items():
            at = np.flatnonzero(mask[rows])
            past = self.past(metric, back_ms) if len(at) else None
            if past is not None:
                told = np.asarray(take(past, rows[at]), np.float64)
                column[at] = np.where(told > 0, told, np.nan)
        return column

    def column(self, name: str, rows: Rows) -> Column:
        """The column `name` at `rows`, numbers only."""
        if name == "rank_change_1h":
            return self.column("rank", rows) - self.column("rank_1h_ago", rows)
        if name in _OF_PAST:
            return self._past_column(name, rows)
        if name == "excess_change":
            return self._excess(rows)
        if name in _OF_RANKING:
            column = np.full(len(rows), np.nan)
            for at, ranking in self._rankings(rows):
                column[at] = _OF_RANKING[name](ranking, rows[at])
            return column
        if name in _OF_STATISTICS:
            found: Column = getattr(self.statistics, _OF_STATISTICS[name])[rows]
            return found
        return _OF_BOARD[name](self, rows)

    def _excess(self, rows: Rows) -> Column:
        """Each row's change less the median of its peers'."""
        column = self.statistics.change_pct[rows]
        for metric, mask in self.board.layout.metrics.items():
            at = np.flatnonzero(mask[rows])
            if len(at):
                move = self.board.market_move(metric, window_ms=self._window_ms, peers=self._peers)
                column[at] -= move
        return column

    def why(self, rows: Rows) -> Codes:
        """uint8 of ranking.Why for each of `rows`."""
        why: Codes = np.zeros(len(rows), np.uint8)
        for at, ranking in self._rankings(rows):
            why[at] = ranking.why[rows[at]]
        return why

    def ties(self, rows: Rows) -> Rows:
        """int64: how many share the rank of each of `rows`, itself included; 0 without one."""
        ties = np.zeros(len(rows), np.int64)
        for at, ranking in self._rankings(rows):
            rank = ranking.rank[rows[at]]
            after = np.searchsorted(ranking.rank[ranking.order], rank, side="right")
            ties[at] = np.where(rank > 0, after - rank + 1, 0)
        return ties


def ordered(views: Sequence[View], picks: Sequence[Rows], *, sort: str) -> tuple[Rows, Rows]:
    """The picked rows of all views in one order: the view's number and the row of each.

    sort: a column's name, with `-` before it for descending. Stable: ties by id; null is last.
    Raises Invalid for an unknown column.
    """
    name = sort.removeprefix("-")
    if name not in SORTABLE:
        allowed = ", ".join(SORTABLE) + "; with - before it for descending"
        raise Invalid(f"there is no column {name[:40]!r}", field="sort", allowed=allowed)
    nothing = np.zeros(0, np.int64)
    which = np.concatenate([nothing, *(np.full(len(rows), i) for i, rows in enumerate(picks))])
    rows = np.concatenate([nothing, *picks])
    ids = [view.board.layout.ids[rows] for view, rows in zip(views, picks, strict=True)]
    keys = _keys(views, picks, name=name)
    if sort.startswith("-"):
        keys = -keys
    order = np.lexsort((np.concatenate([nothing, *ids]), keys))
    return which[order], rows[order]


def _keys(views: Sequence[View], picks: Sequence[Rows], *, name: str) -> Column:
    """float64: what to sort by; NaN where null."""
    pairs = list(zip(views, picks, strict=True))
    if name not in _TEXTS:
        columns = [view.column(name, rows).astype(np.float64) for view, rows in pairs]
        return np.concatenate([*columns, np.zeros(0)])
    text = _TEXTS[name]
    texts = [text(view.board.series[row]) for view, rows in pairs for row in rows.tolist()]
    places = {label: place for place, label in enumerate(sorted(set(texts)))}
    return np.array([places[label] for label in texts], np.float64)


def _value(view: View, rows: Rows) -> Column:
    """The slot's value; where it is missing, the newest one of the day."""
    value = view.board.value[rows]
    return np.where(np.isfinite(value), value, view.board.last_value[rows])


def _value_at(view: View, rows: Rows) -> Column:
    board = view.board
    slot = np.where(np.isfinite(board.value[rows]), board.slot, board.last_slot[rows])
    return np.where(slot < 0, np.nan, slot * float(board.interval.ms))


def _known(ts_ms: Rows) -> Column:
    return np.where(ts_ms > 0, ts_ms, np.nan)


def _age_s(view: View, rows: Rows) -> Column:
    return np.maximum(view.now_ms - _known(view.board.changed_ms[rows]), 0.0) / 1_000.0


_OF_BOARD: dict[str, Callable[[View, Rows], Column]] = {
    "id": lambda view, rows: view.board.layout.ids[rows].astype(np.float64),
    "interval": lambda view, rows: np.full(len(rows), float(view.board.interval.ms)),
    "state": lambda view, rows: view.board.state[rows].astype(np.float64),
    "value": _value,
    "value_at": _value_at,
    "live_value": lambda view, rows: view.board.live_value[rows],
    "live_at": lambda view, rows: _known(view.board.live_ms[rows]),
    "changed_at": lambda view, rows: _known(view.board.changed_ms[rows]),
    "age_s": _age_s,
    "surge": lambda view, rows: view.board.surge[rows],
}
_OF_STATISTICS = {
    "n": "n", "coverage": "coverage", "mean": "mean", "min": "minimum", "max": "maximum",
    "sigma_abs": "sigma_abs", "sigma_rel": "sigma_rel", "sigma_ret": "sigma_ret",
    "sign_change": "sign_change", "coarse": "coarse", "seam": "seam", "change_pct": "change_pct",
}  # fmt: skip
_OF_RANKING: dict[str, Callable[[Ranking, Rows], Column | int]] = {
    "rank": lambda ranking, rows: np.where(ranking.rank[rows] > 0, ranking.rank[rows], np.nan),
    "provisional_rank": lambda ranking, rows: np.where(
        ranking.why[rows] == Why.PROVISIONAL, ranking.provisional[rows], np.nan
    ),
    "of": lambda ranking, _: ranking.of,
    "excluded": lambda ranking, _: ranking.excluded,
}
_OF_PAST: dict[str, tuple[Callable[[Past, Rows], Ranks | int], int]] = {
    f"{name}_{label}_ago": (take, back_ms)
    for label, back_ms in (("1h", HOUR_MS), ("24h", DAY_MS))
    for name, take in (
        ("rank", lambda past, rows: past.ranks(rows)),
        ("of", lambda past, _: past.of),
    )
}
_TEXTS: dict[str, Callable[[Series], str]] = {
    "name": lambda one: one.name,
    "slug": lambda one: one.slug,
    "venue": lambda one: one.market.venue,
    "market": lambda one: one.market.name,
    "native": lambda one: one.market.native,
    "pair": lambda one: one.market.pair,
    "base": lambda one: one.market.base,
    "quote": lambda one: one.market.quote,
    "metric": lambda one: one.metric,
    "kind": lambda one: one.kind.kind,
    "unit": lambda one: one.kind.unit,
    "origin": lambda one: one.origin,
}
_MADE = ("rank_change_1h", "excess_change")
SORTABLE = tuple(sorted({
    *_OF_BOARD, *_OF_STATISTICS, *_OF_RANKING, *_OF_PAST, *_MADE, *_TEXTS
}))  # fmt: skip
