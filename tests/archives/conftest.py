from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.s3 import new_bucket, running

from sigmawatch.adapters.archives.bucket import BucketSettings


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    with running() as address:
        yield address


@pytest.fixture
def bucket(s3_server: str) -> BucketSettings:
    return new_bucket(s3_server)
