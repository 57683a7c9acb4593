"""Whether the program can be relied on now: pure, from what is seen of it (`/readyz`).

It cannot while nothing can be stored, while no venue answers, while slots do not close, or while
what is to be told waits. Each reason is a sentence for whoever is woken by it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sigmawatch.app.notifying.concerns import BACKLOG_MS
from sigmawatch.app.notifying.outages import SILENT_MS, SILENT_SLOTS
from sigmawatch.domain.storage import StorageState, StorageStatus
from sigmawatch.domain.venue import VenueState, VenueStatus
from sigmawatch.domain.window import MINUTE_MS, Interval

SLOTS_MAX = 3  # that may be missing, and a deadline's worth of patience
PATIENCE_MS = 30_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """What is seen at a moment. slots: the newest closed one of every interval that has series.
    oldest_notice_ms: since when the oldest open notice is due."""

    now_ms: int
    storage: StorageStatus
    venues: Sequence[VenueStatus]
    slots: Mapping[Interval, int]
    oldest_notice_ms: int | None = None


def unready(seen: Readiness) -> tuple[str, ...]:
    """Why the program cannot be relied on; empty where it can."""
    return tuple(_reasons(seen))


def _reasons(seen: Readiness) -> Iterator[str]:
    if seen.storage.state is not StorageState.OK:
        yield str(seen.storage)
    yield from _venues(seen)
    for interval, slot in seen.slots.items():
        age_ms = seen.now_ms - interval.open_ms(slot + 1)
        if age_ms > SLOTS_MAX * interval.ms + PATIENCE_MS:
            yield f"the newest closed slot of {interval} ended {age_ms // 1_000} s ago"
    if seen.oldest_notice_ms is not None:
        waits_ms = seen.now_ms - seen.oldest_notice_ms
        if waits_ms >= BACKLOG_MS:
            yield f"the oldest notice has been waiting for {waits_ms // MINUTE_MS} min"


def _venues(seen: Readiness) -> Iterator[str]:
    """One that answers is enough: each venue is told of on its own."""
    asked = [one for one in seen.venues if one.state is not VenueState.PAUSED]
    if not asked:
        return
    if {one.state for one in asked} == {VenueState.STARTING}:
        yield "no venue has answered yet"
        return
    shortest_ms = min((each.ms for each in seen.slots), default=MINUTE_MS)
    patience_ms = SILENT_SLOTS * shortest_ms + SILENT_MS
    if all(seen.now_ms - (one.success_ms or one.since_ms) > patience_ms for one in asked):
        told = ", ".join(f"{one.venue} {one.state}" for one in asked)
        yield f"no venue answers: {told}"
