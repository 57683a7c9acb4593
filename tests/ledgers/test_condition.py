"""The condition of the storage is told to everybody, whichever thread met it."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from sigmawatch.adapters.clock import VirtualClock
from sigmawatch.adapters.ledgers.condition import Condition
from sigmawatch.domain.errors import StorageUnavailable
from sigmawatch.domain.storage import StorageState


async def test_what_a_thread_meets_wakes_everybody_who_waits() -> None:
    condition = Condition(VirtualClock(0))
    seen = condition.status
    waiting = [asyncio.create_task(condition.changed(seen)) for _ in range(3)]
    await asyncio.sleep(0)
    await asyncio.to_thread(condition.become, StorageState.FULL, "no room")
    async with asyncio.timeout(60):
        told = await asyncio.gather(*waiting)
    assert {str(status) for status in told} == {"storage full: no room"}
    assert await condition.changed(seen) is told[0], "who asks later is told at once"


async def test_since_when_is_the_first_that_met_it_on_both_clocks() -> None:
    clock = VirtualClock(1_000)
    condition = Condition(clock)
    await clock.advance_to_ms(3_000)
    with capture_logs() as logs:
        condition.become(StorageState.READ_ONLY, "the disk is read-only")
        clock.step_wall_ms(-2_500)
        condition.become(StorageState.READ_ONLY, "again")
    status = condition.status
    assert (status.since_ms, status.since_monotonic_ms) == (3_000, 2_000)
    assert status.reason == "the disk is read-only"
    assert [log["event"] for log in logs] == ["storage_changed"], "one line a change"


async def test_a_doubt_is_never_taken_back() -> None:
    condition = Condition(VirtualClock(0))
    condition.become(StorageState.FAILED, "an error of the disk")
    condition.become(StorageState.FAILED, "another database", doubtful=True)
    condition.become(StorageState.OK)
    assert condition.status.doubtful
    with pytest.raises(StorageUnavailable, match="another database"):
        condition.check()


async def test_who_no_longer_waits_is_no_trouble() -> None:
    condition = Condition(VirtualClock(0))
    waiting = asyncio.create_task(condition.changed(condition.status))
    await asyncio.sleep(0)
    waiting.cancel()
    condition.become(StorageState.FULL, "no room")
    await asyncio.wait([waiting])
    assert waiting.cancelled()
