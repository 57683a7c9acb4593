"""`/storage`: how the disk or server under the database is, and what is damaged in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from litestar import get
from litestar.di import NamedDependency
from msgspec import Meta, Struct

from sigmawatch.app.web.moments import moment_or_none, rfc3339
from sigmawatch.app.web.problems import fails
from sigmawatch.app.web.site import Site
from sigmawatch.domain.caller import Scope
from sigmawatch.domain.storage import StorageState
from sigmawatch.ports.ledger import Damage

DAMAGED_MAX = 100


class DamagedThing(Struct, frozen=True, kw_only=True):
    """Something that is not as it was written; it is left out, and all else is served."""

    what: Annotated[str, Meta(description="Its name in the database.", examples=["frame 1048576"])]
    reason: Annotated[str, Meta(description="What is wrong with it.", examples=["it is missing"])]
    series: Annotated[
        int | None, Meta(description="The series it told of, where one.", examples=[17])
    ]
    block: Annotated[
        int | None,
        Meta(description="Or the block: all series of one venue, metric and interval in it.",
             examples=[None]),
    ]  # fmt: skip
    begin: Annotated[
        str | None,
        Meta(description="First moment it told of.", examples=["2026-11-20T08:00:00.000Z"]),
    ]
    end: Annotated[
        str | None,
        Meta(description="First it told nothing of.", examples=["2026-11-20T08:01:00.000Z"]),
    ]


class StorageReport(Struct, frozen=True, kw_only=True):
    """Whether anything can be stored now. Whatever it says, what was shown is stored."""

    state: Annotated[
        StorageState,
        Meta(description="full: readings wait in memory, and nothing new is shown.",
             examples=["ok"]),
    ]  # fmt: skip
    since: Annotated[str, Meta(description="Since when.", examples=["2026-11-21T08:00:00.000Z"])]
    age_s: Annotated[
        float,
        Meta(description="The same in seconds, however the clock was set meanwhile.",
             examples=[61.5]),
    ]  # fmt: skip
    reason: Annotated[str, Meta(description="Why; empty where it is ok.", examples=[""])]
    damaged_count: Annotated[
        int, Meta(description="What was met so far and is not as it was written.", examples=[0])
    ]
    damaged: Annotated[
        Sequence[DamagedThing],
        Meta(description="The first 100; `sigmawatch doctor` looks everywhere.", examples=[[]]),
    ]
    demo: Annotated[bool, Meta(description="An invented market.", examples=[False])]


@get("/storage", summary="Whether anything can be stored", tags=["operations"], responses=fails(),
     opt={"scope": Scope.READ_METRICS})  # fmt: skip
async def show_storage(site: NamedDependency[Site]) -> StorageReport:
    """A change is told here within two seconds."""
    status = site.program.storage.status
    age_ms = site.program.clock.monotonic_ms() - status.since_monotonic_ms
    damage = site.program.damage
    return StorageReport(
        damaged_count=len(damage), damaged=tuple(map(_thing, damage[:DAMAGED_MAX])),
        state=status.state, since=rfc3339(status.since_ms), age_s=age_ms / 1_000,
        reason=status.reason, demo=site.program.demo,
    )  # fmt: skip


def _thing(one: Damage) -> DamagedThing:
    return DamagedThing(
        what=one.what, reason=one.reason, series=one.series_id, block=one.block_id,
        begin=moment_or_none(one.from_ms), end=moment_or_none(one.until_ms),
    )  # fmt: skip
