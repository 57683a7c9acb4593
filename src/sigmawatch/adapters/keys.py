"""Keys in the data folder, one file each, mode 0600. They are part of no backup.

`links.key` is what links in our messages are signed with: links sent before a restore lose their
proof, and whoever has a backup cannot make any. Raises Refused.
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
    key = read_private(path)
    if key is None:
        key = secrets.token_bytes(KEY_BYTES)
        try:
            write_private(path, key)
        except OSError:  # no room, or read-only: links are good for this life only
            return key
    if len(key) != KEY_BYTES:
        raise Refused(f"{path} is no key of ours: move it away, and a new one is made")
    return key


def read_private(path: Path) -> bytes | None:
    """What a file holds that only its owner may read; None where there is none."""
    try:
        if path.stat().st_mode & _OTHERS:
            raise Refused(f"{path} may be read by others: `chmod 600 {path}`")
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as exc:
        raise Refused(f"{path} cannot be read: {exc.strerror}") from exc


def write_private(path: Path, content: bytes) -> None:
    """Whole and durable, or not at all. Raises OSError."""
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
