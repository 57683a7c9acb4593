"""Made-up series as the program has them: enrolled in blocks, told in frames, in a real ledger.

Ids and places are those a catalogue deals to markets that are added one after the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sigmawatch.adapters.clock import VirtualClock
from sigmawatch.adapters.ledgers.sqlite import SqliteLedger
from sigmawatch.domain.frame import Frame, Patch, Reason
from sigmawatch.domain.market import Market
from sigmawatch.domain.series import BLOCK_SERIES_MAX, Block, Series
from sigmawatch.domain.window import Interval

Column = npt.NDArray[np.float64]
MINUTE = Interval(60_000)
AT_ONCE = 40  # slots, as the tracker takes them in at a restart


def enrolled(count: int) -> tuple[Sequence[Block], Sequence[Series]]:
    """`count` price series at one venue, in full blocks, ids in the tape's order from 1 on."""
    numbers = range(-(-count // BLOCK_SERIES_MAX))
    blocks = [Block(id=n + 1, venue="BENCH", metric="price", interval=MINUTE) for n in numbers]
    series = [
        Series(id=n + 1, market=market(n), metric="price", interval=MINUTE,
               block_id=n // BLOCK_SERIES_MAX + 1, place=n % BLOCK_SERIES_MAX)
        for n in range(count)
    ]  # fmt: skip
    return blocks, series


def market(number: int) -> Market:
    return Market(venue="BENCH", base=f"C{number}", quote="USD", native=f"C{number}USD")


def frames(slot: int, values: Column) -> list[Frame]:
    """The frames of one slot, as a collector makes them from its boundary poll."""
    marks = np.where(np.isnan(values), np.uint8(Reason.OUTAGE), np.uint8(Reason.OBSERVED))
    recv_ms = MINUTE.open_ms(slot + 1) + 500
    return [
        Frame(block_id=at // BLOCK_SERIES_MAX + 1, slot=slot, revision=60_500, recv_ms=recv_ms,
              values=values[at : at + BLOCK_SERIES_MAX].astype("<f8").tobytes(),
              marks=marks[at : at + BLOCK_SERIES_MAX].tobytes())
        for at in range(0, len(values), BLOCK_SERIES_MAX)
    ]  # fmt: skip


async def opened(folder: Path, count: int) -> SqliteLedger:
    """A ledger whose catalogue holds `count` series: the ids and places `enrolled` deals."""
    ledger = await SqliteLedger.open(folder, clock=VirtualClock(0))
    async with ledger.transaction() as transaction:
        for number in range(count):
            await transaction.catalogue.add(market(number), "price", interval=MINUTE, origin="api")
    return ledger


def batches(rows: Iterable[tuple[int, Column]]) -> Iterator[list[Frame]]:
    """The frames of some slots at a time."""
    coming = iter(rows)
    while held := list(islice(coming, AT_ONCE)):
        yield [frame for slot, values in held for frame in frames(slot, values)]


async def stored(ledger: SqliteLedger, items: Sequence[Frame | Patch]) -> None:
    async with ledger.transaction() as transaction:
        await transaction.frames.insert(items)
