"""HTTP/1.1 that awaits, by aiohttp. No proxy, no cookie, no redirect."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
from yarl import URL

from sigmawatch.client.calls import Reply, Request
from sigmawatch.client.errors import Unreachable
from sigmawatch.client.transport import OpenedAsync

_SILENCE_S = 60.0  # a stream says something every 15 s
_KEPT_S = 10.0  # the server closes a connection that waits for 15 s
_LOST = (aiohttp.ClientError, TimeoutError, OSError)
_NOT_SENT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)

Trust = ssl.SSLContext | aiohttp.Fingerprint | bool


class AsyncHttp:
    """timeout_s: of a whole answer; connect_s: of the way there. tls: whom to believe, where not
    as usual. Connections belong to the event loop of the first request."""

    def __init__(
        self, *, timeout_s: float = 60.0, connect_s: float = 10.0, tls: Trust = True
    ) -> None:
        self._timeout = aiohttp.ClientTimeout(total=timeout_s, sock_connect=connect_s)
        self._endless = aiohttp.ClientTimeout(sock_connect=connect_s, sock_read=_SILENCE_S)
        self._tls = tls
        self._session: aiohttp.ClientSession | None = None

    async def send(self, request: Request) -> Reply:
        try:
            async with self._asked(request, self._timeout) as answer:
                return _head(answer, await answer.read())
        except _LOST as exc:
            raise _unreachable(request, exc) from exc

    @asynccontextmanager
    async def open(self, request: Request) -> AsyncIterator[OpenedAsync]:
        asked = self._asked(request, self._endless)
        try:
            answer = await asked.__aenter__()
        except _LOST as exc:
            raise _unreachable(request, exc) from exc
        try:
            yield OpenedAsync(head=_head(answer), chunks=_chunks(answer, request))
        finally:
            answer.close()

    async def wait(self, wait_s: float) -> None:
        await asyncio.sleep(wait_s)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _asked(
        self, request: Request, timeout: aiohttp.ClientTimeout
    ) -> aiohttp.client._RequestContextManager:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(keepalive_timeout=_KEPT_S),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session.request(
            request.method, URL(request.url, encoded=True), data=request.body or None,
            headers=request.headers, timeout=timeout, ssl=self._tls, allow_redirects=False,
        )  # fmt: skip


def _head(answer: aiohttp.ClientResponse, body: bytes = b"") -> Reply:
    headers = {name.lower(): value for name, value in answer.headers.items()}
    return Reply(status=answer.status, headers=headers, body=body)


async def _chunks(answer: aiohttp.ClientResponse, request: Request) -> AsyncIterator[bytes]:
    try:
        async for chunk in answer.content.iter_any():
            yield chunk
    except _LOST as exc:
        raise _unreachable(request, exc) from exc


def _unreachable(request: Request, exc: Exception) -> Unreachable:
    origin = URL(request.url).origin()
    sent = not isinstance(exc, _NOT_SENT)
    return Unreachable(f"{origin} does not answer: {str(exc) or repr(exc)}", sent=sent)
