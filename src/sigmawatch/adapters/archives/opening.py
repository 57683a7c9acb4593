"""Places for files by what an operator wrote: a folder, or the settings of a bucket.

What needs pyarrow is imported when it is asked for; where it is missing, Refused says what to
install.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from sigmawatch.adapters.archives.folder import FolderObjects
from sigmawatch.adapters.archives.publication import FolderPublication
from sigmawatch.domain.errors import Refused
from sigmawatch.ports.archive import Archive
from sigmawatch.ports.publication import Publication

Place = Path | Mapping[str, str | None]  # the fields of bucket.BucketSettings


def archive_at(place: Place) -> Archive:
    """Raises Refused."""
    try:
        from sigmawatch.adapters.archives.bucket import (  # noqa: PLC0415
            BucketObjects,
            BucketSettings,
        )
        from sigmawatch.adapters.archives.parquet import ParquetArchive  # noqa: PLC0415
    except ModuleNotFoundError as exc:
        raise _needs("an archive", exc) from exc
    if isinstance(place, Path):
        return ParquetArchive(FolderObjects(place))
    return ParquetArchive(BucketObjects(BucketSettings.of(place)))


def publication_at(place: Place) -> Publication:
    """Raises Refused."""
    if isinstance(place, Path):
        return FolderPublication(place)
    try:
        from sigmawatch.adapters.archives.bucket import BucketSettings  # noqa: PLC0415
        from sigmawatch.adapters.archives.bucket_publication import (  # noqa: PLC0415
            BucketPublication,
        )
    except ModuleNotFoundError as exc:
        raise _needs("a bucket", exc) from exc
    return BucketPublication(BucketSettings.of(place))


def _needs(what: str, exc: ModuleNotFoundError) -> Refused:
    return Refused(f"{what} needs {exc.name}, which is not installed: "
                   "pip install 'sigmawatch[arrow]'")  # fmt: skip
