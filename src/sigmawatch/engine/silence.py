"""Which venues say nothing at a slot, as far as a board tells.

A venue did not answer where none of its levels was read at the slot; it is silent where all of them
are stale. What was delisted does not count, nor does what we compute. Imports domain.metric;
engine.freshness, marks, snapshot.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sigmawatch.domain.metric import Kind
from sigmawatch.engine.freshness import State
from sigmawatch.engine.geometry import Mask, Rows
from sigmawatch.engine.marks import FILLABLE
from sigmawatch.engine.snapshot import Board, Layout

EVERYWHERE = "*"  # when every venue is silent: it is our own connection


class Venues:
    """The venues of a layout. codes: intp[rows]; names: by code; levels: intp[n], rows by which a
    venue is known."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.codes: Rows = layout.labels.venue.codes
        venues = [one.market.venue for one in layout.series]
        self.names = tuple(dict.fromkeys(venues))  # numbered as they come, as labels do
        self.levels: Rows = np.array(
            [row for row, one in enumerate(layout.series)
             if one.kind.kind is Kind.LEVEL and not one.derived], np.intp
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Silence:
    """unanswered, silent: bool[venues]."""

    venues: Venues
    unanswered: Mask
    silent: Mask

    @classmethod
    def of(cls, board: Board, venues: Venues) -> Silence:
        """At the slot of a board, whose layout `venues` are of."""
        rows = venues.levels[board.state[venues.levels] != State.DELISTED]
        codes, count = venues.codes[rows], len(venues.names)
        every = np.bincount(codes, minlength=count)

        def all_are(which: Mask) -> Mask:
            mine = np.bincount(codes[which], minlength=count)
            return np.asarray((every > 0) & (mine == every))

        silent = all_are(board.state[rows] == State.STALE)
        unread = all_are(FILLABLE[board.mark[rows]])
        return cls(venues=venues, unanswered=unread | silent, silent=silent)

    @property
    def nowhere(self) -> bool:
        """Whether no venue says anything, of several."""
        known = np.unique(self.venues.codes[self.venues.levels])
        return len(known) > 1 and bool(self.silent[known].all())

    def suppressed(self, rows: Rows) -> Mask:
        """bool[n]: the rows whose venue did not answer; all where none did."""
        if self.nowhere:
            return np.ones(len(rows), np.bool_)
        return np.asarray(self.unanswered[self.venues.codes[rows]])

    def told_of(self, rows: Rows) -> dict[str, int]:
        """The silent venues of some rows, each with one of its rows; EVERYWHERE for all at once."""
        if not self.silent.any() or not len(rows):
            return {}
        if self.nowhere:
            return {EVERYWHERE: int(rows[0])}
        codes, first = np.unique(self.venues.codes[rows], return_index=True)
        found = zip(codes.tolist(), rows[first].tolist(), strict=True)
        return {self.venues.names[code]: row for code, row in found if self.silent[code]}
