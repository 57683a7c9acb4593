"""Reading a whole database file back: its structure, its references, every body by its checksum.

Work for a thread of its own, over a file that nobody writes. Raises Busy where it was given up,
Refused, StorageNewer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import apsw

from sigmawatch.adapters.ledgers.connection import PAGE_BYTES
from sigmawatch.adapters.ledgers.copies import GIVEN_UP, in_thread
from sigmawatch.adapters.ledgers.gently import Precedence, Stop, gently
from sigmawatch.adapters.ledgers.migrations import Schema
from sigmawatch.adapters.ledgers.packing import check_body
from sigmawatch.adapters.ledgers.sqlite_schema import ours
from sigmawatch.adapters.ledgers.statements import load_statements
from sigmawatch.domain.errors import Busy, Invalid, Refused
from sigmawatch.domain.frame import Frame, decode
from sigmawatch.domain.rank_column import Standing, decode_ranks
from sigmawatch.domain.window import Interval
from sigmawatch.ports.backup import Copied

STOP_LOOKING_STEPS = 10_000  # of SQLite's machine: half a millisecond
DAMAGED_MAX = 1_000  # named; whoever has more needs no longer list


async def verified(path: Path, *, beside: Precedence | None = None) -> Copied:
    """`verify` with the schema of this program; a cancellation ends it soon. beside: who goes
    first, where a program is at work on its database meanwhile."""
    return await in_thread(
        lambda stopped: verify(
            path, ours(),
            stop=stopped.is_set if beside is None else gently(stopped, first=beside),
        )
    )  # fmt: skip


def verify(path: Path, schema: Schema, *, stop: Stop) -> Copied:
    """Read the file at `path` whole. schema: what this program knows; an older one is fine.
    Raises StorageNewer, Busy, Refused where it is no database of ours or its structure is
    damaged."""
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    with closing(connection):
        connection.set_progress_handler(stop, STOP_LOOKING_STEPS)
        try:
            return _verify(connection, schema, stop=stop)
        except apsw.InterruptError as exc:
            raise Busy(GIVEN_UP) from exc
        except apsw.Error as exc:
            raise Refused(f"{path} does not verify ({type(exc).__name__}: {exc})") from exc


def _verify(connection: apsw.Connection, schema: Schema, *, stop: Stop) -> Copied:
    if len(schema.pending(connection)) == len(schema.migrations):
        raise Refused("the file holds no database of this program")
    problems = [text for (text,) in connection.execute("PRAGMA integrity_check")]
    broken = connection.execute("PRAGMA foreign_key_check").fetchall()
    if problems != ["ok"] or broken:
        said = "; ".join(
            [*problems[:3], *(f"{row[0]} {row[1]} refers to nothing" for row in broken)]
        )
        raise Refused(f"its structure is damaged ({said}): try `sigmawatch salvage`")
    items_count = 0
    damaged: list[str] = []
    for name, sound in _bodies(connection):
        if stop():
            raise Busy(GIVEN_UP)
        items_count += 1
        if not sound and len(damaged) < DAMAGED_MAX:
            damaged.append(name)
    pages = connection.pragma("page_count")
    return Copied(size_bytes=pages * PAGE_BYTES, items_count=items_count, damaged=tuple(damaged))


def _bodies(connection: apsw.Connection) -> Iterator[tuple[str, bool]]:
    """Every stored body: its table and row, and whether it is as it was written."""
    sql = load_statements("sqlite")
    there = {name for (name,) in connection.execute(sql["select_tables"])}
    for table, sound in _SOUND.items():
        if table in there:  # an older schema lacks some
            for row in connection.execute(sql[f"select_all_{table}"]):
                yield f"{table} {' '.join(map(str, row[:-1]))}", sound(*row)


def _item(kind: str, *row: Any) -> bool:
    """A frame or patch: row id, owner, slot, revision, body."""
    _, owner, slot, revision, body = row
    item = decode(body)
    if isinstance(item, Frame):
        return (kind, owner, slot, revision) == ("frame", item.block_id, item.slot, item.revision)
    named = item.series_id, item.from_slot, item.revision
    return (kind, owner, slot, revision) == ("patch", *named)


def _sealed(*row: Any) -> bool:
    """What packing made: owner, begin, revision, body."""
    *name, body = row
    check_body(body, tuple(name))
    return True


def _ranks(*row: Any) -> bool:
    metric, by, window_ms, interval_ms, slot, body = row
    standing = Standing(metric=metric, by=by, window_ms=window_ms, interval=Interval(interval_ms))
    decode_ranks(standing, slot, body=body)
    return True


def _checked(check: Callable[..., bool]) -> Callable[..., bool]:
    def sound(*row: Any) -> bool:
        try:
            return check(*row)
        except Invalid:
            return False

    return sound


_SOUND: Mapping[str, Callable[..., bool]] = {
    "frames": _checked(partial(_item, "frame")),
    "patches": _checked(partial(_item, "patch")),
    "sections": _checked(_sealed),
    "section_columns": _checked(_sealed),
    "rollups": _checked(_sealed),
    "rank_columns": _checked(_ranks),
}
