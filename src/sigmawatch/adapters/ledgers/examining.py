"""Reading a whole database, as the program reads it, and saying what is not as it was written.

Changes nothing; a program that runs goes on meanwhile. Work for a thread of its own. Raises
NotFound, Refused, Unavailable.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

import apsw

from sigmawatch.adapters.ledgers.arrangements import read_arrangements
from sigmawatch.adapters.ledgers.catalogue import read_blocks, read_series
from sigmawatch.adapters.ledgers.chain import Entries, twins
from sigmawatch.adapters.ledgers.connection import FileSession, configure, in_words
from sigmawatch.adapters.ledgers.folder import DATABASE, MOUNTS, filesystem
from sigmawatch.adapters.ledgers.high_water import read_mark
from sigmawatch.adapters.ledgers.merge import block_of
from sigmawatch.adapters.ledgers.reading import BATCH_ROWS, Stored
from sigmawatch.adapters.ledgers.repositories import read_runs
from sigmawatch.adapters.ledgers.sealed import SealedReads
from sigmawatch.adapters.ledgers.session import Session
from sigmawatch.adapters.ledgers.silences import read_silences
from sigmawatch.adapters.ledgers.sqlite_schema import ours
from sigmawatch.adapters.ledgers.watchlists import read_watchlists
from sigmawatch.domain.errors import Busy, NotFound, StorageDamaged, StorageFailed
from sigmawatch.domain.series import Block, Series
from sigmawatch.ports.backup import Told
from sigmawatch.ports.doctor import Examined

T = TypeVar("T")

_END = 2**40
_PROBLEMS_MAX = 10
_CACHE_KIB = 8_192


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How far an examination is told, and whether anybody still waits for it."""

    told: Told
    stopped: threading.Event

    def went(self, done: int, total: int) -> None:
        if self.stopped.is_set():
            raise Busy("the examination was given up")
        self.told(done, total)


def examine_folder(folder: Path, *, way: Way) -> Examined:
    """The database in a data folder."""
    path = folder / DATABASE
    if not path.is_file():
        raise NotFound(f"there is no database in {folder}", field="data")
    disk = os.statvfs(folder)
    mounts = MOUNTS.read_text("utf-8", "replace") if MOUNTS.exists() else ""
    schema = ours()
    about = Examined(
        place=str(path), database=f"SQLite {apsw.sqlite_lib_version()}", schema=0,
        schema_known=len(schema.migrations), file_system=filesystem(folder.resolve(), mounts),
        size_bytes=path.stat().st_size, free_bytes=disk.f_bavail * disk.f_frsize, names={},
    )  # fmt: skip
    try:
        with closing(apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)) as connection:
            connection.set_busy_timeout(5_000)
            configure(connection, cache_kib=_CACHE_KIB)
            session = FileSession(connection)
            pending = schema.pending(session)
            session.execute("BEGIN")
            about = replace(
                about, schema=about.schema_known - len(pending), structure=_structure(session)
            )
            if pending:
                return about
            found = examine(session, schema.sql, way=way)
    except (apsw.Error, StorageFailed) as exc:
        reason = in_words(exc) if isinstance(exc, apsw.Error) else str(exc)
        return replace(about, structure=(*about.structure, reason))
    mark = read_mark(folder)
    gone = 0
    if mark is not None and found.commit_number is not None:
        gone = max(0, mark.commit_number - found.commit_number)
    return found.told(about, gone=gone)


def _structure(session: FileSession) -> tuple[str, ...]:
    try:
        rows = session.execute(f"PRAGMA integrity_check({_PROBLEMS_MAX})").fetchall()
    except StorageDamaged as exc:
        return (str(exc),)
    return tuple(text for (text,) in rows if text != "ok")


class Examination:
    """One reading of everything. items_count, stored (with its damage), names and marks are what
    came out of it."""

    def __init__(self, session: Session, sql: Mapping[str, str], *, way: Way) -> None:
        self._session, self._sql, self._way = session, sql, way
        self.stored = Stored(sql)
        self._reads = SealedReads(sql, stored=self.stored)
        self.items_count = 0
        self.names: dict[str, str] = {}
        self.commit_number: int | None = None
        self.missing_commits = 0

    def told(self, about: Examined, *, gone: int = 0) -> Examined:
        """The same with what was found. gone: commits that are missing, as told elsewhere."""
        return replace(
            about, names=self.names, items_count=self.items_count,
            damage=tuple(self.stored.damage), missing_commits=self.missing_commits + gone,
        )  # fmt: skip

    def run(self) -> None:
        self._marks()
        blocks = self._tried("blocks", self._blocks) or []
        series = self._tried("series", self._series) or []
        self._tried("watchlists", self._lists)
        self._tried("runs", self._runs)
        entries = self._tried("links", partial(self.stored.register.entries, self._session))
        total = len(series) + (0 if entries is None else len(entries))
        if entries is not None:
            self._items(entries, total=total)
        for block in blocks:
            self._tried(f"sections of block {block.id}", partial(self._receipts, block.id))
        for number, one in enumerate(series):
            self._way.went(total - len(series) + number, total)
            self._tried(f"history of series {one.id}", partial(self._sealed, one))
        self._way.went(total, total)

    def _tried(self, what: str, look: Callable[[], T]) -> T | None:
        """What cannot be read at all is damage with that name."""
        try:
            return look()
        except StorageDamaged as exc:
            self.stored.note_damage("pages", what, reason=str(exc))
            return None

    def _marks(self) -> None:
        rows = self._session.execute(self._sql["select_marks"]).fetchall()
        marks = {key: number for key, number, twin in rows if twins(number, twin)}
        for key, *_ in rows:
            if key not in marks:
                self.stored.note_damage("mark", key, reason="its twin does not match")
        self.commit_number = marks.get("commit_number")
        self.missing_commits = marks.get("lost_commits", 0)

    def _blocks(self) -> list[Block]:
        blocks = read_blocks(self._session, self._sql, stored=self.stored)
        for one in blocks:
            self.names[f"block {one.id}"] = f"{one.venue} {one.metric} {one.interval}"
        return blocks

    def _series(self) -> list[Series]:
        series = read_series(self._session, self._sql, stored=self.stored)
        for one in series:
            self.names[f"series {one.id}"] = one.name
        return series

    def _lists(self) -> None:
        read_watchlists(self._session, self._sql, stored=self.stored)
        read_arrangements(self._session, self._sql, stored=self.stored)
        read_silences(self._session, self._sql, after_ms=-1, damaged=self.stored.damaged)

    def _runs(self) -> None:
        for table in ("runs", "rank_columns"):
            self.stored.count(self._session, table=table)
        bindings = {"before_ms": 2**62, "rows": 2**31}
        statement = self._sql["select_runs"]
        read_runs(self._session, statement=statement, bindings=bindings, stored=self.stored)

    def _items(self, entries: Entries, *, total: int) -> None:
        for start in range(0, len(entries), BATCH_ROWS):
            self._way.went(start, total)
            part = entries[start : start + BATCH_ROWS]
            self.items_count += len(self.stored.items(self._session, entries=part))

    def _receipts(self, block_id: int) -> None:
        self._reads.receipts(self._session, block_id, span=(0, _END))

    def _sealed(self, one: Series) -> None:
        columns = self._reads.columns(
            self._session, one.id, interval=one.interval, span=(0, _END), receipts=None
        )
        self.items_count += sum(1 for _ in columns)
        for width_ms in one.interval.rollup_widths_ms:
            rows, _ = self._reads.rollup_rows(
                self._session, one.id, width_ms=width_ms, of=block_of(one), span_ms=(0, 2**62)
            )
            self.items_count += len(rows)


def examine(session: Session, sql: Mapping[str, str], *, way: Way) -> Examination:
    """Read everything that a session sees at one moment."""
    examination = Examination(session, sql, way=way)
    examination.run()
    return examination
