"""The operations on venues.

Written by `make docs` from the API's contract (scripts/client.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Unpack

from sigmawatch.client.base import Asking
from sigmawatch.client.v1.models import ListedMarket, Markets, Venue, Venues
from sigmawatch.client.v1.operations.venues import (
    LIST_MARKETS,
    LIST_VENUES,
    SHOW_VENUE,
    ListMarketsQuery,
)


class VenuesOperations(Asking):
    """Blocks."""

    def list_venues(self) -> Venues:
        """Every venue and how it is.

        States are those of SEMANTICS.md 4; errors and refused values are counted by reason.
        The venue of what is pushed is among them from the first pushed series on.

        `GET /api/v1/venues`. Needs the scope `read:metrics`.
        """
        return self._ask(LIST_VENUES.call())

    def show_venue(self, venue: str) -> Venue:
        """One venue.

        One venue by name.

        `GET /api/v1/venues/{venue}`. Needs the scope `read:metrics`.
        """
        return self._ask(SHOW_VENUE.call(venue))

    def list_markets(self, **query: Unpack[ListMarketsQuery]) -> Markets:
        """Markets that venues list.

        A market is listed until its venue drops it. Pages go by position: a list that changes
        between two pages may repeat or leave out a market at the seam.

        `GET /api/v1/markets`. Needs the scope `read:metrics`.
        """
        return self._ask(LIST_MARKETS.call(query=query))

    def iter_markets(self, **query: Unpack[ListMarketsQuery]) -> Iterator[ListedMarket]:
        """Every row of `list_markets`, page by page; `limit` is a page's."""
        return self._each(LIST_MARKETS.call(query=query))
