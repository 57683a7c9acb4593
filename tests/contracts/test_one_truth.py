"""Readers of the same items, the series table in memory and the database, tell one truth.

`records` answers hot slots from the table and older ones from the database, so they must agree to
the mark. Items come in commit order and touch the newest slots (older ones: engine.ring).
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.contracts.samples import MINUTE, NAN, SLOT, frame, patch, track, unpacked

from sigmawatch.adapters.clock import VirtualClock
from sigmawatch.adapters.ledgers.sqlite import SqliteLedger
from sigmawatch.app.sealing import seal
from sigmawatch.domain.frame import Flag, Frame, Patch, Reason
from sigmawatch.engine.table import SeriesTable

SLOTS = 6  # SLOT .. SLOT + 5
VALUES = st.sampled_from([1.0, 2.0, 3.0, NAN])
MISSING_MARKS = st.sampled_from([int(Reason.OUTAGE), int(Reason.PENDING), int(Reason.NOT_POLLED)])
PRESENT_MARKS = st.sampled_from([0, 1, int(Flag.DERIVED)])
FILLED_MARKS = st.sampled_from([
    int(Flag.FILLED), int(Flag.FILLED | Flag.COARSE), int(Reason.CARRIED) | int(Flag.FILLED),
])  # fmt: skip


@st.composite
def frames(draw: st.DrawFn) -> Frame:
    value = draw(VALUES)
    mark = draw(MISSING_MARKS if np.isnan(value) else PRESENT_MARKS)
    return frame(
        SLOT + draw(st.integers(0, SLOTS - 1)), values=[value], marks=[mark],
        late_slots=draw(st.integers(1, 5)),
    )  # fmt: skip


@st.composite
def patches(draw: st.DrawFn) -> Patch:
    first = draw(st.integers(0, SLOTS - 1))
    values = draw(st.lists(VALUES, min_size=1, max_size=SLOTS - first))
    marks = [int(Reason.PENDING) if np.isnan(v) else draw(FILLED_MARKS) for v in values]
    return patch(
        SLOT + first, values=values, marks=marks, made_slot=SLOT + 5 + draw(st.integers(1, 3))
    )


def unlike(items: list[Frame | Patch]) -> list[Frame | Patch]:
    """One item of each id: what a ledger inserts."""
    return list({item.id: item for item in items}.values())


@pytest.mark.parametrize("metric", ["volume_24h_quote", "traded_quote"])
@settings(max_examples=40)
@given(items=st.lists(st.one_of(frames(), patches()), max_size=12).map(unlike))
async def test_memory_and_database_tell_the_same_of_every_slot(
    metric: str, items: list[Frame | Patch]
) -> None:
    with TemporaryDirectory() as folder:
        ledger = await SqliteLedger.open(Path(folder), clock=VirtualClock(MINUTE.open_ms(SLOT)))
        try:
            await track(ledger, "BTC", metric=metric)
            [series], table = await ledger.series(), SeriesTable(MINUTE)
            for block in await ledger.blocks():
                table.add_block(block)
            table.add(series)
            for item in items:
                async with ledger.transaction() as transaction:
                    await transaction.frames.insert([item])
                table.apply(item)
            table.close(SLOT + SLOTS - 1)
            stored = await ledger.stretch(series, from_slot=SLOT, to_slot=SLOT + SLOTS)
            [block] = await ledger.blocks()
            for section in await ledger.sealing.unsealed(block, before_ms=2 * MINUTE.open_ms(SLOT)):
                await seal(ledger.sealing, section)
            assert await ledger.sealing.clear(block, rows_max=99) == len(items)
            sealed = await ledger.stretch(series, from_slot=SLOT, to_slot=SLOT + SLOTS)
        finally:
            await ledger.close()
    values, marks = table.stretch(series.id, from_slot=SLOT, to_slot=SLOT + SLOTS)
    np.testing.assert_array_equal(unpacked(stored.values), values)
    assert list(stored.marks) == marks.tolist()
    assert sealed == stored
