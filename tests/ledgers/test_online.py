"""The online copy of a file that grows meanwhile: it ends, and holds what was committed."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import apsw
import pytest

from sigmawatch.adapters.ledgers.connection import PAGE_BYTES
from sigmawatch.adapters.ledgers.copies import part_of
from sigmawatch.adapters.ledgers.online import STEP_PAGES, Pace, copy_online

FIRST_PAGES = 300
GROWTH = 2 * STEP_PAGES  # pages before each step: small steps would never reach the end
TURNS_MAX = 200


class Growing:
    """A database that is written to before every turn of somebody else."""

    def __init__(self, path: Path) -> None:
        self.connection = apsw.Connection(str(path))
        self.connection.pragma("page_size", PAGE_BYTES)
        self.connection.pragma("journal_mode", "wal")
        self.connection.execute("CREATE TABLE t (body)")
        self.rows_count = self.turns_count = 0
        self.grow(FIRST_PAGES)

    def grow(self, pages: int) -> None:
        with self.connection:
            for _ in range(pages):
                self.connection.execute("INSERT INTO t VALUES (?)", (bytes(PAGE_BYTES - 200),))
        self.rows_count += pages

    async def turn(self, work: Callable[[apsw.Connection], Any], /) -> Any:
        self.turns_count += 1
        assert self.turns_count < TURNS_MAX, "the copy has no end"
        self.grow(GROWTH)
        return work(self.connection)


async def test_a_copy_ends_though_more_is_written_than_a_step_copies(tmp_path: Path) -> None:
    part = part_of(tmp_path / "copy.db")
    growing = Growing(tmp_path / "source.db")
    told: list[tuple[int, int]] = []
    await copy_online(growing.turn, part, told=lambda done, total: told.append((done, total)))
    growing.connection.close()
    assert told[-1][0] == told[-1][1] > FIRST_PAGES
    with closing(apsw.Connection(str(part))) as copy:
        assert copy.pragma("integrity_check") == "ok"
        [(rows_count,)] = copy.execute("SELECT count(*) FROM t")
    assert FIRST_PAGES < rows_count <= growing.rows_count


@pytest.mark.parametrize(
    ("growth", "pages"), [(0, STEP_PAGES), (STEP_PAGES // 4, STEP_PAGES), (40, 4 * STEP_PAGES)]
)
def test_steps_grow_only_where_the_copy_falls_behind(growth: int, pages: int) -> None:
    pace, remaining = Pace(), 10_000
    while remaining > 0:
        remaining = max(remaining + growth - pace.pages, 0)
        pace.went(remaining)
    assert pace.pages <= pages
    assert (pace.pages > STEP_PAGES) == (growth > STEP_PAGES // 2)
