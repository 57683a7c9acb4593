"""What `record` asks a venue, and what it subscribes to: as much as a program would, so that
`replay` finds it all."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count

import structlog

from sigmawatch.app.catalogue import Catalogue
from sigmawatch.app.config import Config, Track
from sigmawatch.app.filling import CANDLE_METRICS
from sigmawatch.app.flows import REREAD_SLOTS, candle_span_ms, flow_markets_max
from sigmawatch.app.listening.listener import Listener
from sigmawatch.domain.errors import Invalid, SigmawatchError
from sigmawatch.domain.market import Market, parse_market
from sigmawatch.domain.metric import with_sources
from sigmawatch.domain.series import BLOCK_SERIES_MAX, Series
from sigmawatch.ports.clock import Clock
from sigmawatch.ports.venue import Venue

OFFSET_MS = 1_000
log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sitting:
    """One venue while it is recorded. catalogue: of its own, which the listener reads. anew: set
    when what is written from now on has to stand alone."""

    venue: Venue
    config: Config
    clock: Clock
    catalogue: Catalogue = field(default_factory=Catalogue)
    listener: Listener | None = None
    anew: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self, until_ms: int) -> None:
        """Ask for the market list once, then for tickers and candles at once and after every
        boundary, and listen meanwhile. Raises Invalid where nothing tracked is listed."""
        tracked = self._resolved(await self.venue.markets())
        self.catalogue.put(series=_series(tracked))
        async with asyncio.TaskGroup() as group:
            others = [group.create_task(self._begin_anew())]
            if self.listener is not None:
                others.append(group.create_task(self.listener.run_for_ever()))
            await self._ask(tracked, until_ms)
            for one in others:
                one.cancel()

    def _resolved(self, markets: Sequence[Market]) -> list[tuple[Track, Market]]:
        name = self.venue.traits.name
        refs = [
            (part, parse_market(text if ":" in text else f"{name}:{text}"))
            for track in self.config.track if track.venue_name == name
            for part in track.parts for text in part.named
        ]  # fmt: skip
        found = [(part, next((m for m in markets if ref.names(m)), None)) for part, ref in refs]
        if refs and not any(market for _, market in found):
            raise Invalid("the venue lists none of the markets that are tracked there",
                          field="track")  # fmt: skip
        return [(part, market) for part, market in found if market is not None]

    async def _ask(self, tracked: Sequence[tuple[Track, Market]], until_ms: int) -> None:
        interval = self.config.interval
        flowing = dict.fromkeys(market for part, market in tracked
                                if CANDLE_METRICS.intersection(part.metrics))  # fmt: skip
        most = flow_markets_max(self.venue.traits, interval)
        while True:
            await self._ask_once(list(flowing)[:most])
            due_ms = interval.open_ms(interval.slot(self.clock.now_ms()) + 1) + OFFSET_MS
            await self.clock.sleep_until_ms(min(due_ms, until_ms))
            if due_ms >= until_ms:
                return

    async def _ask_once(self, markets: Sequence[Market]) -> None:
        venue, interval = self.venue, self.config.interval
        slot = interval.slot(self.clock.now_ms())
        span_ms = candle_span_ms(venue.traits, interval)
        try:
            await venue.tickers()
            for market in markets if span_ms is not None else ():
                await venue.candles(
                    market.native, span_ms=span_ms or 0,
                    from_ms=interval.open_ms(slot - REREAD_SLOTS), to_ms=interval.open_ms(slot),
                )  # fmt: skip
        except SigmawatchError as error:  # the answer is on the record all the same
            log.warning("venue_failed", venue=venue.traits.name, reason=str(error))

    async def _begin_anew(self) -> None:
        """What comes next is read without what came before: have the list, and a connection, from
        its beginning."""
        while True:
            await self.anew.wait()
            self.anew.clear()
            if self.listener is not None:
                self.listener.renew()
            try:
                await self.venue.markets()
            except SigmawatchError as error:
                log.warning("venue_failed", venue=self.venue.traits.name, reason=str(error))


def _series(tracked: Sequence[tuple[Track, Market]]) -> Iterator[Series]:
    """What a program would track of them, in its order."""
    ids = count(1)
    for part, market in tracked:
        for metric in with_sources(part.metrics):
            number = next(ids)
            yield Series(id=number, market=market, metric=metric, interval=part.every,
                         block_id=1, place=number % BLOCK_SERIES_MAX)  # fmt: skip
