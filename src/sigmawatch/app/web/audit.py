"""`/audit`: who did what. It can be read and verified, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from litestar import get
from litestar.di import NamedDependency, Provide
from litestar.params import QueryParameter
from msgspec import Meta, Struct

from sigmawatch.app.moments import rfc3339
from sigmawatch.app.web.cursors import pack, unpack
from sigmawatch.app.web.problems import fails
from sigmawatch.app.web.site import Site
from sigmawatch.domain.audit import Row
from sigmawatch.domain.caller import Scope

_QUERY = "audit"
_NO_WALK = ""


class ShownDeed(Struct, frozen=True, kw_only=True):
    """A row of the log."""

    number: Annotated[int, Meta(description="Its place; there are no holes.", examples=[42])]
    at: Annotated[str, Meta(description="When.", examples=["2026-11-21T08:02:01.250Z"])]
    who: Annotated[str, Meta(description="Who did it.", examples=["ada"])]
    what: Annotated[str, Meta(description="What.", examples=["key.revoke"])]
    about: Annotated[str, Meta(description="To what.", examples=["key 3k9x0q2m7p1a"])]
    request_id: Annotated[str, Meta(description="In which request.", examples=["5f0c1d2e3a4b5c6d"])]
    before: Annotated[
        str, Meta(description="SHA-256 of it before; empty: was not there.", examples=["9f86d0…"])
    ]
    after: Annotated[
        str, Meta(description="SHA-256 of it after; empty: is not there.", examples=["60303a…"])
    ]
    hash: Annotated[
        str, Meta(description="SHA-256 over the row before and this one.", examples=["2c2624…"])
    ]


class AuditPage(Struct, frozen=True, kw_only=True):
    """A part of the log."""

    items: Annotated[Sequence[ShownDeed], Meta(description="The newest first.")]
    next_cursor: Annotated[
        str | None, Meta(description="For the page of older ones.", examples=[None])
    ]


class AuditVerified(Struct, frozen=True, kw_only=True):
    """What a reading of the whole log found."""

    sound: Annotated[bool, Meta(description="Every row is as it was written.", examples=[True])]
    rows: Annotated[int, Meta(description="So many are, from the first on.", examples=[42])]
    newest_hash: Annotated[
        str,
        Meta(description="Of the last of them: kept elsewhere, it tells whether all was written "
                         "anew.", examples=["2c2624…"]),
    ]  # fmt: skip
    wrong_row: Annotated[int | None, Meta(description="The first that is not.", examples=[None])]
    reason: Annotated[str | None, Meta(description="What is wrong there.", examples=[None])]


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedAudit:
    """Query of the log."""

    limit: Annotated[int, QueryParameter(description="rows a page", ge=1, le=1_000)] = 100
    cursor: Annotated[
        str | None, QueryParameter(description="next_cursor of the page before", max_length=200)
    ] = None


@get("/audit", summary="What was done", tags=["access"], responses=fails(403, 422),
     dependencies={"asked": Provide(AskedAudit, sync_to_thread=False)},
     opt={"scope": Scope.ADMIN})  # fmt: skip
async def list_audit(
    site: NamedDependency[Site],
    asked: NamedDependency[AskedAudit],
) -> AuditPage:  # fmt: skip
    """Changes by whomever, logins, and what was refused to those who are known."""
    before = None if asked.cursor is None else unpack(_QUERY, asked.cursor)[1]
    rows = await site.access.auditing.page(before=before, limit=asked.limit)
    more = len(rows) == asked.limit and rows[-1].number > 1
    cursor = pack(_QUERY, walk=_NO_WALK, place=rows[-1].number) if more else None
    return AuditPage(items=[_shown(row) for row in rows], next_cursor=cursor)


@get("/audit/verification", summary="Whether the log is as it was written", tags=["access"],
     responses=fails(403), opt={"scope": Scope.ADMIN, "cost": "query"})  # fmt: skip
async def verify_audit(site: NamedDependency[Site]) -> AuditVerified:
    """Reads it from its first row: every row holds a hash over itself and the one before."""
    found = await site.access.auditing.verify()
    return AuditVerified(
        sound=found.wrong is None, rows=found.count, newest_hash=found.newest.hex(),
        wrong_row=found.wrong, reason=found.reason or None,
    )  # fmt: skip


def _shown(row: Row) -> ShownDeed:
    deed = row.deed
    return ShownDeed(
        number=row.number, at=rfc3339(row.at_ms), who=deed.who, what=deed.what, about=deed.about,
        request_id=deed.request_id, before=deed.before, after=deed.after, hash=row.hash.hex(),
    )  # fmt: skip
