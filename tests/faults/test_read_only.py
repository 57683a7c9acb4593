"""A file system that becomes read-only under the program, as ext4 does after an error of the disk:
reads go on, nothing is acknowledged, nobody exits or spins (RELIABILITY.md P06)."""

from __future__ import annotations

import asyncio
import signal
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from tests.faults.lives import alive
from tests.faults.power import Disk, disk
from tests.faults.reader import VENUES, Log
from tests.faults.storage_ordeal import SERIES, Watched, configure, lost
from tests.faults.tier import Finding, tell, times

from sigmawatch_simulator import Config, Simulator

ROUNDS = times(change=1, full=20)
WAKES_PER_S_MAX = 400  # 40 is usual
WATCHED_S = 5.0

pytestmark = [pytest.mark.faults, pytest.mark.timeout(times(change=180, full=1_800))]


@pytest_asyncio.fixture
async def double() -> AsyncIterator[Simulator]:
    async with Simulator(Config(venues=VENUES, markets_count=10, limited=False)) as simulator:
        yield simulator


def make_read_only(mount: Path) -> None:
    """At once, with files open there."""
    command = ["mount", "-o", "remount,abort", str(mount)]
    subprocess.run(command, check=True, capture_output=True)


async def remounted(on: Disk, log: Log) -> tuple[float, float]:
    """A life under which the file system becomes read-only: after how many seconds that was told,
    and how often a second any thread was woken from then on."""
    async with alive(on.mount) as life:
        watched = Watched(life, log)
        await watched.begun()
        await asyncio.to_thread(make_read_only, on.mount)
        told_s = await watched.becomes("read_only", within_s=2.0)
        status, ready = await watched.asked("/readyz")
        assert status == 503
        assert "read only" in ready["detail"]
        wakes_per_s = await watched.wakes_per_s(for_s=WATCHED_S)
        await watched.look(for_s=1.0)
        path, body = "/api/v1/watchlists/mine", {"items": ["*:BTC/*"]}
        status, problem = await watched.asked(path, method="PUT", body=body)
        assert (status, problem["type"]) == (503, "/problems/storage")
        assert len(log.ids) == SERIES
        life.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(60):
            assert await life.process.wait() == 0
        life.killed = True
    return told_s, wakes_per_s


async def test_a_read_only_disk_stops_what_is_stored_and_nothing_else(
    tmp_path: Path, double: Simulator
) -> None:
    log, measured = Log(), list[tuple[float, float]]()
    with disk(tmp_path, kind="ext4") as on:
        configure(on.mount, double)
        for _ in range(ROUNDS):
            measured.append(await remounted(on, log))
            on.back()
            assert lost(on.mount, log, scratch=tmp_path) == 0
            assert measured[-1][1] < WAKES_PER_S_MAX
        async with alive(on.mount) as life:
            await Watched(life, log).shows_more(within_s=60.0)
    tell(Finding(promise="P06", fault="ext4 remounted read-only (abort), SIGTERM, mounted anew",
                 figures={"rounds": ROUNDS, "numbers_shown": len(log.seen), "numbers_lost": 0,
                          "told_after_s": round(max(told for told, _ in measured), 2),
                          "wakes_per_s": round(max(wakes for _, wakes in measured))},
                 ))  # fmt: skip


async def test_the_check_above_notices_a_program_that_tries_without_a_pause(
    tmp_path: Path, double: Simulator
) -> None:
    with disk(tmp_path, kind="ext4") as on:
        configure(on.mount, double)
        async with alive(on.mount, program=("-m", "tests.faults.spinning")) as life:
            watched = Watched(life, Log())
            await watched.begun()
            await asyncio.to_thread(make_read_only, on.mount)
            wakes_per_s = await watched.wakes_per_s(for_s=WATCHED_S)
    assert wakes_per_s >= WAKES_PER_S_MAX
    tell(Finding(promise="P06", fault="the same with a program that tries without a pause",
                 figures={"wakes_per_s": round(wakes_per_s)}, control=True))  # fmt: skip
