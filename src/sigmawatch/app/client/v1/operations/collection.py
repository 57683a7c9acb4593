"""What may be asked about collection.

Written by `make docs` from the API's contract (scripts/client.py).
"""

from __future__ import annotations

from typing import NotRequired, TypedDict

from sigmawatch.app.client.calls import Many, Operation, When
from sigmawatch.app.client.v1.choices import AnyJobKind
from sigmawatch.app.client.v1.models import Collected, Jobs, LongJob, Runs


class CollectBody(TypedDict):
    """What `collect` takes."""

    venue: NotRequired[str | None]  # one venue; all for null
    shard: NotRequired[str]  # i/n: the i-th of n parts of the series


class JobBody(TypedDict):
    """What `start_job` takes."""

    kind: AnyJobKind  # backfill
    venue: NotRequired[str | None]  # one venue; all for null


class ListRunsQuery(TypedDict, total=False):
    """Of `list_runs`; what is left out is as the server has it."""

    venue: str  # a venue's name
    limit: int  # rows a page; else 100
    before: When  # started before: RFC 3339, milliseconds or -6h


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
