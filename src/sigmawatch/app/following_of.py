"""The patterns of a program: what they need of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sigmawatch.app.following import Ground, Patterns

if TYPE_CHECKING:
    from sigmawatch.app.enrolment import Enrolment
    from sigmawatch.app.program import Program
    from sigmawatch.ports.ledger import Ledger


def patterns_of(program: Program, enrolment: Enrolment, *, ledger: Ledger) -> Patterns:
    """Made once the program's stations are."""
    stations = program.stations

    async def changed(venue: str) -> None:
        await stations.define_configured()
        await program.tracker.refresh()
        stations.want_backfill(venue)

    stations.patterns = Patterns(program.config, Ground(
        catalogue=program.catalogue, ledger=ledger, enrolment=enrolment, clock=program.clock,
        collectors={one.name: one for one in stations.collectors},
        list_markets=stations.list_markets, changed=changed,
    ))  # fmt: skip
    return stations.patterns
