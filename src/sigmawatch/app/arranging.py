"""What is arranged while a program runs, patterns and pauses: what they need of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sigmawatch.app.following import Ground, Patterns
from sigmawatch.app.naming import Names
from sigmawatch.app.pausing import Pauses

if TYPE_CHECKING:
    from sigmawatch.app.enrolment import Enrolment
    from sigmawatch.app.program import Program
    from sigmawatch.ports.ledger import Ledger


@dataclass(frozen=True, slots=True, kw_only=True)
class Arranged:
    """What people say of markets while the program runs."""

    patterns: Patterns
    pauses: Pauses
    names: Names

    async def recover(self) -> None:
        """Read it back."""
        await self.patterns.recover()
        await self.pauses.recover()
        await self.names.recover()


def arranged(program: Program, enrolment: Enrolment, *, ledger: Ledger) -> Arranged:
    """Made once the program's stations are."""
    stations = program.stations

    async def changed(venue: str) -> None:
        await stations.define_configured()
        await program.tracker.refresh()
        stations.want_backfill(venue)

    patterns = stations.patterns = Patterns(program.config, Ground(
        catalogue=program.catalogue, ledger=ledger, enrolment=enrolment, clock=program.clock,
        stations=stations, changed=changed,
    ))  # fmt: skip
    pauses = Pauses(program.catalogue, ledger=ledger, clock=program.clock, stations=stations)
    names = Names(program.catalogue, ledger=ledger)

    async def renamed(venue: str, ids: Mapping[str, str]) -> None:
        await patterns.rename(venue, ids)
        await pauses.rename(venue, ids)
        await names.rename(venue, ids)

    stations.renamed = renamed
    return Arranged(patterns=patterns, pauses=pauses, names=names)
