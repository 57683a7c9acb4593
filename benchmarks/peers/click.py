"""ClickHouse, embedded (chdb): a MergeTree, one insert and one query a slot."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.peers.answers import Answer
from benchmarks.peers.duck import arrow_table
from benchmarks.peers.system import WithReturns, answer_of, folder_bytes, window_sql
from benchmarks.peers.tape import Column, Task


class ClickHouse(WithReturns):
    title = "ClickHouse (chdb)"
    durable = True
    note = "MergeTree, two threads, fsync after insert; the log return is stored beside the value"
    modules = ("chdb", "pyarrow")

    def __init__(self, folder: Path, task: Task) -> None:
        super().__init__(folder, task)
        self._session = import_module("chdb.session").Session(str(folder / "chdb"))
        self._session.query("SET max_threads = 2")
        self._session.query("CREATE DATABASE IF NOT EXISTS bench ENGINE = Atomic")
        self._session.query("USE bench")
        self._session.query("""
            CREATE TABLE samples (
                slot UInt32 CODEC(DoubleDelta, LZ4), id UInt32 CODEC(Delta, LZ4),
                value Float64 CODEC(Gorilla, LZ4), ret Nullable(Float64)
            ) ENGINE = MergeTree ORDER BY (slot, id)
            SETTINGS fsync_after_insert = 1
        """)

    def version(self) -> str:
        return str(self._session.query("SELECT version()", "TabSeparated")).strip()

    def load(self, rows: Iterable[tuple[int, Column]]) -> None:
        for batch in self.batches(rows):
            self._insert(batch)

    def _insert(self, batch: Mapping[str, Any]) -> None:
        table = arrow_table(batch)  # noqa: F841 - the query finds it by its name
        self._session.query("INSERT INTO samples SELECT * FROM Python(table)")

    def slot(self, slot: int, values: Column) -> Answer:
        self._insert(self.columns(slot, values))
        query = window_sql(self.task, slot, deviation=stable)
        found = self._session.query(query, "ArrowTable")
        return answer_of([column.to_numpy(zero_copy_only=False) for column in found.columns])

    def stored_bytes(self) -> int:
        return folder_bytes(self.folder)

    def close(self) -> None:
        self._session.close()


def stable(value: str) -> str:
    """Welford's way; their plain `stddevPop` subtracts sums of squares."""
    return f"stddevPopStable({value})"
