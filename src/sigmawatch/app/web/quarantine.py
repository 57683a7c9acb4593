"""`/venues/{venue}/rejected`: samples of what a venue told that could not be taken."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from litestar import get
from litestar.di import NamedDependency
from litestar.params import PathParameter
from msgspec import Meta, Struct

from sigmawatch.app.web.moments import rfc3339
from sigmawatch.app.web.problems import fails
from sigmawatch.app.web.site import Site
from sigmawatch.app.web.venues import report_of
from sigmawatch.domain.caller import Scope
from sigmawatch.domain.quarantine import SAMPLES_MAX


class RejectedSample(Struct, frozen=True, kw_only=True):
    """One refusal of those of its time."""

    at: Annotated[str, Meta(description="When.", examples=["2026-11-21T08:01:01.250Z"])]
    about: Annotated[
        str,
        Meta(description="The market or row as the venue calls it; empty for a whole message.",
             examples=["XXBTZUSD"]),
    ]  # fmt: skip
    reason: Annotated[
        str, Meta(description="Why it was refused.", examples=["price: not a number: 'NaN'"])
    ]
    refused_count: Annotated[
        int, Meta(description="Refused since the sample before, this one among them.", examples=[3])
    ]


class RejectedSamples(Struct, frozen=True, kw_only=True):
    """The quarantine of a venue."""

    items: Annotated[
        Sequence[RejectedSample],
        Meta(description=f"The newest first: one a minute at most, the last {SAMPLES_MAX}."),
    ]
    demo: Annotated[bool, Meta(description="An invented market.", examples=[False])]


@get("/venues/{venue:str}/rejected", summary="Samples of what a venue told and we refused",
     tags=["venues"], responses=fails(404), opt={"scope": Scope.READ_METRICS})  # fmt: skip
async def list_rejected(
    site: NamedDependency[Site],
    venue: Annotated[str, PathParameter(description="a venue's name, any case")],
) -> RejectedSamples:
    """What is refused is never stored; all of it is counted by reason at `/venues/{venue}`. Samples
    are kept in memory, since the start."""
    samples = report_of(site, venue).samples
    return RejectedSamples(
        items=tuple(
            RejectedSample(at=rfc3339(one.at_ms), about=one.about, reason=one.reason,
                           refused_count=one.refused_count)
            for one in samples
        ),
        demo=site.program.demo,
    )  # fmt: skip
