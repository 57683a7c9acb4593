"""The archive with the bug that the archive test must notice: it does not read back what it
uploaded, and takes the storage at its word."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sigmawatch.adapters.archives.bucket import BucketObjects


class UnreadBucket(BucketObjects):
    """Reads back what it meant to write."""

    def stage(self, path: Path, part: str) -> None:
        self._meant = path.read_bytes()
        super().stage(path, part)

    def staged(self, part: str) -> Iterator[bytes]:
        yield self._meant
