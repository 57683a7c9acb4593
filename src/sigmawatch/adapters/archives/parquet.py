"""The archive as Parquet files in a local folder, for DuckDB, Polars, pandas, Spark.

    FOLDER/KRAKEN/price/1m/2026-11-20.block-7.r1.parquet

One file a sealed section: a block over a day (over an hour where slots are under a minute), its
series one after the other, each in the order of time; the columns are those of `export`
(adapters.tables.arrow). A file appears under its name when it is written, synced and read back, so
what is there is whole, and what was cut off is written again.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from pyarrow import parquet  # type: ignore[import-untyped]

from sigmawatch.adapters.tables.arrow import ArrowWriter
from sigmawatch.domain.errors import Refused
from sigmawatch.domain.window import MINUTE_MS
from sigmawatch.ports.history import Section
from sigmawatch.ports.table import RecordRows


class ParquetArchive:
    """Files below one folder, which is made where it is missing."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def holds(self, section: Section, *, revision: int) -> bool:
        path = self._path(section, revision=revision)
        try:
            return await asyncio.to_thread(path.is_file)
        except OSError as exc:
            raise _refused(path, exc) from exc

    async def store(self, section: Section, rows: Iterable[RecordRows], *, revision: int) -> None:
        path = self._path(section, revision=revision)
        try:
            await asyncio.to_thread(_store, path, list(rows))
        except OSError as exc:
            raise _refused(path, exc) from exc

    def _path(self, section: Section, *, revision: int) -> Path:
        block = section.block
        begin = datetime.fromtimestamp(section.from_ms / 1_000, UTC)
        written = "%Y-%m-%d" if block.interval.ms >= MINUTE_MS else "%Y-%m-%dT%H"
        name = f"{begin:{written}}.block-{block.id}.r{revision}.parquet"
        return self._folder / block.venue / block.metric / str(block.interval) / name


def _store(path: Path, rows: list[RecordRows]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    try:
        writer = ArrowWriter(part, kind="parquet")
        try:
            for one in rows:
                writer.write(one)
        except BaseException:
            writer.abandon()
            raise
        writer.close()
        _verify(part, rows)
        part.rename(path)
    finally:
        part.unlink(missing_ok=True)
    _sync_folder(path.parent)
    for older in path.parent.glob(f"{path.name.rpartition('.r')[0]}.r*.parquet"):
        if older != path:
            older.unlink()


def _verify(part: Path, rows: list[RecordRows]) -> None:
    """Read the file back, page checksums included, and compare the numbers."""
    table = parquet.read_table(part, columns=["value"], page_checksum_verification=True)
    told = table["value"].to_numpy(zero_copy_only=False)
    meant = np.concatenate([np.empty(0), *(one.value for one in rows)])
    if not np.array_equal(told, meant, equal_nan=True):
        raise Refused(f"{part} does not hold what was written: check the disk")


def _sync_folder(folder: Path) -> None:
    """After a power cut the new file is still there by name."""
    handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _refused(path: Path, exc: OSError) -> Refused:
    return Refused(f"could not archive {path} ({exc.strerror or exc})")
