"""Venues: one readable file per venue, and what they share.

`venue_for(settings, clock=…, rng=…)` gives a `ports.venue.Venue`; `VENUES` names what there is.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from types import MappingProxyType
from typing import Protocol

from sigmawatch.adapters.venues.binance import BinanceVenue
from sigmawatch.adapters.venues.bitstamp import BitstampVenue
from sigmawatch.adapters.venues.bybit import BybitVenue
from sigmawatch.adapters.venues.ccxt import CcxtVenue
from sigmawatch.adapters.venues.coinbase import CoinbaseVenue
from sigmawatch.adapters.venues.http_json import HttpJsonVenue
from sigmawatch.adapters.venues.kraken import KrakenVenue
from sigmawatch.adapters.venues.okx import OkxVenue
from sigmawatch.adapters.venues.settings import Limits, VenueFacts, VenueSettings
from sigmawatch.domain.errors import Invalid, NotFound
from sigmawatch.domain.series import DERIVED
from sigmawatch.ports.clock import Clock
from sigmawatch.ports.venue import Venue

__all__ = ["VENUES", "Limits", "VenueFacts", "VenueSettings", "venue_for"]


class _Adapter(Protocol):
    def __call__(self, settings: VenueSettings, *, clock: Clock, rng: random.Random) -> Venue: ...


VENUES: Mapping[str, _Adapter] = MappingProxyType({
    "KRAKEN": KrakenVenue,
    "COINBASE": CoinbaseVenue,
    "BINANCE": BinanceVenue,
    "OKX": OkxVenue,
    "BYBIT": BybitVenue,
    "BITSTAMP": BitstampVenue,
})  # fmt: skip

# Venues of the operator's own, which the configuration file defines.
KINDS: Mapping[str, _Adapter] = MappingProxyType({
    "http-json": HttpJsonVenue,
    "ccxt": CcxtVenue,
})  # fmt: skip


def venue_for(settings: VenueSettings, *, clock: Clock, rng: random.Random) -> Venue:
    """The venue that `settings` name. Raises NotFound where there is no adapter for it, Invalid
    where it cannot work with what it is told."""
    if settings.kind != "native" and settings.name in (*VENUES, DERIVED):
        raise Invalid(f"{settings.name} is the name of a venue that we know", field="kind",
                      allowed="another name for a venue of your own")  # fmt: skip
    adapter = KINDS[settings.kind] if settings.kind != "native" else VENUES.get(settings.name)
    if adapter is None:
        raise NotFound(f"no adapter for venue {settings.name}", field="venue",
                       allowed=", ".join(VENUES))  # fmt: skip
    return adapter(settings, clock=clock, rng=rng)
