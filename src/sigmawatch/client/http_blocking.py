"""HTTP/1.1 that blocks, by the standard library alone.

Connections are kept and used again, by any thread; what may not be sent twice goes over a new one,
since a kept one may just have been closed by the server. No proxy, no cookie, no redirect.
"""

from __future__ import annotations

import http.client
import ssl
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

from sigmawatch.client.calls import Reply, Request
from sigmawatch.client.errors import Unreachable
from sigmawatch.client.transport import Opened

_KEPT_S = 10.0  # the server closes a connection that waits for 15 s
_KEPT_MAX = 16
_SILENCE_S = 60.0  # a stream says something every 15 s
_CHUNK_BYTES = 65_536
_LOST = (OSError, http.client.HTTPException, zlib.error)

Kept = tuple[float, http.client.HTTPConnection]


class BlockingHttp:
    """timeout_s: of every wait for the server. tls: whom to believe, where not as usual."""

    def __init__(self, *, timeout_s: float = 60.0, tls: ssl.SSLContext | None = None) -> None:
        self._timeout_s = timeout_s
        self._tls = tls
        self._kept: dict[str, list[Kept]] = {}
        self._lock = Lock()

    def send(self, request: Request) -> Reply:
        origin = _origin(request)
        connection = self._connection(origin, fresh=not request.repeatable)
        answer = self._begun(connection, request)
        try:
            body = b"".join(_unpacked(answer))
            answer.close()  # the answer; its connection stays
        except _LOST as exc:
            connection.close()
            raise Unreachable(f"{origin}: the answer broke off: {exc!r}", sent=True) from exc
        if not answer.will_close:
            self._keep(origin, connection)
        return _head(answer, body)

    @contextmanager
    def open(self, request: Request) -> Iterator[Opened]:
        connection = self._new(_origin(request), timeout_s=_SILENCE_S)
        try:
            answer = self._begun(connection, request)
            yield Opened(head=_head(answer), chunks=_broken_off(answer))
        finally:
            connection.close()

    def wait(self, wait_s: float) -> None:
        time.sleep(wait_s)

    def close(self) -> None:
        with self._lock:
            kept = [one for found in self._kept.values() for one in found]
            self._kept.clear()
        for _, connection in kept:
            connection.close()

    def _begun(
        self, connection: http.client.HTTPConnection, request: Request
    ) -> http.client.HTTPResponse:
        """The head of the answer."""
        sent = False
        try:
            if connection.sock is None:
                connection.connect()
            sent = True
            parts = urlsplit(request.url)
            target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            headers = {"Accept-Encoding": "gzip", **request.headers}
            connection.request(request.method, target, body=request.body or None, headers=headers)
            return connection.getresponse()
        except _LOST as exc:
            connection.close()
            where = _origin(request)
            raise Unreachable(
                f"{where} does not answer: {str(exc) or repr(exc)}", sent=sent
            ) from exc

    def _connection(self, origin: str, *, fresh: bool) -> http.client.HTTPConnection:
        while not fresh and (kept := self._taken(origin)) is not None:
            since_s, connection = kept
            if time.monotonic() - since_s < _KEPT_S:
                return connection
            connection.close()
        return self._new(origin, timeout_s=self._timeout_s)

    def _taken(self, origin: str) -> Kept | None:
        with self._lock:
            kept = self._kept.get(origin)
            return kept.pop() if kept else None

    def _new(self, origin: str, *, timeout_s: float) -> http.client.HTTPConnection:
        scheme, _, place = origin.partition("://")
        if scheme == "http":
            return http.client.HTTPConnection(place, timeout=timeout_s)
        tls = self._tls or ssl.create_default_context()
        return http.client.HTTPSConnection(place, timeout=timeout_s, context=tls)

    def _keep(self, origin: str, connection: http.client.HTTPConnection) -> None:
        with self._lock:
            kept = self._kept.setdefault(origin, [])
            if len(kept) < _KEPT_MAX:
                kept.append((time.monotonic(), connection))
                return
        connection.close()


def _origin(request: Request) -> str:
    parts = urlsplit(request.url)
    return f"{parts.scheme}://{parts.netloc}"


def _head(answer: http.client.HTTPResponse, body: bytes = b"") -> Reply:
    headers = {name.lower(): value for name, value in answer.getheaders()}
    return Reply(status=answer.status, headers=headers, body=body)


def _unpacked(answer: http.client.HTTPResponse) -> Iterator[bytes]:
    """What comes, as soon as it comes."""
    unpacker: Any = None
    if answer.headers.get("content-encoding") == "gzip":
        unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16)
    while chunk := answer.read1(_CHUNK_BYTES):
        yield chunk if unpacker is None else unpacker.decompress(chunk)
    if answer.length:
        raise http.client.IncompleteRead(b"", answer.length)


def _broken_off(answer: http.client.HTTPResponse) -> Iterator[bytes]:
    try:
        yield from _unpacked(answer)
    except _LOST as exc:
        raise Unreachable(f"the stream broke off: {exc!r}", sent=True) from exc
