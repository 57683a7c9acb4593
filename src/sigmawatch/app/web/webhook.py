"""`/webhook/record_trade_volume`: the predecessors' trigger of a collection, by GET or POST.

Whoever may push readings may ask for it: from this machine, or with a key; never by a cookie, and
never from another site's page, an image in it included. Once in EVERY_MS at most.
"""

from __future__ import annotations

from typing import Annotated, Any

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.status_codes import HTTP_200_OK
from msgspec import Meta, Struct

from sigmawatch.app.plans import Share
from sigmawatch.app.web.door.csrf import check_page
from sigmawatch.app.web.problems import fails
from sigmawatch.app.web.runs import reasons_of, succeeded
from sigmawatch.app.web.site import Site
from sigmawatch.domain.caller import Scope

EVERY_MS = 5_000
PATH = "/webhook/record_trade_volume"


class Recorded(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the predecessors answered; `reasons` only where something failed."""

    success: Annotated[bool, Meta(description="Everything was updated.", examples=[True])]
    reasons: Annotated[
        dict[str, dict[str, int]] | None,
        Meta(description="Venue, reason, count.", examples=[{"KRAKEN": {"outage": 1}}]),
    ] = None


_SHARED: dict[str, Any] = {
    "summary": "Collect now, as the predecessors' hook did", "tags": ["collection"],
    "status_code": HTTP_200_OK, "responses": fails(403, 422, 429, 503),
    "opt": {"scope": Scope.WRITE_INGEST, "cost": "ingest"},
}  # fmt: skip


@post(PATH, **_SHARED)
async def record_trade_volume(
    request: Request[Any, Any, Any], site: NamedDependency[Site]
) -> Response[Recorded]:
    """One run of every venue. `{"success": true}` where all of it came; else `false`, and why."""
    return await _recorded(request, site)


@get(PATH, **_SHARED)
async def ask_trade_volume(
    request: Request[Any, Any, Any], site: NamedDependency[Site]
) -> Response[Recorded]:
    """As `POST`: some schedulers can only read."""
    return await _recorded(request, site)


async def _recorded(request: Request[Any, Any, Any], site: Site) -> Response[Recorded]:
    headers = request.scope["state"]["headers"]
    check_page(headers, own=f"http://{headers['host'].lower()}", by_cookie=False, listed=False)
    site.pace("record_trade_volume", every_ms=EVERY_MS)
    runs = await site.program.stations.collect(venue=None, share=Share(index=1, count=1))
    success = succeeded(runs)
    told = Recorded(success=success, reasons=None if success else reasons_of(runs))
    return Response(told, headers={"cache-control": "no-store"})
