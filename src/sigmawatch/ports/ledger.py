"""The ledger port: the record of everything true (users say *database*).

One transaction holds all that happens at once; nothing is shown before it is synced. Frames,
patches and runs have deterministic ids and are inserted if absent, so several programs may write
what they have; work that only one may do is claimed. Raises StorageFailed (stop), StorageNewer,
InUse; Unavailable from a read where a database elsewhere stays away, StorageUnavailable from a
write for as long as nothing can be stored.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from sigmawatch.domain.arrangement import Arrangement, ArrangementKind
from sigmawatch.domain.frame import Frame, Patch
from sigmawatch.domain.market import Market
from sigmawatch.domain.rank_column import RankColumn
from sigmawatch.domain.series import Block, Series
from sigmawatch.domain.venue import Run
from sigmawatch.domain.watchlist import Watchlist
from sigmawatch.domain.window import Interval
from sigmawatch.ports.access import AccessRepository, AuditRepository
from sigmawatch.ports.alerts import (
    AlertRepository,
    OutboxRepository,
    RuleRepository,
    SilenceRepository,
)
from sigmawatch.ports.channel_store import ChannelRepository
from sigmawatch.ports.delivery import InboxRepository, SubscriptionRepository
from sigmawatch.ports.once import OnceRepository
from sigmawatch.ports.storage import Storage


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The right to do some work alone. epoch: how often it was claimed, so a later claim has the
    higher one."""

    work: str
    epoch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """Something that is not as it was written, and is left out. what: `frame 17` and the like;
    of which block or series, and of which time [from_ms, until_ms) it told, as far as known."""

    what: str
    reason: str
    block_id: int | None = None
    series_id: int | None = None
    from_ms: int | None = None
    until_ms: int | None = None


class CatalogueRepository(Protocol):
    """Blocks and series. Ids are stable and never another's; a removed series keeps its row."""

    async def blocks(self) -> Sequence[Block]: ...

    async def series(self) -> Sequence[Series]:
        """Series tracked now, by id."""
        ...

    async def add(
        self,
        market: Market,
        metric: str,
        *,
        interval: Interval,
        origin: str,
        formula: str | None = None,
    ) -> Series:
        """Track a series: in the first block of its venue, metric and interval with room, else a
        new one. Tracking a tracked series returns it as it is, from then on with the stronger
        `origin` of the two (domain.series.stronger). One that was removed, of the same formula if
        it had one, is tracked again: under its id, in its place, with all that was recorded."""
        ...

    async def hand_over(self, series_id: int, *, origin: str) -> None:
        """From now on `origin` says why it is tracked. Raises NotFound."""
        ...

    async def rename(self, market: Market, native: str) -> bool:
        """The venue calls a market otherwise now: its series stay what they are. Whether it could
        be done; not where another market has had that id."""
        ...

    async def remove(self, series_id: int) -> None:
        """Stop tracking. History stays, and the place is kept for it. Raises NotFound."""
        ...


class FrameRepository(Protocol):
    """Frames and patches in commit order."""

    async def insert(self, items: Iterable[Frame | Patch]) -> frozenset[str]:
        """Insert what is absent; the ids that were inserted now."""
        ...

    async def standing(self, items: Iterable[Frame | Patch]) -> Sequence[Frame | Patch]:
        """What is stored under the names of items, by whomever; nothing for one that is sealed,
        damaged or absent."""
        ...


class RunRepository(Protocol):
    """Collection runs, newest first."""

    async def insert(self, runs: Iterable[Run]) -> None: ...


class RankRepository(Protocol):
    """Standing rankings of the past; read through ports.ranks."""

    async def put(self, columns: Iterable[RankColumn]) -> None:
        """Store columns; one of the same ranking and slot is replaced."""
        ...

    async def thin(self, *, quarters_before_ms: int, before_ms: int, rows_max: int) -> int:
        """Delete up to `rows_max` columns: those that end no later than `before_ms`, and of those
        no later than `quarters_before_ms` all but the ones with which an hour ends. How many."""
        ...


class WatchlistRepository(Protocol):
    """Watchlists that no file manages."""

    async def put(self, watchlist: Watchlist) -> None:
        """Store it; the one of the same name is replaced."""
        ...

    async def remove(self, name: str) -> bool:
        """Whether there was one."""
        ...


class ArrangementRepository(Protocol):
    """What people arranged about markets and venues while the program ran."""

    async def put(self, arrangement: Arrangement) -> None:
        """Store it; the one of the same kind and name is replaced."""
        ...

    async def remove(self, kind: ArrangementKind, name: str) -> bool:
        """Whether there was one."""
        ...


class Transaction(Protocol):
    """What one transaction may touch."""

    @property
    def catalogue(self) -> CatalogueRepository: ...

    @property
    def frames(self) -> FrameRepository: ...

    @property
    def runs(self) -> RunRepository: ...

    @property
    def ranks(self) -> RankRepository: ...

    @property
    def watchlists(self) -> WatchlistRepository: ...

    @property
    def arrangements(self) -> ArrangementRepository: ...

    @property
    def rules(self) -> RuleRepository: ...

    @property
    def silences(self) -> SilenceRepository: ...

    @property
    def alerts(self) -> AlertRepository: ...

    @property
    def outbox(self) -> OutboxRepository: ...

    @property
    def inbox(self) -> InboxRepository: ...

    @property
    def subscriptions(self) -> SubscriptionRepository: ...

    @property
    def channels(self) -> ChannelRepository: ...

    @property
    def once(self) -> OnceRepository: ...

    @property
    def access(self) -> AccessRepository: ...

    @property
    def audit(self) -> AuditRepository: ...

    async def check(self, claim: Claim) -> None:
        """Raises Superseded where the work was claimed anew since: then nothing of this is kept."""
        ...


class Ledger(Protocol):
    """The database. One writer; reads see committed data only and never wait for the writer.

    before_commit: called in every transaction when its block has ended, and is part of it.
    """

    before_commit: Callable[[Transaction], Awaitable[None]]

    def transaction(self, *, bulk: bool = False) -> AbstractAsyncContextManager[Transaction]:
        """All or nothing, synced to disk when the block ends without an exception.

        bulk: what there is much of, and what nobody loses who waits (readings, ranks): it waits
        until there is room. All else is small: a full disk takes it in a reserve, and where
        nothing can be stored it raises StorageUnavailable, at the latest after a second.
        """
        ...

    def claimed(self, work: str) -> AbstractAsyncContextManager[Claim | None]:
        """Do `work` (say sealing) alone among all programs on this database; None where another one
        does it now. A claim may be lost unnoticed, so transactions of the work check it."""
        ...

    async def blocks(self) -> Sequence[Block]: ...

    async def series(self) -> Sequence[Series]:
        """Series tracked now, by id."""
        ...

    def replay(self, *, from_ms: int) -> AsyncIterator[Sequence[Frame | Patch]]:
        """Frames and patches that touch slots from `from_ms` on, in commit order, in batches: what
        was committed when it began. A damaged one is left out and counted (`damaged_count`)."""
        ...

    async def runs(
        self, *, venue: str | None = None, before_ms: int | None = None, limit: int = 100
    ) -> Sequence[Run]:
        """Runs started before `before_ms`, newest first."""
        ...

    async def watchlists(self) -> Sequence[Watchlist]:
        """By name."""
        ...

    async def arrangements(self) -> Sequence[Arrangement]:
        """By kind and name."""
        ...

    async def catalogue_version(self) -> int | None:
        """Grows with every change of series, formulas, watchlists, arrangements, rules, silences
        and access, whichever program makes it; None where no other program can."""
        ...

    async def live_since_ms(self) -> int | None:
        """When the oldest stored frame was received; None in a folder that never held one."""
        ...

    @property
    def damaged_count(self) -> int: ...

    @property
    def damage(self) -> Sequence[Damage]:
        """What was met so far that is not as it was written, each once."""
        ...

    @property
    def storage(self) -> Storage:
        """How what lies under the database is."""
        ...

    async def close(self) -> None: ...
