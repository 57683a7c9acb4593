"""What is wrong with the program itself, from what can be seen of it: pure decisions.

Each concern is told once when it begins and once when it is over (SEMANTICS.md 8 and RELIABILITY.md
P35: "self-alerts for disk, backlog, dead letters, source silent, clock step").
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sigmawatch.app.notifying.own import Concern
from sigmawatch.domain.alert import Severity
from sigmawatch.domain.announcement import Announcement
from sigmawatch.domain.storage import StorageState, StorageStatus
from sigmawatch.domain.venue import VenueStatus
from sigmawatch.domain.window import HOUR_MS, MINUTE_MS, Interval

BACKLOG_MS = 10 * MINUTE_MS
DEAD_LETTERS_MS = HOUR_MS  # so long after the last one
CLOCK_MS = 2_000  # SEMANTICS.md 4: "> 2 s warns"
STEP_TOLD_MS = 10 * MINUTE_MS
PAUSE_MS = 5_000  # less is a busy machine
AWAY_LINES = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Away:
    """A market that is shown from another venue than its own. asked: somebody wants it so."""

    market: str
    own: str
    shown: str
    asked: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What is seen at a moment. oldest_ms: since when the oldest open notice is due. dead_count,
    dead_ms: dead letters of this life, and when the last of them died. stepped_ms: how far the wall
    clock was set, at step_ms. away: what is shown from a backup."""

    now_ms: int
    interval: Interval
    storage: StorageStatus
    venues: Sequence[VenueStatus]
    oldest_ms: int | None = None
    dead_count: int = 0
    dead_ms: int | None = None
    stepped_ms: int = 0
    step_ms: int | None = None
    away: Sequence[Away] = ()


def concerns(sight: Sight) -> Mapping[Concern, Announcement]:
    """What is wrong now, each with its words."""
    found = {
        Concern.STORAGE: _storage(sight),
        Concern.BACKLOG: _backlog(sight),
        Concern.DEAD_LETTERS: _dead_letters(sight),
        Concern.CLOCK: _clock(sight),
        Concern.FAIL_OVER: _fail_over(sight),
    }
    return {concern: said for concern, said in found.items() if said is not None}


def over(began: Concern, *, since_ms: int, now_ms: int) -> Announcement:
    """That something is well again."""
    minutes = max(1, round((now_ms - since_ms) / MINUTE_MS))
    return Announcement(
        title=f"Well again: {_NAMES[began]}", lines=(f"It lasted for {minutes} min.",),
        severity=Severity.INFO,
    )  # fmt: skip


_NAMES = {
    Concern.STORAGE: "the storage",
    Concern.BACKLOG: "the backlog of notices",
    Concern.DEAD_LETTERS: "deliveries",
    Concern.CLOCK: "the clock",
    Concern.CHANNEL: "a channel",
    Concern.PAUSE: "a pause",
    Concern.FAIL_OVER: "everything is shown from its own venue",
}


def paused(pause_ms: int) -> Announcement:
    """That the program stood still, and goes on (RELIABILITY.md P31)."""
    return Announcement(
        title=f"The program was paused for {pause_ms / 1_000:.0f} s",
        lines=("What the venues still tell of that time is filled in.",),
        severity=Severity.WARNING,
    )  # fmt: skip


def _storage(sight: Sight) -> Announcement | None:
    if sight.storage.state is StorageState.OK:
        return None
    return Announcement(
        title=f"Nothing can be stored as it should be: {sight.storage}",
        lines=("Readings wait in memory; what was shown is stored.",), severity=Severity.CRITICAL,
    )  # fmt: skip


def _backlog(sight: Sight) -> Announcement | None:
    if sight.oldest_ms is None or sight.now_ms - sight.oldest_ms < BACKLOG_MS:
        return None
    minutes = (sight.now_ms - sight.oldest_ms) // MINUTE_MS
    return Announcement(
        title=f"Notices have been waiting for {minutes} min",
        lines=("`sigmawatch deliveries list --status retry_wait` says which, and why.",),
        severity=Severity.WARNING,
    )  # fmt: skip


def _dead_letters(sight: Sight) -> Announcement | None:
    if sight.dead_ms is None or sight.now_ms - sight.dead_ms >= DEAD_LETTERS_MS:
        return None
    return Announcement(
        title=f"{_counted(sight.dead_count, 'notice')} could not be delivered",
        lines=("`sigmawatch deliveries list --status dead` says which, and why.",),
        severity=Severity.WARNING,
    )  # fmt: skip


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _fail_over(sight: Sight) -> Announcement | None:
    """One for all that went together: a venue's outage takes many along."""
    if not sight.away:
        return None
    names = ", ".join(dict.fromkeys(one.own for one in sight.away))
    asked = all(one.asked for one in sight.away)
    why = "as somebody asked" if asked else f"instead of {names}, which is not read"
    told = [f"{one.market}: {one.shown}" for one in sight.away[:AWAY_LINES]]
    if (more := len(sight.away) - AWAY_LINES) > 0:
        told.append(f"and {more} more")
    return Announcement(
        title=f"{_counted(len(sight.away), 'market')} shown from a backup, {why}",
        lines=tuple(told), severity=Severity.WARNING,
    )  # fmt: skip


def _clock(sight: Sight) -> Announcement | None:
    skewed = [one for one in sight.venues if abs(one.skew_ms or 0) > CLOCK_MS]
    stepped = sight.step_ms is not None and 0 <= sight.now_ms - sight.step_ms < STEP_TOLD_MS
    if not (skewed or stepped):
        return None
    lines = [f"{one.venue}: {(one.skew_ms or 0) / 1_000:+.1f} s" for one in skewed]
    if stepped:
        lines.append(f"It was set by {sight.stepped_ms / 1_000:+.1f} s, or the machine slept.")
    return Announcement(
        title="The clock of this machine is not right, or was set", lines=tuple(lines),
        severity=Severity.WARNING,
    )  # fmt: skip
