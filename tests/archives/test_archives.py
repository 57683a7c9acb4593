"""Every archive, in a folder and in a bucket: whole or not there, of the newest revision alone."""

from __future__ import annotations

import asyncio
import io
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from pyarrow import parquet  # type: ignore[import-untyped]
from tests.pace import allowed_s
from tests.s3 import SECRET, looking_into, objects

from sigmawatch.adapters.archives.bucket import BucketObjects, BucketSettings
from sigmawatch.adapters.archives.folder import FolderObjects
from sigmawatch.adapters.archives.objects import Objects, part_of
from sigmawatch.adapters.archives.parquet import ParquetArchive
from sigmawatch.domain.errors import Refused
from sigmawatch.domain.series import Block
from sigmawatch.domain.window import Interval
from sigmawatch.ports.history import Section
from sigmawatch.ports.table import RecordRows

MINUTE, SECOND = Interval(60_000), Interval(1_000)
DAY = 1_440
BLOCK = Block(id=7, venue="KRAKEN", metric="price", interval=MINUTE)
SECTION = Section(block=BLOCK, from_slot=20_000 * DAY)
NAME = "KRAKEN/price/1m/2024-10-04.block-7.r{}.parquet"


@dataclass(frozen=True, kw_only=True)
class Place:
    """An archive's place, and what another program finds there."""

    objects: Objects
    files: Callable[[], dict[str, bytes]]


@pytest.fixture(params=["folder", "bucket"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param == "bucket":
        settings: BucketSettings = request.getfixturevalue("bucket")
        return Place(objects=BucketObjects(settings), files=lambda: objects(settings))
    return Place(objects=FolderObjects(tmp_path / "archive"),
                 files=lambda: found_in(tmp_path / "archive"))  # fmt: skip


def found_in(folder: Path) -> dict[str, bytes]:
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def rows(count: int = 60, *, base: float = 100.0) -> Iterator[RecordRows]:
    """A day of `count` series, some minutes missing: more than one row group."""
    slots = np.arange(SECTION.from_slot, SECTION.to_slot)
    for k in range(count):
        value = base + k + slots % 7 / 10
        value[k : k + 3] = np.nan
        marks = ["outage" if missing else "" for missing in np.isnan(value)]
        yield RecordRows(series_id=k + 1, name=f"KRAKEN:C{k}/USD:price", time_ms=slots * MINUTE.ms,
                         value=value, marks=marks, span=[""] * DAY)  # fmt: skip


async def test_what_is_stored_is_read_by_another_program_as_it_was(place: Place) -> None:
    archive = ParquetArchive(place.objects)
    await archive.store(SECTION, rows(), revision=1)
    assert await archive.held(BLOCK) == {SECTION.from_slot: 1}
    ((name, body),) = place.files().items()
    assert name == NAME.format(1)
    table = parquet.read_table(io.BytesIO(body), page_checksum_verification=True)
    for told, meant in zip(np.split(table["value"].to_numpy(), 60), rows(), strict=True):
        np.testing.assert_array_equal(told, meant.value)
    assert set(table["marks"].to_pylist()) == {"", "outage"}
    assert parquet.ParquetFile(io.BytesIO(body)).num_row_groups == 2


async def test_a_newer_revision_takes_the_place_of_the_older(place: Place) -> None:
    archive = ParquetArchive(place.objects)
    await archive.store(SECTION, rows(2), revision=1)
    await archive.store(SECTION, rows(2, base=500.0), revision=2)
    assert await archive.held(BLOCK) == {SECTION.from_slot: 2}
    assert list(place.files()) == [NAME.format(2)]


async def test_blocks_and_sections_are_told_apart(place: Place) -> None:
    archive = ParquetArchive(place.objects)
    next_day = replace(SECTION, from_slot=SECTION.to_slot)
    other = replace(SECTION, block=replace(BLOCK, id=8))
    hour = Section(block=replace(BLOCK, id=9, interval=SECOND), from_slot=481_000 * 3_600)
    for section in (SECTION, next_day, other, hour):
        await archive.store(section, rows(1), revision=3)
    assert await archive.held(BLOCK) == {SECTION.from_slot: 3, next_day.from_slot: 3}
    assert await archive.held(other.block) == {SECTION.from_slot: 3}
    assert await archive.held(hour.block) == {hour.from_slot: 3}
    assert await archive.held(replace(BLOCK, venue="BINANCE")) == {}


async def test_what_fails_on_the_way_is_not_there_and_does_not_harm_what_was(place: Place) -> None:
    archive = ParquetArchive(place.objects)
    await archive.store(SECTION, rows(2), revision=1)
    before = place.files()

    def torn() -> Iterator[RecordRows]:
        yield from rows(1)
        raise Refused("the disk is gone")

    with pytest.raises(Refused, match="the disk is gone"):
        await archive.store(SECTION, torn(), revision=2)
    assert place.files() == before


async def test_what_a_kill_left_behind_goes_with_the_next_look(
    place: Place, tmp_path: Path
) -> None:
    """Killed before publishing, and killed between publishing and removing the older one."""
    archive = ParquetArchive(place.objects)
    await archive.store(SECTION, rows(2), revision=1)
    other = tmp_path / "other"
    other.write_bytes(next(iter(place.files().values())))
    for revision in (2, 3):
        part = part_of(NAME.format(revision))
        with place.objects.making(part) as path:
            path.write_bytes(other.read_bytes())
            place.objects.stage(path, part)
            if revision == 2:
                place.objects.publish(part, NAME.format(revision))
            else:
                assert place.files().keys() == {part, NAME.format(1), NAME.format(2)}
                assert await archive.held(BLOCK) == {SECTION.from_slot: 2}
    assert list(place.files()) == [NAME.format(2)]


class Forgetful(FolderObjects):
    """Storage that keeps all but the last byte, and says that all is well."""

    def stage(self, path: Path, part: str) -> None:
        body = path.read_bytes()
        super().stage(path, part)
        path.write_bytes(body[:-1])


async def test_what_storage_did_not_keep_is_not_there(tmp_path: Path) -> None:
    archive = ParquetArchive(Forgetful(tmp_path))
    with pytest.raises(Refused, match="does not hold what was written"):
        await archive.store(SECTION, rows(1), revision=1)
    assert found_in(tmp_path) == {}


async def test_no_secret_is_in_any_message(bucket: BucketSettings) -> None:
    away = replace(bucket, bucket="nobody-made-this")
    with pytest.raises(Refused, match="could not archive s3://nobody-made-this/") as refused:
        await ParquetArchive(BucketObjects(away)).store(SECTION, rows(1), revision=1)
    assert SECRET not in f"{refused.getrepr()}{away!r}"


@pytest.mark.slow
async def test_whoever_leaves_waits_for_one_request_at_most(bucket: BucketSettings) -> None:
    """Of a server that says nothing; curl needs 6 s to notice, and `silence_s`."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings = replace(bucket, endpoint=f"http://127.0.0.1:{silent.getsockname()[1]}")
        archive = ParquetArchive(BucketObjects(settings))
        storing = asyncio.ensure_future(archive.store(SECTION, rows(1), revision=1))
        heard, _ = await asyncio.to_thread(silent.accept)
        storing.cancel()
        left_s = time.monotonic()
        await asyncio.wait([storing])
        assert storing.cancelled()
        assert time.monotonic() - left_s < allowed_s(1.0)
        await asyncio.to_thread(archive._thread.shutdown)
        assert time.monotonic() - left_s < allowed_s(15.0)
        silent.setblocking(False)
        with pytest.raises(BlockingIOError):
            silent.accept()
        heard.close()


def test_what_is_being_made_is_no_file_to_a_reader_of_the_folder(bucket: BucketSettings) -> None:
    """pyarrow, DuckDB and Spark leave out names that begin with `_`, or do not end as asked."""
    objects = BucketObjects(bucket)
    part = part_of("a/b.parquet")
    with objects.making(part) as path:
        path.write_bytes(b"half")
        objects.stage(path, part)
        root = f"{bucket.bucket}/{bucket.prefix}"
        found = parquet.ParquetDataset(f"{root}/a", filesystem=looking_into(bucket)).files
        assert found == []
        objects.remove(part)
