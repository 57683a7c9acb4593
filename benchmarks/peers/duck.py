"""DuckDB: a columnar table in time order; each slot one Arrow batch in and one statement out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.peers.answers import Answer
from benchmarks.peers.system import WithReturns, answer_of, folder_bytes, window_sql
from benchmarks.peers.tape import Column, Task


class Duck(WithReturns):
    title = "DuckDB, in memory"
    note = "two threads; the log return is stored beside the value"
    modules = ("duckdb", "pyarrow")

    def __init__(self, folder: Path, task: Task) -> None:
        super().__init__(folder, task)
        self._connection = import_module("duckdb").connect(self._database(), config={"threads": 2})
        self._connection.execute(
            "CREATE TABLE samples (slot INTEGER, id INTEGER, value DOUBLE, ret DOUBLE)"
        )

    def _database(self) -> str:
        return ":memory:"

    def version(self) -> str:
        return str(import_module("duckdb").__version__)

    def load(self, rows: Iterable[tuple[int, Column]]) -> None:
        for batch in self.batches(rows):
            self._insert(batch)

    def _insert(self, batch: Mapping[str, Any]) -> None:
        self._connection.register("batch", arrow_table(batch))
        self._connection.execute("INSERT INTO samples SELECT * FROM batch")

    def slot(self, slot: int, values: Column) -> Answer:
        self._insert(self.columns(slot, values))
        found = self._connection.execute(window_sql(self.task, slot)).fetchnumpy()
        return answer_of(list(found.values()))

    def stored_bytes(self) -> int:
        """In memory nothing is compressed: the columns' widths."""
        size = 4 + 4 + 8 + 8
        return size * int(self._connection.sql("SELECT count(*) FROM samples").fetchall()[0][0])

    def close(self) -> None:
        self._connection.close()


class DuckOnDisk(Duck):
    title = "DuckDB, on disk"
    durable = True

    def _database(self) -> str:
        return str(self.folder / "samples.duckdb")

    def stored_bytes(self) -> int:
        self._connection.execute("CHECKPOINT")
        return folder_bytes(self.folder)


def arrow_table(batch: Mapping[str, Any]) -> Any:
    """An Arrow table over the arrays; NaN is NULL."""
    arrow = import_module("pyarrow")
    return arrow.table({name: arrow.array(it, from_pandas=True) for name, it in batch.items()})
