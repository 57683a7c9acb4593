"""`POST /metrics` and `DELETE /metrics/{id}`: track and stop tracking while running."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

from litestar import Response, delete, post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from litestar.status_codes import HTTP_200_OK, HTTP_201_CREATED
from msgspec import Meta, Struct

from sigmawatch.app import fail_over
from sigmawatch.app.definitions import Definition
from sigmawatch.app.interval_config import of_sources
from sigmawatch.app.web.asked import SeriesId
from sigmawatch.app.web.problems import fails, stood
from sigmawatch.app.web.site import Site
from sigmawatch.domain.audit import Actor
from sigmawatch.domain.caller import Scope
from sigmawatch.domain.errors import ExpressionInvalid, Invalid
from sigmawatch.domain.fail_over import SOURCES_MAX
from sigmawatch.domain.following import is_pattern
from sigmawatch.domain.market import parse_market
from sigmawatch.domain.metric import FORMULA, metric_named
from sigmawatch.domain.series import Series, parse_series
from sigmawatch.domain.window import Interval, parse_span

METRICS_MAX = 20
FORMULA_CHARS_MAX = 2_000


MetricNames = Annotated[
    Sequence[str],
    Meta(description=f"1 to {METRICS_MAX} names of metrics", examples=[["price"]],
         min_length=1, max_length=METRICS_MAX),
]  # fmt: skip
Every = Annotated[
    Annotated[str, Meta(max_length=10)] | None,
    Meta(description="the interval, as 1m; the configured one for null", examples=["1m"]),
]
OwnIntervals = Annotated[
    Mapping[str, str],
    Meta(description="of a market, those of single metrics, where they differ",
         examples=[{"volume_24h_quote": "5m"}]),
]  # fmt: skip


class TrackBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to track: metrics of a market, or a formula by its name."""

    market: Annotated[
        Annotated[str, Meta(min_length=1, max_length=200)] | None,
        Meta(description="VENUE:BASE/QUOTE, or a pair that one venue lists",
             examples=["KRAKEN:SOL/EUR"]),
    ] = None  # fmt: skip
    name: Annotated[
        Annotated[str, Meta(min_length=1, max_length=200)] | None,
        Meta(description="what to call a formula, as GOLD/BTC", examples=[None]),
    ] = None
    formula: Annotated[
        Annotated[str, Meta(min_length=1, max_length=FORMULA_CHARS_MAX)] | None,
        Meta(description="what to compute, as KRAKEN:XAU/USD / KRAKEN:BTC/USD", examples=[None]),
    ] = None
    backups: Annotated[
        Annotated[
            Sequence[Annotated[str, Meta(min_length=1, max_length=200)]],
            Meta(min_length=1, max_length=SOURCES_MAX - 1),
        ]
        | None,
        Meta(description="markets of the same pair to be shown from while `market` is not read, "
             "the first choice first; they are tracked too", examples=[None]),
    ] = None  # fmt: skip
    metric: Annotated[
        Annotated[str, Meta(max_length=32)],
        Meta(description="what a formula's numbers are", examples=[FORMULA]),
    ] = FORMULA
    metrics: MetricNames = ("price",)
    every: Every = None
    intervals: OwnIntervals = {}


class TrackedSeries(Struct, frozen=True, kw_only=True):
    """A series that is tracked from now on."""

    id: Annotated[int, Meta(description="Stable for ever.", examples=[17])]
    name: Annotated[str, Meta(description="Its name.", examples=["KRAKEN:SOL/EUR:price"])]
    slug: Annotated[str, Meta(description="For addresses.", examples=["KRAKEN:SOL-EUR:price"])]
    href: Annotated[str, Meta(description="Where it is.", examples=["/api/v1/metrics/17"])]
    interval: Annotated[str, Meta(description="Width of its slots.", examples=["1m"])]
    origin: Annotated[str, Meta(description="file, api, pattern or push.", examples=["api"])]
    formula: Annotated[str | None, Meta(description="What it is computed by.", examples=[None])]
    created: Annotated[bool, Meta(description="It was not tracked before.", examples=[True])]


class Tracked(Struct, frozen=True, kw_only=True):
    """What is tracked from now on."""

    items: Annotated[Sequence[TrackedSeries], Meta(description="In the order asked for.")]
    demo: Annotated[bool, Meta(description="An invented market.", examples=[False])]


@post("/metrics", summary="Track metrics of a market, or a formula", tags=["metrics"],
      responses=fails(403, 409, 413, 415, 422, 503) | stood(Tracked),
      opt={"scope": Scope.WRITE_RULES})  # fmt: skip
async def track(
    site: NamedDependency[Site], actor: NamedDependency[Actor], data: JSONBody[TrackBody]
) -> Response[Tracked]:
    """201 where something new is tracked, 200 where all of it was tracked already. Readings begin
    with the next poll; the last 24 hours are filled in the background. A `_ref` metric brings the
    metric it is computed from; a formula is refused while what it reads is not tracked. With
    `backups` the market, these and their fail-over are tracked: the answer lists the fail-over."""
    before = {series.id for series in site.program.catalogue.series}
    series = await _begun(site, data)
    created = any(one.id not in before for one in series)
    items = tuple(_tracked(one, created=one.id not in before) for one in series)
    if created:
        names = ", ".join(one.name for one in items if one.created)
        await site.access.auditing.note(actor.did("metric.track", names))
    return Response(
        Tracked(items=items, demo=site.program.demo),
        status_code=HTTP_201_CREATED if created else HTTP_200_OK,
        headers={"location": items[0].href},
    )


async def _begun(site: Site, data: TrackBody) -> Sequence[Series]:
    """Track what the body says."""
    interval = interval_asked(data.every)
    if data.market is not None and data.name is None and data.formula is None:
        if is_pattern(data.market):
            raise Invalid("a pattern is followed, not tracked", field="market",
                          allowed="POST /api/v1/patterns")  # fmt: skip
        names = [metric_named(name).name for name in dict.fromkeys(data.metrics)]
        if data.backups is not None:
            markets = [data.market, *data.backups]
            return await fail_over.begin(site.program, markets, metrics=names, interval=interval)
        return await site.program.track(
            parse_market(data.market), names,
            interval=interval, intervals=intervals_asked(data.intervals),
        )  # fmt: skip
    if data.backups is not None:
        raise Invalid("backups are of a market", field="backups", allowed="none with a formula")
    if data.market is not None or data.name is None or data.formula is None or data.intervals:
        raise Invalid("say either a market, or a name and a formula", field="market",
                      allowed="market: VENUE:BASE/QUOTE; or name and formula")  # fmt: skip
    try:
        definition = Definition.of(
            data.name, site.program.names.spelled(data.formula), metric=data.metric,
            interval=interval or site.program.config.interval,
        )  # fmt: skip
    except ExpressionInvalid as exc:
        raise Invalid(str(exc), field="formula", allowed=exc.allowed) from exc
    return [await site.program.define(definition)]


@delete("/metrics/{id:str}", summary="Stop tracking a series", tags=["metrics"],
        responses=fails(403, 404, 409), opt={"scope": Scope.WRITE_RULES})  # fmt: skip
async def untrack(
    site: NamedDependency[Site],
    actor: NamedDependency[Actor],
    id: SeriesId,
) -> None:
    """Its history stays. What the configuration file defines is removed there, what a pattern
    brought goes with the pattern, and what others are computed from goes after those (409). What a
    pattern names as well stays tracked, for the pattern alone."""
    series = site.program.catalogue.find(parse_series(id))
    await site.program.untrack(series)
    await site.access.auditing.note(actor.did("metric.untrack", series.name))


def interval_asked(text: str | None) -> Interval | None:
    """What a body's `every` says. Raises Invalid."""
    if text is None:
        return None
    try:
        return Interval(parse_span(text))
    except Invalid as exc:
        raise Invalid(str(exc), field="every", allowed=exc.allowed or "1s to 1h, as 1m") from exc


def intervals_asked(told: Mapping[str, str]) -> Mapping[str, Interval]:
    """What a body's `intervals` say, by metric. Raises Invalid."""
    found: dict[str, Interval] = {}
    for name, text in told.items():
        try:
            found[metric_named(name).name] = Interval(parse_span(text))
        except Invalid as exc:
            raise Invalid(str(exc), field="intervals", allowed=exc.allowed or "as 5m") from exc
    return of_sources(found)


def _tracked(series: Series, *, created: bool) -> TrackedSeries:
    return TrackedSeries(
        id=series.id, name=series.name, slug=series.slug, href=f"/api/v1/metrics/{series.id}",
        interval=str(series.interval), origin=series.origin, formula=series.formula,
        created=created,
    )  # fmt: skip
