"""What everybody reads: boards (one interval at one closed slot) and the snapshot that holds them.

Immutable: arrays are not writeable, publication is one reference swap, two reads of one snapshot
agree. Rankings that nobody asked for yet are computed on first read and kept; they are pure
functions of the board, so it makes no difference when. Rows are series by ascending id.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from sigmawatch.domain.errors import Invalid
from sigmawatch.domain.frame import Frame, Reason
from sigmawatch.domain.metric import METRICS, Unit
from sigmawatch.domain.series import Series
from sigmawatch.domain.window import DAY_MS, Interval
from sigmawatch.engine.freshness import State
from sigmawatch.engine.geometry import Column, Marks, Mask, Rows, Slots
from sigmawatch.engine.marks import counted, is_reason, reasons_of
from sigmawatch.engine.ranking import (
    COVERAGE_MIN,
    Codes,
    Ranking,
    Ranks,
    Why,
    rank,
    values_min,
    why_unranked,
    with_reason,
)

DEVIATIONS = ("sigma_rel", "sigma_abs", "sigma_ret")
KEYS = (*DEVIATIONS, "change_pct", "surge", "value")
RANKINGS_MAX = 256
Counts = npt.NDArray[np.int32]


class Layout:
    """Which series stands in which row; shared by all boards until membership changes.

    ids: int64[rows] ascending. name_order: int32[rows], place of the row's name in the alphabet.
    """

    def __init__(self, series: Iterable[Series]) -> None:
        self.series = tuple(sorted(series, key=lambda one: one.id))
        self.ids: Slots = np.array([one.id for one in self.series], np.int64)
        self.rows: Mapping[int, int] = {one.id: row for row, one in enumerate(self.series)}
        names = np.array([one.name for one in self.series], np.str_)
        self.name_order: Ranks = np.empty(len(names), np.int32)
        self.name_order[np.argsort(names, kind="stable")] = np.arange(len(names))
        self._companions: dict[str, Rows] = {}

    @cached_property
    def metrics(self) -> Mapping[str, Mask]:
        """Which rows are of a metric; bool[rows] each."""
        metrics = np.array([one.metric for one in self.series], np.str_)
        return {str(name): metrics == name for name in np.unique(metrics)}

    @cached_property
    def blocks(self) -> Mapping[int, tuple[Rows, Rows]]:
        """Block id -> places and rows of its live series."""
        members: dict[int, list[tuple[int, int]]] = {}
        for row, one in enumerate(self.series):
            members.setdefault(one.block_id, []).append((one.place, row))
        return {
            block_id: (np.array([p for p, _ in pairs]), np.array([r for _, r in pairs]))
            for block_id, pairs in members.items()
        }

    @cached_property
    def currencies(self) -> Mapping[Unit, npt.NDArray[np.str_]]:
        """The currency a row's numbers are in, for the units that have one."""
        quotes = np.array([one.market.quote for one in self.series], np.str_)
        bases = np.array([one.market.base for one in self.series], np.str_)
        return {Unit.QUOTE: quotes, Unit.QUOTE_PER_BASE: quotes, Unit.BASE: bases}

    def companions(self, metric: str) -> Rows:
        """intp[rows]: the row of `metric` of the same market, -1 without one."""
        if metric not in self._companions:
            rows = {
                (one.market.venue, one.market.native): row
                for row, one in enumerate(self.series)
                if one.metric == metric
            }
            keys = ((one.market.venue, one.market.native) for one in self.series)
            self._companions[metric] = np.array([rows.get(key, -1) for key in keys], np.intp)
        return self._companions[metric]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Statistics:
    """One window over every series of a board: the slots that open in [from_ms, to_ms).

    n: int32[rows], values; expected: slots; coverage: n / expected, 0 to 1. mean, sigma_abs,
    minimum, maximum: in the metric's unit, NaN without values. sigma_rel: sigma_abs / |mean|, NaN
    with `sign_change` where values of both signs are present, NaN too for a mean of 0. sigma_ret:
    σ of log returns x √slots, NaN without returns. change_pct: percent, NaN unless both ends are
    known. coarse: bool[rows], some value came from a candle wider than a slot.
    """

    window_ms: int
    from_ms: int
    to_ms: int
    expected: int
    n: Counts
    coverage: Column
    mean: Column
    sigma_abs: Column
    sigma_rel: Column
    sigma_ret: Column
    minimum: Column
    maximum: Column
    change_pct: Column
    coarse: Mask
    sign_change: Mask


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Board:
    """One interval at one closed slot.

    value: float64[rows], the slot's value, suspect ones included, NaN where missing; mark: its
    uint8 mark. last_value, last_slot: the newest counted value of the day (NaN, -1 without one).
    live_value, live_ms: the running slot's reading and its receipt (NaN, 0 without one). came:
    bool[rows], the frame of the slot came. changed_ms: int64[rows], receipt of the last change of
    the market's row, 0 where unknown. state: uint8[rows] of State. surge: value / mean of the hour
    before the slot.
    """

    interval: Interval
    slot: int
    layout: Layout
    value: Column
    mark: Marks
    last_value: Column
    last_slot: Slots
    live_value: Column
    live_ms: Slots
    came: Mask
    changed_ms: Slots
    state: Codes
    surge: Column
    statistics: Mapping[int, Statistics]
    _rankings: dict[tuple[object, ...], Ranking] = field(default_factory=dict, repr=False)

    @property
    def series(self) -> tuple[Series, ...]:
        return self.layout.series

    def row(self, series_id: int) -> int | None:
        return self.layout.rows.get(series_id)

    def with_window(self, statistics: Statistics) -> Board:
        """This board with one more window, as `SeriesTable.statistics` built it for the slot."""
        assert statistics.to_ms == self.interval.open_ms(self.slot + 1)
        windows = {**self.statistics, statistics.window_ms: statistics}
        return replace(self, statistics=MappingProxyType(windows), _rankings=dict(self._rankings))

    def ranking(
        self,
        metric: str,
        by: str = "sigma_rel",
        *,
        window_ms: int = DAY_MS,
        peers: Mask | Sequence[int] | None = None,
    ) -> Ranking:
        """Every series of `metric` by a key of SEMANTICS.md 3, or by the latest value of another
        metric of the same market.

        peers: bool[rows] or row numbers that narrow the universe; None for everything tracked.
        Raises Invalid for an unknown key, or a window this board does not hold.
        """
        mask = self._mask(metric, peers)
        windowless = by not in DEVIATIONS and by != "change_pct"
        narrow = None if peers is None else np.packbits(mask).tobytes()
        cache_key = (metric, by, 0 if windowless else window_ms, narrow)
        found = self._rankings.get(cache_key)
        if found is None:
            found = self._ranked(metric, by, window_ms=window_ms, peers=mask)
            if len(self._rankings) < RANKINGS_MAX:
                self._rankings[cache_key] = found
        return found

    def _mask(self, metric: str, peers: Mask | Sequence[int] | None) -> Mask:
        mask = self.layout.metrics.get(metric)
        if mask is None:
            return np.zeros(len(self.series), np.bool_)
        if peers is None:
            return mask
        chosen = np.zeros(len(self.series), np.bool_)
        is_mask = isinstance(peers, np.ndarray) and peers.dtype == np.bool_
        chosen[peers if is_mask else np.asarray(peers, np.intp)] = True
        return mask & chosen

    def _ranked(self, metric: str, by: str, *, window_ms: int, peers: Mask) -> Ranking:
        why = why_unranked(
            peers=peers,
            delisted=self.state == State.DELISTED,
            stale=self.state == State.STALE,
            frozen=self.state == State.FROZEN,
            suspect=is_reason(reasons_of(self.mark), Reason.SUSPECT),
        )
        if by in DEVIATIONS or by == "change_pct":
            key, why = self._judged(by, why, window_ms=window_ms)
        else:
            key = self._latest(metric, by)
            why = with_reason(why, Why.UNKNOWN, where=~np.isfinite(key))
        mixed = self._mixed(metric, by, why=why)
        order = self.layout.name_order
        return rank(by, key, why=why, name_order=order, mixed_units=mixed)

    def _judged(self, by: str, why: Codes, *, window_ms: int) -> tuple[Column, Codes]:
        if window_ms not in self.statistics:
            held = ", ".join(str(held) for held in self.statistics)
            raise Invalid(f"no statistics over {window_ms} ms here", field="window", allowed=held)
        statistics = self.statistics[window_ms]
        key: Column = getattr(statistics, by)
        if by == "change_pct":
            return key, with_reason(why, Why.UNKNOWN, where=~np.isfinite(key))
        why = with_reason(why, Why.TOO_FEW, where=statistics.n < values_min(statistics.expected))
        if by == "sigma_rel":
            why = with_reason(why, Why.SIGN_CHANGE, where=statistics.sign_change)
        why = with_reason(why, Why.UNKNOWN, where=~np.isfinite(key))
        thin = statistics.n < COVERAGE_MIN * statistics.expected
        return key, with_reason(why, Why.PROVISIONAL, where=thin)

    def _latest(self, metric: str, by: str) -> Column:
        """A key that is a latest value; NaN where it is not known or not fresh."""
        if by == "surge":
            return self.surge
        value = np.where(counted(reasons_of(self.mark)), self.value, np.nan)
        if by in ("value", metric):
            return value
        if by not in METRICS:
            raise Invalid(f"unknown key {by!r}", field="by", allowed=", ".join((*KEYS, *METRICS)))
        fresh = (self.state == State.FRESH) | (self.state == State.QUIET)
        rows = self.layout.companions(by)
        return np.where(rows >= 0, np.where(fresh, value, np.nan)[rows], np.nan)

    def _mixed(self, metric: str, by: str, *, why: Codes) -> bool:
        """Whether the ranked numbers are amounts of more than one currency."""
        if by not in ("sigma_abs", "value") and by not in METRICS:
            return False
        unit = METRICS[by if by in METRICS else metric].unit
        currencies = self.layout.currencies.get(unit)
        if currencies is None:
            return False
        ranked = currencies[why == Why.RANKED]
        return bool(len(ranked)) and bool((ranked != ranked[0]).any())

    def with_live(self, frame: Frame) -> Board:
        """This board with the readings of an open frame of the running slot; itself where the
        frame is of another time or block."""
        members = self.layout.blocks.get(frame.block_id)
        if members is None or frame.slot <= self.slot:
            return self
        places, rows = members
        known = places < len(frame.marks)
        places, rows = places[known], rows[known]
        values = np.frombuffer(frame.values, "<f8")[places]
        reasons = reasons_of(np.frombuffer(frame.marks, np.uint8)[places])
        told = np.isfinite(values) & (counted(reasons) | is_reason(reasons, Reason.SUSPECT))
        live_value, live_ms = self.live_value.copy(), self.live_ms.copy()
        live_value[rows[told]], live_ms[rows[told]] = values[told], frame.recv_ms
        for array in (live_value, live_ms):
            array.setflags(write=False)
        return replace(self, live_value=live_value, live_ms=live_ms)


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The newest board of every interval. sequence: grows with every publication."""

    sequence: int = 0
    boards: Mapping[int, Board] = field(default_factory=lambda: MappingProxyType({}))

    @classmethod
    def empty(cls) -> Snapshot:
        """Before the first slot closed."""
        return cls()

    def find(self, series_id: int) -> tuple[Board, int] | None:
        """Where a series stands; None where no board holds it yet."""
        for board in self.boards.values():
            row = board.row(series_id)
            if row is not None:
                return board, row
        return None

    def with_board(self, board: Board) -> Snapshot:
        """The next snapshot, with `board` in the place of its interval's."""
        boards = {**self.boards, board.interval.ms: board}
        return Snapshot(sequence=self.sequence + 1, boards=MappingProxyType(boards))

    def with_live(self, frame: Frame) -> Snapshot:
        """The next snapshot, with an open frame's readings; itself where nobody shows them."""
        for board in self.boards.values():
            shown = board.with_live(frame)
            if shown is not board:
                return self.with_board(shown)
        return self
