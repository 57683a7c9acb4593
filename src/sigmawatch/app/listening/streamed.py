"""A venue with its stream: what was heard stands for a poll where it says all that is wanted.

Fulfils ports.venue.Venue, so a collector asks it as it asks any venue: the newest prices as they
were at the slot's end, the flow of a slot from its trades. Where the stream is silent, or lacks
anything that is wanted, the venue is polled as if there were no stream
(docs/decisions/0031-a-stream-answers-as-a-poll-would.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sigmawatch.app.listening.listener import Listener
from sigmawatch.domain.market import Market
from sigmawatch.domain.reading import Candles, Tickers
from sigmawatch.ports.venue import Venue, VenueTraits


class StreamedVenue:
    """One venue and its listener."""

    def __init__(self, venue: Venue, listener: Listener) -> None:
        self._venue = venue
        self.listener = listener

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
        told = heard if heard is not None else await self._venue.tickers()
        return replace(told, rejected={**self.listener.take_rejected(), **told.rejected})

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
