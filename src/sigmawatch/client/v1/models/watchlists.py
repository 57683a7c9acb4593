"""What is answered about watchlists.

Written by `make docs` from the API's contract (scripts/client.py).
"""

from __future__ import annotations

from msgspec import Struct

from sigmawatch.client.model import Page


class ShownWatchlist(Struct, frozen=True, kw_only=True):
    name: str  # Its name.
    items: list[str]  # Its patterns.
    origin: str  # file: managed by the configuration; or api.
    series_count: int  # Tracked series on it.
    demo: bool  # An invented market.


class WatchlistsPage(Page[ShownWatchlist], frozen=True, kw_only=True):
    items: list[ShownWatchlist]  # By name.
    demo: bool  # An invented market.
