"""The WebSocket of a venue: one session, one connection a line, a bound on every frame.

aiohttp's client. No cookies, no proxy from the environment, no redirects. Pings of the venue are
answered below us. Foreign exceptions go no further than this file.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import aiohttp

from sigmawatch import __version__
from sigmawatch.adapters.venues.answers import Reply, json_of
from sigmawatch.adapters.venues.recording import Event, LineEvent
from sigmawatch.adapters.venues.settings import VenueFacts, VenueSettings
from sigmawatch.adapters.venues.streams.frames import Dialect
from sigmawatch.domain.errors import BadAnswer, SigmawatchError, Unavailable
from sigmawatch.domain.market import Market
from sigmawatch.domain.stream import Channel, Said, StreamTraits
from sigmawatch.ports.clock import Clock

FRAME_BYTES_MAX = 4_000_000  # the largest we know of, all of Binance, has a tenth
_CLOSE_S = 1.0
Tap = Callable[[LineEvent], None]


class SocketStream:
    """Fulfils ports.stream.VenueStream. tap: hears what befalls every connection (`record`)."""

    def __init__(
        self, dialect: type[Dialect], settings: VenueSettings, *, facts: VenueFacts, clock: Clock
    ) -> None:
        self._dialect = dialect
        self._facts = facts
        self._settings = settings
        self._clock = clock
        self._session: aiohttp.ClientSession | None = None
        self._closed = False
        self.tap: Tap | None = None
        self._lines = 0

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
        self._lines += 1
        log = _Log(self.tap, venue=self._facts.name, line=self._lines, clock=self._clock)
        log.note(Event.BEGAN)
        try:
            socket = await self._connected()
        except SigmawatchError as error:
            again_s = getattr(error, "retry_after_s", None)
            log.note(Event.REFUSED, str(error).encode(), retry_after_s=again_s)
            raise
        log.note(Event.OPENED)
        return SocketLine(socket, self._dialect(), name=self._facts.name, log=log)

    async def _connected(self) -> aiohttp.ClientWebSocketResponse[bool]:
        if self._closed:
            raise Unavailable(f"{self._facts.name}: we are shutting down")
        try:
            return await self._opened().ws_connect(
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


class _Log:
    """Where one connection notes what befalls it, if anybody wants to know."""

    def __init__(self, tap: Tap | None, *, venue: str, line: int, clock: Clock) -> None:
        self.clock = clock
        self._tap = tap
        self._venue = venue
        self._line = line

    def note(self, event: Event, body: bytes | None = None, **more: Any) -> int:
        """The moment of it."""
        now_ms = self.clock.now_ms()
        if self._tap is not None:
            told = LineEvent(at_ms=now_ms, venue=self._venue, line=self._line, event=event, **more)
            self._tap(told if body is None else told.bearing(body))
        return now_ms


class SocketLine:
    """Fulfils ports.stream.Line."""

    def __init__(
        self,
        socket: aiohttp.ClientWebSocketResponse[bool],
        dialect: Dialect,
        *,
        name: str,
        log: _Log,
    ) -> None:
        self._socket = socket
        self._dialect = dialect
        self._name = name
        self._log = log
        self._ended = False
        self._pings = 1_000_000  # numbers that no subscription has

    async def ask(self, channel: Channel, markets: Sequence[Market], *, request: int) -> None:
        text = self._dialect.request(channel, markets, number=request)
        self._log.note(Event.ASKED, text.encode())
        await self._send(text)

    async def ping(self) -> None:
        self._pings += 1
        text = self._dialect.ping(self._pings)
        if text is not None:
            await self._send(text)

    async def heard(self) -> Sequence[Said]:
        message = await self._socket.receive()
        if message.type in {aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY}:
            recv_ms = self._log.note(Event.HEARD, message.data)
            return self._dialect.read(message.data, recv_ms=recv_ms)
        self._ended = True
        error: Unavailable = Unavailable(f"{self._name} closed its stream "
                            f"({self._socket.close_code}{_words(message.extra)})")  # fmt: skip
        if message.type is aiohttp.WSMsgType.ERROR:
            error = BadAnswer(f"{self._name}'s stream broke: {message.data}"[:200])
        self._log.note(Event.CLOSED, str(error).encode())
        raise error

    async def close(self) -> None:
        if not self._ended:
            self._ended = True
            self._log.note(Event.LEFT)
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
