"""The hub: every table that is shown, who reads it, and the one task that tells them.

    hub = Hub(Sources(...), clock=clock)
    await hub.run_for_ever()                            # in the program's task group
    document = await hub.document(asked)                # a table's snapshot
    reader = await hub.join(asked, listener, last=None)
    ... await reader.next() ...
    hub.leave(reader)

A slot's close is told at once; what comes between two slots is gathered for PACE_MS. Readers are
woken in small groups, so that everybody else is answered in between. Nothing is done while nobody
reads.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import Any

from sigmawatch.app.streaming.document import Document
from sigmawatch.app.streaming.payloads import VenueEvent
from sigmawatch.app.streaming.reader import ENDS, GONE, MOVED, Listener, Position, Reader
from sigmawatch.app.streaming.shown import PACE_MS, Shown
from sigmawatch.app.streaming.table import Asked, News, Pick, Table
from sigmawatch.app.streaming.telling import (
    About,
    greeting,
    news_of_episode,
    news_of_venue,
    venue_event,
)
from sigmawatch.app.streaming.wire import Piece
from sigmawatch.app.timing import within
from sigmawatch.domain.alert import Episode, Rule
from sigmawatch.domain.errors import NotFound, SigmawatchError, Unavailable
from sigmawatch.domain.venue import VenueStatus
from sigmawatch.engine.snapshot import Snapshot
from sigmawatch.ports.clock import Clock

READERS_MAX = 5_000
TABLES_MAX = 32  # different ones at a time
TABLES_FULL = f"{TABLES_MAX} different tables are read already; ask for one of them"
TABLE_KEPT_MS = 120_000  # without anybody who reads it
KEEP_ALIVE_MS = 15_000
EPISODES_MAX = 100  # told at once; /episodes lists them all


class Full(SigmawatchError):
    """As many read already as may."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """What a hub sees of the program. changed: waits for the first snapshot after one. pick: how a
    table finds its rows; raises NotFound for a watchlist that is none. rule_of: by its id; raises
    Unavailable. series_name: None for one that is tracked no more."""

    snapshot: Callable[[], Snapshot]
    changed: Callable[[int], Coroutine[Any, Any, Snapshot]]
    venues: Callable[[], Sequence[VenueStatus]]
    pick: Callable[[Asked], Pick]
    rule_of: Callable[[int], Awaitable[Rule | None]]
    series_name: Callable[[int], str | None]
    demo: bool


class Hub:
    """Of one program."""

    def __init__(self, sources: Sources, *, clock: Clock, readers_max: int = READERS_MAX) -> None:
        self._sources, self._clock, self._readers_max = sources, clock, readers_max
        self._shown: dict[Asked, Shown] = {}
        self._places: Counter[str] = Counter()
        self._read = asyncio.Event()  # somebody reads
        self._closed = False
        self._name = secrets.token_hex(4)
        self._numbers = count(1)
        self._venues: Sequence[VenueEvent] = ()  # as they were told last
        self._swept_ms = -PACE_MS
        self._episodes: list[Episode] = []

    # Reading

    @property
    def readers_count(self) -> int:
        return self._places.total()

    async def document(self, asked: Asked) -> Document:
        """The snapshot of a table, a second old at most. Raises Full, NotFound."""
        shown = await self._fresh(asked)
        return await shown.document(demo=self._sources.demo)

    async def join(self, asked: Asked, listener: Listener, *, last: str | None) -> Reader:
        """A reader that goes on after the event `last`, where one is named; to be left. Raises
        Full, NotFound."""
        self._admit(listener)
        shown = await self._fresh(asked)
        self._admit(listener)  # others came while we waited
        if not self._places:
            self._venues = self._venues_now()
        reader = Reader(
            shown.table, listener, hello=partial(self._hello, shown.table, ui=listener.ui),
            clock=self._clock,
        )  # fmt: skip
        reader.begin(last)
        shown.readers[reader] = None
        self._places[listener.place] += 1
        self._read.set()
        if self._closed:
            reader.end(ENDS)
        return reader

    def leave(self, reader: Reader) -> None:
        """Nothing is told to it any more."""
        shown = self._shown[reader.table.asked]
        del shown.readers[reader]
        shown.used_ms = self._clock.monotonic_ms()
        place = reader.listener.place
        self._places[place] -= 1
        if not self._places[place]:
            del self._places[place]
        if not self._places:
            self._read.clear()

    def _admit(self, listener: Listener) -> None:
        if self._places[listener.place] >= listener.place_max:
            raise Full(f"you read {listener.place_max} streams already; close one")
        if self.readers_count >= self._readers_max:
            raise Full(f"{self._readers_max} streams are read already; try again later")

    async def _fresh(self, asked: Asked) -> Shown:
        """The table, as it is now; as it is told, where somebody reads it."""
        shown = self._shown.get(asked)
        if shown is None:
            self._make_room()
            table = Table(asked, pick=self._sources.pick(asked), epoch=self._epoch)
            shown = self._shown[asked] = Shown(table, clock=self._clock)
        shown.used_ms = self._clock.monotonic_ms()
        if shown.due(self._sources.snapshot()):
            await shown.advance(self._sources.snapshot())
        if self._shown.get(asked) is not shown:
            raise Full(TABLES_FULL)  # it gave way while it was made
        return shown

    def _make_room(self) -> None:
        """For one more table: of those that nobody reads the one longest unused gives way."""
        unread = [asked for asked, shown in self._shown.items() if not shown.readers]
        if len(self._shown) >= TABLES_MAX and unread:
            del self._shown[min(unread, key=lambda asked: self._shown[asked].used_ms)]
        if len(self._shown) >= TABLES_MAX:
            raise Full(TABLES_FULL)

    def _epoch(self) -> str:
        return f"{self._name}{next(self._numbers):x}"

    def _hello(self, table: Table, position: Position, *, ui: str) -> Piece:
        return greeting(
            table, position, venues=self._venues_now(), now_ms=self._clock.now_ms(),
            about=About(ui=ui, demo=self._sources.demo),
        )  # fmt: skip

    # Telling

    def note_episodes(self, episodes: Sequence[Episode]) -> None:
        """Episodes were opened, changed or closed, and that is durable."""
        if self._places:
            self._episodes += episodes

    def send_away(self) -> None:
        """What is shown here is shown elsewhere now: every reader starts over there."""
        self._end(MOVED)

    def close(self) -> None:
        """Say good-bye; who comes from now on is told so at once."""
        self._closed = True
        self._end(ENDS)

    def _end(self, farewell: Piece) -> None:
        for shown in self._shown.values():
            for reader in shown.readers:
                reader.end(farewell)

    async def run_for_ever(self) -> None:
        """Tell whatever changes to whoever reads."""
        sequence = -1
        try:
            while True:
                await self._read.wait()
                sequence = self._sources.snapshot().sequence
                await self._tell()
                self._sweep()
                until_ms = self._clock.now_ms() + PACE_MS
                with suppress(TimeoutError):
                    change = self._sources.changed(sequence)
                    await within(change, clock=self._clock, until_ms=until_ms)
        finally:
            self.send_away()

    async def _tell(self) -> None:
        snapshot, news = self._sources.snapshot(), await self._news()
        for shown in list(self._shown.values()):
            if shown.readers and (news or shown.due(snapshot)):
                await self._advance(shown, news)

    async def _advance(self, shown: Shown, news: Sequence[News]) -> None:
        try:
            await shown.advance(self._sources.snapshot(), news)
        except NotFound:  # of its watchlist
            for reader in shown.readers:
                reader.end(GONE)

    async def _news(self) -> Sequence[News]:
        """What is to be told beside the tables."""
        before = {(one.venue, one.state, one.detail) for one in self._venues}
        self._venues = self._venues_now()
        found = [
            news_of_venue(one) for one in self._venues
            if (one.venue, one.state, one.detail) not in before
        ]  # fmt: skip
        episodes, self._episodes = self._episodes[:EPISODES_MAX], []
        try:
            return found + [await self._told(episode) for episode in episodes]
        except Unavailable:  # the database, which knows what the rules are called
            self._episodes = episodes + self._episodes
            return found

    async def _told(self, episode: Episode) -> News:
        rule = await self._sources.rule_of(episode.rule_id)
        series = self._sources.series_name(episode.series_id)
        return news_of_episode(episode, rule=rule, series=series)

    def _venues_now(self) -> Sequence[VenueEvent]:
        return tuple(map(venue_event, self._sources.venues()))

    def _sweep(self) -> None:
        """Once in a pace: end who may read no more, keep alive who was told nothing for long, let
        tables go."""
        now_ms = self._clock.monotonic_ms()
        if now_ms - self._swept_ms < PACE_MS:
            return
        self._swept_ms, quiet_ms = now_ms, now_ms - KEEP_ALIVE_MS
        for shown in self._shown.values():
            for reader in shown.readers:
                if not reader.listener.may_go_on():
                    reader.wake()  # it finds out itself, and says good-bye
                elif reader.heard_ms <= quiet_ms:
                    reader.keep_alive()
        self._sweep_tables()

    def _sweep_tables(self) -> None:
        long_ago_ms = self._clock.monotonic_ms() - TABLE_KEPT_MS
        for asked, shown in list(self._shown.items()):
            if not shown.readers and shown.used_ms <= long_ago_ms:
                del self._shown[asked]
