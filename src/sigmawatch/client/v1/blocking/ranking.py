"""The operations on ranking.

Written by `make docs` from the API's contract (scripts/client.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, Unpack

from sigmawatch.client.base import Asking
from sigmawatch.client.model import Table
from sigmawatch.client.v1.models import MetricRow, RankHistoryAnswer, RankingPage
from sigmawatch.client.v1.operations.ranking import (
    SHOW_RANK_HISTORY,
    SHOW_RANKING,
    ShowRankHistoryQuery,
    ShowRankingQuery,
    ShowRankingTableQuery,
)


class RankingOperations(Asking):
    """Blocks."""

    def show_ranking(self, **query: Unpack[ShowRankingQuery]) -> RankingPage:
        """All series of one metric in order.

        Ties share the better rank: 1, 2, 2, 4. Ranks are made once a slot for all readers.

        `GET /api/v1/ranking`. Needs the scope `read:metrics`.
        """
        return self._ask(SHOW_RANKING.call(query=query))

    def iter_ranking(self, **query: Unpack[ShowRankingQuery]) -> Iterator[MetricRow]:
        """Every row of `show_ranking`, page by page; `limit` is a page's."""
        return self._each(SHOW_RANKING.call(query=query))

    def show_ranking_as(
        self,
        format: Literal["csv", "ndjson", "parquet", "arrow"],
        **query: Unpack[ShowRankingTableQuery],
    ) -> Table:
        """`show_ranking` as a table; parquet and arrow are of servers with that extra."""
        return self._ask(SHOW_RANKING.written().call(query={"format": format, **query}))

    def show_rank_history(self, **query: Unpack[ShowRankHistoryQuery]) -> RankHistoryAnswer:
        """How ranks moved.

        Ranks among everything tracked, as they were: every slot of the last hour, a quarter
        of an hour apart for a day, an hour apart before that.

        `GET /api/v1/ranking/history`. Needs the scope `read:metrics`.
        """
        return self._ask(SHOW_RANK_HISTORY.call(query=query))
