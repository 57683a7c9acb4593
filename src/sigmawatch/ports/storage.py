"""The storage port: how what lies under a database is, told at any moment."""

from __future__ import annotations

from typing import Protocol

from sigmawatch.domain.storage import StorageStatus


class Storage(Protocol):
    """Disk, file system or server. Known within two seconds of the first that failed."""

    @property
    def status(self) -> StorageStatus: ...

    async def changed(self, seen: StorageStatus) -> StorageStatus:
        """The first status that is not `seen`."""
        ...
