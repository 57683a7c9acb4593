"""The online copy of an SQLite file, in steps between the transactions of who writes it
(https://www.sqlite.org/backup.html).

The steps are taken on the writing connection: what is committed meanwhile goes into the copy too,
so it never begins anew, and no reader stands in the way of the write-ahead log, which stays under
its cap. A step is STEP_PAGES (0.25 MB, some tenths of a millisecond); a slot waits for one at most,
and for RESTS times as long as a step took nothing is copied. Where a database grows as fast as
that, steps become larger, so that the copy ends. What fails at the target fails the copy alone,
never the writer.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import apsw

from sigmawatch.adapters.ledgers.connection import PAGE_BYTES
from sigmawatch.domain.errors import Refused
from sigmawatch.ports.backup import Told

STEP_PAGES = 32
RESTS = 2.0  # times a step
SYNC_PAGES = 1_024  # 8 MB: what the disk may have to write at once


class Between(Protocol):
    """Runs work on the writing connection while no transaction stands."""

    def __call__(self, work: Callable[[apsw.Connection], Any], /) -> Awaitable[Any]: ...


async def copy_online(between: Between, part: Path, *, told: Told) -> None:
    """Copy the database into the empty file `part`, complete without a log beside it. Raises
    Refused where it cannot be written."""
    copy, pace = _Copy(part), Pace()
    try:
        await between(copy.begin)
        done, synced = 0, 0
        while not copy.done:
            took_s = await between(partial(copy.step, pages=pace.pages))
            pace.went(copy.remaining_count)
            done = copy.pages_count - copy.remaining_count
            told(done, copy.pages_count)
            if done - synced >= SYNC_PAGES:
                await asyncio.to_thread(copy.sync)
                synced = done
            await asyncio.sleep(RESTS * took_s)
        await between(copy.finish)
        await asyncio.to_thread(copy.make_single)
    finally:
        await between(copy.give_up)
        copy.close()


class Pace:
    """How many pages a step copies: STEP_PAGES, and twice as many each time that as much was copied
    as had remained, and more than half as much remains: the database grows meanwhile."""

    def __init__(self) -> None:
        self.pages = STEP_PAGES
        self._remained = self._copied = 0

    def went(self, remaining: int) -> None:
        """A step was taken, after which so many pages remain."""
        self._copied += self.pages
        if not self._remained or 2 * remaining <= self._remained:
            self._remained, self._copied = remaining, 0
        elif self._copied >= self._remained:
            self.pages *= 2
            self._remained, self._copied = remaining, 0


class _Copy:
    def __init__(self, part: Path) -> None:
        with _writing(part):
            self._target = apsw.Connection(str(part), flags=apsw.SQLITE_OPEN_READWRITE)
            self._target.pragma("page_size", PAGE_BYTES)
            self._target.pragma("journal_mode", "off")  # what is cut off is thrown away
            self._target.pragma("synchronous", "off")  # synced here, and whole at the end
        self._part = part
        self._file = os.open(part, os.O_RDONLY | os.O_CLOEXEC)
        self._backup: apsw.Backup | None = None
        self.done, self.pages_count, self.remaining_count = False, 0, 0

    def begin(self, source: apsw.Connection) -> None:
        with _writing(self._part):
            self._backup = self._target.backup("main", source, "main")

    def step(self, _: apsw.Connection, *, pages: int) -> float:
        """How long it took, in seconds."""
        assert self._backup is not None
        began_s = time.perf_counter()
        with _writing(self._part):
            self.done = self._backup.step(pages)
            self.pages_count = self._backup.page_count
            self.remaining_count = self._backup.remaining
        return time.perf_counter() - began_s

    def finish(self, _: apsw.Connection) -> None:
        assert self._backup is not None
        with _writing(self._part):
            self._backup.finish()

    def give_up(self, _: apsw.Connection) -> None:
        """Let the source go, finished or not."""
        if self._backup is not None:
            self._backup.close(True)

    def sync(self) -> None:
        with _writing(self._part):
            os.fdatasync(self._file)

    def make_single(self) -> None:
        with _writing(self._part):
            self._target.pragma("journal_mode", "delete")

    def close(self) -> None:
        self._target.close(True)
        os.close(self._file)


@contextmanager
def _writing(part: Path) -> Iterator[None]:
    try:
        yield
    except (apsw.Error, OSError) as exc:
        raise Refused(f"could not write {part} ({type(exc).__name__}: {exc})") from exc
