"""`/ranking/history`: how the ranks of some series moved, in columns.

Moments are those that are kept: every slot of the last hour, every quarter of an hour of the day
before it, every hour further back. More than MOMENTS_MAX of them are thinned evenly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from litestar import get
from litestar.di import NamedDependency, Provide
from litestar.params import QueryParameter
from msgspec import Meta, Struct

from sigmawatch.app.rank_keeping import RanksThen
from sigmawatch.app.web.asked import Every
from sigmawatch.app.web.boards import series_named
from sigmawatch.app.web.moments import parse_moment, rfc3339
from sigmawatch.app.web.problems import fails
from sigmawatch.app.web.ranking import interval_of
from sigmawatch.app.web.site import Site
from sigmawatch.domain.caller import Scope
from sigmawatch.domain.errors import Invalid
from sigmawatch.domain.metric import metric_named
from sigmawatch.domain.rank_column import Standing
from sigmawatch.domain.series import Series
from sigmawatch.domain.window import DAY_MS, format_span
from sigmawatch.engine.rank_history import standings_of
from sigmawatch.engine.snapshot import Board
from sigmawatch.engine.standings import DEVIATIONS

MOMENTS_MAX = 500
SERIES_MAX = 50


class RankedSeries(Struct, frozen=True, kw_only=True):
    """One series and its ranks."""

    id: Annotated[int, Meta(description="Stable for ever.", examples=[17])]
    name: Annotated[str, Meta(description="Public name.", examples=["KRAKEN:BTC/USD:price"])]
    slug: Annotated[str, Meta(description="For addresses.", examples=["KRAKEN:BTC-USD:price"])]
    ranks: Annotated[
        Sequence[int | None], Meta(description="One a moment; null without one.", examples=[[8, 7]])
    ]


class RankHistoryAnswer(Struct, frozen=True, kw_only=True):
    """Columns: the moments once, then the ranks of each series at them."""

    metric: Annotated[str, Meta(description="What was ranked.", examples=["price"])]
    by: Annotated[str, Meta(description="The key.", examples=["sigma_rel"])]
    window: Annotated[str, Meta(description="Its window.", examples=["24h"])]
    interval: Annotated[str, Meta(description="Width of a slot.", examples=["1m"])]
    slots: Annotated[
        Sequence[str],
        Meta(description="The moments: opens of closed slots, in order.",
             examples=[["2026-11-21T07:44:00.000Z", "2026-11-21T07:59:00.000Z"]]),
    ]  # fmt: skip
    of: Annotated[
        Sequence[int], Meta(description="How many were ranked at each.", examples=[[10, 10]])
    ]
    items: Annotated[Sequence[RankedSeries], Meta(description="As asked for, or the top.")]
    as_of: Annotated[
        str, Meta(description="When this was told.", examples=["2026-11-21T08:00:14.350Z"])
    ]
    demo: Annotated[bool, Meta(description="An invented market.", examples=[False])]


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedRankHistory:
    """Query of `/ranking/history`: the series of `ids`, or those that lead now."""

    metric: Annotated[str, QueryParameter(description="a metric's name", max_length=32)] = "price"
    by: Annotated[
        str,
        QueryParameter(description="a deviation, over the first configured window",
                       max_length=32, enum=list(DEVIATIONS)),
    ] = "sigma_rel"  # fmt: skip
    ids: Annotated[
        str | None,
        QueryParameter(description=f"1 to {SERIES_MAX} ids or names, by comma", max_length=8_000),
    ] = None
    top: Annotated[
        int, QueryParameter(description="or so many from the top", ge=1, le=SERIES_MAX)
    ] = 10
    from_: Annotated[
        str | None,
        QueryParameter(name="from", description="RFC 3339, milliseconds or -6h; a day before `to`",
                       max_length=40),
    ] = None  # fmt: skip
    to: Annotated[
        str, QueryParameter(description="RFC 3339, milliseconds or -6h", max_length=40)
    ] = "now"
    interval: Every = None


@get("/ranking/history", summary="How ranks moved", tags=["ranking"], responses=fails(422),
     dependencies={"asked": Provide(AskedRankHistory, sync_to_thread=False)},
     opt={"scope": Scope.READ_METRICS, "cost": "query"})  # fmt: skip
async def show_rank_history(
    site: NamedDependency[Site],
    asked: NamedDependency[AskedRankHistory],
) -> RankHistoryAnswer:
    """Ranks among everything tracked, as they were: every slot of the last hour, a quarter of an
    hour apart for a day, an hour apart before that."""
    metric, (from_ms, to_ms) = metric_named(asked.metric), _range(asked, now_ms=site.now_ms)
    snapshot, config = site.program.snapshot, site.program.config
    interval = interval_of(
        snapshot, asked.interval, metric=metric.name, configured=config.interval
    )  # fmt: skip
    standing = Standing(
        metric=metric.name, by=_key(asked), window_ms=config.windows_ms[0], interval=interval
    )  # fmt: skip
    named = None if asked.ids is None else _named(site, asked.ids, standing=standing)
    board = snapshot.boards.get(interval.ms)
    moments: Sequence[RanksThen] = ()
    series: Sequence[Series] = named or ()
    if board is not None and standing in standings_of(board):
        series = named if named is not None else _leading(board, standing, top=asked.top)
        moments = await site.program.ranks.between(
            board, standing, series=series, moments_max=MOMENTS_MAX,
            span=range(-(-from_ms // interval.ms), -(-to_ms // interval.ms)),
        )  # fmt: skip
    return RankHistoryAnswer(
        metric=metric.name, by=standing.by, window=format_span(standing.window_ms),
        interval=str(interval),
        slots=[rfc3339(interval.open_ms(one.slot)) for one in moments],
        of=[one.of for one in moments],
        items=[
            RankedSeries(id=one.id, name=one.name, slug=one.slug,
                         ranks=[moment.ranks[place] or None for moment in moments])
            for place, one in enumerate(series)
        ],
        as_of=rfc3339(site.now_ms), demo=site.program.demo,
    )  # fmt: skip


def _range(asked: AskedRankHistory, *, now_ms: int) -> tuple[int, int]:
    to_ms = parse_moment(asked.to, now_ms=now_ms, field="to")
    if asked.from_ is None:
        return to_ms - DAY_MS, to_ms
    from_ms = parse_moment(asked.from_, now_ms=now_ms, field="from")
    if from_ms >= to_ms:
        raise Invalid("`from` is not before `to`", field="from", allowed="an earlier moment")
    return from_ms, to_ms


def _key(asked: AskedRankHistory) -> str:
    if asked.by not in DEVIATIONS:
        raise Invalid(f"no history is kept of {asked.by[:40]!r}", field="by",
                      allowed=", ".join(DEVIATIONS))  # fmt: skip
    return asked.by


def _named(site: Site, ids: str, *, standing: Standing) -> Sequence[Series]:
    found = series_named(site, ids, count_max=SERIES_MAX)
    for one in found:
        if (one.metric, one.interval) != (standing.metric, standing.interval):
            raise Invalid(
                f"{one.slug} is not ranked by {standing.metric} at {standing.interval}",
                field="ids", allowed=f"series of {standing.metric}, or another `metric`",
            )  # fmt: skip
    return found


def _leading(board: Board, standing: Standing, *, top: int) -> Sequence[Series]:
    ranking = board.ranking(standing.metric, standing.by, window_ms=standing.window_ms)
    return [board.series[row] for row in ranking.order[:top].tolist()]
