"""A backup becomes a database again: copied, verified, brought up to date, marked.

It is prepared as a file beside its place and takes it last, so a restore that is cut off leaves
nothing. The target must hold nothing. What waited to be sent when the backup was made is not sent
again by what is restored from it: the program it was made of has gone on (RELIABILITY.md P33).
Raises InUse, NotFound, Conflict, Refused, StorageNewer.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import apsw

from sigmawatch.adapters.ledgers.copies import GIVEN_UP, in_thread, keep, part_of
from sigmawatch.adapters.ledgers.folder import DataFolder
from sigmawatch.adapters.ledgers.high_water import NAME as MARK
from sigmawatch.adapters.ledgers.migrations import Schema
from sigmawatch.adapters.ledgers.sqlite_schema import ours, run_pending
from sigmawatch.adapters.ledgers.verifying import verified
from sigmawatch.domain.errors import Busy, Conflict, NotFound, Refused
from sigmawatch.ports.backup import Copied, Told

STEP_PAGES = 1_024


async def restore_to_folder(source: Path, folder: Path, *, now_ms: int, told: Told) -> Copied:
    """The folder's database becomes what was backed up."""
    held = DataFolder.hold(folder)
    try:
        refuse_held(held)
        async with prepared(source, held.database, now_ms=now_ms, told=told) as (part, copied):
            await asyncio.to_thread(keep, part, held.database)
    finally:
        held.release()
    return copied


def refuse_held(folder: DataFolder) -> None:
    """Raises Conflict where the folder holds a database, or what is left of one."""
    files = [*folder.path.glob(f"{folder.database.name}*"), *folder.path.glob(MARK)]
    left = [path.name for path in files if _holds(path)]
    if left:
        raise Conflict(
            f"{folder.path} holds data already ({', '.join(sorted(left))}): name another folder "
            "with --data, or move these away together"
        )


def _holds(path: Path) -> bool:
    return not path.name.endswith(".part") and path.stat().st_size > 0


@asynccontextmanager
async def prepared(
    source: Path, target: Path, *, now_ms: int, told: Told
) -> AsyncIterator[tuple[Path, Copied]]:
    """A copy of the backup beside `target`, up to date and marked as restored; gone with the block
    unless it was given its name."""
    if not await asyncio.to_thread(source.is_file):
        raise NotFound(f"there is no file {source}", field="source")
    part = await asyncio.to_thread(part_of, target)
    try:
        await in_thread(lambda stopped: _copy(source, part, told=told, stopped=stopped))
        copied = await verified(part)
        await asyncio.to_thread(_renew, part, now_ms=now_ms)
        yield part, copied
    except apsw.Error as exc:
        raise Refused(f"{source} cannot be restored ({type(exc).__name__}: {exc})") from exc
    finally:
        part.unlink(missing_ok=True)


def _copy(source: Path, part: Path, *, told: Told, stopped: threading.Event) -> None:
    original = apsw.Connection(str(source), flags=apsw.SQLITE_OPEN_READONLY)
    copy = apsw.Connection(str(part), flags=apsw.SQLITE_OPEN_READWRITE)
    with closing(original), closing(copy):
        ours().pending(original)
        copy.pragma("synchronous", "off")  # synced once it is whole
        with copy.backup("main", original, "main") as backup:
            while not (backup.done or stopped.is_set()):
                backup.step(STEP_PAGES)
                told(backup.page_count - backup.remaining, backup.page_count)
        if stopped.is_set():
            raise Busy(GIVEN_UP)
        copy.pragma("journal_mode", "delete")


def _renew(part: Path, *, now_ms: int) -> None:
    schema = ours()
    with closing(apsw.Connection(str(part), flags=apsw.SQLITE_OPEN_READWRITE)) as connection:
        run_pending(schema, connection, now_ms=now_ms)
        _mark(connection, schema, now_ms=now_ms)


def _mark(connection: apsw.Connection, schema: Schema, *, now_ms: int) -> None:
    moment = {"now_ms": now_ms}
    with connection:
        connection.execute(schema.sql["note_restored"], moment)
        if connection.table_exists("main", "outbox"):
            connection.execute(schema.sql["expire_open_notices"], moment)
        if connection.table_exists("main", "sessions"):
            connection.execute(schema.sql["end_all_sessions"], moment)
