"""Columns of a board in the making: blocks write their parts, rows come out by series id.

The columns are in table order (block after block, place after place) until `order`, row by row the
index of its series in that order, turns them; None where both orders are one. Imports
engine.snapshot, engine.moments.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np

from sigmawatch.domain.frame import Flag
from sigmawatch.domain.window import Interval
from sigmawatch.engine.block import Row
from sigmawatch.engine.geometry import Column, Mask, Rows, Slots
from sigmawatch.engine.marks import has_flag
from sigmawatch.engine.moments import Moments
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

    def put(self, part: slice, moments: Moments, *, slots: int) -> None:
        """One block's moments as statistics; population σ (ddof 0)."""
        count = part.stop - part.start
        n, low, high = moments.n[0, :count], moments.low[:count], moments.high[:count]
        mean = moments.shift[0, :count] + moments.mean[0, :count]
        sigma = np.sqrt(moments.m2[0, :count] / n)
        one_sign = (low >= 0.0) | (high <= 0.0)  # zero has no sign: docs/decisions/0008
        self.n[part] = n
        self.coverage[part] = n / slots
        self.mean[part] = np.where(n > 0, mean, np.nan)
        self.sigma_abs[part] = sigma
        self.sigma_rel[part] = np.where(one_sign, sigma / np.abs(mean), np.nan)
        self.minimum[part], self.maximum[part] = low, high
        self.coarse[part] = has_flag(moments.marks[:count], Flag.COARSE)
        self.sign_change[part] = (n > 0) & ~one_sign
        self.sigma_ret[part] = np.nan
        if len(moments.n) == 2:
            returns = np.sqrt(moments.m2[1, :count] / moments.n[1, :count])
            self.sigma_ret[part] = returns * np.sqrt(slots)

    def put_change(self, part: slice, *, then: Column, last: Column) -> None:
        """Percent from the close before the window to the newest; unknown without both."""
        count = part.stop - part.start
        change = 100.0 * (last[:count] - then[:count]) / then[:count]
        self.change_pct[part] = np.where(np.isfinite(change), change, np.nan)

    def statistics(
        self, order: Rows | None, *, window_ms: int, to_ms: int, expected: int
    ) -> Statistics:
        turned = _all_settled(self, order)
        return Statistics(
            window_ms=window_ms, from_ms=to_ms - window_ms, to_ms=to_ms, expected=expected,
            **turned,
        )  # fmt: skip


class BoardColumns:
    """What a board shows beside its windows (engine.snapshot.Board)."""

    def __init__(self, count: int) -> None:
        self.value, self.last_value, self.live_value, self.surge = np.full((4, count), np.nan)
        self.mark = np.zeros(count, np.uint8)
        self.last_slot, self.live_ms, self.changed_ms = np.zeros((3, count), np.int64)
        self.came: Mask = np.zeros(count, np.bool_)
        self.state = np.zeros(count, np.uint8)

    def put(self, part: slice, row: Row, *, changed_ms: Slots) -> None:
        """One block's row of the slot."""
        for name in (one.name for one in fields(Row)):
            vars(self)[name][part] = getattr(row, name)
        self.changed_ms[part] = changed_ms[: part.stop - part.start]

    def put_surge(self, part: slice, mean: Column, *, n: Column, expected: int) -> None:
        """Value over the mean of the hour before it, where that hour is known well enough."""
        count = part.stop - part.start
        known = (n[:count] >= _SURGE_COVERAGE_MIN * expected) & (mean[:count] > 0.0)
        self.surge[part] = np.where(known, self.value[part] / mean[:count], np.nan)

    def board(
        self,
        order: Rows | None,
        *,
        interval: Interval,
        slot: int,
        layout: Layout,
        statistics: Mapping[int, Statistics],
    ) -> Board:
        turned = _all_settled(self, order)
        return Board(interval=interval, slot=slot, layout=layout, statistics=statistics, **turned)


def _all_settled(columns: object, order: Rows | None) -> dict[str, Any]:
    """Every column by series id, never to be written again."""
    turned = {
        name: column if order is None else column.take(order, mode="clip")
        for name, column in vars(columns).items()
    }
    for column in turned.values():
        column.setflags(write=False)
    return turned
