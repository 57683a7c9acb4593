"""A life of the ledger alone, told step by step: python -m tests.faults.ledger_life FOLDER first

A line goes out when what it tells is done: `slot 29000000` after that slot's transaction, which
holds a frame of each of two blocks and a run; `sealed` after a day became columns; `closed`.
"first" makes a database, writes, seals, lets its log be copied back, closes; "second" is a newer
program that opens what the first left, migrates, writes and closes. "endless" only commits, until
somebody ends it. The numbers follow from their places (`truth`), so whoever reads a line knows
what must be there.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path

import structlog
from tests.contracts.samples import MINUTE, frame, run, track

from sigmawatch.adapters.clock import VirtualClock
from sigmawatch.adapters.ledgers.ledger import SqlLedger
from sigmawatch.adapters.ledgers.sqlite import SqliteLedger
from sigmawatch.adapters.ledgers.statements import Migration, load_migrations
from sigmawatch.domain.frame import Frame
from sigmawatch.domain.window import HOUR_MS
from sigmawatch.engine.rollups import Slotted, rolled_up
from sigmawatch.ports.history import Folded, Section

DAY = 1_440
FIRST = 20_139 * DAY
STEP = 60  # slots between two transactions of the day that is sealed
BASES = tuple(f"C{number}" for number in range(6))
MANY_BASES = tuple(f"C{number}" for number in range(250))
METRICS = ("price", "volume_24h_quote")
BLOCK_IDS = (1, 2)  # one block a metric
NEXT_SQL = """
ALTER TABLE runs ADD COLUMN note TEXT NOT NULL DEFAULT '';
CREATE TABLE sizes (id INTEGER PRIMARY KEY, bytes INTEGER NOT NULL) STRICT;
INSERT INTO sizes SELECT id, length(body) FROM frames;
CREATE INDEX sizes_by_bytes ON sizes (bytes);
"""


def truth(slot: int, *, block_id: int, place: int) -> float:
    """The number that belongs there."""
    return 1.0 + (slot - FIRST) + place / 8 + block_id / 64


def migrations() -> tuple[Migration, ...]:
    """Ours, and one that a later version brings."""
    ours = load_migrations("sqlite")
    return *ours, Migration(number=len(ours) + 1, name="next", sql=NEXT_SQL)


def slot_frames(slot: int, *, width: int = len(BASES)) -> list[Frame]:
    """What the transaction of a slot holds, apart from its run. width: series a block."""
    return [
        frame(slot, block_id=block_id,
              values=[truth(slot, block_id=block_id, place=k) for k in range(width)])
        for block_id in BLOCK_IDS
    ]  # fmt: skip


class LedgerLife:
    """tell: hears a line for every step that is done. bases: whose series it tracks."""

    bases = BASES

    def __init__(self, folder: Path, *, tell: Callable[[str], object]) -> None:
        self._folder = folder
        self._tell = tell

    async def first(self) -> None:
        """From nothing to a sealed day and a closed database."""
        ledger = await self.open(migrations()[:-1])
        await self._track(ledger)
        for slot in range(FIRST, FIRST + DAY, STEP):
            await self.store(ledger, slot)
        await self._seal(ledger)
        for slot in range(FIRST + DAY, FIRST + DAY + 8):
            await self.store(ledger, slot)
        await self._close(ledger)

    async def second(self) -> None:
        """A newer program over what the first life left: it migrates, and writes on."""
        ledger = await self.open(migrations())
        for slot in range(FIRST + DAY + 8, FIRST + DAY + 16):
            await self.store(ledger, slot)
        await self._close(ledger)

    async def _track(self, ledger: SqlLedger) -> None:
        for metric in METRICS:
            await track(ledger, *self.bases, metric=metric)

    async def _close(self, ledger: SqlLedger) -> None:
        await ledger.close()
        self._tell("closed")

    async def endless(self) -> None:
        """500 series, one transaction after the other, from where the last life ended."""
        self.bases = MANY_BASES
        ledger = await self.open(migrations())
        if not await ledger.blocks():
            await self._track(ledger)
        stored = [item.slot async for batch in ledger.replay(from_ms=0) for item in batch
                  if isinstance(item, Frame)]  # fmt: skip
        for slot in count(max(stored, default=FIRST) + 1):
            await self.store(ledger, slot)

    async def open(self, steps: tuple[Migration, ...]) -> SqlLedger:
        return await SqliteLedger.open(self._folder, clock=VirtualClock(0), migrations=steps)

    async def store(self, ledger: SqlLedger, slot: int) -> None:
        """All of a slot in one transaction; told when it is durable."""
        async with ledger.transaction() as transaction:
            await transaction.frames.insert(slot_frames(slot, width=len(self.bases)))
            await transaction.runs.insert([run(MINUTE.open_ms(slot))])
        self._tell(f"slot {slot}")

    async def _seal(self, ledger: SqlLedger) -> None:
        for block in await ledger.blocks():
            for section in await ledger.sealing.unsealed(
                block, before_ms=MINUTE.open_ms(FIRST + DAY)
            ):
                folded = await ledger.sealing.fold(section)
                runs = [[one] for one in rolled_up(_slotted(section, folded), width_ms=HOUR_MS)]
                await ledger.sealing.seal(folded, runs)
            await ledger.sealing.clear(block, rows_max=1_000)
        self._tell("sealed")


def _slotted(section: Section, folded: Folded) -> Slotted:
    return Slotted(from_slot=section.from_slot, interval_ms=MINUTE.ms, values=folded.values,
                   marks=folded.marks, levels=True)  # fmt: skip


def say(line: str) -> None:
    """To whoever started us; it has the line even if we die the moment after."""
    os.write(1, f"{line}\n".encode())


def main(life: LedgerLife, length: str) -> None:
    """Live it."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    lives = {"first": life.first, "second": life.second, "endless": life.endless}
    asyncio.run(lives[length]())


if __name__ == "__main__":
    main(LedgerLife(Path(sys.argv[1]), tell=say), sys.argv[2])
