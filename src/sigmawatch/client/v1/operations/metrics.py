"""What may be asked about metrics.

Written by `make docs` from the API's contract (scripts/client.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NotRequired, TypedDict

from sigmawatch.client.calls import Many, Operation, When
from sigmawatch.client.v1.choices import AnyAggregate, AnyFreshness, AnyTheme
from sigmawatch.client.v1.models import (
    Composition,
    ImportedRecords,
    LoadForecast,
    LongStatistics,
    MetricRow,
    MetricsPage,
    Patterns,
    Records,
    RecordsOfSeveral,
    ShownPattern,
    Tracked,
)


class FollowBody(TypedDict):
    """What `follow_pattern` takes."""

    # VENUE:BASE/QUOTE with * in base or quote, as kraken:*/EUR top 50 by volume_24h_quote
    pattern: str
    metrics: NotRequired[Sequence[str]]  # 1 to 20 names of metrics
    # the interval, as 1m; the venue's own, else the configured one, for null
    every: NotRequired[str | None]


class ForecastBody(TypedDict):
    """What `forecast_track` takes."""

    market: NotRequired[str | None]  # VENUE:BASE/QUOTE, or a pair that one venue lists
    markets: NotRequired[Sequence[str]]  # the same for up to 5,000 markets of one venue
    metrics: NotRequired[Sequence[str]]  # 1 to 20 names of metrics
    every: NotRequired[str | None]  # the interval, as 1m; the configured one for null
    intervals: NotRequired[
        dict[str, str]
    ]  # of a market, those of single metrics, where they differ


class ImportBody(TypedDict):
    """What `import_records` takes."""

    records: Sequence[NewRecord]  # Oldest first.
    dry_run: NotRequired[bool]  # Only say what would be taken.


class NewRecord(TypedDict):
    """A part of what is sent."""

    time_ms: int  # Open of its slot, since the epoch.
    value: float | None  # Null where missing.
    marks: NotRequired[str]  # Why it is what it is; a blank between.
    span: NotRequired[str]  # Coarse: what it covers.


class TrackBody(TypedDict):
    """What `track` takes."""

    market: NotRequired[str | None]  # VENUE:BASE/QUOTE, or a pair that one venue lists
    name: NotRequired[str | None]  # what to call a formula, as GOLD/BTC
    formula: NotRequired[str | None]  # what to compute, as KRAKEN:XAU/USD / KRAKEN:BTC/USD
    # markets of the same pair to be shown from while `market` is not read, the first choice first;
    # they are tracked too
    backups: NotRequired[Sequence[str] | None]
    metric: NotRequired[str]  # what a formula's numbers are
    metrics: NotRequired[Sequence[str]]  # 1 to 20 names of metrics
    every: NotRequired[str | None]  # the interval, as 1m; the configured one for null
    intervals: NotRequired[
        dict[str, str]
    ]  # of a market, those of single metrics, where they differ


class ListMetricsQuery(TypedDict, total=False):
    """Of `list_metrics`; what is left out is as the server has it."""

    window: str  # a span up to 24h, as 6h; else 24h
    limit: int  # rows a page; else 100
    cursor: str  # next_cursor of the page before
    venue: str  # a venue's name
    quote: str  # a quote currency
    metric: str  # a metric's name
    watchlist: str  # a watchlist's name
    state: AnyFreshness  # a state of freshness
    q: str  # text in the name or the venue's own id
    interval: str  # width of the slots, as 1m
    by: str  # what to rank by; else sigma_rel
    peers: Many  # venue:NAME, quote:CURRENCY, watchlist:NAME, or several with commas between
    # a column, - before it for descending: age_s, base, change_pct, changed_at, coarse, coverage,
    # excess_change, excluded, id, interval, kind, live_at, live_value, market, max, mean, metric,
    # min, n, name, native, of, of_1h_ago, of_24h_ago, origin, pair, provisional_rank, quote, rank,
    # rank_1h_ago, rank_24h_ago, rank_change_1h, seam, sigma_abs, sigma_rel, sigma_ret, sign_change,
    # slug, state, surge, unit, value, value_at, venue; else id
    sort: str


class ShowMetricQuery(TypedDict, total=False):
    """Of `show_metric`; what is left out is as the server has it."""

    by: str  # what to rank by; else sigma_rel
    window: str  # a span up to 24h, as 6h; else 24h
    peers: Many  # venue:NAME, quote:CURRENCY, watchlist:NAME, or several with commas between


class ListRecordsQuery(TypedDict, total=False):
    """Of `list_records`; what is left out is as the server has it."""

    from_: When  # RFC 3339, milliseconds or -6h; a day before `to`
    to: When  # RFC 3339, milliseconds or -6h; else the newest
    limit: int  # slots or steps a page, of each series; else 10000
    step: str  # width of a record, as 5m, 1h or 1d
    points: int  # or the least step that makes no more
    agg: AnyAggregate  # what of a step; else last, and of flows the sum. lttb picks `points`
    cursor: str  # next_cursor of the page before; its range and step stand


class ShowRecordsQuery(TypedDict, total=False):
    """Of `show_records`; what is left out is as the server has it."""

    from_: When  # RFC 3339, milliseconds or -6h; a day before `to`
    to: When  # RFC 3339, milliseconds or -6h; else the newest
    limit: int  # slots or steps a page, of each series; else 10000
    step: str  # width of a record, as 5m, 1h or 1d
    points: int  # or the least step that makes no more
    agg: AnyAggregate  # what of a step; else last, and of flows the sum. lttb picks `points`
    cursor: str  # next_cursor of the page before; its range and step stand


class ShowStatisticsQuery(TypedDict, total=False):
    """Of `show_statistics`; what is left out is as the server has it."""

    window: str  # a span of days or hours, as 7d or 30d; else 7d


class ShowChartQuery(TypedDict, total=False):
    """Of `show_chart`; what is left out is as the server has it."""

    window: str  # a span up to now, as 6h or 30d; or from, to
    from_: When  # RFC 3339, milliseconds or -6h; a day before `to`
    to: When  # RFC 3339, milliseconds or -6h; else the newest
    width: int  # px; else 640
    height: int  # px; else 240
    theme: AnyTheme  # its ground
    line: float  # a level to be drawn across, as of an alert


class ListMetricsTableQuery(ListMetricsQuery, total=False):
    """The same as a table."""

    fields: Many  # only these columns


class ListRecordsTableQuery(ListRecordsQuery, total=False):
    """The same as a table."""

    fields: Many  # only these columns


class ShowRecordsTableQuery(ShowRecordsQuery, total=False):
    """The same as a table."""

    fields: Many  # only these columns


LIST_METRICS: Operation[MetricsPage] = Operation(
    method="GET", path="/api/v1/metrics", answer=MetricsPage
)
TRACK: Operation[Tracked] = Operation(method="POST", path="/api/v1/metrics", answer=Tracked)
SHOW_METRIC: Operation[MetricRow] = Operation(
    method="GET", path="/api/v1/metrics/{id}", answer=MetricRow
)
UNTRACK: Operation[None] = Operation(
    method="DELETE", path="/api/v1/metrics/{id}", answer=type(None)
)
FORECAST_TRACK: Operation[LoadForecast] = Operation(
    method="POST", path="/api/v1/metrics/forecast", answer=LoadForecast
)
LIST_PATTERNS: Operation[Patterns] = Operation(
    method="GET", path="/api/v1/patterns", answer=Patterns
)
FOLLOW_PATTERN: Operation[ShownPattern] = Operation(
    method="POST", path="/api/v1/patterns", answer=ShownPattern
)
SHOW_PATTERN: Operation[ShownPattern] = Operation(
    method="GET", path="/api/v1/patterns/{id}", answer=ShownPattern
)
DROP_PATTERN: Operation[None] = Operation(
    method="DELETE", path="/api/v1/patterns/{id}", answer=type(None)
)
LIST_RECORDS: Operation[RecordsOfSeveral] = Operation(
    method="GET", path="/api/v1/metrics/records", answer=RecordsOfSeveral
)
SHOW_RECORDS: Operation[Records] = Operation(
    method="GET", path="/api/v1/metrics/{id}/records", answer=Records
)
IMPORT_RECORDS: Operation[ImportedRecords] = Operation(
    method="POST", path="/api/v1/metrics/{id}/records", answer=ImportedRecords
)
SHOW_STATISTICS: Operation[LongStatistics] = Operation(
    method="GET", path="/api/v1/metrics/{id}/statistics", answer=LongStatistics
)
SHOW_CHART: Operation[str] = Operation(
    method="GET", path="/api/v1/metrics/{id}/chart.svg", answer=str
)
SHOW_COMPOSITION: Operation[Composition] = Operation(
    method="GET", path="/api/v1/metrics/{id}/composition", answer=Composition
)
