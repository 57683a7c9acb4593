"""If-Match: a change is made by who has read what stands (RFC 9110, 13.1.1)."""

from __future__ import annotations

from typing import Any

from litestar import Request

from sigmawatch.app.web.problems import ProblemError


def expected(request: Request[Any, Any, Any], *, known: bool) -> str | None:
    """What the tag that If-Match demands holds; None for anything. known: whether something stands.
    Raises ProblemError where it is missing."""
    given = request.headers.get("if-match", "").strip()
    if not given and known:
        raise ProblemError("precondition-required", "If-Match must name the version to change")
    if given == "*" and known:
        return None
    return given.removeprefix("W/").strip('"') or None
