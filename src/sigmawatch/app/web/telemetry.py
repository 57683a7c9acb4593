"""`/metrics` for Prometheus and everything that reads its format."""

from __future__ import annotations

from typing import Any

from litestar import MediaType, Request, Response, get
from litestar.di import NamedDependency

from sigmawatch.app.telemetry.page import exposition
from sigmawatch.app.web.problems import fails
from sigmawatch.app.web.site import Site
from sigmawatch.domain.caller import Scope

CHARSET = "; charset=utf-8"


@get("/metrics", summary="What the program tells of itself", tags=["operations"],
     responses=fails(503), media_type=MediaType.TEXT,
     opt={"scope": Scope.READ_METRICS})  # fmt: skip
async def show_telemetry(
    request: Request[Any, Any, Any], site: NamedDependency[Site]
) -> Response[bytes]:
    """Prometheus text, or OpenMetrics where `Accept` prefers it; docs/reference/telemetry.md names
    every metric. Behind a switch the tracked values, too."""
    accept = request.headers.get("accept", "")
    content, media_type = await exposition(site.program, accept=accept)
    if media_type.startswith("text/"):  # the framework says the character set itself
        media_type = media_type.replace(CHARSET, "")
    headers = {"cache-control": "no-store", "vary": "accept"}
    return Response(content, media_type=media_type, headers=headers)
