"""Notices about the program itself: they go by the routes of their severity, and to the inbox."""

from __future__ import annotations

from enum import IntEnum

import msgspec

from sigmawatch.domain.announcement import Announcement
from sigmawatch.domain.notice import FANOUT, PROGRAM, Notice, NoticeKind


class Concern(IntEnum):
    """What a notice of our own is about; stored in the place of a series, so numbers stay."""

    CHANNEL = 1
    STORAGE = 2
    BACKLOG = 3
    DEAD_LETTERS = 4
    VENUES = 5
    CLOCK = 6
    PAUSE = 7
    FAIL_OVER = 8


def own_notice(
    concern: Concern, said: Announcement, *, episode: str, at_ms: int,
    kind: NoticeKind = NoticeKind.FIRING,
) -> Notice:  # fmt: skip
    """To everybody who is to hear of us. The end of something is the second of its episode."""
    return Notice(
        rule_id=PROGRAM, series_id=concern, episode=episode, kind=kind,
        ordinal=int(kind is NoticeKind.RESOLVED), channel=FANOUT, decided_ms=at_ms, due_ms=at_ms,
        receipt=msgspec.json.encode(said).decode(),
    )  # fmt: skip
