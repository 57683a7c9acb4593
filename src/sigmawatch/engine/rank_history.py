"""Rank history: how high every series stood, slot by slot for an hour, by the quarter for a day.

Kept are the standing rankings of a board: every metric by the three deviations over the board's
first window. A quarter is a slot at whose end the clock passes a quarter of an hour. Memory is
bounded: 2 bytes a series and slot (4 where more than 65,535 are ranked), 153 slots of a minute:
61 MB for 100,000 series and one key. Columns are held by series, so they outlive changes of
membership. What a board is given (`PastRanks`) never changes. Imports domain.rank_column.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from sigmawatch.domain.rank_column import RankColumn, Standing
from sigmawatch.domain.window import DAY_MS, HOUR_MS, MINUTE_MS, Interval
from sigmawatch.engine.geometry import Rows, Slots
from sigmawatch.engine.ranking import Ranks
from sigmawatch.engine.standings import DEVIATIONS

if TYPE_CHECKING:
    from sigmawatch.engine.snapshot import Board, Layout

QUARTER_MS = 15 * MINUTE_MS
REACH_MS = DAY_MS + QUARTER_MS  # so far back is kept
MEMBERSHIP_SLOTS = 5  # rules look at who was ranked in so many slots before (SEMANTICS.md 6)
_SLACK = 1_024  # places of series that have gone, before they are swept out
Places = npt.NDArray[np.int32]
_Held = npt.NDArray[np.unsignedinteger[Any]]


def is_quarter(interval: Interval, slot: int) -> bool:
    """Whether the clock passes a quarter of an hour in `slot` or at its end."""
    return interval.open_ms(slot + 1) // QUARTER_MS > interval.open_ms(slot) // QUARTER_MS


def standings_of(board: Board) -> list[Standing]:
    """The standing rankings of a board: every metric by the three deviations over its first
    window."""
    return [
        Standing(metric=metric, by=by, window_ms=window_ms, interval=board.interval)
        for window_ms in list(board.statistics)[:1]
        for metric in board.layout.metrics
        for by in DEVIATIONS
    ]


@dataclass(frozen=True, slots=True, eq=False)
class _Column:
    """One standing ranking at one slot: a rank for each place, 0 for none."""

    slot: int
    of: int
    peers: int
    ranks: _Held

    def at(self, places: Rows) -> _Column:
        """Of these places only, in their order."""
        return replace(self, ranks=self.ranks[places[places < len(self.ranks)]])


@dataclass(frozen=True, slots=True, eq=False)
class Past:
    """A standing ranking as it was at `slot`. of: how many were ranked, of so many peers."""

    slot: int
    of: int
    peers: int
    _ranks: _Held
    _places: Places

    def ranks(self, rows: Rows | slice = slice(None)) -> Ranks:
        """int32 for each of `rows` of the board: the rank then, 0 where there was none."""
        places = self._places[rows]
        known = (places >= 0) & (places < len(self._ranks))
        ranks = np.zeros(len(places), np.int32)
        ranks[known] = self._ranks[places[known]]
        return ranks


@dataclass(frozen=True, slots=True, eq=False)
class PastRanks:
    """What was kept when a board was made. A board without a history holds an empty one."""

    _columns: Mapping[Standing, Mapping[int, _Column]]
    _places: Mapping[str, Places]

    @classmethod
    def nothing(cls) -> PastRanks:
        return cls({}, {})

    def at(self, standing: Standing, slot: int) -> Past | None:
        """The ranking as it was at `slot`; None where that is not kept."""
        column = self._columns.get(standing, {}).get(slot)
        if column is None or standing.metric not in self._places:
            return None
        places = self._places[standing.metric]
        return Past(column.slot, column.of, column.peers, column.ranks, places)

    def before(self, standing: Standing, slot: int) -> Past | None:
        """The newest one kept of `slot` and the quarter of an hour before it."""
        reach = max(QUARTER_MS // standing.interval.ms, 1)
        found = (self.at(standing, slot - back) for back in range(reach + 1))
        return next((past for past in found if past is not None), None)

    def slots(self, standing: Standing, *, from_slot: int, to_slot: int) -> list[int]:
        """The kept slots of [from_slot, to_slot), in order."""
        kept = self._columns.get(standing, {})
        return sorted(slot for slot in kept if from_slot <= slot < to_slot)


class RankHistory:
    """The history of one interval's standing rankings. For one thread at a time."""

    def __init__(self, interval: Interval) -> None:
        self.interval = interval
        self._recent = max(HOUR_MS // interval.ms, MEMBERSHIP_SLOTS)
        self._day = REACH_MS // interval.ms + 1
        self._members: dict[str, _Members] = {}
        self._columns: dict[Standing, dict[int, _Column]] = {}
        self._unsaved: set[tuple[Standing, int]] = set()

    def note(self, board: Board) -> None:
        """Keep the standing rankings of `board`; those of the same slot are replaced."""
        for standing in standings_of(board):
            members = self._met(board.layout, standing.metric)
            ranking = board.ranking(standing.metric, standing.by, window_ms=standing.window_ms)
            held = np.zeros(members.count, _width(ranking.of))
            held[members.places[members.rows]] = ranking.rank[members.rows]
            self._keep(standing, _Column(board.slot, ranking.of, len(members.rows), held))

    def view(self, layout: Layout) -> PastRanks:
        """What is kept, for a board of `layout`; later notes do not change it."""
        places = {metric: self._met(layout, metric).places for metric in layout.metrics}
        return PastRanks({key: dict(held) for key, held in self._columns.items()}, places)

    def restore(self, columns: Iterable[RankColumn], *, layout: Layout, newest: int) -> None:
        """Take back what was stored of the day before slot `newest`, as far as its series are
        still there; what is kept already stays."""
        for stored in columns:
            standing, slot = stored.standing, stored.slot
            held = self._columns.get(standing, {})
            if slot in held or slot > newest or not self._wanted(slot, newest):
                continue
            if standing.metric in layout.metrics:
                ranks = self._met(layout, standing.metric).placed(stored)
                held[slot] = _Column(slot, stored.of, stored.peers, ranks)
                self._columns[standing] = held

    def take_unsaved(self) -> list[RankColumn]:
        """The quarters noted since the last call, as they are to be stored."""
        unsaved, self._unsaved = self._unsaved, set()
        return [
            self._members[standing.metric].told(standing, column)
            for standing, slot in sorted(unsaved, key=lambda one: one[1])
            if (column := self._columns.get(standing, {}).get(slot)) is not None
        ]

    def _met(self, layout: Layout, metric: str) -> _Members:
        """The places of a metric's series, which now stand as in `layout`."""
        members = self._members.setdefault(metric, _Members())
        kept = members.meet(layout, metric)
        if kept is not None:
            for standing, held in self._columns.items():
                if standing.metric == metric:
                    held.update((c.slot, c.at(kept)) for c in list(held.values()))
        return members

    def _keep(self, standing: Standing, column: _Column) -> None:
        held = self._columns.setdefault(standing, {})
        held[column.slot] = column
        if is_quarter(self.interval, column.slot):
            self._unsaved.add((standing, column.slot))
        for slot in [slot for slot in held if not self._wanted(slot, column.slot)]:
            del held[slot]
            self._unsaved.discard((standing, slot))

    def _wanted(self, slot: int, newest: int) -> bool:
        if slot >= newest - self._recent:
            return True
        return slot >= newest - self._day and is_quarter(self.interval, slot)


class _Members:
    """Which place in the columns a series has: its own until it has gone.

    ids: int64[places], the series of each; rows: intp, where those of the layout stand, in table
    order; places: int32[rows of the board], -1 for other metrics.
    """

    def __init__(self) -> None:
        self.ids: Slots = np.zeros(0, np.int64)
        self.rows: Rows = np.zeros(0, np.intp)
        self.places: Places = np.zeros(0, np.int32)
        self._layout: Layout | None = None

    @property
    def count(self) -> int:
        return len(self.ids)

    def meet(self, layout: Layout, metric: str) -> Rows | None:
        """Give the series of `layout` their places. Where many others have gone, theirs are swept
        out: then the places that stay, in their new order."""
        if layout is self._layout:
            return None
        self._layout = layout
        self.rows = np.flatnonzero(layout.metrics[metric])
        now = layout.ids[self.rows]
        kept = None
        if self.count > 2 * len(now) + _SLACK:
            kept = np.flatnonzero(np.isin(self.ids, now))
            self.ids = self.ids[kept]
        self.ids = np.concatenate([self.ids, np.setdiff1d(now, self.ids)])
        self.places = np.full(len(layout.ids), -1, np.int32)
        self.places[self.rows] = self._find(now)
        return kept

    def _find(self, ids: Slots) -> Rows:
        order = np.argsort(self.ids)
        return order[np.searchsorted(self.ids, ids, sorter=order)]

    def told(self, standing: Standing, column: _Column) -> RankColumn:
        """A column as it is stored: the ranked series by ascending id."""
        known = np.flatnonzero(column.ranks)
        order = known[np.argsort(self.ids[known])]
        return RankColumn(
            standing=standing, slot=column.slot, of=column.of, peers=column.peers,
            ids=self.ids[order].astype("<i8").tobytes(),
            ranks=column.ranks[order].astype("<u4").tobytes(),
        )  # fmt: skip

    def placed(self, stored: RankColumn) -> _Held:
        """The ranks of a stored column, each in the place of its series."""
        ids = np.frombuffer(stored.ids, "<i8")
        known = np.isin(ids, self.ids)
        ranks = np.zeros(self.count, _width(stored.of))
        ranks[self._find(ids[known])] = np.frombuffer(stored.ranks, "<u4")[known]
        return ranks


def _width(of: int) -> type[np.uint16] | type[np.uint32]:
    return np.uint16 if of <= np.iinfo(np.uint16).max else np.uint32
