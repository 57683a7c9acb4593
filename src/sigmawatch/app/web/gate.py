"""The gate: what every request passes before any handler, and every answer on its way out.

Refused here, before routing: foreign host names (DNS rebinding), oversized addresses and headers,
unsafe methods from other sites' pages (CSRF), bodies that are not JSON, wrong credentials. Every
answer leaves with the security headers of SECURITY.md and a request id.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Mapping
from urllib.parse import unquote_to_bytes

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from litestar.types.asgi_types import HTTPScope

from sigmawatch.app.web.problems import KINDS, MEDIA_TYPE, ProblemError, encode

HEADER_BYTES_MAX = 16 * 1024
URL_BYTES_MAX = 8 * 1024
BODY_BYTES_MAX = 1_000_000
LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})

_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+?)\.?(?::[0-9]{1,5})?", re.ASCII)
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "font-src 'self'; worker-src 'self'; img-src 'self' data:; frame-ancestors 'none'; "
    "base-uri 'none'; form-action 'self'; require-trusted-types-for 'script'; trusted-types 'none'"
)
_ALWAYS = tuple(
    (name.encode(), value.encode())
    for name, value in {
        "content-security-policy": _CSP,
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
    }.items()
)
_REVALIDATE = (b"cache-control", b"private, no-cache")


class Gate:
    """Wraps the whole application. token: what `Authorization: Bearer` must carry where given."""

    def __init__(
        self, app: ASGIApp, *, token: str = "", hosts: Iterable[str] = LOOPBACK_NAMES
    ) -> None:
        self._app = app
        self._token = token.encode()
        self._hosts = frozenset(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        request_id = secrets.token_hex(8)
        scope["state"]["request_id"] = request_id
        only_head = scope["method"] == "HEAD"
        outward = _outward(send, request_id=request_id, only_head=only_head)
        try:
            self._admit(scope)
        except ProblemError as refusal:
            await _refuse(outward, refusal, request_id=request_id)
            return
        if only_head:
            scope["method"] = "GET"
        _keep_slashes(scope)
        await self._app(scope, receive, outward)

    def _admit(self, scope: HTTPScope) -> None:
        """Raises ProblemError where the request must not reach a handler."""
        headers = _once(scope)
        size = sum(len(name) + len(value) + 4 for name, value in scope["headers"])
        if size > HEADER_BYTES_MAX:
            raise ProblemError("headers-too-large", f"{size} bytes of headers")
        url_bytes = len(scope.get("raw_path") or b"") + len(scope["query_string"])
        if url_bytes > URL_BYTES_MAX:
            raise ProblemError("uri-too-long", f"an address of {url_bytes} bytes")
        found = _HOST.fullmatch(headers.get("host", "").lower())
        if found is None or found[1] not in self._hosts:
            names = ", ".join(sorted(self._hosts))
            raise ProblemError("misdirected", f"this server answers as {names} only")
        self._check_credential(headers.get("authorization"))
        if scope["method"] not in _SAFE_METHODS:
            _check_origin(headers)
            _check_body(headers)

    def _check_credential(self, given: str | None) -> None:
        if given is None:
            return
        scheme, _, token = given.partition(" ")
        right = scheme.lower() == "bearer" and secrets.compare_digest(token.encode(), self._token)
        if not (self._token and right):
            raise ProblemError("unauthorized", "the credential is not one of this server's",
                               headers={"www-authenticate": "Bearer"})  # fmt: skip


def _once(scope: HTTPScope) -> Mapping[str, str]:
    """Headers by name. Raises ProblemError where one that decides is given twice."""
    found: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name = raw_name.decode("latin-1").lower()
        if name in found and name in {"host", "origin", "content-type", "authorization"}:
            raise ProblemError("malformed", f"two headers {name}")
        found[name] = raw_value.decode("latin-1")
    return found


def _check_origin(headers: Mapping[str, str]) -> None:
    """Unsafe methods come from our own pages or from programs, which send neither header."""
    origin, site = headers.get("origin"), headers.get("sec-fetch-site", "none").lower()
    own = f"http://{headers['host'].lower()}"
    if site not in {"same-origin", "none"} or (origin is not None and origin.lower() != own):
        raise ProblemError("forbidden", "another site's page may not change anything here")


def _check_body(headers: Mapping[str, str]) -> None:
    length = headers.get("content-length", "0")
    has_body = length != "0" or "transfer-encoding" in headers
    if length.isdigit() and int(length[:12]) > BODY_BYTES_MAX:
        raise ProblemError("too-large", f"a body of {length[:12]} bytes; {BODY_BYTES_MAX} at most")
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json" and (has_body or media_type):
        raise ProblemError("unsupported-type", "the body must be application/json")
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise ProblemError("unsupported-type", "the body must not be compressed")


def _keep_slashes(scope: HTTPScope) -> None:
    """An encoded slash is part of a market's name (`BTC%2FUSD`), never a separator of the path."""
    raw = scope.get("raw_path") or b""
    if b"%2f" in raw.lower():
        kept = re.sub(rb"%2[fF]", b"-", raw)
        scope["path"] = unquote_to_bytes(kept).decode(errors="replace")


def _outward(send: Send, *, request_id: str, only_head: bool) -> Send:
    """`send` that adds our headers, and keeps the body of an answer to HEAD."""

    async def outward(message: Message) -> None:
        if message["type"] == "http.response.start":
            names = {name.lower() for name, _ in message["headers"]}
            added = [*_ALWAYS, (b"x-request-id", request_id.encode())]
            if _REVALIDATE[0] not in names:
                added.append(_REVALIDATE)
            message["headers"] = [*message["headers"], *added]
        elif only_head and message["type"] == "http.response.body":
            message["body"] = b""
        await send(message)

    return outward


async def _refuse(send: Send, refusal: ProblemError, *, request_id: str) -> None:
    body = encode(refusal, request_id=request_id)
    headers = {"content-type": MEDIA_TYPE, "content-length": str(len(body)), **refusal.headers}
    await send({
        "type": "http.response.start", "status": KINDS[refusal.slug].status,
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    })  # fmt: skip
    await send({"type": "http.response.body", "body": body, "more_body": False})
