"""How an answer of JSON leaves: with an entity tag, indented, or as a page for people.

Every GET that answers JSON carries an ETag, by digest where its handler gave none, and is answered
304 to If-None-Match. `Accept: application/json; indent=4` indents it; a browser, which likes
`text/html` best, gets a page around it (app.web.browsable), problems too. The tag of what is
written another way says so, and is known again in If-None-Match and If-Match.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from typing import Any

import msgspec
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from litestar.types.asgi_types import HTTPScope

from sigmawatch.app.web.browsable import page_around
from sigmawatch.app.web.site import digest

PAGE_BYTES_MAX = 1_000_000  # of JSON; nobody reads more than that, who gets it as it is
_INDENT = re.compile(rb"application/json\s*;\s*indent=([0-8])(?![0-9])")
_PART = re.compile(rb"\s*([a-z*]+/[a-z0-9.+*-]+)\s*(?:;[^,]*?\bq=([01](?:\.[0-9]{0,3})?))?[^,]*")
_ENDING = re.compile(rb'\.(?:html|indent[0-8])"')
_JSON = (b"application/json", b"application/problem+json")
_VARY = (b"vary", b"accept")
_TAGS = (b"if-match", b"if-none-match")
_CODING = b"content-encoding"  # what is compressed is not written anew
_HTML, _INDENTED = "html", "indent"


class Presented:
    """Wraps the application behind the gate, which has made GET of HEAD."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        manner = _manner(scope) if scope["method"] == "GET" else ""
        held = _without_endings(scope, manner)
        if scope["method"] == "GET":
            send = _Leaving(scope, send, manner=manner, held=held).take
        await self._app(scope, receive, send)


class _Leaving:
    """One answer on its way out. held: what If-None-Match says."""

    def __init__(self, scope: HTTPScope, send: Send, *, manner: str, held: bytes) -> None:
        self._scope, self._send, self._manner, self._held = scope, send, manner, held
        self._start: Any = None
        self._body: list[bytes] = []

    async def take(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            start = self._varied(message)
            if start is not None:
                await self._send(start)
        elif self._start is None:
            await self._send(message)
        elif message["type"] == "http.response.body":
            self._body.append(message.get("body", b""))
            if not message.get("more_body", False):
                await self._leave(b"".join(self._body))

    def _varied(self, start: Any) -> Any:
        """The start of the answer as it leaves; None where the body decides it."""
        headers = dict(start["headers"])
        if start["status"] == 304 and b"etag" in headers:
            start = _changed(start, etag=_of(headers[b"etag"], self._manner))
        elif headers.get(b"content-type", b"").partition(b";")[0] not in _JSON:
            return start
        start = {**start, "headers": [*start["headers"], *_varying(headers)]}
        kept = b"no-store" not in headers.get(b"cache-control", b"")
        untagged = b"etag" not in headers and start["status"] == 200 and kept
        if start["status"] == 304 or not (self._manner or untagged) or _CODING in headers:
            return start
        self._start = start
        return None

    async def _leave(self, body: bytes) -> None:
        start, changed = self._start, {}
        if start["status"] == 200:
            tag = dict(start["headers"]).get(b"etag", b"")
            if not tag:
                tag = digest(body).encode()
                if self._scope["state"]["caller"].user_id is not None:
                    changed["cache_control"] = b"no-store"  # it may be theirs alone
            changed["etag"] = _of(tag, self._manner)
            if self._held == b"*" or tag in [one.strip() for one in self._held.split(b",")]:
                start, body = {**start, "status": 304, "headers": [_VARY]}, b""
        if self._manner == _HTML and 0 < len(body) <= PAGE_BYTES_MAX:
            body = await asyncio.to_thread(page_around, body, self._scope, status=start["status"])
            changed["content_type"] = b"text/html; charset=utf-8"
        elif self._manner.startswith(_INDENTED) and body:
            body = msgspec.json.format(body, indent=int(self._manner[-1]))
        if body:
            changed["content_length"] = str(len(body)).encode()
        await self._send(_changed(start, **changed))
        await self._send({"type": "http.response.body", "body": body, "more_body": False})


def _changed(start: Any, **headers: bytes) -> Any:
    """The start of an answer with some headers in place of those of that name."""
    told = {name.replace("_", "-").encode(): value for name, value in headers.items()}
    kept = [(name, value) for name, value in start["headers"] if name.lower() not in told]
    return {**start, "headers": [*kept, *told.items()]}


def _manner(scope: HTTPScope) -> str:
    """How JSON is to be written; empty for as it is."""
    accept = dict(scope["headers"]).get(b"accept", b"").lower()
    if b"html" not in accept and b"indent" not in accept:
        return ""
    if found := _INDENT.search(accept):
        return f"{_INDENTED}{int(found[1])}"
    if b"format=" in scope["query_string"]:
        return ""
    liked = {kind: float(quality or 1) for kind, quality in _PART.findall(accept)}
    html = liked.get(b"text/html", 0.0)
    return _HTML if html > 0.0 and html > liked.get(b"application/json", 0.0) else ""


def wants_page(scope: HTTPScope) -> bool:
    """Whether a browser asks, for somebody to look at."""
    return _manner(scope) == _HTML


def _of(tag: bytes, manner: str) -> bytes:
    return tag[:-1] + f'.{manner}"'.encode() if manner else tag


def _without_endings(scope: HTTPScope, manner: str) -> bytes:
    """Take our endings off the tags that the request names; of If-None-Match only those of this
    manner count, since others are of other answers. What If-None-Match says then."""
    held = b""
    for place, (name, value) in enumerate(scope["headers"]):
        if name not in _TAGS:
            continue
        if name == b"if-match":
            value = _ENDING.sub(b'"', value)
        elif value.strip() == b"*":
            held = b"*"
        else:
            ours = [one for one in value.split(b",") if _is_of(one.strip(), manner)]
            held = value = _ENDING.sub(b'"', b",".join(ours))
        scope["headers"][place] = (name, value)  # type: ignore[index]
    return held


def _is_of(tag: bytes, manner: str) -> bool:
    found = _ENDING.search(tag)
    return (found[0] if found else b"") == (f'.{manner}"'.encode() if manner else b"")


def _varying(headers: Mapping[bytes, bytes]) -> list[tuple[bytes, bytes]]:
    if b"vary" not in headers:
        return [_VARY]
    told = [one.strip().lower() for one in headers[b"vary"].split(b",")]
    return [] if b"accept" in told else [_VARY]
