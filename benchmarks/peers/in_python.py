"""Without a database: the standard library a series at a time, NumPy and pandas a table at once."""

from __future__ import annotations

import math
import statistics
from collections import deque
from collections.abc import Iterable
from importlib import import_module
from itertools import pairwise
from typing import Any

import numpy as np
from benchmarks.peers.answers import COLUMNS, RANKS, Answer, ranks_of, reference
from benchmarks.peers.system import System
from benchmarks.peers.tape import HOUR, Column, log_returns


class Numpy(System):
    """Every statistic anew from a table in memory."""

    title = "NumPy, everything anew"
    note = "one thread; the answers it gives are what all others are checked against"

    def version(self) -> str:
        return np.__version__

    def load(self, rows: Iterable[tuple[int, Column]]) -> None:
        day, repeats = self.task.day, self.task.repeats
        self._rows, self._returns = np.full((2, day + repeats, self.task.count), np.nan)
        self._count = 0
        for _, values in rows:
            self._put(values)

    def _put(self, values: Column) -> None:
        self._rows[self._count] = values
        if self._count:
            self._returns[self._count] = log_returns(self._rows[self._count - 1], values)
        self._count += 1

    def slot(self, slot: int, values: Column) -> Answer:
        self._put(values)
        window = slice(self._count - self.task.day, self._count)
        return reference(self._rows[window], self._returns[window])

    def stored_bytes(self) -> int:
        return self._rows.nbytes + self._returns.nbytes


class Pandas(Numpy):
    """A frame with a column for each series, and its own mean, std and rank."""

    title = "pandas"
    note = "a frame of minutes by series; its mean, std and rank"
    modules = ("pandas",)

    def version(self) -> str:
        return str(import_module("pandas").__version__)

    def slot(self, slot: int, values: Column) -> Answer:
        self._put(values)
        pandas = import_module("pandas")
        frame = pandas.DataFrame(self._rows[: self._count], copy=False)
        day, hour = frame.iloc[-self.task.day :], frame.iloc[-HOUR:]
        mean, sigma, mean_1h = day.mean(), day.std(ddof=0), hour.mean()
        returns = pandas.DataFrame(self._returns[: self._count], copy=False).iloc[1 - len(day) :]
        columns: dict[str, Any] = {
            "n": day.count(), "n_1h": hour.count(), "mean": mean, "sigma_abs": sigma,
            "sigma_rel": sigma / mean.abs(),
            "sigma_ret": returns.std(ddof=0) * math.sqrt(len(day)),
            "mean_1h": mean_1h, "sigma_1h": hour.std(ddof=0),
        }  # fmt: skip
        for name, key in RANKS.items():
            ranks = columns[key].rank(ascending=False, method="min")
            columns[name] = ranks.astype(np.int64)
        before = frame.iloc[-HOUR - 1 : -1].mean()
        return Answer(
            columns={name: columns[name].to_numpy() for name in COLUMNS},
            breakouts=np.flatnonzero((frame.iloc[-1] > 3.0 * before).to_numpy()),
        )


class Statistics(System):
    """How the small trackers before us did it: `statistics.pstdev` over a deque a series."""

    title = "Python statistics"
    note = "`statistics.pstdev` and `fmean` over a deque a series"
    SAMPLE = 1_000

    def version(self) -> str:
        return ".".join(import_module("platform").python_version_tuple())

    def load(self, rows: Iterable[tuple[int, Column]]) -> None:
        self._count = min(self.task.count, self.SAMPLE)
        self._held: list[deque[float]] = [
            deque(maxlen=self.task.day + 1) for _ in range(self._count)
        ]
        for _, values in rows:
            self._put(values)

    def _put(self, values: Column) -> None:
        for held, value in zip(self._held, values[: self._count].tolist(), strict=True):
            held.append(value)

    def slot(self, slot: int, values: Column) -> Answer:
        self._put(values)
        table = [self._one(list(held)) for held in self._held]
        names = [name for name in COLUMNS if name not in RANKS]
        columns: dict[str, Any] = {
            name: np.array(column)
            for name, column in zip(names, list(zip(*table, strict=True))[:-1], strict=True)
        }
        columns |= {name: ranks_of(columns[key]) for name, key in RANKS.items()}
        broke = [index for index, row in enumerate(table) if row[-1]]
        sampled = self._count if self._count < self.task.count else None
        return Answer(columns=columns, breakouts=np.array(broke, np.int64), sampled=sampled)

    def _one(self, held: list[float]) -> tuple[float | bool, ...]:
        window = held[-self.task.day :]
        day = [value for value in window if value == value]  # noqa: PLR0124 - NaN is not
        hour = [value for value in held[-HOUR:] if value == value]  # noqa: PLR0124
        before = [value for value in held[-HOUR - 1 : -1] if value == value]  # noqa: PLR0124
        moves = [math.log1p((b - a) / a) for a, b in pairwise(window) if a == a and b == b]  # noqa: PLR0124
        mean, sigma = statistics.fmean(day), statistics.pstdev(day)
        mean_1h, sigma_1h = statistics.fmean(hour), statistics.pstdev(hour)
        sigma_ret = statistics.pstdev(moves) * math.sqrt(len(window))
        return (len(day), len(hour), mean, sigma, sigma / abs(mean), sigma_ret,
                mean_1h, sigma_1h, held[-1] > 3.0 * statistics.fmean(before))  # fmt: skip

    def stored_bytes(self) -> int:
        return 32 * self._count * self.task.day  # a float object and the place that points to it
