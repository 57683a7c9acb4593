"""What may be asked about stream.

Written by `make docs` from the API's contract (scripts/client.py).
"""

from __future__ import annotations

from typing import TypedDict

from sigmawatch.client.calls import Operation
from sigmawatch.client.v1.models import Lines, TableSnapshot


class ShowSnapshotQuery(TypedDict, total=False):
    """Of `show_snapshot`; what is left out is as the server has it."""

    metric: str  # a metric's name; else price
    by: str  # what to rank by; else sigma_rel
    window: str  # one of the configured windows; else the longest
    interval: str  # width of the slots, as 1m
    watchlist: str  # a watchlist's name
    page: int  # which 5,000 rows, from 1; else 1


class ShowStreamQuery(TypedDict, total=False):
    """Of `show_stream`; what is left out is as the server has it."""

    metric: str  # a metric's name; else price
    by: str  # what to rank by; else sigma_rel
    window: str  # one of the configured windows; else the longest
    interval: str  # width of the slots, as 1m
    watchlist: str  # a watchlist's name
    page: int  # which 5,000 rows, from 1; else 1


SHOW_SNAPSHOT: Operation[TableSnapshot] = Operation(
    method="GET", path="/api/v1/snapshot", answer=TableSnapshot
)
LIST_SPARKLINES: Operation[Lines] = Operation(method="GET", path="/api/v1/sparklines", answer=Lines)
SHOW_STREAM: Operation[str] = Operation(method="GET", path="/api/v1/stream", answer=str)
