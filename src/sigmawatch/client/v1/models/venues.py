"""What is answered about venues.

Written by `make docs` from the API's contract (scripts/client.py).
"""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from sigmawatch.client.model import Open, Page
from sigmawatch.client.v1.models.shared import VenueState


class FailOver(Struct, frozen=True, kw_only=True):
    name: str  # Its name.
    metrics: list[str]  # What of it.
    interval: str  # Width of its slots.
    markets: list[str]  # Its own market and the backups, in order.
    source: str | None = None  # Which of them is shown; null before the first slot.
    since: datetime | None = None  # Its first slot; null where that is more than a day ago.
    why: Why  # Why.


class KeptAway(Struct, frozen=True, kw_only=True):
    venue: str  # Which.
    away: bool  # Whether to keep away from it.
    changed_count: int  # Fail-overs of which it was not said already.
    total_count: int  # Fail-overs whose own venue it is.


class ListedMarket(Struct, frozen=True, kw_only=True):
    name: str  # Public name.
    venue: str  # Where.
    pair: str  # Base and quote.
    base: str  # What is traded.
    quote: str  # What it is paid in.
    native: str  # The venue's own id.
    status: MarketStatus  # Whether it trades.
    metrics: list[str]  # Metrics tracked of it.
    title: str | None = None  # What it is shown by, where not by its name.
    paused: bool  # Nothing is read of it: it, or its venue, is paused.


class MarketStatus(Open):
    ONLINE = "online"
    HALTED = "halted"
    DELISTED = "delisted"


class RejectedSample(Struct, frozen=True, kw_only=True):
    at: datetime  # When.
    about: str  # The market or row as the venue calls it; empty for a whole message.
    reason: str  # Why it was refused.
    refused_count: int  # Refused since the sample before, this one among them.


class ShownAlias(Struct, frozen=True, kw_only=True):
    alias: str  # As it was written.
    market: str  # What it finds.
    shown: bool  # The market is shown by it.
    by: str  # Who said so; empty: an id that the venue gave up.
    demo: bool  # An invented market.


class StreamState(Open):
    IDLE = "idle"
    CONNECTING = "connecting"
    LIVE = "live"
    MAINTENANCE = "maintenance"
    DOWN = "down"


class Venue(Struct, frozen=True, kw_only=True):
    name: str  # Its name.
    state: VenueState  # What it is for us now.
    since: datetime  # In this state since.
    detail: str  # Why, in one line.
    until: datetime | None = None  # No request is sent before then.
    success_at: datetime | None = None  # Last answer that held data.
    # Receipt of the newest reading that is on disk; null without one in a day.
    durable_through: datetime | None = None
    durable_slot: datetime | None = (
        None  # Open of the newest slot whose closing reading is on disk.
    )
    skew_ms: int | None = None  # How far its clock is ahead of ours.
    markets_count: int  # Markets it lists.
    tracked_count: int  # Series tracked there.
    skipped_runs_count: int  # Runs left out because the one before was late.
    errors: dict[str, int]  # Failed requests by reason.
    rejected: dict[str, int]  # Values refused by reason, never stored.
    unresolved: dict[str, str]  # Configured markets that it does not list: why.
    budget_per_minute: float  # Requests a minute, in its own unit.
    flow_markets_max: int  # Markets whose flows fit into half the budget.
    fail_overs_count: int  # Markets with backups whose own venue it is.
    kept_away_count: int  # Those of them that keep away from it by request.
    stream: VenueStream | None = None  # Its stream; null where it is not listened to.


class VenueStream(Struct, frozen=True, kw_only=True):
    state: StreamState  # How it is; polls go on.
    since: datetime  # In this state since.
    detail: str  # Why, in one line.
    heard_at: datetime | None = None  # Newest data.
    wanted_count: int  # Subscriptions wanted.
    subscribed_count: int  # Subscriptions confirmed.
    connections_count: int  # Connections made or tried.
    frames_count: int  # Frames received.
    bad_frames_count: int  # Frames of no sense.
    refused_count: int  # Subscriptions refused or never answered.
    trades_count: int  # Trades, each once.
    duplicates_count: int  # Trades told again.
    gaps_count: int  # Runs of trades never told, by their numbers.


class Why(Open):
    FIRST = "first"
    NOT_READ = "not_read"
    ASKED = "asked"


class Aliases(Page[ShownAlias], frozen=True, kw_only=True):
    items: list[ShownAlias]  # By name.
    demo: bool  # An invented market.


class FailOvers(Page[FailOver], frozen=True, kw_only=True):
    items: list[FailOver]  # By id of their choice.
    demo: bool  # An invented market.


class Markets(Page[ListedMarket], frozen=True, kw_only=True):
    items: list[ListedMarket]  # This page.
    total: int  # Markets on all pages.
    next_cursor: str | None = None  # For the next page; null on the last.
    demo: bool  # An invented market.


class RejectedSamples(Page[RejectedSample], frozen=True, kw_only=True):
    items: list[RejectedSample]  # The newest first: one a minute at most, the last 100.
    demo: bool  # An invented market.


class Venues(Page[Venue], frozen=True, kw_only=True):
    items: list[Venue]  # By name.
    available: list[str]  # Others that can be switched on, by name.
    demo: bool  # An invented market.
