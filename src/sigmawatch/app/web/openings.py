"""`POST /venues` and `DELETE /venues/{venue}`: venues are switched on and off while running."""

from __future__ import annotations

from typing import Annotated

from litestar import Response, delete, post
from litestar.di import NamedDependency
from litestar.params import JSONBody, PathParameter
from litestar.status_codes import HTTP_200_OK, HTTP_201_CREATED
from msgspec import Meta, Struct

from sigmawatch.app.web.problems import fails, stood
from sigmawatch.app.web.site import Site
from sigmawatch.app.web.venues import Venue, known_venue, shown_venue
from sigmawatch.domain.audit import Actor
from sigmawatch.domain.caller import Scope
from sigmawatch.domain.market import venue_name


class EnableBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A venue to ask."""

    venue: Annotated[
        Annotated[str, Meta(min_length=1, max_length=32)],
        Meta(description="one that `available` of GET /venues names, any case", examples=["okx"]),
    ]


@post("/venues", summary="Switch a venue on", tags=["venues"],
      responses=fails(403, 409, 413, 415, 422, 503) | stood(Venue),
      opt={"scope": Scope.ADMIN})  # fmt: skip
async def enable_venue(
    site: NamedDependency[Site], actor: NamedDependency[Actor], data: JSONBody[EnableBody]
) -> Response[Venue]:
    """201 where it is new, 200 where it was on. Its markets can be tracked from now on; nothing of
    it is yet. Venues of one's own come from the configuration alone."""
    name = venue_name(data.venue)
    new = await site.program.openings.enable(name, by=actor)
    return Response(
        shown_venue(site, name),
        status_code=HTTP_201_CREATED if new else HTTP_200_OK,
        headers={"location": f"/api/v1/venues/{name.lower()}"},
    )


@delete("/venues/{venue:str}", summary="Switch a venue off", tags=["venues"],
        responses=fails(403, 404, 409), opt={"scope": Scope.ADMIN})  # fmt: skip
async def disable_venue(
    site: NamedDependency[Site], actor: NamedDependency[Actor],
    venue: Annotated[str, PathParameter(description="a venue's name, any case", max_length=32)],
) -> None:  # fmt: skip
    """No request goes out to it any more. 409 while something is tracked there, and where the
    configuration file sets it up."""
    await site.program.openings.disable(known_venue(site, venue), by=actor)
