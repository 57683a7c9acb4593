"""Wiring: the one place that knows adapters. Builds a program from a configuration.

Also what else needs an adapter by name: the traits of venues, the demo market, recording, replay.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path

from sigmawatch.adapters.buses.local import LocalBus
from sigmawatch.adapters.clock import RealClock
from sigmawatch.adapters.ledgers.sqlite import SqliteLedger
from sigmawatch.adapters.venues import VENUES, VenueSettings, settings_for, venue_for
from sigmawatch.app.backfill import Backfill
from sigmawatch.app.catalogue import Catalogue
from sigmawatch.app.collector import Collector
from sigmawatch.app.config import Config, VenueConfig
from sigmawatch.app.program import Ports, Program
from sigmawatch.ports.clock import Clock
from sigmawatch.ports.venue import Venue, VenueTraits


def wanted_venues(config: Config) -> Sequence[str]:
    """Venues with an adapter that the configuration tracks or sets up, and does not switch off."""
    named = {track.venue_name for track in config.track} | {n.upper() for n in config.venues}
    return [name for name in sorted(named) if name in VENUES and config.venue(name).enabled]


def venue_settings(name: str, config: VenueConfig) -> VenueSettings:
    """The adapter's settings: its defaults, changed where the configuration says so."""
    settings = settings_for(name)
    changes: dict[str, object] = {
        "base_url": config.base_url,
        "fallback_url": config.fallback_url,
        "api_key": config.api_key.get_secret_value() or None,
        "requests_per_minute": config.requests_per_minute,
        "count_floor": config.count_floor,
        "timeout_s": config.timeout_s,
    }
    return replace(settings, **{key: value for key, value in changes.items() if value is not None})


def venue_traits() -> Mapping[str, VenueTraits]:
    """What every venue with an adapter can do, without asking it."""
    return {name: settings_for(name).traits for name in VENUES}


@asynccontextmanager
async def build(
    config: Config,
    *,
    demo: bool = False,
    clock: Clock | None = None,
    venues: Sequence[Venue] | None = None,
) -> AsyncIterator[Program]:
    """A program over `config.data`, recovered and ready to answer; it does not poll yet.

    venues: instead of the configured ones (tests, replay). Raises InUse, StorageNewer, Refused.
    """
    clock = clock or RealClock()
    async with AsyncExitStack() as stack:
        ledger = await SqliteLedger.open(config.data, clock=clock)
        stack.push_async_callback(ledger.close)
        if venues is None:
            rng = random.Random()  # noqa: S311 - jitter, not a secret
            venues = [
                venue_for(venue_settings(name, config.venue(name)), clock=clock, rng=rng)
                for name in wanted_venues(config)
            ]
        for venue in venues:
            stack.push_async_callback(venue.close)
        ports = Ports(clock=clock, ledger=ledger, history=ledger, bus=LocalBus())
        catalogue = Catalogue()
        program = Program(
            config,
            ports=ports,
            catalogue=catalogue,
            collectors=[_roles(venue, config, ports, catalogue) for venue in venues],
            demo=demo,
        )
        stack.push_async_callback(program.close)
        await program.recover()
        await stack.enter_async_context(program.core())
        yield program


def _roles(
    venue: Venue, config: Config, ports: Ports, catalogue: Catalogue
) -> tuple[Collector, Backfill]:
    settings = config.venue(venue.traits.name)
    collector = Collector(
        venue,
        catalogue=catalogue,
        bus=ports.bus,
        clock=ports.clock,
        poll_offset_ms=round(1_000 * settings.poll_offset_s),
    )
    backfill = Backfill(venue, catalogue=catalogue, bus=ports.bus, clock=ports.clock)
    return collector, backfill


def demo_folder(config: Config) -> Path:
    """Where the demo market keeps its own data."""
    return config.data / "demo"
