"""The history port: what was true in slots that left the series table, and how it is sealed.

Days are sealed one block at a time: a **section** is one block over one day of UTC (over one hour
where slots are shorter than a minute). Its frames and patches are put together, every series
becomes one column of it, packed and with rollups beside it, and only when all of that is durable
the frames and patches go. What comes later for a sealed section is put together with it on every
read, and sealed again under a higher revision. A read never tells the difference.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from sigmawatch.domain.series import Block, Series
from sigmawatch.engine.rollups import COLUMNS as ROLLUP_COLUMNS
from sigmawatch.engine.rollups import Rollups

__all__ = [
    "ROLLUP_COLUMNS", "Folded", "History", "Pause", "Rollups", "Sealing", "Section", "Stretch",
    "at_once",
]  # fmt: skip

Pause = Callable[[], Awaitable[None]]


async def at_once() -> None:
    """The pause that is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """One series over a run of slots from `from_slot`: values n little-endian float64, marks n
    bytes, as in domain.frame; slots that nothing is known of are NaN and NOT_POLLED."""

    from_slot: int
    values: bytes
    marks: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """What is sealed at once: one block over the slots [from_slot, to_slot)."""

    block: Block
    from_slot: int

    def __post_init__(self) -> None:
        assert self.from_slot % self.block.interval.section_slots == 0

    @property
    def to_slot(self) -> int:
        return self.from_slot + self.block.interval.section_slots

    @property
    def from_ms(self) -> int:
        return self.block.interval.open_ms(self.from_slot)

    @property
    def until_ms(self) -> int:
        return self.block.interval.open_ms(self.to_slot)


@dataclass(frozen=True, slots=True, kw_only=True)
class Folded:
    """A section's frames and patches put together, for the series that they change.

    revision: of this sealing; through_id: everything up to this place in the order of commits is in
    it. series_ids: k of them; values, marks, sources: float64, uint8 and int64[slots, k], where
    source is what a later word is judged by. receipts: int64[slots], the source of each slot's
    newest frame. torn: series whose column was found damaged: what is here came later, so their
    rollups stay as they are.
    """

    section: Section
    revision: int
    through_id: int
    series_ids: tuple[int, ...]
    values: npt.NDArray[np.float64]
    marks: npt.NDArray[np.uint8]
    sources: npt.NDArray[np.int64]
    receipts: npt.NDArray[np.int64]
    torn: frozenset[int] = frozenset()


class History(Protocol):
    """Stored slots of any age, as the database holds them."""

    async def stretch(self, series: Series, *, from_slot: int, to_slot: int) -> Stretch:
        """Slots [from_slot, to_slot) of one series. Raises StorageFailed."""
        ...

    async def rollups(self, series: Series, *, width_ms: int, from_ms: int, to_ms: int) -> Rollups:
        """The sealed runs of `width_ms` that lie wholly in [from_ms, to_ms), without those that a
        word not yet sealed may change. Raises StorageFailed."""
        ...

    async def oldest_ms(self, series: Series) -> int | None:
        """Where slots begin to be held one by one: the open of a slot before which nothing is; None
        where nothing is at all."""
        ...

    async def prune(
        self, *, before_ms: int, rows_max: int, rollups_before_ms: Mapping[int, int] | None = None
    ) -> int:
        """Delete up to `rows_max` columns and runs that lie wholly before `before_ms`, and rollups
        that lie before the moment given for their width; how many went. What is not sealed stays.
        Small transactions that yield to a waiting slot."""
        ...


class Sealing(Protocol):
    """Turning frames and patches into sealed sections. Every step may be cut off anywhere and done
    again; reads tell the same before, between and after. Raises StorageFailed, and Superseded where
    another program has begun to seal the same database."""

    def alone(self) -> AbstractAsyncContextManager[bool]:
        """Whether sealing is ours to do, inside the block: one program at a time seals."""
        ...

    async def unsealed(self, block: Block, *, before_ms: int) -> Sequence[Section]:
        """The block's sections that end by `before_ms` and lack something that was committed,
        oldest first."""
        ...

    async def fold(self, section: Section, *, between: Pause = at_once) -> Folded:
        """Put together what was committed of a section, in short reads. between: waited for before
        each step."""
        ...

    async def seal(
        self, folded: Folded, rollups: Sequence[Sequence[Rollups]], *, between: Pause = at_once
    ) -> None:
        """Store columns and rollups (of each series, one for every width), then say that the
        section is sealed; small transactions that yield to a waiting slot. between: as above."""
        ...

    async def sealed(self, block: Block) -> Sequence[tuple[Section, int]]:
        """The block's sections whose slots are sealed and held, each with its revision, oldest
        first."""
        ...

    async def whole(self, section: Section) -> Folded:
        """A sealed section with all its series."""
        ...

    async def names(self, block: Block) -> Mapping[int, str]:
        """Series id -> name, of every series that ever stood in the block."""
        ...

    async def clear(self, block: Block, *, rows_max: int, between: Pause = at_once) -> int:
        """Delete up to `rows_max` frames and patches of the block that are wholly sealed, some at a
        time; how many went. Damaged ones stay."""
        ...

    async def thin(self) -> int:
        """Forget what the record of commits says of frames and patches that are sealed; how many of
        its entries went."""
        ...

    async def bind(self, block: Block, *, before_ms: int, rows_max: int) -> int:
        """Put the rollups of 720 runs (an hour's: of 30 days) that end by `before_ms` into one row
        a series, up to `rows_max` of them; how many were made."""
        ...
