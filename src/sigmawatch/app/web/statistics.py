"""`/metrics/{id}/statistics`: one series over a window of any length, exactly.

Windows of up to 24 hours stand, with ranks, at `/metrics/{id}`; here there are days and years, of
one series, without a rank. Every statistic is that of the single slots (app.past).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from litestar import get
from litestar.di import NamedDependency, Provide
from litestar.params import QueryParameter
from msgspec import Meta, Struct

from sigmawatch.app.web.asked import SeriesId
from sigmawatch.app.web.boards import newest_slot
from sigmawatch.app.web.moments import rfc3339
from sigmawatch.app.web.problems import fails
from sigmawatch.app.web.site import Site
from sigmawatch.domain.caller import Scope
from sigmawatch.domain.errors import Invalid
from sigmawatch.domain.series import Series, parse_series
from sigmawatch.domain.window import DAY_MS, format_span, parse_span

WINDOW_MAX_MS = 3_660 * DAY_MS
_Number = float | None


class LongStatistics(Struct, frozen=True, kw_only=True):
    """Statistics of one series over one window; null where unknown."""

    id: Annotated[int, Meta(description="The series.", examples=[17])]
    name: Annotated[str, Meta(description="Its name.", examples=["KRAKEN:BTC/USD:price"])]
    unit: Annotated[str, Meta(description="What it counts.", examples=["quote_per_base"])]
    window: Annotated[str, Meta(description="What was asked for.", examples=["7d"])]
    begin: Annotated[
        str,
        Meta(
            description="First moment; later than asked for where only whole runs are known.",
            examples=["2026-11-14T08:12:00.000Z"],
        ),
    ]
    end: Annotated[str, Meta(description="End.", examples=["2026-11-21T08:12:00.000Z"])]
    n: Annotated[int, Meta(description="Values.", examples=[10_051])]
    expected: Annotated[int, Meta(description="Slots.", examples=[10_080])]
    coverage: Annotated[float, Meta(description="n / expected.", examples=[0.997])]
    mean: Annotated[_Number, Meta(description="Mean.", examples=[67_012.4])]
    sigma_abs: Annotated[_Number, Meta(description="Deviation, in the unit.", examples=[512.7])]
    sigma_rel: Annotated[_Number, Meta(description="sigma_abs / |mean|.", examples=[0.00765])]
    sigma_ret: Annotated[
        _Number,
        Meta(description="Of log returns, times the root of the slots.", examples=[0.0412]),
    ]
    minimum: Annotated[_Number, Meta(description="Least.", examples=[65_801.0])]
    maximum: Annotated[_Number, Meta(description="Greatest.", examples=[68_420.5])]
    change_pct: Annotated[_Number, Meta(description="From before to the end.", examples=[-1.84])]
    coarse: Annotated[bool, Meta(description="Some values are wider candles.", examples=[False])]
    sign_change: Annotated[bool, Meta(description="Values of both signs.", examples=[False])]
    seam: Annotated[
        bool, Meta(description="Another source of a fail-over begins in it.", examples=[False])
    ]
    ddof: Annotated[int, Meta(description="Population deviation.", examples=[0])] = 0
    demo: Annotated[bool, Meta(description="An invented market.", examples=[False])] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedStatistics:
    """Query of `/metrics/{id}/statistics`."""

    window: Annotated[
        str, QueryParameter(description="a span of days or hours, as 7d or 30d", max_length=10)
    ] = "7d"


@get("/metrics/{id:str}/statistics", summary="A series over a long window", tags=["metrics"],
     responses=fails(404, 422),
     dependencies={"asked": Provide(AskedStatistics, sync_to_thread=False)},
     opt={"scope": Scope.READ_METRICS, "cost": "query"})  # fmt: skip
async def show_statistics(
    site: NamedDependency[Site], id: SeriesId, asked: NamedDependency[AskedStatistics]
) -> LongStatistics:
    """Over the closed slots of the last 7 days, or any other window; not ranked."""
    series = site.program.catalogue.find(parse_series(id))
    slots = slots_asked(series, asked.window)
    closed = newest_slot(site.snapshot(), series.interval)
    stop = series.interval.slot(site.now_ms) if closed is None else closed + 1
    found = await site.program.past.statistics(series, from_slot=stop - slots, to_slot=stop)
    told, interval = found.summary, series.interval
    return LongStatistics(
        id=series.id, name=series.name, unit=series.kind.unit,
        window=format_span(slots * interval.ms),
        begin=rfc3339(interval.open_ms(found.from_slot)),
        end=rfc3339(interval.open_ms(found.to_slot)),
        n=told.n, expected=told.expected, coverage=told.coverage, mean=told.mean,
        sigma_abs=told.sigma_abs, sigma_rel=told.sigma_rel, sigma_ret=told.sigma_ret,
        minimum=told.minimum, maximum=told.maximum, change_pct=found.change_pct,
        coarse=told.coarse, sign_change=told.sign_change, seam=told.seam,
        demo=site.program.demo,
    )  # fmt: skip


def slots_asked(series: Series, text: str) -> int:
    """How many slots a window has. Raises Invalid."""
    allowed = f"a multiple of {series.interval} up to {WINDOW_MAX_MS // DAY_MS}d"
    try:
        window_ms = parse_span(text)
    except Invalid as exc:
        raise Invalid(str(exc), field="window", allowed=allowed) from exc
    if not series.interval.ms <= window_ms <= WINDOW_MAX_MS or window_ms % series.interval.ms:
        raise Invalid(f"no window of {text}", field="window", allowed=allowed)
    return window_ms // series.interval.ms
