"""Files for others to read, in a folder: written beside their place, synced, then renamed."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from typing import BinaryIO

from sigmawatch.domain.errors import Unavailable


class FolderPublication:
    """Fulfils ports.publication.Publication. root: made where it is missing."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @property
    def shown(self) -> str:
        return str(self._root)

    async def put(self, name: str, content: bytes, *, media_type: str) -> None:
        await told(lambda: self._write(name, lambda file: file.write(content), mode=0o644))

    async def put_file(self, name: str, source: str) -> None:
        def copy(file: BinaryIO) -> None:
            with Path(source).open("rb") as held:
                shutil.copyfileobj(held, file, 1 << 20)

        await told(lambda: self._write(name, copy, mode=0o600))

    def _write(self, name: str, fill: Callable[[BinaryIO], object], *, mode: int) -> None:
        path = self._root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with _part(path, mode) as part:
            with part.open("r+b") as file:
                fill(file)
                file.flush()
                os.fsync(file.fileno())
            part.rename(path)
        handle = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextmanager
def _part(path: Path, mode: int) -> Iterator[Path]:
    """An empty file beside `path`, which is gone or renamed afterwards."""
    part = path.with_name(f".{path.name}.{token_hex(4)}.part")
    os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode))
    try:
        yield part
    finally:
        part.unlink(missing_ok=True)


async def told(work: Callable[[], None]) -> None:
    """Work that blocks, in a thread. Raises Unavailable."""
    try:
        await asyncio.to_thread(work)
    except OSError as exc:
        raise Unavailable(f"could not publish ({exc.strerror or exc})") from exc
