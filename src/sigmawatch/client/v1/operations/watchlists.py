"""What may be asked about watchlists.

Written by `make docs` from the API's contract (scripts/client.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

from sigmawatch.client.calls import Operation
from sigmawatch.client.v1.models import ShownWatchlist, WatchlistsPage


class NewWatchlistBody(TypedDict):
    """What `add_watchlist` takes."""

    name: str  # 1 to 32 small letters, digits, - and _, a letter or digit first
    # 1 to 1000 of VENUE:BASE/QUOTE or VENUE:BASE/QUOTE:metric, * in any part, as kraken:*/USD
    items: Sequence[str]


class WatchlistBody(TypedDict):
    """What `put_watchlist` takes."""

    # 1 to 1000 of VENUE:BASE/QUOTE or VENUE:BASE/QUOTE:metric, * in any part, as kraken:*/USD
    items: Sequence[str]


LIST_WATCHLISTS: Operation[WatchlistsPage] = Operation(
    method="GET", path="/api/v1/watchlists", answer=WatchlistsPage
)
ADD_WATCHLIST: Operation[ShownWatchlist] = Operation(
    method="POST", path="/api/v1/watchlists", answer=ShownWatchlist
)
SHOW_WATCHLIST: Operation[ShownWatchlist] = Operation(
    method="GET", path="/api/v1/watchlists/{name}", answer=ShownWatchlist
)
PUT_WATCHLIST: Operation[ShownWatchlist] = Operation(
    method="PUT", path="/api/v1/watchlists/{name}", answer=ShownWatchlist
)
REMOVE_WATCHLIST: Operation[None] = Operation(
    method="DELETE", path="/api/v1/watchlists/{name}", answer=type(None)
)
