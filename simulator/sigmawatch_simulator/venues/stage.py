"""One venue on stage: its markets, its tape, its personality, at any instant."""

from collections.abc import Callable
from typing import Protocol

from sigmawatch_simulator.errors import BadRequest
from sigmawatch_simulator.listings import Change, Listings
from sigmawatch_simulator.market import Market
from sigmawatch_simulator.minutes import Source
from sigmawatch_simulator.tape import Tape
from sigmawatch_simulator.venues.binance import Binance
from sigmawatch_simulator.venues.bitstamp import Bitstamp
from sigmawatch_simulator.venues.bybit import Bybit
from sigmawatch_simulator.venues.coinbase import Coinbase
from sigmawatch_simulator.venues.kraken import Kraken
from sigmawatch_simulator.venues.kraken_names import pair_key
from sigmawatch_simulator.venues.okx import Okx
from sigmawatch_simulator.venues.speech import Personality, Scene

NAMES: dict[str, Callable[[str, str], str]] = {
    "kraken": pair_key,
    "coinbase": lambda base, quote: f"{base}-{quote}",
    "binance": lambda base, quote: base + quote,
    "okx": lambda base, quote: f"{base}-{quote}",
    "bybit": lambda base, quote: base + quote,
    "bitstamp": lambda base, quote: (base + quote).lower(),
}
VENUES = tuple(NAMES)


class Stage:
    """What stands behind one data port."""

    def __init__(self, venue: str, source: Source, *, limited: bool = True) -> None:
        self.venue = venue
        self.markets: tuple[Market, ...] = source.markets
        self.tape = Tape(source)
        self.personality = _personality(venue, source.markets, limited=limited)
        self._listings = Listings.of(source.markets)

    def scene(
        self, now_ms: int, changes: tuple[Change, ...] = (), *, is_maintenance: bool = False
    ) -> Scene:
        """The venue at this instant, with these changes to its list of markets."""
        if changes != self._listings.changes:
            self._listings = Listings.of(self.markets, changes)
        return Scene(
            now_ms=now_ms,
            tape=self.tape,
            listings=self._listings,
            is_maintenance=is_maintenance,
        )


def _personality(venue: str, markets: tuple[Market, ...], *, limited: bool) -> Personality:
    made = _PERSONALITIES.get(venue)
    if made is None:
        raise BadRequest(f"venues: must be some of {', '.join(NAMES)}, was {venue!r}")
    return made(markets, limited=limited)


class _Made(Protocol):
    def __call__(self, markets: tuple[Market, ...], *, limited: bool) -> Personality: ...


_PERSONALITIES: dict[str, _Made] = {
    "kraken": Kraken,
    "coinbase": Coinbase,
    "binance": Binance,
    "okx": Okx,
    "bybit": Bybit,
    "bitstamp": Bitstamp,
}
