"""Wiring: the one place that knows adapters. Builds a program from a configuration.

Also what else needs an adapter by name: the traits of venues, the demo market. Recording and replay
are wired in app.wiring_replay.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from sigmawatch.adapters import tables
from sigmawatch.adapters.archives import opening
from sigmawatch.adapters.buses.local import LocalBus
from sigmawatch.adapters.channels.workshop import Workshop
from sigmawatch.adapters.clock import RealClock
from sigmawatch.adapters.keys import read_key
from sigmawatch.adapters.ledgers.copies import in_thread
from sigmawatch.adapters.ledgers.examining import Way, examine_folder
from sigmawatch.adapters.ledgers.folder import DataFolder
from sigmawatch.adapters.ledgers.ledger import SqlLedger
from sigmawatch.adapters.ledgers.restoring import restore_to_folder
from sigmawatch.adapters.ledgers.salvaging import salvage as save
from sigmawatch.adapters.ledgers.sqlite import SqliteLedger
from sigmawatch.adapters.passwords import ArgonPasswords
from sigmawatch.adapters.pepper import FolderPepper
from sigmawatch.adapters.sign_in import provider_of
from sigmawatch.adapters.signal import UrlSignal
from sigmawatch.adapters.traces import Receiver, tracer_to
from sigmawatch.adapters.vault import KeyVault
from sigmawatch.adapters.venues import VENUES, VenueSettings, venue_for
from sigmawatch.adapters.venues.rest import RestVenue
from sigmawatch.adapters.zones import IanaZones
from sigmawatch.app.access.access import Access, AccessPorts
from sigmawatch.app.archive_place import Bucket
from sigmawatch.app.backfill import Backfill
from sigmawatch.app.catalogue import Catalogue
from sigmawatch.app.channels import ChannelBook, ChannelPorts
from sigmawatch.app.collector import Collector
from sigmawatch.app.config import DEFAULT_TRACK, Config
from sigmawatch.app.history_config import ArchiveConfig
from sigmawatch.app.listening.listener import Listener
from sigmawatch.app.listening.streamed import StreamedVenue
from sigmawatch.app.notifying.service import NotifyPorts
from sigmawatch.app.opening import Maker
from sigmawatch.app.program import Ports, Program
from sigmawatch.app.publish_config import PublishConfig
from sigmawatch.app.venue_config import VenueConfig, VenueKind
from sigmawatch.domain.errors import Refused
from sigmawatch.ports.archive import Archive
from sigmawatch.ports.backup import Copied, Told
from sigmawatch.ports.clock import Clock
from sigmawatch.ports.doctor import Examined, Salvaged
from sigmawatch.ports.identity import IdentityProvider
from sigmawatch.ports.publication import Publication
from sigmawatch.ports.venue import Venue, VenueTraits

if TYPE_CHECKING:
    from sigmawatch.adapters.ledgers.postgres import PostgresLedger

table_writer, table_rows, table_bytes = tables.table_writer, tables.table_rows, tables.table_bytes
iana_zones = IanaZones  # what clocks on walls show

DEMO_BUDGET = 60_000.0  # requests a minute: the double is ours


def wanted_venues(config: Config) -> Sequence[str]:
    """Venues with an adapter that the configuration tracks or sets up, and does not switch off."""
    named = {track.venue_name for track in config.track} | {n.upper() for n in config.venues}
    known = _venue_names(config)
    return [name for name in sorted(named) if name in known and config.venue(name).enabled]


def _venue_names(config: Config) -> Sequence[str]:
    own = [name.upper() for name, one in config.venues.items() if one.kind is not VenueKind.NATIVE]
    return list(dict.fromkeys([*VENUES, *own]))


def venue_traits(config: Config | None = None) -> Mapping[str, VenueTraits]:
    """What every venue with an adapter, or of the configuration's own, can do, under the configured
    budgets, without asking it. Raises Invalid."""
    chosen = config or Config()
    names = _venue_names(chosen)
    return {name: venue_of(name, chosen, clock=RealClock()).traits for name in names}


def venue_of(name: str, config: Config, *, clock: Clock, rng: random.Random | None = None) -> Venue:
    """A venue with an adapter, as it is configured. rng: the chance in its pauses. Raises NotFound,
    Invalid."""
    given = config.venue(name).given
    settings = VenueSettings(name=name, openings=config.egress.openings, **given)
    return venue_for(settings, clock=clock, rng=rng or _jitter())


def _jitter() -> random.Random:
    return random.Random()  # noqa: S311 - of back-offs


def channel_maker(config: Config, *, clock: Clock | None = None) -> Workshop:
    return Workshop.of(config.egress.openings, clock=clock or RealClock())


def _receiver(config: Config) -> Receiver | None:
    to = config.telemetry
    return None if to.otlp_url is None else Receiver(
        url=to.otlp_url, service=to.service_name, key=read_key(config.data),
        authorization=to.otlp_authorization.get_secret_value(),
    )  # fmt: skip


@asynccontextmanager
async def build(
    config: Config,
    *,
    demo: bool = False,
    clock: Clock | None = None,
    venues: Sequence[Venue] | None = None,
    dry: bool = False,
) -> AsyncIterator[Program]:
    """A program over `config.data`, recovered and ready to answer; it does not poll yet.

    venues: instead of the configured ones (tests, replay). dry: as in a demo, nobody is told
    anything. Raises InUse, StorageNewer, Refused.
    """
    clock = clock or RealClock()
    async with AsyncExitStack() as stack:
        ledger = await stack.enter_async_context(_ledger(config, clock=clock))
        given = venues is not None or dry  # nobody else is asked
        if venues is None:
            venues = [venue_of(name, config, clock=clock) for name in wanted_venues(config)]
        for venue in venues:
            stack.push_async_callback(venue.close)
        vault = KeyVault.of(config.data, keys=config.secrets.key.get_secret_value())
        means = ChannelPorts(maker=channel_maker(config, clock=clock), store=ledger.channels,
                             vault=vault, dry=dry or demo)  # fmt: skip
        channels = ChannelBook(config, means, ledger=ledger, clock=clock)
        ports = Ports(
            clock=clock, ledger=ledger, alerts=ledger.alerts, history=ledger,
            sealing=ledger.sealing, ranks=ledger, backups=ledger, bus=LocalBus(),
            zones=IanaZones(), archive=_archive(config),
            notify=NotifyPorts(delivery=ledger.delivery, zones=IanaZones(),
                               key=read_key(config.data), channels=None if means.dry else channels,
                               signal=None if means.dry else UrlSignal.of(
                                   config.notify.heartbeat_url.get_secret_value(),
                                   config.egress.openings)),
            channels=channels, once=ledger.once, vault=vault, tracer=tracer_to(_receiver(config)),
            access=_access(config, ledger, clock=clock),
        )  # fmt: skip
        catalogue = Catalogue()
        known = wanted_venues(config) if demo else tuple(VENUES)  # a demo has its own alone
        maker = Maker(known=known, make=lambda name: _roles(
            venue_of(name, config, clock=clock), config, ports=ports, catalogue=catalogue
        ))  # fmt: skip
        program = Program(
            config, ports=replace(ports, maker=None if given else maker),
            catalogue=catalogue, demo=demo,
            collectors=[_roles(one, config, ports=ports, catalogue=catalogue) for one in venues],
        )  # fmt: skip
        stack.push_async_callback(program.close)
        await program.recover()
        await stack.enter_async_context(program.core())
        yield program


def _access(config: Config, ledger: SqlLedger, *, clock: Clock) -> Access:
    pepper = FolderPepper(config.data, given=config.secrets.pepper.get_secret_value())
    ports = AccessPorts(store=ledger.access, passwords=ArgonPasswords(), pepper=pepper,
                        database=config.place, provider=_provider(config, clock=clock))  # fmt: skip
    return Access(ports, ledger=ledger, clock=clock, folder=config.data, oidc=config.access.oidc)


def _provider(config: Config, *, clock: Clock) -> IdentityProvider | None:
    oidc = config.access.oidc
    return None if oidc is None else provider_of(
        oidc.model_dump(include={"issuer", "client_id", "scopes"}),
        client_secret=oidc.client_secret.get_secret_value(), openings=config.egress.openings,
        clock=clock,
    )  # fmt: skip


@asynccontextmanager
async def _ledger(config: Config, *, clock: Clock) -> AsyncIterator[SqlLedger]:
    """The database that the configuration names. The data folder is held in any case: what tells
    other commands where we are lies in it."""
    address = config.database.get_secret_value()
    async with AsyncExitStack() as stack:
        if address:
            stack.callback(DataFolder.hold(config.data).release)
            ledger: SqlLedger = await _postgres().open(address, clock=clock)
        else:
            ledger = await SqliteLedger.open(config.data, clock=clock)
        stack.push_async_callback(ledger.close)
        yield ledger


def _archive(config: Config) -> Archive | None:
    place = config.archive.place
    return None if place is None else opening.archive_at(_opened(place, config.archive))


def publication(config: Config, place: Path | Bucket) -> Publication:
    """Files for others to read. Raises Refused where what it needs is not installed."""
    return opening.publication_at(_opened(place, config.publish))


def _opened(place: Path | Bucket, keys: ArchiveConfig | PublishConfig) -> opening.Place:
    if isinstance(place, Path):
        return place
    return {**asdict(place), "access_key": keys.access_key.get_secret_value(),
            "secret_key": keys.secret_key.get_secret_value()}  # fmt: skip


async def restore(config: Config, source: Path, *, told: Told) -> Copied:
    """The configured database, which must hold nothing, becomes what was backed up. Raises InUse,
    NotFound, Conflict, Refused, StorageNewer, Unavailable."""
    clock = RealClock()
    address = config.database.get_secret_value()
    if not address:
        return await restore_to_folder(source, config.data, now_ms=clock.now_ms(), told=told)
    _postgres()
    from sigmawatch.adapters.ledgers.postgres_restoring import (  # noqa: PLC0415
        restore_to_server,
    )

    held = DataFolder.hold(config.data)
    try:
        return await restore_to_server(source, address, scratch=config.data, clock=clock, told=told)
    finally:
        held.release()


async def examine(config: Config, *, told: Told) -> Examined:
    """The configured database, read whole. Raises NotFound, Refused, Unavailable."""
    address = config.database.get_secret_value()
    if address:
        _postgres()
        from sigmawatch.adapters.ledgers.postgres_examining import examine_server  # noqa: PLC0415

        look = partial(examine_server, address, place=config.place)
    else:
        look = partial(examine_folder, config.data)
    return await in_thread(lambda stopped: look(way=Way(told=told, stopped=stopped)))


async def salvage(source: Path, target: Path, *, told: Told) -> Salvaged:
    """What can be saved of one folder's database, into another. Raises as ledgers.salvaging."""
    work = partial(save, source, target)
    return await in_thread(lambda stopped: work(way=Way(told=told, stopped=stopped)))


def _postgres() -> type[PostgresLedger]:
    """Imported when it is asked for: only who needs it has installed it."""
    try:
        from sigmawatch.adapters.ledgers.postgres import PostgresLedger  # noqa: PLC0415
    except ModuleNotFoundError as exc:
        raise Refused(
            f"a PostgreSQL database needs {exc.name}, which is not installed: pip install "
            "'sigmawatch[postgres]'"
        ) from exc
    return PostgresLedger


def _roles(
    venue: Venue, config: Config, *, ports: Ports, catalogue: Catalogue
) -> tuple[Collector, Backfill]:
    settings = config.venue(venue.traits.name)
    asked = venue
    if isinstance(venue, RestVenue) and venue.stream is not None:
        asked = StreamedVenue(venue, Listener(
            venue.stream, name=venue.traits.name, catalogue=catalogue, clock=ports.clock,
            rng=venue.rng,
        ), clock=ports.clock, floor_ms=settings.floor_ms(venue.traits.poll_floor_ms))  # fmt: skip
    collector = Collector(
        asked, catalogue=catalogue, bus=ports.bus, clock=ports.clock,
        poll_offset_ms=round(1_000 * settings.poll_offset_s),
    )  # fmt: skip
    return collector, Backfill(
        venue, catalogue=catalogue, bus=ports.bus, clock=ports.clock,
        skew_ms=lambda: collector.health.status.skew_ms,
    )  # fmt: skip


@asynccontextmanager
async def demo_program(config: Config) -> AsyncIterator[Program]:
    """The demo market: the venue double in this process, the default markets, a folder of its own.

    Its venues have no request limits, so the day before is there within seconds.
    """
    # Only the demo has a double: 4 MB that nobody else pays.
    from sigmawatch_simulator import Config as DoubleConfig  # noqa: PLC0415
    from sigmawatch_simulator import Simulator  # noqa: PLC0415

    async with AsyncExitStack() as stack:
        names = tuple(track.venue for track in DEFAULT_TRACK)
        double = DoubleConfig(venues=names, limited=False)
        simulator = await stack.enter_async_context(Simulator(double))
        venues = {
            name: VenueConfig(base_url=simulator.base_url(name), requests_per_minute=DEMO_BUDGET)
            for name in names
        }
        demo = Config(
            data=config.data / "demo",
            interval=config.interval,
            windows_ms=config.windows_ms,
            reference_currency=config.reference_currency,
            server=config.server,
            limits=config.limits,
            telemetry=config.telemetry,
            venues=venues,
        )
        yield await stack.enter_async_context(build(demo, demo=True))


def simulate(arguments: Sequence[str]) -> int:
    """Run the venue double until a signal; its exit code."""
    from sigmawatch_simulator.cli import main  # noqa: PLC0415

    return main(list(arguments))
