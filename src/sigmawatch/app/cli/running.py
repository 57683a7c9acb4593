"""The note that a running program leaves in its data folder, so that other commands find it.

`running.json`, mode 0600: address, process id and a token. It is written once the program listens
and removed when it ends; one of a dead process is no note.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec
import structlog

NAME = "running.json"

log = structlog.get_logger()


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """Where a running program answers. fingerprint: SHA-256 of its certificate, if it has one."""

    url: str
    pid: int
    token: str
    fingerprint: str = ""

    def __repr__(self) -> str:
        return f"Running(url={self.url!r}, pid={self.pid})"


@contextmanager
def announced(folder: Path, running: Running) -> Iterator[None]:
    """The note lies in `folder` until the block ends; where there is no room for it, nobody finds
    the program, and it runs all the same."""
    note, draft = folder / NAME, folder / f"{NAME}.new"
    try:
        _write(draft, msgspec.json.encode(running))
        draft.replace(note)
    except OSError as exc:
        log.warning("not_announced", reason=exc.strerror)
    try:
        yield
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
            note.unlink(missing_ok=True)


def _write(path: Path, content: bytes) -> None:
    path.unlink(missing_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)


def find(folder: Path) -> Running | None:
    """The note of a living process in `folder`."""
    try:
        running = msgspec.json.decode((folder / NAME).read_bytes(), type=Running)
    except (OSError, msgspec.DecodeError):
        return None
    return running if _alive(running.pid) else None


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True  # somebody else's
    except (OSError, OverflowError):
        return False
    return pid > 0
