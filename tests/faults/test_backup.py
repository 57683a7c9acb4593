"""A backup made under load, and the program killed after it: what was shown before the backup began
is in it, and a program starts from it (RELIABILITY.md P33)."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from tests.faults.lives import SOUND, alive
from tests.faults.oracle import Stored
from tests.faults.reader import VENUES, Log, read_until_gone
from tests.faults.test_kill import MARKETS, Ordeal, configure
from tests.faults.tier import Finding, tell, times
from tests.ledgers.opening import until

from sigmawatch.adapters.ledgers.restoring import restore_to_folder
from sigmawatch.domain.errors import SigmawatchError
from sigmawatch_simulator import Config, Simulator

TRIES_UNTIL_RED = 5
SHOWN_MIN = 300  # numbers before a backup begins

pytestmark = [
    pytest.mark.faults,
    pytest.mark.timeout(1_800),
    pytest.mark.skipif(sqlite3.sqlite_version_info < (3, 37), reason="sqlite3 cannot read STRICT"),
]


@pytest_asyncio.fixture
async def double() -> AsyncIterator[Simulator]:
    async with Simulator(Config(venues=VENUES, markets_count=MARKETS, limited=False)) as simulator:
        yield simulator


@dataclass(kw_only=True)
class Made:
    """A backup that a program under load made. shown_count: numbers that clients had been shown
    before it began; lost: those that are not in what was restored from it."""

    shown_count: int
    lost: list[object]
    restored: Path


async def made(ordeal: Ordeal, *, number: int) -> Made:
    folder = ordeal.folder
    backup, restored = folder / f"backup-{number}.db", folder / f"restored-{number}"
    log = Log()
    async with alive(folder, program=ordeal.program) as life, asyncio.TaskGroup() as group:
        group.create_task(read_until_gone(life.url, log, ordeal.dice))
        await until(lambda: len(log.seen) >= SHOWN_MIN)
        shown = set(log.seen)
        await back_up(life.url, folder / "data", target=backup)
        life.kill()
    await restore_to_folder(backup, restored / "data", now_ms=0, told=lambda done, total: None)
    stored = Stored(restored / "data", scratch=restored)
    return Made(shown_count=len(shown), lost=[seen for seen in shown if not stored.holds(seen)],
                restored=restored)  # fmt: skip


async def back_up(url: str, data: Path, *, target: Path) -> None:
    """As the command line asks, with the token that lies in the data folder."""
    token = json.loads((data / "running.json").read_text())["token"]
    headers = {"Authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession(f"{url}/api/v1/", headers=headers) as session:
        async with session.post("backups", json={"target": str(target)}) as answer:
            assert answer.status == 202, await answer.text()
        found: Any = None
        while found is None or found["finished_at"] is None:
            async with session.get("backups") as answer:
                found = (await answer.json())["items"][0]
    assert found["problem"] is None, found


def ordeal_of(folder: Path, double: Simulator, program: Sequence[str] = SOUND) -> Ordeal:
    configure(folder, double)
    return Ordeal(folder=folder, program=program)


async def test_what_was_shown_before_a_backup_under_load_is_in_it(
    tmp_path: Path, double: Simulator
) -> None:
    """RELIABILITY.md P33: "consistent copy, restore verified by command"."""
    ordeal = ordeal_of(tmp_path, double)
    await ordeal.begin()
    backups, shown_count, restored = times(change=1, full=30), 0, tmp_path
    for number in range(backups):
        found = await made(ordeal, number=number)
        assert not found.lost, f"seed {ordeal.seed}: {len(found.lost)} lost, as {found.lost[:3]}"
        shown_count += found.shown_count
        restored = found.restored
    (restored / "sigmawatch.toml").write_text((tmp_path / "sigmawatch.toml").read_text())
    async with alive(restored):
        pass  # it is ready
    tell(Finding(promise="P33", fault="backup under load, program killed after it, restored",
                 figures={"backups": backups, "numbers_shown": shown_count, "lost": 0},
                 seed=ordeal.seed))  # fmt: skip


async def test_the_check_above_notices_a_backup_that_copies_the_file(
    tmp_path: Path, double: Simulator
) -> None:
    ordeal = ordeal_of(tmp_path, double, program=("-m", "tests.faults.file_copy"))
    await ordeal.begin()
    for number in range(TRIES_UNTIL_RED):
        try:
            found = await made(ordeal, number=number)
        except (SigmawatchError, AssertionError, sqlite3.Error) as exc:  # it is torn
            lost, reason = 1, type(exc).__name__
        else:
            lost, reason = len(found.lost), "lost"
        if lost:
            tell(Finding(promise="P33", fault="backup by copying the file", control=True,
                         figures={"tries": number + 1, "lost": lost, "how": reason},
                         seed=ordeal.seed))  # fmt: skip
            return
    pytest.fail(f"seed {ordeal.seed}: a backup that copies the file lost nothing")
