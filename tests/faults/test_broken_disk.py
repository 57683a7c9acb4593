"""A disk that answers writes and syncs with errors (EIO): at once nothing more is acknowledged,
reads go on, nothing that was shown is lost; when it works again, so does all (RELIABILITY.md P04).

strace makes the errors, between the program and the kernel. Every single point of the ledger's own
calls is failed in tests/ledgers/test_disk_faults.py.
"""

from __future__ import annotations

import os
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
import pytest_asyncio
from tests.faults.lives import SOUND, Life, alive
from tests.faults.reader import VENUES, Log
from tests.faults.storage_ordeal import Watched, configure, lost
from tests.faults.tier import Finding, full_only, tell, times
from tests.faults.tracer import needs_strace, traced

from sigmawatch_simulator import Config, Simulator

ROUNDS = times(change=1, full=25)
CALLS = ("fdatasync", "pwrite64")
FIRST_MAX = 12  # the call that fails first: some way into a slot
STOPS_WITHIN_S = 1.0
BETWEEN_SLOTS_S = 3.0  # two, and the slowness of a traced program

# For `make faults` alone: a tracer may hang on a program that dies under it for a while.
pytestmark = [pytest.mark.faults, pytest.mark.timeout(3_600), full_only, needs_strace]


@pytest_asyncio.fixture
async def double() -> AsyncIterator[Simulator]:
    async with Simulator(Config(venues=VENUES, markets_count=10, limited=False)) as simulator:
        yield simulator


def broken(life: Life, call: str, *, first: int) -> AbstractAsyncContextManager[object]:
    """From the first-th such call on, each one of any thread fails with EIO."""
    return traced(life.process.pid, "-o", os.devnull, "-e", f"trace={call}",
                  "-e", f"inject={call}:error=EIO:when={first}+")  # fmt: skip


async def broken_life(
    folder: Path, log: Log, *, call: str, first: int, program: Sequence[str] = SOUND
) -> tuple[float, float]:
    """After how many seconds a failure was told, and after how many all went on."""
    async with alive(folder, program=program) as life:
        watched = Watched(life, log)
        await watched.begun()
        async with broken(life, call, first=first):
            within_s = (1 + first) * BETWEEN_SLOTS_S + STOPS_WITHIN_S
            told_s = await watched.becomes("failed", within_s=within_s)
            status, ready = await watched.asked("/readyz")
            assert status == 503
            assert "storage failed" in ready["detail"]
            await watched.look()  # what was committed just before
            shown = len(log.seen)
            for _ in range(3):
                await watched.look(for_s=1.0)
            # A slot may close meanwhile, over readings that were stored before.
            assert len(log.seen) - shown <= len(log.ids), "nothing new is shown"
        back_s = await watched.becomes("ok", within_s=10.0)
        await watched.shows_more(within_s=60.0)
    return told_s, back_s


async def test_a_broken_disk_costs_nothing_that_was_shown(
    tmp_path: Path, double: Simulator
) -> None:
    seed = random.randrange(2**32)
    dice, log = random.Random(seed), Log()
    configure(tmp_path, double)
    measured: list[tuple[float, float]] = []
    for _ in range(ROUNDS):
        for call in CALLS:
            first = dice.randint(1, FIRST_MAX)
            print(f"seed {seed}: {call} {first}")
            measured.append(await broken_life(tmp_path, log, call=call, first=first))
            assert lost(tmp_path, log, scratch=tmp_path) == 0, f"seed {seed}"
    tell(Finding(promise="P04", fault="every write or sync fails (EIO), for some seconds; kill -9",
                 figures={"rounds": len(measured), "numbers_shown": len(log.seen),
                          "numbers_lost": 0,
                          "back_after_s": round(max(back for _, back in measured), 2)},
                 ))  # fmt: skip


async def test_the_check_above_notices_a_program_that_goes_on_as_if_it_were_stored(
    tmp_path: Path, double: Simulator
) -> None:
    log = Log()
    configure(tmp_path, double)
    async with alive(tmp_path, program=("-m", "tests.faults.carefree")) as life:
        watched = Watched(life, log)
        await watched.begun()
        async with broken(life, "pwrite64", first=1):
            await watched.look(for_s=8.0)
            life.kill()
    gone = lost(tmp_path, log, scratch=tmp_path)
    assert gone > 0
    tell(Finding(promise="P04", fault="the same with a program that goes on as if it were stored",
                 figures={"numbers_lost": gone}, control=True))  # fmt: skip
