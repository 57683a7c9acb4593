"""Backups: copies of the whole database, asked for or by plan, one at a time.

The plan's lie in one folder, `sigmawatch-20261122T051500Z.planned.db`; after each that was made and
verified the oldest beyond `keep` go, and no file of another name ever does. One that fails is told
and tried again an hour later; it stops nobody.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog

from sigmawatch.app.backfill import CANCELLED, Job
from sigmawatch.app.backup_plan import Plan
from sigmawatch.domain.errors import Conflict, Invalid, SigmawatchError
from sigmawatch.domain.window import HOUR_MS, MINUTE_MS
from sigmawatch.ports.backup import BackupStore, Copied
from sigmawatch.ports.clock import Clock

REMEMBERED = 20
AFTER_START_MS = 5 * MINUTE_MS  # a start has enough to do
RETRY_MS = HOUR_MS
_STAMP = "sigmawatch-%Y%m%dT%H%M%SZ"
_PLANNED = ".planned.db"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """One backup: being made, made (`copied`), or not (`problem`)."""

    job: Job
    path: Path
    copied: Copied | None = None
    problem: str = ""


class Backups:
    """The backups of one program. plan: None where none are made by themselves."""

    def __init__(self, store: BackupStore, *, plan: Plan | None, clock: Clock) -> None:
        self._store, self._plan, self._clock = store, plan, clock
        self._known: deque[Backup] = deque(maxlen=REMEMBERED)
        self._asked: asyncio.Queue[Backup] = asyncio.Queue(1)
        self._making: asyncio.Task[Copied] | None = None

    @property
    def known(self) -> Sequence[Backup]:
        """Of this program, newest first."""
        return tuple(self._known)

    def jobs(self) -> Sequence[Job]:
        """The newest one's."""
        return [self._known[0].job] if self._known else []

    def ask(self, target: Path) -> Backup:
        """Have one made: in the folder `target`, named by the time, or as the file `target`, which
        is not there yet. Raises Conflict where one is being made, Invalid."""
        if not target.is_absolute():
            raise Invalid("the path must be absolute", field="target")
        path = target / named(self._clock.now_ms()) if target.is_dir() else target
        if path.exists():
            raise Conflict(f"{path.name} is there already; name another file")
        if not path.parent.is_dir():
            raise Invalid(f"there is no folder {path.parent.name}", field="target")
        return self._begin(path)

    def cancel(self) -> None:
        """End the backup that is being made; nothing of it is left."""
        if self._making is not None:
            self._making.cancel()

    def again(self) -> None:
        """Make the newest one anew, in its folder. Raises Conflict, Invalid."""
        self.ask(self._known[0].path.parent)

    def _begin(self, path: Path) -> Backup:
        if self._known and self._known[0].job.finished_ms is None:
            raise Conflict("a backup is being made; wait for its end")
        now_ms = self._clock.now_ms()
        job = Job(id=f"backup:{now_ms}", kind="backup", venue=None, started_ms=now_ms)
        backup = Backup(job=job, path=path)
        self._known.appendleft(backup)
        self._asked.put_nowait(backup)
        return backup

    async def make_for_ever(self) -> None:
        """Make what is asked for."""
        while True:
            await self._make(await self._asked.get())
            self._asked.task_done()

    async def _make(self, backup: Backup) -> None:
        problem = ""
        try:
            async with asyncio.TaskGroup() as group:
                copying = self._store.backup(str(backup.path), told=self._told)
                self._making = group.create_task(copying, name="backup")
        except* SigmawatchError as failures:
            problem = str(failures.exceptions[0])
        making, self._making = self._making, None
        assert making is not None
        if making.cancelled() or problem:
            log.error("backup_failed", path=str(backup.path), reason=problem or CANCELLED)
            self._end(problem=problem or CANCELLED)
            return
        copied = making.result()
        if copied.damaged:
            log.error("backup_holds_damage", path=str(backup.path), count=len(copied.damaged),
                      first=copied.damaged[0])  # fmt: skip
        self._end(copied=copied)
        log.info("backup_made", path=str(backup.path), size_bytes=copied.size_bytes)

    def _told(self, done: int, total: int) -> None:
        backup = self._known[0]
        self._known[0] = replace(backup, job=replace(backup.job, done=done, total=total))

    def _end(self, *, copied: Copied | None = None, problem: str = "") -> None:
        backup = self._known[0]
        job = replace(
            backup.job, finished_ms=self._clock.now_ms(), failed=int(copied is None),
            reason=_told_of(problem),
        )  # fmt: skip
        self._known[0] = replace(backup, job=job, copied=copied, problem=problem)

    # By plan

    async def plan_for_ever(self) -> None:
        """Make the planned ones; returns where there is no plan."""
        if self._plan is None:
            return
        due_ms = self._clock.now_ms() + AFTER_START_MS
        while True:
            due_ms = max(due_ms, self._due_ms(self._plan))
            await self._clock.sleep_until_ms(due_ms)
            await self._make_planned(self._plan)
            due_ms = self._clock.now_ms() + RETRY_MS

    def _due_ms(self, plan: Plan) -> int:
        """When the newest one is `every` old; one from the future, of a wrong clock, is none."""
        now_ms = self._clock.now_ms()
        made = [ms for ms in map(_moment_of, planned(plan.folder)) if ms <= now_ms]
        return max(made) + plan.every_ms if made else 0

    async def _make_planned(self, plan: Plan) -> None:
        path = plan.folder / named(self._clock.now_ms(), ending=_PLANNED)
        try:
            await asyncio.to_thread(plan.folder.mkdir, mode=0o700, parents=True, exist_ok=True)
            self._begin(path)
        except Conflict as exc:  # somebody's own is under way
            log.info("backup_postponed", reason=str(exc))
            return
        except OSError as exc:
            log.error("backup_failed", path=str(path), reason=str(exc.strerror))
            return
        await self._asked.join()
        if await asyncio.to_thread(path.exists):
            await asyncio.to_thread(_prune, plan)


def _told_of(problem: str) -> str | None:
    """What anybody may read of it: paths and the like stand in the log."""
    if problem in ("", CANCELLED):
        return problem or None
    return "it could not be made; the log says why"


def named(now_ms: int, *, ending: str = ".db") -> str:
    """A file's name, by the time."""
    return f"{_EPOCH + timedelta(milliseconds=now_ms):{_STAMP}}{ending}"


def planned(folder: Path) -> Sequence[Path]:
    """The plan's backups in a folder, oldest first."""
    return sorted(path for path in folder.glob(f"sigmawatch-*{_PLANNED}") if _moment_of(path) >= 0)


def _moment_of(path: Path) -> int:
    """When a planned one was begun; -1 where the name is another."""
    try:
        at = datetime.strptime(path.name, f"{_STAMP}{_PLANNED}").replace(tzinfo=UTC)
    except ValueError:
        return -1
    return (at - _EPOCH) // timedelta(milliseconds=1)


def _prune(plan: Plan) -> None:
    for path in planned(plan.folder)[: -plan.keep]:
        path.unlink(missing_ok=True)
        log.info("backup_pruned", path=str(path))
