"""What a slot's commit takes while a backup is made, beside what it takes without: rounds of both
in turn, so that whatever else the machine does falls on both alike.

    python -m benchmarks backup              98 x 1,024 values a commit, over 0.3 GB
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median, quantiles

from benchmarks.ledger import WIDE_BLOCKS, commit, track

from sigmawatch.adapters.clock import RealClock
from sigmawatch.adapters.ledgers.sqlite import SqliteLedger

SLOTS = 300  # 0.3 GB
ROUNDS = 6
IDLE_COMMITS = 40
EVERY_S = 0.05


def main(arguments: Sequence[str] = ()) -> None:
    assert not arguments, "no options"
    asyncio.run(compare())


async def compare() -> None:
    """Print both, and by how much they differ."""
    with tempfile.TemporaryDirectory(prefix="sigmawatch-bench-") as folder:
        ledger = await SqliteLedger.open(Path(folder) / "data", clock=RealClock())
        rounds = Rounds(ledger, blocks=await track(ledger, blocks_count=WIDE_BLOCKS))
        for _ in range(SLOTS):
            await rounds.commit()
        idle, during, took_s = await rounds.both(Path(folder))
        await ledger.close()
    effect = median(during) / median(idle) - 1.0
    print(f"{'ms, median / p95':34}{'without':>20}{'during a backup':>20}")
    print(f"{f'durable commit of {WIDE_BLOCKS} x 1,024':34}{_cell(idle):>20}{_cell(during):>20}")
    print(f"{'effect on the median':34}{f'{effect:+.0%}':>20}")
    print(f"{'a backup, s':34}{median(took_s):>20.1f}")


class Rounds:
    """Commits, one slot after the other."""

    def __init__(self, ledger: SqliteLedger, *, blocks: Sequence[int]) -> None:
        self._ledger, self._blocks, self._slot = ledger, blocks, 0

    async def commit(self) -> float:
        self._slot += 1
        return await commit(self._ledger, slot=self._slot, blocks=self._blocks)

    async def both(self, folder: Path) -> tuple[list[float], list[float], list[float]]:
        """Milliseconds of commits without and during backups, and seconds of backups."""
        idle: list[float] = []
        during: list[float] = []
        took_s: list[float] = []
        for number in range(ROUNDS):
            for _ in range(IDLE_COMMITS):
                idle.append(await self.commit())
                await asyncio.sleep(EVERY_S)
            began_s = time.monotonic()
            target = folder / f"{number}.db"
            copying = asyncio.create_task(self._ledger.backup(str(target), told=_untold))
            while not copying.done():
                during.append(await self.commit())
                await asyncio.sleep(EVERY_S)
            await copying
            took_s.append(time.monotonic() - began_s)
            target.unlink()
        return idle, during, took_s


def _untold(done: int, total: int) -> None:
    pass


def _cell(took_ms: Sequence[float]) -> str:
    return f"{median(took_ms):.2f} / {quantiles(took_ms, n=20)[-1]:.2f}"


if __name__ == "__main__":
    main(sys.argv[1:])
