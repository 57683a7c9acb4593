"""What several answers hold.

Written by `make docs` from the API's contract (scripts/client.py).
"""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct, field

from sigmawatch.client.model import Open


class Freshness(Open):
    FRESH = "fresh"
    QUIET = "quiet"
    STALE = "stale"
    FROZEN = "frozen"
    DELISTED = "delisted"
    PAUSED = "paused"


class Kind(Open):
    LEVEL = "level"
    FLOW = "flow"


class MetricRow(Struct, frozen=True, kw_only=True):
    id: int  # Stable for ever.
    name: str  # Public name.
    slug: str  # For addresses.
    venue: str  # Where.
    market: str  # Venue and pair.
    native: str  # The venue's own id.
    pair: str  # Base and quote.
    base: str  # What is traded.
    quote: str  # What it is paid in.
    metric: str  # What is measured.
    kind: Kind  # level or flow.
    unit: Unit  # What it counts.
    formula: str | None = None  # What it is computed by, where a formula defines it.
    formula_unit: str | None = None  # What the formula comes to.
    source: str | None = None  # Which market a fail-over is shown from; null for others.
    interval: str  # Width of a slot.
    slot: datetime  # Open of the newest closed slot.
    value: float | None = None  # Of that slot; where it is missing, the newest one of the day.
    value_at: datetime | None = None  # The value's slot.
    live_value: float | None = None  # Running slot, in no statistic.
    live_at: datetime | None = None  # Its receipt.
    state: Freshness  # Freshness.
    changed_at: datetime | None = None  # When the market last changed.
    age_s: float | None = None  # Seconds since then, at the second of the answer.
    marks: list[str]  # Why the slot is what it is; none for plainly read.
    window: str  # What follows is over this.
    from_: datetime = field(name="from")  # Its first slot.
    to: datetime  # Its end.
    n: int  # Values.
    expected: int  # Slots.
    coverage: float | None = None  # Covered part, 0 to 1.
    mean: float | None = None  # In the unit.
    min: float | None = None  # Smallest.
    max: float | None = None  # Largest.
    sigma_abs: float | None = None  # σ of the values.
    sigma_rel: float | None = None  # sigma_abs / |mean|.
    sigma_ret: float | None = None  # σ of log returns × √slots.
    ddof: int  # Of every σ: 0, population.
    sign_change: bool  # No sigma_rel: values differ in sign.
    coarse: bool  # Some came from candles wider than a slot.
    seam: bool  # They are of two sources of a fail-over.
    change_pct: float | None = None  # Over the window; null across a seam.
    # change_pct less the median change of the peers; null where fewer than 5 of them have one.
    excess_change: float | None = None
    surge: float | None = None  # Value / mean of the hour before.
    by: str  # What it is ranked by.
    rank: int | None = None  # 1 is the largest.
    of: int  # How many are ranked.
    excluded: int  # Peers left out: stale, frozen, suspect, delisted, paused.
    rank_text: str | None = None  # For people.
    ties: int  # How many share the rank.
    rank_reason: Unranked | None = None  # Why it has no rank.
    provisional: bool  # Too little coverage: in the second list.
    provisional_rank: int | None = None  # Its place there.
    # An hour before the slot, or up to 15 minutes earlier; kept of the deviations over the first
    # window, among everything tracked.
    rank_1h_ago: int | None = None
    of_1h_ago: int | None = None  # How many were ranked then.
    rank_change_1h: int | None = None  # rank less rank_1h_ago: -1 climbed one place.
    rank_24h_ago: int | None = None  # As rank_1h_ago, a day before.
    of_24h_ago: int | None = None  # How many were ranked then.
    # file: managed by the configuration; push: made by what was pushed in; pattern: named by
    # patterns alone; or api.
    origin: str
    demo: bool  # An invented market.


class Severity(Open):
    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class Unit(Open):
    QUOTE_PER_BASE = "quote_per_base"
    QUOTE = "quote"
    BASE = "base"
    REFERENCE_CURRENCY = "reference_currency"
    BASIS_POINTS = "basis_points"
    COUNT = "count"
    FORMULA = "formula"


class Unranked(Open):
    NOT_A_PEER = "not_a_peer"
    DELISTED = "delisted"
    STALE = "stale"
    FROZEN = "frozen"
    SUSPECT = "suspect"
    TOO_FEW = "too_few"
    SIGN_CHANGE = "sign_change"
    UNKNOWN = "unknown"
    PROVISIONAL = "provisional"
    PAUSED = "paused"
    SEAM = "seam"


class VenueState(Open):
    STARTING = "starting"
    UP = "up"
    DEGRADED = "degraded"
    DOWN = "down"
    RATE_LIMITED = "rate_limited"
    BLOCKED_BY_REGION = "blocked_by_region"
    MAINTENANCE = "maintenance"
    PAUSED = "paused"
