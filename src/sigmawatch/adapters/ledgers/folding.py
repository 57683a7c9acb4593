"""A section in the making: what was sealed of it before, and everything said of it since."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sigmawatch.adapters.ledgers.chain import Entries
from sigmawatch.adapters.ledgers.merge import Merged, Sources
from sigmawatch.domain.frame import Frame, Patch, Reason
from sigmawatch.ports.history import Folded, Section

_NOTHING = [Reason.NOT_POLLED, Reason.NO_PLACE]  # said of a place where no series stood


class Folding:
    """places: id and place of the series it is made for, by place. items: the frames and patches to
    put in, in the order of commits, as the chain names them."""

    def __init__(
        self, section: Section, places: Sequence[tuple[int, int]], *,
        items: Entries, revision: int, through_id: int,
    ) -> None:  # fmt: skip
        self.section, self.items = section, items
        self._revision, self._through_id = revision, through_id
        self.series_ids = tuple(series_id for series_id, _ in places)
        self._columns = {series_id: k for k, series_id in enumerate(self.series_ids)}
        self.merged = Merged(
            section.block, [place for _, place in places],
            from_slot=section.from_slot, to_slot=section.to_slot,
        )  # fmt: skip
        self.torn: set[int] = set()
        self.receipts: Sources = np.zeros(section.to_slot - section.from_slot, np.int64)

    def apply(self, items: Sequence[Frame | Patch]) -> None:
        """The next items."""
        self.merged.apply(items, columns=self._columns)
        for item in items:
            if isinstance(item, Frame):
                row = item.slot - self.section.from_slot
                self.receipts[row] = max(self.receipts[row], item.revision + 1)

    def folded(self) -> Folded:
        """The section, without the series that had no place in it."""
        merged = self.merged
        told = ~np.isin(merged.marks, _NOTHING).all(axis=0)
        kept = slice(None) if told.all() else told  # a slice copies nothing
        return Folded(
            section=self.section, revision=self._revision, through_id=self._through_id,
            series_ids=tuple(np.array(self.series_ids, np.int64)[kept].tolist()),
            values=merged.values[:, kept], marks=merged.marks[:, kept],
            sources=merged.sources[:, kept], receipts=self.receipts,
            torn=frozenset(self.torn),
        )  # fmt: skip
