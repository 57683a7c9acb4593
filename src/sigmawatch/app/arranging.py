"""What is arranged while a program runs, patterns and pauses: what they need of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sigmawatch.app.following import Ground, Patterns
from sigmawatch.app.pausing import Pauses

if TYPE_CHECKING:
    from sigmawatch.app.enrolment import Enrolment
    from sigmawatch.app.program import Program
    from sigmawatch.ports.ledger import Ledger


def arranged(
    program: Program, enrolment: Enrolment, *, ledger: Ledger
) -> tuple[Patterns, Pauses]:  # fmt: skip
    """Made once the program's stations are."""
    stations = program.stations

    async def changed(venue: str) -> None:
        await stations.define_configured()
        await program.tracker.refresh()
        stations.want_backfill(venue)

    patterns = stations.patterns = Patterns(program.config, Ground(
        catalogue=program.catalogue, ledger=ledger, enrolment=enrolment, clock=program.clock,
        collectors={one.name: one for one in stations.collectors},
        list_markets=stations.list_markets, changed=changed,
    ))  # fmt: skip
    pauses = Pauses(program.catalogue, ledger=ledger, clock=program.clock, stations=stations)
    return patterns, pauses
