"""Long work by the id of its job: ended on request, and begun anew.

What a cancelled job has stored stays; what it has not done is done by the next one of its kind,
which comes by itself (sealing: with the hour, back-fill: after the next gap) or is asked for. Of
archiving there is nothing to cancel: it writes what is lacking, day after day.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sigmawatch.app.backfill import Job
from sigmawatch.domain.errors import Conflict, NotFound

if TYPE_CHECKING:
    from sigmawatch.app.program import Program


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """What can be done about a kind of work."""

    cancel: Callable[[], None]
    retry: Callable[[], None]


def cancel(program: Program, job_id: str) -> Job:
    """The job, which is about to end. Raises NotFound, Conflict where it is over or goes on."""
    job = _find(program, job_id)
    if job.finished_ms is not None:
        raise Conflict("the job is over already")
    _work(program, job).cancel()
    return job


def retry(program: Program, job_id: str) -> Job:
    """The job, which is over, and after which another one of its kind begins soon. Raises NotFound,
    Conflict while it runs."""
    job = _find(program, job_id)
    if job.finished_ms is None:
        raise Conflict("the job is still under way")
    _work(program, job).retry()
    return job


def _find(program: Program, job_id: str) -> Job:
    for job in program.jobs():
        if job.id == job_id:
            return job
    raise NotFound("there is no job of that id; only the newest of each kind and venue is known",
                   field="job")  # fmt: skip


def _work(program: Program, job: Job) -> _Work:
    if job.kind == "backfill" and job.venue is not None:
        return _Work(cancel=lambda: program.stations.cancel_backfill(str(job.venue)),
                     retry=lambda: program.stations.retry_backfill(str(job.venue)))  # fmt: skip
    if job.kind == "sealing":
        return _Work(cancel=program.sealer.cancel, retry=program.sealer.want)
    if job.kind == "backup":
        return _Work(cancel=program.backups.cancel, retry=program.backups.again)
    raise Conflict(f"{job.kind} is neither cancelled nor begun anew: it goes on by itself")
