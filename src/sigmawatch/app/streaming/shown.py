"""A table with those who read it: kept up to date, its snapshot encoded once, its readers woken."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from sigmawatch.app.streaming.document import Document, document
from sigmawatch.app.streaming.reader import Reader
from sigmawatch.app.streaming.table import News, Table
from sigmawatch.engine.snapshot import Snapshot
from sigmawatch.ports.clock import Clock

PACE_MS = 1_000
_AT_ONCE = 100  # readers woken between two looks at everything else


class Shown:
    """One table. used_ms: when somebody last asked for it, by the monotonic clock."""

    def __init__(self, table: Table, *, clock: Clock) -> None:
        self.table = table
        self.readers: dict[Reader, None] = {}  # in the order in which they came
        self.used_ms = clock.monotonic_ms()
        self._clock = clock
        self._advanced_ms = -PACE_MS
        self._document: Document | None = None
        self._writing = asyncio.Lock()

    def due(self, snapshot: Snapshot) -> bool:
        """Whether a snapshot is to be told now: at once where a slot has closed, else in our
        pace."""
        waited_ms = self._clock.monotonic_ms() - self._advanced_ms
        paced = waited_ms >= PACE_MS and self.table.behind(snapshot)
        return paced or self.table.closed(snapshot)

    async def advance(self, snapshot: Snapshot, news: Sequence[News] = ()) -> None:
        """Take a snapshot in, and tell the readers. Raises NotFound where the table's watchlist is
        no more."""
        before = self.table.told
        self._advanced_ms = self._clock.monotonic_ms()
        await self.table.advance(snapshot, now_ms=self._clock.now_ms(), news=news)
        if self.table.told is before:
            return
        for number, reader in enumerate(tuple(self.readers), 1):
            reader.wake()
            if number % _AT_ONCE == 0:
                await asyncio.sleep(0)

    async def document(self, *, demo: bool) -> Document:
        """The snapshot of the table as it was told last."""
        async with self._writing:
            told = self.table.told
            if self._document is None or self._document.name != told.name:
                self._document = await asyncio.to_thread(document, self.table, told, demo=demo)
            return self._document
