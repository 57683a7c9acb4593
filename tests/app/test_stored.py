"""The slots of many series, from wherever they are kept."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.app.doubles import market

from sigmawatch.adapters.clock import VirtualClock
from sigmawatch.adapters.ledgers.sqlite import SqliteLedger
from sigmawatch.app.alerting.stored import ONE_BY_ONE_MAX, StoredSlots
from sigmawatch.app.catalogue import Catalogue
from sigmawatch.app.compute import ComputeThread
from sigmawatch.app.history_config import HistoryConfig
from sigmawatch.app.past import Past
from sigmawatch.app.sealing import Sealer, Stores
from sigmawatch.app.tables import Tables
from sigmawatch.domain.frame import Frame, Patch, Reason
from sigmawatch.domain.series import Series
from sigmawatch.domain.window import HOUR_MS, Interval
from sigmawatch.engine.rehearsal import Stored

HOURLY = Interval(HOUR_MS)  # so days are short
DAYS, ROWS = 6, ONE_BY_ONE_MAX + 3
FIRST = 20_139 * 24
STOP = FIRST + DAYS * 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Rig:
    stored: StoredSlots
    sealer: Sealer
    series: list[Series]
    values: np.ndarray[Any, np.dtype[np.float64]]
    ledger: SqliteLedger

    async def read(self, series: list[Series], first: int, stop: int) -> Stored:
        return await self.stored.of(series, from_slot=first, to_slot=stop)


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    """Six days of eleven series: the last day and a bit in memory, the others in frames."""
    ledger = await SqliteLedger.open(tmp_path, clock=VirtualClock(0))
    async with ledger.transaction() as transaction:
        series = [
            await transaction.catalogue.add(
                market(f"C{number}"), "price", interval=HOURLY, origin="api"
            )
            for number in range(ROWS)
        ]
    catalogue = Catalogue()
    catalogue.put(blocks=await ledger.blocks(), series=series)
    tables = Tables(catalogue, windows_ms=(HOUR_MS,))
    tables.enroll(await ledger.blocks(), series)
    values = np.random.default_rng(1).normal(100.0, 1.0, (STOP - FIRST, ROWS))
    values[30:33, 2] = np.nan
    frames = [a_frame(FIRST + at, row, series[0].block_id) for at, row in enumerate(values)]
    async with ledger.transaction() as transaction:
        await transaction.frames.insert(frames)
    tables.restore(frames[-30:])
    clock = VirtualClock(HOURLY.open_ms(STOP))
    compute = ComputeThread()
    past = Past(ledger, hot=cold, clock=clock)
    yield Rig(
        stored=StoredSlots(past, tables, sealing=ledger.sealing, compute=compute, clock=clock),
        sealer=Sealer(Stores(history=ledger, sealing=ledger.sealing), catalogue=catalogue,
                      config=HistoryConfig(), clock=clock),
        series=series, values=values, ledger=ledger,
    )  # fmt: skip
    compute.close()
    await ledger.close()


def a_frame(slot: int, row: np.ndarray[Any, Any], block_id: int) -> Frame:
    marks = np.where(np.isnan(row), Reason.OUTAGE, Reason.OBSERVED).astype(np.uint8)
    return Frame(
        block_id=block_id,
        slot=slot,
        revision=HOUR_MS + 500,
        marks=marks.tobytes(),
        recv_ms=HOURLY.open_ms(slot + 1) + 500,
        values=row.astype("<f8").tobytes(),
    )


async def cold(series: Series, *, from_slot: int, to_slot: int) -> None:
    return None


def told(stored: Stored, rig: Rig) -> np.ndarray[Any, Any]:
    return np.array([stored.columns[one.id][0] for one in rig.series]).T


async def test_slots_are_told_the_same_from_frames_and_from_sealed_days(rig: Rig) -> None:
    first, stop = FIRST + 5, STOP
    expected = rig.values[5:]
    before = await rig.read(rig.series, first, stop)
    np.testing.assert_array_equal(told(before, rig), expected)
    assert await rig.sealer.run_once() is not None
    after = await rig.read(rig.series, first, stop)
    np.testing.assert_array_equal(told(after, rig), expected)
    for one in rig.series:
        assert after.columns[one.id][1].tobytes() == before.columns[one.id][1].tobytes()
    assert after.columns[rig.series[2].id][1][25] == Reason.OUTAGE


async def test_what_came_for_a_sealed_day_is_told_too(rig: Rig) -> None:
    await rig.sealer.run_once()
    late = rig.series[2]
    patch = Patch(
        series_id=late.id, from_slot=FIRST + 30, revision=STOP, recv_ms=HOURLY.open_ms(STOP),
        values=np.array([7.0, 8.0], "<f8").tobytes(), marks=bytes([Reason.OBSERVED] * 2),
    )  # fmt: skip
    async with rig.ledger.transaction() as transaction:
        await transaction.frames.insert([patch])
    found = await rig.read(rig.series, FIRST + 24, FIRST + 48)
    assert found.columns[late.id][0][6:8].tolist() == [7.0, 8.0]


async def test_few_series_are_read_one_by_one_and_tell_the_same(rig: Rig) -> None:
    few = rig.series[:2]
    found = await rig.read(few, FIRST + 1, STOP)
    for number, one in enumerate(few):
        np.testing.assert_array_equal(found.columns[one.id][0], rig.values[1:, number])


async def test_what_nobody_knows_was_not_polled(rig: Rig) -> None:
    found = await rig.read(rig.series, FIRST - 30, FIRST + 2)
    for values, marks in found.columns.values():
        assert np.isnan(values[:30]).all()
        assert set(marks[:30].tolist()) == {Reason.NOT_POLLED}
