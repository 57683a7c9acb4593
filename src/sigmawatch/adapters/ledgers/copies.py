"""A database file in the making: beside its place, the owner's alone, named once it is whole.

Work for a thread, but for `in_thread`. Raises Conflict, Refused.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from sigmawatch.adapters.ledgers.session import settled
from sigmawatch.domain.errors import Conflict, Refused

T = TypeVar("T")
GIVEN_UP = "given up before its end"


async def in_thread(work: Callable[[threading.Event], T]) -> T:
    """What long work returns. It is handed what tells it that nobody waits any more: a cancellation
    comes through once the work has ended, which is soon after that."""
    stopped = threading.Event()
    future = asyncio.get_running_loop().run_in_executor(None, work, stopped)
    return await settled(future, on_cancel=stopped.set)


def part_of(target: Path) -> Path:
    """An empty file beside `target`, mode 0600; one that a killed program left goes."""
    part = target.with_name(f"{target.name}.part")
    with _refused(target):
        part.unlink(missing_ok=True)
        os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
    return part


def keep(part: Path, target: Path) -> None:
    """Sync the part and let it take the place of `target`, which survives a power cut."""
    with _refused(target):
        sync(part)
        part.rename(target)
        sync(target.parent)


def refuse_present(target: Path) -> None:
    """Raises Conflict where the file is there."""
    if target.exists():
        raise Conflict(f"{target} is there already; name another file")


def sync(path: Path) -> None:
    """A file or a folder is on disk when this returns."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _refused(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        raise Refused(f"could not write {target} ({exc.strerror or exc})") from exc
