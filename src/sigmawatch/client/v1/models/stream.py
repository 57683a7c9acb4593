"""What is answered about stream.

Written by `make docs` from the API's contract (scripts/client.py).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from msgspec import Struct, field

from sigmawatch.client.model import Framed, Page
from sigmawatch.client.v1.models.shared import Severity, VenueState


class Bye(Struct, frozen=True, kw_only=True):
    """`bye`: the last event."""

    reason: str  # Why.


class Columns(Struct, frozen=True, kw_only=True):
    id: list[int]  # The series; ascending.
    venue: list[str]  # Where.
    pair: list[str]  # Base and quote.
    latest: list[float | None]  # The running slot's reading; without one the newest closed value.
    open: list[float | None]  # A window ago.
    high: list[float | None]  # Greatest.
    low: list[float | None]  # Least.
    change_pct: list[float | None]  # Over the window.
    surge: list[float | None]  # Value / mean of the hour before.
    volume_24h_quote: list[float | None]  # Of the market, where tracked.
    volume_24h_ref: list[float | None]  # In the reference currency.
    sigma_rel: list[float | None]  # σ / |mean|.
    sigma_abs: list[float | None]  # σ of the values.
    sigma_ret: list[float | None]  # σ of log returns × √slots.
    # Covered part of the window, 0 to 1; below 0.8 its σ are provisional.
    coverage: list[float | None]
    rank: list[int | None]  # 1 is the largest; null without.
    rank_1h_ago: list[int | None]  # As it was.
    state: list[str]  # Freshness.
    source: list[
        str | None
    ]  # Of a fail-over, which market it is shown from now; null for all else.


class Delta(Struct, frozen=True, kw_only=True):
    """`delta`: what differs from the one before, after rounding to seven significant digits."""

    sequence: int  # One more than the one before.
    time: datetime  # When it was made.
    slot: datetime | None = None  # Newest closed slot.
    of: int  # How many are ranked.
    # Column: rows of the snapshot, counted from 0, and what stands there now.
    columns: dict[str, tuple[list[int], list[Any]]]


class EpisodeEvent(Struct, frozen=True, kw_only=True):
    """`episode`: one was opened, reopened or closed. `/episodes/{id}` says all of it."""

    id: str  # Its id.
    rule: str  # The rule's name.
    severity: Severity  # How much it matters.
    series_id: int  # The series' id.
    series: str | None = None  # Its name; null where it is tracked no more.
    opened_at: datetime  # Open of its first slot.
    closed_at: datetime | None = None  # Open of its last; null while it lasts.
    reason: str  # Why it closed.
    reopened: int  # How often true again.


class Hello(Struct, frozen=True, kw_only=True):
    """`hello`: the first event, and the one after every `reset`: what is told from here on."""

    version: str  # Of the program.
    ui: str  # The build of its page: a page of another one is to be loaded anew.
    epoch: str  # Names this table; another one is another table.
    sequence: int  # The delta before the first that comes.
    time: datetime  # Our clock.
    metric: str  # Of every row.
    interval_ms: int  # Width of a slot.
    pace_ms: int  # Between two slots, one delta in so long at most.
    rows: int  # Rows of this page.
    page: int  # This page.
    pages: int  # How many there are.
    venues: list[VenueEvent]  # Every venue, as it is.
    demo: bool  # An invented market.


class Line(Struct, frozen=True, kw_only=True):
    id: int  # The series.
    # Open of its first half hour; null before the first slot.
    from_: datetime | None = field(default=None, name="from")
    # 48 characters, oldest first: A (low) to / (high) as base 64 counts; a full stop where nothing
    # is known.
    points: str
    low: float | None = None  # What A stands for.
    high: float | None = None  # What / stands for.


class Reset(Struct, frozen=True, kw_only=True):
    """`reset`: what was told cannot be gone on with: load the snapshot again."""

    reason: str  # Why.


class TableSnapshot(Framed, frozen=True, kw_only=True):
    epoch: str  # As the stream's `hello`.
    sequence: int  # The delta that it holds already; apply those after it.
    time: datetime  # When it was made.
    slot: datetime | None = None  # Newest closed slot; null before the first.
    metric: str  # Of every row.
    unit: str  # What it counts.
    interval: str  # Width of a slot.
    by: str  # What is ranked by.
    window: str  # Of all statistics.
    watchlist: str | None = None  # What narrows it.
    of: int  # How many are ranked.
    total: int  # Rows on all pages.
    page: int  # This page.
    pages: int  # How many there are.
    columns: Columns  # The rows.
    demo: bool  # An invented market.


class VenueEvent(Struct, frozen=True, kw_only=True):
    """`venue`: the state of a venue has changed."""

    venue: str  # Its name.
    state: VenueState  # What it is for us now.
    since: datetime  # In this state since.
    detail: str  # Why, in one line.
    success_at: datetime | None = None  # Last answer that held data.
    skew_ms: int | None = None  # How far its clock is ahead of ours.


class Lines(Page[Line], frozen=True, kw_only=True):
    items: list[Line]  # Each series once.
    step: str  # From point to point.
    demo: bool  # An invented market.
