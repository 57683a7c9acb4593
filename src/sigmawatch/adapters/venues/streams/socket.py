"""The WebSocket of a venue: one session, one connection a line, a bound on every frame.

aiohttp's client. No cookies, no proxy from the environment, no redirects. Pings of the venue are
answered below us. Foreign exceptions go no further than this file.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import aiohttp

from sigmawatch import __version__
from sigmawatch.adapters.venues.answers import Reply, json_of
from sigmawatch.adapters.venues.settings import VenueFacts, VenueSettings
from sigmawatch.adapters.venues.streams.frames import Dialect
from sigmawatch.domain.errors import BadAnswer, Unavailable
from sigmawatch.domain.market import Market
from sigmawatch.domain.stream import Channel, Said, StreamTraits
from sigmawatch.ports.clock import Clock

FRAME_BYTES_MAX = 4_000_000  # the largest we know of, all of Binance, has a tenth
_CLOSE_S = 1.0


class SocketStream:
    """Fulfils ports.stream.VenueStream."""

    def __init__(
        self, dialect: type[Dialect], settings: VenueSettings, *, facts: VenueFacts, clock: Clock
    ) -> None:
        self._dialect = dialect
        self._facts = facts
        self._settings = settings
        self._clock = clock
        self._session: aiohttp.ClientSession | None = None
        self._closed = False

    @property
    def traits(self) -> StreamTraits:
        return self._dialect.TRAITS

    @property
    def url(self) -> str:
        """Where we connect. Who sends us elsewhere for REST means all of it: a test or a mirror
        must never reach the venue."""
        settings = self._settings
        if settings.stream_url or not settings.base_url:
            return settings.stream_url or self._dialect.URL
        return "ws" + settings.base_url.rstrip("/").removeprefix("http") + self._dialect.PATH

    async def open(self) -> SocketLine:
        """A new connection. Raises RateLimited, BlockedByRegion, BadAnswer, Unavailable."""
        if self._closed:
            raise Unavailable(f"{self._facts.name}: we are shutting down")
        try:
            socket = await self._opened().ws_connect(
                self.url, max_msg_size=FRAME_BYTES_MAX, decode_text=False,
                timeout=aiohttp.ClientWSTimeout(ws_receive=None, ws_close=_CLOSE_S),
            )  # fmt: skip
        except aiohttp.WSServerHandshakeError as error:
            raise self._refusal(error) from None
        except TimeoutError:
            raise Unavailable(f"{self._facts.name}'s stream did not answer in time") from None
        except (aiohttp.ClientError, OSError) as error:
            raise Unavailable(f"{self._facts.name}'s stream is out of reach: "
                              f"{type(error).__name__} {error}"[:200]) from None  # fmt: skip
        return SocketLine(socket, self._dialect(), name=self._facts.name, clock=self._clock)

    async def close(self) -> None:
        """Give the session back; a line that is open ends with Unavailable."""
        self._closed = True
        if self._session is not None:
            await self._session.close()

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            wait_s = self._settings.timeout_s
            self._session = aiohttp.ClientSession(
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"User-Agent": f"sigmawatch/{__version__}"},
                timeout=aiohttp.ClientTimeout(total=None, connect=wait_s, sock_read=wait_s),
                trust_env=False,
            )
        return self._session

    def _refusal(self, error: aiohttp.WSServerHandshakeError) -> Exception:
        """What the status of a refused handshake means, as for any other answer."""
        headers = {name.lower(): text for name, text in (error.headers or {}).items()}
        reply = Reply(status=error.status, headers=headers, body=b"", recv_ms=self._clock.now_ms())
        try:
            json_of(reply, self._facts)
        except Exception as meaning:  # noqa: BLE001 - it is what json_of is asked for
            return meaning
        return BadAnswer(f"{self._facts.name} answered {error.status} instead of a stream")


class SocketLine:
    """Fulfils ports.stream.Line."""

    def __init__(
        self,
        socket: aiohttp.ClientWebSocketResponse[bool],
        dialect: Dialect,
        *,
        name: str,
        clock: Clock,
    ) -> None:
        self._socket = socket
        self._dialect = dialect
        self._name = name
        self._clock = clock
        self._pings = 1_000_000  # numbers that no subscription has

    async def ask(self, channel: Channel, markets: Sequence[Market], *, request: int) -> None:
        await self._send(self._dialect.request(channel, markets, number=request))

    async def ping(self) -> None:
        self._pings += 1
        text = self._dialect.ping(self._pings)
        if text is not None:
            await self._send(text)

    async def heard(self) -> Sequence[Said]:
        message = await self._socket.receive()
        if message.type in {aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY}:
            return self._dialect.read(message.data, recv_ms=self._clock.now_ms())
        if message.type is aiohttp.WSMsgType.ERROR:
            raise BadAnswer(f"{self._name}'s stream broke: {message.data}"[:200])
        raise Unavailable(f"{self._name} closed its stream ({self._socket.close_code}"
                          f"{_words(message.extra)})")  # fmt: skip

    async def close(self) -> None:
        try:
            async with asyncio.timeout(2 * _CLOSE_S):
                await self._socket.close()
        except (TimeoutError, aiohttp.ClientError, OSError):
            return  # it is gone either way

    async def _send(self, text: str) -> None:
        try:
            await self._socket.send_str(text)
        except (aiohttp.ClientError, OSError, RuntimeError) as error:
            raise Unavailable(f"{self._name}'s stream is gone: {error}"[:200]) from None


def _words(extra: object) -> str:
    """A reason of closing, fit for one line of a log."""
    text = extra.decode("utf-8", "replace") if isinstance(extra, bytes) else str(extra or "")
    shown = "".join(char if char.isprintable() else "?" for char in text)[:100]
    return f": {shown}" if shown else ""
