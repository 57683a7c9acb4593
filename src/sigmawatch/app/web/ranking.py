"""`/ranking`: the whole table of one metric by one key; who is left out, and why.

Items come in one list: the ranked by rank, then the provisional in their own order, then the rest
by name, each with its reason. Walks are as those of `/metrics`: all pages show one snapshot.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from litestar import Request, Response, get
from litestar.di import NamedDependency, Provide
from litestar.params import QueryParameter
from msgspec import Meta, Struct

from sigmawatch.app.web.asked import AskedWalk, Every, Peers, RankKey
from sigmawatch.app.web.boards import check_visible, is_everybodys, parse_interval, peers_of
from sigmawatch.app.web.metrics import ETAG
from sigmawatch.app.web.moments import rfc3339
from sigmawatch.app.web.problems import fails
from sigmawatch.app.web.rows import DDOF, MetricRow, rows_of
from sigmawatch.app.web.site import Site
from sigmawatch.app.web.view import View
from sigmawatch.app.web.walk import Walk
from sigmawatch.domain.caller import Caller, Scope
from sigmawatch.domain.metric import Kind, Unit, metric_named
from sigmawatch.domain.window import Interval, format_span
from sigmawatch.engine.geometry import Rows
from sigmawatch.engine.ranking import Ranking, Why, rank
from sigmawatch.engine.snapshot import Board, Snapshot


class RankingPage(Struct, frozen=True, kw_only=True):
    """One page of a ranking."""

    metric: Annotated[str, Meta(description="What is ranked.", examples=["price"])]
    kind: Annotated[Kind, Meta(description="level or flow.", examples=["level"])]
    unit: Annotated[Unit, Meta(description="What it counts.", examples=["quote_per_base"])]
    by: Annotated[str, Meta(description="The key.", examples=["sigma_rel"])]
    window: Annotated[str, Meta(description="The window.", examples=["24h"])]
    interval: Annotated[str, Meta(description="Width of a slot.", examples=["1m"])]
    peers: Annotated[str | None, Meta(description="What narrowed the universe.", examples=[None])]
    direction: Annotated[str, Meta(description="Rank 1 is the largest.", examples=["descending"])]
    ddof: Annotated[int, Meta(description="Of every σ: 0, population.", examples=[0])]
    mixed_units: Annotated[
        bool,
        Meta(
            description="Amounts of several currencies: the order means little.", examples=[False]
        ),
    ]
    slot: Annotated[
        str | None,
        Meta(description="Newest closed slot; null before the first.",
             examples=["2026-11-21T07:59:00.000Z"]),
    ]  # fmt: skip
    of: Annotated[int, Meta(description="How many are ranked.", examples=[10])]
    provisional_of: Annotated[int, Meta(description="How many are provisional.", examples=[1])]
    excluded: Annotated[
        int, Meta(description="Left out: stale, frozen, suspect, delisted, paused.", examples=[0])
    ]
    total: Annotated[int, Meta(description="Peers, on all pages.", examples=[12])]
    items: Annotated[
        Sequence[MetricRow], Meta(description="Ranked, then provisional, then the rest.")
    ]
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
class AskedRanking(AskedWalk):
    """Query of `/ranking`. Without an interval: the configured one, where the metric is tracked."""

    metric: Annotated[str, QueryParameter(description="a metric's name", max_length=32)] = "price"
    by: RankKey = "sigma_rel"
    peers: Peers = None
    interval: Every = None


@get("/ranking", summary="All series of one metric in order", tags=["ranking"],
     responses=fails(410, 422), response_headers=[ETAG],
     dependencies={"asked": Provide(AskedRanking, sync_to_thread=False)},
     opt={"scope": Scope.READ_METRICS})  # fmt: skip
async def show_ranking(
    request: Request[Any, Any, Any],
    site: NamedDependency[Site],
    caller: NamedDependency[Caller],
    asked: NamedDependency[AskedRanking],
) -> Response[RankingPage]:
    """Ties share the better rank: 1, 2, 2, 4. Ranks are made once a slot for all readers."""
    metric = metric_named(asked.metric)
    check_visible(site, caller, peers=asked.peers)
    if is_everybodys(asked.peers):
        site.same_for_all(request, aged=True)
    walk = Walk(request, site, asked=asked, name="ranking")
    if (same := walk.unchanged()) is not None:
        return same
    interval = interval_of(walk.snapshot, asked.interval, metric=metric.name,
                           configured=site.program.config.interval)  # fmt: skip
    interval.slots(walk.window_ms)
    await walk.widen(interval)
    table = _table(
        walk.snapshot.boards.get(interval.ms), asked, window_ms=walk.window_ms, site=site
    )
    ranking = table.ranking
    return await walk.answer(RankingPage(
        metric=metric.name, kind=metric.kind, unit=metric.unit, by=asked.by,
        window=format_span(walk.window_ms), interval=str(interval), peers=asked.peers,
        direction="descending", ddof=DDOF, mixed_units=ranking.mixed_units, slot=table.slot,
        of=ranking.of, provisional_of=ranking.provisional_of, excluded=ranking.excluded,
        items=table.rows(walk.start, walk.stop, demo=site.program.demo),
        **walk.said(len(table.order)),
    ))  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class _Table:
    """A ranking with its rows in the order of the answer. view: None before the first slot."""

    view: View | None
    ranking: Ranking
    order: Rows

    @property
    def slot(self) -> str | None:
        if self.view is None:
            return None
        board = self.view.board
        return rfc3339(board.interval.open_ms(board.slot))

    def rows(self, start: int, stop: int, *, demo: bool) -> Sequence[MetricRow]:
        if self.view is None:
            return ()
        return tuple(rows_of(self.view, self.order[start:stop], demo=demo))


def interval_of(
    snapshot: Snapshot, text: str | None, *, metric: str, configured: Interval
) -> Interval:
    """The asked interval; else the configured one, or another at which the metric is tracked."""
    if text is not None:
        return parse_interval(text)
    boards = sorted(
        (board for board in snapshot.boards.values() if metric in board.layout.metrics),
        key=lambda board: (board.interval != configured, board.interval),
    )
    return boards[0].interval if boards else configured


def _table(board: Board | None, asked: AskedRanking, *, window_ms: int, site: Site) -> _Table:
    if board is None:
        nobody = rank(asked.by, np.zeros(0), rows=np.zeros(0, np.intp),
                      why=np.zeros(0, np.uint8), name_order=np.zeros(0, np.int32))  # fmt: skip
        return _Table(view=None, ranking=nobody, order=nobody.order)
    peers = peers_of(board, asked.peers, site=site)
    view = View(board, window_ms=window_ms, by=asked.by, peers=peers, now_ms=site.aged_ms)
    ranking = view.ranking(metric_named(asked.metric).name)
    unranked = ~np.isin(ranking.why, (Why.RANKED, Why.PROVISIONAL, Why.NOT_A_PEER))
    rest = np.flatnonzero(unranked)
    rest = rest[np.argsort(board.layout.name_order[rest])]
    order = np.concatenate([ranking.order, ranking.provisional_order, rest])
    return _Table(view=view, ranking=ranking, order=order)
