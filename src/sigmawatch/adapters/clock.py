"""Clocks: the real one, one moved by hand for tests and replay, and one that runs faster.

Wall time (`now_ms`) may step in all of them; monotonic time never goes back. Fulfils ports.clock.
"""

from __future__ import annotations

import asyncio
import heapq
import time
from collections.abc import Callable
from itertools import count

from sigmawatch.domain.errors import Invalid

_NS_PER_MS = 1_000_000
_RECHECK_MS = 1_000  # the wall clock may have been stepped meanwhile
SPEED_MAX = 3_600.0


class RealClock:
    """The machine's clocks. wall_ns, recheck_ms: for tests that step the wall clock."""

    def __init__(
        self, *, wall_ns: Callable[[], int] = time.time_ns, recheck_ms: int = _RECHECK_MS
    ) -> None:
        assert recheck_ms > 0
        self._wall_ns = wall_ns
        self._recheck_ms = recheck_ms

    def now_ms(self) -> int:
        return self._wall_ns() // _NS_PER_MS

    def monotonic_ms(self) -> int:
        return time.monotonic_ns() // _NS_PER_MS

    async def sleep_until_ms(self, ts_ms: int) -> None:
        """Return once `now_ms() >= ts_ms`, at most `recheck_ms` late after a step forward."""
        while (left_ms := ts_ms - self.now_ms()) > 0:  # noqa: ASYNC110 - time has no event
            await asyncio.sleep(min(left_ms, self._recheck_ms) / 1_000)


class ScaledClock:
    """A wall clock that starts at `start_ms` and runs `speed` times as fast as real time, 1 to
    3,600; monotonic time runs as fast, so ages and wall time agree. Raises Invalid."""

    def __init__(self, start_ms: int, speed: float) -> None:
        if not 1.0 <= speed <= SPEED_MAX:
            raise Invalid(f"speed must be 1 to {SPEED_MAX:g}, was {speed!r}", field="speed")
        self._start_ms = start_ms
        self._speed = speed
        self._start_ns = time.monotonic_ns()

    def now_ms(self) -> int:
        return self._start_ms + self.monotonic_ms()

    def monotonic_ms(self) -> int:
        return int((time.monotonic_ns() - self._start_ns) * self._speed) // _NS_PER_MS

    async def sleep_until_ms(self, ts_ms: int) -> None:
        """Return once `now_ms() >= ts_ms`."""
        while (left_ms := ts_ms - self.now_ms()) > 0:  # noqa: ASYNC110 - time has no event
            await asyncio.sleep(left_ms / 1_000 / self._speed)


class VirtualClock:
    """Stands still until it is moved. Sleepers wake in the order of their times, then of their
    calls, each seeing exactly its own time: the same calls give the same run."""

    def __init__(self, start_ms: int) -> None:
        self._now_ms = start_ms
        self._monotonic_ms = 0
        self._sleepers: list[tuple[int, int, asyncio.Future[None]]] = []
        self._order = count()

    def now_ms(self) -> int:
        return self._now_ms

    def monotonic_ms(self) -> int:
        return self._monotonic_ms

    @property
    def sleepers_count(self) -> int:
        """How many wait now."""
        return sum(not wake.done() for _, _, wake in self._sleepers)

    async def sleep_until_ms(self, ts_ms: int) -> None:
        """Return once `now_ms() >= ts_ms`; a step back meanwhile makes it wait on."""
        while ts_ms > self._now_ms:
            wake = asyncio.get_running_loop().create_future()
            heapq.heappush(self._sleepers, (ts_ms, next(self._order), wake))
            await wake

    async def advance_to_ms(self, ts_ms: int, *, turns: int = 1, wakes: bool = True) -> None:
        """Move time forward to `ts_ms`, stopping at each sleeper's time on the way. After each
        stop the event loop gets `turns` turns, so that who woke can work and sleep again. wakes:
        whether those who sleep until then wake now; else at the next move."""
        assert ts_ms >= self._now_ms
        assert turns > 0
        last_ms = ts_ms if wakes else ts_ms - 1
        while self._sleepers and self._sleepers[0][0] <= last_ms:
            due_ms, _, wake = heapq.heappop(self._sleepers)
            if wake.done():  # its task was cancelled
                continue
            self._move_to_ms(max(due_ms, self._now_ms))
            wake.set_result(None)
            await self._turn(turns)
        self._move_to_ms(max(ts_ms, self._now_ms))
        await self._turn(turns)

    def step_wall_ms(self, delta_ms: int) -> None:
        """Set the wall clock forward or back, as an operator or NTP does; monotonic time stays.
        Who waited for a time that was jumped over wakes at the next `advance_to_ms`."""
        self._now_ms += delta_ms

    def _move_to_ms(self, ts_ms: int) -> None:
        self._monotonic_ms += ts_ms - self._now_ms
        self._now_ms = ts_ms

    @staticmethod
    async def _turn(turns: int) -> None:
        for _ in range(turns):
            await asyncio.sleep(0)
