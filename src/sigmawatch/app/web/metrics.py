"""`/metrics`: the tracked series with their statistics; `/metrics/{id}`: one of them.

A walk through pages shows one snapshot: every series of it exactly once, in one order, with the
numbers of one slot, even when slots close between two pages. A walk left alone for five minutes,
or overtaken by many others, ends with 410 `cursor-expired`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any

import numpy as np
from litestar import Request, Response, get
from litestar.datastructures import ResponseHeader
from litestar.di import NamedDependency, Provide
from litestar.params import QueryParameter
from msgspec import Meta, Struct

from sigmawatch.app.web import classic
from sigmawatch.app.web.asked import (
    AskedWalk,
    Every,
    Peers,
    RankKey,
    SeriesId,
    Text,
    VenueName,
    Window,
)
from sigmawatch.app.web.boards import (
    check_visible,
    is_everybodys,
    parse_interval,
    parse_window,
    peers_of,
)
from sigmawatch.app.web.classic import (
    ClassicMetric,
    ClassicMetrics,
    ClassicRow,
    OneShape,
    Shape,
    classic_metric,
    classic_rows,
)
from sigmawatch.app.web.kept import keep_age
from sigmawatch.app.web.problems import fails
from sigmawatch.app.web.rows import Freshness, MetricRow, rows_of
from sigmawatch.app.web.site import Site, not_modified, unchanged
from sigmawatch.app.web.venues import tracked_venue
from sigmawatch.app.web.view import SORTABLE, View, ordered
from sigmawatch.app.web.walk import Walk
from sigmawatch.domain.caller import Caller, Scope
from sigmawatch.domain.errors import Unavailable
from sigmawatch.domain.market import asset
from sigmawatch.domain.metric import metric_named
from sigmawatch.domain.series import Series, parse_series
from sigmawatch.engine.geometry import Rows
from sigmawatch.engine.snapshot import Board

ETAG = ResponseHeader(name="etag", documentation_only=True, description="For If-None-Match")
SORT = "a column, - before it for descending: " + ", ".join(SORTABLE)
_STATES = {state: code for code, state in enumerate(Freshness)}


class MetricsPage(Struct, frozen=True, kw_only=True):
    """One page of series."""

    items: Annotated[Sequence[MetricRow], Meta(description="This page.")]
    total: Annotated[int, Meta(description="Series on all pages.", examples=[1])]
    next_cursor: Annotated[
        str | None, Meta(description="For the next page; null on the last.", examples=[None])
    ]
    sequence: Annotated[
        int, Meta(description="The snapshot; all pages of a walk have one.", examples=[4711])
    ]
    as_of: Annotated[
        str, Meta(description="When ages were taken.", examples=["2026-11-21T08:00:14.350Z"])
    ]
    demo: Annotated[bool, Meta(description="An invented market.", examples=[False])]


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedMetrics(AskedWalk):
    """Query of `/metrics`."""

    venue: VenueName = None
    quote: Annotated[str | None, QueryParameter(description="a quote currency", max_length=64)] = (
        None
    )
    metric: Annotated[str | None, QueryParameter(description="a metric's name", max_length=32)] = (
        None
    )
    watchlist: Annotated[
        str | None, QueryParameter(description="a watchlist's name", max_length=32)
    ] = None
    freshness: Annotated[
        Freshness | None, QueryParameter(name="state", description="a state of freshness")
    ] = None
    q: Text = None
    interval: Every = None
    by: RankKey = "sigma_rel"
    peers: Peers = None
    sort: Annotated[str, QueryParameter(description=SORT, max_length=40)] = "id"
    shape: Annotated[
        Shape | None,
        QueryParameter(description="as the predecessors told it: ranks by sigma_abs over 24 h"),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedMetric:
    """Query of `/metrics/{id}`."""

    by: RankKey = "sigma_rel"
    window: Window = "24h"
    peers: Peers = None
    shape: Annotated[
        OneShape | None,
        QueryParameter(description="as the predecessors told it: ranks by sigma_abs over 24 h"),
    ] = None


@get("/metrics", summary="Tracked series with their statistics", tags=["metrics"],
     responses=fails(410, 422), response_headers=[ETAG],
     dependencies={"asked": Provide(AskedMetrics, sync_to_thread=False)},
     opt={"scope": Scope.READ_METRICS})  # fmt: skip
async def list_metrics(
    request: Request[Any, Any, Any],
    site: NamedDependency[Site],
    caller: NamedDependency[Caller],
    asked: NamedDependency[AskedMetrics],
) -> Response[MetricsPage | ClassicMetrics | Sequence[ClassicRow]]:
    """Filter, sort by any column, page. Ranks are among all series of the same metric and
    interval, or among `peers`, whatever is filtered. All pages of a walk show one snapshot."""
    if asked.shape is not None:
        asked = replace(asked, by=classic.KEY, window=classic.WINDOW, peers=None)
    check_visible(site, caller, watchlist=asked.watchlist, peers=asked.peers)
    if asked.watchlist is None and is_everybodys(asked.peers):
        site.same_for_all(request, aged=True)
    walk = Walk(request, site, asked=asked, name="metrics")
    if (same := walk.unchanged()) is not None:
        return same
    interval = None if asked.interval is None else parse_interval(asked.interval)
    await walk.widen(interval)
    views = [
        View(board, window_ms=walk.window_ms, by=asked.by, now_ms=site.aged_ms,
             peers=peers_of(board, asked.peers, site=site))
        for _, board in sorted(walk.snapshot.boards.items())
        if interval in (None, board.interval)
    ]  # fmt: skip
    picks = [_picked(view.board, asked, site=site) for view in views]
    which, rows = ordered(views, picks, sort=asked.sort)
    page = slice(walk.start, walk.stop)
    places = list(zip(which[page].tolist(), rows[page].tolist(), strict=True))
    items = _rows(views, places, demo=site.program.demo)
    told = MetricsPage(items=items, **walk.said(len(rows)))
    if asked.shape is not None:
        return walk.answer_as(classic_rows(items, asked.shape), told)
    return await walk.answer(told)


def _picked(board: Board, asked: AskedMetrics, *, site: Site) -> Rows:
    """The rows that every filter lets through."""
    mask = np.ones(len(board.series), np.bool_)
    if asked.metric is not None:
        name = metric_named(asked.metric).name
        mask &= board.layout.metrics.get(name, np.bool_(False))
    if asked.freshness is not None:
        mask &= board.state == _STATES[asked.freshness]
    if asked.venue is not None:
        mask &= board.layout.labels.venue.where(tracked_venue(site, asked.venue).__eq__)
    if asked.quote is not None:
        mask &= board.layout.labels.quote.where(asset(asked.quote).__eq__)
    if asked.watchlist is not None:
        mask &= site.program.watchlists.on(board, asked.watchlist)
    if asked.q is not None:
        text = asked.q.upper()
        said = [_says(one, text) for one in board.series]
        mask &= np.array(said, np.bool_).reshape(len(said))
    return np.flatnonzero(mask)


def _says(series: Series, text: str) -> bool:
    return text in series.name.upper() or text in series.market.native.upper()


def _rows(
    views: Sequence[View], order: Sequence[tuple[int, int]], *, demo: bool
) -> Sequence[MetricRow]:
    """The rows of one page, made view by view, in the page's order."""
    made: dict[tuple[int, int], MetricRow] = {}
    for number, view in enumerate(views):
        mine = [row for which, row in order if which == number]
        rows = rows_of(view, np.array(mine, np.intp), demo=demo)
        made.update(((number, row), one) for row, one in zip(mine, rows, strict=True))
    return [made[place] for place in order]


@get("/metrics/{id:str}", summary="One series", tags=["metrics"], responses=fails(404, 422, 503),
     response_headers=[ETAG],
     dependencies={"asked": Provide(AskedMetric, sync_to_thread=False)},
     opt={"scope": Scope.READ_METRICS})  # fmt: skip
async def show_metric(
    request: Request[Any, Any, Any],
    site: NamedDependency[Site],
    caller: NamedDependency[Caller],
    id: SeriesId,
    asked: NamedDependency[AskedMetric],
) -> Response[MetricRow | ClassicMetric]:
    """Value, freshness, three σ, and the rank by any key over any window among any peers."""
    if asked.shape is not None:
        asked = AskedMetric(by=classic.KEY, window=classic.WINDOW, shape=asked.shape)
    check_visible(site, caller, peers=asked.peers)
    if asked.shape is None and is_everybodys(asked.peers):
        site.same_for_all(request, aged=True)
    series = site.program.catalogue.find(parse_series(id))
    snapshot = site.snapshot()
    tag = site.tag(snapshot)
    if unchanged(request, tag):
        return not_modified(tag)
    window_ms = parse_window(asked.window)
    snapshot = await site.windowed(snapshot, window_ms, interval=series.interval)
    found = snapshot.find(series.id)
    if found is None:
        raise Unavailable(f"no slot of {series.slug} has closed yet", retry_after_s=1)
    board, row = found
    peers = peers_of(board, asked.peers, site=site)
    view = View(board, window_ms=window_ms, by=asked.by, peers=peers, now_ms=site.aged_ms)
    if (since_ms := int(board.changed_ms[row])) > 0:
        keep_age(request.scope, since_ms)
    (shown,) = rows_of(view, np.array([row]), demo=site.program.demo)
    told = shown if asked.shape is None else await classic_metric(site, series, row=shown)
    return Response(told, headers={"etag": site.tag(snapshot)})
