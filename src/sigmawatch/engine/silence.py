"""Which venues say nothing at a slot, as far as a board tells.

A venue is silent where all of its levels are stale and it was asked: what nobody asked for, because
we were not there, is our own silence. What was delisted or is paused does not count, nor does what
we compute.
Imports domain.frame, metric; engine.freshness, marks, snapshot.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sigmawatch.domain.frame import Reason
from sigmawatch.domain.metric import Kind
from sigmawatch.engine.freshness import State
from sigmawatch.engine.geometry import Mask, Rows
from sigmawatch.engine.marks import FILLABLE, is_reason, reasons_of
from sigmawatch.engine.snapshot import Board, Layout

Counts = npt.NDArray[np.int64]
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
        sizes = np.bincount(self.codes[self.levels], minlength=len(self.names))
        self.least = int(sizes[sizes > 0].min(initial=len(layout.series) + 1))  # of any venue


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Silence:
    """All bool[venues]. unread: nothing was read of it at the slot, or for long. stale: nothing was
    read for long. outage: it was asked at the slot, and did not answer."""

    venues: Venues
    unread: Mask
    stale: Mask
    outage: Mask

    @classmethod
    def of(cls, board: Board, venues: Venues) -> Silence:
        """At the slot of a board, whose layout `venues` are of."""
        none = np.zeros(len(venues.names), np.bool_)
        left_out = (board.state == np.uint8(State.DELISTED)) | (
            board.state == np.uint8(State.PAUSED)
        )
        unknown_count = np.count_nonzero(FILLABLE[board.mark])
        if unknown_count < venues.least and not left_out.any():  # which is nearly always
            return cls(venues=venues, unread=none, stale=none, outage=none)
        rows = venues.levels[~left_out[venues.levels]]
        codes, count = venues.codes[rows], len(venues.names)
        every = np.bincount(codes, minlength=count)

        def counted(which: Mask) -> Counts:
            return np.bincount(codes[which], minlength=count)

        known = every > 0
        stale = known & (counted(board.state[rows] == State.STALE) == every)
        unread = known & (counted(FILLABLE[board.mark[rows]]) == every)
        outage = counted(is_reason(reasons_of(board.mark[rows]), Reason.OUTAGE)) > 0
        return cls(venues=venues, unread=unread | stale, stale=stale, outage=outage)

    @property
    def nowhere(self) -> bool:
        """Whether no venue says anything, of several."""
        known = np.unique(self.venues.codes[self.venues.levels])
        return len(known) > 1 and bool(self.stale[known].all())

    def suppressed(self, rows: Rows) -> Mask:
        """bool[n]: the rows whose venue did not answer; all where none did."""
        if self.nowhere:
            return np.ones(len(rows), np.bool_)
        return np.asarray(self.unread[self.venues.codes[rows]])

    def told_of(self, rows: Rows) -> tuple[dict[str, int], frozenset[str]]:
        """The silent venues of some rows, each with one of its rows; and those that may still be,
        though nobody asked them at this slot. EVERYWHERE for all at once."""
        if not self.stale.any() or not len(rows):
            return {}, frozenset()
        if self.nowhere:
            asked = {EVERYWHERE: int(rows[0])} if self.outage.any() else {}
            return asked, frozenset({EVERYWHERE, *self.venues.names})
        codes, first = np.unique(self.venues.codes[rows], return_index=True)
        names, silent = self.venues.names, self.stale & self.outage
        found = zip(codes.tolist(), rows[first].tolist(), strict=True)
        still = frozenset(names[code] for code in codes.tolist() if self.stale[code])
        return {names[code]: row for code, row in found if silent[code]}, still
