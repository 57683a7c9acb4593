"""What may be asked about venues.

Written by `make docs` from the API's contract (scripts/client.py).
"""

from __future__ import annotations

from typing import NotRequired, TypedDict

from sigmawatch.client.calls import Operation
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


class AliasBody(TypedDict):
    """What `put_alias` takes."""

    market: str  # a tracked market, by its name or another one
    shown: NotRequired[bool]  # whether the market is shown by it


class EnableBody(TypedDict):
    """What `enable_venue` takes."""

    venue: str  # one that `available` of GET /venues names, any case


class ListMarketsQuery(TypedDict, total=False):
    """Of `list_markets`; what is left out is as the server has it."""

    venue: str  # a venue's name
    q: str  # text in the name or the venue's own id
    tracked: bool  # true or false
    limit: int  # rows a page; else 100
    cursor: str  # next_cursor of the page before


LIST_VENUES: Operation[Venues] = Operation(method="GET", path="/api/v1/venues", answer=Venues)
ENABLE_VENUE: Operation[Venue] = Operation(method="POST", path="/api/v1/venues", answer=Venue)
SHOW_VENUE: Operation[Venue] = Operation(method="GET", path="/api/v1/venues/{venue}", answer=Venue)
DISABLE_VENUE: Operation[None] = Operation(
    method="DELETE", path="/api/v1/venues/{venue}", answer=type(None)
)
LIST_MARKETS: Operation[Markets] = Operation(method="GET", path="/api/v1/markets", answer=Markets)
LIST_REJECTED: Operation[RejectedSamples] = Operation(
    method="GET", path="/api/v1/venues/{venue}/rejected", answer=RejectedSamples
)
LIST_ALIASES: Operation[Aliases] = Operation(method="GET", path="/api/v1/aliases", answer=Aliases)
PUT_ALIAS: Operation[ShownAlias] = Operation(
    method="PUT", path="/api/v1/aliases/{alias}", answer=ShownAlias
)
REMOVE_ALIAS: Operation[None] = Operation(
    method="DELETE", path="/api/v1/aliases/{alias}", answer=type(None)
)
PAUSE_VENUE: Operation[Venue] = Operation(
    method="POST", path="/api/v1/venues/{venue}/pause", answer=Venue
)
RESUME_VENUE: Operation[Venue] = Operation(
    method="POST", path="/api/v1/venues/{venue}/resume", answer=Venue
)
PAUSE_MARKET: Operation[ListedMarket] = Operation(
    method="POST", path="/api/v1/markets/{market}/pause", answer=ListedMarket
)
RESUME_MARKET: Operation[ListedMarket] = Operation(
    method="POST", path="/api/v1/markets/{market}/resume", answer=ListedMarket
)
LIST_FAIL_OVERS: Operation[FailOvers] = Operation(
    method="GET", path="/api/v1/fail-overs", answer=FailOvers
)
BEGIN_FAIL_OVER: Operation[KeptAway] = Operation(
    method="POST", path="/api/v1/venues/{venue}/fail-over", answer=KeptAway
)
END_FAIL_OVER: Operation[KeptAway] = Operation(
    method="DELETE", path="/api/v1/venues/{venue}/fail-over", answer=KeptAway
)
