"""Programs that share a database derive from more or less than each other, and what any of them
shows is stored all the same (RELIABILITY.md 1.1: "If you saw it, it is on disk")."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.contracts.samples import MINUTE, SLOT, frame, market, unpacked

from sigmawatch.adapters.clock import VirtualClock
from sigmawatch.adapters.ledgers.sqlite import SqliteLedger
from sigmawatch.app.catalogue import Catalogue
from sigmawatch.app.compute import ComputeThread
from sigmawatch.app.settling import Settling
from sigmawatch.app.tables import Tables
from sigmawatch.domain.frame import Flag, Frame
from sigmawatch.domain.market import Market
from sigmawatch.domain.series import DERIVED, Series

SPREAD = "KRAKEN:BTC/USD:price - COINBASE:BTC/USD:price"
SUM = "DERIVED:SPREAD/USD:formula + 1"


class Program:
    """One of those that share the database, as far as it derives."""

    def __init__(self, ledger: SqliteLedger) -> None:
        self.ledger = ledger
        self.catalogue = Catalogue()
        self.tables = Tables(self.catalogue)
        self.compute = ComputeThread()
        self.later = asyncio.Event()
        self.settling = Settling(self.tables, ledger, compute=self.compute, later=self.later.set)

    async def begin(self) -> None:
        blocks, series = await self.ledger.blocks(), await self.ledger.series()
        self.catalogue.put(blocks=blocks, series=series)
        self.tables.enroll(blocks, series)

    async def live(self, *frames: Frame) -> None:
        """A slot, of which these frames came."""
        async with self.ledger.transaction() as transaction:
            await transaction.frames.insert(frames)
        self.tables.apply(frames)
        await self.settling.derive(MINUTE, SLOT)
        while self.later.is_set():
            self.later.clear()
            await self.settling.settle(MINUTE, SLOT)

    def shows(self, series: Series) -> float:
        values, _ = self.tables.of(MINUTE).stretch(series.id, from_slot=SLOT, to_slot=SLOT + 1)
        return float(values[0])


@asynccontextmanager
async def programs(folder: Path) -> AsyncIterator[tuple[Program, Program, Sequence[Series]]]:
    """Two of them over one database; and the derived series."""
    ledger = await SqliteLedger.open(folder, clock=VirtualClock(MINUTE.open_ms(SLOT + 1)))
    async with ledger.transaction() as transaction:
        for venue in ("KRAKEN", "COINBASE"):
            await transaction.catalogue.add(
                market(venue=venue), "price", interval=MINUTE, origin="api"
            )
        for base, formula in (("SPREAD", SPREAD), ("SUM", SUM)):
            named = Market(venue=DERIVED, base=base, quote="USD", native=base)
            await transaction.catalogue.add(
                named, "formula", interval=MINUTE, origin="api", formula=formula
            )
    first, second = Program(ledger), Program(ledger)
    await first.begin()
    await second.begin()
    derived = [one for one in first.catalogue.series if one.market.venue == DERIVED]
    try:
        yield first, second, derived
    finally:
        first.compute.close()
        second.compute.close()
        await ledger.close()


async def stored(ledger: SqliteLedger, series: Series) -> float:
    """What a restart would show."""
    stretch = await ledger.stretch(series, from_slot=SLOT, to_slot=SLOT + 1)
    return unpacked(stretch.values)[0]


KRAKEN = frame(block_id=1, values=[300.0], late_slots=2)  # the newest decides the frame's name
COINBASE = frame(block_id=2, values=[100.0])


@pytest.mark.parametrize(
    ("first_has", "second_has"),
    [([KRAKEN], [COINBASE, KRAKEN]), ([COINBASE, KRAKEN], [KRAKEN])],
    ids=["the second knows more", "the second knows less"],
)
async def test_what_is_derived_from_different_readings_is_shown_only_as_it_is_stored(
    first_has: Sequence[Frame], second_has: Sequence[Frame], tmp_path: Path
) -> None:
    async with programs(tmp_path) as (first, second, derived):
        await first.live(*first_has)
        await second.live(*second_has)
        for series, value in zip(derived, (200.0, 201.0), strict=True):
            assert second.shows(series) == value == await stored(second.ledger, series)


async def test_what_two_derive_from_the_same_readings_is_stored_once_and_revised_never(
    tmp_path: Path,
) -> None:
    async with programs(tmp_path) as (first, second, derived):
        await first.live(COINBASE, KRAKEN)
        await second.live(COINBASE, KRAKEN)
        batches = [batch async for batch in second.ledger.replay(from_ms=0)]
        assert sum(map(len, batches)) == 3  # two of the venues, one of what is derived
        for series in derived:
            _, marks = second.tables.of(MINUTE).stretch(series.id, from_slot=SLOT, to_slot=SLOT + 1)
            assert int(marks[0]) == Flag.DERIVED
            assert not math.isnan(second.shows(series))
