"""The history port: what was true in slots that left the series table, and its retention."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from sigmawatch.domain.series import Series


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """One series over a run of slots from `from_slot`: values n little-endian float64, marks n
    bytes, as in domain.frame; slots that nothing is known of are NaN and NOT_POLLED."""

    from_slot: int
    values: bytes
    marks: bytes


class History(Protocol):
    """Stored slots of any age, as the database holds them."""

    async def stretch(self, series: Series, *, from_slot: int, to_slot: int) -> Stretch:
        """Slots [from_slot, to_slot) of one series. Raises StorageFailed."""
        ...

    async def prune(self, *, before_ms: int, rows_max: int) -> int:
        """Delete up to `rows_max` frames, patches and runs that lie wholly before `before_ms`; how
        many went. Small transactions that yield to a waiting slot."""
        ...
