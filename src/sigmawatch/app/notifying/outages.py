"""Venues' outages as they are told: each once when it begins, once when it is over.

"A venue outage or our own loss of connectivity suppresses its dependants" (SEMANTICS.md 7): this is
the one notice that is told instead. Those that fall silent at one look are told of together, and
well again together: all of them at once are our own connection. What rules hear as silence
(engine.silence) is an outage here, too, so whoever hears of outages from the program need not hear
of them from rules. Pure but for what is remembered between two looks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sigmawatch.app.notifying.own import Concern, own_notice
from sigmawatch.domain.alert import Severity
from sigmawatch.domain.announcement import Announcement
from sigmawatch.domain.notice import Notice, NoticeKind
from sigmawatch.domain.venue import VenueState, VenueStatus
from sigmawatch.domain.window import MINUTE_MS, Interval
from sigmawatch.engine.silence import EVERYWHERE, Silence, Venues
from sigmawatch.engine.snapshot import Snapshot

SILENT_SLOTS, SILENT_MS = 3, 30_000  # RELIABILITY.md P16: "within 3 slots + 30 s"
SEVERITY = Severity.WARNING
_PREFIX = "self-venues"
Outage = tuple[str, int]  # its episode, and when it was told of


@dataclass(frozen=True, slots=True, kw_only=True)
class Quiet:
    """Venues of which nothing is read. told: they were asked and did not answer; still: those, and
    others of which that may still be so, though nobody asked them just now."""

    told: frozenset[str] = frozenset()
    still: frozenset[str] = frozenset()


class QuietOf:
    """Which venues are quiet in a snapshot, as rules hear it."""

    def __init__(self, snapshot: Callable[[], Snapshot]) -> None:
        self._snapshot = snapshot
        self._venues: dict[int, Venues] = {}

    def __call__(self) -> Quiet:
        told, still = set[str](), set[str]()
        for interval_ms, board in self._snapshot().boards.items():
            known = self._venues.get(interval_ms)
            if known is None or known.layout is not board.layout:
                known = self._venues[interval_ms] = Venues(board.layout)
            rows = np.arange(len(board.series), dtype=np.intp)
            found, may_be = Silence.of(board, known).told_of(rows)
            told |= {known.names[code] for code in known.codes[known.levels]
                     if EVERYWHERE in found or known.names[code] in found}  # fmt: skip
            still |= may_be - {EVERYWHERE}
        return Quiet(told=frozenset(told), still=frozenset(told | still))


def unanswered(venues: Sequence[VenueStatus], *, now_ms: int, interval: Interval) -> frozenset[str]:
    """Those that have not answered for so long that it is told, whatever is tracked of them."""
    patience_ms = SILENT_SLOTS * interval.ms + SILENT_MS
    return frozenset(
        one.venue for one in venues if one.state is not VenueState.PAUSED
        and now_ms - (one.success_ms or one.since_ms) > patience_ms
    )  # fmt: skip


class Outages:
    """What was told of venues. A look changes nothing until what follows from it is stored."""

    def __init__(self) -> None:
        self._began: Mapping[str, Outage] = {}

    @property
    def began(self) -> frozenset[str]:
        """The venues that were told to be silent, and not to be well again."""
        return frozenset(self._began)

    def recovered(self, episode: str, *, at_ms: int) -> None:
        """An outage was told of before a restart. Episodes of programs before this one name no
        venue: they are of whichever are silent now."""
        self._began = {**self._began, **dict.fromkeys(_names(episode), (episode, at_ms))}

    def look(
        self, silent: frozenset[str], venues: Sequence[VenueStatus], *, now_ms: int
    ) -> tuple[list[Notice], Mapping[str, Outage]]:
        """What is to be told, and what is remembered once that is stored."""
        known = dict(self._began)
        if silent and "" in known:
            unnamed = known.pop("")
            known = {**dict.fromkeys(silent, unnamed), **known}
        after = {name: one for name, one in known.items() if name in silent}
        news: list[Notice] = []
        for episode, since_ms in sorted(set(known.values()) - set(after.values())):
            said = _well_again(_names(episode), since_ms=since_ms, now_ms=now_ms)
            news.append(own_notice(Concern.VENUES, said, episode=episode, at_ms=now_ms,
                                   kind=NoticeKind.RESOLVED))  # fmt: skip
        if begun := sorted(silent - known.keys()):
            episode = f"{_PREFIX}-{now_ms}-{'+'.join(begun)}"
            after |= dict.fromkeys(begun, (episode, now_ms))
            said = _no_answer(begun, {one.venue: one for one in venues})
            news.append(own_notice(Concern.VENUES, said, episode=episode, at_ms=now_ms))
        return news, after

    def stored(self, after: Mapping[str, Outage]) -> None:
        """What `look` gave is on disk."""
        self._began = after


def _names(episode: str) -> Sequence[str]:
    """The venues of an episode."""
    return episode.removeprefix(f"{_PREFIX}-").partition("-")[2].split("+")


def _no_answer(names: Sequence[str], venues: Mapping[str, VenueStatus]) -> Announcement:
    lines = [f"{name}: {one.state} {one.detail}".strip() for name in names
             if (one := venues.get(name)) is not None]  # fmt: skip
    return Announcement(
        title=f"No answer from {', '.join(names)}", lines=tuple(lines), severity=SEVERITY
    )


def _well_again(names: Sequence[str], *, since_ms: int, now_ms: int) -> Announcement:
    minutes = max(1, round((now_ms - since_ms) / MINUTE_MS))
    return Announcement(
        title=f"Well again: {', '.join(filter(None, names)) or 'the venues'}",
        lines=(f"It lasted for {minutes} min.",), severity=Severity.INFO,
    )  # fmt: skip
