"""The delivery side of the database: the inbox, subscriptions, and reads of what is on its way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from sigmawatch.domain.alert import Severity
from sigmawatch.domain.notice import Delivery, NoticeKind, NoticeStatus
from sigmawatch.domain.subscription import Following, Subscription


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """What is open in a lane: when there is something to do next, how much there is, and since when
    the oldest of it is due."""

    next_ms: int
    count: int
    oldest_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """What became of one notice of an episode."""

    kind: NoticeKind
    status: NoticeStatus
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnWord:
    """The newest notice on a condition of the program's own."""

    condition: int
    kind: NoticeKind
    episode: str
    ordinal: int
    decided_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A message in the inbox. name: its id, by which it comes once. owner: whose inbox, "" for
    everybody's. message: a JSON object."""

    number: int
    name: str
    owner: str
    severity: Severity
    message: str
    came_ms: int
    read_ms: int | None


class InboxRepository(Protocol):
    """What is told in the program itself."""

    async def put(self, name: str, *, severity: Severity, message: str, rule_id: int = 0) -> None:
        """Insert where it is absent, for the user whose rule it is about, else for everybody."""
        ...

    async def mark_read(self, *, through: int, owner: str = "") -> int:
        """Everybody's, and the owner's own, up to a number is read; how many became it."""
        ...

    async def prune(self, *, before_ms: int, rows_max: int) -> int:
        """Delete, of the oldest, what came before then, so many at most, read or not; how many that
        were. The newest of all stays."""
        ...


class SubscriptionRepository(Protocol):
    """Who follows what. Numbers are never used again."""

    async def put(self, following: Following) -> Subscription: ...

    async def confirm(self, number: int) -> bool:
        """False where there is none that waits for it."""
        ...

    async def end(self, number: int) -> bool:
        """False where there is none that stands."""
        ...


class DeliveryStore(Protocol):
    """What was committed."""

    async def lanes(self) -> Mapping[str, Backlog]:
        """Of every lane with something open."""
        ...

    async def overdue(
        self, lane: str, *, before_ms: int, after: int, limit: int
    ) -> Sequence[Delivery]:
        """What is open and has been due since `before_ms` or longer, with numbers above `after`, in
        their order."""
        ...

    async def fates(self, episode: str, channel: str) -> Sequence[Fate]:
        """Of the notices of an episode to a channel, in their order."""
        ...

    async def settings(self, rule_id: int, version: int) -> str | None:
        """Of that version of a rule."""
        ...

    async def owner(self, rule_id: int) -> int | None:
        """The user whose a rule is, or was; None where it is the installation's."""
        ...

    async def own_words(self) -> Sequence[OwnWord]:
        """Of every condition of the program's own that was ever told of."""
        ...

    async def deliveries(
        self, *, status: NoticeStatus | None = None, before: int | None = None, limit: int = 100,
        viewer: int | None = None,
    ) -> Sequence[Delivery]:  # fmt: skip
        """With numbers below `before`, newest first. viewer: as for episodes (ports.alerts)."""
        ...

    async def delivery(self, number: int) -> Delivery | None: ...

    async def counts(self) -> tuple[Mapping[NoticeStatus, int], int]:
        """How many notices of each status, and how many attempts nobody is sure of."""
        ...

    async def inbox(
        self, *, owner: str = "", unread: bool = False, before: int | None = None, limit: int = 100
    ) -> tuple[Sequence[Received], int]:
        """Messages to everybody and to `owner` (`*`: to anybody) with numbers below `before`,
        newest first, and how many are unread."""
        ...

    async def subscriptions(self) -> Sequence[Subscription]:
        """Those that stand, confirmed or not, by number."""
        ...
