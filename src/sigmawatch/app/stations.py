"""The venues of one program: a station each, with its collector and its back-fill.

What a venue must tell first (its market list) is waited for in the background; no venue is asked
for anything unless somebody wants it, and none holds another up.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

import structlog

from sigmawatch.app.backfill import Backfill, Job
from sigmawatch.app.catalogue import Catalogue
from sigmawatch.app.collector import Collector
from sigmawatch.app.config import Config
from sigmawatch.app.enrolment import Enrolment
from sigmawatch.app.flows import flow_markets_max
from sigmawatch.app.following import Patterns
from sigmawatch.app.plans import Share
from sigmawatch.app.telemetry.telemetry import Telemetry
from sigmawatch.domain.errors import NotFound, SigmawatchError, Unavailable
from sigmawatch.domain.market import Market, MarketRef
from sigmawatch.domain.quarantine import Sample
from sigmawatch.domain.series import Series
from sigmawatch.domain.stream import StreamReport
from sigmawatch.domain.venue import Run, RunKind, VenueStatus
from sigmawatch.engine.snapshot import Snapshot
from sigmawatch.ports.venue import VenueTraits

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
    stream: StreamReport | None
    samples: Sequence[Sample]  # of what was refused, the newest first


async def _nobody(venue: str, renamed: Mapping[str, str]) -> None:
    """Nobody has said anything of these markets."""


@dataclass(slots=True, kw_only=True)
class Station:
    """One venue's collector and back-fill, and the tracks of the file it has not resolved."""

    collector: Collector
    backfill: Backfill
    listed: asyncio.Event
    unresolved: dict[str, str]
    tasks: list[asyncio.Task[None]]


class Stations:
    """Every venue of one program. snapshot: asked for the busiest markets, to back-fill first."""

    def __init__(
        self,
        config: Config,
        collectors: Sequence[tuple[Collector, Backfill]],
        *,
        catalogue: Catalogue,
        enrolment: Enrolment,
        snapshot: Callable[[], Snapshot],
    ) -> None:
        self._config = config
        self._catalogue = catalogue
        self._enrolment = enrolment
        self._snapshot = snapshot
        self._telemetry: Telemetry | None = None
        self._stations: dict[str, Station] = {}
        self._keeping: asyncio.TaskGroup | None = None
        self._filling: asyncio.TaskGroup | None = None
        self._ended = asyncio.Event()  # never
        for collector, backfill in collectors:
            self.open(collector, backfill)
        self._undefined: dict[str, str] = {}  # formulas of the file that wait, and why
        self.patterns: Patterns | None = None  # once there are any to follow
        self.renamed: Callable[[str, Mapping[str, str]], Awaitable[None]] = _nobody

    def report_to(self, telemetry: Telemetry) -> None:
        """Who hears how long each poll took, of venues opened later too."""
        self._telemetry = telemetry
        for collector in self.collectors:
            collector.telemetry = telemetry

    # Life

    async def keep_for_ever(self) -> None:
        """Collect from every venue, those opened meanwhile included."""
        async with asyncio.TaskGroup() as self._keeping:
            for station in self._stations.values():
                self._begin_keeping(station)
            await self._ended.wait()

    async def backfill_for_ever(self) -> None:
        """Fill gaps of every venue, whenever somebody wants it."""
        async with asyncio.TaskGroup() as self._filling:
            for station in self._stations.values():
                self._begin_filling(station)
            await self._ended.wait()

    def _begin_keeping(self, station: Station) -> None:
        if self._keeping is not None:
            name, work = station.collector.name, self._keep(station)
            station.tasks.append(self._keeping.create_task(work, name=name))

    def _begin_filling(self, station: Station) -> None:
        if self._filling is not None:
            name = f"backfill {station.collector.name}"
            work = station.backfill.run_for_ever(station.listed, busiest=self._volume_of)
            station.tasks.append(self._filling.create_task(work, name=name))

    def open(self, collector: Collector, backfill: Backfill) -> None:
        """A venue is asked from now on."""
        assert collector.name not in self._stations
        station = self._stations[collector.name] = Station(
            collector=collector, backfill=backfill, listed=asyncio.Event(), unresolved={}, tasks=[]
        )
        if self._telemetry is not None:
            collector.telemetry = self._telemetry
        self._enrolment.know(collector.venue.traits)
        self._begin_filling(station)
        self._begin_keeping(station)

    async def close(self, venue: str) -> Collector:
        """It is asked no more; who asked it. Raises NotFound."""
        self._check_known(venue)
        station = self._stations.pop(venue)
        for task in station.tasks:
            task.cancel()
        await asyncio.gather(*station.tasks, return_exceptions=True)
        return station.collector

    async def _keep(self, station: Station) -> None:
        """One venue: list its markets, poll, and look for gaps after every recovery."""
        async with asyncio.TaskGroup() as group:
            group.create_task(station.collector.keep_markets(self.listed))
            group.create_task(self._poll(station))
            group.create_task(station.collector.watch_clock())
            if station.collector.listener is not None:
                group.create_task(station.collector.listener.run_for_ever())
            group.create_task(self._fill_after_gaps(station))

    def _volume_of(self, series: Series) -> float:
        """How busy a market is: its 24-hour volume where that is tracked, else nothing."""
        found = self._snapshot().find(series.id) if series.metric.startswith("volume_24h") else None
        if found is None:
            return 0.0
        board, row = found
        volume = float(board.value[row])
        return 0.0 if math.isnan(volume) else volume

    async def _poll(self, station: Station) -> None:
        if not self._catalogue.of_venue(station.collector.name):
            await station.listed.wait()
        await station.collector.poll_for_ever()

    async def _fill_after_gaps(self, station: Station) -> None:
        while True:
            await station.collector.recovered.wait()
            station.collector.recovered.clear()
            self._want(station)

    async def listed(self, venue: str) -> None:
        """A market list was read: track what the configuration asks for there."""
        station = self._stations[venue]
        renamed = await self._enrolment.rename(venue)
        if renamed:
            await self.renamed(venue, renamed)
        station.unresolved = await self._enrolment.configure(venue)
        station.listed.set()
        if self.patterns is not None:
            station.unresolved |= await self.patterns.follow(venue)
        await self.define_configured()
        self._want(station)

    async def define_configured(self) -> None:
        """Try the formulas of the file again: what they read may be tracked by now."""
        before, self._undefined = self._undefined, await self._enrolment.define_configured()
        everything = all(station.listed.is_set() for station in self._stations.values())
        for name, reason in self._undefined.items():
            if everything and before.get(name) != reason:
                log.warning("formula_undefined", series=name, reason=reason)

    def _want(self, station: Station) -> None:
        if self._config.backfill.enabled:
            station.backfill.want()

    def want_backfill(self, venue: str) -> None:
        """Look for gaps of one venue soon, where we have it and the configuration lets us."""
        if venue in self._stations:
            self._want(self._stations[venue])

    def cancel_backfill(self, venue: str) -> None:
        """End the back-fill of one venue that is under way."""
        self._stations[venue].backfill.cancel()

    def retry_backfill(self, venue: str) -> None:
        """Look for what is missing of one venue once more."""
        self._stations[venue].backfill.want()

    def catching_up(self, venue: str) -> bool:
        """Whether what a venue said while we were down, or could not store it, may still be
        fetched."""
        station = self._stations.get(venue)
        return (
            self._config.backfill.enabled
            and station is not None
            and (station.backfill.under_way or station.collector.behind)
        )

    # Reading

    @property
    def traits(self) -> Mapping[str, VenueTraits]:
        """What each venue is like, by name."""
        return {name: one.collector.venue.traits for name, one in self._stations.items()}

    def statuses(self) -> Sequence[VenueStatus]:
        """How every venue is, by name."""
        return [self._stations[name].collector.health.status for name in sorted(self._stations)]

    def reports(self) -> Sequence[VenueReport]:
        return [self._report(name, self._stations[name]) for name in sorted(self._stations)]

    def _report(self, name: str, station: Station) -> VenueReport:
        listener = station.collector.listener
        health, traits = station.collector.health, station.collector.venue.traits
        return VenueReport(
            status=health.status,
            markets_count=len(self._catalogue.markets(name)),
            tracked_count=len(self._catalogue.of_venue(name)),
            errors=dict(health.errors),
            skipped_runs_count=health.skipped_runs_count,
            budget_per_minute=traits.requests_per_minute,
            flow_markets_max=flow_markets_max(traits, self._config.interval),
            backfill=station.backfill.job,
            unresolved=station.unresolved | self._undefined_at(name),
            stream=None if listener is None else listener.report(),
            samples=health.quarantine.samples,
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

    def jobs(self) -> Sequence[Job]:
        """The back-fills that run or ran last."""
        jobs = (station.backfill.job for station in self._stations.values())
        return [job for job in jobs if job is not None]

    # On request

    async def market(self, ref: MarketRef) -> Market:
        """The market, after a first look at the venue's list where none was read yet."""
        if ref.venue is not None:
            await self.list_markets(ref.venue)
        else:
            await self.list_all()
        return self._catalogue.resolve_market(ref)

    async def list_markets(self, venue: str) -> None:
        """Take a first look at a venue's list where none was read yet. Raises NotFound,
        Unavailable."""
        self._check_known(venue)
        station = self._stations[venue]
        await self._list(station)
        if not self._catalogue.listed(venue):
            detail = station.collector.health.status.detail
            raise Unavailable(f"{venue} has not told its markets yet: {detail}")

    async def collect(
        self, *, venue: str | None = None, share: Share | None = None
    ) -> Sequence[Run]:
        """One run now, of one venue or all at once; returns once it is durable. Raises NotFound,
        Unavailable where it cannot be stored."""
        self._check_known(venue)
        chosen = [s for name, s in self._stations.items() if venue in (None, name)]
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._collect(station, share)) for station in chosen]
        except ExceptionGroup as failures:  # all for one reason: it cannot be stored
            raise failures.exceptions[0] from None
        return [task.result() for task in tasks]

    async def _collect(self, station: Station, share: Share | None) -> Run:
        if not self._catalogue.of_venue(station.collector.name):
            await self._list(station)
        return await station.collector.run_once(RunKind.COLLECT, share=share)

    @property
    def collectors(self) -> Sequence[Collector]:
        return [station.collector for station in self._stations.values()]

    @property
    def names(self) -> Sequence[str]:
        """Of the venues that are asked."""
        return sorted(self._stations)

    def collector(self, venue: str) -> Collector:
        """Raises NotFound."""
        self._check_known(venue)
        return self._stations[venue].collector

    async def list_all(self) -> None:
        """Read every market list that was not read yet, and track what the configuration says."""
        for station in list(self._stations.values()):
            await self._list(station)

    async def _list(self, station: Station) -> None:
        """Read a venue's market list where it was not yet; a venue that fails is left so."""
        if station.listed.is_set():
            return
        try:
            await station.collector.refresh_markets()
        except (SigmawatchError, TimeoutError):
            return  # its health says so
        await self.listed(station.collector.name)

    async def backfill(self, *, venue: str | None = None) -> Sequence[Job]:
        """Start (or join) the back-fill of one venue or all; the jobs as they stand."""
        self._check_known(venue)
        for name, station in list(self._stations.items()):
            if venue in (None, name):
                await self._list(station)
                station.backfill.want()
        return self.jobs()

    def _check_known(self, venue: str | None) -> None:
        if venue is not None and venue not in self._stations:
            raise NotFound(f"no venue {venue} is configured", field="venue",
                           allowed=", ".join(sorted(self._stations)))  # fmt: skip
