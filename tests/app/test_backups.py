"""Backups of a program: asked for one at a time, by plan, pruned, told (RELIABILITY.md P33)."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest
from tests.app.test_cli import Folder, _plain, double  # noqa: F401 - fixtures used by name
from tests.ledgers.opening import until
from tests.web.conftest import TOKEN, World, a_world

from sigmawatch.adapters.clock import VirtualClock
from sigmawatch.app.backup_plan import Plan
from sigmawatch.app.backups import Backups, named, planned
from sigmawatch.app.config import Config
from sigmawatch.app.problems import ConfigProblems
from sigmawatch.app.sources import load_config
from sigmawatch.domain.errors import Conflict, Invalid, Refused
from sigmawatch.domain.window import DAY_MS, HOUR_MS, MINUTE_MS
from sigmawatch.ports.backup import Copied, Told

NOW_MS = 1_795_248_000_000  # 2026-11-21T08:00:00Z
COPIED = Copied(size_bytes=8_192, items_count=3)
AUTHORIZED = {"authorization": f"Bearer {TOKEN}"}


class Store:
    """Writes a file, unless it is to fail."""

    problem = ""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.gate.set()

    async def backup(self, target: str, *, told: Told) -> Copied:
        told(0, 10)
        await self.gate.wait()
        if self.problem:
            raise Refused(self.problem)
        Path(target).touch()  # noqa: ASYNC240
        told(10, 10)
        return COPIED


class Rig:
    def __init__(self, folder: Path, *, keep: int = 3) -> None:
        self.clock = VirtualClock(NOW_MS)
        self.store = Store()
        self.folder = folder / "planned"
        plan = Plan(folder=self.folder, every_ms=DAY_MS, keep=keep)
        self.backups = Backups(self.store, plan=plan, clock=self.clock)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(self.backups.make_for_ever()),
                group.create_task(self.backups.plan_for_ever()),
            ]
            yield
            for task in tasks:
                task.cancel()

    async def ended(self) -> None:
        """Until the newest one has ended, and the plan waits for the next."""
        await until(lambda: self.clock.sleepers_count == 1)
        await until(lambda: self.backups.known[0].job.finished_ms is not None)

    async def pass_ms(self, ms: int) -> None:
        await until(lambda: self.clock.sleepers_count == 1)
        await self.clock.advance_to_ms(self.clock.now_ms() + ms)
        await until(lambda: self.clock.sleepers_count == 1)

    @property
    def files(self) -> list[str]:
        return [path.name for path in sorted(self.folder.glob("*"))]


async def test_a_plan_is_kept_and_its_oldest_backups_go(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    async with rig.running():
        assert rig.files == []
        for _ in range(5 * 24 + 1):
            await rig.pass_ms(HOUR_MS)
    assert rig.files == [f"sigmawatch-202611{day}T080500Z.planned.db" for day in ("24", "25", "26")]


async def test_a_start_waits_for_the_day_after_the_last_planned_one(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.folder.mkdir()
    (rig.folder / named(NOW_MS - 20 * HOUR_MS, ending=".planned.db")).touch()
    async with rig.running():
        await rig.pass_ms(3 * HOUR_MS)
        assert len(rig.files) == 1
        await rig.pass_ms(HOUR_MS + MINUTE_MS)
        assert len(rig.files) == 2


async def test_only_the_plans_own_files_are_ever_pruned(tmp_path: Path) -> None:
    rig = Rig(tmp_path, keep=1)
    rig.folder.mkdir()
    others = {"sigmawatch-20200101T000000Z.db", "sigmawatch-old.planned.db", "letter.txt"}
    for name in others:
        (rig.folder / name).touch()
    (rig.folder / named(NOW_MS - 9 * DAY_MS, ending=".planned.db")).touch()
    async with rig.running():
        await rig.pass_ms(HOUR_MS)
    assert set(rig.files) - others == {planned(rig.folder)[0].name}
    assert others <= set(rig.files)


async def test_one_that_fails_costs_no_older_one_and_is_tried_again(tmp_path: Path) -> None:
    rig = Rig(tmp_path, keep=1)
    rig.folder.mkdir()
    old = rig.folder / named(NOW_MS - 9 * DAY_MS, ending=".planned.db")
    old.touch()
    rig.store.problem = "no space left"
    async with rig.running():
        await rig.pass_ms(10 * MINUTE_MS)
        assert rig.files == [old.name]
        [failed] = rig.backups.known
        assert (failed.problem, failed.job.failed) == ("no space left", 1)
        rig.store.problem = ""
        await rig.pass_ms(HOUR_MS)
    assert len(rig.files) == 1
    assert rig.files != [old.name]


async def test_one_is_made_at_a_time(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.store.gate.clear()
    async with rig.running():
        rig.backups.ask(tmp_path)
        with pytest.raises(Conflict, match="being made"):
            rig.backups.ask(tmp_path)
        await asyncio.sleep(0.001)
        assert [(job.kind, job.total) for job in rig.backups.jobs()] == [("backup", 10)]
        rig.store.gate.set()
        await rig.ended()
        assert rig.backups.known[0].path.name == "sigmawatch-20261121T080000Z.db"


@pytest.mark.parametrize("target", ["relative", "/no/such/folder/x.db"])
async def test_where_none_can_be_is_said_at_once(tmp_path: Path, target: str) -> None:
    with pytest.raises(Invalid):
        Rig(tmp_path).backups.ask(Path(target))


def test_the_plan_is_configured(tmp_path: Path) -> None:
    def plan(text: str) -> Plan | None:
        (tmp_path / "s.toml").write_text(text)
        config: Config = load_config(tmp_path / "s.toml", environ={}, overrides={})
        return config.backup.plan(Path("data"))

    assert plan("") is None
    assert plan('[backup]\nevery = "1d"') == Plan(
        folder=Path("data/backups"), every_ms=DAY_MS, keep=7
    )
    assert plan('[backup]\nevery = "12h"\nkeep = 2\nfolder = "/b"') == Plan(
        folder=Path("/b"), every_ms=12 * HOUR_MS, keep=2
    )
    for wrong in ('every = "5m"', "keep = 0", 'every = "1d"\nwhere = "x"'):
        with pytest.raises(ConfigProblems):
            plan(f"[backup]\n{wrong}")


async def test_a_program_makes_one_over_the_api_for_who_has_the_token(tmp_path: Path) -> None:
    async with a_world(tmp_path / "data") as world:
        await world.pass_slots(2)
        asked = {"target": str(tmp_path)}
        for stranger in (
            await world.client.post("/api/v1/backups", json=asked),
            await world.client.get("/api/v1/backups"),
        ):
            assert stranger.status_code == 401
        begun = await world.client.post("/api/v1/backups", json=asked, headers=AUTHORIZED)
        assert begun.status_code == 202
        made = await finished(world)
        assert made["id"] == begun.json()["id"]
        assert (made["problem"], made["damaged"]) == (None, [])
        assert made["items_count"] >= stored(made["path"]) > 0
        assert "backup" in {job["kind"] for job in (await world.get("/jobs"))["items"]}
        again = await world.client.post(
            "/api/v1/backups", json={"target": made["path"]}, headers=AUTHORIZED
        )
        assert again.status_code == 409


async def finished(world: World) -> Any:
    while True:
        page = (await world.client.get("/api/v1/backups", headers=AUTHORIZED)).json()
        if page["items"][0]["finished_at"]:
            return page["items"][0]
        await asyncio.sleep(0.01)


def stored(path: str) -> int:
    with closing(sqlite3.connect(path)) as connection:
        [(count,)] = connection.execute(
            "SELECT (SELECT count(*) FROM frames) + (SELECT count(*) FROM patches)"
        )
    return int(count)


@pytest.fixture
def folder(tmp_path: Path, double: dict[str, str]) -> Folder:  # noqa: F811
    return Folder(tmp_path, double)


def test_backup_and_restore_on_the_command_line(folder: Folder) -> None:
    assert folder.run("collect").returncode == 0
    made = folder.json("backup", ".")
    path = Path(made["path"])
    assert (path.parent, path.stat().st_mode & 0o777) == (folder.path, 0o600)
    done = folder.run("restore", path.name, "--data", "other")
    assert (done.returncode, done.stderr) == (0, "")
    assert "other: " in done.stdout
    rows = [folder.json("list", "--data", where)["items"] for where in ("data", "other")]
    assert [row["name"] for row in rows[0]] == [row["name"] for row in rows[1]] != []

    assert folder.run("restore", path.name, "--data", "other").returncode == 2
    assert folder.run("restore", "nothing.db", "--data", "third").returncode == 2
    assert folder.run("backup", path.name).returncode == 2
    assert "no/such" not in folder.run("backup", "no/such/folder.db").stdout


def test_a_running_program_is_asked_for_the_backup_and_goes_on(folder: Folder) -> None:
    with folder.running():
        made = folder.json("backup", "copy.db")
        assert made["path"] == str(folder.path / "copy.db")
        assert folder.json("restore", "copy.db", "--data", "other")["damaged"] == []
        refused = folder.run("restore", "copy.db")
        assert refused.returncode == 5  # the folder is in use


def test_what_a_backup_says_as_json_is_json(folder: Folder) -> None:
    assert folder.run("collect").returncode == 0
    assert set(json.loads(folder.run("backup", "a.db", "--json").stdout)) >= {"path", "damaged"}
