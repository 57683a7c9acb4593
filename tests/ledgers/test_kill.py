"""kill -9 at any moment: nothing that was reported is lost (RELIABILITY.md P01, a small dose)."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.ledgers.opening import opened
from tests.processes import started

from sigmawatch.adapters.clock import VirtualClock
from sigmawatch.domain.frame import Frame

ROOT = Path(__file__).parents[2]
KILLS = 10


def reported_until_killed(where: str, *, report: str, dice: random.Random) -> list[int]:
    """The slots a child reported before it was killed, a random moment after some commit."""
    with started(
        [sys.executable, "-m", "tests.ledgers.child", where, report],
        cwd=ROOT,
        stdout=subprocess.PIPE,
    ) as child:
        assert child.stdout is not None
        slots = [int(child.stdout.readline()) for _ in range(dice.randint(1, 60))]
        moment = time.perf_counter() + dice.uniform(0.0, 0.004)
        while time.perf_counter() < moment:
            pass
        child.kill()
        return slots + [int(line) for line in child.stdout.read().splitlines(keepends=True)
                        if line.endswith(b"\n")]  # fmt: skip


async def stored(where: str) -> set[int]:
    ledger = await opened(where, clock=VirtualClock(0))
    slots = {
        item.slot
        async for batch in ledger.replay(from_ms=0)
        for item in batch
        if isinstance(item, Frame)
    }
    assert ledger.damaged_count == 0
    await ledger.close()
    return slots


@pytest.fixture(params=["sqlite", "postgres"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database: a folder, or an address."""
    if request.param == "sqlite":
        return str(tmp_path / "data")
    return str(request.getfixturevalue("postgres_url"))


@pytest.mark.slow
async def test_what_was_reported_survives_kill_9(where: str) -> None:
    seed = random.randrange(2**32)
    dice, reported = random.Random(seed), set[int]()
    for kill in range(KILLS):
        reported |= set(reported_until_killed(where, report="after", dice=dice))
        lost = reported - await stored(where)
        assert not lost, f"seed {seed}, kill {kill}: {len(lost)} of {len(reported)} lost"
    assert len(reported) >= KILLS


@pytest.mark.slow
async def test_the_check_above_notices_a_report_before_the_commit(where: str) -> None:
    dice, reported = random.Random(1), set[int]()
    for _ in range(20):
        reported |= set(reported_until_killed(where, report="before", dice=dice))
        if reported - await stored(where):
            return
    pytest.fail("20 kills of a program that reports too early lost nothing")
