"""A line to a PostgreSQL server as bad as lines get: delayed, dripping, half closed, forgotten, and
cut, at once or just before or after the server was told to commit.

A TCP proxy in front of the server's socket, in the loop of the test.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from tests.postgres import PostgresServer

CHUNK_BYTES = 65_536
DRIP_BYTES = 256
_COMMIT, _READS = b"COMMIT\0", b"sigmawatch reads"  # what a session is for, its first words say


class Proxy:
    """delay_s: how long each piece is held up. dripping: pieces are of a few bytes."""

    def __init__(self, server: PostgresServer) -> None:
        self.server = server
        self._lines: set[_Line] = set()
        self.url = ""
        self.delay_s = 0.0
        self.dripping = False
        self._cut_commit = ""
        self._has_cut = asyncio.Event()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Proxy]:
        listener = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = listener.sockets[0].getsockname()[1]
        self.url = f"postgresql://postgres@127.0.0.1:{port}/postgres"
        try:
            yield self
        finally:
            listener.close()
            self.cut()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            answers, server = await asyncio.open_unix_connection(self.server.socket)
        except OSError:
            writer.close()
            return
        line = _Line(writer, server)
        self._lines.add(line)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._pump(reader, server, line=line))
            group.create_task(self._pump(answers, writer, line=line))
        line.cut()
        self._lines.discard(line)

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, line: _Line
    ) -> None:
        """Pass on what one end says, until it has no more to say or the line is cut."""
        with suppress(OSError):
            while data := await reader.read(DRIP_BYTES if self.dripping else CHUNK_BYTES):
                await asyncio.sleep(self.delay_s)
                line.reads |= _READS in data
                if self._cuts(data, line, answers=writer is line.client):
                    break
                if writer not in line.ended:
                    writer.write(data)
                    await writer.drain()
        line.cut()

    def _cuts(self, data: bytes, line: _Line, *, answers: bool) -> bool:
        """Whether the line is to be cut instead of passing this on; the answer to COMMIT has the
        same bytes."""
        wanted = "after" if answers else "before"
        if line.reads or _COMMIT not in data or self._cut_commit != wanted:
            return False
        self._cut_commit = ""
        self._has_cut.set()
        return True

    async def cut_commit(self, when: str) -> None:
        """Cut a line "before" the server gets the next COMMIT of a writer, or "after" it has
        answered and nobody has heard."""
        self._has_cut.clear()
        self._cut_commit = when
        await self._has_cut.wait()

    def cut(self) -> None:
        """Cut every line."""
        for line in tuple(self._lines):
            line.cut()

    def half_close(self) -> None:
        """The clients hear that there is no more to come; what they say still arrives."""
        for line in self._lines:
            line.client.write_eof()
            line.ended.add(line.client)

    def forget(self) -> None:
        """The lines that stand stay open, and carry nothing any more."""
        for line in self._lines:
            line.ended |= {line.client, line.server}


class _Line:
    def __init__(self, client: asyncio.StreamWriter, server: asyncio.StreamWriter) -> None:
        self.client = client
        self.server = server
        self.reads = False
        self.ended: set[asyncio.StreamWriter] = set()

    def cut(self) -> None:
        for end in (self.client, self.server):
            end.transport.abort()
