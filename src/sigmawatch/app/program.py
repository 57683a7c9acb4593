"""The program: one embeddable object that holds the roles and answers for them.

Built and fed by wiring; web and command line know only this. Start-up never fails because of a
venue: what a venue must tell first (its market list) is waited for in the background.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import structlog

from sigmawatch.app.backfill import MISSING_SUBJECT, Backfill, Job
from sigmawatch.app.catalogue import Catalogue
from sigmawatch.app.collector import PARTITION, Collector, Share
from sigmawatch.app.config import Config
from sigmawatch.app.definitions import Definition
from sigmawatch.app.enrolment import Enrolment
from sigmawatch.app.flows import flow_markets_max
from sigmawatch.app.past import Past
from sigmawatch.app.rank_keeping import RankKeeper
from sigmawatch.app.sealing import Sealer, Stores
from sigmawatch.app.tables import Tables
from sigmawatch.app.tracker import Tracker
from sigmawatch.app.watchlists import Watchlists
from sigmawatch.domain.errors import NotFound, SigmawatchError, Unavailable
from sigmawatch.domain.market import Market, MarketRef
from sigmawatch.domain.series import Series
from sigmawatch.domain.venue import Run, RunKind, VenueState, VenueStatus
from sigmawatch.domain.window import DAY_MS, Interval
from sigmawatch.engine.snapshot import Board, Snapshot
from sigmawatch.ports.archive import Archive
from sigmawatch.ports.bus import Bus, Item
from sigmawatch.ports.clock import Clock
from sigmawatch.ports.history import History, Sealing, Stretch
from sigmawatch.ports.ledger import Ledger
from sigmawatch.ports.ranks import RankStore

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueReport:
    """A venue as an operator wants to see it."""

    status: VenueStatus
    markets_count: int
    tracked_count: int
    errors: Mapping[str, int]
    skipped_runs_count: int
    budget_per_minute: float
    flow_markets_max: int
    backfill: Job | None
    unresolved: Mapping[str, str]


@dataclass(slots=True, kw_only=True)
class Station:
    """One venue's collector and back-fill, and the tracks of the file it has not resolved."""

    collector: Collector
    backfill: Backfill
    listed: asyncio.Event
    unresolved: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """The outside of one program: its time, where truth is kept, how roles talk."""

    clock: Clock
    ledger: Ledger
    history: History
    sealing: Sealing
    ranks: RankStore
    bus: Bus
    archive: Archive | None = None


class Program:
    """Everything that runs, for one data folder."""

    def __init__(
        self,
        config: Config,
        *,
        ports: Ports,
        collectors: Sequence[tuple[Collector, Backfill]],
        catalogue: Catalogue,
        demo: bool = False,
    ) -> None:
        self.config = config
        self.clock = ports.clock
        self.demo = demo
        self.catalogue = catalogue
        self._ports = ports
        self._stations = {
            collector.name: Station(
                collector=collector, backfill=backfill, listed=asyncio.Event(), unresolved={}
            )
            for collector, backfill in collectors
        }
        self._undefined: dict[str, str] = {}  # formulas of the file that wait, and why
        self._recovered = False
        self.watchlists = Watchlists(config, ledger=ports.ledger)
        tables = Tables(
            catalogue, windows_ms=config.windows_ms, reference=config.reference_currency
        )
        self.tracker = Tracker(
            ledger=ports.ledger, bus=ports.bus, clock=ports.clock, catalogue=catalogue,
            tables=tables,
        )  # fmt: skip
        self.ranks = RankKeeper(
            self.tracker, tables, ledger=ports.ledger, store=ports.ranks, clock=ports.clock
        )
        self.past = Past(ports.history, hot=self.tracker.hot, clock=ports.clock)
        self._sealer = Sealer(
            Stores(history=ports.history, sealing=ports.sealing, archive=ports.archive),
            catalogue=catalogue, config=config.history, clock=ports.clock,
        )  # fmt: skip
        self._enrolment = Enrolment(
            config,
            catalogue=catalogue,
            ledger=ports.ledger,
            tracker=self.tracker,
            traits={collector.name: collector.venue.traits for collector, _ in collectors},
        )

    # Life

    async def recover(self) -> None:
        """Read the catalogue and the hot slots back; afterwards reads are answered."""
        series_count = await self._enrolment.recover()
        await self.watchlists.recover()
        count = await self.tracker.recover()
        self._recovered = True
        log.info("recovered", series_count=series_count, items_count=count,
                 damaged_count=self._ports.ledger.damaged_count)  # fmt: skip

    @asynccontextmanager
    async def core(self) -> AsyncIterator[None]:
        """What must run for anything to become durable: the tracker, and back-fill on request.
        No venue is asked for anything unless somebody wants it."""
        try:
            async with (
                self._ports.bus.serve(MISSING_SUBJECT, self.tracker.answer_missing),
                asyncio.TaskGroup() as group,
            ):
                keep_ms = self.config.history.raw_days * DAY_MS
                tasks = [
                    group.create_task(self.tracker.consume_for_ever(), name="tracker"),
                    group.create_task(self.tracker.refresh_for_ever(), name="refresher"),
                    group.create_task(self.ranks.keep_for_ever(keep_ms=keep_ms), name="ranks"),
                ]
                for name, station in self._stations.items():
                    fill = station.backfill.run_for_ever(station.listed, busiest=self._volume_of)
                    tasks.append(group.create_task(fill, name=f"backfill {name}"))
                yield
                for task in tasks:
                    task.cancel()
        except BaseExceptionGroup as failures:
            raise _only(failures) from None

    async def serve_until_cancelled(self) -> None:
        """Collect and close slots until something fails or we are cancelled; then all stops."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.tracker.close_for_ever(), name="closer")
            group.create_task(self._sealer.run_for_ever(), name="sealer")
            for name, station in self._stations.items():
                group.create_task(self._keep(station), name=name)

    async def _keep(self, station: Station) -> None:
        """One venue: list its markets, poll, and look for gaps after every recovery."""
        async with asyncio.TaskGroup() as group:
            group.create_task(station.collector.keep_markets(self._listed))
            group.create_task(self._poll(station))
            group.create_task(station.collector.watch_clock())
            group.create_task(self._fill_after_gaps(station))

    def _volume_of(self, series: Series) -> float:
        """How busy a market is: its 24-hour volume where that is tracked, else nothing."""
        found = self.snapshot.find(series.id) if series.metric.startswith("volume_24h") else None
        if found is None:
            return 0.0
        board, row = found
        volume = float(board.value[row])
        return 0.0 if math.isnan(volume) else volume

    async def _poll(self, station: Station) -> None:
        if not self.catalogue.of_venue(station.collector.name):
            await station.listed.wait()
        await station.collector.poll_for_ever()

    async def _fill_after_gaps(self, station: Station) -> None:
        while True:
            await station.collector.recovered.wait()
            station.collector.recovered.clear()
            self._want_backfill(station)

    async def _listed(self, venue: str) -> None:
        """A market list was read: track what the configuration asks for there."""
        station = self._stations[venue]
        station.unresolved = await self._enrolment.configure(venue)
        station.listed.set()
        await self._define_configured()
        self._want_backfill(station)

    async def _define_configured(self) -> None:
        """Try the formulas of the file again: what they read may be tracked by now."""
        before, self._undefined = self._undefined, await self._enrolment.define_configured()
        everything = all(station.listed.is_set() for station in self._stations.values())
        for name, reason in self._undefined.items():
            if everything and before.get(name) != reason:
                log.warning("formula_undefined", series=name, reason=reason)

    def _want_backfill(self, station: Station) -> None:
        if self.config.backfill.enabled:
            station.backfill.want()

    async def close(self) -> None:
        """Give back what only the program holds; wiring closes the rest."""
        self.tracker.close()

    # Reading

    @property
    def snapshot(self) -> Snapshot:
        return self.tracker.snapshot

    async def changed(self, after: int) -> Snapshot:
        """The first snapshot whose sequence is above `after`."""
        return await self.tracker.changed(after)

    async def widened(self, board: Board, window_ms: int) -> Board | None:
        """A board of the snapshot with one more window of up to 24 h; None where it is no longer
        the newest. Raises Invalid."""
        return await self.tracker.widened(board, window_ms)

    async def stretch(self, series: Series, *, from_slot: int, to_slot: int) -> Stretch:
        """Slots [from_slot, to_slot) of one series: from memory while hot, else from disk."""
        return await self.past.stretch(series, from_slot=from_slot, to_slot=to_slot)

    async def runs(
        self, *, venue: str | None = None, before_ms: int | None = None, limit: int = 100
    ) -> Sequence[Run]:
        """Collection runs, newest first."""
        return await self._ports.ledger.runs(venue=venue, before_ms=before_ms, limit=limit)

    async def live_since_ms(self) -> int | None:
        """When this folder's oldest frame was received; None where it never held one."""
        return await self._ports.ledger.live_since_ms()

    def venues(self) -> Sequence[VenueReport]:
        return [self._report(name, self._stations[name]) for name in sorted(self._stations)]

    def _report(self, name: str, station: Station) -> VenueReport:
        health, traits = station.collector.health, station.collector.venue.traits
        return VenueReport(
            status=health.status,
            markets_count=len(self.catalogue.markets(name)),
            tracked_count=len(self.catalogue.of_venue(name)),
            errors=dict(health.errors),
            skipped_runs_count=health.skipped_runs_count,
            budget_per_minute=traits.requests_per_minute,
            flow_markets_max=flow_markets_max(traits, self.config.interval),
            backfill=station.backfill.job,
            unresolved=station.unresolved | self._undefined_at(name),
        )

    def _undefined_at(self, venue: str) -> dict[str, str]:
        """Formulas that wait for a series of this venue, or for none in particular."""
        elsewhere = tuple(f"{name}:" for name in self._stations if name != venue)
        return {n: reason for n, reason in self._undefined.items()
                if not reason.startswith(elsewhere)}  # fmt: skip

    def failures(self) -> Mapping[str, int]:
        """Venue -> failures in a row, for the decision between live and demo."""
        return {n: s.collector.health.failures_in_a_row for n, s in self._stations.items()}

    def answered(self) -> bool:
        """Whether any venue has answered yet."""
        healths = (station.collector.health for station in self._stations.values())
        return any(health.status.success_ms is not None for health in healths)

    def readiness(self) -> tuple[str, ...]:
        """Why we are not ready to be relied on; empty means ready."""
        if not self._recovered:
            return ("the last 24 hours are still being read back",)
        states = {s.collector.health.status.state for s in self._stations.values()}
        if states and states <= {VenueState.STARTING}:
            return ("no venue has answered yet",)
        return ()

    def jobs(self) -> Sequence[Job]:
        jobs = [station.backfill.job for station in self._stations.values()]
        jobs.append(self._sealer.job)
        return [job for job in jobs if job is not None]

    # Changing

    async def track(
        self, market: MarketRef, metrics: Sequence[str], *, interval: Interval | None = None
    ) -> Sequence[Series]:
        """Track metrics of one market from now on, and back-fill them. Raises NotFound, Invalid."""
        found = await self._market(market)
        series = await self._enrolment.add(
            found, metrics, interval=interval or self.config.interval
        )
        await self._define_configured()
        await self.tracker.refresh()
        if found.venue in self._stations:
            self._want_backfill(self._stations[found.venue])
        return series

    async def define(self, definition: Definition) -> Series:
        """Compute a formula series from now on. Raises NotFound for what it reads and nobody
        tracks, Invalid, Conflict."""
        series = await self._enrolment.define(definition)
        await self.tracker.refresh()
        return series

    async def _market(self, ref: MarketRef) -> Market:
        """The market, after a first look at the venue's list where none was read yet."""
        if ref.venue is not None and ref.venue not in self._stations:
            raise NotFound(f"no venue {ref.venue} is configured", field="venue",
                           allowed=", ".join(sorted(self._stations)))  # fmt: skip
        for name, station in self._stations.items():
            if ref.venue in (None, name):
                await self._list(station)
                if ref.venue == name and not self.catalogue.listed(name):
                    detail = station.collector.health.status.detail
                    raise Unavailable(f"{name} has not told its markets yet: {detail}")
        return self.catalogue.resolve_market(ref)

    async def untrack(self, series: Series) -> None:
        """Stop tracking; history stays. Raises Conflict where a file manages the series."""
        await self._enrolment.remove(series)
        await self.tracker.refresh()

    async def publish(self, items: Sequence[Item]) -> None:
        """Take readings from elsewhere, as a collector's; returns once they are durable."""
        await self._ports.bus.publish(PARTITION, items)

    async def collect(
        self, *, venue: str | None = None, share: Share | None = None
    ) -> Sequence[Run]:
        """One run now, of one venue or all at once; returns once it is durable. Raises NotFound."""
        if venue is not None and venue not in self._stations:
            raise NotFound(f"no venue {venue} is configured", field="venue",
                           allowed=", ".join(sorted(self._stations)))  # fmt: skip
        chosen = [s for name, s in self._stations.items() if venue in (None, name)]
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._collect(station, share)) for station in chosen]
        return [task.result() for task in tasks]

    async def _collect(self, station: Station, share: Share | None) -> Run:
        if not self.catalogue.of_venue(station.collector.name):
            await self._list(station)
        return await station.collector.run_once(RunKind.COLLECT, share=share)

    @property
    def collectors(self) -> Sequence[Collector]:
        return [station.collector for station in self._stations.values()]

    async def list_venues(self) -> None:
        """Read every market list that was not read yet, and track what the configuration says."""
        for station in self._stations.values():
            await self._list(station)

    async def _list(self, station: Station) -> None:
        """Read a venue's market list where it was not yet; a venue that fails is left so."""
        if station.listed.is_set():
            return
        try:
            await station.collector.refresh_markets()
        except (SigmawatchError, TimeoutError):
            return  # its health says so
        await self._listed(station.collector.name)

    async def backfill(self, *, venue: str | None = None) -> Sequence[Job]:
        """Start (or join) the back-fill of one venue or all; the jobs as they stand."""
        if venue is not None and venue not in self._stations:
            raise NotFound(f"no venue {venue} is configured", field="venue",
                           allowed=", ".join(sorted(self._stations)))  # fmt: skip
        for name, station in self._stations.items():
            if venue in (None, name):
                await self._list(station)
                station.backfill.want()
        return self.jobs()


def _only(failure: BaseException) -> BaseException:
    """The one failure in a group of one, so that callers can catch it by its type."""
    while isinstance(failure, BaseExceptionGroup) and len(failure.exceptions) == 1:
        failure = failure.exceptions[0]
    return failure
