"""`/fail-overs`: which venue stands for which; `/venues/{venue}/fail-over`: keep away from one."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated

from litestar import delete, get, post
from litestar.di import NamedDependency
from litestar.params import PathParameter
from litestar.status_codes import HTTP_200_OK
from msgspec import Meta, Struct

from sigmawatch.app import fail_over
from sigmawatch.app.web.moments import moment_or_none
from sigmawatch.app.web.problems import fails
from sigmawatch.app.web.site import Site
from sigmawatch.app.web.venues import known_venue
from sigmawatch.domain.audit import Actor
from sigmawatch.domain.caller import Scope

VenuePath = Annotated[str, PathParameter(description="a venue's name, any case")]


class Why(StrEnum):
    """Why a fail-over is shown from where it is: `first`, its own venue answers; `not_read`, it
    did not, told the same again and again while others moved, or is not back for long enough;
    `asked`, somebody keeps away from it."""

    FIRST = "first"
    NOT_READ = "not_read"
    ASKED = "asked"


class FailOver(Struct, frozen=True, kw_only=True):
    """A market that is shown from one venue after another."""

    name: Annotated[str, Meta(description="Its name.", examples=["DERIVED:BTC/USD"])]
    metrics: Annotated[Sequence[str], Meta(description="What of it.", examples=[["price"]])]
    interval: Annotated[str, Meta(description="Width of its slots.", examples=["1m"])]
    markets: Annotated[
        Sequence[str],
        Meta(description="Its own market and the backups, in order.",
             examples=[["KRAKEN:BTC/USD", "COINBASE:BTC/USD"]]),
    ]  # fmt: skip
    source: Annotated[
        str | None,
        Meta(description="Which of them is shown; null before the first slot.",
             examples=["COINBASE:BTC/USD"]),
    ]  # fmt: skip
    since: Annotated[
        str | None,
        Meta(description="Its first slot; null where that is more than a day ago.",
             examples=["2026-11-21T08:02:00.000Z"]),
    ]  # fmt: skip
    why: Annotated[Why, Meta(description="Why.", examples=["not_read"])]


class FailOvers(Struct, frozen=True, kw_only=True):
    """Every fail-over."""

    items: Annotated[Sequence[FailOver], Meta(description="By id of their choice.")]
    demo: Annotated[bool, Meta(description="An invented market.", examples=[False])]


class KeptAway(Struct, frozen=True, kw_only=True):
    """What keeping away from a venue, or its end, came to."""

    venue: Annotated[str, Meta(description="Which.", examples=["KRAKEN"])]
    away: Annotated[bool, Meta(description="Whether to keep away from it.", examples=[True])]
    changed_count: Annotated[
        int, Meta(description="Fail-overs of which it was not said already.", examples=[20])
    ]
    total_count: Annotated[
        int, Meta(description="Fail-overs whose own venue it is.", examples=[20])
    ]


@get("/fail-overs", summary="Which venue stands for which", tags=["venues"], responses=fails(),
     opt={"scope": Scope.READ_METRICS})  # fmt: skip
async def list_fail_overs(site: NamedDependency[Site]) -> FailOvers:
    """Where every market with backups is shown from, since when, and why."""
    program = site.program
    items = [
        FailOver(
            name=one.choice.market.name, metrics=fail_over.metrics_of(program, one),
            interval=str(one.choice.interval), markets=one.markets,
            source=None if one.standing is None else one.market,
            since=moment_or_none(await fail_over.since_ms(program, one)), why=Why(one.why),
        )
        for one in fail_over.shown(program.catalogue, site.snapshot())
    ]  # fmt: skip
    return FailOvers(items=items, demo=program.demo)


@post("/venues/{venue:str}/fail-over", summary="Keep away from a venue", tags=["venues"],
      status_code=HTTP_200_OK, responses=fails(403, 404, 503),
      opt={"scope": Scope.WRITE_RULES})  # fmt: skip
async def begin_fail_over(
    site: NamedDependency[Site], actor: NamedDependency[Actor], venue: VenuePath
) -> KeptAway:
    """From the next slot on everything that has this venue first is shown from the first backup
    that is read, until it is let back; what has no such backup stays."""
    return await _kept_away(site, venue, actor=actor, away=True)


@delete("/venues/{venue:str}/fail-over", summary="Let a venue come back", tags=["venues"],
        status_code=HTTP_200_OK, responses=fails(403, 404, 503),
        opt={"scope": Scope.WRITE_RULES})  # fmt: skip
async def end_fail_over(
    site: NamedDependency[Site], actor: NamedDependency[Actor], venue: VenuePath
) -> KeptAway:
    """It is shown again once it was read for `failover_back_slots` in a row: at the next slot
    where it was all the time."""
    return await _kept_away(site, venue, actor=actor, away=False)


async def _kept_away(site: Site, venue: str, *, actor: Actor, away: bool) -> KeptAway:
    program, name = site.program, known_venue(site, venue)
    changed = await fail_over.keep_away(program, name, away=away)
    if changed:
        await site.access.auditing.note(
            actor.did("venue.fail_over" if away else "venue.back", name)
        )
    every = fail_over.shown(program.catalogue, program.snapshot)
    return KeptAway(
        venue=name, away=away, changed_count=changed,
        total_count=sum(one.first_venue == name for one in every),
    )  # fmt: skip
