"""`/snapshot`: one metric's series in columns, as the stream goes on from it.

A page's first load: one answer, encoded and compressed once for everybody.
"""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, get
from litestar.datastructures import ResponseHeader
from litestar.di import NamedDependency, Provide

from sigmawatch.app.streaming.hub import Full
from sigmawatch.app.streaming.payloads import TableSnapshot
from sigmawatch.app.web.compressed import takes_gzip
from sigmawatch.app.web.problems import fails
from sigmawatch.app.web.shown_tables import AskedTable, refused
from sigmawatch.app.web.site import Site, not_modified, unchanged
from sigmawatch.domain.caller import Caller, Scope

ETAG = ResponseHeader(name="etag", documentation_only=True, description="For If-None-Match")


@get("/snapshot", summary="One metric's table in columns", tags=["stream"],
     responses=fails(422, 429), response_headers=[ETAG], opt={"scope": Scope.READ_METRICS},
     dependencies={"asked": Provide(AskedTable, sync_to_thread=False)})  # fmt: skip
async def show_snapshot(
    request: Request[Any, Any, Any],
    site: NamedDependency[Site],
    asked: NamedDependency[AskedTable],
    caller: NamedDependency[Caller],
) -> Response[TableSnapshot]:
    """Where `/stream` goes on from: apply the deltas after `sequence`. At most 5,000 rows a page,
    by id; numbers to seven significant digits; a second old at most."""
    try:
        document = await site.program.streaming.document(asked.table(site, by=caller))
    except Full as exc:
        raise refused(exc) from exc
    tag = f'W/"{document.name}"'
    if unchanged(request, tag):
        return not_modified(tag)
    headers = {"etag": tag, "vary": "accept-encoding"}
    body: Any = document.plain
    if takes_gzip(request):
        body, headers["content-encoding"] = document.packed, "gzip"
    return Response(body, media_type="application/json", headers=headers)
