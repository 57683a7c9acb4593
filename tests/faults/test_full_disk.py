"""A disk without room: nothing that was shown is lost, small things are still stored, nobody dies
of it, a start on it serves what is there, and all goes on when there is room (RELIABILITY.md P05).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from tests.faults.lives import alive
from tests.faults.narrow import Narrow, narrow
from tests.faults.reader import VENUES, Log
from tests.faults.storage_ordeal import SERIES, Watched, configure, lost
from tests.faults.tier import Finding, tell, times

from sigmawatch_simulator import Config, Simulator

ROUNDS = times(change=1, full=10)
SMALL_THINGS = 30  # half an hour of slots' decisions

pytestmark = [pytest.mark.faults, pytest.mark.timeout(times(change=180, full=1_800))]


@pytest_asyncio.fixture
async def double() -> AsyncIterator[Simulator]:
    async with Simulator(Config(venues=VENUES, markets_count=10, limited=False)) as simulator:
        yield simulator


async def stored_small_things(watched: Watched) -> int:
    """How many of some small things could be stored, one after the other."""
    for n in range(SMALL_THINGS):
        path = f"/api/v1/watchlists/list{n}"
        status, _ = await watched.asked(path, method="PUT", body={"items": [f"*:X{n}/*"]})
        if status not in {200, 201}:
            return n
    return SMALL_THINGS


async def filled_up(disk: Narrow, watched: Watched) -> dict[str, float]:
    """Fill the disk under a life, and again and again what it gives back; what was measured."""
    await asyncio.to_thread(disk.fill)
    full_s = await watched.becomes("full", within_s=2.0)
    status, ready = await watched.asked("/readyz")
    assert status == 503
    assert "storage full" in ready["detail"]
    kept = await stored_small_things(watched)
    assert kept == SMALL_THINGS, f"{kept} of {SMALL_THINGS} small things were stored"
    for _ in range(20):
        await asyncio.to_thread(disk.fill)
        await watched.look()
        await asyncio.sleep(0.1)
    assert disk.free_bytes == 0
    assert await watched.state() == "full"
    return {"seen_after_s": full_s}


async def test_a_full_disk_costs_nothing_that_was_shown_and_is_left_behind(
    tmp_path: Path, double: Simulator
) -> None:
    log, measured = Log(), list[dict[str, float]]()
    with narrow(tmp_path) as disk:
        configure(disk.folder, double)
        for _ in range(ROUNDS):
            async with alive(disk.folder) as life:
                watched = Watched(life, log)
                await watched.begun()
                figures = await filled_up(disk, watched)
            assert lost(disk.folder, log, scratch=tmp_path) == 0
            async with alive(disk.folder, ready=False) as life:  # a start on the full disk
                watched = Watched(life, log)
                await watched.look()
                assert len(log.ids) == SERIES
                assert await watched.state() == "full"
                await asyncio.to_thread(disk.free)
                figures["back_after_s"] = await watched.becomes("ok", within_s=10.0)
                await watched.shows_more(within_s=60.0)
                status, lists = await watched.asked("/api/v1/watchlists")
                assert (status, len(lists["items"])) == (200, SMALL_THINGS)
            assert lost(disk.folder, log, scratch=tmp_path) == 0
            measured.append(figures)
    tell(Finding(promise="P05", fault="a competitor fills the disk (tmpfs, 64 MB), kill -9, start",
                 figures={"rounds": ROUNDS, "numbers_shown": len(log.seen), "numbers_lost": 0,
                          "small_things_stored": ROUNDS * SMALL_THINGS,
                          **{k: round(max(m[k] for m in measured), 2) for k in measured[0]}},
                 ))  # fmt: skip


async def test_the_check_above_notices_a_program_without_a_reserve(
    tmp_path: Path, double: Simulator
) -> None:
    log = Log()
    with narrow(tmp_path) as disk:
        configure(disk.folder, double)
        async with alive(disk.folder, program=("-m", "tests.faults.no_reserve")) as life:
            watched = Watched(life, log)
            await watched.begun()
            await asyncio.to_thread(disk.fill)
            await watched.becomes("full", within_s=10.0)
            await asyncio.to_thread(disk.fill)  # what the log gave back when it was copied
            kept = await stored_small_things(watched)
        assert kept < SMALL_THINGS
    tell(Finding(promise="P05", fault="the same without a reserve and without a cap of the log",
                 figures={"small_things_stored": kept}, control=True))  # fmt: skip
