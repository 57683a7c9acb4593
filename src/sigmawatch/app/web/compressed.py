"""Whether a client takes an answer compressed (RFC 9110, 12.5.3)."""

from __future__ import annotations

from typing import Any

from litestar import Request


def takes_gzip(request: Request[Any, Any, Any]) -> bool:
    """Whether `Accept-Encoding` lets us answer in gzip; without the header it does not: who does
    not ask for it may not be able to read it. Nor what is written anew on its way out, as a page or
    indented (`presented`)."""
    accept = request.headers.get("accept", "").lower()
    if "text/html" in accept or "indent=" in accept:
        return False
    return accepts_gzip(request.headers.get("accept-encoding", ""))


def accepts_gzip(accept_encoding: str) -> bool:
    """Whether that header lets an answer be in gzip."""
    weights = dict(map(_weighed, accept_encoding.lower().split(",")))
    return weights.get("gzip", weights.get("x-gzip", weights.get("*", 0.0))) > 0.0


def _weighed(text: str) -> tuple[str, float]:
    """A coding and how much it is wanted, 0 to 1; what cannot be read is not wanted."""
    coding, _, parameter = text.partition(";")
    name, _, weight = parameter.replace(" ", "").partition("=")
    if not name:
        return coding.strip(), 1.0
    try:
        return coding.strip(), float(weight[:5]) if name == "q" else 0.0
    except ValueError:
        return coding.strip(), 0.0
