"""`agg=lttb`: of a long line the few points that keep its look, each as it was measured.

They are picked from the slots; from runs of slots where there are more than SOURCE_MAX of them, or
where the slots were let go for their age. What is missing or in doubt is no point.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import numpy as np

from sigmawatch.app.past import Past
from sigmawatch.app.web.steps import NICE_MS
from sigmawatch.domain.errors import Invalid
from sigmawatch.domain.metric import Kind
from sigmawatch.domain.series import Series
from sigmawatch.engine.downsample import COUNT_MIN, largest_triangles
from sigmawatch.engine.geometry import Column, Marks, Slots
from sigmawatch.engine.marks import counted, reasons_of

SOURCE_MAX = 200_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Picked:
    """time_ms: opens of the slots or runs; width_ms: theirs. tier_ms: of the stored runs they come
    from, None for slots."""

    time_ms: Slots
    value: Column
    marks: Marks
    width_ms: int
    tier_ms: int | None


def count_asked(*, step: str | None, points: int | None, most: int) -> int:
    """How many points. Raises Invalid."""
    if step is not None or points is None or points < COUNT_MIN:
        raise Invalid("lttb picks a number of points", field="points",
                      allowed=f"{COUNT_MIN} to {most}, and no step")  # fmt: skip
    return min(points, most)


async def pick(past: Past, series: Series, *, slots: tuple[int, int], count: int) -> Picked:
    """`count` points at most of the slots [first, stop)."""
    source = await _source(past, series, first=slots[0], stop=slots[1])
    x, y = source.time_ms.astype(np.float64), source.value
    rows = await asyncio.to_thread(largest_triangles, x, y, count=count)
    return Picked(time_ms=source.time_ms[rows], value=y[rows], marks=source.marks[rows],
                  width_ms=source.width_ms, tier_ms=source.tier_ms)  # fmt: skip


async def _source(past: Past, series: Series, *, first: int, stop: int) -> Picked:
    """All points there are."""
    slot_ms = series.interval.ms
    fitting = (
        ms for ms in NICE_MS if ms % slot_ms == 0 and (stop - first) * slot_ms <= ms * SOURCE_MAX
    )
    width_ms = slot_ms if stop - first <= SOURCE_MAX else next(fitting, NICE_MS[-1])
    width_ms = await past.known_width_ms(series, width_ms=width_ms, from_slot=first)
    if width_ms == slot_ms:
        value, marks = await past.columns(series, from_slot=first, to_slot=stop)
        there = np.flatnonzero(counted(reasons_of(marks)))
        return Picked(time_ms=(first + there) * slot_ms, value=value[there], marks=marks[there],
                      width_ms=slot_ms, tier_ms=None)  # fmt: skip
    runs = await past.runs(series, width_ms=width_ms, from_slot=first, to_slot=stop)
    value = runs.total if series.kind.kind is Kind.FLOW else runs.last
    return Picked(time_ms=runs.at * width_ms, value=value, marks=runs.marks,
                  width_ms=width_ms, tier_ms=past.tier_ms(series, width_ms))  # fmt: skip
