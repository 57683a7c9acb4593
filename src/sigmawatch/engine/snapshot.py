"""What everybody reads: boards (one interval at one closed slot) and the snapshot that holds them.

Immutable: arrays are not writeable, publication is one reference swap, two reads of one snapshot
agree. Rankings that nobody asked for yet are computed on first read and kept; they are pure
functions of the board, so it makes no difference when. Rows are series in the
order of the table that made them, which is no order to rely on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from sigmawatch.domain.formula import parse_formula
from sigmawatch.domain.frame import Frame, Reason
from sigmawatch.domain.metric import Unit
from sigmawatch.domain.series import Series
from sigmawatch.domain.window import DAY_MS, Interval
from sigmawatch.engine.geometry import Column, Marks, Mask, Rows, Slots
from sigmawatch.engine.labels import Labels
from sigmawatch.engine.marks import counted, is_reason, reasons_of
from sigmawatch.engine.rank_history import PastRanks
from sigmawatch.engine.ranking import Codes, Ranking, Ranks
from sigmawatch.engine.standings import Standings

Counts = npt.NDArray[np.int32]


class Layout:
    """Which series stands in which row; shared by all boards until membership changes.

    ids: int64[rows]. name_order: int32[rows], place of the row's name in the alphabet.
    """

    def __init__(self, series: Iterable[Series]) -> None:
        self.series = tuple(series)
        self.ids: Slots = np.array([one.id for one in self.series], np.int64)
        self.rows: Mapping[int, int] = {one.id: row for row, one in enumerate(self.series)}
        names = np.array([one.name for one in self.series], np.str_)
        self.name_order: Ranks = np.empty(len(names), np.int32)
        self.name_order[np.argsort(names, kind="stable")] = np.arange(len(names))
        self._companions: dict[str, Rows] = {}
        self._counterparts: dict[str, Rows] = {}

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
    def currencies(self) -> Mapping[Unit, Rows]:
        """The currency a row's numbers are in, each with a number of its own, for the units that
        have one."""
        quotes, bases = self.labels.quote.codes, self.labels.base.codes
        return {Unit.QUOTE: quotes, Unit.QUOTE_PER_BASE: quotes, Unit.BASE: bases}

    @cached_property
    def formula_units(self) -> Rows:
        """What a row's formula comes to, each unit with a number of its own."""
        units = [
            parse_formula(one.formula, interval=one.interval).unit if one.formula else ""
            for one in self.series
        ]
        return np.unique(np.array(units, np.str_), return_inverse=True)[1]

    @cached_property
    def labels(self) -> Labels:
        """The words of every row's series, for filters."""
        return Labels(self.series)

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

    def counterparts(self, venue: str) -> Rows:
        """intp[rows]: the row of the same pair and metric at `venue`, the last of several; -1
        without one, and for the series of the venue itself."""
        if venue not in self._counterparts:
            rows = {
                (one.metric, one.market.pair): row
                for row, one in enumerate(self.series)
                if one.market.venue == venue
            }
            self._counterparts[venue] = np.array([
                -1 if one.market.venue == venue else rows.get((one.metric, one.market.pair), -1)
                for one in self.series
            ], np.intp)  # fmt: skip
        return self._counterparts[venue]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Statistics:
    """One window over every series of a board: the slots that open in [from_ms, to_ms).

    n: int32[rows], values; expected: slots; coverage: n / expected, 0 to 1. mean, sigma_abs,
    minimum, maximum: in the metric's unit, NaN without values. sigma_rel: sigma_abs / |mean|, NaN
    with `sign_change` where values of both signs are present, NaN too for a mean of 0. sigma_ret:
    σ of log returns x √slots, NaN without returns. change_pct: percent, NaN unless both ends are
    known and of one source. coarse: bool[rows], some value came from a candle wider than a slot.
    seam: bool[rows], the values are of two sources.
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
    seam: Mask


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Board:
    """One interval at one closed slot.

    value: float64[rows], the slot's value, suspect ones included, NaN where missing; mark: its
    uint8 mark. last_value, last_slot: the newest counted value of the day (NaN, -1 without one).
    live_value, live_ms: the running slot's reading and its receipt (NaN, 0 without one). came:
    bool[rows], the frame of the slot came. changed_ms: int64[rows], receipt of the last change of
    the market's row, 0 where unknown. state: uint8[rows] of State. surge: value / mean of the hour
    before the slot. seam: int64[rows], the newest slot in which another source began, -1 without
    one; None where nobody has any. past: its standing rankings at earlier slots.
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
    seam: Slots | None
    statistics: Mapping[int, Statistics]
    past: PastRanks = field(default_factory=PastRanks.nothing, repr=False)
    _standings: Standings = field(default_factory=Standings, repr=False)

    @property
    def series(self) -> tuple[Series, ...]:
        return self.layout.series

    @property
    def closed(self) -> Board:
        """The board of a closed slot whose statistics and ranks these are."""
        return self

    @property
    def reading_ms(self) -> int | None:
        """The receipt of the reading that a running slot is looked at with; None for a closed
        slot."""
        return None

    @property
    def moment_ms(self) -> int:
        """When it is looked at."""
        return self.interval.open_ms(self.slot + 1)

    def row(self, series_id: int) -> int | None:
        return self.layout.rows.get(series_id)

    def with_window(self, statistics: Statistics) -> Board:
        """This board with one more window, as `SeriesTable.statistics` built it for the slot."""
        assert statistics.to_ms == self.interval.open_ms(self.slot + 1)
        windows = MappingProxyType({**self.statistics, statistics.window_ms: statistics})
        return replace(self, statistics=windows, _standings=self._standings.copy())

    def with_past(self, past: PastRanks) -> Board:
        """This board with what was kept of its standing rankings."""
        return replace(self, past=past)

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
        return self._standings.ranking(self, metric, by=by, window_ms=window_ms, peers=peers)

    def market_move(
        self, metric: str, *, window_ms: int, peers: Mask | Sequence[int] | None = None
    ) -> float:
        """The median of `change_pct` over all of `metric` that are ranked by it, of `peers` as in
        `ranking`; NaN where they are fewer than 5. Raises Invalid as there."""
        return self._standings.move(self, metric, window_ms=window_ms, peers=peers)

    def market_moves(self, metric: str, *, window_ms: int, groups: Rows) -> Column:
        """float64[rows]: the same over those of `metric` in each row's group. groups: intp[rows],
        a number for each group, from 0 on."""
        return self._standings.moves(self, metric, window_ms=window_ms, groups=groups)

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
