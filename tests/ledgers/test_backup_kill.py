"""kill -9 in the middle of a backup: no file is there under its name, and the next is whole
(RELIABILITY.md P33)."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

import pytest
from tests.contracts.samples import SLOT, frame, store, track

from sigmawatch.adapters.clock import VirtualClock
from sigmawatch.adapters.ledgers.sqlite import SqliteLedger

ROOT = Path(__file__).parents[2]
CLOCK = VirtualClock(1_740_000_000_000)
FRAMES = 300  # a page each and more: many steps


async def opened(folder: Path) -> SqliteLedger:
    return await SqliteLedger.open(folder, clock=CLOCK)


async def killed(folder: Path, target: Path, *, share: float, bug: str = "") -> None:
    """A process over a database of FRAMES that has come so far with its backup."""
    ledger = await opened(folder)
    await track(ledger, "BTC")
    frames = [frame(SLOT + n, values=[float(n + k) for k in range(1_024)]) for n in range(FRAMES)]
    await store(ledger, *frames)
    await ledger.close()
    words = ["-m", "tests.ledgers.backing_up", str(folder), str(target), str(share), *bug.split()]
    child = await asyncio.create_subprocess_exec(sys.executable, *words, cwd=ROOT)
    assert await child.wait() == -signal.SIGKILL


def listed(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
async def test_a_backup_that_was_killed_is_not_there_and_the_next_one_is_whole(
    share: float, tmp_path: Path
) -> None:
    target = tmp_path / "backup.db"
    await killed(tmp_path / "data", target, share=share)
    assert listed(tmp_path) == ["backup.db.part", "data"]  # it had begun
    ledger = await opened(tmp_path / "data")
    copied = await ledger.backup(str(target), told=lambda done, total: None)
    await ledger.close()
    assert (copied.items_count, copied.damaged) == (FRAMES, ())
    assert listed(tmp_path) == ["backup.db", "data"]


async def test_the_check_above_notices_a_copy_under_its_final_name(tmp_path: Path) -> None:
    target = tmp_path / "backup.db"
    await killed(tmp_path / "data", target, share=0.5, bug="hasty")
    assert listed(tmp_path) == ["backup.db", "data"]
