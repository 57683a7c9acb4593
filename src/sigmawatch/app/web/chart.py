"""`/metrics/{id}/chart.svg`: one series as a picture, for mails, notes, and pages of other people.

What is drawn stands at `/metrics/{id}/records`, too: by slots, or by steps where there are more of
them than the picture has room for (app.web.picture).
"""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from litestar import Request, Response, get
from litestar.di import NamedDependency, Provide
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import QueryParameter

from sigmawatch.app.fail_over import sources
from sigmawatch.app.past import HOT_MS
from sigmawatch.app.web.asked import SeriesId
from sigmawatch.app.web.picture import Course, Look, Seam, Theme, drawn
from sigmawatch.app.web.problems import fails
from sigmawatch.app.web.records import ETAG, Range, range_asked
from sigmawatch.app.web.site import Site, digest, not_modified, unchanged
from sigmawatch.app.web.statistics import slots_asked
from sigmawatch.app.web.steps import step_asked
from sigmawatch.domain.caller import Scope
from sigmawatch.domain.errors import Invalid
from sigmawatch.domain.metric import Kind
from sigmawatch.domain.series import Series, parse_series
from sigmawatch.engine.rollups import SEAM, Rollups

MEDIA_TYPE = "image/svg+xml"
STEP_PX = 1.5  # no step is narrower
BAR_PX = 4.0
SEAMS_MAX = 20  # more are a thicket


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedChart:
    """Query of `/metrics/{id}/chart.svg`."""

    window: Annotated[
        str | None, QueryParameter(description="a span up to now, as 6h or 30d; or from, to",
                                   max_length=10),
    ] = None  # fmt: skip
    from_: Annotated[
        str | None,
        QueryParameter(name="from", description="RFC 3339, milliseconds or -6h; a day before `to`",
                       max_length=40),
    ] = None  # fmt: skip
    to: Annotated[
        str | None,
        QueryParameter(description="RFC 3339, milliseconds or -6h; else the newest", max_length=40),
    ] = None
    width: Annotated[int, QueryParameter(description="px", ge=160, le=2_000)] = 640
    height: Annotated[int, QueryParameter(description="px", ge=100, le=1_200)] = 240
    theme: Annotated[Theme, QueryParameter(description="its ground")] = Theme.LIGHT
    line: Annotated[
        float | None, QueryParameter(description="a level to be drawn across, as of an alert")
    ] = None


@get("/metrics/{id:str}/chart.svg", summary="A series as a picture", tags=["metrics"],
     response_headers=[ETAG],
     responses={**fails(404, 422), 200: ResponseSpec(str, media_type=MEDIA_TYPE,
                generate_examples=False, description="An SVG document")},
     dependencies={"asked": Provide(AskedChart, sync_to_thread=False)},
     opt={"scope": Scope.READ_METRICS, "cost": "query"})  # fmt: skip
async def show_chart(
    request: Request[Any, Any, Any],
    site: NamedDependency[Site],
    id: SeriesId,
    asked: NamedDependency[AskedChart],
) -> Response[bytes]:
    """The last 24 hours by default. A gap is a gap; where a step of the picture holds many values,
    their span is shaded. Amounts are bars."""
    series = site.program.catalogue.find(parse_series(id))
    wanted = _range(series, asked, site=site)
    if series.interval.open_ms(wanted.first) >= site.now_ms - HOT_MS:
        site.same_for_all(request, aged=asked.from_ is not None or asked.to is not None)
    course = await _course(series, wanted, asked=asked, site=site)
    look = Look(width=asked.width, height=asked.height, theme=asked.theme)
    body = (await asyncio.to_thread(drawn, course, look)).encode()
    tag = digest(body)
    if unchanged(request, tag):
        return not_modified(tag)
    return Response(body, media_type=MEDIA_TYPE, headers={"etag": tag})


def _range(series: Series, asked: AskedChart, *, site: Site) -> Range:
    """The closed slots to draw. Raises Invalid."""
    if asked.line is not None and not math.isfinite(asked.line):
        raise Invalid("a line needs a level", field="line", allowed="a finite number")
    if asked.window is not None and (asked.from_, asked.to) != (None, None):
        raise Invalid("both a window and a range", field="window",
                      allowed="window, or from and to")  # fmt: skip
    wanted = range_asked(series, asked, site=site)
    if asked.window is not None:
        first = max(0, wanted.stop - slots_asked(series, asked.window))
        wanted = Range(first=first, stop=wanted.stop)
    if wanted.first >= wanted.stop:
        raise Invalid("no slot lies in that range", field="from",
                      allowed=f"at least {series.interval} before `to`")  # fmt: skip
    return wanted


async def _course(series: Series, wanted: Range, *, asked: AskedChart, site: Site) -> Course:
    """What is known of the range, by steps that fit the picture."""
    interval, past, flow = series.interval, site.program.past, series.kind.kind is Kind.FLOW
    begin_ms, end_ms = interval.open_ms(wanted.first), interval.open_ms(wanted.stop)
    points = int(asked.width / (BAR_PX if flow else STEP_PX))
    step_ms = step_asked(interval, step=None, points=points, span_ms=end_ms - begin_ms)
    width_ms = await past.known_width_ms(
        series, width_ms=step_ms or interval.ms, from_slot=wanted.first
    )
    runs = await past.runs(
        series, width_ms=width_ms, from_slot=wanted.first, to_slot=wanted.stop
    )  # fmt: skip
    value, low, high = _columns(runs, flow=flow)
    name = series.name if series.interval.ms == site.program.config.interval.ms else (
        f"{series.name} {series.interval}")  # fmt: skip
    return Course(
        name=f"DEMO {name}" if site.program.demo else name,
        at_ms=runs.at * width_ms, value=value, low=low, high=high, step_ms=width_ms,
        begin_ms=begin_ms, end_ms=end_ms, flow=flow, line=asked.line,
        seams=await _seams(series, runs, slots=(wanted.first, wanted.stop), site=site),
    )  # fmt: skip


async def _seams(
    series: Series, runs: Rollups, *, slots: tuple[int, int], site: Site
) -> list[Seam]:
    """Where another source begins, and which; of a step that holds several the last one."""
    width_ms = runs.width_ms
    found = await sources(site.program, series, width_ms=width_ms, slots=slots)
    seams = runs.at[(runs.marks & SEAM) > 0].tolist()[-SEAMS_MAX:]
    return [Seam(at_ms=at * width_ms, source=found.get(at, "").partition(":")[0]) for at in seams]


def _columns(runs: Rollups, *, flow: bool) -> tuple[np.ndarray[Any, Any], ...]:
    """Value, lowest and highest of every step: of amounts their sum."""
    if flow:
        return runs.total, runs.total, runs.total
    return runs.last, runs.low, runs.high
