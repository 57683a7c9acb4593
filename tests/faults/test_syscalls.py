"""kill -9 at every system call that changes the disk: what was told is there, and the database goes
on (RELIABILITY.md P01 b, P29).

The ledger alone (ledger_life.py): made, written, sealed, copied back from its log and closed; then
opened by a newer program, migrated and written on. The judge is aftermath.py.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import pytest_asyncio
from tests.faults.aftermath import wrong
from tests.faults.nursery import Life, Nursery, Point, nursery
from tests.faults.tier import Finding, spread, tell, times
from tests.faults.tracer import needs_strace

from sigmawatch.domain.errors import SigmawatchError

AT_ONCE = 2

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900), needs_strace]


@pytest_asyncio.fixture
async def nurseries() -> AsyncIterator[Sequence[Nursery]]:
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(nursery()) for _ in range(AT_ONCE)]


def chosen(points: Sequence[Point], count: int) -> Sequence[Point]:
    """Every point of a call that is rarely made, and `count` of the others, evenly spread."""
    often = [point for point in points if point.call in {"pwrite64", "fdatasync"}]
    return [*(point for point in points if point not in often), *spread(often, count)]


@dataclass(kw_only=True)
class Killing:
    """Lives of one length, each in a folder of its own and killed at one point.

    before: a folder that they begin with. wrong: point -> what its judge said."""

    length: str
    folder: Path
    before: Path | None = None
    bug: str = "sound"
    kills: int = 0
    told: int = 0
    wrong: dict[Point, list[str]] = field(default_factory=dict)

    async def at(self, points: Sequence[Point], *, by: Sequence[Nursery]) -> None:
        """Kill at every one of these points."""
        async with asyncio.TaskGroup() as group:
            for number, one in enumerate(by):
                scratch = self.folder / f"of-{number}"
                scratch.mkdir(parents=True)
                group.create_task(self._some(points[number :: len(by)], by=one, scratch=scratch))

    async def _some(self, points: Sequence[Point], *, by: Nursery, scratch: Path) -> None:
        for point in points:
            folder = scratch / "data"
            if self.before is not None:
                shutil.copytree(self.before, folder)
            life = await by.killed(folder, self.length, at=point, bug=self.bug)
            self.kills += life.killed
            self.told += len(life.told)
            if found := await self._judged(folder, life, scratch=scratch):
                self.wrong[point] = found
            shutil.rmtree(folder, ignore_errors=True)

    async def _judged(self, folder: Path, life: Life, *, scratch: Path) -> list[str]:
        try:
            return await wrong(folder, life.told, scratch=scratch)
        except SigmawatchError as exc:  # it must be opened, whatever was the last call
            return [repr(exc)]

    def tell(self, points: int, *, promise: str, control: bool = False) -> None:
        fault = f"kill -9 on entering a call that changes the disk, {self.length} life"
        figures = {
            "calls_in_a_life": points, "kills": self.kills, "steps_told": self.told,
            "kills_with_loss": len(self.wrong),
        }  # fmt: skip
        tell(Finding(promise=promise, fault=fault, figures=figures, control=control))


async def test_no_system_call_of_a_first_life_is_a_bad_one_to_be_killed_at(
    tmp_path: Path, nurseries: Sequence[Nursery]
) -> None:
    """RELIABILITY.md P01: "for every N"; the change tier takes them evenly spread."""
    points = await nurseries[0].calls(tmp_path / "whole", "first")
    assert len(points) >= 500, "a life with fewer calls proves less than was promised"
    killing = Killing(length="first", folder=tmp_path / "killed")
    await killing.at(chosen(points, times(change=150, full=len(points))), by=nurseries)
    killing.tell(len(points), promise="P01")
    assert not killing.wrong
    assert killing.kills >= 100


async def test_no_system_call_of_a_migration_is_a_bad_one_to_be_killed_at(
    tmp_path: Path, nurseries: Sequence[Nursery]
) -> None:
    """RELIABILITY.md P29: "kill at every syscall of a migration then restart = old or new schema,
    never between"."""
    await nurseries[0].calls(tmp_path / "whole", "first")
    shutil.copytree(tmp_path / "whole", tmp_path / "before")
    points = await nurseries[0].calls(tmp_path / "whole", "second")
    killing = Killing(length="second", folder=tmp_path / "killed", before=tmp_path / "before")
    await killing.at(chosen(points, times(change=50, full=len(points))), by=nurseries)
    killing.tell(len(points), promise="P29")
    assert not killing.wrong
    assert killing.kills >= 40


@pytest.mark.parametrize("bug", ["early", "torn"])
async def test_the_check_above_notices_a_life_that(
    bug: str, tmp_path: Path, nurseries: Sequence[Nursery]
) -> None:
    """early: tells before the commit; torn: a slot in two transactions."""
    calls = await nurseries[0].calls(tmp_path / "whole", "first")
    writes = [point for point in calls if point.call == "pwrite64"]
    points = spread(writes[len(writes) // 3 :], 16)  # the first of them make the tables
    killing = Killing(length="first", folder=tmp_path / "killed", bug=bug)
    await killing.at(points, by=nurseries)
    killing.tell(len(points), promise="P01", control=True)
    assert killing.wrong, f"{killing.kills} kills of a {bug} life lost nothing"
