"""The archive: every sealed day as a Parquet file, whole or not there, written again when it
changed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from pathlib import Path

import numpy as np
import pytest
from pyarrow import parquet  # type: ignore[import-untyped]
from tests.app.test_sealing import DAY, DAYS, MINUTE, NOW, Rig, rigged

from sigmawatch.adapters.archives.parquet import ParquetArchive
from sigmawatch.app.archiving import rows_of
from sigmawatch.app.config import HistoryConfig
from sigmawatch.app.sealing import Sealer, Stores
from sigmawatch.domain.errors import Refused
from sigmawatch.domain.frame import Flag, Patch
from sigmawatch.domain.series import Block
from sigmawatch.ports.history import Folded, Section
from sigmawatch.ports.table import RecordRows

FIRST = NOW - DAYS * DAY


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with rigged(tmp_path, HistoryConfig(raw_days=4)) as made:
        yield made


def sealer(rig: Rig, archive: ParquetArchive) -> Sealer:
    return Sealer(
        Stores(history=rig.ledger, sealing=rig.ledger.sealing, archive=archive),
        catalogue=rig.catalogue, config=HistoryConfig(raw_days=4), clock=rig.clock,
    )  # fmt: skip


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


async def test_every_sealed_day_is_a_file_that_another_program_reads(
    rig: Rig, tmp_path: Path
) -> None:
    folder = tmp_path / "archive"
    await sealer(rig, ParquetArchive(folder)).run_once()
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
    work = sealer(rig, ParquetArchive(folder))
    await work.run_once()
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
    await work.run_once()
    changed = set(files(folder)) ^ set(before)
    assert {name.rpartition(".r")[2] for name in changed} == {"1.parquet", "2.parquet"}
    assert len(files(folder)) == len(before)
    assert (await work.run_once()) is None
    assert set(files(folder)) ^ set(before) == changed


async def test_what_was_cut_off_is_written_again_and_nothing_goes_before_it_is_archived(
    rig: Rig, tmp_path: Path
) -> None:
    """RELIABILITY.md: never delete what is nowhere else."""
    (tmp_path / "archive").write_text("a file where the folder should be")
    work = sealer(rig, ParquetArchive(tmp_path / "archive"))
    await work.run_once()
    oldest_ms = await rig.ledger.oldest_ms(rig.series)
    assert oldest_ms is not None
    assert oldest_ms <= MINUTE.open_ms(FIRST), "slots of nine days are there, four are kept"
    (tmp_path / "archive").unlink()
    await work.run_once()
    assert len(files(tmp_path / "archive")) == DAYS - 1
    oldest_ms = await rig.ledger.oldest_ms(rig.series)
    assert oldest_ms is not None
    assert oldest_ms > MINUTE.open_ms(NOW - 6 * DAY)


async def test_a_file_that_cannot_be_written_whole_is_not_there(tmp_path: Path) -> None:
    block = Block(id=1, venue="KRAKEN", metric="price", interval=MINUTE)
    section = Section(block=block, from_slot=20_000 * DAY)
    archive = ParquetArchive(tmp_path)

    def torn() -> Iterable[RecordRows]:
        yield RecordRows(series_id=1, name="KRAKEN:BTC/USD:price", time_ms=np.zeros(2, np.int64),
                         value=np.zeros(2), marks=["", ""], span=["", ""])  # fmt: skip
        raise Refused("the disk is gone")

    with pytest.raises(Refused):
        await archive.store(section, torn(), revision=1)
    assert files(tmp_path) == []
    assert not await archive.holds(section, revision=1)


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


async def test_parquet_pages_carry_checksums(rig: Rig, tmp_path: Path) -> None:
    folder = tmp_path / "archive"
    await sealer(rig, ParquetArchive(folder)).run_once()
    path = next(folder.rglob("*.parquet"))
    column = parquet.read_metadata(path).row_group(0).column(3)
    at, whole = column.data_page_offset + column.total_compressed_size // 2, path.read_bytes()
    path.write_bytes(whole[:at] + bytes([whole[at] ^ 8]) + whole[at + 1 :])
    with pytest.raises(OSError, match="could not verify page integrity"):
        parquet.read_table(path, page_checksum_verification=True)
