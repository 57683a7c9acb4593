"""The heartbeat: an address is asked once a minute, but only if a slot was judged since.

"Dead-man signal: optional heartbeat to a URL every 60 s so that *our* death is noticed"
(RELIABILITY.md P35). It follows the mark of what is judged in the database, not a timer of its own:
where the evaluator, the database or we stand still, it stops.
"""

from __future__ import annotations

from collections.abc import Mapping

import structlog

from sigmawatch.domain.errors import SigmawatchError, Unavailable
from sigmawatch.domain.window import MINUTE_MS, Interval
from sigmawatch.ports.alerts import AlertStore
from sigmawatch.ports.channel import Signal
from sigmawatch.ports.clock import Clock

BEAT_MS = MINUTE_MS

log = structlog.get_logger()


class Heartbeat:
    """Gives a sign of life."""

    def __init__(self, signal: Signal, *, alerts: AlertStore, clock: Clock) -> None:
        self._signal = signal
        self._alerts = alerts
        self._clock = clock
        self._judged: Mapping[Interval, int] | None = None
        self.beats_count = 0

    async def beat_for_ever(self) -> None:
        """The first beat is for the first slot that is judged in this life."""
        while True:
            await self.beat()
            await self._clock.sleep_until_ms(self._clock.now_ms() + BEAT_MS)

    async def beat(self) -> None:
        """A sign, if anything was judged since the last one."""
        try:
            judged = dict(await self._alerts.judged_through())
            before, self._judged = self._judged, judged
            if before is not None and judged != before:
                await self._signal.give()
                self.beats_count += 1
        except (SigmawatchError, TimeoutError) as exc:
            level = log.warning if isinstance(exc, Unavailable) else log.error
            level("heartbeat_failed", reason=str(exc))
