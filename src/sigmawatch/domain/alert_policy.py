"""How a rule's states are to live: how long each timer is, and what missing data means.

The defaults are those of SEMANTICS.md 6. Spans are milliseconds, as they were configured, and
become slots, rounded up: time is slot time. Imports domain.errors, expression, window.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sigmawatch.domain.errors import Invalid
from sigmawatch.domain.expression import FOR_MAX_MS
from sigmawatch.domain.window import HOUR_MS, MINUTE_MS, Interval, format_span

MAX_LATENESS_MS = 15 * MINUTE_MS  # what is judged later than this is told only if it still lasts
FLAPPING_REOPENINGS = 5  # within an hour
UNKNOWN_SLOTS_MAX = 2  # so many unknown slots in a row change nothing

_SPAN_MAX_MS = FOR_MAX_MS
_SPANS = ("for_ms", "clear_for_ms", "cooldown_ms", "reminder_ms", "no_data_for_ms")


class NoData(StrEnum):
    """What becomes of an open episode that nothing is known of for `no_data_for`."""

    KEEP = "keep"  # it stays
    ALERT = "alert"  # it stays, and its venue is told of
    OK = "ok"  # it closes


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The settings of a rule that its states live by. interval: of what it judges. reminder_ms: 0
    for none. max_triggers: how many episodes a state may open; None for any number. valid_until_ms:
    slots that open then or later are not judged."""

    interval: Interval
    for_ms: int = 0
    clear_for_ms: int = 0
    cooldown_ms: int = 15 * MINUTE_MS
    reminder_ms: int = 0
    no_data: NoData = NoData.KEEP
    no_data_for_ms: int = 5 * MINUTE_MS
    max_triggers: int | None = None
    valid_until_ms: int | None = None
    notify_resolved: bool = True

    def __post_init__(self) -> None:
        for name in _SPANS:
            if not 0 <= getattr(self, name) <= _SPAN_MAX_MS:
                raise Invalid(f"{name[:-3]} must lie between 0s and {format_span(_SPAN_MAX_MS)}, "
                              f"was {getattr(self, name)} ms", field=name[:-3])  # fmt: skip
        if self.max_triggers is not None and self.max_triggers < 1:
            raise Invalid(f"max_triggers must be 1 or more, was {self.max_triggers}",
                          field="max_triggers")  # fmt: skip

    def slots(self, span_ms: int) -> int:
        """How many slots a span takes, the last one begun counted."""
        return -(-span_ms // self.interval.ms)

    @property
    def hour(self) -> int:
        """Slots in an hour."""
        return self.slots(HOUR_MS)

    @property
    def valid_until(self) -> int | None:
        """The first slot that is not judged any more."""
        return None if self.valid_until_ms is None else self.slots(self.valid_until_ms)

    @property
    def notices_an_hour_max(self) -> int | None:
        """How many notices a state may send within any hour, reminders apart (SEMANTICS.md 7:
        "2 x ceil(60 min / cooldown) + 1"); None without a cooldown."""
        return 2 * -(-HOUR_MS // self.cooldown_ms) + 1 if self.cooldown_ms else None
