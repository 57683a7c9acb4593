"""Query parameters that several resources share, each said once."""

from __future__ import annotations

from typing import Annotated

from litestar.params import PathParameter, QueryParameter

from sigmawatch.app.web.boards import PEERS
from sigmawatch.domain.metric import METRICS
from sigmawatch.engine.standings import KEYS

RANK_KEYS = (*KEYS, *METRICS)

SeriesId = Annotated[
    str, PathParameter(description="a series id, or VENUE:BASE-QUOTE:metric", max_length=200)
]
VenueName = Annotated[str | None, QueryParameter(description="a venue's name", max_length=32)]
Text = Annotated[
    str | None,
    QueryParameter(description="text in the name or the venue's own id", max_length=64),
]
Window = Annotated[str, QueryParameter(description="a span up to 24h, as 6h", max_length=10)]
RankKey = Annotated[
    str, QueryParameter(description="what to rank by", max_length=32, enum=list(RANK_KEYS))
]
Peers = Annotated[str | None, QueryParameter(description=PEERS, max_length=200)]
Every = Annotated[
    str | None, QueryParameter(description="width of the slots, as 1m", max_length=10)
]
Limit = Annotated[int, QueryParameter(description="rows a page", ge=1, le=1_000)]
Cursor = Annotated[
    str | None, QueryParameter(description="next_cursor of the page before", max_length=500)
]
