"""The reserve against a full disk: a file of real blocks beside the database, let go when there is
no room for a commit.

Without it a full disk would block even what makes room: copying the write-ahead log back needs
room itself (RELIABILITY.md 1.7). Twice the log's cap: the log is copied back into one half, and
small transactions go on in the other. Raises nothing: what cannot be reserved is not, and `look`
says so.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from sigmawatch.domain.storage import StorageState

NAME = "sigmawatch.reserve"
LOG_CAPS = 2
_CHUNK = bytes(1 << 16)


class Reserve:
    """Of one data folder. `log_bytes_max`: the cap of the write-ahead log now, set by the writer
    and read by the watch; a transaction that makes it larger is not held up for it."""

    def __init__(self, folder: Path, *, log_bytes_max: int) -> None:
        self._folder = folder
        self._path = folder / NAME
        self.log_bytes_max = log_bytes_max

    def look(self) -> tuple[StorageState, str]:
        """What the file system says of itself; grows the reserve where it is too small. Asked
        again and again, each time some microseconds."""
        if self.read_only():
            return StorageState.READ_ONLY, "the file system of the data folder is read-only"
        free_bytes = self._free_bytes()
        if free_bytes < self.log_bytes_max or not self._grown(free_bytes):
            return StorageState.FULL, no_room(free_bytes)
        return StorageState.OK, ""

    def restored(self) -> bool:
        """Whether there is room again, with some to spare, and the reserve is whole."""
        free_bytes = self._free_bytes()
        spare_bytes = 2 * self.log_bytes_max
        enough = free_bytes >= spare_bytes + self._lacking_bytes()
        return enough and not self.read_only() and self._grown(free_bytes)

    def read_only(self) -> bool:
        """Whether the file system can be read alone."""
        return bool(os.statvfs(self._folder).f_flag & os.ST_RDONLY)

    def _free_bytes(self) -> int:
        """What we may use of the file system's room."""
        found = os.statvfs(self._folder)
        return found.f_frsize * (found.f_bavail if os.geteuid() else found.f_bfree)

    def release(self) -> bool:
        """Give it back to the file system; whether there was any."""
        try:
            held_bytes = self._path.stat().st_size
            os.truncate(self._path, 0)
        except OSError:
            return False
        return held_bytes > 0

    def _lacking_bytes(self) -> int:
        try:
            held_bytes = self._path.stat().st_size
        except OSError:
            held_bytes = 0
        return max(LOG_CAPS * self.log_bytes_max - held_bytes, 0)

    def _grown(self, free_bytes: int) -> bool:
        """Whether the reserve is as large as it should be, which it may have become now."""
        lacking_bytes = self._lacking_bytes()
        if lacking_bytes == 0:
            return True
        if free_bytes < lacking_bytes + self.log_bytes_max:
            return False
        try:
            handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError:
            return False
        try:
            return _allocated(handle, lacking_bytes)
        finally:
            os.close(handle)


def _allocated(handle: int, more_bytes: int) -> bool:
    """Whether the file got that much longer, in real blocks; else it is as it was."""
    held_bytes = os.fstat(handle).st_size
    try:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(handle, held_bytes, more_bytes)
        else:  # macOS
            for start in range(held_bytes, held_bytes + more_bytes, len(_CHUNK)):
                os.pwrite(handle, _CHUNK, start)
            os.fsync(handle)
    except OSError:
        with suppress(OSError):
            os.ftruncate(handle, held_bytes)
        return False
    return True


def no_room(free_bytes: int) -> str:
    """The reason in words."""
    return f"no room in the data folder ({free_bytes / 1e6:.1f} MB left)"
