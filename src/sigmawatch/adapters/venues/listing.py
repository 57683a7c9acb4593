"""A venue's list of markets: one per public name, what is odd refused by name and counted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import msgspec

from sigmawatch.domain.errors import Invalid
from sigmawatch.domain.market import Market, MarketStatus, asset


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A venue's markets, one per public name. rejected: market id -> why it is not among them."""

    markets: tuple[Market, ...]
    rejected: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One row of a venue's list, unchecked. A row without a usable field is refused by name."""

    native: object
    base: object
    quote: object
    status: MarketStatus


def numbered(raws: list[msgspec.Raw]) -> list[tuple[str, msgspec.Raw]]:
    """Rows of a JSON array, named by where they stand, until their own name is read."""
    return [(f"row {index}", raw) for index, raw in enumerate(raws)]


def listing_of(
    venue: str,
    entries: Iterable[Entry],
    *,
    traded: Mapping[str, float] | None = None,
    refused: Mapping[str, str] | None = None,
) -> Listing:
    """Markets of a venue. refused: rows that could not be read, counted among the rejected.

    Of two with one public name the one that trades stays, then the one with
    the higher `traded` (market id -> quote volume), then the first by id; the other is rejected."""
    volumes, best, rejected = traded or {}, dict[str, Market](), dict(refused or {})
    for entry in entries:
        try:
            market = _market(venue, entry)
        except Invalid as error:
            rejected[str(entry.native)[:64]] = str(error)
            continue
        rival = best.get(market.pair)
        if rival is None or rival.native == market.native:
            best[market.pair] = market
            continue
        kept, left = sorted((market, rival), key=lambda one: _merit(one, volumes))
        best[market.pair] = kept
        rejected[left.native] = f"has the same name as {kept.native}"
    return Listing(markets=tuple(best.values()), rejected=rejected)


def _market(venue: str, entry: Entry) -> Market:
    for part in (entry.native, entry.base, entry.quote):
        if not isinstance(part, str):
            raise Invalid(f"a market's names must be texts, one was {part!r:.40}")
    return Market(
        venue=venue, base=asset(str(entry.base)), quote=asset(str(entry.quote)),
        native=str(entry.native), status=entry.status,
    )  # fmt: skip


def _merit(market: Market, volumes: Mapping[str, float]) -> tuple[bool, float, str]:
    online = market.status is MarketStatus.ONLINE
    volume = volumes.get(market.native, 0.0)
    return (not online, -volume if volume > 0.0 else 0.0, market.native)
