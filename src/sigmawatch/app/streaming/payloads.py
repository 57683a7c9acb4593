"""What the events of a stream and the snapshot say, field by field. Times are RFC 3339."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from msgspec import Meta, Struct

from sigmawatch.domain.alert import Severity
from sigmawatch.domain.venue import VenueState

Numbers = Sequence[float | None]
Ranks = Sequence[int | None]


class VenueEvent(Struct, frozen=True, kw_only=True):
    """`venue`: the state of a venue has changed."""

    venue: Annotated[str, Meta(description="Its name.", examples=["KRAKEN"])]
    state: Annotated[VenueState, Meta(description="What it is for us now.", examples=["up"])]
    since: Annotated[
        str, Meta(description="In this state since.", examples=["2026-11-21T08:00:00.000Z"])
    ]
    detail: Annotated[str, Meta(description="Why, in one line.", examples=[""])]
    success_at: Annotated[
        str | None,
        Meta(description="Last answer that held data.", examples=["2026-11-21T08:01:01.250Z"]),
    ]
    skew_ms: Annotated[
        int | None, Meta(description="How far its clock is ahead of ours.", examples=[-120])
    ]


class EpisodeEvent(Struct, frozen=True, kw_only=True):
    """`episode`: one was opened, reopened or closed. `/episodes/{id}` says all of it."""

    id: Annotated[str, Meta(description="Its id.", examples=["4-17-1795248000000"])]
    rule: Annotated[str, Meta(description="The rule's name.", examples=["hot"])]
    severity: Annotated[Severity, Meta(description="How much it matters.", examples=["warning"])]
    series_id: Annotated[int, Meta(description="The series' id.", examples=[17])]
    series: Annotated[
        str | None,
        Meta(description="Its name; null where it is tracked no more.",
             examples=["KRAKEN:BTC/USD:price"]),
    ]  # fmt: skip
    opened_at: Annotated[
        str, Meta(description="Open of its first slot.", examples=["2026-11-21T08:02:00.000Z"])
    ]
    closed_at: Annotated[
        str | None, Meta(description="Open of its last; null while it lasts.", examples=[None])
    ]
    reason: Annotated[str, Meta(description="Why it closed.", examples=[""])]
    reopened: Annotated[int, Meta(description="How often true again.", examples=[0])]


class Hello(Struct, frozen=True, kw_only=True):
    """`hello`: the first event, and the one after every `reset`: what is told from here on."""

    version: Annotated[str, Meta(description="Of the program.", examples=["0.1.0"])]
    ui: Annotated[
        str, Meta(description="The build of its page: a page of another one is to be loaded anew.",
                  examples=["5f0c1d2e3a4b5c6d"]),
    ]  # fmt: skip
    epoch: Annotated[
        str, Meta(description="Names this table; another one is another table.",
                  examples=["7f3a9c211"]),
    ]  # fmt: skip
    sequence: Annotated[
        int, Meta(description="The delta before the first that comes.", examples=[41])
    ]
    time: Annotated[str, Meta(description="Our clock.", examples=["2026-11-21T08:01:03.120Z"])]
    metric: Annotated[str, Meta(description="Of every row.", examples=["price"])]
    interval_ms: Annotated[int, Meta(description="Width of a slot.", examples=[60000])]
    pace_ms: Annotated[
        int, Meta(description="Between two slots, one delta in so long at most.", examples=[1000])
    ]
    rows: Annotated[int, Meta(description="Rows of this page.", examples=[5000])]
    page: Annotated[int, Meta(description="This page.", examples=[1])]
    pages: Annotated[int, Meta(description="How many there are.", examples=[1])]
    venues: Annotated[Sequence[VenueEvent], Meta(description="Every venue, as it is.")]
    demo: Annotated[bool, Meta(description="An invented market.", examples=[False])]


class Delta(Struct, frozen=True, kw_only=True):
    """`delta`: what differs from the one before, after rounding to seven significant digits."""

    sequence: Annotated[int, Meta(description="One more than the one before.", examples=[42])]
    time: Annotated[
        str, Meta(description="When it was made.", examples=["2026-11-21T08:01:01.350Z"])
    ]
    slot: Annotated[
        str | None,
        Meta(description="Newest closed slot.", examples=["2026-11-21T08:00:00.000Z"]),
    ]
    of: Annotated[int, Meta(description="How many are ranked.", examples=[10])]
    columns: Annotated[
        Mapping[str, tuple[Sequence[int], Sequence[Any]]],
        Meta(description="Column: rows of the snapshot, counted from 0, and what stands there now.",
             examples=[{"latest": [[0, 7], [67284.1, 3.25]], "rank": [[3], [2]]}]),
    ]  # fmt: skip


class Reset(Struct, frozen=True, kw_only=True):
    """`reset`: what was told cannot be gone on with: load the snapshot again."""

    reason: Annotated[str, Meta(description="Why.", examples=["other series are tracked now"])]


class Bye(Struct, frozen=True, kw_only=True):
    """`bye`: the last event."""

    reason: Annotated[str, Meta(description="Why.", examples=["the program ends"])]


class Columns(Struct, frozen=True, kw_only=True):
    """One entry a row in each; what is not known is null."""

    id: Annotated[Sequence[int], Meta(description="The series; ascending.", examples=[[17]])]
    venue: Annotated[Sequence[str], Meta(description="Where.", examples=[["KRAKEN"]])]
    pair: Annotated[Sequence[str], Meta(description="Base and quote.", examples=[["BTC/USD"]])]
    latest: Annotated[
        Numbers,
        Meta(description="The running slot's reading; without one the newest closed value.",
             examples=[[67290.0]]),
    ]  # fmt: skip
    open: Annotated[Numbers, Meta(description="A window ago.", examples=[[66070.0]])]
    high: Annotated[Numbers, Meta(description="Greatest.", examples=[[67901.5]])]
    low: Annotated[Numbers, Meta(description="Least.", examples=[[65800.0]])]
    change_pct: Annotated[Numbers, Meta(description="Over the window.", examples=[[1.84]])]
    surge: Annotated[
        Numbers, Meta(description="Value / mean of the hour before.", examples=[[1.002]])
    ]
    volume_24h_quote: Annotated[
        Numbers, Meta(description="Of the market, where tracked.", examples=[[31000000.0]])
    ]
    volume_24h_ref: Annotated[
        Numbers, Meta(description="In the reference currency.", examples=[[31000000.0]])
    ]
    sigma_rel: Annotated[Numbers, Meta(description="σ / |mean|.", examples=[[0.007662486]])]
    sigma_abs: Annotated[Numbers, Meta(description="σ of the values.", examples=[[512.7]])]
    sigma_ret: Annotated[
        Numbers, Meta(description="σ of log returns × √slots.", examples=[[0.0211]])
    ]
    coverage: Annotated[
        Numbers,
        Meta(description="Covered part of the window, 0 to 1; below 0.8 its σ are provisional.",
             examples=[[0.9986111]]),
    ]  # fmt: skip
    rank: Annotated[Ranks, Meta(description="1 is the largest; null without.", examples=[[8]])]
    rank_1h_ago: Annotated[Ranks, Meta(description="As it was.", examples=[[9]])]
    state: Annotated[Sequence[str], Meta(description="Freshness.", examples=[["fresh"]])]
    source: Annotated[
        Sequence[str | None],
        Meta(description="Of a fail-over, which market it is shown from now; null for all else.",
             examples=[["COINBASE:BTC/USD"]]),
    ]  # fmt: skip


class TableSnapshot(Struct, frozen=True, kw_only=True):
    """One page of one metric's series in columns, and where in the stream it stands."""

    epoch: Annotated[str, Meta(description="As the stream's `hello`.", examples=["7f3a9c211"])]
    sequence: Annotated[
        int, Meta(description="The delta that it holds already; apply those after it.",
                  examples=[41]),
    ]  # fmt: skip
    time: Annotated[
        str, Meta(description="When it was made.", examples=["2026-11-21T08:01:01.350Z"])
    ]
    slot: Annotated[
        str | None,
        Meta(description="Newest closed slot; null before the first.",
             examples=["2026-11-21T08:00:00.000Z"]),
    ]  # fmt: skip
    metric: Annotated[str, Meta(description="Of every row.", examples=["price"])]
    unit: Annotated[str, Meta(description="What it counts.", examples=["quote_per_base"])]
    interval: Annotated[str, Meta(description="Width of a slot.", examples=["1m"])]
    by: Annotated[str, Meta(description="What is ranked by.", examples=["sigma_rel"])]
    window: Annotated[str, Meta(description="Of all statistics.", examples=["24h"])]
    watchlist: Annotated[str | None, Meta(description="What narrows it.", examples=[None])]
    of: Annotated[int, Meta(description="How many are ranked.", examples=[10])]
    total: Annotated[int, Meta(description="Rows on all pages.", examples=[1])]
    page: Annotated[int, Meta(description="This page.", examples=[1])]
    pages: Annotated[int, Meta(description="How many there are.", examples=[1])]
    columns: Annotated[Columns, Meta(description="The rows.")]
    demo: Annotated[bool, Meta(description="An invented market.", examples=[False])]
