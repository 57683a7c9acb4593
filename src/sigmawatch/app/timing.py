"""Waiting by the program's clock: deadlines that hold under a virtual or a scaled clock too."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, TypeVar

from sigmawatch.ports.clock import Clock

T = TypeVar("T")
RECHECK_S = 1.0  # the wall clock may have been set back


async def until(event: asyncio.Event, *, clock: Clock, ts_ms: int) -> bool:
    """Wait for `event`, at most until `ts_ms`; whether it came."""
    async with asyncio.TaskGroup() as group:
        sleeper = group.create_task(clock.sleep_until_ms(ts_ms))
        waiter = group.create_task(event.wait())
        await asyncio.wait((sleeper, waiter), return_when=asyncio.FIRST_COMPLETED)
        sleeper.cancel()
        waiter.cancel()
    return event.is_set()


async def pause(span_ms: int, *, clock: Clock) -> None:
    """Return once `span_ms` have passed by the monotonic clock, whatever is done to the wall clock
    meanwhile."""
    due_ms = clock.monotonic_ms() + span_ms
    while (left_ms := due_ms - clock.monotonic_ms()) > 0:
        with suppress(TimeoutError):
            async with asyncio.timeout(RECHECK_S + left_ms / 1_000.0):
                await clock.sleep_until_ms(clock.now_ms() + left_ms)


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
