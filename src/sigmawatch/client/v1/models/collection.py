"""What is answered about collection.

Written by `make docs` from the API's contract (scripts/client.py).
"""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from sigmawatch.client.model import Open, Page


class Collected(Struct, frozen=True, kw_only=True):
    success: bool  # Everything was updated.
    expected: int  # Series to update.
    updated: int  # Series updated.
    failed: int  # Series not updated.
    reasons: dict[str, dict[str, int]]  # Venue, reason, count.
    runs: list[CollectionRun]  # One a venue.
    demo: bool  # An invented market.


class CollectionRun(Struct, frozen=True, kw_only=True):
    id: str  # VENUE:kind:start.
    venue: str  # Where.
    kind: RunKind  # Why it was made.
    started_at: datetime  # Start.
    finished_at: datetime  # End.
    expected: int  # To update.
    updated: int  # Updated.
    failed: int  # Not updated.
    reasons: dict[str, int]  # Why not, by reason.
    outcome: Outcome  # How it ended.


class LongJob(Struct, frozen=True, kw_only=True):
    id: str  # Its id.
    kind: str  # backfill, sealing, archiving or backup.
    venue: str | None = None  # Where; null for all.
    total: int  # How many there are.
    done: int  # How many are done.
    failed: int  # Given up for now.
    reason: str | None = None  # Of the newest failure.
    started_at: datetime  # Start.
    finished_at: datetime | None = None  # End; null while it runs.


class Outcome(Open):
    COMPLETE = "complete"
    PARTIAL = "partial"
    NONE = "none"
    SKIPPED = "skipped"


class RefusedSample(Struct, frozen=True, kw_only=True):
    index: int  # Its row or line, from 0.
    field: str  # What is wrong.
    reason: str  # Why.
    allowed: str | None = None  # What would do.


class RunKind(Open):
    POLL = "poll"
    COLLECT = "collect"
    BACKFILL = "backfill"


class TakenSamples(Struct, frozen=True, kw_only=True):
    taken: int  # Readings on disk now.
    # Of those, for slots over for more than 2 slots: they change history, and raise no alert.
    late: int
    made: list[str]  # Series tracked from now on; 100 are named at most.
    made_count: int  # How many those are.
    refused_count: int  # Readings not taken.
    reasons: dict[str, int]  # Reason, count.
    refused: list[RefusedSample]  # The first 100 of them.
    demo: bool  # An invented market.


class Jobs(Page[LongJob], frozen=True, kw_only=True):
    items: list[LongJob]  # Back-fill by venue, then the others.
    demo: bool  # An invented market.


class Runs(Page[CollectionRun], frozen=True, kw_only=True):
    items: list[CollectionRun]  # This page.
    next_before: str | None = None  # `before` for older ones; null on the last page.
    demo: bool  # An invented market.
