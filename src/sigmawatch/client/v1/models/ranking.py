"""What is answered about ranking.

Written by `make docs` from the API's contract (scripts/client.py).
"""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from sigmawatch.client.model import Page
from sigmawatch.client.v1.models.shared import Kind, MetricRow, Unit


class RankedSeries(Struct, frozen=True, kw_only=True):
    id: int  # Stable for ever.
    name: str  # Public name.
    slug: str  # For addresses.
    ranks: list[int | None]  # One a moment; null without one.


class RankHistoryAnswer(Page[RankedSeries], frozen=True, kw_only=True):
    metric: str  # What was ranked.
    by: str  # The key.
    window: str  # Its window.
    interval: str  # Width of a slot.
    slots: list[datetime]  # The moments: opens of closed slots, in order.
    of: list[int]  # How many were ranked at each.
    items: list[RankedSeries]  # As asked for, or the top.
    as_of: datetime  # When this was told.
    demo: bool  # An invented market.


class RankingPage(Page[MetricRow], frozen=True, kw_only=True):
    metric: str  # What is ranked.
    kind: Kind  # level or flow.
    unit: Unit  # What it counts.
    by: str  # The key.
    window: str  # The window.
    interval: str  # Width of a slot.
    peers: str | None = None  # What narrowed the universe.
    direction: str  # Rank 1 is the largest.
    ddof: int  # Of every σ: 0, population.
    mixed_units: bool  # Amounts of several currencies: the order means little.
    slot: datetime | None = None  # Newest closed slot; null before the first.
    of: int  # How many are ranked.
    provisional_of: int  # How many are provisional.
    excluded: int  # Left out: stale, frozen, suspect, delisted, paused.
    total: int  # Peers, on all pages.
    items: list[MetricRow]  # Ranked, then provisional, then the rest.
    next_cursor: str | None = None  # For the next page; null on the last.
    sequence: int  # The snapshot; all pages of a walk have one.
    as_of: datetime  # When ages were taken.
    demo: bool  # An invented market.
