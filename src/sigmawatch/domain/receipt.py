"""What a notice was decided on: enough to say it in words, and to explain it (SEMANTICS.md 7).

A receipt is written with its notice, in the transaction of its slot, and never changes. Imports
nothing of ours.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Operand:
    """One number of a rule's condition, as the slot had it. text: the part of the condition, in
    canonical form, as `mean(1h)`. value: None where it is unknown. coverage: share of the slots of
    its window that hold a value, 0 to 1; None for what has no window."""

    text: str
    value: float | None
    coverage: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A series that a summary names. series: `VENUE:BASE/QUOTE metric`. weight: how many times its
    limit it is, in the words of the rule's first comparison."""

    series: str
    kind: str
    value: float | None
    weight: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """The decision behind a notice.

    rule, version, condition: as they stood. series: `VENUE:BASE/QUOTE metric`; of a notice about a
    venue or about many series, the venue or "". unit: of the value. slot: the judged one; opened:
    the one with which the episode began. value: the rule's own series at the slot. operands: every
    number of the condition. reason: domain.alert_turn.Reason. withheld: why it is told late, empty
    if it is not. reopened: how often. note: the rule's own words. listed, counts: of a summary.
    reading_ms: the receipt of the reading that decided while the slot ran; None where it was over.
    """

    rule: str
    version: int
    condition: str
    severity: str
    series: str
    unit: str
    interval_ms: int
    slot: int
    opened: int
    value: float | None
    operands: tuple[Operand, ...] = ()
    reason: str = ""
    withheld: tuple[str, ...] = ()
    reopened: int = 0
    note: str = ""
    listed: tuple[Listed, ...] = ()
    counts: tuple[tuple[str, int], ...] = ()
    reading_ms: int | None = None

    def encode(self) -> str:
        """A JSON object, as a notice keeps it."""
        return json.dumps(asdict(self), separators=(",", ":"), ensure_ascii=False, allow_nan=False)
