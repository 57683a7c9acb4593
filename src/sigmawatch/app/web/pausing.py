"""`/markets/{market}/pause`, `/venues/{venue}/pause`: what nothing is asked of, until `/resume`."""

from __future__ import annotations

from typing import Annotated

from litestar import post
from litestar.di import NamedDependency
from litestar.params import PathParameter
from litestar.status_codes import HTTP_200_OK

from sigmawatch.app.web.problems import fails
from sigmawatch.app.web.site import Site
from sigmawatch.app.web.venues import ListedMarket, Venue, known_venue, shown_market, shown_venue
from sigmawatch.domain.audit import Actor
from sigmawatch.domain.caller import Scope
from sigmawatch.domain.errors import NotFound
from sigmawatch.domain.market import Market, parse_market

MarketName = Annotated[
    str, PathParameter(description="VENUE:BASE-QUOTE of a tracked market", max_length=200)
]
VenueName = Annotated[str, PathParameter(description="a venue's name, any case", max_length=32)]


@post("/markets/{market:str}/pause", summary="Pause a market", tags=["venues"],
      status_code=HTTP_200_OK, responses=fails(403, 404),
      opt={"scope": Scope.WRITE_RULES})  # fmt: skip
async def pause_market(
    site: NamedDependency[Site], actor: NamedDependency[Actor], market: MarketName
) -> ListedMarket:
    """Nothing is read of it from the next slot on: its slots say `paused` and stay empty, rules are
    not judged over it, its history stays. Again changes nothing."""
    found = tracked_market(site, market)
    await site.program.pauses.pause(found.venue, found, by=actor)
    return shown_market(site, found)


@post("/markets/{market:str}/resume", summary="Let a market go on", tags=["venues"],
      status_code=HTTP_200_OK, responses=fails(403, 404),
      opt={"scope": Scope.WRITE_RULES})  # fmt: skip
async def resume_market(
    site: NamedDependency[Site], actor: NamedDependency[Actor], market: MarketName
) -> ListedMarket:
    """It is read again from the next slot on. What was passed over is not fetched."""
    found = tracked_market(site, market)
    await site.program.pauses.resume(found.venue, found, by=actor)
    return shown_market(site, found)


@post("/venues/{venue:str}/pause", summary="Pause a venue", tags=["venues"],
      status_code=HTTP_200_OK, responses=fails(403, 404), opt={"scope": Scope.ADMIN})  # fmt: skip
async def pause_venue(
    site: NamedDependency[Site], actor: NamedDependency[Actor], venue: VenueName
) -> Venue:
    """No request goes out to it, and its stream is closed. All its markets are as if paused one by
    one; those that were paused one by one stay so when the venue goes on."""
    name = known_venue(site, venue)
    await site.program.pauses.pause(name, by=actor)
    return shown_venue(site, name)


@post("/venues/{venue:str}/resume", summary="Let a venue go on", tags=["venues"],
      status_code=HTTP_200_OK, responses=fails(403, 404), opt={"scope": Scope.ADMIN})  # fmt: skip
async def resume_venue(
    site: NamedDependency[Site], actor: NamedDependency[Actor], venue: VenueName
) -> Venue:
    """It is asked again, from its market list on. What was passed over is not fetched."""
    name = known_venue(site, venue)
    await site.program.pauses.resume(name, by=actor)
    return shown_venue(site, name)


def tracked_market(site: Site, text: str) -> Market:
    """The tracked market of a venue that a text names. Raises NotFound, Invalid."""
    ref = parse_market(text)
    if ref.venue is not None:
        known_venue(site, ref.venue)
    market = site.program.catalogue.resolve_market(ref)
    tracked = {(one.market.venue, one.market.native) for one in site.program.catalogue.series}
    if (market.venue, market.native) not in tracked:
        raise NotFound(f"{market.name} is not tracked", field="market",
                       allowed="GET /api/v1/markets?tracked=true lists what is")  # fmt: skip
    return market
