"""What clocks on walls show: time zones."""

from __future__ import annotations

from typing import Protocol


class Zones(Protocol):
    """IANA zones, by name."""

    def offset_ms(self, zone: str, ts_ms: int) -> int:
        """How far the zone's clock is ahead of UTC at a moment. Raises Invalid where there is no
        such zone."""
        ...
