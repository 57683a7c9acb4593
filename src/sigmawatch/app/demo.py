"""Live or demo: the decision of SEMANTICS.md 5, as a function of what is known. No clock, no I/O.

Demo is entered by the flag, or where the data folder never held a live frame, nobody said what to
collect, and every venue failed twice or for ten seconds. The first answer of any venue makes the
program live, and live is never left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

FAILURES_MAX = 2
PATIENCE_MS = 10_000


class Mode(StrEnum):
    """What the program shows: `wait` is live without having heard of any venue yet."""

    WAIT = "wait"
    LIVE = "live"
    DEMO = "demo"


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What was heard of one venue since the start."""

    answered: bool
    failures_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the decision stands on.

    asked: `--demo` was given. holds_live: the folder holds a live frame. configured: a file, a
    track or a role was given. venues: one each, of those that are asked. elapsed_ms: since start.
    """

    asked: bool
    holds_live: bool
    configured: bool
    venues: Sequence[Heard]
    elapsed_ms: int


def next_mode(mode: Mode, facts: Facts) -> Mode:
    """The mode that follows from `facts`; live and asked-for demo are final."""
    if mode is Mode.LIVE:
        return Mode.LIVE
    if facts.asked:
        return Mode.DEMO
    if facts.holds_live or facts.configured or not facts.venues:
        return Mode.LIVE
    if any(venue.answered for venue in facts.venues):
        return Mode.LIVE
    if mode is Mode.DEMO or facts.elapsed_ms >= PATIENCE_MS:
        return Mode.DEMO
    failed = all(venue.failures_count >= FAILURES_MAX for venue in facts.venues)
    return Mode.DEMO if failed else Mode.WAIT
