"""The operations on metrics.

Written by `make docs` from the API's contract (scripts/client.py).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Literal, Unpack

from sigmawatch.client.base import AskingAsync
from sigmawatch.client.calls import Many, Name
from sigmawatch.client.model import Table
from sigmawatch.client.v1.models import (
    Composition,
    ImportedRecords,
    LoadForecast,
    LongStatistics,
    MetricRow,
    MetricsPage,
    Patterns,
    Record,
    Records,
    RecordsOfSeveral,
    ShownPattern,
    Tracked,
)
from sigmawatch.client.v1.operations.metrics import (
    DROP_PATTERN,
    FOLLOW_PATTERN,
    FORECAST_TRACK,
    IMPORT_RECORDS,
    LIST_METRICS,
    LIST_PATTERNS,
    LIST_RECORDS,
    SHOW_CHART,
    SHOW_COMPOSITION,
    SHOW_METRIC,
    SHOW_PATTERN,
    SHOW_RECORDS,
    SHOW_STATISTICS,
    TRACK,
    UNTRACK,
    FollowBody,
    ForecastBody,
    ImportBody,
    ListMetricsQuery,
    ListMetricsTableQuery,
    ListRecordsQuery,
    ListRecordsTableQuery,
    ShowChartQuery,
    ShowMetricQuery,
    ShowRecordsQuery,
    ShowRecordsTableQuery,
    ShowStatisticsQuery,
    TrackBody,
)


class MetricsOperations(AskingAsync):
    """Awaits."""

    async def list_metrics(self, **query: Unpack[ListMetricsQuery]) -> MetricsPage:
        """Tracked series with their statistics.

        Filter, sort by any column, page. Ranks are among all series of the same metric and
        interval, or among `peers`, whatever is filtered. All pages of a walk show one
        snapshot.

        `GET /api/v1/metrics`. Needs the scope `read:metrics`.
        """
        return await self._ask(LIST_METRICS.call(query=query))

    def iter_metrics(self, **query: Unpack[ListMetricsQuery]) -> AsyncIterator[MetricRow]:
        """Every row of `list_metrics`, page by page; `limit` is a page's."""
        return self._each(LIST_METRICS.call(query=query))

    async def list_metrics_as(
        self,
        format: Literal["csv", "ndjson", "parquet", "arrow"],
        **query: Unpack[ListMetricsTableQuery],
    ) -> Table:
        """`list_metrics` as a table; parquet and arrow are of servers with that extra."""
        return await self._ask(LIST_METRICS.written().call(query={"format": format, **query}))

    async def track(
        self, *, idempotency_key: str | None = None, **body: Unpack[TrackBody]
    ) -> Tracked:
        """Track metrics of a market, or a formula.

        201 where something new is tracked, 200 where all of it was tracked already. Readings
        begin with the next poll; the last 24 hours are filled in the background. A `_ref`
        metric brings the metric it is computed from; a formula is refused while what it reads
        is not tracked. With `backups` the market, these and their fail-over are tracked: the
        answer lists the fail-over.

        `POST /api/v1/metrics`. Needs the scope `write:rules`.
        """
        return await self._ask(TRACK.call(body=body, headers={"Idempotency-Key": idempotency_key}))

    async def show_metric(self, id: Name, **query: Unpack[ShowMetricQuery]) -> MetricRow:
        """One series.

        Value, freshness, three σ, and the rank by any key over any window among any peers.

        `GET /api/v1/metrics/{id}`. Needs the scope `read:metrics`.
        """
        return await self._ask(SHOW_METRIC.call(id, query=query))

    async def untrack(self, id: Name) -> None:
        """Stop tracking a series.

        Its history stays. What the configuration file defines is removed there, what a
        pattern brought goes with the pattern, and what others are computed from goes after
        those (409). What a pattern names as well stays tracked, for the pattern alone.

        `DELETE /api/v1/metrics/{id}`. Needs the scope `write:rules`.
        """
        return await self._ask(UNTRACK.call(id))

    async def forecast_track(
        self, *, idempotency_key: str | None = None, **body: Unpack[ForecastBody]
    ) -> LoadForecast:
        """What tracking markets would cost.

        Nothing is tracked by it. A formula asks no venue for anything, so it has no forecast.

        `POST /api/v1/metrics/forecast`. Needs the scope `read:metrics`.
        """
        return await self._ask(
            FORECAST_TRACK.call(body=body, headers={"Idempotency-Key": idempotency_key})
        )

    async def list_patterns(self) -> Patterns:
        """Patterns that are followed.

        What belongs to a pattern is chosen anew every hour: a market that is newly listed
        joins, one that is delisted leaves. Of a `top N` a market leaves below place 1.2 N.

        `GET /api/v1/patterns`. Needs the scope `read:metrics`.
        """
        return await self._ask(LIST_PATTERNS.call())

    async def follow_pattern(
        self, *, idempotency_key: str | None = None, **body: Unpack[FollowBody]
    ) -> ShownPattern:
        """Follow a pattern.

        201 where it is new, 200 where it is followed already: then with these metrics.
        Refused with the reason where it names no market, or more than can be tracked. What
        the configuration defines is changed there (409).

        `POST /api/v1/patterns`. Needs the scope `write:rules`.
        """
        return await self._ask(
            FOLLOW_PATTERN.call(body=body, headers={"Idempotency-Key": idempotency_key})
        )

    async def show_pattern(self, id: Name) -> ShownPattern:
        """One pattern.

        A pattern by its id.

        `GET /api/v1/patterns/{id}`. Needs the scope `read:metrics`.
        """
        return await self._ask(SHOW_PATTERN.call(id))

    async def drop_pattern(self, id: Name) -> None:
        """Follow a pattern no longer.

        What was tracked for it alone is tracked no longer; its history stays. What is named
        elsewhere too, by its name or by another pattern, stays tracked. What the
        configuration defines is removed there (409).

        `DELETE /api/v1/patterns/{id}`. Needs the scope `write:rules`.
        """
        return await self._ask(DROP_PATTERN.call(id))

    async def list_records(self, ids: Many, **query: Unpack[ListRecordsQuery]) -> RecordsOfSeveral:
        """History of several series.

        The first page of each; 50,000 slots at most in all, so `limit` shrinks with many
        series.

        `GET /api/v1/metrics/records`. Needs the scope `read:metrics`.
        """
        return await self._ask(LIST_RECORDS.call(query={"ids": ids, **query}))

    async def list_records_as(
        self,
        format: Literal["csv", "ndjson", "parquet", "arrow"],
        ids: Many,
        **query: Unpack[ListRecordsTableQuery],
    ) -> Table:
        """`list_records` as a table; parquet and arrow are of servers with that extra."""
        return await self._ask(
            LIST_RECORDS.written().call(query={"ids": ids, "format": format, **query})
        )

    async def show_records(self, id: Name, **query: Unpack[ShowRecordsQuery]) -> Records:
        """History of a series.

        The last 24 hours by default, slot by slot; `step` or `points` for less. As a table
        with `format=` or `Accept`.

        `GET /api/v1/metrics/{id}/records`. Needs the scope `read:metrics`.
        """
        return await self._ask(SHOW_RECORDS.call(id, query=query))

    def iter_records(self, id: Name, **query: Unpack[ShowRecordsQuery]) -> AsyncIterator[Record]:
        """Every row of `show_records`, page by page; `limit` is a page's."""
        return self._each(SHOW_RECORDS.call(id, query=query))

    async def show_records_as(
        self,
        format: Literal["csv", "ndjson", "parquet", "arrow"],
        id: Name,
        **query: Unpack[ShowRecordsTableQuery],
    ) -> Table:
        """`show_records` as a table; parquet and arrow are of servers with that extra."""
        return await self._ask(SHOW_RECORDS.written().call(id, query={"format": format, **query}))

    async def import_records(
        self, id: Name, *, idempotency_key: str | None = None, **body: Unpack[ImportBody]
    ) -> ImportedRecords:
        """Import records.

        Takes what fills a gap; what stands is never replaced. Answers when it is on disk.

        `POST /api/v1/metrics/{id}/records`. Needs the scope `write:ingest`.
        """
        return await self._ask(
            IMPORT_RECORDS.call(id, body=body, headers={"Idempotency-Key": idempotency_key})
        )

    async def show_statistics(
        self, id: Name, **query: Unpack[ShowStatisticsQuery]
    ) -> LongStatistics:
        """A series over a long window.

        Over the closed slots of the last 7 days, or any other window; not ranked.

        `GET /api/v1/metrics/{id}/statistics`. Needs the scope `read:metrics`.
        """
        return await self._ask(SHOW_STATISTICS.call(id, query=query))

    async def show_chart(self, id: Name, **query: Unpack[ShowChartQuery]) -> str:
        """A series as a picture.

        The last 24 hours by default. A gap is a gap; where a step of the picture holds many
        values, their span is shaded. Amounts are bars.

        `GET /api/v1/metrics/{id}/chart.svg`. Needs the scope `read:metrics`.
        """
        return await self._ask(SHOW_CHART.call(id, query=query))

    async def show_composition(self, id: Name) -> Composition:
        """Who has a part in a composite.

        Every member of every composite in the series' formula at the newest closed slot: its
        value, how far it is from the median, and where it is left out, why.

        `GET /api/v1/metrics/{id}/composition`. Needs the scope `read:metrics`.
        """
        return await self._ask(SHOW_COMPOSITION.call(id))
