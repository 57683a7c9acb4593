"""The backup port: a copy of the whole database as one file, while it is written to.

The file is a database of its own, the same one whichever ledger it came from, so that it can be
restored to either (app.wiring.restore). It is made beside its place and gets its name when it is
complete, synced and read back.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

Told = Callable[[int, int], None]  # how much is copied, and of how much


@dataclass(frozen=True, slots=True, kw_only=True)
class Copied:
    """A database in a file that was read back. items_count: stored frames, patches, columns and
    rollups, each verified by its own checksum; damaged: which of them are not as they were
    written, by table and row, as in the database that was copied."""

    size_bytes: int
    items_count: int
    damaged: tuple[str, ...] = ()


class BackupStore(Protocol):
    """A database that can be copied."""

    async def backup(self, target: str, *, told: Told) -> Copied:
        """Copy everything that is committed to the file at the path `target`, where none is: whole
        or not at all, the owner's alone. A slot waits for a small step of it at most. Raises
        Conflict where the file is there already, Refused where it cannot be written or does not
        verify, Unavailable where a database elsewhere went away."""
        ...
