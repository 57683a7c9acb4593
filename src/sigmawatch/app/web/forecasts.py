"""`/metrics/forecast`: what tracking more of a market would cost, before anybody does it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from litestar import post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from litestar.status_codes import HTTP_200_OK
from msgspec import Meta, Struct

from sigmawatch.app.forecast import Forecast
from sigmawatch.app.load import Addition, addition, track_of
from sigmawatch.app.web.problems import fails
from sigmawatch.app.web.site import Site
from sigmawatch.app.web.tracking import TrackBody, interval_asked
from sigmawatch.domain.caller import Scope
from sigmawatch.domain.errors import Invalid
from sigmawatch.domain.market import parse_market
from sigmawatch.domain.metric import metric_named


class LoadForecast(Struct, frozen=True, kw_only=True):
    """What it would cost; estimates, as those of `sigmawatch check`."""

    market: Annotated[str, Meta(description="Of which market.", examples=["KRAKEN:SOL/EUR"])]
    interval: Annotated[str, Meta(description="Width of its slots.", examples=["1m"])]
    new_count: Annotated[int, Meta(description="Series not tracked yet.", examples=[1])]
    budget_pct: Annotated[
        float, Meta(description="Of the venue's request budget, then.", examples=[12.5])
    ]
    budget_pct_before: Annotated[float, Meta(description="And now.", examples=[12.4])]
    backfill_s: Annotated[
        float, Meta(description="To fill in its last day, where nothing else is.", examples=[4.0])
    ]
    memory_bytes: Annotated[int, Meta(description="More memory.", examples=[23_040])]
    disk_bytes_per_day: Annotated[int, Meta(description="More on disk.", examples=[14_400])]
    problems: Annotated[
        Sequence[str],
        Meta(description="What cannot work, or will not any more.", examples=[[]]),
    ]


@post("/metrics/forecast", summary="What tracking a market would cost", tags=["metrics"],
      status_code=HTTP_200_OK, responses=fails(403, 404, 413, 415, 422, 503),
      opt={"scope": Scope.READ_METRICS, "cost": "query"})  # fmt: skip
async def forecast_track(site: NamedDependency[Site], data: JSONBody[TrackBody]) -> LoadForecast:
    """Nothing is tracked by it. A formula asks no venue for anything, so it has no forecast."""
    if data.market is None or data.name is not None or data.formula is not None:
        raise Invalid("only a market has a forecast", field="market", allowed="VENUE:BASE/QUOTE")
    program = site.program
    market = await program.stations.market(parse_market(data.market))
    names = [metric_named(name).name for name in dict.fromkeys(data.metrics)]
    every = interval_asked(data.every) or program.config.interval
    found = addition(
        program.config, program.catalogue.series, more=track_of(market, names, every=every),
        traits=program.stations.traits,
    )  # fmt: skip
    return LoadForecast(
        market=market.name, interval=str(every), new_count=found.new_count,
        budget_pct=_pct(found.venue.used_ratio), budget_pct_before=_pct(_used_before(found)),
        backfill_s=round(found.backfill_s, 1) if found.new_count else 0.0,
        memory_bytes=found.after.memory_bytes - found.before.memory_bytes,
        disk_bytes_per_day=found.after.disk_bytes_per_day - found.before.disk_bytes_per_day,
        problems=_worse(found),
    )  # fmt: skip


def _pct(ratio: float) -> float:
    return round(100.0 * ratio, 1)


def _used_before(found: Addition) -> float:
    same = (one for one in found.before.venues if one.venue == found.venue.venue)
    return next((one.used_ratio for one in same), 0.0)


def _worse(found: Addition) -> Sequence[str]:
    """What the addition brings; not what is so already."""
    known = set(_told(found.before))
    return [text for text in dict.fromkeys(_told(found.after)) if text not in known]


def _told(one: Forecast) -> Sequence[str]:
    return [problem.rule for problem in (*one.problems, *one.warnings)]
