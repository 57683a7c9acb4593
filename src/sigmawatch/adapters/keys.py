"""The key that links in our messages are signed with: `links.key` in the data folder, mode 0600.

It is made on first use and is part of no backup: links sent before a restore lose their proof, and
whoever has a backup cannot make any. Raises Refused.
"""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path

from sigmawatch.domain.errors import Refused

NAME = "links.key"
KEY_BYTES = 32
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def read_key(folder: Path) -> bytes:
    """The folder's key. Its holder calls: nobody else makes one at the same time."""
    path = folder / NAME
    try:
        return _read(path)
    except FileNotFoundError:
        pass
    except OSError as exc:
        raise Refused(f"{path} cannot be read: {exc.strerror}") from exc
    key = secrets.token_bytes(KEY_BYTES)
    try:
        _write(path, key)
    except OSError:  # no room, or read-only: links are good for this life only
        return key
    return key


def _read(path: Path) -> bytes:
    if path.stat().st_mode & _OTHERS:
        raise Refused(f"{path} may be read by others: `chmod 600 {path}`")
    key = path.read_bytes()
    if len(key) != KEY_BYTES:
        raise Refused(f"{path} is no key of ours: move it away, and a new one is made")
    return key


def _write(path: Path, key: bytes) -> None:
    draft = path.with_name(f"{NAME}.new")
    draft.unlink(missing_ok=True)
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(key)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
