"""The time that ends sessions and keys: it never goes back, whatever the machine's clock does.

SECURITY.md, S63: "Clock moved back to revive an expired session or key: expiry also checked against
stored high-water time". Behind the latest moment that was ever seen, time goes on at the pace of
the monotonic clock.
"""

from __future__ import annotations

from sigmawatch.ports.clock import Clock


class AccessTime:
    """The later of the clock and what has been seen before."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seen_ms = clock.now_ms()
        self._at_ms = clock.monotonic_ms()

    def now_ms(self) -> int:
        """Never less than it was."""
        reached_ms = self._seen_ms + self._clock.monotonic_ms() - self._at_ms
        self._note(max(self._clock.now_ms(), reached_ms))
        return self._seen_ms

    def remember(self, stored_ms: int) -> None:
        """It was as late as that already, in an earlier life or another program."""
        self._note(max(self.now_ms(), stored_ms))

    def _note(self, now_ms: int) -> None:
        self._seen_ms, self._at_ms = now_ms, self._clock.monotonic_ms()
