"""What was sealed and is not found is missed; what nobody sealed, or age has taken, is not
(RELIABILITY.md P07)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import apsw
import numpy as np
import pytest
from tests.contracts.samples import MINUTE, track
from tests.ledgers.sealed_days import DAY, DAYS, END, FIRST, filled

from sigmawatch.adapters.clock import VirtualClock
from sigmawatch.adapters.ledgers.ledger import SqlLedger
from sigmawatch.adapters.ledgers.sqlite import SqliteLedger
from sigmawatch.app.sealing import seal
from sigmawatch.domain.frame import Reason
from sigmawatch.domain.series import Series
from sigmawatch.domain.window import DAY_MS, HOUR_MS

SECOND_DAY = FIRST + DAY


@asynccontextmanager
async def opened(folder: Path, *, now_ms: int = 0) -> AsyncIterator[SqlLedger]:
    ledger = await SqliteLedger.open(folder, clock=VirtualClock(now_ms))
    try:
        yield ledger
    finally:
        await ledger.close()


@pytest.fixture
async def folder(tmp_path: Path) -> Path:
    """Three sealed days of forty series."""
    await filled(tmp_path)
    async with opened(tmp_path) as ledger:
        [block] = await ledger.blocks()
        for section in await ledger.sealing.unsealed(block, before_ms=MINUTE.open_ms(END)):
            await seal(ledger.sealing, section)
        await ledger.sealing.clear(block, rows_max=1_000)
        await ledger.sealing.thin()
    return tmp_path


def cut(folder: Path, statement: str) -> None:
    """Do to a closed database what nobody should."""
    with apsw.Connection(str(folder / "sigmawatch.db")) as connection:
        connection.execute(statement)
        assert connection.changes() == 1


async def read(ledger: SqlLedger, series_id: int) -> tuple[Series, np.ndarray]:
    """The series, and its marks after everything of it was read."""
    [one] = [each for each in await ledger.series() if each.id == series_id]
    found = await ledger.stretch(one, from_slot=FIRST, to_slot=END)
    await ledger.rollups(
        one, width_ms=HOUR_MS, from_ms=MINUTE.open_ms(FIRST), to_ms=MINUTE.open_ms(END)
    )
    return one, np.frombuffer(found.marks, np.uint8)


async def test_a_column_that_is_not_found_is_named_and_its_day_marked_as_damaged(
    folder: Path,
) -> None:
    cut(folder, f"DELETE FROM section_columns WHERE series_id = 3 AND from_slot = {SECOND_DAY}")
    async with opened(folder) as ledger:
        _, marks = await read(ledger, 3)
        assert (marks[DAY : 2 * DAY] == Reason.DAMAGED).all()
        assert not (marks[:DAY] == Reason.DAMAGED).any()
        [damage] = ledger.damage
        assert (damage.series_id, damage.from_ms, damage.reason) == (
            3, MINUTE.open_ms(SECOND_DAY), "it is missing"
        )  # fmt: skip


async def test_runs_that_are_not_found_are_named(folder: Path) -> None:
    begin = MINUTE.open_ms(SECOND_DAY)
    cut(folder, f"DELETE FROM rollups WHERE series_id = 4 AND from_ms = {begin}")
    async with opened(folder) as ledger:
        await read(ledger, 4)
        [damage] = ledger.damage
        assert (damage.series_id, damage.from_ms, damage.until_ms) == (4, begin, begin + DAY_MS)


async def test_runs_are_not_bound_without_one_that_is_missing(folder: Path) -> None:
    """Else nobody would ever miss it again."""
    cut(folder, f"DELETE FROM rollups WHERE series_id = 4 AND from_ms = "
                f"{MINUTE.open_ms(SECOND_DAY)}")  # fmt: skip
    async with opened(folder) as ledger:
        [block] = await ledger.blocks()
        await ledger.sealing.bind(block, before_ms=MINUTE.open_ms(END + 60 * DAY), rows_max=1_000)
        await read(ledger, 4)
        assert [one.series_id for one in ledger.damage] == [4]
        await read(ledger, 5)
        assert len(ledger.damage) == 1


async def test_what_age_has_taken_is_missed_by_nobody(folder: Path) -> None:
    async with opened(folder) as ledger:
        gone_ms = MINUTE.open_ms(FIRST + (DAYS - 1) * DAY)
        await ledger.prune(before_ms=gone_ms, rows_max=10_000, rollups_before_ms={HOUR_MS: gone_ms})
        await read(ledger, 3)
        assert not ledger.damage


async def test_a_day_cut_off_while_age_takes_it_is_no_damage(folder: Path) -> None:
    async with opened(folder) as ledger:
        await ledger.prune(before_ms=MINUTE.open_ms(FIRST + DAY), rows_max=7)
        await read(ledger, 1)
        assert not ledger.damage


async def test_who_came_later_was_never_sealed_and_is_not_missed(folder: Path) -> None:
    async with opened(folder, now_ms=MINUTE.open_ms(END + 10)) as ledger:
        [late] = await track(ledger, "LATE")
        one, marks = await read(ledger, late)
        assert one.block_id == 1
        assert not ledger.damage
        assert not (marks == Reason.DAMAGED).any()
