"""A venue with its stream: what was heard stands for a poll where it says all that is wanted.

Fulfils ports.venue.Venue, so a collector asks it as it asks any venue: the newest prices as they
were at the slot's end, the flow of a slot from its trades. Where the stream is silent, or lacks
anything that is wanted, the venue is polled as if there were no stream
(docs/decisions/0031-a-stream-answers-as-a-poll-would.md), though never more often than it may be:
slots that are shorter than that have the last answer again until the next one is due.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sigmawatch.app.listening.listener import Listener
from sigmawatch.domain.market import Market
from sigmawatch.domain.reading import Candles, Tickers
from sigmawatch.ports.clock import Clock
from sigmawatch.ports.venue import Venue, VenueTraits


class StreamedVenue:
    """One venue and its listener."""

    def __init__(self, venue: Venue, listener: Listener, *, clock: Clock, floor_ms: int) -> None:
        """floor_ms: polls are no nearer to each other than this."""
        self._venue = venue
        self._floor_ms = floor_ms
        self.listener = listener
        self._clock = clock
        self._polled: tuple[int, Tickers] | None = None  # when it was asked, and what it said

    @property
    def traits(self) -> VenueTraits:
        return self._venue.traits

    @property
    def polled(self) -> Venue:
        """The venue itself, which tells of all its markets, heard or not."""
        return self._venue

    async def markets(self) -> Sequence[Market]:
        return await self._venue.markets()

    async def tickers(self) -> Tickers:
        """What was heard, else a poll."""
        heard = self.listener.tickers()
        told = heard if heard is not None else await self._poll()
        return replace(told, rejected={**self.listener.take_rejected(), **told.rejected})

    async def _poll(self) -> Tickers:
        asked_ms = self._clock.monotonic_ms()
        if self._polled is not None and asked_ms - self._polled[0] < self._floor_ms:
            return replace(self._polled[1], rejected={})
        told = await self._venue.tickers()
        self._polled = asked_ms, told
        return told

    async def candles(self, native: str, *, span_ms: int, from_ms: int, to_ms: int) -> Candles:
        """From the trades that were heard, else from the venue."""
        first_ms = self.listener.flow_from_ms(native, span_ms=span_ms, from_ms=from_ms, to_ms=to_ms)
        if first_ms is None:
            return await self._venue.candles(native, span_ms=span_ms, from_ms=from_ms, to_ms=to_ms)
        return self.listener.candles(native, span_ms=span_ms, from_ms=first_ms, to_ms=to_ms)

    async def time_ms(self) -> int:
        return await self._venue.time_ms()

    async def close(self) -> None:
        await self._venue.close()
