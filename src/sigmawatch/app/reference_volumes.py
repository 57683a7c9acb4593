"""Volumes in the reference currency: a block of `_ref` series over the blocks of its sources.

A place's value is its source's times the slot's rate of the market's quote currency. Its mark is
its source's: how fresh a volume is, its own market says, not the rate's. Without the source it is
missing for the source's reason, without the rate for the rate's. One gather, one product a block;
no Python a series.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sigmawatch.app.reference_rates import Cells
from sigmawatch.domain.frame import Flag, Reason
from sigmawatch.domain.series import Series
from sigmawatch.engine.geometry import Column, Marks, Rows
from sigmawatch.engine.marks import counted, reasons_of

_NOWHERE = -1
_STRENGTH = np.uint8(Flag.COARSE | Flag.FILLED)  # of a source, and so of what follows from it


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ReferenceBlock:
    """The live `_ref` series of one block, by place, and where each one's source and rate are.

    places: intp[k]; source_blocks: int64[k], -1 where the source is not tracked; source_places,
    keys: intp[k], the column of each one's rate. row_of: series id -> its row in all of these.
    """

    block_id: int
    series: tuple[Series, ...]
    places: Rows
    source_blocks: Rows
    source_places: Rows
    keys: Rows
    row_of: Mapping[int, int]

    @classmethod
    def of(
        cls, block_id: int, series: Sequence[Series], *, sources: Mapping[int, Series],
        keys: Mapping[tuple[str, str], int],
    ) -> ReferenceBlock:  # fmt: skip
        """sources: id of a `_ref` series -> its source. keys: venue and currency -> column."""
        ordered = tuple(sorted(series, key=lambda one: one.place))
        found = [sources.get(one.id) for one in ordered]
        return cls(
            block_id=block_id,
            series=ordered,
            places=np.array([one.place for one in ordered], np.intp),
            source_blocks=np.array([s.block_id if s else _NOWHERE for s in found], np.intp),
            source_places=np.array([s.place if s else 0 for s in found], np.intp),
            keys=np.array([keys[one.market.venue, one.market.quote] for one in ordered], np.intp),
            row_of={one.id: row for row, one in enumerate(ordered)},
        )

    def over(
        self, cells: Cells, rows: Rows, *, first: int, rates: tuple[Column, Marks]
    ) -> tuple[Column, Marks]:
        """Values and marks of the series in `rows` over the slots from `first` on; float64 and
        uint8[slots, rows]. rates: `Rates.over` of those slots, a column for each of `rows`."""
        count = len(rates[0])
        values = np.full((count, len(rows)), np.nan)
        marks = np.full((count, len(rows)), Reason.NOT_POLLED, np.uint8)
        homes = self.source_blocks[rows]
        for block_id in np.unique(homes[homes != _NOWHERE]).tolist():
            at = np.flatnonzero(homes == block_id)
            values[:, at], marks[:, at] = cells.rows(
                block_id, self.source_places[rows[at]], from_slot=first, to_slot=first + count
            )
        return _in_reference(values, marks, rates=rates)


def _in_reference(
    values: Column, marks: Marks, *, rates: tuple[Column, Marks]
) -> tuple[Column, Marks]:
    rate, why = rates
    reasons = reasons_of(marks)
    with np.errstate(all="ignore"):
        product = values * rate
    known = counted(reasons) & np.isfinite(product)
    told = reasons | (marks & _STRENGTH) | np.uint8(Flag.DERIVED)
    missing = np.where(counted(reasons), why, reasons)
    return np.where(known, product, np.nan), np.where(known, told, missing)
