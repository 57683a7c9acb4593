"""Slot and window arithmetic: which slot a moment falls into, which slots a window holds.

Time is integer milliseconds since the epoch, UTC. Slot k of interval Δ is [kΔ, (k+1)Δ), aligned to
the epoch, so two processes agree on every edge without talking (SEMANTICS.md 2). A window is a
span of time, never "the last N rows". Imports domain.errors.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from sigmawatch.domain.errors import Invalid

SECOND_MS = 1_000
MINUTE_MS = 60 * SECOND_MS
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
WINDOW_MAX_MS = DAY_MS
CLOSE_DEADLINE_MAX_MS = 10 * SECOND_MS
SLOTS_A_MINUTE_MIN = 10  # with fewer, a day of slots takes less memory than its minutes

_UNITS_MS = {"s": SECOND_MS, "m": MINUTE_MS, "h": HOUR_MS, "d": DAY_MS}
_SPAN = re.compile(r"([1-9][0-9]{0,8})([a-z]+)", re.ASCII)


def parse_span(text: str) -> int:
    """Milliseconds in "90s", "5m", "24h" or "7d". Raises Invalid with what is allowed."""
    match = _SPAN.fullmatch(text.strip().lower())
    if match is None:
        raise Invalid(f"{text!r} is no span of time: write a number and a unit, as 5m or 24h")
    count, unit = match.groups()
    if unit not in _UNITS_MS:
        raise Invalid(f"{text!r}: unknown unit {unit!r}, use s, m, h, d")
    return int(count) * _UNITS_MS[unit]


def format_span(span_ms: int) -> str:
    """The shortest text that `parse_span` reads back as `span_ms` (a whole number of seconds)."""
    assert span_ms > 0
    assert span_ms % SECOND_MS == 0
    if span_ms == DAY_MS:
        return "24h"
    for unit in ("d", "h", "m"):
        if span_ms % _UNITS_MS[unit] == 0:
            return f"{span_ms // _UNITS_MS[unit]}{unit}"
    return f"{span_ms // SECOND_MS}s"


@dataclass(frozen=True, slots=True, order=True)
class Interval:
    """Δ: how long one slot is. Any divisor of a day from 1 s to 1 h, in whole seconds."""

    ms: int

    def __post_init__(self) -> None:
        whole = self.ms % SECOND_MS == 0 and SECOND_MS <= self.ms <= HOUR_MS
        if not whole or DAY_MS % self.ms:
            raise Invalid(
                f"an interval must divide a day and lie between 1s and 1h, was {self.ms} ms",
                field="every",
                allowed="1s, 5s, 10s, 30s, 1m, 5m, 15m, 1h or another divisor of a day",
            )

    def __str__(self) -> str:
        return format_span(self.ms)

    def slot(self, ts_ms: int) -> int:
        """The slot that holds the moment `ts_ms`."""
        return ts_ms // self.ms

    def open_ms(self, slot: int) -> int:
        """The first millisecond of `slot`."""
        return slot * self.ms

    def slots(self, span_ms: int) -> int:
        """How many slots a window of `span_ms` holds. Raises Invalid where it is no whole number
        of slots, empty, or longer than a day."""
        if not self.ms <= span_ms <= WINDOW_MAX_MS or span_ms % self.ms:
            raise Invalid(
                f"a window over {self} slots must be a multiple of {self} up to 24h",
                field="window",
                allowed=f"{self} to 24h in steps of {self}",
            )
        return span_ms // self.ms

    @property
    def slots_per_day(self) -> int:
        return DAY_MS // self.ms

    @property
    def section_slots(self) -> int:
        """How many slots of history are sealed at once: a day of them; an hour below a minute."""
        return (DAY_MS if self.ms >= MINUTE_MS else HOUR_MS) // self.ms

    @property
    def rollup_widths_ms(self) -> tuple[int, ...]:
        """What history is rolled up to: hours, and below a minute five minutes beside them."""
        return (HOUR_MS,) if self.ms >= MINUTE_MS else (5 * MINUTE_MS, HOUR_MS)

    @property
    def slots_held_ms(self) -> int:
        """How far back slots are held one by one: a day; 2 h where a minute has so many that whole
        minutes take less memory, before which only those are (SEMANTICS.md 2)."""
        a_minute, rest = divmod(MINUTE_MS, self.ms)
        return 2 * HOUR_MS if not rest and a_minute >= SLOTS_A_MINUTE_MIN else DAY_MS

    @property
    def close_deadline_ms(self) -> int:
        """How long after its end a slot waits for its frame: Δ/4, at most 10 s."""
        return min(self.ms // 4, CLOSE_DEADLINE_MAX_MS)
