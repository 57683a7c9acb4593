"""Notices: what a channel is to be told, and how far that has come (SEMANTICS.md 8).

A notice is decided with its slot and never changes; its delivery does. Its id follows from its
episode, kind, ordinal and channel, is unique in the outbox, and is sent as the idempotency key.
Imports nothing of ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

LEASE_MS = 30_000
FANOUT = "*"  # in the place of a channel: whom it is for is found when it is sent
INBOX = "inbox"  # the channel that is always there
SUBSCRIBER = "@"  # before the number of a subscription: the channel to who subscribed
PROGRAM = 0  # in the place of a rule: the notice is about the program itself


class NoticeKind(StrEnum):
    """What it says of its episode."""

    FIRING = "firing"
    RESOLVED = "resolved"
    REMINDER = "reminder"
    ACTIVE_AGAIN = "active_again"
    FLAPPING = "flapping"
    SUMMARY = "summary"
    NO_DATA = "no_data"
    DIGEST = "digest"  # many notices to a channel that takes no more of them one by one
    CONFIRM = "confirm"  # whether an address wants to be told


class NoticeStatus(StrEnum):
    """How far its delivery is. The first three are open, the others ends."""

    PENDING = "pending"
    LEASED = "leased"
    RETRY_WAIT = "retry_wait"
    DELIVERED = "delivered"
    DEAD = "dead"
    EXPIRED = "expired"
    MERGED = "merged"
    MUTED = "muted"
    CANCELLED = "cancelled"

    @property
    def open(self) -> bool:
        """Whether something is still to be done."""
        return self in (NoticeStatus.PENDING, NoticeStatus.LEASED, NoticeStatus.RETRY_WAIT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What one channel is to be told of one episode.

    ordinal: its place among the notices of its episode, from 0. decided_ms: open of the slot it
    was decided in. due_ms: not to be sent before. receipt: what it was decided on, a JSON object,
    for `explain` and for the text. Notices of one state to one channel are sent in the order in
    which they were decided.
    """

    rule_id: int
    series_id: int
    episode: str
    kind: NoticeKind
    ordinal: int
    channel: str
    decided_ms: int
    due_ms: int
    receipt: str

    def __post_init__(self) -> None:
        assert self.ordinal >= 0

    @property
    def id(self) -> str:
        return f"{self.episode}-{self.kind}-{self.ordinal}-{self.channel}"

    @property
    def lane(self) -> str:
        """What is sent one after the other: a channel; all subscribers are one."""
        return SUBSCRIBER if self.channel.startswith(SUBSCRIBER) else self.channel


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A notice in the outbox.

    number: of its row; later notices have higher ones. attempts: begun so far. next_ms: while it is
    open, when somebody may take it; of a leased one, when its lease ends. fence: how often it was
    leased, so an older lease is known. detail: what the last attempt came to. unsure_count: how
    many attempts may have arrived although nobody said so. changed_ms: when it became what it is.
    """

    notice: Notice
    number: int
    status: NoticeStatus
    attempts: int
    next_ms: int
    fence: int
    detail: str = ""
    unsure_count: int = 0
    changed_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What an attempt, or the decision against one, makes of a leased notice. next_ms: of one that
    is to be tried again. unsure: the attempt may have arrived although nobody said so."""

    status: NoticeStatus
    detail: str = ""
    next_ms: int = 0
    unsure: bool = False

    def __post_init__(self) -> None:
        assert self.status is not NoticeStatus.LEASED
