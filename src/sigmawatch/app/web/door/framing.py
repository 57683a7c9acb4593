"""What is no proper request: refused, and the connection ended, before anything else is read of it.

What servers in a row may understand differently (RFC 9112, 11.2: request smuggling) is never
guessed at: two lengths, two hosts, a target that names another host than Host does. Sizes are
SECURITY.md's: headers 16 KB, address 8 KB, body 1 MB; 100 MB of one that is taken while it comes.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from http import HTTPMethod

from litestar.types.asgi_types import HTTPScope

from sigmawatch.app.web.problems import ProblemError

HEADER_BYTES_MAX = 16 * 1024
URL_BYTES_MAX = 8 * 1024
BODY_BYTES_MAX = 1_000_000
STREAMED_BYTES_MAX = 100_000_000
_ONCE = frozenset({"host", "origin", "content-type", "content-length", "authorization", "cookie",
                   "if-match", "idempotency-key", "sec-fetch-site"})  # fmt: skip
_METHODS = frozenset(HTTPMethod) - {HTTPMethod.TRACE, HTTPMethod.CONNECT}
_CLOSE = {"connection": "close"}


def headers_of(scope: HTTPScope) -> Mapping[str, str]:
    """Headers by name, repeated ones joined. Raises ProblemError where one that decides is given
    twice, or all together are too large."""
    found: dict[str, str] = {}
    size = 0
    for raw_name, raw_value in scope["headers"]:
        size += len(raw_name) + len(raw_value) + 4
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        if name not in found:
            found[name] = value
        elif name in _ONCE:
            raise ProblemError("malformed", f"two headers {name}", headers=_CLOSE)
        else:
            found[name] = f"{found[name]}, {value}"
    if size > HEADER_BYTES_MAX:
        raise ProblemError("headers-too-large", f"{size} bytes of headers", headers=_CLOSE)
    return found


def check_frame(scope: HTTPScope, headers: Mapping[str, str]) -> None:
    """Make an absolute target (RFC 9112, 3.2.2) a plain one. Raises ProblemError."""
    if "transfer-encoding" in headers and "content-length" in headers:
        raise ProblemError("malformed", "both Content-Length and Transfer-Encoding", headers=_CLOSE)
    if scope["http_version"] not in {"1.0", "1.1", "2", "3"}:
        raise ProblemError("malformed", "this server speaks HTTP/1.1", headers=_CLOSE)
    if scope["method"] not in _METHODS:
        allow = {"allow": ", ".join(sorted(_METHODS)), **_CLOSE}
        raise ProblemError("method-not-allowed", "no address takes that method", headers=allow)
    if "websocket" in headers.get("upgrade", "").lower():
        raise ProblemError("malformed", "this server speaks no WebSocket; GET /api/v1/stream is "
                           "the stream", headers=_CLOSE)  # fmt: skip
    if not scope["path"].startswith("/"):
        _take_apart(scope, headers)
    url_bytes = len(scope.get("raw_path") or b"") + len(scope["query_string"])
    if url_bytes > URL_BYTES_MAX:
        raise ProblemError("uri-too-long", f"an address of {url_bytes} bytes", headers=_CLOSE)


def _take_apart(scope: HTTPScope, headers: Mapping[str, str]) -> None:
    """`http://host/path` as `/path`, where that host is the one in Host."""
    scheme, _, rest = scope["path"].partition("://")
    authority, slash, path = rest.partition("/")
    same = authority.lower() == headers.get("host", "").lower()
    if scheme.lower() not in {"http", "https"} or not same:
        raise ProblemError("malformed", "the target is no path of this server", headers=_CLOSE)
    scope["path"] = slash + path or "/"
    raw = (scope.get("raw_path") or b"").partition(b"://")[2].partition(b"/")
    scope["raw_path"] = raw[1] + raw[2] or b"/"


def check_body(
    headers: Mapping[str, str], *, media_types: Collection[str], streamed: Collection[str] = ()
) -> None:  # fmt: skip
    """Raises ProblemError for a body that is too large, packed, or not of a type we take.
    streamed: the types of bodies that are taken while they come."""
    length = headers.get("content-length", "0")
    has_body = length != "0" or "transfer-encoding" in headers
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    bytes_max = STREAMED_BYTES_MAX if media_type in streamed else BODY_BYTES_MAX
    if length.isdigit() and int(length[:12]) > bytes_max:
        raise ProblemError("too-large", f"a body of {length[:12]} bytes; {bytes_max} at most",
                           headers=_CLOSE)  # fmt: skip
    if media_type not in media_types and (has_body or media_type):
        allowed = ", ".join(sorted(media_types))
        raise ProblemError("unsupported-type", f"the body must be {allowed}", headers=_CLOSE)
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise ProblemError("unsupported-type", "the body must not be compressed", headers=_CLOSE)
