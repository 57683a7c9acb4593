"""Venues that are switched on and off while the program runs.

A venue with an adapter needs no configuration to be asked. What a file sets up or tracks is
switched in the file; all else here, durable before it is seen, and other programs on the same
database follow it. A venue is switched off once nothing is tracked there: until then it can be
paused.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from sigmawatch.app.backfill import Backfill
from sigmawatch.app.catalogue import Catalogue
from sigmawatch.app.collector import Collector
from sigmawatch.app.config import Config
from sigmawatch.app.stations import Stations
from sigmawatch.domain.arrangement import Arrangement, ArrangementKind
from sigmawatch.domain.audit import OURSELVES, Actor
from sigmawatch.domain.errors import Conflict, NotFound
from sigmawatch.ports.ledger import Ledger


@dataclass(frozen=True, slots=True, kw_only=True)
class Maker:
    """known: names of the venues that have an adapter. make: brings one of them to life."""

    known: Sequence[str]
    make: Callable[[str], tuple[Collector, Backfill]]


class Means(Protocol):
    """What it takes. maker: None where no other venues can be had, as in a replay."""

    @property
    def ledger(self) -> Ledger: ...

    @property
    def maker(self) -> Maker | None: ...


class Openings:
    """Which of the venues with an adapter are asked."""

    def __init__(
        self, config: Config, means: Means, *, stations: Stations, catalogue: Catalogue
    ) -> None:  # fmt: skip
        self._config = config
        self._ledger = means.ledger
        self._stations = stations
        self._catalogue = catalogue
        self._maker = means.maker
        self._turn = asyncio.Lock()
        self._made: dict[str, Collector] = {}

    @property
    def available(self) -> Sequence[str]:
        """Venues that could be switched on, by name."""
        known = self._maker.known if self._maker is not None else ()
        return sorted(set(known) - set(self._stations.names))

    async def recover(self) -> None:
        """Have open what is said to be, and closed what is said not to be."""
        said = {
            one.name: bool(one.body["on"]) for one in await self._ledger.arrangements()
            if one.kind is ArrangementKind.VENUE
        }  # fmt: skip
        async with self._turn:
            for name, on in said.items():
                if on and name in self.available:
                    self._open(name)
                elif not on and name in self._stations.names and not self._of_file(name):
                    await self._close(name)

    async def enable(self, name: str, *, by: Actor = OURSELVES) -> bool:
        """Ask a venue from now on; whether that is new. Raises NotFound where there is no adapter
        for it, Conflict where the file switches it off."""
        async with self._turn:
            if name in self._stations.names:
                return False
            if self._of_file(name):
                raise self._managed(name)
            if name not in self.available:
                raise NotFound(f"no adapter for venue {name}", field="venue",
                               allowed=", ".join(self.available) or "all are on")  # fmt: skip
            await self._say(name, True, by=by)
            self._open(name)
            return True

    async def disable(self, name: str, *, by: Actor = OURSELVES) -> None:
        """Ask it no more. Raises Conflict where the file says it, or something is tracked there."""
        async with self._turn:
            if self._of_file(name):
                raise self._managed(name)
            if count := len(self._catalogue.of_venue(name)):
                raise Conflict(f"{count} series are tracked at {name}; remove them first, or pause "
                               "the venue", field="venue")  # fmt: skip
            await self._say(name, False, by=by)
            await self._close(name)

    def _of_file(self, name: str) -> bool:
        config = self._config
        named = {one.venue_name for one in config.track} | {key.upper() for key in config.venues}
        return config.source is not None and name in named

    def _managed(self, name: str) -> Conflict:
        source = self._config.source.name if self._config.source else "the configuration"
        return Conflict(f"{name} is set up by {source}; change it there", field="venue")

    async def _say(self, name: str, on: bool, *, by: Actor) -> None:
        async with self._ledger.transaction() as transaction:
            await transaction.arrangements.put(
                Arrangement(kind=ArrangementKind.VENUE, name=name, body={"on": on})
            )
            what = "venue.enable" if on else "venue.disable"
            await transaction.audit.append(by.did(what, name, after={"on": on}))

    def _open(self, name: str) -> None:
        assert self._maker is not None
        collector, backfill = self._maker.make(name)
        self._made[name] = collector
        self._stations.open(collector, backfill)

    async def _close(self, name: str) -> None:
        collector = await self._stations.close(name)
        if self._made.pop(name, None) is not None:  # else who made it closes it
            await collector.venue.close()

    async def close(self) -> None:
        """Give back what was switched on here."""
        for collector in self._made.values():
            await collector.venue.close()
