"""The condition of the storage: set by whoever meets it, in any thread; told to everybody.

Fulfils ports.storage. One log line a change.
"""

from __future__ import annotations

import asyncio
import threading

import structlog

from sigmawatch.domain.errors import StorageUnavailable
from sigmawatch.domain.storage import StorageState, StorageStatus
from sigmawatch.ports.clock import Clock

log = structlog.get_logger()


class Condition:
    """Ok from the start. noticed: set with every change, for a thread that waits for one."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.noticed = threading.Event()
        self._lock = threading.Lock()
        self._waiting: set[asyncio.Future[None]] = set()
        self._status = self._now(StorageState.OK, "")

    def _now(self, state: StorageState, reason: str, *, doubtful: bool = False) -> StorageStatus:
        return StorageStatus(
            state=state, reason=reason, doubtful=doubtful, since_ms=self._clock.now_ms(),
            since_monotonic_ms=self._clock.monotonic_ms(),
        )  # fmt: skip

    @property
    def status(self) -> StorageStatus:
        return self._status

    def become(
        self, state: StorageState, reason: str = "", *, doubtful: bool = False,
        seen: StorageStatus | None = None,
    ) -> None:  # fmt: skip
        """From now on it is so; nothing happens where it is in that state already, or is no longer
        as it was `seen`. What is doubtful stays so."""
        with self._lock:
            before = self._status
            if before.doubtful or (before.state is state and not doubtful):
                return
            if seen not in (None, before):
                return
            self._status = self._now(state, reason, doubtful=doubtful)
            waiting, self._waiting = self._waiting, set()
        self.noticed.set()
        for future in waiting:
            future.get_loop().call_soon_threadsafe(_wake, future)
        lasted_ms = self._status.since_monotonic_ms - before.since_monotonic_ms
        tell = log.info if state is StorageState.OK else log.warning
        tell("storage_changed", state=str(state), reason=reason, before=str(before.state),
             lasted_ms=lasted_ms)  # fmt: skip

    async def changed(self, seen: StorageStatus) -> StorageStatus:
        while True:
            future = asyncio.get_running_loop().create_future()
            with self._lock:
                if self._status is not seen:
                    return self._status
                self._waiting.add(future)
            try:
                await future
            finally:
                self._waiting.discard(future)

    def check(self) -> None:
        """Raises StorageUnavailable where nothing can be stored for now."""
        status = self._status
        if status.state is not StorageState.OK:
            raise StorageUnavailable(str(status))


def _wake(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
