"""How far the database had come, kept beside it: a file that tells at the next start whether
committed transactions are missing.

A write-ahead log that is damaged or cut short loses its transactions without a word (RELIABILITY.md
1.5); its mark out here stays. Written once a second by a thread of its own where something was
committed, and at the end, never on a commit's way: so what is lost in the second before a crash is
not noticed. Two records take turns, each with its checksum, so one is always whole. Raises nothing:
without the file nobody can tell, and that is logged.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import apsw
import structlog

from sigmawatch.adapters.ledgers.checksums import checksum
from sigmawatch.adapters.ledgers.session import Session, value
from sigmawatch.ports.clock import Clock

log = structlog.get_logger()

NAME = "sigmawatch.high-water"
EVERY_S = 1.0
_RECORD_BYTES = 512  # a sector each: none is torn by the other
_COMMITTED = "SELECT value FROM meta WHERE key = 'commit_number' AND value + twin = 0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """The newest transaction that was committed, by its number, and when that was seen."""

    commit_number: int
    at_ms: int

    def encode(self) -> bytes:
        words = (self.commit_number, self.at_ms)
        line = f"sigmawatch {words[0]} {words[1]} {checksum('high water', *words)}\n"
        return line.encode().ljust(_RECORD_BYTES, b"\n")


def read_mark(folder: Path) -> Mark | None:
    """The newest sound record; None where there is none."""
    try:
        content = (folder / NAME).read_bytes()
    except OSError:
        return None
    records = (content[:_RECORD_BYTES], content[_RECORD_BYTES:])
    marks = [mark for mark in map(_decoded, records) if mark is not None]
    return max(marks, key=lambda mark: mark.commit_number, default=None)


def _decoded(record: bytes) -> Mark | None:
    words = record.decode("ascii", "replace").split()
    if len(words) != 4 or not all(word.isdecimal() for word in words[1:]):
        return None
    number, at_ms, check = map(int, words[1:])
    if check != checksum("high water", number, at_ms):
        return None
    return Mark(commit_number=number, at_ms=at_ms)


def missing(session: Session, sql: Mapping[str, str], *, mark: Mark | None) -> tuple[int, int]:
    """The first and the last number of the commits that the mark knows and the database does not;
    first > last: none. From then on it goes on counting after them, and remembers how many they
    are. Before anything else is written."""
    number = value(session.execute(sql["select_mark"], {"key": "commit_number"}))
    if mark is None or number is None or mark.commit_number <= number:
        return 1, 0
    session.execute("BEGIN IMMEDIATE")
    session.execute(sql["set_mark"], {"key": "commit_number", "value": mark.commit_number})
    lost = {"key": "lost_commits", "number": mark.commit_number - number}
    session.execute(sql["add_to_mark"], lost).fetchall()
    session.execute(sql["set_mark"], {"key": "lost_commits_ms", "value": mark.at_ms})
    session.execute("COMMIT")
    return number + 1, mark.commit_number


class HighWater:
    """The mark of one data folder, kept up until `close`."""

    def __init__(self, folder: Path, database: Path, *, clock: Clock) -> None:
        self._folder, self._database, self._clock = folder, database, clock
        self._ended = threading.Event()
        self._turn = 0
        self._thread = threading.Thread(target=self._keep, name="ledger-high-water", daemon=True)
        self._thread.start()

    def _keep(self) -> None:
        written, ended, told = -1, False, ""
        while not ended:
            ended = self._ended.wait(EVERY_S)
            try:
                number = self._committed()
                if number not in (None, written):
                    self._write(number)
                    written = number
            except (apsw.Error, OSError) as exc:
                reason = f"{type(exc).__name__}: {exc}"
                if reason != told:
                    log.warning("high_water_not_kept", reason=reason)
                told = reason

    def _committed(self) -> int:
        """What a reader sees is synced. A connection for each look holds nothing up."""
        database = apsw.Connection(str(self._database), flags=apsw.SQLITE_OPEN_READONLY)
        with closing(database) as connection:
            connection.set_busy_timeout(1_000)
            number: int = value(connection.execute(_COMMITTED))
            return number

    def _write(self, number: int) -> None:
        mark = Mark(commit_number=number, at_ms=self._clock.now_ms())
        self._turn ^= 1
        handle = os.open(self._folder / NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.pwrite(handle, mark.encode(), self._turn * _RECORD_BYTES)
            os.fsync(handle)
        finally:
            os.close(handle)

    def close(self) -> None:
        """Write it a last time."""
        self._ended.set()
        self._thread.join()
