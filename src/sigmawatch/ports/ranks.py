"""The ranks port: standing rankings of the past, as the database holds them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from sigmawatch.domain.rank_column import RankColumn, Standing


class RankStore(Protocol):
    """Stored rank columns of any age. Reads never wait for the writer. Raises StorageFailed."""

    async def rank_slots(
        self, standing: Standing, *, from_slot: int, to_slot: int
    ) -> Sequence[int]:
        """The stored slots of [from_slot, to_slot), in order."""
        ...

    async def rank_column(self, standing: Standing, slot: int) -> RankColumn | None:
        """What is stored of one slot; None for nothing, or where it is damaged (which is counted
        and logged)."""
        ...
