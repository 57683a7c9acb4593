"""The tracker: the only writer of the series table. What it has applied is what is true.

Items are applied after their transaction is synced, in commit order; a slot closes when every block
has its frame or at the deadline, and its snapshot is published as one reference swap. Statistics
run in one compute thread, so the event loop answers meanwhile (SEMANTICS.md 2, DESIGN.md).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial, reduce
from typing import TypeVar

import structlog

from sigmawatch.app.catalogue import Catalogue
from sigmawatch.app.closing import Closer
from sigmawatch.app.collector import PARTITION
from sigmawatch.app.compute import ComputeThread
from sigmawatch.app.durability import Durability
from sigmawatch.app.formulas import Pools
from sigmawatch.app.judging import WAITED_SLOTS, Judging, Past
from sigmawatch.app.returning import remembered, returned
from sigmawatch.app.settling import Settling
from sigmawatch.app.tables import Tables
from sigmawatch.app.telemetry.telemetry import Stage, Telemetry
from sigmawatch.domain.frame import Frame, Patch
from sigmawatch.domain.series import Block, Series
from sigmawatch.domain.venue import Run
from sigmawatch.domain.window import DAY_MS, HOUR_MS, Interval
from sigmawatch.engine.judge import Decisions, Judge
from sigmawatch.engine.snapshot import Board, Snapshot
from sigmawatch.ports.alerts import AlertStore
from sigmawatch.ports.bus import Answer, Bus, Message
from sigmawatch.ports.clock import Clock
from sigmawatch.ports.history import History
from sigmawatch.ports.ledger import Ledger

REFRESH_MS = 1_000  # how long late values gather before their slots are computed again
HOT_MS = DAY_MS + 2 * HOUR_MS
RESTORE_ITEMS = 4_096  # at once: 40 slots of 100,000 series, 38 MB

T = TypeVar("T")
log = structlog.get_logger()


class Tracker:
    """Commits, applies, closes, publishes."""

    def __init__(
        self, *, ledger: Ledger, bus: Bus, clock: Clock, catalogue: Catalogue, tables: Tables
    ) -> None:
        self._ledger = ledger
        self._bus = bus
        self._clock = clock
        self._catalogue = catalogue
        self._tables = tables
        self.telemetry = Telemetry(clock)
        self._judging: Judging | None = None
        self._catching_up: Callable[[str], bool] = lambda _: False
        self.durability = Durability(catalogue)
        self._closing = asyncio.Lock()
        self.compute = ComputeThread()
        self._snapshot = Snapshot.empty()
        self._published = asyncio.Event()
        self._closers: dict[Interval, Closer] = {}
        self._late = asyncio.Event()
        self._derived = Settling(tables, ledger, compute=self.compute, later=self._late.set)
        self._enrolled = asyncio.Event()
        self._arrived: dict[Interval, set[tuple[int, int]]] = {}  # final frames: block, slot
        self._closed: dict[Interval, int] = {}
        self._lately: list[Frame] = []  # of running slots, while a board is made
        self.committed_count = 0

    @property
    def snapshot(self) -> Snapshot:
        return self._snapshot

    async def changed(self, after: int) -> Snapshot:
        """The first snapshot whose sequence is above `after`."""
        while self._snapshot.sequence <= after:
            await self._published.wait()
        return self._snapshot

    async def computed(self, work: Callable[..., T], *arguments: object) -> T:
        """Run `work` in the compute thread, in order with every change of the table."""
        return await self.compute.run(work, *arguments)

    def close(self) -> None:
        """Give back the compute thread."""
        self.compute.close()

    # Membership

    async def enroll(self, *, blocks: Iterable[Block], series: Iterable[Series]) -> None:
        """Blocks and series that are durable now begin to be tracked, and are soon on a board."""
        await self.computed(self._tables.enroll, tuple(blocks), tuple(series))
        self._enrolled.set()
        self._late.set()

    async def remember(self, series: Iterable[Series], history: History) -> None:
        """Series that have just been enrolled know what was stored of them when they were tracked
        before."""
        now_ms = self._clock.now_ms()
        for one in (each for each in series if returned(each, now_ms=now_ms)):
            said = await remembered(one, history, from_ms=now_ms - HOT_MS, now_ms=now_ms)
            if said is not None:
                await self.computed(self._tables.restore, [said])
                self._late.set()

    async def retire(self, series: Series) -> None:
        """Stop tracking one series; it leaves the board soon."""
        await self.computed(self._tables.retire, series)
        self._late.set()

    # Recovery

    def appoint(
        self, judge: Judge, *, alerts: AlertStore, catching_up: Callable[[str], bool]
    ) -> Judging:
        """Have every closed slot judged; to be said before `recover`. catching_up: whether what a
        venue said while we were down may still be fetched."""
        self._judging = Judging(judge, ledger=self._ledger, alerts=alerts, telemetry=self.telemetry)
        self._catching_up = catching_up
        return self._judging

    async def recover(self) -> int:
        """Read the hot slots back from the ledger; how many frames and patches that were. The next
        ones are read while the compute thread takes those before."""
        count = 0
        items: list[Frame | Patch] = []
        taken: asyncio.Future[None] | None = None
        if self._judging is not None:
            await self._judging.recover(self._clock.now_ms())
        async for batch in self._ledger.replay(from_ms=self._clock.now_ms() - HOT_MS):
            items += batch
            count += len(batch)
            if self._judging is not None:
                self._judging.note(batch, self._tables.interval_of)
            if len(items) >= RESTORE_ITEMS:
                if taken is not None:
                    await taken
                self.durability.note(items)
                taken, items = self.compute.start(self._tables.restore, items), []
        self.durability.note(items)
        if taken is not None:
            await taken
        await self.computed(self._tables.restore, items)
        if self._judging is not None:
            for interval in self._tables.intervals:  # what was to follow from the newest slots
                await self._derived.settle(interval, interval.slot(self._clock.now_ms()) - 1)
        for interval in self._tables.intervals:
            await self.computed(self._tables.prepare, interval, self._newest_closed(interval))
        await self._publish_again()
        self._late.set()  # what is derived is looked over in the background
        return count

    # From the bus to the disk to the table

    async def consume_for_ever(self) -> None:
        """Commit and apply what collectors publish, in groups, in order."""
        async for messages in self._bus.frames(PARTITION):
            with self.compute.hurry():
                await self.take(messages)

    async def take(self, messages: Sequence[Message]) -> None:
        """One group: gate, one transaction, apply; several where what the gate says of a frame
        depends on another one. Nothing is shown before it is synced."""
        runs = [item for m in messages for item in m.items if isinstance(item, Run)]
        rest = [item for m in messages for item in m.items if not isinstance(item, Run)]
        while rest or runs:
            items, rest = await self.computed(self._tables.gate, rest)
            await self._commit(items, () if rest else runs)
            runs = runs if rest else []
        if self._judging is not None and self._judging.asked:
            async with self._closing:
                await self._judging.judge_readings(self)

    async def _commit(self, items: Sequence[Frame | Patch], runs: Sequence[Run]) -> None:
        with self.telemetry.stage(Stage.COMMIT, self._tables.newest_ms(items), items=len(items)):
            async with self._ledger.transaction(bulk=True) as transaction:
                inserted = await transaction.frames.insert(items)
                await transaction.runs.insert(runs)
        self.telemetry.committed(items, runs)
        self.durability.note(items)
        fresh = [item for item in items if item.id in inserted]
        applied = await self.computed(self._tables.apply, fresh)
        self.committed_count += len(fresh)
        self._note(applied, items)

    def _note(self, applied: Sequence[Frame | Patch], items: Sequence[Frame | Patch]) -> None:
        """Tell the closers what arrived; show the running slot's readings at once."""
        gathered: set[str] = set()  # are shown by a closer
        for item in items:
            interval = self._tables.interval_of(item)
            if isinstance(item, Frame) and not item.open and interval is not None:
                arrived = self._arrived.setdefault(interval, set())
                if (item.block_id, item.slot) not in arrived and self._gathers(interval, item.slot):
                    gathered.add(item.id)
                elif item.slot <= self._closed.get(interval, -1):
                    self._late.set()  # it can be judged now
                arrived.add((item.block_id, item.slot))
        if self._judging is not None:
            self._judging.note(applied, self._tables.interval_of)
        for item in applied:
            interval = self._tables.interval_of(item)
            assert interval is not None
            slot = item.slot if isinstance(item, Frame) else item.from_slot
            shown = isinstance(item, Frame) and item.id in gathered
            if slot <= self._closed.get(interval, -1) and not shown:
                self._late.set()
            if isinstance(item, Frame) and item.open:
                if self._closing.locked():
                    self._lately.append(item)
                self._publish(self._snapshot.with_live(item))
        for closer in self._closers.values():
            closer.came()

    def _gathers(self, interval: Interval, slot: int) -> bool:
        closer = self._closers.get(interval)
        return closer is not None and closer.gathers(slot)

    # Closing slots

    async def close_for_ever(self) -> None:
        """Close every slot of every interval in its time."""
        self._closers = {}
        async with asyncio.TaskGroup() as group:
            while True:
                self._enrolled.clear()
                for interval in set(self._tables.intervals) - self._closers.keys():
                    closer = Closer(interval, self, clock=self._clock)
                    self._closers[interval] = closer
                    group.create_task(closer.run_for_ever(), name=f"close {interval}")
                await self._enrolled.wait()

    def next_slot(self, interval: Interval) -> int:
        """The slot that ends next; one that should have ended long ago is left out."""
        ended = interval.slot(self._clock.now_ms()) - 1
        return max(self._closed.get(interval, ended - 1) + 1, ended)

    def missing(self, interval: Interval, slot: int) -> frozenset[int]:
        """The blocks whose final frame of a slot has not come; who pushes is free to."""
        return self._silent(interval, slot) - self._catalogue.pushed_blocks

    def _silent(self, interval: Interval, slot: int) -> frozenset[int]:
        """The blocks that are read and whose final frame of a slot has not come."""
        arrived = self._arrived.get(interval, set())
        read = self._catalogue.read_blocks.get(interval, frozenset())
        return frozenset(block_id for block_id in read if (block_id, slot) not in arrived)

    async def close_slot(self, interval: Interval, slot: int) -> None:
        """Compute the slot's derived values, statistics and ranks and publish them."""
        if interval in self._tables.intervals:
            with (
                self.compute.hurry(),
                self.telemetry.stage(Stage.CLOSE, interval.open_ms(slot), interval=str(interval)),
            ):
                await self._derived.derive(interval, slot)
                await self._close(interval, slot)
            self.telemetry.closed(interval, slot)
        self._closed[interval] = slot
        kept = slot - WAITED_SLOTS
        self._arrived[interval] = {k for k in self._arrived.get(interval, ()) if k[1] > kept}

    async def show_again(self, interval: Interval, slot: int) -> None:
        """The same of a closed slot, once more of it has come."""
        with self.compute.hurry():
            await self._derived.settle(interval, slot)
            await self._close(interval, slot)

    async def refresh_for_ever(self) -> None:
        """Compute closed slots again when late values have changed them."""
        while True:
            await self._late.wait()
            await self._clock.sleep_until_ms(self._clock.now_ms() + REFRESH_MS)
            await self.refresh()

    async def refresh(self) -> None:
        """Derive anew what changed, and publish every interval's newest closed slot anew."""
        self._late.clear()
        for interval in self._tables.intervals:
            await self._derived.settle(interval, self._newest_closed(interval))
        await self._publish_again()

    async def keep_away(self, venue: str, *, away: bool) -> int:
        """Have every fail-over whose first venue is `venue` shown from another one from the next
        slot on, or let it come back; how many heard it now."""
        counts = [
            await self._derived.ask(interval, venue, away=away)
            for interval in self._tables.intervals
        ]
        self._late.set()
        return sum(counts)

    def _newest_closed(self, interval: Interval) -> int:
        return self._closed.setdefault(interval, interval.slot(self._clock.now_ms()) - 1)

    async def _publish_again(self) -> None:
        for interval in self._tables.intervals:
            await self._close(interval, self._newest_closed(interval))

    async def _close(self, interval: Interval, slot: int) -> None:
        """Judge a slot that is over, and what came late for those before it; then publish its
        board, and keep its ranks."""
        async with self._closing:
            slot = max(slot, self._closed.get(interval, slot))
            awaited = self.awaited(interval, slot)
            self._lately.clear()
            board = await self.board(interval, slot)
            if self._judging is not None:
                await self._judging.judge(board, self, awaited=awaited)
            self._closed[interval] = slot
            shown = self._snapshot.with_board(board)  # and what came while the slot was judged:
            self._publish(reduce(Snapshot.with_live, self._lately, shown))
        await self.computed(self._tables.note, board)

    # What judging asks for

    def blocks(self, interval: Interval) -> frozenset[int]:
        """All there are."""
        known = self._catalogue.blocks.values()
        return frozenset(block.id for block in known if block.interval == interval)

    def awaited(self, interval: Interval, slot: int) -> frozenset[int]:
        """Blocks whose final word on an ended slot has not come; what is derived has its last one
        when nothing else is awaited."""
        silent = self._silent(interval, slot)
        return silent | self._catalogue.followers(interval, silent)

    def filling(self, interval: Interval) -> frozenset[int]:
        """Blocks whose past since we were last up may still be filled, and what is derived while
        there are any."""
        known = self._catalogue.blocks.items()
        read = self._catalogue.read_blocks.get(interval, frozenset())
        of = [id for id, block in known if id in read and self._catching_up(block.venue)]
        return frozenset(of) | self._catalogue.followers(interval, frozenset(of))

    async def past(self, interval: Interval, *, from_slot: int, to_slot: int) -> Sequence[Past]:
        """The slots in [from_slot, to_slot) that can still be closed."""
        table = self._tables.of(interval)
        slots = await self.computed(table.closable, range(from_slot, to_slot))
        framed = set(await self.computed(table.framed, slots))
        return [Past(slot, framed=slot in framed) for slot in slots]

    async def board(self, interval: Interval, slot: int) -> Board:
        """A slot that is over, by what is known of it now."""
        return await self.computed(self._tables.close, interval, slot)

    async def hear(self, work: Callable[[T], Decisions], hearing: T) -> Decisions:
        """`work` in the compute thread."""
        return await self.computed(work, hearing)

    def look_again(self) -> None:
        """It can be stored again, or there was too much: look at what was passed over."""
        self._late.set()

    def _publish(self, snapshot: Snapshot) -> None:
        self._snapshot = replace(snapshot, sequence=self._snapshot.sequence + 1)
        event, self._published = self._published, asyncio.Event()
        event.set()

    # Questions

    async def answer_missing(self, question: Answer) -> Answer:
        """For back-fill: {"venue": name} -> {"ranges": series id -> (first, stop)} of closed slots
        in the last 24 h that hold nothing."""
        series = self._catalogue.of_venue(str(question["venue"]))
        return {"ranges": await self.computed(self._tables.missing, series, self._clock.now_ms())}

    async def widened(self, board: Board, window_ms: int) -> Board | None:
        """`board` with one more window of up to 24 h; None where its slot is no longer the newest
        or series came or went since. Raises Invalid for a window that its interval cannot have."""
        board.interval.slots(window_ms)
        if window_ms in board.statistics:
            return board
        table = self._tables.of(board.interval)

        def built() -> Board | None:
            if table.layout is not board.layout or self._closed.get(board.interval) != board.slot:
                return None
            return board.with_window(table.statistics(window_ms, board.slot))

        return await self.computed(built)

    async def hot(
        self, series: Series, *, from_slot: int, to_slot: int
    ) -> tuple[bytes, bytes] | None:
        """Values and marks of slots that the series table holds; None where it starts later."""
        look = partial(self._tables.hot, series, from_slot=from_slot, to_slot=to_slot)
        return await self.computed(look)

    async def pools(self, series: Series, slot: int) -> Pools:
        """What the composites of a series' formula are of at a slot."""
        return await self.computed(self._tables.pools, series, slot)
