"""What every venue asked by REST has in common: its connection, its memory of the last good answer.

A venue's own file adds what it says and how: one request and one parser per method.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import ClassVar

import numpy as np

from sigmawatch.adapters.venues.candles import CandleRequest
from sigmawatch.adapters.venues.http import VenueHttp
from sigmawatch.adapters.venues.listing import Listing
from sigmawatch.adapters.venues.settings import SECONDS_PER_MINUTE, VenueFacts, VenueSettings
from sigmawatch.adapters.venues.streams.frames import Dialect
from sigmawatch.adapters.venues.streams.socket import SocketStream
from sigmawatch.domain.errors import BadAnswer, Invalid
from sigmawatch.domain.reading import Tickers
from sigmawatch.ports.clock import Clock
from sigmawatch.ports.stream import VenueStream
from sigmawatch.ports.venue import VenueTraits

_PATIENCE = 10


class RestVenue:
    """The shared half of a `ports.venue.Venue`.

    http: the way to the venue, its counters included. rng: the chance in its pauses.
    rejected_markets: market id -> why the last market list left it out.
    """

    FACTS: ClassVar[VenueFacts]
    TRAITS: ClassVar[VenueTraits]
    DIALECT: ClassVar[type[Dialect] | None] = None

    def __init__(self, settings: VenueSettings, *, clock: Clock, rng: random.Random) -> None:
        assert settings.name == self.FACTS.name
        if settings.stream and self.DIALECT is None:
            raise Invalid(f"{settings.name} has no stream that we listen to", field="stream",
                          allowed="stream = false")  # fmt: skip
        self.http = VenueHttp(self.FACTS, settings, clock=clock, rng=rng)
        self.rng = rng
        self.stream: VenueStream | None = None  # where it is wanted
        if settings.stream and self.DIALECT is not None:
            self.stream = SocketStream(self.DIALECT, settings, facts=self.FACTS, clock=clock)
        self.rejected_markets: Mapping[str, str] = {}
        self._clock = clock
        self._floor = CountFloor(settings.count_floor)
        self._traded: Mapping[str, float] = {}

    @property
    def traits(self) -> VenueTraits:
        limits = self.http.limits
        return replace(
            self.TRAITS, requests_per_minute=limits.per_minute,
            steady_per_minute=SECONDS_PER_MINUTE * limits.per_second,
            streams=self.DIALECT is not None,
        )  # fmt: skip

    async def close(self) -> None:
        if self.stream is not None:
            await self.stream.close()
        await self.http.close()

    def _listed(self, listing: Listing) -> Listing:
        """A market list that may be believed. Raises BadAnswer for an empty one."""
        if not listing.markets:
            raise BadAnswer(f"{self.FACTS.name} lists no market at all")
        self.rejected_markets = listing.rejected
        return listing

    def _whole(self, tickers: Tickers) -> Tickers:
        """An all-tickers answer that may be believed. Raises BadAnswer below the count floor."""
        prices = np.frombuffer(tickers.columns["price"])
        self._floor.check(int(np.count_nonzero(~np.isnan(prices))))
        volumes = tickers.columns["volume_24h_quote"]
        self._traded = dict(zip(tickers.natives, volumes, strict=True))
        return tickers

    def _pages(self, asked: CandleRequest) -> Iterator[tuple[int, int]]:
        """[first open, last open] of each call that it takes, oldest first; none of the future."""
        span_ms, end_ms = asked.span_ms, min(asked.to_ms, self._clock.now_ms())
        page_ms = self.TRAITS.candle_rows_max * span_ms
        start_ms = -(-asked.from_ms // span_ms) * span_ms
        for first_ms in range(start_ms, end_ms, page_ms):
            last_ms = min(first_ms + page_ms, end_ms) - 1
            yield first_ms, last_ms // span_ms * span_ms


class CountFloor:
    """Refuses an answer with far fewer markets than the last good one; one with none, always.

    A venue may truly shrink: the tenth such answer in a row is the new measure.
    """

    def __init__(self, share: float) -> None:
        self._share = share
        self._good_count = 0
        self._refused_count = 0

    def check(self, count: int) -> None:
        """Raises BadAnswer below the floor."""
        short = count < self._share * self._good_count and self._refused_count + 1 < _PATIENCE
        if count == 0 or short:
            self._refused_count += 1
            raise BadAnswer(f"only {count} markets with a price, {self._good_count} before")
        self._good_count, self._refused_count = count, 0
