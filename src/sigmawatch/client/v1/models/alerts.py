"""What is answered about alerts.

Written by `make docs` from the API's contract (scripts/client.py).
"""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from sigmawatch.client.model import Open, Page
from sigmawatch.client.v1.models.shared import Severity


class Answer(Open):
    ACCEPTED = "accepted"
    LATER = "later"
    REFUSED = "refused"
    MALFORMED = "malformed"
    GONE = "gone"


class InboxMessage(Struct, frozen=True, kw_only=True):
    number: int  # Its number; later ones are higher.
    severity: Severity  # How much it matters.
    kind: str  # What it says.
    episode: str  # What it is about.
    title: str  # One line.
    lines: list[str]  # The text.
    came_at: datetime  # Arrival.
    read_at: datetime | None = None  # Null while unread.


class NoticeKind(Open):
    FIRING = "firing"
    RESOLVED = "resolved"
    REMINDER = "reminder"
    ACTIVE_AGAIN = "active_again"
    FLAPPING = "flapping"
    SUMMARY = "summary"
    NO_DATA = "no_data"
    DIGEST = "digest"
    CONFIRM = "confirm"


class NoticeStatus(Open):
    PENDING = "pending"
    LEASED = "leased"
    RETRY_WAIT = "retry_wait"
    DELIVERED = "delivered"
    DEAD = "dead"
    EXPIRED = "expired"
    MERGED = "merged"
    MUTED = "muted"
    CANCELLED = "cancelled"


class ReadAnswer(Struct, frozen=True, kw_only=True):
    read: int  # How many were unread before.


class Rekeyed(Struct, frozen=True, kw_only=True):
    count: int  # Channels sealed anew.
    demo: bool  # An invented market.


class ServiceSetting(Struct, frozen=True, kw_only=True):
    name: str  # Its name.
    meaning: str  # In words.
    required: bool  # It has no default.
    secret: bool  # Nobody is shown it again.
    default: str  # Where it is left out.


class ShownChannel(Struct, frozen=True, kw_only=True):
    name: str  # Its name.
    service: str  # Whose.
    origin: str  # file: managed by the configuration; or api.
    address: str  # Host and end of the secret.
    state: str  # ready, disabled (410), or unusable.
    reason: str | None = None  # Why it is not ready.
    per_minute: float | None = None  # Messages a minute; more come together.
    etag: str  # For If-Match, to remove it.


class ShownDelivery(Struct, frozen=True, kw_only=True):
    number: int  # Its number; later ones are higher.
    id: str  # The same in every attempt.
    episode: str  # What it is about.
    kind: NoticeKind  # What it says.
    channel: str  # Where to; * before that was found, @7 for subscription 7.
    status: NoticeStatus  # How far.
    detail: str  # What it came to last.
    attempts: int  # Begun so far.
    unsure: int  # Attempts that may have arrived all the same.
    decided_at: datetime  # Slot.
    changed_at: datetime | None = None  # Became so.
    next_at: datetime | None = None  # Next attempt; null at the end.


class ShownService(Struct, frozen=True, kw_only=True):
    name: str  # Its name.
    per_minute: float  # Messages it takes.
    settings: list[ServiceSetting]  # What it needs.


class ShownSubscription(Struct, frozen=True, kw_only=True):
    number: int  # Its number.
    address: str  # Where to.
    target: str  # rule:NAME, watchlist:NAME or pattern:VENUE:BASE/QUOTE
    severity: Severity  # The least told.
    mute: list[str]  # When nothing is told.
    made_at: datetime  # Made.
    confirmed_at: datetime | None = None  # Null until the address said yes.


class Tested(Struct, frozen=True, kw_only=True):
    name: str  # The channel.
    delivered: bool  # Whether it was taken.
    answer: Answer  # What followed.
    detail: str  # In words.
    took_ms: int  # How long it took.
    demo: bool  # An invented market.


class ChannelsPage(Page[ShownChannel], frozen=True, kw_only=True):
    items: list[ShownChannel]  # By name.
    demo: bool  # An invented market.


class Deliveries(Page[ShownDelivery], frozen=True, kw_only=True):
    items: list[ShownDelivery]  # This page.
    next_before: int | None = None  # `before` for older ones; null at the end.
    counts: dict[str, int]  # All there are, by status.
    unsure: int  # Attempts that may have arrived all the same.
    demo: bool  # An invented market.


class InboxPage(Page[InboxMessage], frozen=True, kw_only=True):
    items: list[InboxMessage]  # This page.
    next_before: int | None = None  # `before` for older ones; null at the end.
    unread: int  # How many are unread.
    demo: bool  # An invented market.


class ServicesPage(Page[ShownService], frozen=True, kw_only=True):
    items: list[ShownService]  # Each once.


class SubscriptionsPage(Page[ShownSubscription], frozen=True, kw_only=True):
    items: list[ShownSubscription]  # By number.
    demo: bool  # An invented market.
