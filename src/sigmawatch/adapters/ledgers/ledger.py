"""What every ledger over SQL does, whichever database it is: a dialect brings statements, a writer
and readers.

Fulfils ports.ledger, ports.history, ports.ranks and ports.backup. One transaction at a time, in the
order they were asked for; durable before its block ends. What is not stored as it was written is
left out, counted in `damaged_count` and logged by its id; it is never guessed and never deleted.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TypeVar

from sigmawatch.adapters.ledgers.access import AccessReads
from sigmawatch.adapters.ledgers.alert_reads import AlertReads
from sigmawatch.adapters.ledgers.arrangements import read_arrangements
from sigmawatch.adapters.ledgers.catalogue import read_blocks, read_series
from sigmawatch.adapters.ledgers.channels import ChannelReads
from sigmawatch.adapters.ledgers.copies import keep, part_of, refuse_present
from sigmawatch.adapters.ledgers.delivery_reads import DeliveryReads
from sigmawatch.adapters.ledgers.gently import Precedence
from sigmawatch.adapters.ledgers.history import SqlHistory
from sigmawatch.adapters.ledgers.means import Means
from sigmawatch.adapters.ledgers.once import OnceReads
from sigmawatch.adapters.ledgers.rank_columns import read_rank_column, read_rank_slots
from sigmawatch.adapters.ledgers.reading import BATCH_ROWS, Stored
from sigmawatch.adapters.ledgers.repositories import (
    SqlTransaction,
    read_runs,
)
from sigmawatch.adapters.ledgers.sealed import SealedReads
from sigmawatch.adapters.ledgers.sealing import SqlSealing
from sigmawatch.adapters.ledgers.session import Readers, Session, Writer, value
from sigmawatch.adapters.ledgers.verifying import verified
from sigmawatch.adapters.ledgers.watchlists import read_watchlists
from sigmawatch.domain.arrangement import Arrangement
from sigmawatch.domain.errors import StorageFailed, StorageUnavailable
from sigmawatch.domain.frame import Frame, Patch
from sigmawatch.domain.rank_column import RankColumn, Standing
from sigmawatch.domain.series import Block, Series
from sigmawatch.domain.storage import StorageState
from sigmawatch.domain.venue import Run
from sigmawatch.domain.watchlist import Watchlist
from sigmawatch.ports.backup import Copied, Told
from sigmawatch.ports.clock import Clock
from sigmawatch.ports.history import Rollups, Stretch
from sigmawatch.ports.ledger import Claim, Damage, Transaction
from sigmawatch.ports.storage import Storage

T = TypeVar("T")

PATIENCE_S = 1.0  # of who wants to store something now, while the storage does not answer
_END_OF_TIME_MS = 2**62


class SqlLedger:
    """A database that stands open. A dialect makes it."""

    def __init__(
        self, writer: Writer, readers: Readers, *, sql: Mapping[str, str], clock: Clock,
        closing: AsyncExitStack,
    ) -> None:  # fmt: skip
        """closing: closes the readers, the writer, and what else the database holds."""
        self._writer = writer
        self._readers = readers
        self._clock = clock
        self._sql = sql
        self._closing = closing
        self._turn = asyncio.Lock()
        self.first = Precedence()  # what works beside commits gives way to them
        self._closed = False
        self._stored = Stored(self._sql)
        self._counted: set[str] = set()
        writing = partial(self._begun, bulk=True)
        means = Means(read=self._read, writing=writing, claimed=self.claimed, sql=sql)
        reads = SealedReads(sql, stored=self._stored)
        self._history = SqlHistory(means, sql=sql, reads=reads)
        self.alerts = AlertReads(self._read, sql=sql, damaged=self._stored.damaged)
        self.delivery = DeliveryReads(self._read, sql=sql)
        self.channels = ChannelReads(self._read, sql=sql)
        self.once = OnceReads(self._read, sql=sql, clock=clock)
        self.before_commit: Callable[[Transaction], Awaitable[None]] = _nothing
        self.access = AccessReads(self._read, sql=sql)
        self.sealing = SqlSealing(means, sql=sql, stored=self._stored, reads=reads)

    @asynccontextmanager
    async def transaction(self, *, bulk: bool = False) -> AsyncIterator[Transaction]:
        """One after the other, first come, first served. When a cancellation arrives during the
        commit, the commit ends first: then it stands, and the cancellation follows."""
        with self.first.taken():
            async with self._begun(bulk=bulk) as transaction:
                yield transaction
                await self.before_commit(transaction)

    @asynccontextmanager
    async def _begun(self, *, bulk: bool = False) -> AsyncIterator[SqlTransaction]:
        async with self._taken_turn(bulk=bulk):
            assert not self._closed
            transaction = SqlTransaction(
                self._writer, sql=self._sql, clock=self._clock, stored=self._stored
            )
            try:
                await self._writer.begin(bulk=bulk)
                yield transaction
                await self._writer.commit()
            except BaseException:
                await self._writer.rollback()
                raise
            finally:
                transaction.end()

    @asynccontextmanager
    async def _taken_turn(self, *, bulk: bool) -> AsyncIterator[None]:
        """Our turn to write, once it makes sense to. Raises StorageUnavailable, but for bulk."""
        await self._admitted(bulk=bulk)
        while not await self._acquired(None if bulk else PATIENCE_S):
            status = self.storage.status
            if status.state is not StorageState.OK:  # who has it may wait for the storage
                raise StorageUnavailable(str(status))
        try:
            yield
        finally:
            self._turn.release()

    async def _acquired(self, patience_s: float | None) -> bool:
        """Whether we have the turn; False where it took longer than that."""
        try:
            async with asyncio.timeout(patience_s):
                return await self._turn.acquire()
        except TimeoutError:
            return False

    async def _admitted(self, *, bulk: bool) -> None:
        """Wait while nothing can be stored; bulk also while there is no room but the reserve.
        Raises StorageFailed, StorageUnavailable."""
        status = self.storage.status
        goes_on = {StorageState.OK} if bulk else {StorageState.OK, StorageState.FULL}
        try:
            async with asyncio.timeout(None if bulk else PATIENCE_S):
                while status.state not in goes_on and not status.doubtful:
                    status = await self.storage.changed(status)
        except TimeoutError:
            raise StorageUnavailable(str(status)) from None
        if status.doubtful:
            raise StorageFailed(str(status))

    @asynccontextmanager
    async def claimed(self, work: str) -> AsyncIterator[Claim | None]:
        async with self._writer.alone(work) as alone:
            if not alone:
                yield None
                return
            async with self._begun(bulk=True) as transaction:
                claim = await transaction.claim(work)
            yield claim

    async def blocks(self) -> Sequence[Block]:
        return await self._read(partial(read_blocks, sql=self._sql, stored=self._stored))

    async def series(self) -> Sequence[Series]:
        return await self._read(partial(read_series, sql=self._sql, stored=self._stored))

    async def replay(self, *, from_ms: int) -> AsyncIterator[Sequence[Frame | Patch]]:
        """What was committed when the replay began, in short reads; the next one is under way
        while the caller works on the one before."""
        entries = await self._read(partial(self._stored.wanted, from_ms=from_ms))
        parts = [entries[at : at + BATCH_ROWS] for at in range(0, len(entries), BATCH_ROWS)]
        if not parts:
            return
        coming = self._read(partial(self._stored.items, entries=parts[0]))
        try:
            for part in [*parts[1:], None]:
                items = await coming
                if part is not None:
                    coming = self._read(partial(self._stored.items, entries=part))
                if items:
                    yield items
        finally:
            if not coming.cancel() and not coming.cancelled():
                coming.exception()  # the caller has gone; nobody else would look at it

    async def runs(
        self, *, venue: str | None = None, before_ms: int | None = None, limit: int = 100
    ) -> Sequence[Run]:
        assert limit > 0
        statement = self._sql["select_runs" if venue is None else "select_runs_of_venue"]
        bindings: dict[str, str | int] = {
            "before_ms": _END_OF_TIME_MS if before_ms is None else before_ms, "rows": limit
        }  # fmt: skip
        if venue is not None:
            bindings["venue"] = venue
        await self._count("runs")
        read = partial(read_runs, statement=statement, bindings=bindings, stored=self._stored)
        return await self._read(read)

    async def catalogue_version(self) -> int | None:
        return None

    async def _count(self, table: str) -> None:
        """Note, once, whether rows have vanished from a table that is read in parts."""
        if table not in self._counted:
            self._counted.add(table)
            await self._read(partial(self._stored.count, table=table))

    async def live_since_ms(self) -> int | None:
        return await self._read(
            lambda session: value(session.execute(self._sql["select_live_since"]))
        )

    async def stretch(self, series: Series, *, from_slot: int, to_slot: int) -> Stretch:
        return await self._history.stretch(series, from_slot=from_slot, to_slot=to_slot)

    async def rollups(self, series: Series, *, width_ms: int, from_ms: int, to_ms: int) -> Rollups:
        return await self._history.rollups(series, width_ms=width_ms, from_ms=from_ms, to_ms=to_ms)

    async def oldest_ms(self, series: Series) -> int | None:
        return await self._history.oldest_ms(series)

    async def watchlists(self) -> Sequence[Watchlist]:
        return await self._read(partial(read_watchlists, sql=self._sql, stored=self._stored))

    async def arrangements(self) -> Sequence[Arrangement]:
        return await self._read(partial(read_arrangements, sql=self._sql, stored=self._stored))

    async def rank_slots(
        self, standing: Standing, *, from_slot: int, to_slot: int
    ) -> Sequence[int]:
        await self._count("rank_columns")
        found = partial(read_rank_slots, sql=self._sql, standing=standing)
        return await self._read(partial(found, from_slot=from_slot, to_slot=to_slot))

    async def rank_column(self, standing: Standing, slot: int) -> RankColumn | None:
        found = partial(read_rank_column, sql=self._sql, standing=standing, slot=slot)
        return await self._read(partial(found, damaged=self._stored.damaged))

    @property
    def damaged_count(self) -> int:
        """What was met so far that is not as it was written, each counted once."""
        return len(self._stored.damage)

    @property
    def damage(self) -> Sequence[Damage]:
        return self._stored.damage

    def note_missing(self, first: int, last: int, *, seen_ms: int) -> None:
        """Commits of these numbers, of which the last was seen at `seen_ms`, are not there."""
        count = last - first + 1
        self._stored.note_damage(
            "commits", f"{first}-{last}", told={"until_ms": seen_ms},
            reason=f"{count} transactions that were committed are missing: the database's log is "
                   "damaged or was cut",
        )  # fmt: skip

    @property
    def storage(self) -> Storage:
        return self._writer.storage

    async def prune(
        self, *, before_ms: int, rows_max: int, rollups_before_ms: Mapping[int, int] | None = None
    ) -> int:
        return await self._history.prune(
            before_ms=before_ms, rows_max=rows_max, rollups_before_ms=rollups_before_ms
        )

    async def backup(self, target: str, *, told: Told) -> Copied:
        path = Path(target)
        refuse_present(path)
        part = await asyncio.to_thread(part_of, path)
        try:
            await self._copy(part, told=told)
            copied = await verified(part, beside=self.first)
            refuse_present(path)
            await asyncio.to_thread(keep, part, path)
        finally:
            part.unlink(missing_ok=True)
        return copied

    async def _copy(self, part: Path, *, told: Told) -> None:
        """Everything that is committed, into the empty file `part`. Raises Refused."""
        raise NotImplementedError

    def _read(self, work: Callable[[Session], T]) -> asyncio.Future[T]:
        assert not self._closed
        return self._readers.run(work)

    async def close(self) -> None:
        """Wait for the transaction that runs, then let the database go."""
        async with self._turn:
            if self._closed:
                return
            self._closed = True
            await self._closing.aclose()


async def _nothing(_: Transaction) -> None:
    """Nobody adds anything."""
