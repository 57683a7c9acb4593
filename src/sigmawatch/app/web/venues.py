"""`/venues` and `/markets`: what exists at which venue, and how each venue is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from litestar import get
from litestar.di import NamedDependency, Provide
from litestar.params import PathParameter, QueryParameter
from msgspec import Meta, Struct

from sigmawatch.app.fail_over import shown
from sigmawatch.app.stations import VenueReport
from sigmawatch.app.web import cursors
from sigmawatch.app.web.asked import Cursor, Limit, Text, VenueName
from sigmawatch.app.web.moments import moment_or_none, rfc3339
from sigmawatch.app.web.problems import fails
from sigmawatch.app.web.site import Site
from sigmawatch.domain.caller import Scope
from sigmawatch.domain.errors import NotFound
from sigmawatch.domain.market import Market, MarketStatus, venue_name
from sigmawatch.domain.series import DERIVED
from sigmawatch.domain.stream import StreamReport, StreamState
from sigmawatch.domain.venue import VenueState


class VenueStream(Struct, frozen=True, kw_only=True):
    """The stream of one venue. Counts are since the program started."""

    state: Annotated[StreamState, Meta(description="How it is; polls go on.", examples=["live"])]
    since: Annotated[
        str, Meta(description="In this state since.", examples=["2026-11-21T08:00:00.000Z"])
    ]
    detail: Annotated[str, Meta(description="Why, in one line.", examples=[""])]
    heard_at: Annotated[
        str | None, Meta(description="Newest data.", examples=["2026-11-21T08:01:01.250Z"])
    ]
    wanted_count: Annotated[int, Meta(description="Subscriptions wanted.", examples=[12])]
    subscribed_count: Annotated[int, Meta(description="Subscriptions confirmed.", examples=[12])]
    connections_count: Annotated[int, Meta(description="Connections made or tried.", examples=[1])]
    frames_count: Annotated[int, Meta(description="Frames received.", examples=[182044])]
    bad_frames_count: Annotated[int, Meta(description="Frames of no sense.", examples=[0])]
    refused_count: Annotated[
        int, Meta(description="Subscriptions refused or never answered.", examples=[0])
    ]
    trades_count: Annotated[int, Meta(description="Trades, each once.", examples=[90210])]
    duplicates_count: Annotated[int, Meta(description="Trades told again.", examples=[50])]
    gaps_count: Annotated[
        int, Meta(description="Runs of trades never told, by their numbers.", examples=[0])
    ]


class Venue(Struct, frozen=True, kw_only=True):
    """One venue: its state, and what went wrong there since the program started."""

    name: Annotated[str, Meta(description="Its name.", examples=["KRAKEN"])]
    state: Annotated[VenueState, Meta(description="What it is for us now.", examples=["up"])]
    since: Annotated[
        str, Meta(description="In this state since.", examples=["2026-11-21T08:00:00.000Z"])
    ]
    detail: Annotated[str, Meta(description="Why, in one line.", examples=[""])]
    until: Annotated[
        str | None, Meta(description="No request is sent before then.", examples=[None])
    ]
    success_at: Annotated[
        str | None,
        Meta(description="Last answer that held data.", examples=["2026-11-21T08:01:01.250Z"]),
    ]
    durable_through: Annotated[
        str | None,
        Meta(
            description="Receipt of the newest reading that is on disk; null without one in a day.",
            examples=["2026-11-21T08:01:01.250Z"],
        ),
    ]
    durable_slot: Annotated[
        str | None,
        Meta(
            description="Open of the newest slot whose closing reading is on disk.",
            examples=["2026-11-21T08:00:00.000Z"],
        ),
    ]
    skew_ms: Annotated[
        int | None, Meta(description="How far its clock is ahead of ours.", examples=[-120])
    ]
    markets_count: Annotated[int, Meta(description="Markets it lists.", examples=[1204])]
    tracked_count: Annotated[int, Meta(description="Series tracked there.", examples=[21])]
    skipped_runs_count: Annotated[
        int, Meta(description="Runs left out because the one before was late.", examples=[0])
    ]
    errors: Annotated[
        dict[str, int], Meta(description="Failed requests by reason.", examples=[{"timeout": 2}])
    ]
    rejected: Annotated[
        dict[str, int],
        Meta(description="Values refused by reason, never stored.", examples=[{"not a number": 1}]),
    ]
    unresolved: Annotated[
        dict[str, str],
        Meta(description="Configured markets that it does not list: why.", examples=[{}]),
    ]
    budget_per_minute: Annotated[
        float, Meta(description="Requests a minute, in its own unit.", examples=[60.0])
    ]
    flow_markets_max: Annotated[
        int, Meta(description="Markets whose flows fit into half the budget.", examples=[29])
    ]
    fail_overs_count: Annotated[
        int, Meta(description="Markets with backups whose own venue it is.", examples=[0])
    ]
    kept_away_count: Annotated[
        int, Meta(description="Those of them that keep away from it by request.", examples=[0])
    ]
    stream: Annotated[
        VenueStream | None, Meta(description="Its stream; null where it is not listened to.")
    ]


class Venues(Struct, frozen=True, kw_only=True):
    """Every venue."""

    items: Annotated[Sequence[Venue], Meta(description="By name.")]
    available: Annotated[
        Sequence[str],
        Meta(description="Others that can be switched on, by name.", examples=[["OKX"]]),
    ]
    demo: Annotated[bool, Meta(description="An invented market.", examples=[False])]


class ListedMarket(Struct, frozen=True, kw_only=True):
    """A pair that a venue lists."""

    name: Annotated[str, Meta(description="Public name.", examples=["KRAKEN:BTC/USD"])]
    venue: Annotated[str, Meta(description="Where.", examples=["KRAKEN"])]
    pair: Annotated[str, Meta(description="Base and quote.", examples=["BTC/USD"])]
    base: Annotated[str, Meta(description="What is traded.", examples=["BTC"])]
    quote: Annotated[str, Meta(description="What it is paid in.", examples=["USD"])]
    native: Annotated[str, Meta(description="The venue's own id.", examples=["XXBTZUSD"])]
    status: Annotated[MarketStatus, Meta(description="Whether it trades.", examples=["online"])]
    metrics: Annotated[
        Sequence[str], Meta(description="Metrics tracked of it.", examples=[["price"]])
    ]
    title: Annotated[
        str | None, Meta(description="What it is shown by, where not by its name.",
                         examples=[None])
    ]  # fmt: skip
    paused: Annotated[
        bool, Meta(description="Nothing is read of it: it, or its venue, is paused.",
                   examples=[False])
    ]  # fmt: skip


class Markets(Struct, frozen=True, kw_only=True):
    """One page of markets, by venue and name."""

    items: Annotated[Sequence[ListedMarket], Meta(description="This page.")]
    total: Annotated[int, Meta(description="Markets on all pages.", examples=[1204])]
    next_cursor: Annotated[
        str | None, Meta(description="For the next page; null on the last.", examples=[None])
    ]
    demo: Annotated[bool, Meta(description="An invented market.", examples=[False])]


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedMarkets:
    """Query of `/markets`."""

    venue: VenueName = None
    q: Text = None
    tracked: Annotated[bool | None, QueryParameter(description="true or false")] = None
    limit: Limit = 100
    cursor: Cursor = None


@get("/venues", summary="Every venue and how it is", tags=["venues"], responses=fails(),
     opt={"scope": Scope.READ_METRICS})  # fmt: skip
async def list_venues(site: NamedDependency[Site]) -> Venues:
    """States are those of SEMANTICS.md 4; errors and refused values are counted by reason. The
    venue of what is pushed is among them from the first pushed series on."""
    reports = [*site.program.stations.reports(), *_pushed(site)]
    reports.sort(key=lambda one: one.status.venue)
    return Venues(items=tuple(_venue(site, one) for one in reports),
                  available=site.program.openings.available, demo=site.program.demo)  # fmt: skip


@get("/venues/{venue:str}", summary="One venue", tags=["venues"], responses=fails(404),
     opt={"scope": Scope.READ_METRICS})  # fmt: skip
async def show_venue(
    site: NamedDependency[Site],
    venue: Annotated[str, PathParameter(description="a venue's name, any case")],
) -> Venue:
    """One venue by name."""
    return _venue(site, report_of(site, venue))


@get("/markets", summary="Markets that venues list", tags=["venues"], responses=fails(422),
     dependencies={"asked": Provide(AskedMarkets, sync_to_thread=False)},
     opt={"scope": Scope.READ_METRICS, "cost": "query"})  # fmt: skip
async def list_markets(
    site: NamedDependency[Site], asked: NamedDependency[AskedMarkets]
) -> Markets:
    """A market is listed until its venue drops it. Pages go by position: a list that changes
    between two pages may repeat or leave out a market at the seam."""
    venue = tracked_venue(site, asked.venue) if asked.venue is not None else None
    metrics = _metrics_by_market(site)
    wanted = (asked.q or "").upper()
    found = [
        market
        for market in site.program.catalogue.markets(venue)
        if (not wanted or wanted in market.name or wanted in market.native.upper())
        and asked.tracked in (None, (market.venue, market.native) in metrics)
    ]
    found.sort(key=lambda market: (market.venue, market.name))
    query = ("markets", venue, asked.q, asked.tracked)
    start = cursors.unpack(query, asked.cursor)[1] if asked.cursor else 0
    stop = start + asked.limit
    return Markets(
        items=tuple(_listed(site, market, metrics=metrics) for market in found[start:stop]),
        total=len(found),
        next_cursor=cursors.pack(query, walk="", place=stop) if stop < len(found) else None,
        demo=site.program.demo,
    )


def reports_by_name(site: Site) -> dict[str, VenueReport]:
    return {report.status.venue: report for report in site.program.stations.reports()}


def report_of(site: Site, text: str) -> VenueReport:
    """The venue of that name, be it the one of what is pushed. Raises NotFound."""
    for report in _pushed(site):
        if report.status.venue == text.strip().upper():
            return report
    return reports_by_name(site)[known_venue(site, text)]


def _pushed(site: Site) -> Sequence[VenueReport]:
    """The venue of what is pushed, where anything is."""
    status, catalogue = site.program.push.status, site.program.catalogue
    tracked = [series for series in catalogue.of_venue(status.venue) if series.pushed]
    if not tracked:
        return ()
    markets = {series.market.native for series in tracked}
    return (VenueReport(
        status=status, markets_count=len(markets), tracked_count=len(tracked), errors={},
        skipped_runs_count=0, budget_per_minute=0.0, flow_markets_max=0, backfill=None,
        unresolved={}, stream=None, samples=site.program.push.quarantine.samples,
    ),)  # fmt: skip


def known_venue(site: Site, text: str, *, field: str = "venue") -> str:
    """The name of a configured venue. Raises NotFound with what there is."""
    names = sorted(reports_by_name(site))
    try:
        name = venue_name(text)
    except ValueError:
        name = ""
    if name not in names:
        raise NotFound(f"no venue {text[:32]!r} is configured", field=field,
                       allowed=", ".join(names) or "none is configured")  # fmt: skip
    return name


def tracked_venue(site: Site, text: str) -> str:
    """The name of a venue whose markets may be tracked: a configured one, that of formulas, or the
    one that readings are pushed to. Raises NotFound with what there is."""
    named = text.strip().upper()
    ours = {DERIVED, site.program.config.push.venue_name}
    return named if named in ours else known_venue(site, text)


def _venue(site: Site, report: VenueReport) -> Venue:
    status = report.status
    durable = site.program.tracker.durability.of(status.venue)
    stitched = [one for one in shown(site.program.catalogue, site.program.snapshot)
                if one.first_venue == status.venue]  # fmt: skip
    return Venue(
        name=status.venue, state=status.state, since=rfc3339(status.since_ms),
        detail=status.detail, until=moment_or_none(status.until_ms),
        success_at=moment_or_none(status.success_ms), skew_ms=status.skew_ms,
        durable_through=None if durable is None else rfc3339(durable.received_ms),
        durable_slot=None if durable is None else moment_or_none(durable.slot_ms),
        markets_count=report.markets_count, tracked_count=report.tracked_count,
        skipped_runs_count=report.skipped_runs_count, errors=dict(report.errors),
        rejected=dict(status.rejected), unresolved=dict(report.unresolved),
        budget_per_minute=report.budget_per_minute, flow_markets_max=report.flow_markets_max,
        fail_overs_count=len(stitched),
        kept_away_count=sum(one.why == "asked" for one in stitched),
        stream=None if report.stream is None else _stream(report.stream),
    )  # fmt: skip


def _stream(report: StreamReport) -> VenueStream:
    return VenueStream(
        state=report.state, since=rfc3339(report.since_ms), detail=report.detail,
        heard_at=moment_or_none(report.heard_ms), wanted_count=report.wanted,
        subscribed_count=report.subscribed, connections_count=report.connections,
        frames_count=report.frames, bad_frames_count=report.bad_frames,
        refused_count=report.refused, trades_count=report.trades,
        duplicates_count=report.duplicates, gaps_count=report.gaps,
    )  # fmt: skip


def _metrics_by_market(site: Site) -> dict[tuple[str, str], list[str]]:
    found: dict[tuple[str, str], list[str]] = {}
    for series in site.program.catalogue.series:
        found.setdefault((series.market.venue, series.market.native), []).append(series.metric)
    return found


def shown_venue(site: Site, name: str) -> Venue:
    """A configured venue, by its name."""
    return _venue(site, reports_by_name(site)[name])


def shown_market(site: Site, market: Market) -> ListedMarket:
    return _listed(site, market, metrics=_metrics_by_market(site))


def _listed(
    site: Site, market: Market, *, metrics: dict[tuple[str, str], list[str]]
) -> ListedMarket:  # fmt: skip
    tracked: Sequence[str] = metrics.get((market.venue, market.native), ())
    return ListedMarket(
        name=market.name, venue=market.venue, pair=market.pair, base=market.base,
        quote=market.quote, native=market.native, status=market.status,
        metrics=tuple(sorted(set(tracked))), paused=site.program.catalogue.is_paused(market),
        title=site.program.names.shown().get((market.venue, market.native)),
    )  # fmt: skip
