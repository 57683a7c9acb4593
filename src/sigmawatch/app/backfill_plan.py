"""What a back-fill asks a venue for: which candles, how wide, from when to when.

A function of the venue's traits and the time, so that what is foreseen (app.forecast) is what will
be fetched (app.backfill). The finest candles that fit into a slot as far as they reach, wider ones
for what lies before.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sigmawatch.app.flows import candle_span_ms
from sigmawatch.domain.window import DAY_MS, Interval
from sigmawatch.ports.venue import VenueTraits

CARRY_SLOTS = 10  # asked before the first missing slot, so that a quiet start can be carried


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetch:
    """Candles of one width that open in [from_ms, to_ms)."""

    span_ms: int
    from_ms: int
    to_ms: int

    def calls(self, rows_max: int) -> int:
        """How many calls of so many candles that takes."""
        return -(-(self.to_ms - self.from_ms) // (self.span_ms * rows_max))


@dataclass(frozen=True, slots=True, kw_only=True)
class Lack:
    """Slots [from_slot, to_slot) of one market. two_days: a rolling 24-hour figure is among what
    is missing, whose first value needs the day before."""

    interval: Interval
    from_slot: int
    to_slot: int
    two_days: bool

    @property
    def fine_from_ms(self) -> int:
        return self.interval.open_ms(self.from_slot - CARRY_SLOTS)

    @property
    def from_ms(self) -> int:
        return self.fine_from_ms - (DAY_MS if self.two_days else 0)


def fetches(lack: Lack, traits: VenueTraits, *, now_ms: int) -> Iterator[Fetch]:
    """What is to be asked for, the newest first; nothing of a venue that keeps no past. now_ms:
    which candles are closed, by the venue's clock."""
    if not traits.candle_spans_ms:
        return
    to_ms = min(lack.interval.open_ms(lack.to_slot), now_ms - now_ms % lack.interval.ms)
    fits_ms = candle_span_ms(traits, lack.interval) or traits.candle_spans_ms[0]
    for span_ms, reach_ms in zip(traits.candle_spans_ms, traits.candle_reach_ms, strict=True):
        if span_ms < fits_ms:
            continue
        wanted_ms = lack.fine_from_ms if span_ms == fits_ms else lack.from_ms
        start_ms = wanted_ms if reach_ms is None else max(wanted_ms, now_ms - reach_ms)
        start_ms = -(-start_ms // span_ms) * span_ms
        if start_ms < to_ms:
            yield Fetch(span_ms=span_ms, from_ms=start_ms, to_ms=to_ms)
        if start_ms <= lack.from_ms + span_ms:
            return
        to_ms = min(to_ms, start_ms)
