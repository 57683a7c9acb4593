"""Query parameters that several resources share, each said once.

Annotations are evaluated here, not postponed: a query that takes over fields of these classes in
another module has its own names only.
"""

from dataclasses import dataclass
from enum import StrEnum
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


class Format(StrEnum):
    """How an answer is written."""

    JSON = "json"
    CSV = "csv"
    NDJSON = "ndjson"
    PARQUET = "parquet"
    ARROW = "arrow"


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedTable:
    """What every query for rows may say of how they are written."""

    fields: Annotated[
        str | None, QueryParameter(description="only these columns, by comma", max_length=1_000)
    ] = None
    written: Annotated[
        Format | None, QueryParameter(name="format", description="how, before Accept")
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedWalk(AskedTable):
    """What the query of a walk holds beside its filters."""

    window: Window = "24h"
    limit: Limit = 100
    cursor: Cursor = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedPage:
    """What the query of a list that is not a table may say."""

    limit: Limit = 100
    cursor: Cursor = None
