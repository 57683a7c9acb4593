"""`/patterns`: markets that are tracked because a pattern names them, those to come included."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from litestar import Request, Response, delete, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody, PathParameter
from litestar.status_codes import HTTP_200_OK, HTTP_201_CREATED
from msgspec import Meta, Struct

from sigmawatch.app.web.moments import moment_or_none
from sigmawatch.app.web.problems import fails, stood
from sigmawatch.app.web.site import Site, tagged
from sigmawatch.app.web.tracking import METRICS_MAX, interval_asked
from sigmawatch.app.web.venues import known_venue
from sigmawatch.domain.audit import Actor
from sigmawatch.domain.caller import Scope
from sigmawatch.domain.following import (
    ALLOWED,
    PATTERN_METRICS,
    Following,
    parse_market_pattern,
)
from sigmawatch.domain.metric import metric_named

PatternId = Annotated[str, PathParameter(description="a pattern's id", max_length=32)]


class FollowBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A pattern to follow, and what to measure of its markets."""

    pattern: Annotated[
        Annotated[str, Meta(min_length=1, max_length=200)],
        Meta(description=ALLOWED, examples=["kraken:*/EUR top 50 by volume_24h_quote"]),
    ]
    metrics: Annotated[
        Sequence[str],
        Meta(description=f"1 to {METRICS_MAX} names of metrics", examples=[list(PATTERN_METRICS)],
             min_length=1, max_length=METRICS_MAX),
    ] = PATTERN_METRICS  # fmt: skip
    every: Annotated[
        Annotated[str, Meta(max_length=10)] | None,
        Meta(
            description="the interval, as 1m; the venue's own, else the configured one, for null",
            examples=["1m"],
        ),
    ] = None


class ShownPattern(Struct, frozen=True, kw_only=True):
    """A pattern that is followed, and the markets that belong to it now."""

    id: Annotated[str, Meta(description="Follows from its text.", examples=["9f2c4e1a7b30"])]
    pattern: Annotated[
        str, Meta(description="What is followed.",
                  examples=["KRAKEN:*/EUR top 50 by volume_24h_quote"])
    ]  # fmt: skip
    venue: Annotated[str, Meta(description="Where.", examples=["KRAKEN"])]
    metrics: Annotated[
        Sequence[str], Meta(description="What is measured.", examples=[list(PATTERN_METRICS)])
    ]
    interval: Annotated[str, Meta(description="Width of its slots.", examples=["1m"])]
    origin: Annotated[
        str, Meta(description="file: managed by the configuration; or api.", examples=["api"])
    ]
    markets: Annotated[
        Sequence[str],
        Meta(description="Who belongs to it, by name.", examples=[["KRAKEN:BTC/EUR"]]),
    ]
    chosen_at: Annotated[
        str | None,
        Meta(description="When that was chosen; it is hourly.",
             examples=["2026-11-21T08:00:00.000Z"]),
    ]  # fmt: skip
    demo: Annotated[bool, Meta(description="An invented market.", examples=[False])]


class Patterns(Struct, frozen=True, kw_only=True):
    """Every pattern that is followed."""

    items: Annotated[Sequence[ShownPattern], Meta(description="By their text.")]
    demo: Annotated[bool, Meta(description="An invented market.", examples=[False])]


@get("/patterns", summary="Patterns that are followed", tags=["metrics"], responses=fails(),
     opt={"scope": Scope.READ_METRICS})  # fmt: skip
async def list_patterns(
    request: Request[Any, Any, Any], site: NamedDependency[Site]
) -> Response[Patterns]:
    """What belongs to a pattern is chosen anew every hour: a market that is newly listed joins, one
    that is delisted leaves. Of a `top N` a market leaves below place 1.2 N."""
    items = [_shown(site, one) for one in site.program.patterns.all]
    return tagged(request, Patterns(items=items, demo=site.program.demo))


@get("/patterns/{id:str}", summary="One pattern", tags=["metrics"], responses=fails(404),
     opt={"scope": Scope.READ_METRICS})  # fmt: skip
async def show_pattern(
    request: Request[Any, Any, Any], site: NamedDependency[Site], id: PatternId
) -> Response[ShownPattern]:
    """A pattern by its id."""
    return tagged(request, _shown(site, site.program.patterns.find(id)))


@post("/patterns", summary="Follow a pattern", tags=["metrics"],
      responses=fails(403, 404, 409, 413, 415, 422, 503) | stood(ShownPattern),
      opt={"scope": Scope.WRITE_RULES})  # fmt: skip
async def follow_pattern(
    site: NamedDependency[Site], actor: NamedDependency[Actor], data: JSONBody[FollowBody]
) -> Response[ShownPattern]:
    """201 where it is new, 200 where it is followed already: then with these metrics. Refused with
    the reason where it names no market, or more than can be tracked. What the configuration defines
    is changed there (409)."""
    pattern = parse_market_pattern(data.pattern)
    config, venue = site.program.config, known_venue(site, pattern.venue)
    wanted = Following(
        pattern=pattern,
        metrics=tuple(dict.fromkeys(metric_named(name).name for name in data.metrics)),
        interval=interval_asked(data.every) or config.venue(venue).every or config.interval,
    )
    made, new = await site.program.patterns.add(wanted, by=actor)
    return Response(
        _shown(site, made),
        status_code=HTTP_201_CREATED if new else HTTP_200_OK,
        headers={"location": f"/api/v1/patterns/{made.id}"},
    )


@delete("/patterns/{id:str}", summary="Follow a pattern no longer", tags=["metrics"],
        responses=fails(403, 404, 409), opt={"scope": Scope.WRITE_RULES})  # fmt: skip
async def drop_pattern(
    site: NamedDependency[Site], actor: NamedDependency[Actor], id: PatternId
) -> None:
    """What was tracked for it alone is tracked no longer; its history stays. What is named
    elsewhere too, by its name or by another pattern, stays tracked. What the configuration defines
    is removed there (409)."""
    await site.program.patterns.remove(id, by=actor)


def _shown(site: Site, one: Following) -> ShownPattern:
    return ShownPattern(
        id=one.id, pattern=str(one.pattern), venue=one.pattern.venue, metrics=one.metrics,
        interval=str(one.interval), origin=one.origin,
        markets=[market.name for market in site.program.patterns.markets(one)],
        chosen_at=moment_or_none(one.chosen_ms), demo=site.program.demo,
    )  # fmt: skip
