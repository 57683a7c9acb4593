"""`/metrics/forecast`: what tracking more markets would cost, before anybody does it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from litestar import post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from litestar.status_codes import HTTP_200_OK
from msgspec import Meta, Struct

from sigmawatch.app.forecast import Forecast
from sigmawatch.app.load import Addition, addition, tracks_of
from sigmawatch.app.web.problems import fails
from sigmawatch.app.web.site import Site
from sigmawatch.app.web.tracking import (
    Every,
    MetricNames,
    OwnIntervals,
    interval_asked,
    intervals_asked,
)
from sigmawatch.domain.caller import Scope
from sigmawatch.domain.errors import Invalid
from sigmawatch.domain.market import Market, parse_market
from sigmawatch.domain.metric import metric_named

MARKETS_MAX = 5_000


class ForecastBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What would be tracked: metrics of a market, or of several of one venue."""

    market: Annotated[
        Annotated[str, Meta(min_length=1, max_length=200)] | None,
        Meta(description="VENUE:BASE/QUOTE, or a pair that one venue lists",
             examples=["KRAKEN:SOL/EUR"]),
    ] = None  # fmt: skip
    markets: Annotated[
        Sequence[Annotated[str, Meta(min_length=1, max_length=200)]],
        Meta(description=f"the same for up to {MARKETS_MAX:,} markets of one venue", examples=[[]],
             max_length=MARKETS_MAX),
    ] = ()  # fmt: skip
    metrics: MetricNames = ("price",)
    every: Every = None
    intervals: OwnIntervals = {}


class LoadForecast(Struct, frozen=True, kw_only=True):
    """What it would cost; estimates, as those of `sigmawatch check`."""

    market: Annotated[
        str, Meta(description="Of which market; the first of several.", examples=["KRAKEN:SOL/EUR"])
    ]
    markets_count: Annotated[int, Meta(description="Of how many markets.", examples=[1])]
    venue: Annotated[str, Meta(description="Where.", examples=["KRAKEN"])]
    interval: Annotated[
        str, Meta(description="Width of their slots; of several the shortest.", examples=["1m"])
    ]
    new_count: Annotated[int, Meta(description="Series not tracked yet.", examples=[1])]
    requests_per_minute: Annotated[
        float, Meta(description="Calls to the venue a minute, then.", examples=[8.0])
    ]
    requests_per_minute_before: Annotated[float, Meta(description="And now.", examples=[7.0])]
    used_per_minute: Annotated[
        float, Meta(description="What that is in the unit of its budget.", examples=[8.0])
    ]
    budget_per_minute: Annotated[
        float, Meta(description="How much of that may be used.", examples=[60.0])
    ]
    budget_unit: Annotated[
        str, Meta(description="What the venue counts: requests, or weight.", examples=["requests"])
    ]
    budget_pct: Annotated[
        float, Meta(description="Of the venue's request budget, then.", examples=[12.5])
    ]
    budget_pct_before: Annotated[float, Meta(description="And now.", examples=[12.4])]
    flow_markets_count: Annotated[
        int, Meta(description="Markets there whose traded volumes are wanted.", examples=[7])
    ]
    flow_markets_max: Annotated[
        int, Meta(description="Of them those that half the budget pays for.", examples=[7])
    ]
    backfill_requests: Annotated[
        int, Meta(description="Calls to fill in the last day of what is new.", examples=[2])
    ]
    backfill_s: Annotated[
        float, Meta(description="How long those take, beside everything else.", examples=[4.0])
    ]
    memory_bytes: Annotated[int, Meta(description="More memory.", examples=[23_040])]
    disk_bytes_per_day: Annotated[int, Meta(description="More on disk.", examples=[14_400])]
    problems: Annotated[
        Sequence[str],
        Meta(description="What cannot work, or will not any more.", examples=[[]]),
    ]


@post("/metrics/forecast", summary="What tracking markets would cost", tags=["metrics"],
      status_code=HTTP_200_OK, responses=fails(403, 404, 413, 415, 422, 503),
      opt={"scope": Scope.READ_METRICS, "cost": "query"})  # fmt: skip
async def forecast_track(site: NamedDependency[Site], data: JSONBody[ForecastBody]) -> LoadForecast:
    """Nothing is tracked by it. A formula asks no venue for anything, so it has no forecast."""
    markets = await _markets(site, data)
    program, venue = site.program, markets[0].venue
    widths = program.config.widths(
        venue, [metric_named(name).name for name in dict.fromkeys(data.metrics)],
        every=interval_asked(data.every), intervals=intervals_asked(data.intervals),
    )  # fmt: skip
    found = addition(
        program.config, program.catalogue.series, more=tracks_of(markets, widths),
        traits=program.stations.traits,
    )  # fmt: skip
    then, before = found.venue, found.venue_before
    return LoadForecast(
        market=markets[0].name, markets_count=len(markets), venue=venue, interval=str(min(widths)),
        new_count=found.new_count,
        requests_per_minute=round(then.requests_per_minute, 2),
        requests_per_minute_before=round(before.requests_per_minute, 2) if before else 0.0,
        used_per_minute=round(then.poll_per_minute + then.flow_per_minute, 2),
        budget_per_minute=then.budget_per_minute, budget_unit=then.budget_unit,
        budget_pct=_pct(then.used_ratio),
        budget_pct_before=_pct(before.used_ratio) if before else 0.0,
        flow_markets_count=then.flow_markets_count, flow_markets_max=then.flow_markets_max,
        backfill_requests=found.backfill_requests, backfill_s=round(found.backfill_s, 1),
        memory_bytes=found.after.memory_bytes - found.before.memory_bytes,
        disk_bytes_per_day=found.after.disk_bytes_per_day - found.before.disk_bytes_per_day,
        problems=_worse(found),
    )  # fmt: skip


async def _markets(site: Site, data: ForecastBody) -> Sequence[Market]:
    """The markets of the body. Raises Invalid, NotFound."""
    named = [*([data.market] if data.market else ()), *data.markets]
    if not named:
        raise Invalid("say of which market", field="market", allowed="VENUE:BASE/QUOTE")
    market = site.program.stations.market
    markets = [await market(parse_market(name)) for name in dict.fromkeys(named)]
    if len({one.venue for one in markets}) > 1:
        raise Invalid("a forecast is of one venue", field="markets", allowed="one call a venue")
    return markets


def _pct(ratio: float) -> float:
    return round(100.0 * ratio, 1)


def _worse(found: Addition) -> Sequence[str]:
    """What the addition brings; not what is so already."""
    known = set(_told(found.before))
    return [text for text in dict.fromkeys(_told(found.after)) if text not in known]


def _told(one: Forecast) -> Sequence[str]:
    return [problem.rule for problem in (*one.problems, *one.warnings)]
