"""What may be asked about collection.

Written by `make docs` from the API's contract (scripts/client.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NotRequired, TypedDict

from sigmawatch.client.calls import Many, Operation, When
from sigmawatch.client.v1.choices import AnyJobKind, AnyPrecision
from sigmawatch.client.v1.models import Collected, Jobs, LongJob, Runs, TakenSamples


class CollectBody(TypedDict):
    """What `collect` takes."""

    venue: NotRequired[str | None]  # one venue; all for null
    shard: NotRequired[str]  # i/n: the i-th of n parts of the series


class JobBody(TypedDict):
    """What `start_job` takes."""

    kind: AnyJobKind  # backfill
    venue: NotRequired[str | None]  # one venue; all for null


class Sample(TypedDict):
    """A part of what is sent."""

    market: str  # BASE/QUOTE.
    value: float  # The number.
    # What was measured: price, bid, ask, spread_bp, volume_24h_base, volume_24h_quote, traded_base,
    # traded_quote, trades.
    metric: NotRequired[str]
    # When: milliseconds since the epoch, or RFC 3339; now, for null.
    time: NotRequired[int | str | datetime | None]


class SamplesBody(TypedDict):
    """What `push_samples` takes."""

    samples: Sequence[Sample]  # In any order.


class ListRunsQuery(TypedDict, total=False):
    """Of `list_runs`; what is left out is as the server has it."""

    venue: str  # a venue's name
    limit: int  # rows a page; else 100
    before: When  # started before: RFC 3339, milliseconds or -6h


class PushSamplesQuery(TypedDict, total=False):
    """Of `push_samples`; what is left out is as the server has it."""

    every: str  # how long a slot of these series is, as 1m; the configured interval without it
    precision: AnyPrecision  # of times in line protocol: ns, us, ms, s


class ListRunsTableQuery(ListRunsQuery, total=False):
    """The same as a table."""

    fields: Many  # only these columns


LIST_RUNS: Operation[Runs] = Operation(method="GET", path="/api/v1/runs", answer=Runs)
LIST_JOBS: Operation[Jobs] = Operation(method="GET", path="/api/v1/jobs", answer=Jobs)
START_JOB: Operation[Jobs] = Operation(method="POST", path="/api/v1/jobs", answer=Jobs)
CANCEL_JOB: Operation[LongJob] = Operation(
    method="POST", path="/api/v1/jobs/{id}/cancel", answer=LongJob
)
RETRY_JOB: Operation[LongJob] = Operation(
    method="POST", path="/api/v1/jobs/{id}/retry", answer=LongJob
)
COLLECT: Operation[Collected] = Operation(method="POST", path="/api/v1/collect", answer=Collected)
PUSH_SAMPLES: Operation[TakenSamples] = Operation(
    method="POST", path="/api/v1/samples", answer=TakenSamples
)
