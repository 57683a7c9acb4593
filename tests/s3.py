"""An S3 server of our own: moto's, a process on loopback, whose objects end with it."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from threading import Thread

from pyarrow import fs  # type: ignore[import-untyped]
from tests.processes import started

from sigmawatch.adapters.archives.bucket import BucketSettings

KEY, SECRET = "AKIAOURS", "not-a-secret-but-must-never-print"
_ADDRESS = re.compile(r"Running on http://(127\.0\.0\.1:\d+)")
_names = count(1)


@contextmanager
def running() -> Iterator[str]:
    """`127.0.0.1:PORT` of a server that answers."""
    with started(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stderr is not None
        said = (_ADDRESS.search(line) for line in process.stderr)
        address = next(found[1] for found in said if found)
        drain = Thread(target=deque, args=(process.stderr, 0))  # it logs every request
        drain.start()
        try:
            yield address
        finally:
            process.kill()
            drain.join()


def new_bucket(address: str) -> BucketSettings:
    """A bucket that nobody else has."""
    settings = BucketSettings(
        bucket=f"bucket-{next(_names)}", prefix="some/prefix", endpoint=f"http://{address}",
        access_key=KEY, secret_key=SECRET, silence_s=1.0,
    )  # fmt: skip
    looking_into(settings, may_make=True).create_dir(settings.bucket)
    return settings


def looking_into(settings: BucketSettings, *, may_make: bool = False) -> fs.S3FileSystem:
    """What another program sees of it."""
    assert settings.endpoint is not None
    return fs.S3FileSystem(
        access_key=KEY, secret_key=SECRET, scheme="http", region="us-east-1",
        endpoint_override=settings.endpoint.removeprefix("http://"),
        allow_bucket_creation=may_make,
    )  # fmt: skip


def objects(settings: BucketSettings) -> dict[str, bytes]:
    """Every object of a bucket, by its name below the prefix."""
    files = looking_into(settings)
    root = f"{settings.bucket}/{settings.prefix}"
    found = files.get_file_info(fs.FileSelector(root, recursive=True, allow_not_found=True))
    return {
        info.path.removeprefix(f"{root}/"): files.open_input_stream(info.path).read()
        for info in found if info.type is fs.FileType.File
    }  # fmt: skip
