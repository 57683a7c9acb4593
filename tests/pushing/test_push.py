"""Storing what is pushed: what fails for now, what comes at once, what costs too much."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from tests.web.conftest import START_MS, World, a_world

from sigmawatch.app.push_config import PushConfig
from sigmawatch.app.pushing.lines import read_lines
from sigmawatch.app.pushing.push import Push, Taken
from sigmawatch.app.pushing.told import Told
from sigmawatch.domain.errors import Busy, Unavailable
from sigmawatch.domain.window import Interval
from sigmawatch.ports.bus import Item

MINUTE = Interval(60_000)


def told(text: str) -> Told:
    return read_lines(text.encode(), now_ms=START_MS, precision="ms")


class Pushing:
    """A world's pushing with a bus that may be broken."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.sent: list[Sequence[Item]] = []
        self.broken = False
        self.held: asyncio.Event | None = None
        self.begun = asyncio.Event()  # something is held
        means = replace(world.program.push._means, publish=self._publish)
        self.push = Push(PushConfig(), means)

    async def _publish(self, items: Sequence[Item]) -> None:
        self.sent.append(items)
        if self.held is not None:
            self.begun.set()
            await self.held.wait()
        if self.broken:
            raise Busy("not stored within 60 s; it may still be")
        await self.world.program.publish(items)

    async def take(self, text: str) -> Taken:
        return await self.push.take(told(text), interval=MINUTE)

    async def live(self, name: str) -> float:
        await self.world.program.tracker.refresh()
        return float((await self.world.get(f"/metrics/{name}"))["live_value"])


@asynccontextmanager
async def pushing(folder: Path) -> AsyncIterator[Pushing]:
    async with a_world(folder) as world, asyncio.TaskGroup() as group:
        made = Pushing(world)
        task = group.create_task(made.push.take_for_ever())
        yield made
        task.cancel()


async def test_what_could_not_be_stored_at_once_is_stored_once(tmp_path: Path) -> None:
    """ports.bus: "it may still come: publish the same items again". So those are sent before
    anything else, and pushing the same readings again adds nothing."""
    async with pushing(tmp_path) as made:
        await made.take(f"BTC/USD trades=1 {START_MS}")
        made.broken = True
        for _ in range(2):
            with pytest.raises(Busy):
                await made.take(f"BTC/USD trades=2 {START_MS + 1}")
        assert made.sent[-1] == made.sent[-2], "nothing new is laid out before the old is stored"
        made.broken = False
        assert (await made.take(f"BTC/USD trades=2 {START_MS + 1}")).count == 1
        assert await made.live("PUSH:BTC-USD:trades") == 3.0


async def test_what_comes_while_something_is_stored_is_stored_together(tmp_path: Path) -> None:
    """DESIGN.md: "Streams are committed in groups"."""
    async with pushing(tmp_path) as made, asyncio.timeout(60):
        await made.take("BTC/USD price=1")
        made.held = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(made.take(f"BTC/USD price=2 {START_MS + 1}"))
            await made.begun.wait()
            for value in range(3, 40):
                group.create_task(made.take(f"BTC/USD price={value} {START_MS + value}"))
            await asyncio.sleep(0)
            made.held.set()
        assert len(made.sent) == 3
        assert await made.live("PUSH:BTC-USD:price") == 39.0


async def test_who_waits_when_the_program_ends_is_told_so(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world, asyncio.timeout(60):
        made = Pushing(world)
        made.held = asyncio.Event()
        storing = asyncio.ensure_future(made.push.take_for_ever())
        waiting = asyncio.ensure_future(made.take("BTC/USD price=1"))
        await made.begun.wait()
        storing.cancel()
        with pytest.raises(Unavailable, match="ending"):
            await waiting


async def test_single_readings_of_wide_blocks_gather_where_they_go_on_for_long(
    tmp_path: Path,
) -> None:
    """A frame is as wide as its block: what a flood of single readings costs on disk is bounded."""
    async with pushing(tmp_path) as made, asyncio.timeout(60):
        await made.take("\n".join(f"M{n}/USD price=1" for n in range(600)))
        made.push._spare = (1_000, made.world.clock.monotonic_ms())
        await made.take(f"M599/USD price=2 {START_MS + 1}")
        assert len(made.sent) == 2
        later = [asyncio.ensure_future(made.take(f"M599/USD price={k} {START_MS + k}"))
                 for k in range(3, 9)]  # fmt: skip
        for _ in range(20):
            await asyncio.sleep(0)
        assert len(made.sent) == 2, "they gather"
        await made.world.clock.advance_to_ms(START_MS + 250)
        await asyncio.gather(*later)
        assert len(made.sent) == 3
        assert await made.live("PUSH:M599-USD:price") == 8.0
