"""A disk that fails or waits on demand: a file layer of SQLite over the real one."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import apsw

_FILES = apsw.SQLITE_OPEN_MAIN_DB | apsw.SQLITE_OPEN_WAL


class Disk(apsw.VFS):
    """operations: how many writes, truncations and syncs there were. fails_at: the one that fails,
    with an I/O error, and with it all after it until this is None again. once: only that one.
    gate: where set, every sync waits for it. full: writes find no room."""

    def __init__(self, name: str) -> None:
        super().__init__(name, "")
        self.name = name
        self.operations: list[str] = []
        self.fails_at: int | None = None
        self.once = False
        self.full = False
        self.gate: threading.Event | None = None
        self.waiting = threading.Event()

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:  # noqa: N802
        return _File(self, name, flags)

    def touch(self, operation: str) -> None:
        if operation == "sync" and self.gate is not None:
            self.waiting.set()
            assert self.gate.wait(60)
        self.operations.append(operation)
        if self.full and operation == "write":
            raise apsw.exception_for(apsw.SQLITE_FULL)
        count = len(self.operations)
        if self.fails_at is not None and count >= self.fails_at:
            if self.once and count > self.fails_at:
                return
            raise apsw.exception_for(apsw.SQLITE_IOERR)


class _File(apsw.VFSFile):
    def __init__(self, disk: Disk, name: str | apsw.URIFilename | None, flags: list[int]) -> None:
        super().__init__("", name, flags)
        self._disk = disk
        self._counts = bool(flags[0] & _FILES)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        if self._counts:
            self._disk.touch("write")
        super().xWrite(data, offset)

    def xTruncate(self, newsize: int) -> None:  # noqa: N802
        if self._counts:
            self._disk.touch("truncate")
        super().xTruncate(newsize)

    def xSync(self, flags: int) -> None:  # noqa: N802
        if self._counts:
            self._disk.touch("sync")
        super().xSync(flags)


@contextmanager
def disk(name: str) -> Iterator[Disk]:
    """A disk of its own, known to SQLite as long as the block lasts."""
    made = Disk(name)
    try:
        yield made
    finally:
        made.unregister()
