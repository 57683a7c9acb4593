"""`/backups`: copies of the whole database, for the command line of this machine alone.

Who asks names a file of this machine, so only who can read the token in the data folder may ask.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from litestar.status_codes import HTTP_202_ACCEPTED
from msgspec import Meta, Struct

from sigmawatch.app.backups import Backup
from sigmawatch.app.web.door.credentials import CHALLENGE
from sigmawatch.app.web.moments import moment_or_none, rfc3339
from sigmawatch.app.web.problems import ProblemError, fails
from sigmawatch.app.web.site import Site
from sigmawatch.domain.audit import Actor
from sigmawatch.domain.caller import Caller, CallerKind, Scope

_FILE = "/backups/sigmawatch-20261122T051500Z.db"


class BackupBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where to."""

    target: Annotated[
        str,
        Meta(description="A folder, or a new file in one, of the machine that the program runs on.",
             examples=["/backups"], min_length=1, max_length=4_000),
    ]  # fmt: skip


class ShownBackup(Struct, frozen=True, kw_only=True):
    """A backup and how far it is; total and done count pages of the file, or rows of a server, and
    what is copied is verified before the end."""

    id: Annotated[str, Meta(description="Its id.", examples=["backup:1795248061000"])]
    path: Annotated[str, Meta(description="The file.", examples=[_FILE])]
    started_at: Annotated[str, Meta(description="Start.", examples=["2026-11-22T05:15:00.000Z"])]
    finished_at: Annotated[
        str | None,
        Meta(description="End; null while it is made.", examples=["2026-11-22T05:15:09.000Z"]),
    ]
    total: Annotated[int, Meta(description="How much there is to copy.", examples=[11_418])]
    done: Annotated[int, Meta(description="How much is copied.", examples=[11_418])]
    size_bytes: Annotated[
        int | None, Meta(description="Of the file; null before its end.", examples=[93_536_256])
    ]
    items_count: Annotated[
        int | None,
        Meta(description="Stored bodies that were verified by checksum.", examples=[10_095]),
    ]
    damaged: Annotated[
        Sequence[str],
        Meta(description="Those that are damaged, there as in the database.", examples=[[]]),
    ]
    problem: Annotated[str | None, Meta(description="Why it was not made.", examples=[None])]


class BackupsPage(Struct, frozen=True, kw_only=True):
    """Backups of this program, newest first."""

    items: Annotated[Sequence[ShownBackup], Meta(description="Up to 20.")]
    demo: Annotated[bool, Meta(description="An invented market.", examples=[False])]


@get("/backups", summary="Backups made", tags=["operations"], responses=fails(),
     opt={"scope": Scope.ADMIN})  # fmt: skip
async def list_backups(site: NamedDependency[Site], caller: NamedDependency[Caller]) -> BackupsPage:
    """Asked for and by plan, since the program started. With the token of the data folder only."""
    _refuse_strangers(caller)
    items = tuple(map(_shown, site.program.backups.known))
    return BackupsPage(items=items, demo=site.program.demo)


@post("/backups", summary="Make a backup", tags=["operations"],
      responses=fails(403, 409, 413, 415, 422), status_code=HTTP_202_ACCEPTED,
      opt={"scope": Scope.ADMIN})  # fmt: skip
async def make_backup(
    site: NamedDependency[Site], actor: NamedDependency[Actor], data: JSONBody[BackupBody]
) -> ShownBackup:
    """Begins one; `GET /backups` tells how far it is. 409 where the file is there already, or one
    is being made. With the token of the data folder only."""
    _refuse_strangers(actor.caller)
    begun = site.program.backups.ask(Path(data.target))
    await site.access.auditing.note(actor.did("backup.make", str(begun.path)))
    return _shown(begun)


def _refuse_strangers(caller: Caller) -> None:
    """Files of this machine are named, so no key will do, whatever it may."""
    if caller.kind is CallerKind.COMMAND_LINE:
        return
    told = "only for who can read the token in the data folder"
    if caller.kind in {CallerKind.LOCAL, CallerKind.ANONYMOUS}:
        raise ProblemError("unauthorized", told, headers=CHALLENGE)
    raise ProblemError("not-permitted", told)


def _shown(backup: Backup) -> ShownBackup:
    job, copied = backup.job, backup.copied
    return ShownBackup(
        id=job.id, path=str(backup.path), started_at=rfc3339(job.started_ms),
        finished_at=moment_or_none(job.finished_ms), total=job.total, done=job.done,
        size_bytes=copied.size_bytes if copied else None,
        items_count=copied.items_count if copied else None,
        damaged=copied.damaged if copied else (), problem=backup.problem or None,
    )  # fmt: skip
