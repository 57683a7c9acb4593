"""A small past to seal, its truth, and a process that seals it: python -m tests.ledgers.sealed_days
WHERE after|before.

Three days of one block, with patches over a midnight. "after" deletes what is sealed when it is;
"before" is the bug that the kill test must notice: it says that a section is sealed, and deletes
its frames, before its columns are there. WHERE: a folder, or the address of a server.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import structlog
from tests.contracts.samples import MINUTE, frame, patch, store, track
from tests.ledgers.opening import opened

from sigmawatch.adapters.clock import VirtualClock
from sigmawatch.adapters.ledgers.ledger import SqlLedger
from sigmawatch.adapters.ledgers.merge import Merged, block_of
from sigmawatch.app.sealing import seal
from sigmawatch.domain.frame import Flag, Frame, Patch
from sigmawatch.domain.series import Series
from sigmawatch.domain.window import DAY_MS
from sigmawatch.ports.history import Stretch

DAY = 1_440
FIRST = 20_139 * DAY
DAYS = 3
END = FIRST + DAYS * DAY
BASES = [f"C{number}" for number in range(40)]  # two transactions of columns a section
STEP = 60  # slots between two frames


def items() -> list[Frame | Patch]:
    filled = [int(Flag.FILLED)] * 100
    said: list[Frame | Patch] = [
        frame(slot, values=[float(slot - FIRST + place) for place in range(len(BASES))])
        for slot in range(FIRST, END, STEP)
    ]
    said += [patch(FIRST + DAY - 50, series_id=one, values=[0.5] * 100, marks=filled)
             for one in (1, 39)]  # fmt: skip
    return said


async def filled(where: Path | str) -> None:
    """Store everything, none of it sealed."""
    ledger = await opened(str(where), clock=VirtualClock(0))
    await track(ledger, *BASES)
    said = items()
    for start in range(0, len(said), 8):
        await store(ledger, *said[start : start + 8])
    await ledger.close()


def truth(series: Series, *, said: Sequence[Frame | Patch]) -> Stretch:
    merged = Merged(block_of(series), [series.place], from_slot=FIRST, to_slot=END)
    merged.apply(said, columns={series.id: 0})
    return Stretch(from_slot=FIRST, values=merged.values.astype("<f8").tobytes(),
                   marks=merged.marks.tobytes())  # fmt: skip


async def wrong(ledger: SqlLedger, *, said: Sequence[Frame | Patch]) -> list[str]:
    """The series that are not told as they were said."""
    return [
        one.name
        for one in await ledger.series()
        if await ledger.stretch(one, from_slot=FIRST, to_slot=END) != truth(one, said=said)
    ]


async def seal_all(
    ledger: SqlLedger, *, early: bool = False, told: Callable[[int], object] = lambda _: None
) -> None:
    """A whole round: seal, clear, bind. told: hears of every section that is done."""
    [block] = await ledger.blocks()
    for section in await ledger.sealing.unsealed(block, before_ms=MINUTE.open_ms(END)):
        if early:
            folded = await ledger.sealing.fold(section)
            none = np.empty((DAY, 0), np.int64)
            await ledger.sealing.seal(
                replace(folded, series_ids=(), values=none.astype(float),
                        marks=none.astype(np.uint8), sources=none), [],
            )  # fmt: skip
            await ledger.sealing.clear(block, rows_max=1_000)
            await ledger.sealing.seal(folded, [[] for _ in folded.series_ids])
        else:
            await seal(ledger.sealing, section)
            await ledger.sealing.clear(block, rows_max=1_000)
        told(section.from_slot)
    await ledger.sealing.clear(block, rows_max=1_000)
    await ledger.sealing.bind(block, before_ms=MINUTE.open_ms(END) + 60 * DAY_MS, rows_max=100)


async def main(where: str, *, early: bool) -> None:
    ledger = await opened(where, clock=VirtualClock(0))
    os.write(1, b"0\n")
    await seal_all(ledger, early=early, told=lambda slot: os.write(1, b"%d\n" % slot))


if __name__ == "__main__":
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    asyncio.run(main(sys.argv[1], early=sys.argv[2] == "before"))
