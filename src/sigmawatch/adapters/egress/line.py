"""A line: one connection to somebody we do not trust, with a limit on what it may say and when.

Everything read counts against one number of bytes, however it is framed; the deadline is the
guard's. Used by the protocols that speak over it (http, channels.smtp).
"""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass

from sigmawatch.domain.errors import BadAnswer, Unavailable
from sigmawatch.ports.channel import ATTEMPT_MS, REPLY_BYTES_MAX

_READ_BYTES = 16 * 1024


class TooMuchError(BadAnswer):
    """More was said than we listen to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long somebody is waited for. connect_s: for a connection, and as long again for TLS.
    body_s: for what follows a status."""

    resolve_s: float = 2.0
    connect_s: float = 5.0
    body_s: float = 2.0
    attempt_s: float = ATTEMPT_MS / 1_000


class Line:
    """Valid inside the guard's block. Raises Unavailable where the other side goes away."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, host: str,
        patience: Patience,
    ) -> None:  # fmt: skip
        self.host = host
        self.patience = patience
        self.committed = False  # whether what went out may have been acted upon
        self._reader = reader
        self._writer = writer
        self._left = REPLY_BYTES_MAX
        self._rest = b""

    async def write(self, data: bytes) -> None:
        """Returns once the system has taken it."""
        try:
            self._writer.write(data)
            await self._writer.drain()
        except OSError as exc:
            raise Unavailable(f"{self.host} broke the connection ({brief(exc)})") from None

    async def read(self) -> bytes:
        """What has come; empty at its end. Raises TooMuchError."""
        try:
            data = await self._reader.read(_READ_BYTES)
        except OSError as exc:
            raise Unavailable(f"{self.host} broke the connection ({brief(exc)})") from None
        self._left -= len(data)
        if self._left < 0:
            raise TooMuchError(f"{self.host} answered with more than {REPLY_BYTES_MAX:,} bytes")
        return data

    async def read_line(self) -> bytes:
        """One line without its end. Raises Unavailable where it stays unfinished."""
        while b"\n" not in self._rest:
            data = await self.read()
            if not data:
                raise Unavailable(f"{self.host} closed the connection")
            self._rest += data
        line, _, self._rest = self._rest.partition(b"\n")
        return line.rstrip(b"\r")

    async def encrypt(self, context: ssl.SSLContext) -> None:
        """TLS from here on. Raises BadAnswer where more was said than was asked: it would be
        taken for what comes encrypted (CVE-2011-0411)."""
        if self._rest:
            raise BadAnswer(f"{self.host} said more before TLS than it was asked")
        try:
            async with asyncio.timeout(self.patience.connect_s):
                await self._writer.start_tls(context, server_hostname=self.host)
        except TimeoutError:
            raise Unavailable(f"no TLS with {self.host} (no answer in time)") from None
        except (ssl.SSLError, OSError) as exc:
            raise Unavailable(f"no TLS with {self.host} ({brief(exc)})") from None
        self._rest = b""


def brief(exc: BaseException) -> str:
    """An error of the system or of TLS in a word or two."""
    if isinstance(exc, ssl.SSLCertVerificationError):
        return f"its certificate is refused: {exc.verify_message}"
    if isinstance(exc, ssl.SSLError):
        return (exc.reason or "TLS failed").lower().replace("_", " ")
    return exc.strerror if isinstance(exc, OSError) and exc.strerror else type(exc).__name__
