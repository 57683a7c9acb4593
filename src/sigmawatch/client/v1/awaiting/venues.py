"""The operations on venues.

Written by `make docs` from the API's contract (scripts/client.py).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Unpack

from sigmawatch.client.base import AskingAsync
from sigmawatch.client.v1.models import (
    Aliases,
    FailOvers,
    KeptAway,
    ListedMarket,
    Markets,
    RejectedSamples,
    ShownAlias,
    Venue,
    Venues,
)
from sigmawatch.client.v1.operations.venues import (
    BEGIN_FAIL_OVER,
    DISABLE_VENUE,
    ENABLE_VENUE,
    END_FAIL_OVER,
    LIST_ALIASES,
    LIST_FAIL_OVERS,
    LIST_MARKETS,
    LIST_REJECTED,
    LIST_VENUES,
    PAUSE_MARKET,
    PAUSE_VENUE,
    PUT_ALIAS,
    REMOVE_ALIAS,
    RESUME_MARKET,
    RESUME_VENUE,
    SHOW_VENUE,
    AliasBody,
    EnableBody,
    ListMarketsQuery,
)


class VenuesOperations(AskingAsync):
    """Awaits."""

    async def list_venues(self) -> Venues:
        """Every venue and how it is.

        States are those of SEMANTICS.md 4; errors and refused values are counted by reason.
        The venue of what is pushed is among them from the first pushed series on.

        `GET /api/v1/venues`. Needs the scope `read:metrics`.
        """
        return await self._ask(LIST_VENUES.call())

    async def enable_venue(
        self, *, idempotency_key: str | None = None, **body: Unpack[EnableBody]
    ) -> Venue:
        """Switch a venue on.

        201 where it is new, 200 where it was on. Its markets can be tracked from now on;
        nothing of it is yet. Venues of one's own come from the configuration alone.

        `POST /api/v1/venues`. Needs the scope `admin`.
        """
        return await self._ask(
            ENABLE_VENUE.call(body=body, headers={"Idempotency-Key": idempotency_key})
        )

    async def show_venue(self, venue: str) -> Venue:
        """One venue.

        One venue by name.

        `GET /api/v1/venues/{venue}`. Needs the scope `read:metrics`.
        """
        return await self._ask(SHOW_VENUE.call(venue))

    async def disable_venue(self, venue: str) -> None:
        """Switch a venue off.

        No request goes out to it any more. 409 while something is tracked there, and where
        the configuration file sets it up.

        `DELETE /api/v1/venues/{venue}`. Needs the scope `admin`.
        """
        return await self._ask(DISABLE_VENUE.call(venue))

    async def list_markets(self, **query: Unpack[ListMarketsQuery]) -> Markets:
        """Markets that venues list.

        A market is listed until its venue drops it. Pages go by position: a list that changes
        between two pages may repeat or leave out a market at the seam.

        `GET /api/v1/markets`. Needs the scope `read:metrics`.
        """
        return await self._ask(LIST_MARKETS.call(query=query))

    def iter_markets(self, **query: Unpack[ListMarketsQuery]) -> AsyncIterator[ListedMarket]:
        """Every row of `list_markets`, page by page; `limit` is a page's."""
        return self._each(LIST_MARKETS.call(query=query))

    async def list_rejected(self, venue: str) -> RejectedSamples:
        """Samples of what a venue told and we refused.

        What is refused is never stored; all of it is counted by reason at `/venues/{venue}`.
        Samples are kept in memory, since the start.

        `GET /api/v1/venues/{venue}/rejected`. Needs the scope `read:metrics`.
        """
        return await self._ask(LIST_REJECTED.call(venue))

    async def list_aliases(self) -> Aliases:
        """Other names of markets.

        A market is found by its public name for ever, whatever it is shown by.

        `GET /api/v1/aliases`. Needs the scope `read:metrics`.
        """
        return await self._ask(LIST_ALIASES.call())

    async def put_alias(self, alias: str, **body: Unpack[AliasBody]) -> ShownAlias:
        """Give a market another name.

        201 where it is new. It finds the market in any case wherever one is asked for by
        name: in addresses (`my-btc:price`), rules, watchlists. 409 where it is another
        market's, or names one that a venue lists.

        `PUT /api/v1/aliases/{alias}`. Needs the scope `write:rules`.
        """
        return await self._ask(PUT_ALIAS.call(alias, body=body))

    async def remove_alias(self, alias: str) -> None:
        """Take another name from a market.

        What was said by it, as the targets of rules, holds public names and stays.

        `DELETE /api/v1/aliases/{alias}`. Needs the scope `write:rules`.
        """
        return await self._ask(REMOVE_ALIAS.call(alias))

    async def pause_venue(self, venue: str, *, idempotency_key: str | None = None) -> Venue:
        """Pause a venue.

        No request goes out to it, and its stream is closed. All its markets are as if paused
        one by one; those that were paused one by one stay so when the venue goes on.

        `POST /api/v1/venues/{venue}/pause`. Needs the scope `admin`.
        """
        return await self._ask(
            PAUSE_VENUE.call(venue, headers={"Idempotency-Key": idempotency_key})
        )

    async def resume_venue(self, venue: str, *, idempotency_key: str | None = None) -> Venue:
        """Let a venue go on.

        It is asked again, from its market list on. What was passed over is not fetched.

        `POST /api/v1/venues/{venue}/resume`. Needs the scope `admin`.
        """
        return await self._ask(
            RESUME_VENUE.call(venue, headers={"Idempotency-Key": idempotency_key})
        )

    async def pause_market(
        self, market: str, *, idempotency_key: str | None = None
    ) -> ListedMarket:
        """Pause a market.

        Nothing is read of it from the next slot on: its slots say `paused` and stay empty,
        rules are not judged over it, its history stays. Again changes nothing.

        `POST /api/v1/markets/{market}/pause`. Needs the scope `write:rules`.
        """
        return await self._ask(
            PAUSE_MARKET.call(market, headers={"Idempotency-Key": idempotency_key})
        )

    async def resume_market(
        self, market: str, *, idempotency_key: str | None = None
    ) -> ListedMarket:
        """Let a market go on.

        It is read again from the next slot on. What was passed over is not fetched.

        `POST /api/v1/markets/{market}/resume`. Needs the scope `write:rules`.
        """
        return await self._ask(
            RESUME_MARKET.call(market, headers={"Idempotency-Key": idempotency_key})
        )

    async def list_fail_overs(self) -> FailOvers:
        """Which venue stands for which.

        Where every market with backups is shown from, since when, and why.

        `GET /api/v1/fail-overs`. Needs the scope `read:metrics`.
        """
        return await self._ask(LIST_FAIL_OVERS.call())

    async def begin_fail_over(self, venue: str, *, idempotency_key: str | None = None) -> KeptAway:
        """Keep away from a venue.

        From the next slot on everything that has this venue first is shown from the first
        backup that is read, until it is let back; what has no such backup stays.

        `POST /api/v1/venues/{venue}/fail-over`. Needs the scope `write:rules`.
        """
        return await self._ask(
            BEGIN_FAIL_OVER.call(venue, headers={"Idempotency-Key": idempotency_key})
        )

    async def end_fail_over(self, venue: str) -> KeptAway:
        """Let a venue come back.

        It is shown again once it was read for `failover_back_slots` in a row: at the next
        slot where it was all the time.

        `DELETE /api/v1/venues/{venue}/fail-over`. Needs the scope `write:rules`.
        """
        return await self._ask(END_FAIL_OVER.call(venue))
