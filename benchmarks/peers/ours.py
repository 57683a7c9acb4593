"""Sigmawatch: the real series table with its gate, close, rankings and a rule, and the real ledger.

More than the others are asked for happens in the same time: bad ticks are held back, freshness
states, minima, maxima, changes and surges are worked out, who may not be ranked is told why.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.peers.answers import RANKS, Answer
from benchmarks.peers.system import System, folder_bytes
from benchmarks.peers.tape import Column, Task
from benchmarks.shared.judging import Judge
from benchmarks.shared.world import MINUTE, batches, enrolled, frames, opened, stored

from sigmawatch import __version__
from sigmawatch.domain.frame import Frame
from sigmawatch.domain.window import HOUR_MS
from sigmawatch.engine.snapshot import Board, Layout
from sigmawatch.engine.table import SeriesTable

RULE = "price > 3 * mean(1h)"


class Sigmawatch(System):
    title = "Sigmawatch, in memory"
    note = "gate, table, rankings, rule; everything but the commit"

    def __init__(self, folder: Path, task: Task) -> None:
        super().__init__(folder, task)
        self._table = SeriesTable(MINUTE, windows_ms=(task.day * MINUTE.ms, HOUR_MS))
        blocks, series = enrolled(task.count)
        for block in blocks:
            self._table.add_block(block)
        self._table.add_all(series)
        self._judge = Judge([RULE])
        self._layout: Layout | None = None
        self._order = np.zeros(0, np.intp)

    def version(self) -> str:
        return __version__

    def load(self, rows: Iterable[tuple[int, Column]]) -> None:
        for items in batches(rows):
            self._restore(items)

    def _restore(self, items: Sequence[Frame]) -> None:
        self._table.restore(items)

    def slot(self, slot: int, values: Column) -> Answer:
        items = [one for frame in frames(slot, values) for one in self._table.gate(frame)]
        self._commit(items)
        for one in items:
            self._table.apply(one)
        board = self._table.close(slot)
        return self._answer(board, self._judge.verdicts(self._table, board)[0])

    def _commit(self, items: Sequence[Any]) -> None:
        """Nothing is kept but the table."""

    def _answer(self, board: Board, verdict: Any) -> Answer:
        """In the order of the tape. Ids begin with 1."""
        if board.layout is not self._layout:
            self._layout, self._order = board.layout, np.argsort(board.layout.ids)
        order = self._order
        day, hour = board.statistics[self.task.day * MINUTE.ms], board.statistics[HOUR_MS]
        columns: dict[str, Any] = {
            "n": day.n, "n_1h": hour.n, "mean": day.mean, "sigma_abs": day.sigma_abs,
            "sigma_rel": day.sigma_rel, "sigma_ret": day.sigma_ret,
            "mean_1h": hour.mean, "sigma_1h": hour.sigma_abs,
        }  # fmt: skip
        for name, key in RANKS.items():
            columns[name] = board.ranking("price", key, window_ms=day.window_ms).rank
        return Answer(
            columns={name: column[order] for name, column in columns.items()},
            breakouts=np.flatnonzero((verdict == 1)[order]),
        )

    def stored_bytes(self) -> int:
        """The ring's: a number and a mark for every slot it holds."""
        return (8 + 1) * self.task.count * (self.task.day + 3)


class Durable(Sigmawatch):
    title = "Sigmawatch"
    durable = True
    note = "the same with its one transaction, synced, before anything is applied"

    def __init__(self, folder: Path, task: Task) -> None:
        super().__init__(folder, task)
        self._loop = asyncio.new_event_loop()
        self._ledger = self._loop.run_until_complete(opened(folder / "data", task.count))

    def _restore(self, items: Sequence[Frame]) -> None:
        self._commit(items)
        super()._restore(items)

    def _commit(self, items: Sequence[Any]) -> None:
        self._loop.run_until_complete(stored(self._ledger, items))

    def stored_bytes(self) -> int:
        return folder_bytes(self.folder)

    def close(self) -> None:
        self._loop.run_until_complete(self._ledger.close())
        self._loop.close()
