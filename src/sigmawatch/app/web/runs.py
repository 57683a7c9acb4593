"""`/runs`, `/jobs` and `/collect`: what the program did, is doing, and shall do now."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

from litestar import Request, Response, get, post
from litestar.di import NamedDependency, Provide
from litestar.params import JSONBody, PathParameter, QueryParameter
from litestar.status_codes import HTTP_200_OK, HTTP_202_ACCEPTED
from msgspec import Meta, Struct

from sigmawatch.app import jobs
from sigmawatch.app.plans import Share
from sigmawatch.app.web.asked import AskedTable, Limit, VenueName
from sigmawatch.app.web.formats import Listing, written
from sigmawatch.app.web.moments import moment_or_none, parse_moment, rfc3339
from sigmawatch.app.web.problems import fails
from sigmawatch.app.web.site import Site
from sigmawatch.app.web.venues import known_venue
from sigmawatch.domain.caller import Scope
from sigmawatch.domain.errors import Invalid
from sigmawatch.domain.venue import Run, RunKind

if TYPE_CHECKING:
    from sigmawatch.app.backfill import Job

SHARDS_MAX = 1_000
_SHARD = re.compile(r"([1-9][0-9]{0,3})/([1-9][0-9]{0,3})", re.ASCII)


JobId = Annotated[str, PathParameter(description="as backfill:KRAKEN:1795248061000", max_length=80)]


class Outcome(StrEnum):
    """How a run ended. Only `complete` is a success; `skipped` had nothing to ask for."""

    COMPLETE = "complete"
    PARTIAL = "partial"
    NONE = "none"
    SKIPPED = "skipped"


class CollectionRun(Struct, frozen=True, kw_only=True):
    """One run at one venue; counts are of series."""

    id: Annotated[
        str, Meta(description="VENUE:kind:start.", examples=["KRAKEN:poll:1795248061000"])
    ]
    venue: Annotated[str, Meta(description="Where.", examples=["KRAKEN"])]
    kind: Annotated[RunKind, Meta(description="Why it was made.", examples=["poll"])]
    started_at: Annotated[str, Meta(description="Start.", examples=["2026-11-21T08:01:01.000Z"])]
    finished_at: Annotated[str, Meta(description="End.", examples=["2026-11-21T08:01:01.250Z"])]
    expected: Annotated[int, Meta(description="To update.", examples=[21])]
    updated: Annotated[int, Meta(description="Updated.", examples=[20])]
    failed: Annotated[int, Meta(description="Not updated.", examples=[1])]
    reasons: Annotated[
        dict[str, int], Meta(description="Why not, by reason.", examples=[{"outage": 1}])
    ]
    outcome: Annotated[Outcome, Meta(description="How it ended.", examples=["partial"])]


class Runs(Struct, frozen=True, kw_only=True):
    """Runs, newest first."""

    items: Annotated[Sequence[CollectionRun], Meta(description="This page.")]
    next_before: Annotated[
        str | None,
        Meta(description="`before` for older ones; null on the last page.", examples=[None]),
    ]
    demo: Annotated[bool, Meta(description="An invented market.", examples=[False])]


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedRuns(AskedTable):
    """Query of `/runs`."""

    venue: VenueName = None
    limit: Limit = 100
    before: Annotated[
        str | None,
        QueryParameter(description="started before: RFC 3339, milliseconds or -6h", max_length=40),
    ] = None


class CollectBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to collect."""

    venue: Annotated[
        Annotated[str, Meta(max_length=32)] | None,
        Meta(description="one venue; all for null", examples=["KRAKEN"]),
    ] = None
    shard: Annotated[
        str,
        Meta(description="i/n: the i-th of n parts of the series", examples=["1/1"], max_length=9),
    ] = "1/1"


class Collected(Struct, frozen=True, kw_only=True):
    """What a collection updated."""

    success: Annotated[bool, Meta(description="Everything was updated.", examples=[True])]
    expected: Annotated[int, Meta(description="Series to update.", examples=[60])]
    updated: Annotated[int, Meta(description="Series updated.", examples=[60])]
    failed: Annotated[int, Meta(description="Series not updated.", examples=[0])]
    reasons: Annotated[
        dict[str, dict[str, int]],
        Meta(description="Venue, reason, count.", examples=[{"KRAKEN": {"outage": 1}}]),
    ]
    runs: Annotated[Sequence[CollectionRun], Meta(description="One a venue.")]
    demo: Annotated[bool, Meta(description="An invented market.", examples=[False])]


class JobKind(StrEnum):
    """What a job does."""

    BACKFILL = "backfill"


class JobBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A job to start."""

    kind: Annotated[JobKind, Meta(description="backfill", examples=["backfill"])]
    venue: Annotated[
        Annotated[str, Meta(max_length=32)] | None,
        Meta(description="one venue; all for null", examples=["KRAKEN"]),
    ] = None


class LongJob(Struct, frozen=True, kw_only=True):
    """A long piece of work and how far it is. Back-fill counts markets; sealing, which packs days
    that are over, counts days of up to 1,024 series; a backup counts pages or rows."""

    id: Annotated[str, Meta(description="Its id.", examples=["backfill:KRAKEN:1795248061000"])]
    kind: Annotated[
        str, Meta(description="backfill, sealing, archiving or backup.", examples=["backfill"])
    ]
    venue: Annotated[str | None, Meta(description="Where; null for all.", examples=["KRAKEN"])]
    total: Annotated[int, Meta(description="How many there are.", examples=[7])]
    done: Annotated[int, Meta(description="How many are done.", examples=[7])]
    failed: Annotated[int, Meta(description="Given up for now.", examples=[0])]
    reason: Annotated[str | None, Meta(description="Of the newest failure.", examples=[None])]
    started_at: Annotated[str, Meta(description="Start.", examples=["2026-11-21T08:00:02.000Z"])]
    finished_at: Annotated[
        str | None,
        Meta(description="End; null while it runs.", examples=["2026-11-21T08:00:21.000Z"]),
    ]


class Jobs(Struct, frozen=True, kw_only=True):
    """Long jobs, the newest of each kind and venue."""

    items: Annotated[Sequence[LongJob], Meta(description="Back-fill by venue, then the others.")]
    demo: Annotated[bool, Meta(description="An invented market.", examples=[False])]


@get("/runs", summary="Collection runs", tags=["collection"], responses=fails(422),
     dependencies={"asked": Provide(AskedRuns, sync_to_thread=False)},
     opt={"scope": Scope.READ_METRICS})  # fmt: skip
async def list_runs(
    request: Request[Any, Any, Any], site: NamedDependency[Site], asked: NamedDependency[AskedRuns]
) -> Response[Runs]:
    """Newest first. `next_before` continues without a gap or a repeat."""
    venue = known_venue(site, asked.venue) if asked.venue is not None else None
    before_ms = None
    if asked.before is not None:
        before_ms = parse_moment(asked.before, now_ms=site.now_ms, field="before")
    found = await site.program.runs(venue=venue, before_ms=before_ms, limit=asked.limit + 1)
    shown, next_ms = _cut(found, asked.limit)
    page = Runs(
        items=tuple(map(_run, shown)),
        next_before=None if next_ms is None else rfc3339(next_ms),
        demo=site.program.demo,
    )
    return await written(request, Listing(page=page, row=CollectionRun, name="runs"), asked=asked)


def _cut(found: Sequence[Run], limit: int) -> tuple[Sequence[Run], int | None]:
    """A page, and what is older than it. Runs of one millisecond stay on one page, unless they
    alone are more than a page."""
    if len(found) <= limit:
        return found, None
    tied_ms = found[limit].started_ms
    page = [run for run in found[:limit] if run.started_ms != tied_ms]
    return (page, tied_ms + 1) if page else (found[:limit], tied_ms)


@get("/jobs", summary="Long jobs and their progress", tags=["collection"], responses=fails(),
     opt={"scope": Scope.READ_METRICS})  # fmt: skip
async def list_jobs(site: NamedDependency[Site]) -> Jobs:
    """Back-fill of each venue, sealing, and archiving where there is an archive."""
    return Jobs(items=tuple(map(_job, site.program.jobs())), demo=site.program.demo)


@post("/jobs", summary="Start a long job", tags=["collection"], responses=fails(403, 413, 415, 422),
      status_code=HTTP_202_ACCEPTED, opt={"scope": Scope.WRITE_INGEST})  # fmt: skip
async def start_job(site: NamedDependency[Site], data: JSONBody[JobBody]) -> Jobs:
    """Starts back-fill, or joins the one under way; poll `GET /jobs` for its progress."""
    venue = known_venue(site, data.venue) if data.venue is not None else None
    jobs = await site.program.stations.backfill(venue=venue)
    chosen = [job for job in jobs if venue in (None, job.venue)]
    return Jobs(items=tuple(map(_job, chosen)), demo=site.program.demo)


@post("/jobs/{id:str}/cancel", summary="End a job", tags=["collection"], status_code=HTTP_200_OK,
      responses=fails(403, 404, 409), opt={"scope": Scope.ADMIN})  # fmt: skip
async def cancel_job(site: NamedDependency[Site], id: JobId) -> LongJob:
    """It ends soon, with the reason `cancelled`; what is stored stays."""
    return _job(jobs.cancel(site.program, id))


@post("/jobs/{id:str}/retry", summary="Begin a job anew", tags=["collection"],
      status_code=HTTP_202_ACCEPTED, responses=fails(403, 404, 409),
      opt={"scope": Scope.ADMIN})  # fmt: skip
async def retry_job(site: NamedDependency[Site], id: JobId) -> LongJob:
    """Another one of its kind begins soon; answers the one that is over."""
    return _job(jobs.retry(site.program, id))


@post("/collect", summary="Poll now", tags=["collection"], responses=fails(403, 413, 415, 422, 503),
      status_code=HTTP_200_OK, opt={"scope": Scope.WRITE_INGEST})  # fmt: skip
async def collect(
    site: NamedDependency[Site], data: JSONBody[CollectBody | None] = None
) -> Collected:
    """One run of one venue, or of all, now; answers when what came is on disk. A partial run is
    not a success, and says why."""
    body = data or CollectBody()
    venue = known_venue(site, body.venue) if body.venue is not None else None
    runs = await site.program.stations.collect(venue=venue, share=_share(body.shard))
    return Collected(
        success=succeeded(runs),
        expected=sum(run.expected for run in runs),
        updated=sum(run.updated for run in runs),
        failed=sum(run.failed for run in runs),
        reasons=reasons_of(runs),
        runs=tuple(map(_run, runs)),
        demo=site.program.demo,
    )


def succeeded(runs: Sequence[Run]) -> bool:
    """Whether something was asked for, and all of it came."""
    asked = {run.outcome for run in runs} - {Outcome.SKIPPED}
    return asked == {Outcome.COMPLETE}


def reasons_of(runs: Sequence[Run]) -> dict[str, dict[str, int]]:
    """Venue -> reason -> how many, where anything failed."""
    return {run.venue: dict(run.reasons) for run in runs if run.reasons}


def _share(text: str) -> Share:
    found = _SHARD.fullmatch(text)
    if found is None or not int(found[1]) <= int(found[2]) <= SHARDS_MAX:
        raise Invalid(f"{text!r} is no shard", field="shard",
                      allowed=f"i/n with 1 <= i <= n <= {SHARDS_MAX}, as 1/4")  # fmt: skip
    return Share(index=int(found[1]), count=int(found[2]))


def _run(run: Run) -> CollectionRun:
    return CollectionRun(
        id=run.id, venue=run.venue, kind=run.kind, started_at=rfc3339(run.started_ms),
        finished_at=rfc3339(run.finished_ms), expected=run.expected, updated=run.updated,
        failed=run.failed, reasons=dict(run.reasons), outcome=Outcome(run.outcome),
    )  # fmt: skip


def _job(job: Job) -> LongJob:
    return LongJob(
        id=job.id, kind=job.kind, venue=job.venue, total=job.total, done=job.done,
        failed=job.failed, reason=job.reason, started_at=rfc3339(job.started_ms),
        finished_at=moment_or_none(job.finished_ms),
    )  # fmt: skip
