"""What is left of a life of the ledger (ledger_life.py), compared with what it told.

First read by the standard library alone (oracle.py); then by the product, which must open it, have
every number that was told and none that was not said, and go on.
"""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

import numpy as np
from tests.contracts.samples import packed, store
from tests.faults.ledger_life import (
    BLOCK_IDS,
    DAY,
    FIRST,
    migrations,
    slot_frames,
    truth,
)
from tests.faults.oracle import Stored
from tests.faults.tier import spread

from sigmawatch.adapters.clock import VirtualClock
from sigmawatch.adapters.ledgers.ledger import SqlLedger
from sigmawatch.adapters.ledgers.sqlite import SqliteLedger
from sigmawatch.domain.series import Series

ASKED_SERIES = 12  # of the product; on disk every number is looked at


async def wrong(folder: Path, told: Sequence[str], *, scratch: Path) -> list[str]:
    """What is not as it was told, a line each. The folder is opened and written."""
    slots = sorted(int(line.split()[1]) for line in told if line.startswith("slot "))
    found = list(_on_disk(folder, slots, scratch=scratch))
    found += [line async for line in _served_again(folder, slots)]
    return found


def _on_disk(folder: Path, slots: Sequence[int], *, scratch: Path) -> Iterator[str]:
    """Frames of a day that is sealed may have gone; that day is asked for by `_served_again`."""
    try:
        stored = Stored(folder, scratch=scratch)
        sealed = _sealed(scratch / "copy")
    except (sqlite3.OperationalError, FileNotFoundError):  # killed before there were tables
        if slots:
            raise
        return
    for slot in slots:
        for block_id in BLOCK_IDS:
            if (block_id, slot) not in stored.frames and (block_id, _day(slot)) not in sealed:
                yield f"slot {slot} of block {block_id} is not on disk"
    sealed_days = {from_slot for _, from_slot in sealed}
    width = len(stored.series) // len(BLOCK_IDS)
    for (block_id, slot), bodies in stored.frames.items():
        first = truth(slot, block_id=block_id, place=0)
        expected = packed([first + k / 8 for k in range(width)])
        if any(body.values != expected for body in bodies):
            yield f"slot {slot} of block {block_id} has other numbers"
        elsewhere = all((other, slot) in stored.frames for other in BLOCK_IDS)
        if not elsewhere and _day(slot) not in sealed_days:
            yield f"slot {slot} is torn: block {block_id} has it, another has not"


def _day(slot: int) -> int:
    return slot // DAY * DAY


def _sealed(folder: Path) -> set[tuple[int, int]]:
    """Block and first slot of what is said to be sealed."""
    connection = sqlite3.connect(folder / "sigmawatch.db")
    try:
        return set(connection.execute("SELECT block_id, from_slot FROM sections"))
    finally:
        connection.close()


async def _served_again(folder: Path, slots: Sequence[int]) -> AsyncIterator[str]:
    ledger = await SqliteLedger.open(folder, clock=VirtualClock(0), migrations=migrations())
    try:
        for series in spread(await ledger.series(), ASKED_SERIES):
            async for line in _told_again(ledger, series, slots):
                yield line
        if ledger.damaged_count:
            yield f"{ledger.damaged_count} damaged"
        if len(await ledger.blocks()) == len(BLOCK_IDS):  # it goes on
            width = len(await ledger.series()) // len(BLOCK_IDS)
            await store(ledger, *slot_frames(max(slots, default=FIRST) + 1, width=width))
    finally:
        await ledger.close()


async def _told_again(
    ledger: SqlLedger, series: Series, slots: Sequence[int]
) -> AsyncIterator[str]:
    to_slot = max(slots, default=FIRST) + DAY
    stretch = await ledger.stretch(series, from_slot=FIRST, to_slot=to_slot)
    values = np.frombuffer(stretch.values)
    expected = truth(0, block_id=series.block_id, place=series.place) + np.arange(FIRST, to_slot)
    held = ~np.isnan(values)
    if not (values[held] == expected[held]).all():
        yield f"{series.name}: serves numbers that nobody said"
    lost = [slot for slot in slots if not held[slot - FIRST]]
    if lost:
        yield f"{series.name}: {len(lost)} slots are not served, as {lost[0]}"
