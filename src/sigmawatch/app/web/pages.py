"""What a browser gets beside the dashboard: the documentation of the API, and all their assets."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, get
from litestar.params import FromPath

from sigmawatch.app.web.dashboard import answer, contents, dashboard_of, plain
from sigmawatch.app.web.problems import ProblemError


@get("/docs", include_in_schema=False, opt={"scope": None})
async def show_docs(request: Request[Any, Any, Any]) -> Response[Any]:
    """The API's documentation, drawn from /openapi.json."""
    return answer(request, plain("docs.html", contents("static")["docs.html"]))


@get("/static/{name:str}", include_in_schema=False, opt={"scope": None})
async def show_asset(request: Request[Any, Any, Any], name: FromPath[str]) -> Response[Any]:
    """A style sheet, a module, a font, an image."""
    if name in (built := dashboard_of(request).files):
        return answer(request, built[name])
    if name not in contents("static"):
        raise ProblemError("not-found", "nothing is at this address")
    return answer(request, plain(name, contents("static")[name]))
