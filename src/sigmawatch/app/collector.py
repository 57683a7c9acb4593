"""The collector: one per venue. It decides when to ask, and survives the venue.

One poll at every slot boundary plus a small offset; one run in flight; a hard time-out below the
slot; a late run is skipped and counted, never stacked (SEMANTICS.md 5). What it learns goes to the
bus as frames and patches; it never touches the series table. A venue that fails costs nobody else.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

import structlog

from sigmawatch.app.catalogue import Catalogue
from sigmawatch.app.delisting import Delistings
from sigmawatch.app.flows import FlowReader
from sigmawatch.app.framing import Framer, Stamp, outage, present_count
from sigmawatch.app.health import SKEW_WARN_MS, VenueHealth, reason_of
from sigmawatch.app.listening.streamed import StreamedVenue
from sigmawatch.app.plans import Plan, Share, moment_ms, planned, stamped
from sigmawatch.app.telemetry.telemetry import Stage, Telemetry
from sigmawatch.app.timing import until, within
from sigmawatch.domain.errors import SigmawatchError, Unavailable
from sigmawatch.domain.frame import Frame, Patch, Reason
from sigmawatch.domain.reading import Tickers
from sigmawatch.domain.venue import Run, RunKind
from sigmawatch.domain.window import DAY_MS, HOUR_MS, MINUTE_MS, Interval
from sigmawatch.ports.bus import Bus, Item
from sigmawatch.ports.clock import Clock
from sigmawatch.ports.venue import Venue

PARTITION = "main"
MARKETS_EVERY_MS = DAY_MS
MARKETS_RETRY_MS = 5_000
MARKETS_FLOOR_MS = 10 * MINUTE_MS  # between two readings of the list, however often one is doubted
MARKETS_TIMEOUT_MS = 60_000
CLOCK_EVERY_MS = HOUR_MS
TIMEOUT_RATIO = 0.8
Publish = Callable[[Sequence[Item]], Awaitable[None]]

log = structlog.get_logger()


class Collector:
    """The polling loop of one venue."""

    def __init__(
        self,
        venue: Venue,
        *,
        catalogue: Catalogue,
        bus: Bus,
        clock: Clock,
        poll_offset_ms: int = 1_000,
    ) -> None:
        self.venue = venue
        self.name = venue.traits.name
        self.health = VenueHealth(self.name, now_ms=clock.now_ms())
        self.delistings = Delistings()
        self.recovered = asyncio.Event()
        self._catalogue = catalogue
        self._bus = bus
        self._clock = clock
        self._offset_ms = poll_offset_ms
        self._framer = Framer()
        self.listener = venue.listener if isinstance(venue, StreamedVenue) else None
        self._flows = FlowReader(venue, clock, heard=self.listener)
        self._flight = asyncio.Lock()
        self._plans: tuple[int, tuple[Plan, ...]] = (-1, ())
        self._last_slots: dict[Interval, int] = {}
        self._failed: dict[tuple[Interval, ...], int] = {}  # series, in the run before of its kind
        self._odd: set[tuple[str, bool]] = set()  # market ids against the list, and if quoted
        self._doubted = asyncio.Event()
        self.hourly = False  # whether the market list is read every hour: a pattern is followed
        self._polling: asyncio.TaskGroup | None = None  # of what is on its way to the disk
        self._refused = False
        self.telemetry = Telemetry(clock)

    async def keep_markets(self, listed: Callable[[str], Awaitable[None]]) -> None:
        """Read the venue's market list now, daily (hourly where patterns follow it), when a tracked
        market is no longer quoted, and an hour after one went missing."""
        while True:
            await self._running()
            try:
                await self.refresh_markets()
                await listed(self.name)
                often = self.hourly or self.delistings.suspects
                wait_ms = HOUR_MS if often else MARKETS_EVERY_MS
            except (SigmawatchError, TimeoutError):
                wait_ms = MARKETS_RETRY_MS  # noted where it happened
            read_ms = self._clock.now_ms()
            if await until(self._doubted, clock=self._clock, ts_ms=read_ms + wait_ms):
                self._doubted.clear()
                await self._clock.sleep_until_ms(read_ms + min(wait_ms, MARKETS_FLOOR_MS))

    async def refresh_markets(self) -> None:
        """Read the market list once. Raises what the venue's adapter raises, TimeoutError, or
        Unavailable where the venue is paused."""
        self._check_running()
        until_ms = self._clock.now_ms() + MARKETS_TIMEOUT_MS
        try:
            markets = await within(self.venue.markets(), clock=self._clock, until_ms=until_ms)
        except (SigmawatchError, TimeoutError) as error:
            self._note_failure(error, "venue_markets_failed")
            raise
        self._catalogue.list_markets(self.name, markets)
        tracked = [one.market for one in self._catalogue.of_venue(self.name)]
        self.delistings.listed(markets, tracked, now_ms=self._clock.now_ms())
        if self.health.answered(now_ms=self._clock.now_ms()):
            self.recovered.set()

    def follow_list(self) -> None:
        """Read the market list hourly from now on."""
        if not self.hourly:
            self.hourly = True
            self._doubted.set()

    async def quotes(self) -> Tickers:
        """All tickers, of what nobody tracks too. Raises as `refresh_markets`."""
        self._check_running()
        until_ms = self._clock.now_ms() + MARKETS_TIMEOUT_MS
        asked = self.venue.polled if isinstance(self.venue, StreamedVenue) else self.venue
        return await within(asked.tickers(), clock=self._clock, until_ms=until_ms)

    def _check_running(self) -> None:
        if self._catalogue.venue_paused(self.name):
            raise Unavailable(f"{self.name} is paused: it is not asked for anything")

    async def _running(self) -> None:
        """Return once the venue is not paused."""
        while self._catalogue.venue_paused(self.name):
            await self._catalogue.news.wait()

    async def watch_clock(self) -> None:
        """Compare the venue's clock with ours, hourly."""
        while True:
            await self._running()
            before_ms = self._clock.now_ms()
            try:
                venue_ms = await within(
                    self.venue.time_ms(), clock=self._clock, until_ms=before_ms + 10_000
                )
            except (SigmawatchError, TimeoutError):
                wait_ms = 60_000
            else:
                skew_ms = venue_ms - (before_ms + self._clock.now_ms()) // 2
                self.health.skewed(skew_ms)
                wait_ms = CLOCK_EVERY_MS
                if abs(skew_ms) > SKEW_WARN_MS:
                    log.warning("clock_skew", venue=self.name, skew_ms=skew_ms)
            await self._clock.sleep_until_ms(self._clock.now_ms() + wait_ms)

    async def poll_for_ever(self) -> None:
        """One run at once, then one after every slot boundary, be it of an interval that is new.
        While the database is away runs go on, and what they bring waits on the bus as long as there
        is room; what finds none is told, and its slots are filled later."""
        async with asyncio.TaskGroup() as self._polling:
            if self.plans():
                await self.run_once(RunKind.POLL)
            while True:
                news = self._catalogue.news
                due_ms = self._next_boundary_ms(self._clock.now_ms() - self._offset_ms)
                await until(news, clock=self._clock, ts_ms=due_ms + self._offset_ms)
                if self._clock.now_ms() < due_ms + self._offset_ms:
                    continue  # what is tracked has changed
                if self.plans():
                    await self.run_once(RunKind.POLL, boundary_ms=due_ms)

    def _next_boundary_ms(self, now_ms: int) -> int:
        intervals = {plan.interval for plan in self.plans()} or {Interval(60_000)}
        return min(each.open_ms(each.slot(now_ms) + 1) for each in intervals)

    def plans(self) -> tuple[Plan, ...]:
        """What a run is to update, from the catalogue as it is now."""
        if self._plans[0] != self._catalogue.version:
            self._plans = (
                self._catalogue.version,
                planned(self._catalogue, self.name, share=Share()),
            )
        return self._plans[1]

    async def run_once(
        self, kind: RunKind, *, boundary_ms: int | None = None, share: Share | None = None
    ) -> Run:
        """Poll now, publish what came, and return the run's record: once it is durable, but for
        the loop's own runs. Where that ends a gap, of the venue or of one market, `recovered` is
        set. Raises Unavailable where it cannot be stored.

        With `boundary_ms`, only the intervals that have a boundary there.
        """
        async with self._flight:
            started_ms = self._clock.now_ms()
            plans = (
                self.plans() if share is None else planned(self._catalogue, self.name, share=share)
            )
            if boundary_ms is not None:
                plans = tuple(plan for plan in plans if boundary_ms % plan.interval.ms == 0)
            with self.telemetry.stage(
                Stage.COLLECT, moment_ms(plans, started_ms), venue=self.name, kind=str(kind)
            ):
                run = await self._run(kind, plans, started_ms=started_ms)
        skipped, found = self._count_skipped(plans, run), self._flows.take_found()
        if found or skipped or (share is None and self._healed(plans, run)):
            self.recovered.set()
        return run

    def _healed(self, plans: Sequence[Plan], run: Run) -> bool:
        """Whether fewer series failed than in the run before over the same intervals."""
        intervals = tuple(plan.interval for plan in plans)
        before = self._failed.get(intervals, 0)
        self._failed[intervals] = run.failed
        return run.failed < before

    async def _run(self, kind: RunKind, plans: Sequence[Plan], *, started_ms: int) -> Run:
        shortest_ms = min((plan.interval.ms for plan in plans), default=60_000)
        deadline_ms = started_ms + round(TIMEOUT_RATIO * shortest_ms)
        reasons: Counter[str] = Counter()
        publish = self._send if kind is RunKind.POLL else self._publish
        updated = await self._levels(plans, deadline_ms, reasons=reasons, publish=publish)
        items: list[Frame | Patch] = []
        for plan in plans:
            flows, answered = await self._flow_items(plan, deadline_ms, reasons=reasons)
            items.extend(flows)
            updated += answered
        expected = sum(plan.expected for plan in plans)
        slot = max((plan.interval.slot(started_ms) - 1 for plan in plans), default=0)
        run = Run(
            venue=self.name, kind=kind, slot=slot, started_ms=started_ms,
            finished_ms=self._clock.now_ms(), expected=expected, updated=updated,
            failed=expected - updated, reasons=dict(+reasons),
        )  # fmt: skip
        await publish([*items, run])
        self.health.ran(run, now_ms=self._clock.now_ms())
        return run

    async def _levels(
        self, plans: Sequence[Plan], deadline_ms: int, *, reasons: Counter[str], publish: Publish
    ) -> int:
        """Poll all markets once and publish the frames; how many series were updated."""
        asked_ms = self._clock.now_ms()
        expected = sum(plan.asked(plan.levels) for plan in plans)
        paused = frozenset[str]().union(*(plan.paused for plan in plans))
        if not any(plan.expected for plan in plans):
            await publish(_silent(plans, asked_ms, paused=paused))
            return 0
        try:
            tickers = await within(self.venue.tickers(), clock=self._clock, until_ms=deadline_ms)
        except (SigmawatchError, TimeoutError) as error:
            self._note_failure(error, "venue_poll_failed")
            reasons[reason_of(error)] += expected
            await publish(_silent(plans, asked_ms, paused=paused))
            return 0
        if self.health.answered(now_ms=self._clock.now_ms()):
            self.recovered.set()
        self.health.refused(tickers.rejected, now_ms=self._clock.now_ms())
        self._framer.take(tickers)
        self._doubt(plans, frozenset(tickers.natives))
        instead = {Reason.DELISTED: self.delistings.confirmed, Reason.PAUSED: paused}
        frames = [
            self._framer.frame(block, at, instead=instead)
            for block, at in stamped(plans, asked_ms, recv_ms=tickers.recv_ms)
        ]
        await publish(frames)
        updated = sum(present_count(frame) for frame in frames)
        reasons["no_value"] += expected - updated
        return updated

    def _doubt(self, plans: Sequence[Plan], quoted: frozenset[str]) -> None:
        """Have the market list read again where a tracked market has just ceased to be quoted, or
        one that is gone has come back."""
        wanted = {native for plan in plans for block, _ in plan.levels for native in block.natives}
        odd = {(native, False) for native in wanted - quoted}
        odd |= {(native, True) for native in self.delistings.confirmed & quoted}
        if odd - self._odd:
            self._doubted.set()
        self._odd = {one for one in self._odd if one[0] not in wanted} | odd

    async def _flow_items(
        self, plan: Plan, deadline_ms: int, *, reasons: Counter[str]
    ) -> tuple[list[Frame | Patch], int]:
        """What the candles say, and for how many series the venue answered: a slot that is not
        yet proven quiet is no failure."""
        if not plan.flows:
            return [], 0
        now_ms = self._clock.now_ms()
        slot = plan.interval.slot(now_ms) - 1
        expected, instead = plan.asked(plan.flows), {Reason.PAUSED: plan.paused}
        if self.health.failures_in_a_row or not expected:
            reasons["venue_unavailable"] += expected
            at = Stamp(interval=plan.interval, slot=slot, recv_ms=now_ms, open=False)
            return [outage(block, at, instead=instead) for block, _ in plan.flows], 0
        answer = await self._flows.read(
            plan.flow_natives, plan.interval, slot=slot, deadline_ms=deadline_ms,
            wanted={one.interval: len(one.flow_natives) for one in self.plans() if one.flows},
        )  # fmt: skip
        reasons.update(answer.reasons)
        at = Stamp(interval=plan.interval, slot=slot, recv_ms=self._clock.now_ms(), open=False)
        answered = sum(
            one.market.native in answer.lines for _, series in plan.flows for one in series
        )
        return self._flows.items(plan.flows, at, lines=answer.lines, instead=instead), answered

    @property
    def behind(self) -> bool:
        """Whether something was refused that nobody has asked to be filled in yet."""
        return self._refused or self.recovered.is_set()

    async def _send(self, items: Sequence[Item]) -> None:
        """Publish without waiting for the disk, in order. What was refused is a gap, which is
        filled when something is stored again."""
        if self._polling is None:
            await self._publish(items)
        else:
            self._polling.create_task(self._sent(items))

    async def _sent(self, items: Sequence[Item]) -> None:
        with suppress(Unavailable):  # noted
            await self._publish(items)

    async def _publish(self, items: Sequence[Item]) -> None:
        """Returns once they are durable. Raises Unavailable."""
        if not items:
            return
        try:
            await self._bus.publish(PARTITION, items)
        except Unavailable as error:
            self.health.errors["publish_refused"] += 1
            if not self._refused:
                log.warning("publish_refused", venue=self.name, reason=str(error))
            self._refused = True
            raise
        if self._refused:
            self._refused = False
            self.recovered.set()

    def _note_failure(self, error: SigmawatchError | TimeoutError, event: str) -> None:
        """Counted each time; told once, when the venue's state changes."""
        before = self.health.status.state
        self.health.failed(error, now_ms=self._clock.now_ms())
        status = self.health.status
        if status.state is not before:
            log.warning(event, venue=self.name, state=str(status.state), reason=status.detail)

    def _count_skipped(self, plans: Sequence[Plan], run: Run) -> int:
        """Count the slots whose run came too late to be made; how many these were."""
        skipped_count = 0
        for plan in plans:
            slot = plan.interval.slot(run.finished_ms)
            before = self._last_slots.get(plan.interval, slot)
            skipped_count += max(slot - before - 1, 0)
            self._last_slots[plan.interval] = slot
        self.health.skipped_runs_count += skipped_count
        return skipped_count


def _silent(plans: Sequence[Plan], asked_ms: int, *, paused: frozenset[str]) -> list[Frame]:
    """What stands of slots that are over where nothing was read."""
    instead = {Reason.PAUSED: paused}
    stamps = stamped(plans, asked_ms, recv_ms=asked_ms)
    return [outage(block, at, instead=instead) for block, at in stamps if not at.open]
