"""An address at which nothing is: the page for who looks at it in a browser, a problem for
everybody else, and below `/api` always.

The page knows its own routes and says that this is none (web/src/pages/nowhere.tsx); the status is
404 either way, so programs that look at links are told the truth.
"""

from __future__ import annotations

from typing import Any

from litestar import Request, Response
from litestar.exceptions import NotFoundException

from sigmawatch.app.web import problems
from sigmawatch.app.web.dashboard import page_of
from sigmawatch.app.web.presented import wants_page

_API = ("/api", "/openapi.json", "/metrics", "/healthz", "/readyz", "/problems", "/webhook")


def answer(request: Request[Any, Any, Any], exc: NotFoundException) -> Response[Any]:
    """The answer where no route is."""
    path = request.scope["path"]
    of_api = any(path == one or path.startswith(f"{one}/") for one in _API)
    if of_api or request.method != "GET" or not wants_page(request.scope):
        return problems.answer(request, exc)
    page = page_of(request)
    return Response(page.content, status_code=404, media_type=page.media_type,
                    headers={"vary": "accept"})  # fmt: skip
