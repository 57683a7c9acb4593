"""What a slot's commit takes while a backup is made, beside what it takes without: rounds of both
in turn, so that whatever else the machine does falls on both alike.

    python -m benchmarks backup              98 x 1,024 values a commit, over 0.1 GB, either ledger

A backup is copied, then read back whole: each is told apart.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles

from benchmarks.ledger import WIDE_BLOCKS, Opening, commit, embedded, on_server, track
from benchmarks.shared.machine import described
from benchmarks.shared.results import Results, duration, markdown

from sigmawatch.adapters.ledgers.ledger import SqlLedger

ALONE, COPIED, READ_BACK = "alone", "while it is copied", "while it is read back"
HEADER = ("median / p95", ALONE, COPIED, "more", READ_BACK, "more", "all of it", "a backup")
RUNS = 3
SLOTS = 100  # 0.1 GB
ROUNDS = 8
IDLE_COMMITS = 30
EVERY_S = 0.05


def main(arguments: Sequence[str] = ()) -> None:
    """Print a row for each run, and keep them for the page."""
    assert not arguments, "no options"
    print(markdown(HEADER, []))
    rows = asyncio.run(compared())
    Results("backup").save({"machine": described(), "header": HEADER, "rows": rows})


async def compared() -> list[list[str]]:
    """The ledgers in turn."""
    rows = []
    for number in range(1, RUNS + 1):
        for name, place in (("SQLite", embedded()), ("PostgreSQL", on_server(None))):
            async with place as (opening, _):
                took = await measured(opening)
            rows.append([f"{name}, run {number}", *took.cells()])
            print(f"| {' | '.join(rows[-1])} |", flush=True)
    return rows


@dataclass(slots=True)
class Took:
    """Milliseconds of commits, by what was done meanwhile, and seconds of backups."""

    commits_ms: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    backup_s: list[float] = field(default_factory=list)
    now: str = ALONE

    def told(self, done: int, total: int) -> None:
        """How far the copy is."""
        self.now = COPIED if done < total else READ_BACK

    def cells(self) -> list[str]:
        """As HEADER says; `more` is beside what commits take alone."""
        alone = self.commits_ms[ALONE]
        beside = [self.commits_ms[COPIED], self.commits_ms[READ_BACK]]
        said = [_said(alone)]
        for some in beside:
            said += [_said(some), _more(some, alone)]
        return [*said, _more([*beside[0], *beside[1]], alone), f"{median(self.backup_s):.1f} s"]


async def measured(opening: Opening) -> Took:
    """One ledger, filled anew."""
    ledger = await opening()
    rounds = Rounds(ledger, blocks=await track(ledger, blocks_count=WIDE_BLOCKS))
    for _ in range(SLOTS):
        await rounds.commit()
    with tempfile.TemporaryDirectory(prefix="sigmawatch-bench-") as folder:
        took = await rounds.both(Path(folder))
    await ledger.close()
    return took


class Rounds:
    """Commits, one slot after the other."""

    def __init__(self, ledger: SqlLedger, *, blocks: Sequence[int]) -> None:
        self._ledger, self._blocks, self._slot = ledger, blocks, 0

    async def commit(self) -> float:
        self._slot += 1
        return await commit(self._ledger, slot=self._slot, blocks=self._blocks)

    async def both(self, folder: Path) -> Took:
        """Commits alone, then beside a backup, and again."""
        took = Took()
        for number in range(ROUNDS):
            for _ in range(IDLE_COMMITS):
                await self._timed(took)
            target = folder / f"{number}.db"
            began_s, took.now = time.monotonic(), COPIED
            copying = asyncio.create_task(self._ledger.backup(str(target), told=took.told))
            while not copying.done():
                await self._timed(took)
            await copying
            took.backup_s.append(time.monotonic() - began_s)
            took.now = ALONE
            target.unlink()
        return took

    async def _timed(self, took: Took) -> None:
        meanwhile = took.now
        took.commits_ms[meanwhile].append(await self.commit())
        await asyncio.sleep(EVERY_S)


def _figures(took_ms: Sequence[float]) -> tuple[float, float]:
    """Median and p95."""
    return median(took_ms), quantiles(took_ms, n=20)[-1]


def _said(took_ms: Sequence[float]) -> str:
    return " / ".join(map(duration, _figures(took_ms)))


def _more(took_ms: Sequence[float], alone_ms: Sequence[float]) -> str:
    pairs = zip(_figures(took_ms), _figures(alone_ms), strict=True)
    return " / ".join(f"{one / alone - 1.0:+.0%}" for one, alone in pairs)


if __name__ == "__main__":
    main(sys.argv[1:])
