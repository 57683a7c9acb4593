"""SQLite: a table clustered by series, one transaction and one statement a slot."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from benchmarks.peers.answers import Answer
from benchmarks.peers.system import WithReturns, answer_of, folder_bytes, window_sql
from benchmarks.peers.tape import Column, Task, log_returns

SETTINGS = """
    PRAGMA page_size = 8192; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
    PRAGMA cache_size = -1000000; PRAGMA mmap_size = 30000000000; PRAGMA temp_store = MEMORY;
"""
SCHEMA = """
    CREATE TABLE samples (id INTEGER, slot INTEGER, value REAL, ret REAL, PRIMARY KEY (id, slot))
        WITHOUT ROWID;
    CREATE TABLE ids (id INTEGER PRIMARY KEY);
"""
Row = tuple[int, int, float, float | None]


class Sqlite(WithReturns):
    """By time the insert would be faster, but the query would sort a day of rows: at 2,000 series
    three times as slow in all."""

    title = "SQLite"
    durable = True
    note = (
        "clustered by series, WAL, synchronous=FULL; σ from sums of squares, as it has no other: "
        "digits are lost where a price hardly moves"
    )
    modules = ("apsw",)
    days: ClassVar = {100_000: 360}

    def __init__(self, folder: Path, task: Task) -> None:
        super().__init__(folder, task)
        self._connection = import_module("apsw").Connection(str(folder / "samples.sqlite"))
        self._connection.execute(SETTINGS + SCHEMA).fetchall()

    def version(self) -> str:
        return str(import_module("apsw").sqlite_lib_version())

    def load(self, rows: Iterable[tuple[int, Column]]) -> None:
        """In the order of the table: page after page is written once."""
        held = list(rows)
        slots = [slot for slot, _ in held]
        table = np.array([values for _, values in held]).T
        self._before = held[-1][1]
        with self._connection:
            ids = ((index,) for index in range(self.task.count))
            self._connection.executemany("INSERT INTO ids VALUES (?)", ids)
            for index, values in enumerate(table):
                self._insert(_rows([index] * len(slots), slots, values, _returns(values)))

    def _insert(self, rows: Iterable[Row]) -> None:
        self._connection.executemany("INSERT INTO samples VALUES (?, ?, ?, ?)", rows)

    def slot(self, slot: int, values: Column) -> Answer:
        batch = {name: column.tolist() for name, column in self.columns(slot, values).items()}
        with self._connection:
            self._insert(_rows(batch["id"], batch["slot"], batch["value"], batch["ret"]))
        query = window_sql(
            self.task, slot, deviation=root_of_sums, samples="ids CROSS JOIN samples USING (id)"
        )
        found = self._connection.execute(query).fetchall()
        return answer_of(list(zip(*found, strict=True)))

    def stored_bytes(self) -> int:
        return folder_bytes(self.folder)

    def close(self) -> None:
        self._connection.close()


def root_of_sums(value: str) -> str:
    """√(mean of squares - square of mean)."""
    return f"sqrt(max(avg(({value}) * ({value})) - avg({value}) * avg({value}), 0))"


def _returns(values: Column) -> Column:
    return np.append(np.nan, log_returns(values[:-1], values[1:]))


def _rows(ids: Any, slots: Any, values: Any, returns: Any) -> Iterator[Row]:
    """What is present; a return that is missing is NULL."""
    for row in zip(ids, slots, map(float, values), map(float, returns), strict=True):
        if row[2] == row[2]:
            yield row if row[3] == row[3] else (*row[:3], None)
