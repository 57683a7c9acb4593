"""The series table alone, without a database: one slot after the other, and the rules.

    python -m benchmarks.budget.alone COUNT SLOTS          prints one JSON object

For sizes whose history nobody keeps on disk. Times are wall time, as in benchmarks.budget.living.
"""

from __future__ import annotations

import json
import sys
import time
from itertools import islice
from typing import Any

from benchmarks.peers.tape import Task
from benchmarks.shared.judging import TEN, Judge
from benchmarks.shared.machine import peak_bytes, resident_bytes
from benchmarks.shared.world import MINUTE, batches, enrolled, frames

from sigmawatch.engine.table import SeriesTable


def main(arguments: list[str]) -> None:
    count, slots = map(int, arguments)
    task = Task(count=count, repeats=slots + 1)
    rows = task.rows()
    table = loaded(count, islice(rows, task.day))
    judge = Judge(TEN)
    told = [slot(table, judge, each) for each in rows][1:]
    names = {name: [one[name] for one in told] for name in told[0]}
    print(json.dumps({**names, "memory_bytes": resident_bytes(), "peak_bytes": peak_bytes()}))


def loaded(count: int, rows: Any) -> SeriesTable:
    """A table with the history of `rows`."""
    table = SeriesTable(MINUTE)
    blocks, series = enrolled(count)
    for block in blocks:
        table.add_block(block)
    table.add_all(series)
    for items in batches(rows):
        table.restore(items)
    return table


def slot(table: SeriesTable, judge: Judge, row: Any) -> dict[str, float]:
    """Milliseconds of one slot, by part."""
    items = frames(*row)
    begun = time.perf_counter()
    for frame in items:
        for item in table.gate(frame):
            table.apply(item)
    taken = time.perf_counter()
    board = table.close(row[0])
    closed = time.perf_counter()
    judge.verdicts(table, board)
    judged = time.perf_counter()
    return {
        "taken_ms": 1_000 * (taken - begun), "closed_ms": 1_000 * (closed - taken),
        "judged_ms": 1_000 * (judged - closed), "slot_ms": 1_000 * (judged - begun),
    }  # fmt: skip


if __name__ == "__main__":
    main(sys.argv[1:])
