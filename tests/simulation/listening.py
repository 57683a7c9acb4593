"""A world that listens: time passes second by second, and everything a venue tells is heard before
the next one. Both sides live in one event loop, so what is sent is there a few turns later."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.simulation.world import (
    OFFSET_MS,
    World,
    a_double,
    a_world,
    configured,
    until,
)

from sigmawatch.app.listening.listener import Listener

SECOND_MS = 1_000


class ListeningWorld:
    """A world, and one venue's stream in it."""

    def __init__(self, world: World, venue: str) -> None:
        self.world = world
        self.venue = venue
        self.step_ms = SECOND_MS  # between two moments at which everybody is heard
        collectors = {one.name: one for one in world.program.stations.collectors}
        listener = collectors[venue].listener
        assert listener is not None
        self.listener: Listener = listener

    async def pass_s(self, count: int) -> None:
        """Steps, of a second each unless said otherwise, go by; each is heard to its end."""
        for _ in range(count):
            await self._step()

    async def pass_slots(self, count: int = 1) -> None:
        """Slots end: each is heard, closed and shown."""
        world = self.world
        for _ in range(count):
            due_ms = world.interval.open_ms(world.slot + 1) + OFFSET_MS
            while world.clock.now_ms() < due_ms:
                await self._step(due_ms)
            world.slot += 1
            await until(world.closed)
            await until(world.polled)

    def catch_up(self) -> None:
        """Slots ended while seconds went by."""
        world = self.world
        world.slot = max(world.slot, world.interval.slot(world.clock.now_ms() - OFFSET_MS))

    async def _step(self, until_ms: int | None = None) -> None:
        world = self.world
        now_ms = world.clock.now_ms()
        next_ms = min(now_ms + self.step_ms, until_ms or now_ms + self.step_ms)
        world.double.clock.set_ms(next_ms)
        await world.double.streams.pump()
        await until(self._all_heard)
        await world.clock.advance_to_ms(next_ms, turns=20)
        await until(self._all_heard)

    def _all_heard(self) -> bool:
        sent = self.world.double.streams.sent_counts(self.venue.lower())
        lives = [life for life in self.listener.lives if life.opened_ms is not None]
        return sorted(sent) == sorted(life.frames_count for life in lives)

    async def lives(self, *, within_s: int = 30) -> None:
        """Wait until the stream stands."""
        for _ in range(within_s):
            if self.listener.report().state == "live":
                return
            await self.pass_s(1)
        raise AssertionError(self.listener.report())

    async def report(self) -> dict[str, Any]:
        """The stream as `/venues` shows it."""
        found: dict[str, Any] = (await self.world.venue(self.venue))["stream"]
        return found


@asynccontextmanager
async def a_listening_world(
    folder: Path, venue: str, **options: Any
) -> AsyncIterator[ListeningWorld]:
    """One venue listened to, the others polled; two slots have passed since the stream stood."""
    async with a_double() as double:
        config = configured(double, folder / "data", streams=(venue,), **options)
        async with a_world(double, config) as world:
            await world.begin()
            heard = ListeningWorld(world, venue)
            await heard.lives()
            await heard.pass_slots(3)
            yield heard
