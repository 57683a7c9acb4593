"""What every history promises: stored slots read as the series table held them (SEMANTICS.md 2)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
from tests.contracts.conftest import Database
from tests.contracts.samples import NAN, SLOT, frame, patch, store, track, unpacked

from sigmawatch.adapters.ledgers.ledger import SqlLedger
from sigmawatch.domain.frame import Flag, Frame, Patch, Reason
from sigmawatch.domain.series import Series

FILLED = int(Flag.FILLED)
REVISED = int(Flag.REVISED)
COARSE = int(Flag.COARSE)
OUTAGE, PENDING = int(Reason.OUTAGE), int(Reason.PENDING)
NOT_POLLED, SUSPECT = int(Reason.NOT_POLLED), int(Reason.SUSPECT)


async def prepared(database: Database, metric: str) -> tuple[SqlLedger, Series]:
    ledger = await database.open()
    await track(ledger, "BTC", metric=metric)
    [series] = await ledger.series()
    return ledger, series


async def read(
    ledger: SqlLedger, series: Series, from_slot: int, to_slot: int
) -> list[tuple[float, int]]:
    stretch = await ledger.stretch(series, from_slot=from_slot, to_slot=to_slot)
    assert stretch.from_slot == from_slot
    return list(zip(unpacked(stretch.values), stretch.marks, strict=True))


def polled(value: float, late_slots: int = 1, *, mark: int | None = None) -> Frame:
    return frame(values=[value], late_slots=late_slots, marks=None if mark is None else [mark])


def candle(value: float, *, mark: int = FILLED, made_slot: int = SLOT + 10) -> Patch:
    return patch(values=[value], marks=[mark], made_slot=made_slot)


@pytest.mark.parametrize(
    ("metric", "items", "value", "mark"),
    [
        ("price", [], NAN, NOT_POLLED),
        ("price", [polled(5.0)], 5.0, 0),
        ("price", [polled(NAN)], NAN, OUTAGE),
        # "One value per series and slot: the last observation."
        ("price", [polled(5.0, 1), polled(6.0, 2)], 6.0, 0),
        ("price", [polled(6.0, 2), polled(5.0, 1)], 6.0, 0),
        ("price", [polled(5.0, 1), polled(NAN, 2)], 5.0, 0),
        ("price", [polled(NAN, 2), polled(5.0, 1)], 5.0, 0),
        # Received in the very millisecond in which its slot opened.
        ("price", [polled(5.0, 0), candle(7.0, mark=FILLED | COARSE)], 5.0, 0),
        ("price", [polled(NAN, 1), polled(NAN, 2, mark=PENDING)], NAN, PENDING),
        # "Re-read candles fill missing level slots; they never replace a polled level."
        ("price", [polled(NAN), candle(7.0)], 7.0, FILLED),
        ("price", [candle(7.0)], 7.0, FILLED),
        ("price", [polled(5.0), candle(7.0)], 5.0, 0),
        ("price", [candle(7.0), polled(5.0)], 5.0, 0),
        # A flow's candle knows better, and says so only where it does.
        ("traded_quote", [polled(5.0), candle(7.0)], 7.0, FILLED | REVISED),
        ("traded_quote", [polled(NAN, mark=PENDING), candle(7.0)], 7.0, FILLED),
        ("traded_quote", [polled(NAN, mark=PENDING), candle(NAN, mark=PENDING)], NAN, PENDING),
        ("price", [polled(NAN), candle(NAN, mark=PENDING | FILLED)], NAN, OUTAGE),
        # A finer candle stands before a coarse one, a later candle before an earlier one.
        ("price", [candle(7.0, mark=FILLED | COARSE), candle(8.0)], 7.0, FILLED | COARSE),
        ("price", [candle(7.0, mark=FILLED | COARSE), candle(8.0, made_slot=SLOT + 11)],
         8.0, FILLED | REVISED),
        ("price", [candle(8.0), candle(7.0, mark=FILLED | COARSE, made_slot=SLOT + 11)],
         8.0, FILLED),
        ("price", [candle(7.0, made_slot=SLOT + 11), candle(8.0)], 7.0, FILLED),
        # A suspect number is shown until a later reading confirms it.
        ("price", [polled(9.0, mark=SUSPECT)], 9.0, SUSPECT),
        ("price", [polled(9.0, mark=SUSPECT), candle(9.0, mark=0)], 9.0, 0),
        ("price", [polled(5.0, 1), polled(9.0, 2, mark=SUSPECT)], 5.0, 0),
        # A value and its mark agree, whatever was written.
        ("price", [polled(5.0, mark=OUTAGE)], NAN, OUTAGE),
        ("price", [polled(NAN, mark=0)], NAN, OUTAGE),
        # "Late values up to 2 slots recompute their slot ...; later ones ... are marked revised."
        ("price", [polled(5.0, 2), polled(6.0, 3)], 6.0, REVISED),
        ("price", [polled(5.0, 1), polled(6.0, 3)], 6.0, REVISED),
        ("price", [polled(5.0, 1), polled(6.0, 3), polled(6.0, 4)], 6.0, REVISED),
        ("price", [polled(NAN, 1), polled(6.0, 3)], 6.0, 0),
        ("price", [polled(5.0, 1), polled(5.0, 3)], 5.0, 0),
    ],
)  # fmt: skip
async def test_a_slot_reads_as_the_table_held_it(
    database: Database,
    metric: str,
    items: Sequence[Frame | Patch],
    value: float,
    mark: int,
) -> None:
    ledger, series = await prepared(database, metric)
    for item in items:
        await store(ledger, item)
    [(read_value, read_mark)] = await read(ledger, series, SLOT, SLOT + 1)
    assert read_value == value or (math.isnan(value) and math.isnan(read_value))
    assert read_mark == mark


async def test_a_stretch_holds_each_slot_in_its_place_and_says_what_nobody_knows(
    database: Database,
) -> None:
    ledger, series = await prepared(database, "price")
    await store(ledger, frame(SLOT + 1, values=[1.0]), frame(SLOT + 4, values=[4.0]))
    await store(ledger, patch(SLOT - 3, values=[9.0] * 6, marks=[FILLED] * 6))
    slots = await read(ledger, series, SLOT, SLOT + 5)
    assert [value for value, _ in slots[:3]] == [9.0, 1.0, 9.0]
    assert math.isnan(slots[3][0])
    assert slots[4][0] == 4.0
    assert [mark for _, mark in slots] == [FILLED, 0, FILLED, NOT_POLLED, 0]
    assert await read(ledger, series, SLOT, SLOT) == []


async def test_a_series_reads_its_own_place_and_nothing_from_before_it_had_one(
    database: Database,
) -> None:
    ledger = await database.open()
    await track(ledger, "BTC", "ETH")
    await store(ledger, frame(SLOT, values=[1.0]), frame(SLOT + 1, values=[1.0, 2.0]))
    btc, eth = await ledger.series()
    assert [value for value, _ in await read(ledger, btc, SLOT, SLOT + 2)] == [1.0, 1.0]
    slots = await read(ledger, eth, SLOT, SLOT + 2)
    assert math.isnan(slots[0][0])
    assert slots == [slots[0], (2.0, 0)]
    assert slots[0][1] == NOT_POLLED


async def test_days_are_read_whole_across_the_pieces_they_are_read_in(
    database: Database,
) -> None:
    ledger, series = await prepared(database, "price")
    days = range(SLOT, SLOT + 3_000)
    await store(ledger, *(frame(slot, values=[float(slot)]) for slot in days if slot % 7))
    await store(ledger, patch(SLOT, values=[-1.0] * 3_000, marks=[FILLED] * 3_000))
    slots = await read(ledger, series, SLOT, SLOT + 3_000)
    assert [value for value, _ in slots] == [float(s) if s % 7 else -1.0 for s in days]


async def test_a_damaged_frame_is_a_missing_slot_and_never_a_wrong_value(
    database: Database,
) -> None:
    ledger, series = await prepared(database, "price")
    damaged = frame(SLOT + 1, values=[2.0], late_slots=2)
    await store(ledger, frame(values=[1.0]), damaged, frame(SLOT + 2, values=[3.0]))
    await ledger.close()
    database.flip_a_bit(damaged)
    ledger = await database.open()
    slots = await read(ledger, series, SLOT, SLOT + 3)
    assert (slots[0], slots[2]) == ((1.0, 0), (3.0, 0))
    assert math.isnan(slots[1][0])
    assert ledger.damaged_count == 1
