"""The operations on collection.

Written by `make docs` from the API's contract (scripts/client.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, Unpack

from sigmawatch.client.base import Asking
from sigmawatch.client.calls import Name
from sigmawatch.client.model import Table
from sigmawatch.client.v1.choices import AnyPrecision
from sigmawatch.client.v1.models import Collected, CollectionRun, Jobs, LongJob, Runs, TakenSamples
from sigmawatch.client.v1.operations.collection import (
    CANCEL_JOB,
    COLLECT,
    LIST_JOBS,
    LIST_RUNS,
    PUSH_SAMPLES,
    RETRY_JOB,
    START_JOB,
    CollectBody,
    JobBody,
    ListRunsQuery,
    ListRunsTableQuery,
    PushSamplesQuery,
    SamplesBody,
)


class CollectionOperations(Asking):
    """Blocks."""

    def list_runs(self, **query: Unpack[ListRunsQuery]) -> Runs:
        """Collection runs.

        Newest first. `next_before` continues without a gap or a repeat.

        `GET /api/v1/runs`. Needs the scope `read:metrics`.
        """
        return self._ask(LIST_RUNS.call(query=query))

    def iter_runs(self, **query: Unpack[ListRunsQuery]) -> Iterator[CollectionRun]:
        """Every row of `list_runs`, page by page; `limit` is a page's."""
        return self._each(LIST_RUNS.call(query=query))

    def list_runs_as(
        self,
        format: Literal["csv", "ndjson", "parquet", "arrow"],
        **query: Unpack[ListRunsTableQuery],
    ) -> Table:
        """`list_runs` as a table; parquet and arrow are of servers with that extra."""
        return self._ask(LIST_RUNS.written().call(query={"format": format, **query}))

    def list_jobs(self) -> Jobs:
        """Long jobs and their progress.

        Back-fill of each venue, sealing, and archiving where there is an archive.

        `GET /api/v1/jobs`. Needs the scope `read:metrics`.
        """
        return self._ask(LIST_JOBS.call())

    def start_job(self, *, idempotency_key: str | None = None, **body: Unpack[JobBody]) -> Jobs:
        """Start a long job.

        Starts back-fill, or joins the one under way; poll `GET /jobs` for its progress.

        `POST /api/v1/jobs`. Needs the scope `write:ingest`.
        """
        return self._ask(START_JOB.call(body=body, headers={"Idempotency-Key": idempotency_key}))

    def cancel_job(self, id: Name, *, idempotency_key: str | None = None) -> LongJob:
        """End a job.

        It ends soon, with the reason `cancelled`; what is stored stays.

        `POST /api/v1/jobs/{id}/cancel`. Needs the scope `admin`.
        """
        return self._ask(CANCEL_JOB.call(id, headers={"Idempotency-Key": idempotency_key}))

    def retry_job(self, id: Name, *, idempotency_key: str | None = None) -> LongJob:
        """Begin a job anew.

        Another one of its kind begins soon; answers the one that is over.

        `POST /api/v1/jobs/{id}/retry`. Needs the scope `admin`.
        """
        return self._ask(RETRY_JOB.call(id, headers={"Idempotency-Key": idempotency_key}))

    def collect(
        self, *, idempotency_key: str | None = None, **body: Unpack[CollectBody]
    ) -> Collected:
        """Poll now.

        One run of one venue, or of all, now; answers when what came is on disk. A partial run
        is not a success, and says why.

        `POST /api/v1/collect`. Needs the scope `write:ingest`.
        """
        return self._ask(
            COLLECT.call(body=body or None, headers={"Idempotency-Key": idempotency_key})
        )

    def push_samples(
        self,
        *,
        idempotency_key: str | None = None,
        every: str | None = None,
        precision: AnyPrecision | None = None,
        **body: Unpack[SamplesBody],
    ) -> TakenSamples:
        """Push readings in.

        Answers when what was taken is on disk: 200 where anything was, with the reason for
        each row that was not; 422 where nothing could be. A series that nobody told of before
        is tracked from then on, at the venue of `[push]`, as long as `series_max` allows.
        Lines may have 100 MB, and are stored while they come: an error says which of them
        are.

        `POST /api/v1/samples`. Needs the scope `write:ingest`.
        """
        return self._ask(
            PUSH_SAMPLES.call(
                query={"every": every, "precision": precision},
                body=body,
                headers={"Idempotency-Key": idempotency_key},
            )
        )

    def push_samples_raw(
        self,
        content: bytes,
        media_type: Literal["application/x-ndjson", "text/plain"],
        *,
        idempotency_key: str | None = None,
        **query: Unpack[PushSamplesQuery],
    ) -> TakenSamples:
        """`push_samples` of what is written already."""
        return self._ask(
            PUSH_SAMPLES.call(
                query=query,
                content=(content, media_type),
                headers={"Idempotency-Key": idempotency_key},
            )
        )
