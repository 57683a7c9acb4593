"""Sparklines of the last day, each drawn once a slot.

Points lie on the half hours of the clock, the newest on what is closed of the running one, so a
line keeps its shape while time passes. A level's point is its last value, a flow's its sum.
"""

from __future__ import annotations

import numpy as np

from sigmawatch.app.past import Past
from sigmawatch.domain.metric import Kind
from sigmawatch.domain.series import Series
from sigmawatch.domain.window import HOUR_MS
from sigmawatch.engine.sparkline import POINTS, Sparkline, drawn

POINT_MS = HOUR_MS // 2
KEPT_MAX = 20_000  # lines; 150 bytes each


class Sparklines:
    """Of one program."""

    def __init__(self, past: Past) -> None:
        self._past = past
        self._kept: dict[int, tuple[int, Sparkline]] = {}  # series -> the slot it ends with

    async def of(self, series: Series, *, slot: int) -> Sparkline:
        """The line of a series that ends with the closed `slot`. Raises StorageFailed."""
        kept = self._kept.get(series.id)
        if kept is not None and kept[0] == slot:
            return kept[1]
        line = await self._drawn(series, slot)
        self._kept.pop(series.id, None)
        self._kept[series.id] = slot, line
        while len(self._kept) > KEPT_MAX:
            del self._kept[next(iter(self._kept))]
        return line

    async def _drawn(self, series: Series, slot: int) -> Sparkline:
        interval = series.interval
        first = first_point(interval.open_ms(slot))
        runs = await self._past.runs(
            series, width_ms=POINT_MS, from_slot=-(-first * POINT_MS // interval.ms),
            to_slot=slot + 1,
        )  # fmt: skip
        points = np.full(POINTS, np.nan)
        points[runs.at - first] = runs.total if series.kind.kind is Kind.FLOW else runs.last
        return drawn(points)


def first_point(slot_ms: int) -> int:
    """The half hour since the epoch of the first point, where the last one holds `slot_ms`."""
    return slot_ms // POINT_MS - (POINTS - 1)
