"""A small disk in memory, and a competitor that fills it up."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

_CHUNKS_BYTES = (1 << 20, 1 << 12)


class Narrow:
    """Make it with `narrow`. folder: where it is mounted."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._theirs = folder / "theirs"

    def fill(self) -> None:
        """Take all the room there is now."""
        handle = os.open(self._theirs, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            for size_bytes in _CHUNKS_BYTES:
                chunk = bytes(size_bytes)
                with suppress(OSError):
                    while os.write(handle, chunk) == size_bytes:
                        pass
        finally:
            os.close(handle)

    def free(self) -> None:
        """Give all of it back."""
        self._theirs.unlink()

    @property
    def free_bytes(self) -> int:
        return shutil.disk_usage(self.folder).free


@contextmanager
def narrow(folder: Path, *, size: str = "64m") -> Iterator[Narrow]:
    """A tmpfs below `folder`, unmounted afterwards. Skips where that cannot be done."""
    mount = folder / "narrow"
    mount.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=700", "tmpfs", str(mount)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("no root or no tmpfs: no full disks")
    try:
        yield Narrow(mount)
    finally:
        subprocess.run(["umount", str(mount)], check=True, capture_output=True)
