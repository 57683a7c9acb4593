"""The archive in a bucket of S3-compatible storage, through pyarrow.

An object is uploaded beside its place, read back, copied into its place on the server's side, which
is one step to a reader (Amazon S3 API Reference, CopyObject), and its size looked at once more.
What is cut off stays beside its place until the next look. Each request waits SILENCE_S for a byte
at most and is made once: who archives tries again.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pyarrow import fs  # type: ignore[import-untyped]

SILENCE_S = 3.0  # a shutdown waits for the request that runs
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketSettings:
    """endpoint: `https://host:port` of another service than Amazon's. Without a key those are used
    that AWS programs use (AWS_ACCESS_KEY_ID …, ~/.aws, the machine's role)."""

    bucket: str
    prefix: str = ""
    endpoint: str | None = None
    region: str | None = None
    access_key: str = field(default="", repr=False)
    secret_key: str = field(default="", repr=False)
    silence_s: float = SILENCE_S

    @classmethod
    def of(cls, told: Mapping[str, str | None]) -> BucketSettings:
        """From its fields by name."""
        texts: dict[str, Any] = dict(told)
        return cls(**texts)

    @property
    def root(self) -> str:
        """Bucket and prefix."""
        return "/".join(filter(None, (self.bucket, self.prefix.strip("/"))))


def connected(settings: BucketSettings) -> fs.S3FileSystem:
    """The storage; nothing is asked of it yet."""
    address = urlsplit(settings.endpoint or "https://")
    return fs.S3FileSystem(
        access_key=settings.access_key or None, secret_key=settings.secret_key or None,
        scheme=address.scheme, endpoint_override=address.netloc or None,
        region=settings.region or ("us-east-1" if settings.endpoint else None),
        connect_timeout=settings.silence_s, request_timeout=settings.silence_s,
        retry_strategy=fs.AwsStandardS3RetryStrategy(max_attempts=1),
        allow_delayed_open=True,  # small objects go in one request
    )  # fmt: skip


class BucketObjects:
    """Objects below one prefix of a bucket that exists."""

    def __init__(self, settings: BucketSettings) -> None:
        self._root = settings.root
        self._s3 = connected(settings)

    def shown(self, name: str) -> str:
        return f"s3://{self._root}/{name}"

    def names(self, folder: str) -> list[str]:
        selector = fs.FileSelector(f"{self._root}/{folder}", allow_not_found=True)
        found = self._s3.get_file_info(selector)
        return [info.base_name for info in found if info.type is fs.FileType.File]

    @contextmanager
    def making(self, part: str) -> Iterator[Path]:
        with tempfile.TemporaryDirectory(prefix="sigmawatch-archive-") as folder:
            yield Path(folder) / Path(part).name

    def stage(self, path: Path, part: str) -> None:
        with (
            path.open("rb") as file,
            self._s3.open_output_stream(f"{self._root}/{part}") as upload,
        ):
            while chunk := file.read(_CHUNK_BYTES):
                upload.write(chunk)

    def staged(self, part: str) -> Iterator[bytes]:
        with self._s3.open_input_stream(f"{self._root}/{part}") as download:
            while chunk := download.read(_CHUNK_BYTES):
                yield chunk

    def publish(self, part: str, name: str) -> None:
        source, target = (f"{self._root}/{one}" for one in (part, name))
        self._s3.copy_file(source, target)
        before, after = self._s3.get_file_info([source, target])
        if before.size != after.size:
            self.remove(name)
            raise OSError(f"the copy has {after.size} bytes of {before.size}")
        self.remove(part)

    def remove(self, name: str) -> None:
        self._s3.delete_file(f"{self._root}/{name}")
