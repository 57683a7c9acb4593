"""The program: one embeddable object that holds the roles and answers for them.

Built and fed by wiring; web and command line know only this. Start-up never fails because of a
venue.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import structlog

from sigmawatch.app.access.access import Access
from sigmawatch.app.alerting.alerting import Alerting
from sigmawatch.app.alerting.episodes import Episodes
from sigmawatch.app.alerting.explain import Explainer
from sigmawatch.app.alerting.live_judge import LiveJudge
from sigmawatch.app.alerting.preview import Holdings, Previews
from sigmawatch.app.alerting.rulebook import Rulebook
from sigmawatch.app.alerting.scope import LiveScope
from sigmawatch.app.alerting.silencing import Silencing
from sigmawatch.app.alerting.stored import StoredSlots
from sigmawatch.app.archiving import Archiver, Shelf
from sigmawatch.app.arranging import arranged
from sigmawatch.app.backfill import MISSING_SUBJECT, Backfill, Job
from sigmawatch.app.backups import Backups
from sigmawatch.app.catalogue import Catalogue
from sigmawatch.app.channels import ChannelBook
from sigmawatch.app.collector import PARTITION, Collector
from sigmawatch.app.config import Config
from sigmawatch.app.definitions import Definition
from sigmawatch.app.enrolment import Enrolment
from sigmawatch.app.fail_over import away
from sigmawatch.app.failures import only
from sigmawatch.app.importing import Imported, Importer, Record
from sigmawatch.app.interval_config import NO_INTERVALS
from sigmawatch.app.neighbours import Neighbours
from sigmawatch.app.notifying.service import Notifying, NotifyPorts, Outlook
from sigmawatch.app.once import Once
from sigmawatch.app.opening import Maker, Openings
from sigmawatch.app.past import Past
from sigmawatch.app.pushing.of_program import push_of
from sigmawatch.app.rank_keeping import RankKeeper
from sigmawatch.app.readiness import Readiness, unready
from sigmawatch.app.sealing import Sealer, Stores
from sigmawatch.app.sparklines import Sparklines
from sigmawatch.app.stations import Stations
from sigmawatch.app.streaming.of_program import hub_of
from sigmawatch.app.tables import Tables
from sigmawatch.app.telemetry.telemetry import Telemetry
from sigmawatch.app.tracker import Tracker
from sigmawatch.app.watchlists import Watchlists
from sigmawatch.domain.errors import StorageFailed
from sigmawatch.domain.market import MarketRef
from sigmawatch.domain.series import Series
from sigmawatch.domain.storage import StorageState
from sigmawatch.domain.venue import Run
from sigmawatch.domain.window import DAY_MS, Interval
from sigmawatch.engine.judge import Judge
from sigmawatch.engine.snapshot import Board, Snapshot
from sigmawatch.ports.alerts import AlertStore
from sigmawatch.ports.archive import Archive
from sigmawatch.ports.backup import BackupStore
from sigmawatch.ports.bus import Bus, Item
from sigmawatch.ports.channel_store import Vault
from sigmawatch.ports.clock import Clock
from sigmawatch.ports.history import History, Sealing, Stretch
from sigmawatch.ports.ledger import Damage, Ledger
from sigmawatch.ports.once import OnceStore
from sigmawatch.ports.ranks import RankStore
from sigmawatch.ports.storage import Storage
from sigmawatch.ports.tracing import Tracer
from sigmawatch.ports.zones import Zones

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """The outside of one program: its time, where truth is kept, how roles talk."""

    clock: Clock
    ledger: Ledger
    alerts: AlertStore
    history: History
    sealing: Sealing
    ranks: RankStore
    backups: BackupStore
    bus: Bus
    zones: Zones
    notify: NotifyPorts
    channels: ChannelBook
    access: Access
    once: OnceStore
    vault: Vault
    archive: Archive | None = None
    judge: Judge | None = None  # instead of our own
    tracer: Tracer | None = None
    maker: Maker | None = None  # of venues that are switched on later


class Program:
    """Everything that runs, for one data folder."""

    def __init__(
        self, config: Config, *, ports: Ports, collectors: Sequence[tuple[Collector, Backfill]],
        catalogue: Catalogue, demo: bool = False,
    ) -> None:  # fmt: skip
        self.config = config
        self.clock = ports.clock
        self.demo = demo
        self.catalogue = catalogue
        self._ports = ports
        self._recovered = False
        self.telemetry = Telemetry(ports.clock, tracer=ports.tracer)
        self.watchlists = Watchlists(config, ledger=ports.ledger)
        self.channels = ports.channels
        self.access = ports.access
        self.once = Once(ports.once, ledger=ports.ledger, vault=ports.vault)
        self.notifying = Notifying(
            config, replace(ports.notify, telemetry=self.telemetry), ledger=ports.ledger,
            clock=ports.clock, watchlists=self.watchlists,
        )  # fmt: skip
        tables = Tables(catalogue, windows_ms=config.windows_ms, patience=config.patience,
                        reference=config.reference_currency)  # fmt: skip
        self.tracker = Tracker(
            ledger=ports.ledger, bus=ports.bus, clock=ports.clock, catalogue=catalogue,
            tables=tables,
        )  # fmt: skip
        self.tracker.telemetry = self.telemetry
        self.ranks = RankKeeper(self.tracker, tables, ledger=ports.ledger, store=ports.ranks,
                                clock=ports.clock)  # fmt: skip
        self.backups = Backups(ports.backups, plan=config.backup.plan(config.data),
                               clock=ports.clock)  # fmt: skip
        self.past = Past(ports.history, hot=self.tracker.hot, clock=ports.clock)
        holdings = self._holdings(tables)
        self.sparklines = Sparklines(self.past)
        self.previews = Previews(holdings)
        self.explainer = Explainer(holdings, ports.alerts)
        self.sealer = Sealer(
            Stores(history=ports.history, sealing=ports.sealing, archiver=self._archiver(),
                   between=self.tracker.compute.calm),
            catalogue=catalogue, config=config.history, clock=ports.clock,
        )  # fmt: skip
        self._enrolment = Enrolment(config, catalogue=catalogue, ledger=ports.ledger,
                                    tracker=self.tracker, history=ports.history)  # fmt: skip
        self.stations = Stations(
            config, collectors, catalogue=catalogue, enrolment=self._enrolment,
            snapshot=lambda: self.snapshot,
        )  # fmt: skip
        self.stations.report_to(self.telemetry)
        self._arranged = told = arranged(self, self._enrolment, ledger=ports.ledger)
        self.patterns, self.pauses, self.names = told.patterns, told.pauses, told.names
        self.openings = Openings(config, ports, stations=self.stations, catalogue=catalogue)
        self._rule(tables)
        self.push = push_of(self, self._enrolment)
        self._neighbours = Neighbours(ports.ledger, enrolment=self._enrolment,
                                      lists=self._recover_lists, stations=self.stations,
                                      clock=ports.clock)  # fmt: skip

    def _rule(self, tables: Tables) -> None:
        """Everything that rules need: who judges them, who changes them, who is told."""
        ports = self._ports
        judge = LiveJudge(tables, now_ms=ports.clock.now_ms, zones=ports.zones,
                          watchlists=self.watchlists.by_name)  # fmt: skip
        self.alerting = Alerting(judge, catalogue=self.catalogue, alerts=ports.alerts,
                                 ledger=ports.ledger, clock=ports.clock)  # fmt: skip
        judging = self.tracker.appoint(
            ports.judge or judge, alerts=ports.alerts,
            catching_up=self.stations.catching_up,
        )  # fmt: skip
        self.rulebook = Rulebook(
            self._scope(), ledger=ports.ledger, alerts=ports.alerts, clock=ports.clock,
            file=self.config.rules_path,
        )  # fmt: skip
        self.silencing = Silencing(ledger=ports.ledger, alerts=ports.alerts, clock=ports.clock)
        self.rulebook.tell = self.silencing.tell = self.alerting.changed
        self.rulebook.may_tell = self.channels.may_tell
        self.episodes = Episodes(
            self.catalogue, ledger=ports.ledger, alerts=ports.alerts, clock=ports.clock
        )
        self.episodes.tell_seen = self.alerting.acknowledged
        self.streaming = hub_of(self)
        judging.tell = self.streaming.note_episodes

    def _scope(self) -> LiveScope:
        """What rules may speak of."""
        return LiveScope(
            self.catalogue, interval=self.config.interval, zones=self._ports.zones,
            watchlists=self.watchlists.by_name, channels=self.channels.names,
        )  # fmt: skip

    def _holdings(self, tables: Tables) -> Holdings:
        """What previews of rules ask of us."""
        compute = self.tracker.compute
        stored = StoredSlots(
            self.past, tables, sealing=self._ports.sealing, compute=compute, clock=self.clock
        )
        return Holdings(
            stored=stored, calm=compute.calm, clock=self.clock, zones=self._ports.zones,
            series=lambda: self.catalogue.series,
            watchlists=self.watchlists.by_name, windows_ms=self.config.windows_ms,
        )  # fmt: skip

    def _archiver(self) -> Archiver | None:
        if self._ports.archive is None:
            return None
        shelf = Shelf(
            archive=self._ports.archive, ledger=self._ports.ledger, sealing=self._ports.sealing,
            required=self.config.archive.required,
        )  # fmt: skip
        return Archiver(shelf, catalogue=self.catalogue, clock=self.clock)

    # Life

    async def recover(self) -> None:
        """Read the catalogue and the hot slots back; afterwards reads are answered."""
        series_count = await self._enrolment.recover()
        await self._recover_lists()
        await self.rulebook.recover()
        await self.notifying.recover()
        await self.alerting.recover()
        count = await self.tracker.recover()
        self._recovered = True
        log.info("recovered", series_count=series_count, items_count=count,
                 damaged_count=self._ports.ledger.damaged_count)  # fmt: skip

    async def _recover_lists(self) -> None:
        """What people named, ruled, silenced and follow, as it is stored."""
        await self.watchlists.recover()
        await self.openings.recover()
        await self._arranged.recover()
        await self.channels.recover()
        await self.access.follow()
        await self.notifying.subscriptions.recover()
        await self.silencing.follow()
        await self.rulebook.follow()
        await self.alerting.changed()

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
                works = {
                    "tracker": self.tracker.consume_for_ever(),
                    "refresher": self.tracker.refresh_for_ever(),
                    "ranks": self.ranks.keep_for_ever(keep_ms=keep_ms),
                    "backups": self.backups.make_for_ever(),
                    "storage": self._follow_storage(),
                    "neighbours": self._neighbours.follow_for_ever(),
                    "access": self.access.keep_for_ever(),
                    "rules file": self.rulebook.follow_file_for_ever(),
                    "backfill": self.stations.backfill_for_ever(),
                    "streaming": self.streaming.run_for_ever(),
                    "push": self.push.take_for_ever(),
                }
                tasks = [group.create_task(work, name=name) for name, work in works.items()]
                yield
                for task in tasks:
                    task.cancel()
        except BaseExceptionGroup as failures:
            raise only(failures) from None

    async def _follow_storage(self) -> None:
        """Make up for what could not be stored once it can. Raises StorageFailed when what we hold
        may not be what is stored."""
        status = self.storage.status
        while not status.doubtful:
            status = await self.storage.changed(status)
            if status.state is StorageState.OK:
                self.tracker.look_again()
        raise StorageFailed(f"{status}; what was shown is stored, and a start reads it back")

    async def serve_until_cancelled(self) -> None:
        """Collect and close slots until something fails or we are cancelled; then all stops."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.tracker.close_for_ever(), name="closer")
            group.create_task(self.notifying.run_for_ever(self._outlook), name="notifying")
            group.create_task(self.sealer.run_for_ever(), name="sealer")
            group.create_task(self.backups.plan_for_ever(), name="backup plan")
            group.create_task(self.stations.keep_for_ever(), name="stations")
            group.create_task(self.push.close_for_ever(), name="push closer")

    @property
    def _outlook(self) -> Outlook:
        return Outlook(changed=self.changed, alerts=self._ports.alerts, away=lambda: away(self),
                       venues=self.stations.statuses, snapshot=lambda: self.snapshot)  # fmt: skip

    async def close(self) -> None:
        """Give back what only the program holds; wiring closes the rest."""
        self.tracker.close()
        await self.openings.close()
        await self.telemetry.close()

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

    def readiness(self) -> tuple[str, ...]:
        """Why we are not ready to be relied on; empty means ready."""
        if not self._recovered:
            return ("the last 24 hours are still being read back",)
        return unready(Readiness(
            now_ms=self.clock.now_ms(), storage=self.storage.status,
            venues=self.stations.statuses(),
            slots={one.interval: one.slot for one in self.snapshot.boards.values() if one.series},
            oldest_notice_ms=self.notifying.watch.oldest_ms,
        ))  # fmt: skip

    @property
    def storage(self) -> Storage:
        """How what the database lies on is."""
        return self._ports.ledger.storage

    @property
    def damage(self) -> Sequence[Damage]:
        """What was met so far in the database that is not as it was written."""
        return self._ports.ledger.damage

    def jobs(self) -> Sequence[Job]:
        """Everything that takes long: back-fills, sealing, backups."""
        return [*self.stations.jobs(), *self.sealer.jobs(), *self.backups.jobs()]

    # Changing

    async def track(
        self, market: MarketRef, metrics: Sequence[str], *,
        interval: Interval | None = None, intervals: Mapping[str, Interval] = NO_INTERVALS,
    ) -> Sequence[Series]:  # fmt: skip
        """Track metrics of one market from now on, and back-fill them. Their slots: as
        `Config.widths`. Raises NotFound, Invalid."""
        found = await self.stations.market(market)
        widths = self.config.widths(found.venue, metrics, every=interval, intervals=intervals)
        series = await self._enrolment.add_widths(found, widths)
        await self.stations.define_configured()
        await self.tracker.refresh()
        self.stations.want_backfill(found.venue)
        return series

    async def define(self, definition: Definition) -> Series:
        """Compute a formula series from now on. Raises NotFound for what it reads and nobody
        tracks, Invalid, Conflict."""
        series = await self._enrolment.define(definition)
        await self.tracker.refresh()
        return series

    async def untrack(self, series: Series) -> None:
        """Stop tracking; history stays. Raises Conflict where a file manages the series."""
        await self._enrolment.remove(series)
        await self.tracker.refresh()

    async def import_records(
        self, series: Series, records: Sequence[Record], *, dry_run: bool = False
    ) -> Imported:
        """Take records from elsewhere where nothing is known yet; returns once they are durable."""
        importer = Importer(self.past, now_ms=self.clock.now_ms,
                            keep_ms=self.config.history.raw_days * DAY_MS)  # fmt: skip
        patches, imported = await importer.lay_out(series, records)
        if patches and not dry_run:
            await self.publish(patches)
        return imported

    async def publish(self, items: Sequence[Item]) -> None:
        """Take readings from elsewhere, as a collector's; returns once they are durable."""
        await self._ports.bus.publish(PARTITION, items)
