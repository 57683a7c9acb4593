"""What `record` asks a venue: as much as a collector would, so that `replay` finds it all."""

from __future__ import annotations

import structlog

from sigmawatch.app.config import Config
from sigmawatch.app.filling import CANDLE_METRICS
from sigmawatch.app.flows import REREAD_SLOTS, candle_span_ms, flow_markets_max
from sigmawatch.domain.errors import Invalid, SigmawatchError
from sigmawatch.domain.market import Market, MarketRef, parse_market
from sigmawatch.domain.window import Interval
from sigmawatch.ports.clock import Clock
from sigmawatch.ports.venue import Venue

OFFSET_MS = 1_000
log = structlog.get_logger()


async def record_for(venue: Venue, config: Config, *, clock: Clock, until_ms: int) -> None:
    """Ask the market list once, then tickers and candles at once and after every boundary."""
    name, interval = venue.traits.name, config.interval
    refs = [
        parse_market(text if ":" in text else f"{name}:{text}")
        for track in config.track
        if track.venue_name == name and CANDLE_METRICS.intersection(track.metrics)
        for text in track.named
    ]
    tracked = _resolved(refs, await venue.markets())
    tracked = tracked[: flow_markets_max(venue.traits, interval)]
    while True:
        await _ask_once(venue, config.interval, clock=clock, tracked=tracked)
        due_ms = interval.open_ms(interval.slot(clock.now_ms()) + 1) + OFFSET_MS
        await clock.sleep_until_ms(min(due_ms, until_ms))
        if due_ms >= until_ms:
            return


def _resolved(refs: list[MarketRef], markets: object) -> list[Market]:
    assert isinstance(markets, (list, tuple))
    found = [next((m for m in markets if ref.names(m)), None) for ref in refs]
    if refs and not any(found):
        raise Invalid("the venue lists none of the markets that are tracked there", field="track")
    return [market for market in found if market is not None]


async def _ask_once(
    venue: Venue, interval: Interval, *, clock: Clock, tracked: list[Market]
) -> None:
    slot, span_ms = interval.slot(clock.now_ms()), candle_span_ms(venue.traits, interval)
    try:
        await venue.tickers()
        for market in tracked if span_ms is not None else ():
            await venue.candles(
                market.native,
                span_ms=span_ms or 0,
                from_ms=interval.open_ms(slot - REREAD_SLOTS),
                to_ms=interval.open_ms(slot),
            )
    except SigmawatchError as error:  # the answer is on the record all the same
        log.warning("venue_failed", venue=venue.traits.name, reason=str(error))
