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
class Facts:
    """What the decision stands on.

    asked: `--demo` was given. holds_live: the folder holds a live frame. configured: a file, a
    track or a role was given. answered: any venue ever did. failures: in a row, one count for each
    venue that is asked. elapsed_ms: since the start.
    """

    asked: bool
    holds_live: bool
    configured: bool
    answered: bool
    failures: Sequence[int]
    elapsed_ms: int


def next_mode(mode: Mode, facts: Facts) -> Mode:
    """The mode that follows from `facts`; live and asked-for demo are final."""
    if mode is Mode.LIVE:
        return Mode.LIVE
    if facts.asked:
        return Mode.DEMO
    if facts.holds_live or facts.configured or facts.answered:
        return Mode.LIVE
    if not facts.failures:
        return Mode.LIVE  # no venue is asked, so none can fail
    if mode is Mode.DEMO or facts.elapsed_ms >= PATIENCE_MS:
        return Mode.DEMO
    failed = min(facts.failures) >= FAILURES_MAX
    return Mode.DEMO if failed else Mode.WAIT
