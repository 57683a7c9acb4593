"""What may be asked about ranking.

Written by `make docs` from the API's contract (scripts/client.py).
"""

from __future__ import annotations

from typing import TypedDict

from sigmawatch.client.calls import Many, Operation, When
from sigmawatch.client.v1.models import RankHistoryAnswer, RankingPage


class ShowRankingQuery(TypedDict, total=False):
    """Of `show_ranking`; what is left out is as the server has it."""

    window: str  # a span up to 24h, as 6h; else 24h
    limit: int  # rows a page; else 100
    cursor: str  # next_cursor of the page before
    metric: str  # a metric's name; else price
    by: str  # what to rank by; else sigma_rel
    peers: Many  # venue:NAME, quote:CURRENCY, watchlist:NAME, or several with commas between
    interval: str  # width of the slots, as 1m


class ShowRankHistoryQuery(TypedDict, total=False):
    """Of `show_rank_history`; what is left out is as the server has it."""

    metric: str  # a metric's name; else price
    by: str  # a deviation, over the first configured window; else sigma_rel
    ids: Many  # 1 to 50 ids or names, by comma
    top: int  # or so many from the top; else 10
    from_: When  # RFC 3339, milliseconds or -6h; a day before `to`
    to: When  # RFC 3339, milliseconds or -6h; else now
    interval: str  # width of the slots, as 1m


class ShowRankingTableQuery(ShowRankingQuery, total=False):
    """The same as a table."""

    fields: Many  # only these columns


SHOW_RANKING: Operation[RankingPage] = Operation(
    method="GET", path="/api/v1/ranking", answer=RankingPage
)
SHOW_RANK_HISTORY: Operation[RankHistoryAnswer] = Operation(
    method="GET", path="/api/v1/ranking/history", answer=RankHistoryAnswer
)
