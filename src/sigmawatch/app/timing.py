"""Waiting by the program's clock: deadlines that hold under a virtual or a scaled clock too."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from sigmawatch.ports.clock import Clock

T = TypeVar("T")


async def until(event: asyncio.Event, *, clock: Clock, ts_ms: int) -> bool:
    """Wait for `event`, at most until `ts_ms`; whether it came."""
    async with asyncio.TaskGroup() as group:
        sleeper = group.create_task(clock.sleep_until_ms(ts_ms))
        waiter = group.create_task(event.wait())
        await asyncio.wait((sleeper, waiter), return_when=asyncio.FIRST_COMPLETED)
        sleeper.cancel()
        waiter.cancel()
    return event.is_set()


async def within(work: Coroutine[Any, Any, T], *, clock: Clock, until_ms: int) -> T:
    """The result of `work`, or TimeoutError: it is cancelled at `until_ms`."""
    task = asyncio.ensure_future(work)
    sleeper = asyncio.ensure_future(clock.sleep_until_ms(until_ms))
    try:
        await asyncio.wait((task, sleeper), return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise TimeoutError
        return task.result()
    finally:
        sleeper.cancel()
        task.cancel()
        await asyncio.gather(task, sleeper, return_exceptions=True)
