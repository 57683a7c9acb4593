"""The operations on watchlists.

Written by `make docs` from the API's contract (scripts/client.py).
"""

from __future__ import annotations

from typing import Unpack

from sigmawatch.client.base import Asking
from sigmawatch.client.v1.models import ShownWatchlist, WatchlistsPage
from sigmawatch.client.v1.operations.watchlists import (
    ADD_WATCHLIST,
    LIST_WATCHLISTS,
    PUT_WATCHLIST,
    REMOVE_WATCHLIST,
    SHOW_WATCHLIST,
    NewWatchlistBody,
    WatchlistBody,
)


class WatchlistsOperations(Asking):
    """Blocks."""

    def list_watchlists(self) -> WatchlistsPage:
        """All watchlists.

        What is on a list follows from its patterns: new markets join by themselves.

        `GET /api/v1/watchlists`. Needs the scope `read:metrics`.
        """
        return self._ask(LIST_WATCHLISTS.call())

    def add_watchlist(
        self, *, idempotency_key: str | None = None, **body: Unpack[NewWatchlistBody]
    ) -> ShownWatchlist:
        """Make a watchlist.

        409 where the name is taken.

        `POST /api/v1/watchlists`. Needs the scope `write:rules`.
        """
        return self._ask(
            ADD_WATCHLIST.call(body=body, headers={"Idempotency-Key": idempotency_key})
        )

    def show_watchlist(self, name: str) -> ShownWatchlist:
        """One watchlist.

        Its series: `/metrics?watchlist=`; ranked among themselves:
        `/ranking?peers=watchlist:`.

        `GET /api/v1/watchlists/{name}`. Needs the scope `read:metrics`.
        """
        return self._ask(SHOW_WATCHLIST.call(name))

    def put_watchlist(self, name: str, **body: Unpack[WatchlistBody]) -> ShownWatchlist:
        """Make or replace a watchlist.

        201 where it is new, 200 where it stood already. What the configuration defines is
        changed there (409).

        `PUT /api/v1/watchlists/{name}`. Needs the scope `write:rules`.
        """
        return self._ask(PUT_WATCHLIST.call(name, body=body))

    def remove_watchlist(self, name: str) -> None:
        """Remove a watchlist.

        Its series stay tracked. What the configuration defines is removed there (409).

        `DELETE /api/v1/watchlists/{name}`. Needs the scope `write:rules`.
        """
        return self._ask(REMOVE_WATCHLIST.call(name))
