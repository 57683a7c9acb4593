"""The hub of a program: what it sees of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sigmawatch.app.streaming.hub import Hub, Sources
from sigmawatch.app.streaming.picking import Picker

if TYPE_CHECKING:
    from sigmawatch.app.program import Program


def hub_of(program: Program) -> Hub:
    """Made once everything else of the program is."""
    sources = Sources(
        snapshot=lambda: program.snapshot, changed=program.changed,
        venues=program.stations.statuses,
        pick=lambda asked: Picker(asked, program.watchlists),
        rule_of=program.episodes.rule_of, series_name=program.episodes.series_name,
        demo=program.demo,
    )  # fmt: skip
    readers_max = program.config.limits.stream_readers_max
    return Hub(sources, clock=program.clock, readers_max=readers_max)
