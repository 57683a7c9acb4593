"""The clock port: the only way the program learns the time or waits."""

from __future__ import annotations

from typing import Protocol


class Clock(Protocol):
    """Wall time in integer milliseconds UTC, and a monotonic time for ages and time-outs."""

    def now_ms(self) -> int:
        """Milliseconds since the epoch, UTC; may step."""
        ...

    def monotonic_ms(self) -> int:
        """Milliseconds since some fixed moment; never goes back."""
        ...

    async def sleep_until_ms(self, ts_ms: int) -> None:
        """Return once `now_ms() >= ts_ms`; at once where it already is."""
        ...
