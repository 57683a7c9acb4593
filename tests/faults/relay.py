"""A stretch of line to a server on loopback that goes bad as it is told."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

_DENIED = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


@dataclass(kw_only=True)
class Relay:
    """bytes_left: how many more go through, either way, before every line is cut; denies: answers
    403 itself; silent: takes everything and says nothing."""

    server: str
    bytes_left: int | None = None
    denies: bool = False
    silent: bool = False
    address: str = ""
    cuts: int = 0
    _lines: set[asyncio.Task[None]] = field(default_factory=set)

    def heal(self) -> None:
        self.bytes_left, self.denies, self.silent = None, False, False

    async def _line(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._lines.add(task)
        host, port = self.server.split(":")
        other: asyncio.StreamWriter | None = None
        try:
            with suppress(ConnectionError, OSError):
                back, other = await asyncio.open_connection(host, int(port))
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._carry(reader, other, answer=writer))
                    group.create_task(self._carry(back, writer))
        except* _CutError:
            self.cuts += 1
        finally:
            self._lines.discard(task)
            for end in filter(None, (writer, other)):
                _reset(end)

    async def _carry(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter,
        answer: asyncio.StreamWriter | None = None,
    ) -> None:  # fmt: skip
        while chunk := await reader.read(1 << 14):
            if self.silent:
                continue
            if self.denies and answer is not None:
                answer.write(_DENIED)
                await answer.drain()
                raise _CutError
            if self.bytes_left is not None:
                chunk = chunk[: self.bytes_left]
                self.bytes_left -= len(chunk)
            writer.write(chunk)
            await writer.drain()
            if self.bytes_left == 0:
                raise _CutError
        writer.close()


def _reset(end: asyncio.StreamWriter) -> None:
    """Cut it as a dead line does. An orderly end would be a lie: moto's server takes headers that
    end there for whole ones, and half a request to copy for a request to write nothing."""
    line = end.get_extra_info("socket")
    with suppress(OSError):
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    end.transport.abort()


class _CutError(Exception):
    pass


@asynccontextmanager
async def relayed(server: str) -> AsyncIterator[Relay]:
    relay = Relay(server=server)
    listener = await asyncio.start_server(relay._line, "127.0.0.1", 0)
    relay.address = ":".join(map(str, listener.sockets[0].getsockname()))
    try:
        yield relay
    finally:
        listener.close()
        for line in list(relay._lines):
            line.cancel()
        await asyncio.gather(*relay._lines, return_exceptions=True)
