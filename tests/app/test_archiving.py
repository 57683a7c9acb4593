"""The archive: every sealed day as a Parquet file, whole or not there, written again when it
changed."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from pyarrow import parquet  # type: ignore[import-untyped]
from tests.app.test_sealing import DAY, DAYS, MIDNIGHT, MINUTE, NOW, Rig, rigged

from sigmawatch.adapters.archives.folder import FolderObjects
from sigmawatch.adapters.archives.parquet import ParquetArchive
from sigmawatch.adapters.ledgers.sqlite import SqliteLedger
from sigmawatch.app.archived_rows import rows_of
from sigmawatch.app.archiving import RETRY_MIN_MS, Archiver, Shelf
from sigmawatch.app.history_config import HistoryConfig
from sigmawatch.app.sealing import OFFSET_MS, Sealer, Stores
from sigmawatch.domain.frame import Flag, Patch
from sigmawatch.domain.series import Block
from sigmawatch.ports.history import Folded, Section

FIRST = NOW - DAYS * DAY


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with rigged(tmp_path, HistoryConfig(raw_days=4)) as made:
        yield made


@dataclass(kw_only=True)
class Work:
    """Sealing and archiving of a rig, round by round."""

    sealer: Sealer
    archiver: Archiver

    async def round(self) -> bool:
        """Whether the archive has everything; what may go now goes."""
        await self.sealer.run_once()
        whole = await self.archiver.run_once()
        await self.sealer.run_once()
        return whole


def work_of(rig: Rig, folder: Path, *, required: bool = True) -> Work:
    archive = ParquetArchive(FolderObjects(folder))
    shelf = Shelf(archive=archive, ledger=rig.ledger, sealing=rig.ledger.sealing, required=required)
    archiver = Archiver(shelf, catalogue=rig.catalogue, clock=rig.clock)
    stores = Stores(history=rig.ledger, sealing=rig.ledger.sealing, archiver=archiver)
    sealer = Sealer(stores, catalogue=rig.catalogue, config=HistoryConfig(raw_days=4),
                    clock=rig.clock)  # fmt: skip
    return Work(sealer=sealer, archiver=archiver)


async def oldest_slot(rig: Rig) -> int:
    oldest_ms = await rig.ledger.oldest_ms(rig.series)
    assert oldest_ms is not None
    return MINUTE.slot(oldest_ms)


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


async def test_every_sealed_day_is_a_file_that_another_program_reads(
    rig: Rig, tmp_path: Path
) -> None:
    folder = tmp_path / "archive"
    assert await work_of(rig, folder).round()
    names = files(folder)
    assert len(names) == DAYS - 1
    assert names[0] == "KRAKEN/price/1m/2025-02-11.block-1.r1.parquet"
    table = parquet.read_table(folder).sort_by("time")
    slots = table["time"].to_numpy().astype("M8[ms]").astype(np.int64) // MINUTE.ms
    assert (np.diff(slots) == 1).all()
    inside = slots >= FIRST
    told = table["value"].to_numpy()[inside]
    np.testing.assert_array_equal(told, rig.values[slots[inside] - FIRST])
    there = table.filter(table["value"].is_valid())
    assert set(there["marks"].to_pylist()) == {""}


async def test_a_day_that_was_sealed_again_takes_the_place_of_the_older_file(
    rig: Rig, tmp_path: Path
) -> None:
    folder = tmp_path / "archive"
    work = work_of(rig, folder)
    await work.round()
    before = files(folder)
    slot = NOW - 3 * DAY
    patch = Patch(
        series_id=rig.series.id, from_slot=slot, revision=NOW, recv_ms=rig.clock.now_ms(),
        values=np.array([5.0, 5.0]).tobytes(),
        marks=bytes([Flag.FILLED, Flag.FILLED]),
    )  # fmt: skip
    rig.values[slot - FIRST : slot - FIRST + 2] = np.nan
    async with rig.ledger.transaction() as transaction:
        await transaction.frames.insert([patch])
    await work.round()
    changed = set(files(folder)) ^ set(before)
    assert {name.rpartition(".r")[2] for name in changed} == {"1.parquet", "2.parquet"}
    assert len(files(folder)) == len(before)
    await work.round()
    assert set(files(folder)) ^ set(before) == changed


async def test_nothing_goes_before_it_is_archived_and_the_job_says_why_it_stays(
    rig: Rig, tmp_path: Path
) -> None:
    """RELIABILITY.md: never delete what is nowhere else."""
    in_the_way = tmp_path / "archive"
    in_the_way.write_text("a file where the folder should be")
    work = work_of(rig, in_the_way)
    assert not await work.round()
    (job,) = work.sealer.jobs()[1:]
    assert (job.kind, job.failed, job.finished_ms) == ("archiving", 1, rig.clock.now_ms())
    assert job.reason is not None
    assert "Not a directory" in job.reason
    assert await oldest_slot(rig) <= FIRST, "slots of nine days are there, four are kept"
    in_the_way.unlink()
    assert await work.round()
    assert len(files(in_the_way)) == DAYS - 1
    assert await oldest_slot(rig) > NOW - 6 * DAY
    (job,) = work.sealer.jobs()[1:]
    assert (job.failed, job.done, job.total) == (0, DAYS - 1, DAYS - 1)


async def test_where_the_archive_is_not_required_age_alone_decides(
    rig: Rig, tmp_path: Path
) -> None:
    (tmp_path / "archive").write_text("a file where the folder should be")
    work = work_of(rig, tmp_path / "archive", required=False)
    assert not await work.round()
    assert await oldest_slot(rig) > NOW - 6 * DAY


async def test_an_archive_that_is_away_stops_no_sealing_and_is_tried_again_by_itself(
    rig: Rig, tmp_path: Path
) -> None:
    folder = tmp_path / "archive"
    folder.write_text("in the way")
    work = work_of(rig, folder)
    running = asyncio.ensure_future(work.sealer.run_for_ever())
    await until_asleep(rig, count=1)
    await rig.clock.advance_to_ms(rig.clock.now_ms() + OFFSET_MS)
    await until_asleep(rig, count=2)
    assert work.archiver.job is not None
    assert work.archiver.job.failed
    assert (await rig.stored())[1] >= MIDNIGHT - DAY, "sealed all the same"
    folder.unlink()
    await rig.clock.advance_to_ms(rig.clock.now_ms() + RETRY_MIN_MS)
    await asyncio.to_thread(arrived, folder)
    running.cancel()


async def until_asleep(rig: Rig, *, count: int) -> None:
    """Their threads are at work: let them."""
    while rig.clock.sleepers_count < count:
        await rig.clock.advance_to_ms(rig.clock.now_ms())


def arrived(folder: Path) -> None:
    while not folder.is_dir() or len(files(folder)) < DAYS - 1:
        pass


async def test_a_section_with_a_damaged_column_takes_nothing_sounds_place(
    rig: Rig, tmp_path: Path
) -> None:
    """What the archive has may be the last that is sound."""
    work = work_of(rig, tmp_path / "archive")
    await work.sealer.run_once()
    await rig.ledger.close()
    with sqlite3.connect(tmp_path / "data" / "sigmawatch.db") as file:
        file.execute("UPDATE section_columns SET body = zeroblob(40) WHERE rowid = 3")
    file.close()
    again = await SqliteLedger.open(tmp_path / "data", clock=rig.clock)
    rig.ledger = again
    work = work_of(rig, tmp_path / "archive")
    assert not await work.archiver.run_once()
    assert work.archiver.job is not None
    assert "damaged" in str(work.archiver.job.reason)
    assert len(files(tmp_path / "archive")) == DAYS - 2
    await again.close()


def test_a_coarse_candle_is_one_row_with_its_span() -> None:
    """SEMANTICS.md 2: "never drawn or exported as minutes"."""
    block = Block(id=1, venue="KRAKEN", metric="traded_quote", interval=MINUTE)
    values = np.full((DAY, 1), 2.0)
    marks = np.zeros((DAY, 1), np.uint8)
    marks[5:10] = Flag.FILLED | Flag.COARSE
    none = np.zeros((DAY, 1), np.int64)
    whole = Folded(
        section=Section(block=block, from_slot=20_000 * DAY), revision=1, through_id=1,
        series_ids=(3,), values=values, marks=marks, sources=none, receipts=none[:, 0],
    )  # fmt: skip
    rows = rows_of(whole, 0, name="KRAKEN:BTC/USD:traded_quote")
    assert len(rows.value) == DAY - 4
    assert (rows.value[5], rows.span[5], rows.marks[5]) == (10.0, "5m", "coarse filled")
    assert (rows.value[6], rows.span[6]) == (2.0, "")
    assert rows.time_ms[6] - rows.time_ms[5] == 5 * MINUTE.ms
