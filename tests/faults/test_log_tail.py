"""The log's tail is damaged or gone after kill -9: what is missing is counted, never silent
(RELIABILITY.md P08).

A killed program's folder is what a copy of a living one's is: every commit was synced when it was
told. Truth: what the client was told, and in which order.
"""

from __future__ import annotations

import asyncio
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.contracts.samples import SLOT, frame, replayed, store, track
from tests.faults.tier import Finding, tell, times
from tests.processes import started

from sigmawatch.adapters.clock import VirtualClock
from sigmawatch.adapters.ledgers.high_water import NAME, read_mark
from sigmawatch.adapters.ledgers.sqlite import SqliteLedger
from sigmawatch.domain.errors import SigmawatchError

ROOT = Path(__file__).parents[2]
DAMAGES = times(change=60, full=600)
COMMITS = 30
UNTIL_RED = 20

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]


@pytest.fixture
async def killed(tmp_path: Path) -> tuple[Path, list[str]]:
    """A folder as kill -9 leaves it, its log full, more than a second after the last commit; and
    the ids that were told as stored, in order."""
    folder = tmp_path / "living"
    ledger = await SqliteLedger.open(folder, clock=VirtualClock(1))
    await track(ledger, "BTC")
    told: list[str] = []
    for slot in range(SLOT, SLOT + COMMITS):
        told += await store(ledger, frame(slot, values=[1.0] * 40))
    async with asyncio.timeout(60):
        while (mark := read_mark(folder)) is None or mark.commit_number < 1 + COMMITS:
            await ledger.series()
    shutil.copytree(folder, tmp_path / "killed")
    await ledger.close()
    (tmp_path / "killed" / "sigmawatch.db-shm").unlink()
    return tmp_path / "killed", told


def damage(folder: Path, dice: random.Random) -> str:
    """Flip a bit of the log, or cut it, or tear its last page."""
    log = folder / "sigmawatch.db-wal"
    content = bytearray(log.read_bytes())
    at = dice.randrange(len(content))
    what = dice.choice(["flipped", "cut", "torn"])
    if what == "flipped":
        content[at] ^= 1 << dice.randrange(8)
    elif what == "cut":
        del content[at:]
    else:
        content[at:] = bytes(len(content) - at)
    log.write_bytes(content)
    return f"{what} at {at}"


async def after(folder: Path) -> tuple[list[str], int] | None:
    """What is there, and how many transactions are said to be missing; None where it says that
    nothing can be read."""
    try:
        ledger = await SqliteLedger.open(folder, clock=VirtualClock(2))
    except SigmawatchError:
        return None
    try:
        there = await replayed(ledger)
        said = [one for one in ledger.damage if one.what.startswith("commits")]
        return there, sum(int(one.reason.split()[0]) for one in said)
    finally:
        await ledger.close()


async def test_whatever_happens_to_the_log_what_is_missing_is_counted(
    killed: tuple[Path, list[str]], tmp_path: Path
) -> None:
    folder, told = killed
    seed = random.randrange(2**32)
    dice, lost = random.Random(seed), 0
    for _ in range(DAMAGES):
        copy = tmp_path / "copy"
        shutil.copytree(folder, copy)
        what = damage(copy, dice)
        found = await after(copy)
        shutil.rmtree(copy)
        if found is None:
            continue
        there, missing = found
        assert there == told[: len(there)], f"seed {seed}: {what}"
        gone = len(told) - len(there)
        assert missing in ({gone} if there else {gone, gone + 1}), f"seed {seed}: {what}"
        lost += gone > 0
    tell(Finding(promise="P08", fault="the write-ahead log is flipped, cut or torn after a kill",
                 seed=seed,
                 figures={"damages": DAMAGES, "with_missing": lost, "silent": 0}))  # fmt: skip
    assert lost > DAMAGES // 12  # the rest hit the making of tables, and nothing can be read


async def test_the_next_start_goes_on_after_what_is_missing(
    killed: tuple[Path, list[str]],
) -> None:
    folder, told = killed
    (folder / "sigmawatch.db-wal").write_bytes(b"")
    ledger = await SqliteLedger.open(folder, clock=VirtualClock(2))
    before = read_mark(folder)
    assert before is not None
    assert ledger.damage[0].until_ms == 1
    await track(ledger, "BTC")
    await ledger.close()
    mark = read_mark(folder)
    assert mark is not None
    assert mark.commit_number > before.commit_number, "numbers are not given twice"
    assert len(told) == COMMITS
    again = await SqliteLedger.open(folder, clock=VirtualClock(3))
    assert again.damage == []
    await again.close()


async def test_the_check_above_notices_that_nobody_keeps_a_mark(
    killed: tuple[Path, list[str]], tmp_path: Path
) -> None:
    folder, told = killed
    (folder / NAME).unlink()
    dice = random.Random(1)
    for turn in range(UNTIL_RED):
        copy = tmp_path / f"copy{turn}"
        shutil.copytree(folder, copy)
        damage(copy, dice)
        found = await after(copy)
        if found is not None and len(found[0]) < len(told) and not found[1]:
            tell(Finding(promise="P08", fault="the same, without the file beside the database",
                         figures={"damages_until_red": turn + 1}, control=True))  # fmt: skip
            return
    pytest.fail(f"{UNTIL_RED} damaged logs, and none lost anything without a word")


def test_a_log_that_is_gone_after_a_real_kill_is_noticed(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with started(
        [sys.executable, "-m", "tests.ledgers.child", str(folder), "after"],
        cwd=ROOT, stdout=subprocess.PIPE,
    ) as child:  # fmt: skip
        assert child.stdout is not None
        until_s = time.monotonic() + 30
        while read_mark(folder) is None and time.monotonic() < until_s:
            child.stdout.readline()
        child.kill()
    mark = read_mark(folder)
    assert mark is not None
    (folder / "sigmawatch.db-wal").unlink()
    (folder / "sigmawatch.db-shm").unlink()
    found = asyncio.run(after(folder))
    whole = found is not None and len(found[0]) >= mark.commit_number - 1
    assert whole or found is None or found[1] > 0, f"{found} of {mark}"
