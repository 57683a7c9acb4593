"""Venues as a user sees them: their state and the record of every collection run.

Imports nothing of ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class VenueState(StrEnum):
    """What a venue is for us right now (SEMANTICS.md 4)."""

    STARTING = "starting"
    UP = "up"
    DEGRADED = "degraded"
    DOWN = "down"
    RATE_LIMITED = "rate_limited"
    BLOCKED_BY_REGION = "blocked_by_region"
    MAINTENANCE = "maintenance"
    PAUSED = "paused"  # by somebody here: it is not asked for anything


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueStatus:
    """A venue's state, since when, and why in one line. until_ms: no request before it."""

    venue: str
    state: VenueState
    since_ms: int
    detail: str = ""
    until_ms: int | None = None
    success_ms: int | None = None
    skew_ms: int | None = None
    rejected: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Durable:
    """How far a venue's readings are on disk. received_ms: receipt of the newest one. slot_ms: open
    of the newest slot whose closing one is among them, None before the first."""

    received_ms: int
    slot_ms: int | None


class RunKind(StrEnum):
    """Why a run was made."""

    POLL = "poll"
    COLLECT = "collect"
    BACKFILL = "backfill"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One collection run of one venue: what it was to update, what it did, and why not all.

    expected, updated, failed: counts of series. reasons: reason -> count. A partial run is not a
    success. id is `VENUE:kind:started_ms`.
    """

    venue: str
    kind: RunKind
    slot: int
    started_ms: int
    finished_ms: int
    expected: int
    updated: int
    failed: int
    reasons: Mapping[str, int] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return f"{self.venue}:{self.kind}:{self.started_ms}"

    @property
    def outcome(self) -> str:
        """`complete`, `partial`, `none`, or `skipped` (nothing was asked)."""
        if self.expected == 0:
            return "skipped"
        if self.updated >= self.expected:
            return "complete"
        return "partial" if self.updated else "none"
