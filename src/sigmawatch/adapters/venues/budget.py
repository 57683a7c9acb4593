"""The request budget: one token bucket per venue, in the venue's own unit, with two priorities.

Nobody ever gets more than `Limits.per_minute` in any 60 s. The last `Limits.reserve` tokens are for
urgent requests (the slot poll), so back-fill never makes it wait. Within one priority: first come,
first served. Cancelling a waiter costs nothing and frees its place at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Callable

from sigmawatch.adapters.venues.settings import Limits
from sigmawatch.ports.clock import Clock


class Budget:
    """What may still be asked now; it fills with the monotonic clock."""

    def __init__(self, limits: Limits, *, clock: Clock) -> None:
        self._limits = limits
        self._clock = clock
        self._tokens = limits.burst
        self._filled_ms = clock.monotonic_ms()
        self._turns = {True: asyncio.Lock(), False: asyncio.Lock()}

    async def spend(self, cost: float, *, urgent: bool, check: Callable[[], None]) -> None:
        """Wait until `cost` may be spent, and spend it. `check` is called before each wait and at
        the end; what it raises ends the waiting and spends nothing."""
        assert 0.0 < cost <= (self._limits.reserve if urgent else self._limits.call)
        keep = 0.0 if urgent else self._limits.reserve
        async with self._turns[urgent]:
            while True:
                check()
                missing = cost + keep - self._filled()
                if missing <= 0.0:
                    break
                await self._wait_ms(math.ceil(missing / self._limits.per_second * 1_000.0))
            self._tokens -= cost

    def observe(self, used: float) -> None:
        """The venue says that `used` of this minute's budget is gone, whoever spent it: all
        programs behind one address share it."""
        self._tokens = min(self._filled(), self._limits.per_minute - used)

    def _filled(self) -> float:
        now_ms = self._clock.monotonic_ms()
        gained = (now_ms - self._filled_ms) / 1_000.0 * self._limits.per_second
        self._filled_ms = now_ms
        self._tokens = min(self._tokens + gained, self._limits.burst)
        return self._tokens

    async def _wait_ms(self, span_ms: int) -> None:
        """At most `span_ms`. The real time-out bounds it where the wall clock is set back."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(span_ms / 1_000.0):
                await self._clock.sleep_until_ms(self._clock.now_ms() + span_ms)
