"""Values that the contract suites store and send, as small as they can be."""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence

from sigmawatch.domain.frame import Frame, Patch, Reason
from sigmawatch.domain.market import Market
from sigmawatch.domain.venue import Run, RunKind
from sigmawatch.domain.window import Interval
from sigmawatch.ports.ledger import Ledger

MINUTE = Interval(60_000)
SLOT = 29_000_000  # a minute of 2025
NAN = math.nan


def market(base: str = "BTC", *, venue: str = "KRAKEN") -> Market:
    return Market(venue=venue, base=base, quote="USD", native=f"{base}USD")


def packed(values: Sequence[float]) -> bytes:
    return struct.pack(f"<{len(values)}d", *values)


def unpacked(values: bytes) -> list[float]:
    return list(struct.unpack(f"<{len(values) // 8}d", values))


def frame(
    slot: int = SLOT,
    *,
    block_id: int = 1,
    values: Sequence[float] = (1.0,),
    marks: Sequence[int] | None = None,
    late_slots: int = 1,
) -> Frame:
    """A frame received `late_slots` after its slot's open; its revision follows from that."""
    return Frame(
        block_id=block_id,
        slot=slot,
        revision=late_slots * MINUTE.ms,
        recv_ms=MINUTE.open_ms(slot + late_slots),
        values=packed(values),
        marks=bytes(marks or [Reason.OUTAGE if math.isnan(value) else 0 for value in values]),
    )


def patch(
    slot: int = SLOT,
    *,
    series_id: int = 1,
    values: Sequence[float] = (1.0,),
    marks: Sequence[int],
    made_slot: int = SLOT + 10,
) -> Patch:
    return Patch(
        series_id=series_id,
        from_slot=slot,
        revision=made_slot,
        recv_ms=MINUTE.open_ms(made_slot),
        values=packed(values),
        marks=bytes(marks),
    )


def run(started_ms: int, *, venue: str = "KRAKEN", updated: int = 1) -> Run:
    return Run(
        venue=venue,
        kind=RunKind.POLL,
        slot=MINUTE.slot(started_ms),
        started_ms=started_ms,
        finished_ms=started_ms + 80,
        expected=2,
        updated=updated,
        failed=2 - updated,
        reasons={"rejected": 2 - updated},
    )


async def track(ledger: Ledger, *bases: str, metric: str = "price") -> list[int]:
    """Track markets of one venue; their series' ids."""
    async with ledger.transaction() as transaction:
        added = [
            await transaction.catalogue.add(market(base), metric, interval=MINUTE, origin="api")
            for base in bases
        ]
    return [series.id for series in added]


async def store(ledger: Ledger, *items: Frame | Patch) -> frozenset[str]:
    """Commit the items in one transaction; the ids that were new."""
    async with ledger.transaction(bulk=True) as transaction:
        return await transaction.frames.insert(items)


async def replayed(ledger: Ledger, *, from_ms: int = 0) -> list[str]:
    """The ids of what a replay yields as it was written, in its order."""
    return [
        item.id
        async for batch in ledger.replay(from_ms=from_ms)
        for item in batch
        if set(item.marks) != {Reason.DAMAGED}
    ]
