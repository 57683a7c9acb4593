"""The whole program is killed on entering a write of its database: what was shown is on disk
(RELIABILITY.md P01 b, P02). test_syscalls.py does so at every call, with the ledger alone."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tests.faults.lives import alive, killed_at
from tests.faults.reader import read_until_gone
from tests.faults.test_kill import Ordeal, configure, double
from tests.faults.tier import Finding, full_only, spread, tell
from tests.faults.tracer import needs_strace

from sigmawatch_simulator import Simulator

__all__ = ["double"]

WRITES = range(2, 1_202)  # 1: the lock file's
LIFE_S = 60.0
EARLY = "-m", "tests.faults.too_early"
UNTIL_RED = 8

pytestmark = [pytest.mark.faults, pytest.mark.timeout(3_600), full_only, needs_strace]


async def ended_at(ordeal: Ordeal, number: int) -> None:
    """Live until that write, read and collected from."""
    strace = killed_at("pwrite64", number)
    try:
        async with (
            alive(ordeal.folder, program=ordeal.program, before=strace, ready=False) as life,
            asyncio.TaskGroup() as group,
        ):
            group.create_task(read_until_gone(life.url, ordeal.log, ordeal.dice))
            try:
                async with asyncio.timeout(LIFE_S):
                    await life.process.wait()
                life.killed = True
            except TimeoutError:  # a slow machine: then it is killed here
                life.kill()
    except AssertionError as exc:
        if "ended before it served" not in str(exc):
            raise


def finding(ordeal: Ordeal, *, kills: int, lost: int, control: bool = False) -> Finding:
    return Finding(
        promise="P01, P02", fault="kill -9 of the program on entering a write", seed=ordeal.seed,
        control=control,
        figures={"kills": kills, "numbers_shown": len(ordeal.log.seen),
                 "collections_answered": len(ordeal.log.runs), "lost": lost},
    )  # fmt: skip


async def test_nothing_that_was_shown_is_lost_whichever_write_is_the_last(
    tmp_path: Path, double: Simulator
) -> None:
    """RELIABILITY.md 1.1: "If you saw it, it is on disk." """
    configure(tmp_path, double)
    ordeal = Ordeal(folder=tmp_path)
    await ordeal.begin()
    writes = spread(WRITES, 25)
    for number in writes:
        await ended_at(ordeal, number)
    lost = ordeal.lost()
    tell(finding(ordeal, kills=len(writes), lost=len(lost)))
    assert not lost, f"{ordeal.report(kills=len(writes))}: lost {lost[:3]}"


async def test_the_check_above_notices_numbers_shown_before_their_commit(
    tmp_path: Path, double: Simulator
) -> None:
    configure(tmp_path, double)
    ordeal = Ordeal(folder=tmp_path, program=EARLY)
    await ordeal.begin()
    for kills, number in enumerate(spread(WRITES[200:], UNTIL_RED), 1):
        await ended_at(ordeal, number)
        if lost := ordeal.lost():
            tell(finding(ordeal, kills=kills, lost=len(lost), control=True))
            return
    pytest.fail(f"{ordeal.report(kills=UNTIL_RED)}: a program that shows too early lost none")
