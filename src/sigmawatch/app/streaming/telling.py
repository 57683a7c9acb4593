"""What is told beside a table: the greeting, venues, episodes."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from sigmawatch import __version__
from sigmawatch.app.moments import moment_or_none, rfc3339
from sigmawatch.app.streaming.payloads import EpisodeEvent, Hello, VenueEvent
from sigmawatch.app.streaming.reader import Position
from sigmawatch.app.streaming.shown import PACE_MS
from sigmawatch.app.streaming.table import News, Table
from sigmawatch.app.streaming.wire import Piece, event
from sigmawatch.domain.alert import Episode, Rule
from sigmawatch.domain.caller import Scope
from sigmawatch.domain.venue import VenueStatus

RETRY_MS, RETRY_SPREAD_MS = 2_000, 3_000  # who was cut off comes back in so long, not all at once


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What a greeting says of the program. ui: the build of the page that the reader was served."""

    ui: str
    demo: bool


def greeting(
    table: Table, position: Position, *, venues: Sequence[VenueEvent], now_ms: int,
    about: About,
) -> Piece:  # fmt: skip
    """`hello` from a position in a table on."""
    epoch, sequence = position
    told, standing = table.told, table.asked.standing
    hello = Hello(
        version=__version__, ui=about.ui, epoch=epoch, sequence=sequence, time=rfc3339(now_ms),
        metric=standing.metric, interval_ms=standing.interval.ms, pace_ms=PACE_MS,
        rows=len(told.series), page=table.asked.page, pages=told.pages, venues=venues,
        demo=about.demo,
    )  # fmt: skip
    retry_ms = RETRY_MS + secrets.randbelow(RETRY_SPREAD_MS)
    return event("hello", hello, id=f"{epoch}-{sequence}", retry_ms=retry_ms)


def venue_event(status: VenueStatus) -> VenueEvent:
    return VenueEvent(
        venue=status.venue, state=status.state, since=rfc3339(status.since_ms),
        detail=status.detail, success_at=moment_or_none(status.success_ms),
        skew_ms=status.skew_ms,
    )  # fmt: skip


def news_of_venue(venue: VenueEvent) -> News:
    return News(piece=event("venue", venue), scope=Scope.READ_METRICS)


def news_of_episode(episode: Episode, *, rule: Rule | None, series: str | None) -> News:
    """For who may read alerts, and for whom the rule exists."""
    told = EpisodeEvent(
        id=episode.id, rule=rule.name if rule else str(episode.rule_id),
        severity=episode.severity, series_id=episode.series_id,
        series=series, opened_at=rfc3339(episode.opened_ms),
        closed_at=moment_or_none(episode.closed_ms), reason=episode.reason,
        reopened=episode.reopened_count,
    )  # fmt: skip
    owner_id = rule.owner_id if rule else None
    return News(piece=event("episode", told), scope=Scope.READ_ALERTS, owner_id=owner_id)
