"""`/episodes`: when rules were active, and who has seen it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from litestar import Request, Response, get, post
from litestar.di import NamedDependency, Provide
from litestar.params import JSONBody, PathParameter, QueryParameter
from litestar.status_codes import HTTP_200_OK
from msgspec import Meta, Struct

from sigmawatch.app.alerting.episodes import NamedEpisode
from sigmawatch.app.web.asked import AskedTable, Cursor, Limit
from sigmawatch.app.web.formats import Listing, written
from sigmawatch.app.web.moments import moment_or_none, rfc3339
from sigmawatch.app.web.problems import fails
from sigmawatch.app.web.site import Site, tagged
from sigmawatch.domain.alert import Severity
from sigmawatch.domain.audit import Actor
from sigmawatch.domain.caller import Caller, Scope
from sigmawatch.domain.silence import BY_CHARS_MAX

EpisodeId = Annotated[str, PathParameter(description="an episode's id", max_length=60)]


class ShownEpisode(Struct, frozen=True, kw_only=True):
    """One period in which a rule was active for a series."""

    id: Annotated[str, Meta(description="Its id.", examples=["4-17-1795248000000"])]
    rule: Annotated[str, Meta(description="The rule's name.", examples=["hot"])]
    version: Annotated[int, Meta(description="Of the rule.", examples=[2])]
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
    reopened: Annotated[
        int, Meta(description="How often true again in its cooldown.", examples=[0])
    ]
    acknowledged_by: Annotated[str | None, Meta(description="Who has seen it.", examples=["ann"])]
    acknowledged_at: Annotated[
        str | None, Meta(description="When.", examples=["2026-11-21T08:05:10.000Z"])
    ]
    demo: Annotated[bool, Meta(description="An invented market.", examples=[False])]


class EpisodesPage(Struct, frozen=True, kw_only=True):
    """Episodes, newest first."""

    items: Annotated[Sequence[ShownEpisode], Meta(description="This page.")]
    next_cursor: Annotated[
        str | None, Meta(description="`cursor` for older ones; null at the end.", examples=[None])
    ]
    demo: Annotated[bool, Meta(description="An invented market.", examples=[False])]


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedEpisodes(AskedTable):
    """Query of `/episodes`."""

    open: Annotated[bool, QueryParameter(description="only those that last")] = False
    limit: Limit = 100
    cursor: Cursor = None


class AcknowledgeBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who has seen it."""

    by: Annotated[
        str,
        Meta(description="who", min_length=1, max_length=BY_CHARS_MAX, examples=["ann"]),
    ]


@get("/episodes", summary="Episodes", tags=["rules"],
     dependencies={"asked": Provide(AskedEpisodes, sync_to_thread=False)},
     responses=fails(422), opt={"scope": Scope.READ_ALERTS})  # fmt: skip
async def list_episodes(
    request: Request[Any, Any, Any], site: NamedDependency[Site],
    caller: NamedDependency[Caller], asked: NamedDependency[AskedEpisodes],
) -> Response[EpisodesPage]:  # fmt: skip
    """Newest first; what opens while somebody turns pages is on none of them."""
    found = await site.program.episodes.page(
        lasting=asked.open, after=asked.cursor, limit=asked.limit, viewer=caller.viewer
    )
    more = found[-1].stored.episode.id if len(found) == asked.limit else None
    items = [_shown(site, one) for one in found]
    page = EpisodesPage(items=items, next_cursor=more, demo=site.program.demo)
    listing = Listing(page=page, row=ShownEpisode, name="episodes")
    return await written(request, listing, asked=asked)


@get("/episodes/{name:str}", summary="One episode", tags=["rules"], responses=fails(404),
     opt={"scope": Scope.READ_ALERTS})  # fmt: skip
async def show_episode(
    request: Request[Any, Any, Any], site: NamedDependency[Site],
    caller: NamedDependency[Caller], name: EpisodeId,
) -> Response[ShownEpisode]:  # fmt: skip
    """While it lasts, it may still change."""
    return tagged(request, _shown(site, await site.program.episodes.find(name, by=caller)))


@post("/episodes/{name:str}/acknowledge", summary="Acknowledge an episode", tags=["rules"],
      status_code=HTTP_200_OK, responses=fails(403, 404, 413, 415, 422),
      opt={"scope": Scope.WRITE_RULES})  # fmt: skip
async def acknowledge_episode(
    site: NamedDependency[Site], actor: NamedDependency[Actor], name: EpisodeId,
    data: JSONBody[AcknowledgeBody],
) -> ShownEpisode:  # fmt: skip
    """No more reminders of this episode. Who was first stays."""
    return _shown(site, await site.program.episodes.acknowledge(name, who=data.by, by=actor))


def _shown(site: Site, named: NamedEpisode) -> ShownEpisode:
    episode, seen = named.stored.episode, named.stored.acknowledged
    return ShownEpisode(
        id=episode.id, rule=named.rule, version=episode.version, severity=episode.severity,
        series_id=episode.series_id, series=named.series, opened_at=rfc3339(episode.opened_ms),
        closed_at=moment_or_none(episode.closed_ms), reason=episode.reason,
        reopened=episode.reopened_count, acknowledged_by=seen.by if seen else None,
        acknowledged_at=rfc3339(seen.at_ms) if seen else None, demo=site.program.demo,
    )  # fmt: skip
