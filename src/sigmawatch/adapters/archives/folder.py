"""The archive in a local folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_CHUNK_BYTES = 1 << 20


class FolderObjects:
    """Files below one folder, which is made where it is missing."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def shown(self, name: str) -> str:
        return str(self._root / name)

    def names(self, folder: str) -> list[str]:
        try:
            return [entry.name for entry in os.scandir(self._root / folder) if entry.is_file()]
        except FileNotFoundError:
            return []

    @contextmanager
    def making(self, part: str) -> Iterator[Path]:
        path = self._root / part
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)

    def stage(self, path: Path, part: str) -> None:
        """It lies there already, and is synced."""
        assert path == self._root / part

    def staged(self, part: str) -> Iterator[bytes]:
        with (self._root / part).open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                yield chunk

    def publish(self, part: str, name: str) -> None:
        path = self._root / name
        (self._root / part).rename(path)
        _sync(path.parent)

    def remove(self, name: str) -> None:
        (self._root / name).unlink(missing_ok=True)


def _sync(folder: Path) -> None:
    """After a power cut the new file is still there by name."""
    handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
