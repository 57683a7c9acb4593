"""`/sparklines`: the last day of several series, for drawings 48 points wide."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from litestar import Request, Response, get
from litestar.datastructures import ResponseHeader
from litestar.di import NamedDependency, Provide
from litestar.params import QueryParameter
from msgspec import Meta, Struct, field

from sigmawatch.app.sparklines import POINT_MS, first_point
from sigmawatch.app.web.boards import newest_slot, series_named
from sigmawatch.app.web.moments import rfc3339
from sigmawatch.app.web.problems import fails
from sigmawatch.app.web.site import Site, tagged
from sigmawatch.domain.caller import Scope
from sigmawatch.domain.series import Series
from sigmawatch.domain.window import format_span
from sigmawatch.engine.sparkline import MISSING, POINTS

IDS_MAX = 500
ETAG = ResponseHeader(name="etag", documentation_only=True, description="For If-None-Match")


class Line(Struct, frozen=True, kw_only=True):
    """One series' line."""

    id: Annotated[int, Meta(description="The series.", examples=[17])]
    from_: Annotated[
        str | None,
        Meta(description="Open of its first half hour; null before the first slot.",
             examples=["2026-11-20T08:30:00.000Z"]),
    ] = field(name="from")  # fmt: skip
    points: Annotated[
        str,
        Meta(description="48 characters, oldest first: A (low) to / (high) as base 64 counts; "
             "a full stop where nothing is known.",
             examples=["ABDEHKPTXZcefhkmnopqqponmkhfecZXTPKHEDBAABDEHKPT"]),
    ]  # fmt: skip
    low: Annotated[float | None, Meta(description="What A stands for.", examples=[65800.0])]
    high: Annotated[float | None, Meta(description="What / stands for.", examples=[67901.5])]


class Lines(Struct, frozen=True, kw_only=True):
    """Lines in the order that was asked for."""

    items: Annotated[Sequence[Line], Meta(description="Each series once.")]
    step: Annotated[str, Meta(description="From point to point.", examples=["30m"])]
    demo: Annotated[bool, Meta(description="An invented market.", examples=[False])]


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedLines:
    """Query of `/sparklines`."""

    ids: Annotated[
        str,
        QueryParameter(description=f"series ids or names with commas between, {IDS_MAX} at most",
                       max_length=8_000),
    ]  # fmt: skip


@get("/sparklines", summary="The last day of several series, drawn", tags=["stream"],
     responses=fails(404, 422), response_headers=[ETAG],
     opt={"scope": Scope.READ_METRICS, "cost": "query"},
     dependencies={"asked": Provide(AskedLines, sync_to_thread=False)})  # fmt: skip
async def list_sparklines(
    request: Request[Any, Any, Any],
    site: NamedDependency[Site],
    asked: NamedDependency[AskedLines],
) -> Response[Lines]:
    """48 points on the half hours of the clock, the newest on what is closed of the running one:
    the last value of a level, the sum of a flow. Drawn once a slot for everybody."""
    series = series_named(site, asked.ids, count_max=IDS_MAX)
    site.same_for_all(request)
    lines = Lines(items=[await _line(site, one) for one in series], step=format_span(POINT_MS),
                  demo=site.program.demo)  # fmt: skip
    return tagged(request, lines)


async def _line(site: Site, series: Series) -> Line:
    slot = newest_slot(site.snapshot(), series.interval)
    if slot is None:
        return Line(id=series.id, from_=None, points=MISSING * POINTS, low=None, high=None)
    found = await site.program.sparklines.of(series, slot=slot)
    from_ms = first_point(series.interval.open_ms(slot)) * POINT_MS
    known = math.isfinite(found.low)
    return Line(
        id=series.id, from_=rfc3339(from_ms), points=found.points,
        low=found.low if known else None, high=found.high if known else None,
    )  # fmt: skip
