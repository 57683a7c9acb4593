"""What is answered about operations.

Written by `make docs` from the API's contract (scripts/client.py).
"""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from sigmawatch.client.model import Open, Page


class DamagedThing(Struct, frozen=True, kw_only=True):
    what: str  # Its name in the database.
    reason: str  # What is wrong with it.
    series: int | None = None  # The series it told of, where one.
    block: int | None = None  # Or the block: all series of one venue, metric and interval in it.
    begin: datetime | None = None  # First moment it told of.
    end: datetime | None = None  # First it told nothing of.


class Health(Struct, frozen=True, kw_only=True):
    status: str  # Always ok.


class Index(Struct, frozen=True, kw_only=True):
    name: str  # The program.
    version: str  # Its version.
    demo: bool  # An invented market.
    documentation: str  # For people.
    openapi: str  # For programs.
    resources: list[Resource]  # By path.
    metrics: list[MeasuredMetric]  # What can be tracked.


class MeasuredMetric(Struct, frozen=True, kw_only=True):
    name: str  # Its name.
    kind: str  # level or flow.
    unit: str  # What it counts.
    meaning: str  # In words.


class ProblemKind(Struct, frozen=True, kw_only=True):
    type: str  # Stable name.
    title: str  # What it is.
    status: int  # HTTP status it comes with.
    advice: str  # What to do.


class Ready(Struct, frozen=True, kw_only=True):
    status: str  # Always ok.
    # When the newest closed slot ended; null before the first.
    slot_ended_at: datetime | None = None
    slot_age_s: float | None = None  # The same in seconds.


class Resource(Struct, frozen=True, kw_only=True):
    path: str  # Where it is.
    methods: list[str]  # What it takes.


class ShownBackup(Struct, frozen=True, kw_only=True):
    id: str  # Its id.
    path: str  # The file.
    started_at: datetime  # Start.
    finished_at: datetime | None = None  # End; null while it is made.
    total: int  # How much there is to copy.
    done: int  # How much is copied.
    size_bytes: int | None = None  # Of the file; null before its end.
    items_count: int | None = None  # Stored bodies that were verified by checksum.
    damaged: list[str]  # Those that are damaged, there as in the database.
    problem: str | None = None  # Why it was not made.


class StorageReport(Struct, frozen=True, kw_only=True):
    state: StorageState  # full: readings wait in memory, and nothing new is shown.
    since: datetime  # Since when.
    age_s: float  # The same in seconds, however the clock was set meanwhile.
    reason: str  # Why; empty where it is ok.
    damaged_count: int  # What was met so far and is not as it was written.
    damaged: list[DamagedThing]  # The first 100; `sigmawatch doctor` looks everywhere.
    demo: bool  # An invented market.


class StorageState(Open):
    OK = "ok"
    FULL = "full"
    READ_ONLY = "read_only"
    FAILED = "failed"
    AWAY = "away"


class BackupsPage(Page[ShownBackup], frozen=True, kw_only=True):
    items: list[ShownBackup]  # Up to 20.
    demo: bool  # An invented market.
