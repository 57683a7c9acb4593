"""Columns of a board in the making: slabs write their parts, in the order of the rows.

Imports engine.snapshot, engine.slab, engine.moments.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np

from sigmawatch.domain.frame import Flag
from sigmawatch.domain.window import Interval
from sigmawatch.engine.geometry import Column, Mask, Slots
from sigmawatch.engine.marks import has_flag
from sigmawatch.engine.moments import Moments
from sigmawatch.engine.ranking import Codes
from sigmawatch.engine.slab import Row, Slab
from sigmawatch.engine.snapshot import Board, Layout, Statistics

_SURGE_COVERAGE_MIN = 0.8


class WindowColumns:
    """One window's statistics (engine.snapshot.Statistics)."""

    def __init__(self, count: int) -> None:
        self.n = np.zeros(count, np.int32)
        (
            self.coverage, self.mean, self.sigma_abs, self.sigma_rel, self.sigma_ret,
            self.minimum, self.maximum, self.change_pct,
        ) = np.empty((8, count))  # fmt: skip
        self.coarse: Mask = np.empty(count, np.bool_)
        self.sign_change: Mask = np.empty(count, np.bool_)
        self.seam: Mask = np.zeros(count, np.bool_)

    def put(self, slab: Slab, moments: Moments, *, slots: int, expected: int) -> None:
        """One slab's moments as statistics; population σ (ddof 0).

        slots: of the window as it was asked for, expected: from its first whole minute on, where
        that is later; σ of returns is for the whole of it.
        """
        part, rows = slab.part, slab.rows
        n, low, high = rows(moments.n[0]), rows(moments.low), rows(moments.high)
        mean = rows(moments.shift[0]) + rows(moments.mean[0])
        sigma = self.sigma_abs[part]
        np.sqrt(rows(moments.m2[0]) / n, out=sigma)
        one_sign = (low >= 0.0) | (high <= 0.0)  # zero has no sign: docs/decisions/0008
        there = n > 0.0
        self.n[part] = n
        np.divide(n, expected, out=self.coverage[part])
        np.divide(sigma, np.abs(mean), out=self.sigma_rel[part])
        self.mean[part] = mean
        self.mean[part][np.flatnonzero(~there)] = np.nan
        self.sigma_rel[part][np.flatnonzero(~one_sign)] = np.nan
        self.minimum[part], self.maximum[part] = low, high
        self.coarse[part] = has_flag(rows(moments.marks), Flag.COARSE)
        self.sign_change[part] = there & ~one_sign
        if len(moments.n) == 2:
            np.sqrt(rows(moments.m2[1]) / rows(moments.n[1]), out=self.sigma_ret[part])
            self.sigma_ret[part] *= np.sqrt(slots)
        else:
            self.sigma_ret[part] = np.nan

    def put_change(self, slab: Slab, then: Column, *, last: Column) -> None:
        """Percent from the close before the window to the newest; unknown without both."""
        before = slab.rows(then)
        change = slab.rows(last) - before
        change *= 100.0
        change /= before
        change[np.flatnonzero(np.isinf(change))] = np.nan
        self.change_pct[slab.part] = change

    def put_seams(self, slab: Slab, newest: Slots | None, *, first: int) -> None:
        """Mark the windows from `first` on that hold two sources; no change crosses a seam."""
        if newest is not None:
            since = slab.rows(newest)
            self.seam[slab.part] = since > first
            self.change_pct[slab.part][np.flatnonzero(since >= first)] = np.nan

    def statistics(
        self, interval: Interval, slot: int, *, first: int, window_ms: int
    ) -> Statistics:
        """first: the window's first slot."""
        return Statistics(
            window_ms=window_ms, from_ms=interval.open_ms(first),
            to_ms=interval.open_ms(slot + 1), expected=slot + 1 - first, **_settled(self),
        )  # fmt: skip


class BoardColumns:
    """What a board shows beside its windows (engine.snapshot.Board)."""

    def __init__(self, count: int) -> None:
        self.value, self.last_value, self.live_value, self.surge = np.full((4, count), np.nan)
        self.mark = np.zeros(count, np.uint8)
        self.last_slot, self.live_ms, self.changed_ms = np.zeros((3, count), np.int64)
        self.came: Mask = np.zeros(count, np.bool_)
        self.state = np.zeros(count, np.uint8)
        self.seam: Slots | None = None

    def put(self, slab: Slab, row: Row) -> None:
        """One slab's row of the slot."""
        for name in (one.name for one in fields(Row)):
            vars(self)[name][slab.part] = slab.rows(getattr(row, name))

    def put_surge(self, slab: Slab, hour: Moments, *, expected: int) -> None:
        """Value over the mean of the hour before it, where that hour is known well enough."""
        mean = slab.rows(hour.shift[0]) + slab.rows(hour.mean[0])
        known = (slab.rows(hour.n[0]) >= _SURGE_COVERAGE_MIN * expected) & (mean > 0.0)
        surge = self.value[slab.part] / mean
        surge[np.flatnonzero(~known)] = np.nan
        self.surge[slab.part] = surge

    def put_seams(self, slab: Slab, newest: Slots | None, *, alone: int) -> None:
        """The newest seam of each; no surge where one came after the slot `alone`."""
        if newest is not None:
            if self.seam is None:
                self.seam = np.full(len(self.value), -1, np.int64)
            self.seam[slab.part] = since = slab.rows(newest)
            self.surge[slab.part][np.flatnonzero(since > alone)] = np.nan

    def put_state(self, slab: Slab, state: Codes) -> None:
        self.state[slab.part] = slab.rows(state)

    def board(
        self,
        interval: Interval,
        slot: int,
        *,
        layout: Layout,
        statistics: Mapping[int, Statistics],
    ) -> Board:
        return Board(interval=interval, slot=slot, layout=layout, statistics=statistics,
                     **_settled(self))  # fmt: skip


def _settled(columns: object) -> dict[str, Any]:
    """Every column, never to be written again."""
    for column in vars(columns).values():
        if column is not None:
            column.setflags(write=False)
    return vars(columns)
