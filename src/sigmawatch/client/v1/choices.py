"""What may be said where one of several is meant: a member, or its text.

Written by `make docs` from the API's contract (scripts/client.py).
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from sigmawatch.client.v1.models import (
    Aggregate,
    Answer,
    CallerKind,
    Freshness,
    Kind,
    LeftOut,
    MarketStatus,
    NoData,
    NoticeKind,
    NoticeStatus,
    On,
    Outcome,
    Role,
    RunKind,
    Severity,
    StorageState,
    StreamState,
    Unagreed,
    Unit,
    Unranked,
    VenueState,
    Why,
)

AnyAggregate: TypeAlias = Aggregate | Literal["last", "mean", "sum", "minmax", "ohlc", "lttb"]

AnyAnswer: TypeAlias = Answer | Literal["accepted", "later", "refused", "malformed", "gone"]

AnyCallerKind: TypeAlias = CallerKind | Literal["local", "anonymous", "user", "key", "command_line"]

AnyFormat: TypeAlias = Literal["json", "csv", "ndjson", "parquet", "arrow"]

AnyFreshness: TypeAlias = (
    Freshness | Literal["fresh", "quiet", "stale", "frozen", "delisted", "paused"]
)

AnyJobKind: TypeAlias = Literal["backfill"]

AnyKind: TypeAlias = Kind | Literal["level", "flow"]

AnyLeftOut: TypeAlias = (
    LeftOut
    | Literal[
        "outage",
        "not_polled",
        "suspect",
        "delisted",
        "pending",
        "damaged",
        "paused",
        "unknown",
        "no_volume",
        "still",
        "far",
    ]
)

AnyMarketStatus: TypeAlias = MarketStatus | Literal["online", "halted", "delisted"]

AnyNoData: TypeAlias = NoData | Literal["keep", "alert", "ok"]

AnyNoticeKind: TypeAlias = (
    NoticeKind
    | Literal[
        "firing",
        "resolved",
        "reminder",
        "active_again",
        "flapping",
        "summary",
        "no_data",
        "digest",
        "confirm",
    ]
)

AnyNoticeStatus: TypeAlias = (
    NoticeStatus
    | Literal[
        "pending",
        "leased",
        "retry_wait",
        "delivered",
        "dead",
        "expired",
        "merged",
        "muted",
        "cancelled",
    ]
)

AnyOn: TypeAlias = On | Literal["slot", "reading"]

AnyOneShape: TypeAlias = Literal["classic"]

AnyOutcome: TypeAlias = Outcome | Literal["complete", "partial", "none", "skipped"]

AnyPrecision: TypeAlias = Literal["ns", "us", "ms", "s"]

AnyRole: TypeAlias = Role | Literal["reader", "editor", "admin"]

AnyRunKind: TypeAlias = RunKind | Literal["poll", "collect", "backfill"]

AnySeverity: TypeAlias = Severity | Literal["info", "warning", "critical"]

AnyShape: TypeAlias = Literal["classic", "array"]

AnyStorageState: TypeAlias = StorageState | Literal["ok", "full", "read_only", "failed", "away"]

AnyStreamState: TypeAlias = (
    StreamState | Literal["idle", "connecting", "live", "maintenance", "down"]
)

AnyTheme: TypeAlias = Literal["light", "dark"]

AnyUnagreed: TypeAlias = Unagreed | Literal["nobody", "disagree"]

AnyUnit: TypeAlias = (
    Unit
    | Literal[
        "quote_per_base", "quote", "base", "reference_currency", "basis_points", "count", "formula"
    ]
)

AnyUnranked: TypeAlias = (
    Unranked
    | Literal[
        "not_a_peer",
        "delisted",
        "stale",
        "frozen",
        "suspect",
        "too_few",
        "sign_change",
        "unknown",
        "provisional",
        "paused",
        "seam",
    ]
)

AnyVenueState: TypeAlias = (
    VenueState
    | Literal[
        "starting",
        "up",
        "degraded",
        "down",
        "rate_limited",
        "blocked_by_region",
        "maintenance",
        "paused",
    ]
)

AnyWhy: TypeAlias = Why | Literal["first", "not_read", "asked"]
