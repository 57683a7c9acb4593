"""What is answered about metrics.

Written by `make docs` from the API's contract (scripts/client.py).
"""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct, field

from sigmawatch.client.model import Open, Page
from sigmawatch.client.v1.models.shared import MetricRow


class Aggregate(Open):
    LAST = "last"
    MEAN = "mean"
    SUM = "sum"
    MINMAX = "minmax"
    OHLC = "ohlc"
    LTTB = "lttb"


class CompositeMember(Struct, frozen=True, kw_only=True):
    name: str  # A market, or what is written.
    value: float | None = None  # Its own; null where unknown.
    volume: float | None = None  # Of 24 hours, which weighs it; null where all count the same.
    apart_pct: float | None = None  # From the median, in percent of it.
    taken: bool  # Whether it has a part.
    # Why it has none. still: nothing of it changed for 15 slots and minutes while half of the
    # others moved; far: beyond within_pct.
    reason: LeftOut | None = None


class CompositeShown(Struct, frozen=True, kw_only=True):
    text: str  # As written.
    value: float | None = None  # Null where unknown.
    within_pct: float  # How far from the median its members may be.
    taken_count: int  # Members with a part.
    members_count: int  # All of them.
    provisional: bool  # One member's word alone, of several.
    # Why it is unknown. disagree: no more than half of those present are near their median.
    reason: Unagreed | None = None
    members: list[CompositeMember]  # In the order of their names.


class Composition(Struct, frozen=True, kw_only=True):
    id: int  # The series.
    name: str  # Its name.
    formula: str | None = None  # What computes it.
    slot: datetime  # Open of the slot.
    composites: list[CompositeShown]  # As they are written.
    demo: bool  # An invented market.


class ImportedRecords(Struct, frozen=True, kw_only=True):
    taken: int  # Slots that were empty.
    known: int  # Slots that say so already.
    refused: dict[str, int]  # Reason, count.
    demo: bool  # An invented market.


class LeftOut(Open):
    OUTAGE = "outage"
    NOT_POLLED = "not_polled"
    SUSPECT = "suspect"
    DELISTED = "delisted"
    PENDING = "pending"
    DAMAGED = "damaged"
    PAUSED = "paused"
    UNKNOWN = "unknown"
    NO_VOLUME = "no_volume"
    STILL = "still"
    FAR = "far"


class Live(Struct, frozen=True, kw_only=True):
    time: datetime  # Open of the slot.
    value: float  # As read.
    at: datetime  # Its receipt.


class LoadForecast(Struct, frozen=True, kw_only=True):
    market: str  # Of which market; the first of several.
    markets_count: int  # Of how many markets.
    venue: str  # Where.
    interval: str  # Width of their slots; of several the shortest.
    new_count: int  # Series not tracked yet.
    requests_per_minute: float  # Calls to the venue a minute, then.
    requests_per_minute_before: float  # And now.
    used_per_minute: float  # What that is in the unit of its budget.
    budget_per_minute: float  # How much of that may be used.
    budget_unit: str  # What the venue counts: requests, or weight.
    budget_pct: float  # Of the venue's request budget, then.
    budget_pct_before: float  # And now.
    flow_markets_count: int  # Markets there whose traded volumes are wanted.
    flow_markets_max: int  # Of them those that half the budget pays for.
    backfill_requests: int  # Calls to fill in the last day of what is new.
    backfill_s: float  # How long those take, beside everything else.
    memory_bytes: int  # More memory.
    disk_bytes_per_day: int  # More on disk.
    problems: list[str]  # What cannot work, or will not any more.


class LongStatistics(Struct, frozen=True, kw_only=True):
    id: int  # The series.
    name: str  # Its name.
    unit: str  # What it counts.
    window: str  # What was asked for.
    begin: datetime  # First moment; later than asked for where only whole runs are known.
    end: datetime  # End.
    n: int  # Values.
    expected: int  # Slots.
    coverage: float  # n / expected.
    mean: float | None = None  # Mean.
    sigma_abs: float | None = None  # Deviation, in the unit.
    sigma_rel: float | None = None  # sigma_abs / |mean|.
    sigma_ret: float | None = None  # Of log returns, times the root of the slots.
    minimum: float | None = None  # Least.
    maximum: float | None = None  # Greatest.
    change_pct: float | None = None  # From before to the end.
    coarse: bool  # Some values are wider candles.
    sign_change: bool  # Values of both signs.
    seam: bool  # Another source of a fail-over begins in it.
    ddof: int = 0  # Population deviation.
    demo: bool = False  # An invented market.


class Record(Struct, frozen=True, kw_only=True):
    time: datetime  # Open of the slot.
    value: float | None = None  # Null where missing.
    marks: list[str] = field(default_factory=list)  # Why it is what it is.
    span: str | None = None  # Coarse: what the value covers.
    source: str | None = None  # Of a fail-over: which market it is of.
    open: float | None = None  # First of a step.
    high: float | None = None  # Greatest of it.
    low: float | None = None  # Least of it.
    close: float | None = None  # Last of it.
    n: int | None = None  # Values in a step.


class ShownPattern(Struct, frozen=True, kw_only=True):
    id: str  # Follows from its text.
    pattern: str  # What is followed.
    venue: str  # Where.
    metrics: list[str]  # What is measured.
    interval: str  # Width of its slots.
    origin: str  # file: managed by the configuration; or api.
    markets: list[str]  # Who belongs to it, by name.
    chosen_at: datetime | None = None  # When that was chosen; it is hourly.
    demo: bool  # An invented market.


class TrackedSeries(Struct, frozen=True, kw_only=True):
    id: int  # Stable for ever.
    name: str  # Its name.
    slug: str  # For addresses.
    href: str  # Where it is.
    interval: str  # Width of its slots.
    origin: str  # file, api, pattern or push.
    formula: str | None = None  # What it is computed by.
    created: bool  # It was not tracked before.


class Unagreed(Open):
    NOBODY = "nobody"
    DISAGREE = "disagree"


class MetricsPage(Page[MetricRow], frozen=True, kw_only=True):
    items: list[MetricRow]  # This page.
    total: int  # Series on all pages.
    next_cursor: str | None = None  # For the next page; null on the last.
    sequence: int  # The snapshot; all pages of a walk have one.
    as_of: datetime  # When ages were taken.
    demo: bool  # An invented market.


class Patterns(Page[ShownPattern], frozen=True, kw_only=True):
    items: list[ShownPattern]  # By their text.
    demo: bool  # An invented market.


class Records(Page[Record], frozen=True, kw_only=True):
    id: int  # The series.
    name: str  # Its name.
    slug: str  # For addresses.
    metric: str  # What is measured.
    kind: str  # level or flow.
    unit: str  # What it counts.
    interval: str  # Width of a slot.
    step: str  # Width of a record.
    tier: str  # What it was made of: slots, or runs of 5m or 1h.
    agg: Aggregate | None = None  # What is told of a step; null for slots.
    begin: datetime  # First moment told.
    end: datetime  # First moment not told.
    items: list[Record]  # Oldest first.
    running: Live | None = None  # The running slot, in no statistic.
    next_cursor: str | None = None  # For the next page; null on the last.
    demo: bool  # An invented market.


class Tracked(Page[TrackedSeries], frozen=True, kw_only=True):
    items: list[TrackedSeries]  # In the order asked for.
    demo: bool  # An invented market.


class RecordsOfSeveral(Page[Records], frozen=True, kw_only=True):
    items: list[Records]  # In the order asked for.
    demo: bool  # An invented market.
