"""`POST /metrics` and `DELETE /metrics/{id}`: track and stop tracking while running."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from litestar import Response, delete, post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from litestar.status_codes import HTTP_200_OK, HTTP_201_CREATED
from msgspec import Meta, Struct

from sigmawatch.app.web.asked import SeriesId
from sigmawatch.app.web.problems import fails
from sigmawatch.app.web.site import Site
from sigmawatch.domain.errors import Invalid
from sigmawatch.domain.market import parse_market
from sigmawatch.domain.metric import metric_named
from sigmawatch.domain.series import Series, parse_series
from sigmawatch.domain.window import Interval, parse_span

METRICS_MAX = 20


class TrackBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to track."""

    market: Annotated[
        str,
        Meta(description="VENUE:BASE/QUOTE, or a pair that one venue lists",
             examples=["KRAKEN:SOL/EUR"], min_length=1, max_length=200),
    ]  # fmt: skip
    metrics: Annotated[
        Sequence[str],
        Meta(description=f"1 to {METRICS_MAX} names of metrics", examples=[["price"]],
             min_length=1, max_length=METRICS_MAX),
    ] = ("price",)  # fmt: skip
    every: Annotated[
        Annotated[str, Meta(max_length=10)] | None,
        Meta(description="the interval, as 1m; the configured one for null", examples=["1m"]),
    ] = None


class TrackedSeries(Struct, frozen=True, kw_only=True):
    """A series that is tracked from now on."""

    id: Annotated[int, Meta(description="Stable for ever.", examples=[17])]
    name: Annotated[str, Meta(description="Its name.", examples=["KRAKEN:SOL/EUR:price"])]
    slug: Annotated[str, Meta(description="For addresses.", examples=["KRAKEN:SOL-EUR:price"])]
    href: Annotated[str, Meta(description="Where it is.", examples=["/api/v1/metrics/17"])]
    interval: Annotated[str, Meta(description="Width of its slots.", examples=["1m"])]
    origin: Annotated[str, Meta(description="file or api.", examples=["api"])]
    created: Annotated[bool, Meta(description="It was not tracked before.", examples=[True])]


class Tracked(Struct, frozen=True, kw_only=True):
    """What is tracked from now on."""

    items: Annotated[Sequence[TrackedSeries], Meta(description="In the order asked for.")]
    demo: Annotated[bool, Meta(description="An invented market.", examples=[False])]


@post("/metrics", summary="Track metrics of a market", tags=["metrics"],
      responses=fails(403, 413, 415, 422, 503))  # fmt: skip
async def track(site: NamedDependency[Site], data: JSONBody[TrackBody]) -> Response[Tracked]:
    """201 where something new is tracked, 200 where all of it was tracked already. Readings begin
    with the next poll; the last 24 hours are filled in the background."""
    names = [metric_named(name).name for name in dict.fromkeys(data.metrics)]
    interval = _interval(data.every)
    before = {series.id for series in site.program.catalogue.series}
    series = await site.program.track(parse_market(data.market), names, interval=interval)
    created = any(one.id not in before for one in series)
    items = tuple(_tracked(one, created=one.id not in before) for one in series)
    return Response(
        Tracked(items=items, demo=site.program.demo),
        status_code=HTTP_201_CREATED if created else HTTP_200_OK,
        headers={"location": items[0].href},
    )


@delete("/metrics/{id:str}", summary="Stop tracking a series", tags=["metrics"],
        responses=fails(403, 404, 409))  # fmt: skip
async def untrack(
    site: NamedDependency[Site],
    id: SeriesId,
) -> None:
    """Its history stays. What the configuration file defines is removed there (409)."""
    await site.program.untrack(site.program.catalogue.find(parse_series(id)))


def _interval(text: str | None) -> Interval | None:
    if text is None:
        return None
    try:
        return Interval(parse_span(text))
    except Invalid as exc:
        raise Invalid(str(exc), field="every", allowed=exc.allowed or "1s to 1h, as 1m") from exc


def _tracked(series: Series, *, created: bool) -> TrackedSeries:
    return TrackedSeries(
        id=series.id, name=series.name, slug=series.slug, href=f"/api/v1/metrics/{series.id}",
        interval=str(series.interval), origin=series.origin, created=created,
    )  # fmt: skip
