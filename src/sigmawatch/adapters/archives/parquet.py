"""The archive as Parquet files, for DuckDB, Polars, pandas, Spark, in a folder or a bucket.

    ROOT/KRAKEN/price/1m/2026-11-20.block-7.r1.parquet

One file a sealed section: a block over a day (over an hour where slots are under a minute), its
series one after the other, each in the order of time; the columns are those of `export`
(adapters.tables.arrow). A file appears under its name when it was read back twice: its numbers and
page checksums where it was written, its bytes where it shall lie. So what is there is whole, and
what was cut off is written again. At most a row group of it is in memory.
"""

from __future__ import annotations

import asyncio
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from pyarrow import parquet  # type: ignore[import-untyped]

from sigmawatch.adapters.archives.objects import Objects, part_of
from sigmawatch.adapters.tables.arrow import ArrowWriter
from sigmawatch.domain.errors import Refused
from sigmawatch.domain.series import Block
from sigmawatch.domain.window import MINUTE_MS
from sigmawatch.ports.history import Section
from sigmawatch.ports.table import RecordRows

T = TypeVar("T")

_CHUNK_BYTES = 1 << 20
_NAME = re.compile(
    r"_?(?P<begin>[\dT-]+)\.block-(?P<block>\d+)\.r(?P<revision>\d+)\.parquet(\.[0-9a-f]+\.part)?",
    re.ASCII,
)


class ParquetArchive:
    """Files among `objects`, written by one thread."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="archive")

    async def held(self, block: Block) -> Mapping[int, int]:
        return await self._do(_folder(block), lambda _: self._held(block))

    async def store(self, section: Section, rows: Iterable[RecordRows], *, revision: int) -> None:
        name = _name(section, revision=revision)

        def work(left: Event) -> None:
            self._store(name, rows, left=left)
            self._held(section.block)

        await self._do(name, work)

    async def _do(self, name: str, work: Callable[[Event], T]) -> T:
        """What `work` returns. It ends soon after whoever waits for it has left."""
        left = Event()
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work, left)
        except OSError as exc:
            reason = exc.strerror or exc
            raise Refused(f"could not archive {self._objects.shown(name)} ({reason})") from exc
        finally:
            left.set()

    def _held(self, block: Block) -> Mapping[int, int]:
        """The newest revisions; older ones go, and what an attempt that was cut off left."""
        newest: dict[int, int] = {}
        folder = _folder(block)
        for section, revision, file in sorted(_found(block, self._objects.names(folder))):
            if file.startswith("_"):
                self._objects.remove(f"{folder}/{file}")
                continue
            if section in newest:
                older = Section(block=block, from_slot=section)
                self._objects.remove(_name(older, revision=newest[section]))
            newest[section] = revision
        return newest

    def _store(self, name: str, rows: Iterable[RecordRows], *, left: Event) -> None:
        part = part_of(name)
        with self._objects.making(part) as path:
            self._write(path, _while_wanted(rows, left))
            meant = _sum_of(_chunks(path))
            self._objects.stage(path, part)
            _go_on(left)
            if _sum_of(self._objects.staged(part)) != meant:
                raise Refused(f"{self._objects.shown(name)} does not hold what was written")
            _go_on(left)
            self._objects.publish(part, name)

    def _write(self, path: Path, rows: Iterable[RecordRows]) -> None:
        meant = Sum()
        writer = ArrowWriter(path, kind="parquet")
        try:
            for one in rows:
                meant.add(np.full(len(one.value), one.series_id), one.time_ms, value=one.value)
                writer.write(one)
        except BaseException:
            writer.abandon()
            raise
        writer.close()
        if _told(path) != meant:
            raise Refused(f"{path} does not hold what was written: check the disk")


class Sum:
    """A checksum of records, however they are cut into pieces."""

    def __init__(self) -> None:
        self._sums = [0, 0, 0]

    def add(
        self, id: npt.NDArray[np.int64], time_ms: npt.NDArray[np.int64], *,
        value: npt.NDArray[np.float64],
    ) -> None:  # fmt: skip
        """id, time_ms, value: [n]; NaN is NaN, whichever."""
        told = np.where(np.isnan(value), np.nan, value)
        for k, column in enumerate((id, time_ms, told)):
            self._sums[k] = zlib.crc32(np.ascontiguousarray(column).tobytes(), self._sums[k])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sum) and other._sums == self._sums

    __hash__ = None  # type: ignore[assignment]


def _told(path: Path) -> Sum:
    """What a reader finds in the file, page checksums looked at."""
    told = Sum()
    with parquet.ParquetFile(path, page_checksum_verification=True) as file:
        for part in file.iter_batches(columns=["id", "time", "value"]):
            id, time, value = (part[k].to_numpy(zero_copy_only=False) for k in range(3))
            told.add(id, time.astype("M8[ms]").astype(np.int64), value=value)
    return told


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            yield chunk


def _sum_of(chunks: Iterable[bytes]) -> tuple[int, int]:
    """Bytes and CRC-32."""
    size = crc = 0
    for chunk in chunks:
        size, crc = size + len(chunk), zlib.crc32(chunk, crc)
    return size, crc


def _while_wanted(rows: Iterable[RecordRows], left: Event) -> Iterator[RecordRows]:
    for one in rows:
        _go_on(left)
        yield one


def _go_on(left: Event) -> None:
    if left.is_set():
        raise Refused("nobody waits for it any more")


def _folder(block: Block) -> str:
    return f"{block.venue}/{block.metric}/{block.interval}"


def _written(block: Block) -> str:
    """How the begin of a section is written."""
    return "%Y-%m-%d" if block.interval.ms >= MINUTE_MS else "%Y-%m-%dT%H"


def _name(section: Section, *, revision: int) -> str:
    block = section.block
    begin = datetime.fromtimestamp(section.from_ms / 1_000, UTC)
    file = f"{begin:{_written(block)}}.block-{block.id}.r{revision}.parquet"
    return f"{_folder(block)}/{file}"


def _found(block: Block, files: Iterable[str]) -> Iterator[tuple[int, int, str]]:
    """First slot, revision and name of the files of a block, those in the making among them."""
    for file in files:
        named = _NAME.fullmatch(file)
        if named is not None and int(named["block"]) == block.id:
            begin = datetime.strptime(named["begin"], _written(block)).replace(tzinfo=UTC)
            yield (
                block.interval.slot(1_000 * round(begin.timestamp())),
                int(named["revision"]),
                file,
            )
