"""A database that is away for longer than a market's spike lasts: no alert is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
from tests.simulation.test_alerts import decided, priced
from tests.simulation.world import (
    NO_BACKFILL,
    OFFSET_MS,
    START_MS,
    World,
    a_double,
    a_world,
    configured,
    until,
)

from sigmawatch.app.config import Track
from sigmawatch.app.docket import DOCKET_SLOTS_MIN
from sigmawatch.domain.errors import StorageUnavailable
from sigmawatch.domain.window import Interval
from sigmawatch.ports.ledger import Transaction

FIVE = Interval(5_000)
AWAY_SLOTS = DOCKET_SLOTS_MIN + 30  # twelve and a half minutes
FIRING, RESOLVED = ("KRAKEN:BTC/USD:price", "firing"), ("KRAKEN:BTC/USD:price", "resolved")


@asynccontextmanager
async def away(
    real: Callable[..., AbstractAsyncContextManager[Transaction]], back: asyncio.Event, *,
    bulk: bool = False,
) -> AsyncIterator[Transaction]:  # fmt: skip
    """As every ledger is: what is small is refused, readings wait."""
    if not bulk and not back.is_set():
        raise StorageUnavailable("the database is away")
    await back.wait()
    async with real(bulk=bulk) as transaction:
        yield transaction


async def pass_unstored(world: World, count: int) -> None:
    """Slots end, are polled, and close without what was polled."""
    for _ in range(count):
        boundary_ms = FIVE.open_ms(world.slot + 1)
        await world.move_to_ms(boundary_ms + OFFSET_MS)
        world.slot += 1
        await until(world.polled)
        await world.move_to_ms(boundary_ms + FIVE.close_deadline_ms)
        await until(world.closed)


@pytest.mark.timeout(300)
async def test_what_spiked_while_the_database_was_away_for_minutes_is_told_when_it_is_back(
    tmp_path: Path,
) -> None:
    """SEMANTICS.md 7: "Closed while down and older than `max_lateness` (15 min): history only";
    what is not as old is told. Readings wait, so do the slots that they are of."""
    track = Track(venue="kraken", markets=("BTC/USD",), metrics=("price",), every=FIVE)
    async with a_double(start_ms=START_MS + FIVE.ms // 2) as double:
        config = configured(double, tmp_path / "data", track=(track,), interval=FIVE,
                            backfill=NO_BACKFILL)  # fmt: skip
        config = config.model_copy(update={"venues": {"kraken": config.venues["kraken"]}})
        with double.faults.on(*priced(BTC="100")):
            async with a_world(double, config) as world:
                await lost_and_found(world)


async def lost_and_found(world: World) -> None:
    rulebook, back = world.program.rulebook, asyncio.Event()
    ledger = world.program._ports.ledger
    await world.begin()
    for rule in rulebook.all:
        await rulebook.remove(rule.name)
    await rulebook.put("high", {"condition": "price > 200", "target": ["KRAKEN:BTC/USD"],
                                "cooldown": "0s"})  # fmt: skip
    await world.pass_slots(3)
    vars(ledger)["transaction"] = partial(away, ledger.transaction, back)
    await pass_unstored(world, 3)
    with world.double.faults.on(*priced(BTC="300")):
        await pass_unstored(world, 3)
    await pass_unstored(world, AWAY_SLOTS)
    assert await decided(world) == []
    back.set()
    await world.pass_slots(8)
    assert await decided(world) == [FIRING, RESOLVED]
    [episode] = (await world.get("/episodes"))["items"]
    assert episode["closed_at"] is not None
