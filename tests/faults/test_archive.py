"""Storage that fails an archive anywhere: what lies there under a name is whole, the rest comes.

The judge is another client of the storage: every object that a reader of Parquet would meet is
compared with what was meant. What is told of a whole program beside this is in tests/app.
"""

from __future__ import annotations

import io
import random
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pyarrow import ArrowException, parquet  # type: ignore[import-untyped]
from tests.archives.test_archives import BLOCK, SECTION, rows
from tests.faults.relay import Relay, relayed
from tests.faults.tier import Finding, tell, times
from tests.faults.unread import UnreadBucket
from tests.s3 import looking_into, new_bucket, objects, running

from sigmawatch.adapters.archives.bucket import BucketObjects, BucketSettings
from sigmawatch.adapters.archives.parquet import ParquetArchive
from sigmawatch.domain.errors import Refused

CUTS = times(change=12, full=100)
DROPS = times(change=3, full=20)
SERIES = 40

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with running() as address:
        yield address


def through(relay: Relay, bucket: BucketSettings) -> BucketSettings:
    return replace(bucket, endpoint=f"http://{relay.address}")


def meant(revision: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.concatenate([one.value for one in rows(SERIES, base=float(revision))])


def torn(bucket: BucketSettings) -> list[str]:
    """The files a reader meets that are not what was meant."""
    return [name for name, body in objects(bucket).items()
            if name.endswith(".parquet") and not _sound(name, body)]  # fmt: skip


def _sound(name: str, body: bytes) -> bool:
    revision = int(name.removesuffix(".parquet").rpartition(".r")[2])
    with suppress(OSError, ArrowException):
        table = parquet.read_table(io.BytesIO(body), page_checksum_verification=True)
        return np.array_equal(table["value"].to_numpy(), meant(revision), equal_nan=True)
    return False


async def bytes_of_a_store(relay: Relay, archive: ParquetArchive) -> int:
    """How much goes over the line when nothing fails."""
    relay.bytes_left = enough = 1 << 40
    await archive.store(SECTION, rows(SERIES, base=1.0), revision=1)
    left, relay.bytes_left = relay.bytes_left, None
    return enough - left


async def test_a_line_cut_at_any_byte_leaves_whole_files_only_and_the_next_round_completes(
    server: str,
) -> None:
    seed = random.randrange(2**32)
    dice = random.Random(seed)
    bucket = new_bucket(server)
    async with relayed(server) as relay:
        archive = ParquetArchive(BucketObjects(through(relay, bucket)))
        whole = await bytes_of_a_store(relay, archive)
        for cut in range(CUTS):
            relay.bytes_left = dice.randrange(whole)
            told = f"seed {seed}, cut {cut}"
            with suppress(Refused):
                await archive.store(SECTION, rows(SERIES, base=cut + 2.0), revision=cut + 2)
            assert torn(bucket) == [], told
            assert any(name.endswith(".parquet") for name in objects(bucket)), told
            relay.heal()
            if (await archive.held(BLOCK))[SECTION.from_slot] < cut + 2:
                await archive.store(SECTION, rows(SERIES, base=cut + 2.0), revision=cut + 2)
            assert len(objects(bucket)) == 1, told
            assert torn(bucket) == [], told
        assert relay.cuts >= CUTS, f"seed {seed}"
    figures = {"cuts": CUTS, "torn_files_seen": 0, "bytes_of_a_section": whole}
    tell(Finding(promise="archive", fault="line to S3 cut at a random byte", figures=figures))


async def test_storage_that_denies_is_told_and_harms_nothing(server: str) -> None:
    bucket = new_bucket(server)
    async with relayed(server) as relay:
        archive = ParquetArchive(BucketObjects(through(relay, bucket)))
        await archive.store(SECTION, rows(SERIES, base=1.0), revision=1)
        relay.denies = True
        with pytest.raises(Refused, match="ACCESS_DENIED"):
            await archive.store(SECTION, rows(SERIES, base=2.0), revision=2)
        with pytest.raises(Refused, match="could not archive"):
            await archive.held(BLOCK)
        relay.heal()
        assert await archive.held(BLOCK) == {SECTION.from_slot: 1}
        assert torn(bucket) == []
    tell(Finding(promise="archive", fault="S3 answers 403", figures={"torn_files_seen": 0}))


async def test_storage_that_says_nothing_is_given_up(server: str) -> None:
    bucket = new_bucket(server)
    async with relayed(server) as relay:
        archive = ParquetArchive(BucketObjects(through(relay, bucket)))
        relay.silent = True
        with pytest.raises(Refused, match="too slow"):
            await archive.store(SECTION, rows(SERIES, base=1.0), revision=1)
        relay.heal()
        await archive.store(SECTION, rows(SERIES, base=1.0), revision=1)
        assert torn(bucket) == []
    tell(Finding(promise="archive", fault="S3 falls silent", figures={"torn_files_seen": 0}))


def forgetting(
    kind: type[BucketObjects], bucket: BucketSettings, dice: random.Random
) -> BucketObjects:
    """Storage that keeps only a part of what was uploaded, and says that all is well."""

    class Forgetting(kind):  # type: ignore[misc,valid-type]
        def stage(self, path: Path, part: str) -> None:
            super().stage(path, part)
            body = path.read_bytes()[: dice.randrange(path.stat().st_size)]
            there = f"{bucket.bucket}/{bucket.prefix}/{part}"
            with looking_into(bucket).open_output_stream(there) as upload:
                upload.write(body)

    made: BucketObjects = Forgetting(bucket)
    return made


async def files_torn(kind: type[BucketObjects], server: str) -> int:
    """How many of DROPS uploads of which the end was lost are there under their names."""
    seed = random.randrange(2**32)
    dice = random.Random(seed)
    bucket = new_bucket(server)
    archive = ParquetArchive(forgetting(kind, bucket, dice))
    found = 0
    for revision in range(1, DROPS + 1):
        with suppress(Refused):
            await archive.store(SECTION, rows(SERIES, base=float(revision)), revision=revision)
        found += len(torn(bucket))
    print(f"seed {seed}: {found} torn files")
    return found


async def test_an_upload_that_the_storage_did_not_keep_whole_never_gets_its_name(
    server: str,
) -> None:
    found = await files_torn(BucketObjects, server)
    figures = {"uploads": DROPS, "torn_files_seen": found}
    tell(Finding(promise="archive", fault="S3 keeps a part of an upload", figures=figures))
    assert found == 0


async def test_the_check_above_notices_an_archive_that_does_not_read_back(server: str) -> None:
    found = await files_torn(UnreadBucket, server)
    figures = {"uploads": DROPS, "torn_files_seen": found}
    tell(Finding(promise="archive", fault="S3 keeps a part of an upload", figures=figures,
                 control=True))  # fmt: skip
    assert found > 0
