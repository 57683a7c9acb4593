"""`shape=classic`: series as the predecessors' API told them, for clients that were made for it.

One key, `sigma_abs` over 24 hours among all series of the metric, whatever else is asked for
(SEMANTICS.md 3); the rank as text, and the last 24 hours beside it. Lists come as
`{"metrics": [...]}`, or with `shape=array` as the bare array.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated

import numpy as np
from msgspec import Meta, Struct

from sigmawatch.app.web.boards import newest_slot
from sigmawatch.app.web.moments import rfc3339_column
from sigmawatch.app.web.rows import MetricRow
from sigmawatch.app.web.site import Site
from sigmawatch.domain.series import Series
from sigmawatch.engine.marks import counted, reasons_of

KEY, WINDOW = "sigma_abs", "24h"


class OneShape(StrEnum):
    """How one series is told."""

    CLASSIC = "classic"


class Shape(StrEnum):
    """How a list of series is told."""

    CLASSIC = "classic"
    ARRAY = "array"


class ClassicReading(Struct, frozen=True, kw_only=True):
    """One slot that has a value."""

    timestamp: Annotated[
        str, Meta(description="Open of the slot.", examples=["2026-11-21T08:00:00.000Z"])
    ]
    value: Annotated[float, Meta(description="As recorded.", examples=[67284.1])]


class ClassicRow(Struct, frozen=True, kw_only=True):
    """A series in a list of the predecessors' shape."""

    id: Annotated[int, Meta(description="Stable for ever.", examples=[17])]
    ticker: Annotated[str, Meta(description="Base and quote.", examples=["BTC/USD"])]
    venue: Annotated[str, Meta(description="Where.", examples=["KRAKEN"])]
    metric_type: Annotated[str, Meta(description="What is measured.", examples=["price"])]
    value: Annotated[float | None, Meta(description="The newest slot's.", examples=[67284.1])]
    standard_deviation: Annotated[
        float | None, Meta(description="σ of 24 hours, in the unit.", examples=[512.7])
    ]
    metric_rank: Annotated[
        str | None, Meta(description="By it, of all of the metric.", examples=["8/10"])
    ]


class ClassicMetric(ClassicRow, frozen=True, kw_only=True):
    """One series in the predecessors' shape."""

    metric_24h_history: Annotated[
        Sequence[ClassicReading], Meta(description="Oldest first; what is missing is left out.")
    ]


class ClassicMetrics(Struct, frozen=True, kw_only=True):
    """A list in the predecessors' shape."""

    metrics: Annotated[Sequence[ClassicRow], Meta(description="This page.")]


def classic_row(row: MetricRow) -> ClassicRow:
    return ClassicRow(
        id=row.id, ticker=row.pair, venue=row.venue, metric_type=row.metric, value=row.value,
        standard_deviation=row.sigma_abs, metric_rank=row.rank_text,
    )  # fmt: skip


def classic_rows(rows: Sequence[MetricRow], shape: Shape) -> ClassicMetrics | Sequence[ClassicRow]:
    found = tuple(map(classic_row, rows))
    return found if shape is Shape.ARRAY else ClassicMetrics(metrics=found)


async def classic_metric(site: Site, series: Series, *, row: MetricRow) -> ClassicMetric:
    """With the closed slots of the last 24 hours."""
    interval = series.interval
    closed = newest_slot(site.snapshot(), interval)
    stop = interval.slot(site.now_ms) if closed is None else closed + 1
    first = stop - interval.slots_per_day
    values, marks = await site.program.past.columns(series, from_slot=first, to_slot=stop)
    there = np.flatnonzero(counted(reasons_of(marks)))
    times = rfc3339_column((first + there) * interval.ms)
    told = classic_row(row)
    return ClassicMetric(
        id=told.id, ticker=told.ticker, venue=told.venue, metric_type=told.metric_type,
        value=told.value, standard_deviation=told.standard_deviation,
        metric_rank=told.metric_rank,
        metric_24h_history=tuple(
            ClassicReading(timestamp=time, value=value)
            for time, value in zip(times, values[there].tolist(), strict=True)
        ),
    )  # fmt: skip
