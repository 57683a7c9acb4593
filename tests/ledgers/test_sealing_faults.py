"""Sealing that is cut off: nothing lost, nothing told twice (RELIABILITY.md P01, P04, P07)."""

from __future__ import annotations

import asyncio
import random
import shutil
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import apsw
import numpy as np
import pytest
from tests.contracts.samples import frame, patch, replayed, store
from tests.ledgers.disk import Disk, disk
from tests.ledgers.sealed_days import BASES, DAY, END, FIRST, filled, items, seal_all, truth, wrong
from tests.processes import started

from sigmawatch.adapters.clock import VirtualClock
from sigmawatch.adapters.ledgers.ledger import SqlLedger
from sigmawatch.adapters.ledgers.sqlite import SqliteLedger
from sigmawatch.domain.errors import StorageFailed
from sigmawatch.domain.frame import Flag, Reason

ROOT = Path(__file__).parents[2]
KILLS = 8


@asynccontextmanager
async def opened(folder: Path, on: Disk | None = None) -> AsyncIterator[SqlLedger]:
    ledger = await SqliteLedger.open(folder, clock=VirtualClock(0), vfs=on.name if on else None)
    try:
        yield ledger
    finally:
        await ledger.close()


async def failed_at(folder: Path, on: Disk, *, fails_at: int, early: bool = False) -> list[str]:
    """The series told wrongly after a life that ended with that operation of a round failing, and
    all after it; they are told again after a second round, which must succeed."""
    on.operations.clear()
    on.fails_at = None
    try:
        async with opened(folder, on) as ledger:
            on.fails_at = len(on.operations) + fails_at
            await until_it_fails(ledger, seal_all(ledger, early=early))
    except StorageFailed:
        pass
    on.fails_at = None
    async with opened(folder) as ledger:
        found = await wrong(ledger, said=items())
        await seal_all(ledger)
        assert await replayed(ledger) == []
        return found + await wrong(ledger, said=items())


async def until_it_fails(ledger: SqlLedger, work: Coroutine[Any, Any, None]) -> None:
    """Do `work` until it is done or the storage has failed."""
    async with asyncio.TaskGroup() as group:
        done = group.create_task(work)
        failed = group.create_task(ledger.storage.changed(ledger.storage.status))
        await asyncio.wait([done, failed], return_when=asyncio.FIRST_COMPLETED)
        done.cancel()
        failed.cancel()


async def test_whatever_write_or_sync_fails_a_read_tells_the_truth_and_the_next_round_ends(
    tmp_path: Path,
) -> None:
    await filled(tmp_path / "made")
    with disk("sealing") as on:
        shutil.copytree(tmp_path / "made", tmp_path / "whole")
        assert await failed_at(tmp_path / "whole", on, fails_at=10**9) == []
        operations = len(on.operations)
        assert operations > 100
        for fails_at in range(1, operations, 1 + operations // 24):
            folder = tmp_path / str(fails_at)
            shutil.copytree(tmp_path / "made", folder)
            found = await failed_at(folder, on, fails_at=fails_at)
            assert found == [], f"operation {fails_at} of {operations}"
            shutil.rmtree(folder)


async def test_the_check_above_notices_frames_that_went_before_their_columns_were_there(
    tmp_path: Path,
) -> None:
    await filled(tmp_path / "made")
    with disk("early") as on:
        for fails_at in range(1, 200, 7):
            folder = tmp_path / str(fails_at)
            shutil.copytree(tmp_path / "made", folder)
            if await failed_at(folder, on, fails_at=fails_at, early=True):
                return
    pytest.fail("a section that was said to be sealed too early lost nothing")


def killed(folder: Path, *, order: str, dice: random.Random) -> bool:
    """Seal in a process that is killed at a random moment; whether it had ended before."""
    with started(
        [sys.executable, "-m", "tests.ledgers.sealed_days", str(folder), order],
        cwd=ROOT, stdout=subprocess.PIPE,
    ) as child:  # fmt: skip
        assert child.stdout is not None
        for _ in range(dice.randint(1, 3)):
            child.stdout.readline()
        moment = time.perf_counter() + dice.uniform(0.0, 0.03)
        while time.perf_counter() < moment:
            pass
        ended = child.poll() is not None
        child.kill()
        return ended


@pytest.mark.slow
async def test_kill_9_while_a_day_is_sealed_loses_nothing(tmp_path: Path) -> None:
    seed = random.randrange(2**32)
    dice = random.Random(seed)
    await filled(tmp_path / "0")
    folder = tmp_path / "0"
    for kill in range(KILLS):
        ended = killed(folder, order="after", dice=dice)
        async with opened(folder) as ledger:
            assert await wrong(ledger, said=items()) == [], f"seed {seed}, kill {kill}"
        if ended:  # else it goes on where it was, and may be killed again
            folder = tmp_path / str(kill + 1)
            await filled(folder)


@pytest.mark.slow
async def test_the_kills_notice_frames_that_went_before_their_columns_were_there(
    tmp_path: Path,
) -> None:
    dice = random.Random(1)
    for kill in range(40):
        folder = tmp_path / str(kill)
        await filled(folder)
        killed(folder, order="before", dice=dice)
        async with opened(folder) as ledger:
            if await wrong(ledger, said=items()):
                return
    pytest.fail("40 kills of a program that deletes too early lost nothing")


def flipped(folder: Path, *, table: str, where: str, bit: int) -> None:
    """Damage one stored body. Nobody may hold the database."""
    connection = apsw.Connection(str(folder / "sigmawatch.db"))
    rows: Any = connection.execute(f"SELECT rowid, length(body) FROM {table} WHERE {where}")
    [(row_id, size)] = rows
    with connection.blob_open("main", table, "body", row_id, True) as blob:
        blob.seek(bit // 8 % size)
        (byte,) = blob.read(1)
        blob.seek(bit // 8 % size)
        blob.write(bytes([byte ^ 1 << bit % 8]))
    connection.close()


@pytest.fixture
async def damaged(tmp_path: Path) -> Path:
    """A sealed past in which the second day of the first series has a flipped bit."""
    folder = tmp_path / "data"
    await filled(folder)
    async with opened(folder) as ledger:
        await seal_all(ledger)
    day = f"series_id = 1 AND from_slot = {FIRST + DAY}"
    flipped(folder, table="section_columns", where=day, bit=random.randrange(100_000))
    return folder


async def test_a_damaged_day_is_missing_and_named_and_everything_else_is_told(
    damaged: Path,
) -> None:
    async with opened(damaged) as ledger:
        [one, *others] = await ledger.series()
        told = await ledger.stretch(one, from_slot=FIRST, to_slot=END)
        whole = truth(one, said=items())
        assert told.marks[:DAY] == whole.marks[:DAY]
        assert told.values[: 8 * DAY] == whole.values[: 8 * DAY]
        assert set(told.marks[DAY : 2 * DAY]) == {Reason.DAMAGED}
        assert np.isnan(np.frombuffer(told.values)[DAY : 2 * DAY]).all()
        assert told.values[16 * DAY :] == whole.values[16 * DAY :]
        assert await wrong(ledger, said=items()) == [one.name]
        assert ledger.damaged_count == 1
        assert {one.what for one in ledger.damage} == {f"column 1:{FIRST + DAY}"}
        runs = await ledger.rollups(one, width_ms=3_600_000, from_ms=0, to_ms=END * 60_000)
        assert len(runs) == 72, "the hours of that day are known still"
        assert len(others) == len(BASES) - 1


async def test_a_word_for_a_damaged_day_is_kept_and_its_hours_stay_as_they_were(
    damaged: Path,
) -> None:
    late = patch(FIRST + DAY + 7, series_id=1, values=[3.5], marks=[int(Flag.FILLED)])
    async with opened(damaged) as ledger:
        [one, *_] = await ledger.series()
        hours = partial(ledger.rollups, one, width_ms=3_600_000, from_ms=0, to_ms=END * 60_000)
        before = await hours()
        await store(ledger, late)
        await seal_all(ledger)
        told = await ledger.stretch(one, from_slot=FIRST + DAY, to_slot=FIRST + DAY + 9)
        assert np.frombuffer(told.values)[7] == 3.5
        after = await hours()
        assert after.low.tobytes() == before.low.tobytes()


async def test_without_the_sources_of_a_section_nothing_weaker_takes_the_place_of_a_value(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "data"
    await filled(folder)
    async with opened(folder) as ledger:
        await seal_all(ledger)
    flipped(folder, table="sections", where=f"from_slot = {FIRST}", bit=999)
    coarse = patch(FIRST, series_id=1, values=[77.0, 78.0],
                   marks=[int(Flag.FILLED | Flag.COARSE)] * 2)  # fmt: skip
    async with opened(folder) as ledger:
        await store(ledger, coarse)
        [one, *_] = await ledger.series()
        for _ in range(2):
            told = await ledger.stretch(one, from_slot=FIRST, to_slot=FIRST + 2)
            assert np.frombuffer(told.values).tolist() == [0.0, 78.0]
            await seal_all(ledger)
        assert f"section 1:{FIRST}" in {one.what for one in ledger.damage}


async def test_a_damaged_frame_is_never_deleted(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    await filled(folder)
    victim = frame(FIRST + 120, values=[0.0])
    where = f"slot = {victim.slot}"
    flipped(folder, table="frames", where=where, bit=500)
    async with opened(folder) as ledger:
        await seal_all(ledger)
        assert ledger.damaged_count == 1
        [block] = await ledger.blocks()
        assert await ledger.sealing.unsealed(block, before_ms=END * 60_000) == []
    connection = apsw.Connection(str(folder / "sigmawatch.db"))
    assert connection.execute("SELECT slot FROM frames").fetchall() == [(victim.slot,)]
    connection.close()
