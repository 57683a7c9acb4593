"""`/metrics/{id}/composition`: whose prices a derived series' composites are of, and who is left
out of them and why, at the newest closed slot."""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated

from litestar import get
from litestar.di import NamedDependency
from msgspec import Meta, Struct

from sigmawatch.app.web.asked import SeriesId
from sigmawatch.app.web.boards import newest_slot
from sigmawatch.app.web.moments import rfc3339
from sigmawatch.app.web.problems import fails
from sigmawatch.app.web.site import Site
from sigmawatch.domain.caller import Scope
from sigmawatch.domain.errors import Unavailable
from sigmawatch.domain.frame import MISSING, REASON_MASK, Reason
from sigmawatch.domain.series import parse_series
from sigmawatch.engine.composite import Part
from sigmawatch.engine.formula import Member, Pool
from sigmawatch.engine.geometry import Marks


class LeftOut(StrEnum):
    """Why a member has no part in a composite: what its slot is missing for, or itself."""

    OUTAGE = "outage"
    NOT_POLLED = "not_polled"
    SUSPECT = "suspect"
    DELISTED = "delisted"
    PENDING = "pending"
    DAMAGED = "damaged"
    PAUSED = "paused"
    UNKNOWN = "unknown"
    NO_VOLUME = "no_volume"
    STILL = "still"
    FAR = "far"


class Unagreed(StrEnum):
    """Why a composite is unknown."""

    NOBODY = "nobody"
    DISAGREE = "disagree"


class CompositeMember(Struct, frozen=True, kw_only=True):
    """One of those a composite is of."""

    name: Annotated[
        str, Meta(description="A market, or what is written.", examples=["KRAKEN:BTC/USD"])
    ]
    value: Annotated[
        float | None, Meta(description="Its own; null where unknown.", examples=[67284.1])
    ]
    volume: Annotated[
        float | None,
        Meta(description="Of 24 hours, which weighs it; null where all count the same.",
             examples=[1840.5]),
    ]  # fmt: skip
    apart_pct: Annotated[
        float | None, Meta(description="From the median, in percent of it.", examples=[0.02])
    ]
    taken: Annotated[bool, Meta(description="Whether it has a part.", examples=[True])]
    reason: Annotated[
        LeftOut | None,
        Meta(description="Why it has none. still: nothing of it changed for 15 slots and minutes "
             "while half of the others moved; far: beyond within_pct.", examples=[None]),
    ]  # fmt: skip


class CompositeShown(Struct, frozen=True, kw_only=True):
    """One composite of a formula at one slot."""

    text: Annotated[str, Meta(description="As written.", examples=["composite(BTC/USD)"])]
    value: Annotated[float | None, Meta(description="Null where unknown.", examples=[67284.4])]
    within_pct: Annotated[
        float, Meta(description="How far from the median its members may be.", examples=[5.0])
    ]
    taken_count: Annotated[int, Meta(description="Members with a part.", examples=[2])]
    members_count: Annotated[int, Meta(description="All of them.", examples=[3])]
    provisional: Annotated[
        bool, Meta(description="One member's word alone, of several.", examples=[False])
    ]
    reason: Annotated[
        Unagreed | None,
        Meta(description="Why it is unknown. disagree: no more than half of those present are near "
             "their median.", examples=[None]),
    ]  # fmt: skip
    members: Annotated[Sequence[CompositeMember], Meta(description="In the order of their names.")]


class Composition(Struct, frozen=True, kw_only=True):
    """What the composites of one series are of; none where its formula has none."""

    id: Annotated[int, Meta(description="The series.", examples=[17])]
    name: Annotated[str, Meta(description="Its name.", examples=["DERIVED:BTC/USD:price"])]
    formula: Annotated[
        str | None, Meta(description="What computes it.", examples=["composite(BTC/USD)"])
    ]
    slot: Annotated[
        str, Meta(description="Open of the slot.", examples=["2026-11-21T07:59:00.000Z"])
    ]
    composites: Annotated[Sequence[CompositeShown], Meta(description="As they are written.")]
    demo: Annotated[bool, Meta(description="An invented market.", examples=[False])]


@get("/metrics/{id:str}/composition", summary="Who has a part in a composite", tags=["metrics"],
     responses=fails(404, 422, 503), opt={"scope": Scope.READ_METRICS})  # fmt: skip
async def show_composition(site: NamedDependency[Site], id: SeriesId) -> Composition:
    """Every member of every composite in the series' formula at the newest closed slot: its value,
    how far it is from the median, and where it is left out, why."""
    series = site.program.catalogue.find(parse_series(id))
    slot = newest_slot(site.snapshot(), series.interval)
    if slot is None:
        raise Unavailable(f"no slot of {series.slug} has closed yet", retry_after_s=1)
    told = await site.program.tracker.pools(series, slot)
    return Composition(
        id=series.id, name=series.name, formula=series.formula,
        slot=rfc3339(series.interval.open_ms(slot)),
        composites=[_composite(pool, marks) for pool, marks in told], demo=site.program.demo,
    )  # fmt: skip


def _composite(pool: Pool, marks: Sequence[Marks]) -> CompositeShown:
    taken = sum(member.part is Part.TAKEN for member in pool.members)
    reason = None
    if math.isnan(pool.value):
        present = any(member.part in {Part.TAKEN, Part.FAR} for member in pool.members)
        reason = Unagreed.DISAGREE if present else Unagreed.NOBODY
    alone = taken == 1 < len(pool.members)
    return CompositeShown(
        text=pool.text, value=_known(pool.value), within_pct=pool.within_pct, taken_count=taken,
        members_count=len(pool.members), provisional=alone and reason is None, reason=reason,
        members=[_member(*both) for both in zip(pool.members, marks, strict=True)],
    )  # fmt: skip


def _member(member: Member, marks: Marks) -> CompositeMember:
    return CompositeMember(
        name=member.name, value=_known(member.value),
        volume=None if member.weight is None else _known(member.weight),
        apart_pct=_known(member.apart_pct), taken=member.part is Part.TAKEN,
        reason=_left_out(member.part, marks),
    )  # fmt: skip


def _left_out(part: Part, marks: Marks) -> LeftOut | None:
    """marks: of the series that a member is of; the first that is missing is why the member is."""
    if part is Part.TAKEN:
        return None
    if part is not Part.MISSING:
        return LeftOut(part.name.lower())
    missing = [Reason(mark & REASON_MASK).name.lower() for mark in marks.tolist()
               if mark & REASON_MASK >= MISSING]  # fmt: skip
    return LeftOut(missing[0]) if missing else LeftOut.UNKNOWN


def _known(number: float) -> float | None:
    return None if math.isnan(number) else number
