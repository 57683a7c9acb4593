"""The compute thread: the one that the series tables belong to, and who gives way to it.

What runs in it holds up a slot; so does whatever shares the processor and Python's lock with it.
Background work asks `calm` between its steps, each of some ten milliseconds, and goes on when
nothing of a slot is under way: sealing beside a slot would make it several times as long.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import TypeVar

PATIENCE_S = 1.0  # who gives way goes on after that: streams may never pause

T = TypeVar("T")


class ComputeThread:
    """Work in order, one piece at a time."""

    def __init__(self, *, patience_s: float = PATIENCE_S) -> None:
        self._patience_s = patience_s
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="compute")
        self._hurried = 0
        self._calm = asyncio.Event()
        self._calm.set()

    def start(self, work: Callable[..., T], *arguments: object) -> asyncio.Future[T]:
        return asyncio.get_running_loop().run_in_executor(self._thread, work, *arguments)

    async def run(self, work: Callable[..., T], *arguments: object) -> T:
        """What `work` returns. Shielded: a caller that goes away leaves no half of it undone."""
        return await asyncio.shield(self.start(work, *arguments))

    @contextmanager
    def hurry(self) -> Iterator[None]:
        """Something of a slot is under way inside."""
        self._hurried += 1
        self._calm.clear()
        try:
            yield
        finally:
            self._hurried -= 1
            if not self._hurried:
                self._calm.set()

    async def calm(self) -> None:
        """Return when nothing of a slot is under way, or our patience."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._patience_s):
                await self._calm.wait()

    def close(self) -> None:
        """Give the thread back."""
        self._thread.shutdown(wait=True, cancel_futures=True)
