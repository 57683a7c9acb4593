"""Which other sites' pages may read answers: those that the operator lists, and no other.

The Fetch standard's CORS protocol (https://fetch.spec.whatwg.org/#http-cors-protocol). An origin is
compared with the list, never echoed for itself; credentials are never allowed, so a listed page
brings a key of its own, not the user's cookie. `*` lets every page read what needs no cookie.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from litestar.types.asgi_types import HTTPScope

Headers = list[tuple[bytes, bytes]]
_METHODS = b"GET, HEAD, POST, PUT, PATCH, DELETE"
_SENT = b"authorization, content-type, idempotency-key, if-match, if-none-match, last-event-id"
_SHOWN = b"etag, link, location, ratelimit, ratelimit-policy, retry-after, x-request-id"
_MAX_AGE_S = b"600"


class Cors:
    """The origins that may read."""

    def __init__(self, origins: Iterable[str] = ()) -> None:
        self._origins = frozenset(origins)

    def allows(self, origin: str | None) -> bool:
        """Whether pages of `origin` are let in. `null` is nobody's, and never is."""
        if origin is None or origin == "null":
            return False
        return origin in self._origins or "*" in self._origins

    def headers(self, origin: str | None) -> Headers:
        """What an answer to a page of `origin` carries; empty where there is no list."""
        if not self._origins:
            return []
        vary = (b"vary", b"origin")
        if origin is None or not self.allows(origin):
            return [vary]
        allowed = b"*" if "*" in self._origins else origin.encode()
        return [vary, (b"access-control-allow-origin", allowed),
                (b"access-control-expose-headers", _SHOWN)]  # fmt: skip

    def preflight(self, scope: HTTPScope, headers: Mapping[str, str]) -> Headers | None:
        """The headers of the answer to a browser's question before the request; None where it is
        no such question, or of an origin that is not on the list."""
        asks = scope["method"] == "OPTIONS" and "access-control-request-method" in headers
        if not asks or not self.allows(headers.get("origin")):
            return None
        return [(b"access-control-allow-methods", _METHODS),
                (b"access-control-allow-headers", _SENT),
                (b"access-control-max-age", _MAX_AGE_S)]  # fmt: skip
