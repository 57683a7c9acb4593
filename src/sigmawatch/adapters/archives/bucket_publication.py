"""Files for others to read, in a bucket of S3-compatible storage, each put by one upload: a reader
finds the old object or the new one (Amazon S3 User Guide, "Amazon S3 data consistency model")."""

from __future__ import annotations

import shutil
from pathlib import Path

from pyarrow import fs  # type: ignore[import-untyped]

from sigmawatch.adapters.archives.bucket import BucketSettings, connected
from sigmawatch.adapters.archives.publication import told

CACHE = "public, max-age=5"  # answers change with every slot


class BucketPublication:
    """Fulfils ports.publication.Publication."""

    def __init__(self, settings: BucketSettings) -> None:
        self._s3: fs.S3FileSystem = connected(settings)
        self._root = settings.root

    @property
    def shown(self) -> str:
        return f"s3://{self._root}"

    async def put(self, name: str, content: bytes, *, media_type: str) -> None:
        told_of_it = {"Content-Type": media_type, "Cache-Control": CACHE}

        def work() -> None:
            with self._s3.open_output_stream(f"{self._root}/{name}", metadata=told_of_it) as file:
                file.write(content)

        await told(work)

    async def put_file(self, name: str, source: str) -> None:
        told_of_it = {"Content-Type": "application/vnd.sqlite3", "Cache-Control": "no-store"}

        def work() -> None:
            with (
                Path(source).open("rb") as held,
                self._s3.open_output_stream(f"{self._root}/{name}", metadata=told_of_it) as file,
            ):
                shutil.copyfileobj(held, file, 1 << 20)

        await told(work)
