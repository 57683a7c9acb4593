"""`/storage`: how the disk or server under the database is."""

from __future__ import annotations

from typing import Annotated

from litestar import get
from litestar.di import NamedDependency
from msgspec import Meta, Struct

from sigmawatch.app.web.moments import rfc3339
from sigmawatch.app.web.problems import fails
from sigmawatch.app.web.site import Site
from sigmawatch.domain.storage import StorageState


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
    demo: Annotated[bool, Meta(description="An invented market.", examples=[False])]


@get("/storage", summary="Whether anything can be stored", tags=["operations"], responses=fails())
async def show_storage(site: NamedDependency[Site]) -> StorageReport:
    """A change is told here within two seconds."""
    status = site.program.storage.status
    age_ms = site.program.clock.monotonic_ms() - status.since_monotonic_ms
    return StorageReport(
        state=status.state, since=rfc3339(status.since_ms), age_s=age_ms / 1_000,
        reason=status.reason, demo=site.program.demo,
    )  # fmt: skip
