"""The venue's clock: starts when told, runs at any speed or stands still, may be wrong.

Integer milliseconds since the epoch. Everything the double says about time comes from here:
candles, tickers, limits and bans. Only hanging and slow answers use the host's time.
"""

import time
from collections.abc import Callable

from sigmawatch_simulator.errors import BadRequest

SPEED_MAX = 3_600.0


class VirtualClock:
    """Virtual milliseconds as a linear function of the host's monotonic clock."""

    def __init__(
        self,
        start_ms: int | None = None,
        *,
        speed: float = 1.0,
        skew_ms: int = 0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._monotonic = monotonic
        self._anchor_s = monotonic()
        self._start_ms = time.time_ns() // 1_000_000 if start_ms is None else start_ms
        self._speed = _checked(speed)
        self.skew_ms = skew_ms

    @property
    def speed(self) -> float:
        """Virtual seconds per second; 0 stands still."""
        return self._speed

    def now_ms(self) -> int:
        """What the venue's clock says, its skew included."""
        return self._true_ms() + self.skew_ms

    def advance(self, by_ms: int) -> int:
        """Jump ahead (or back, as after an NTP step); returns the new time."""
        self._start_ms += by_ms
        return self.now_ms()

    def set_ms(self, now_ms: int) -> None:
        """Jump so that now_ms() is this."""
        self.advance(now_ms - self.now_ms())

    def run_at(self, speed: float) -> None:
        """Go on from the present moment at another speed."""
        self._start_ms, self._anchor_s = self._true_ms(), self._monotonic()
        self._speed = _checked(speed)

    def freeze(self) -> None:
        self.run_at(0.0)

    def _true_ms(self) -> int:
        return self._start_ms + int((self._monotonic() - self._anchor_s) * 1_000.0 * self._speed)


def _checked(speed: float) -> float:
    if not 0.0 <= speed <= SPEED_MAX:
        raise BadRequest(f"speed: must lie in 0..{SPEED_MAX:g}, was {speed!r}")
    return speed
