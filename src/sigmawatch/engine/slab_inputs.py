"""What rules are judged on, read from one slab of the series table and the board of the slot.

Rows are the slab's rows of the board. What the board knows is taken from it, the rest from the
slab's windows, so a rule sees the very numbers that are shown; those that stand cost nothing. The
board must hold every window its rules rank by, and the past of its rankings. Imports
engine.slab, expression, inputs, rule_ranks, snapshot.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import numpy as np

from sigmawatch.domain.expression import Among, Condition, RankKey
from sigmawatch.domain.metric import METRICS, Kind
from sigmawatch.domain.window import SECOND_MS, Interval
from sigmawatch.engine.baseline import folded
from sigmawatch.engine.expression import UNKNOWN, Verdict, judge
from sigmawatch.engine.freshness import State
from sigmawatch.engine.geometry import Column, Mask, Rows, Slots
from sigmawatch.engine.moments import Moments, log_returns, moments_of
from sigmawatch.engine.rule_ranks import RuleRanks
from sigmawatch.engine.slab import REACH_SLOTS, Slab
from sigmawatch.engine.snapshot import Board

FEW_VALUES = 16  # a window of so few is read anew where it is not kept: merging costs more
SLOTS_KEPT = 128  # columns of single slots, while a slab is judged


def judge_board(
    conditions: Sequence[Condition], board: Board, *, slabs: Sequence[Slab], metric: str
) -> list[Verdict]:
    """int8[rows of the board] for each condition: what it says of every series of `metric`,
    UNKNOWN of all others; without `for`.

    slabs: every slab of the table that made the board, its newest.
    """
    ranks = RuleRanks(board)
    verdicts = [np.full(len(board.series), UNKNOWN, np.int8) for _ in conditions]
    for slab in slabs:
        if slab.metric == metric:
            inputs = SlabInputs(slab, board, slabs=slabs, ranks=ranks)
            for verdict, here in zip(verdicts, judge(conditions, inputs), strict=True):
                verdict[slab.part] = here
    return verdicts


class SlabInputs:
    """`Inputs` of one slab at the slot of `board`, the last one its table closed, or the one that
    runs after it. For the table's own thread.

    Of a running slot (engine.running) the reading stands in the place of the value; windows and
    ranks end with the closed slot before it, and so does what another series is worth that was not
    read with it (SEMANTICS.md 2: "The running slot ... never enters a statistic").

    slabs: every slab of the board, for the past of companions. ranks: of the board, shared by all
    of its slabs.
    """

    def __init__(
        self, slab: Slab, board: Board, *, slabs: Sequence[Slab], ranks: RuleRanks
    ) -> None:
        self._slab, self._board, self._slabs, self._ranks = slab, board, slabs, ranks
        self._at = slab.part
        self._slots: dict[int, Column] = {}  # by how long ago
        self._flow = METRICS[slab.metric].kind is Kind.FLOW
        self._running = board.slot - board.closed.slot  # slots that no statistic holds yet

    @property
    def rows(self) -> int:
        return self._at.stop - self._at.start

    @property
    def interval(self) -> Interval:
        return self._board.interval

    def value(self, *, span: int, lag: int) -> Column:
        if self._flow and span > 1:
            total = self._slot(lag + span - 1)
            for back in range(span - 2, -1, -1):
                total = total + self._slot(lag + back)
            return total
        if lag == 0:
            return self._newest(self._at, span=span)
        value = np.full(self.rows, np.nan)
        for back in range(min(span, REACH_SLOTS + 1)):
            value = np.where(np.isnan(value), self._slot(lag + back), value)
        return value

    def _slot(self, lag: int) -> Column:
        """One slot's counted values; to be read only."""
        if lag < self._running:
            return self._newest(self._at, span=1)
        if lag not in self._slots:
            if len(self._slots) >= SLOTS_KEPT:
                self._slots.clear()
            self._slots[lag] = self._slab.rows(self._slab.values(self._board.slot - lag))
        return self._slots[lag]

    def _newest(self, rows: Rows | slice, *, span: int) -> Column:
        """The newest counted value of the judged slot's span, as the board has it."""
        first = self._board.slot - min(span, REACH_SLOTS + 1)
        known = self._board.last_slot[rows] > first
        return np.where(known, self._board.last_value[rows], np.nan)

    def close(self, *, span: int, lag: int) -> Column:
        if self._flow:
            return self.value(span=span, lag=lag)
        if lag == 0:
            return self._newest(self._at, span=REACH_SLOTS + 1)
        return self._slab.rows(self._slab.close_before(self._board.slot, lag))

    def moments(self, count: int, *, span: int, lag: int, channels: int) -> Moments:
        lag = max(lag, self._running)
        if span == 1 and (count > FEW_VALUES or lag <= REACH_SLOTS):
            return self._window(count, lag=lag)
        channels = 1 if self._flow else channels
        lags = range(lag + (count - 1) * span, lag - 1, -span)
        columns = (self.value(span=span, lag=each) for each in lags)
        if count > FEW_VALUES:
            return folded(columns, rows=self.rows, channels=channels)
        values = np.array([*columns])
        both = [values] if channels == 1 else [values, log_returns(values[:-1], values[1:])]
        return moments_of(both, np.zeros((1, self.rows), np.uint8))

    def _window(self, slots: int, *, lag: int) -> Moments:
        whole = self._slab.window(self._board.slot - lag, slots)
        rows = self._slab.rows
        levels = (rows(whole.n).astype(np.float64, copy=False), rows(whole.shift),
                  rows(whole.mean), rows(whole.m2))  # fmt: skip
        return Moments(levels, (rows(whole.low), rows(whole.high), rows(whole.marks)))

    def rank(self, by: RankKey, *, window_ms: int | None, lag: int) -> Column:
        metric = self._slab.metric
        return self._ranks.column(metric, by, window_ms=window_ms, lag=lag)[self._at]

    def market_move(self, *, window_ms: int, among: Among | None) -> Column:
        metric = self._slab.metric
        return self._ranks.market_move(metric, window_ms=window_ms, among=among)[self._at]

    def age_s(self) -> Column:
        changed_ms = self._board.changed_ms[self._at]
        age_s = np.maximum(self._board.moment_ms - changed_ms, 0) / SECOND_MS
        return np.where(changed_ms > 0, age_s, np.nan)

    def stale(self) -> Mask:
        return np.asarray(self._board.state[self._at] == State.STALE)

    @property
    def torn(self) -> bool:
        return self._board.seam is not None

    def since_seam(self, names: Collection[str]) -> Slots:
        board, seam = self._board, self._board.seam
        assert seam is not None
        newest = seam[self._at]
        for name in names:
            rows = board.layout.companions(name)[self._at]
            newest = np.maximum(newest, np.where(rows >= 0, seam[rows], -1))
        return board.slot - newest

    def companion(self, name: str, *, span: int, lag: int, stands: bool = True) -> Column:
        rows = self._board.layout.companions(name)[self._at]
        flow = METRICS[name].kind is Kind.FLOW
        if lag == 0 and (span == 1 or not flow):
            reach = REACH_SLOTS + 1 if stands and not flow else span
            return np.where(rows >= 0, self._newest(rows, span=reach + self._running), np.nan)
        lag, found = max(lag, self._running), np.full(self.rows, np.nan)
        for other, here, there in self._companions(rows):
            take = other.close if stands else other.value
            found[here] = take(span=span, lag=lag)[there]
        return found

    def companion_moments(
        self, name: str, count: int, *, span: int, lag: int, channels: int
    ) -> Moments:
        rows = self._board.layout.companions(name)[self._at]
        channels = 1 if METRICS[name].kind is Kind.FLOW else channels
        found = Moments.empty(channels, self.rows)
        for other, here, there in self._companions(rows):
            theirs = other.moments(count, span=span, lag=lag, channels=channels)
            for part in ("n", "shift", "mean", "m2"):
                getattr(found, part)[:, here] = getattr(theirs, part)[:channels, there]
            for edge in ("low", "high", "marks"):
                getattr(found, edge)[here] = getattr(theirs, edge)[there]
        return found

    def _companions(self, rows: Rows) -> Iterator[tuple[SlabInputs, Rows, Rows]]:
        """Each slab that some of `rows` of the board are in, which of them, and where there."""
        for slab in self._slabs:
            here = np.flatnonzero((rows >= slab.part.start) & (rows < slab.part.stop))
            if len(here):
                other = SlabInputs(slab, self._board, slabs=self._slabs, ranks=self._ranks)
                yield other, here, rows[here] - slab.part.start

    def elsewhere(self, venue: str, *, span: int) -> Column:
        if self._flow:
            return np.full(self.rows, np.nan)
        rows = self._board.layout.counterparts(venue)[self._at]
        state = self._board.state[rows]
        fresh = (rows >= 0) & ((state == State.FRESH) | (state == State.QUIET))
        return np.where(fresh, self._newest(rows, span=span + self._running), np.nan)
