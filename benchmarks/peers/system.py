"""What one system is to the comparison, and what those that speak SQL share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from shutil import which
from typing import Any, ClassVar

import numpy as np
from benchmarks.peers.answers import COLUMNS, RANKS, Answer
from benchmarks.peers.tape import HOUR, Column, Task, log_returns

BATCH_ROWS = 2_000_000


class System(ABC):
    """One system with the history of one task, and the slots that follow.

    title: as the table has it. durable: a slot is on disk, synced, when `slot` returns. modules and
    programs: what must be installed. note: what a reader must know of how it is used.
    """

    title: ClassVar[str]
    durable: ClassVar[bool] = False
    modules: ClassVar[Sequence[str]] = ()
    programs: ClassVar[Sequence[str]] = ()
    note: ClassVar[str] = ""
    days: ClassVar[Mapping[int, int]] = {}  # series -> minutes of history, where less than a day
    count_max: ClassVar[int] = 10**9

    def __init__(self, folder: Path, task: Task) -> None:
        """folder: empty, its own, removed afterwards."""
        self.folder, self.task = folder, task

    @classmethod
    def missing(cls) -> str:
        """What is not installed; empty where everything is."""
        modules = [name for name in cls.modules if find_spec(name) is None]
        programs = [name for name in cls.programs if which(name) is None]
        return ", ".join((*modules, *programs))

    @abstractmethod
    def version(self) -> str: ...

    @abstractmethod
    def load(self, rows: Iterable[tuple[int, Column]]) -> None:
        """Take the history in."""

    @abstractmethod
    def slot(self, slot: int, values: Column) -> Answer:
        """Take one minute in and answer: this is what is timed."""

    @abstractmethod
    def stored_bytes(self) -> int:
        """What the values take on disk, or in memory where they are nowhere else."""

    def server_pids(self) -> Sequence[int]:
        """Processes that work for this one and are not its children."""
        return ()

    def close(self) -> None:  # noqa: B027 - most have nothing to do
        """Give everything back."""


class WithReturns(System):
    """A store that is given each value with its log return, worked out as it arrives: what a
    good engineer does before asking a database for a window function over a day of rows."""

    _before: Column | None = None

    def columns(self, slot: int, values: Column) -> dict[str, Any]:
        """slot, id, value and ret of what is present; ret is NaN for the first of a series."""
        ret = log_returns(self._before, values)
        self._before = values
        present = np.flatnonzero(~np.isnan(values))
        return {
            "slot": np.full(len(present), slot, np.int32),
            "id": present.astype(np.int32),
            "value": values[present],
            "ret": ret[present],
        }

    def batches(self, rows: Iterable[tuple[int, Column]]) -> Iterator[dict[str, Any]]:
        """As `columns`, of several slots together: some million rows at a time."""
        held: list[dict[str, Any]] = []
        for slot, values in rows:
            held.append(self.columns(slot, values))
            if len(held) * self.task.count >= BATCH_ROWS:
                yield _joined(held)
                held = []
        if held:
            yield _joined(held)


def _joined(held: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {name: np.concatenate([one[name] for one in held]) for name in held[0]}


def stddev_pop(value: str) -> str:
    return f"stddev_pop({value})"


def window_sql(
    task: Task,
    last: int,
    *,
    deviation: Callable[[str], str] = stddev_pop,
    samples: str = "samples",
) -> str:
    """The whole answer of one slot as one statement; a column for each of COLUMNS, then whether
    the series broke out, in the order of ids. ret is NULL where there is none. deviation: the SQL
    of a population σ. samples: where the last hour is read from."""
    first = last - task.day + 1
    in_hour = f"CASE WHEN slot > {last - HOUR} THEN value END"
    return f"""
        WITH day AS (
            SELECT id, count(*) AS n, avg(value) AS mean, {deviation("value")} AS sigma_abs,
                   {deviation(f"CASE WHEN slot > {first} THEN ret END")} * sqrt({task.day})
                       AS sigma_ret
            FROM samples WHERE slot BETWEEN {first} AND {last} GROUP BY id
        ), hour AS (
            SELECT id, count({in_hour}) AS n_1h, avg({in_hour}) AS mean_1h,
                   {deviation(in_hour)} AS sigma_1h,
                   avg(CASE WHEN slot < {last} THEN value END) AS before,
                   max(CASE WHEN slot = {last} THEN value END) AS latest
            FROM {samples} WHERE slot BETWEEN {last - HOUR} AND {last} GROUP BY id
        )
        SELECT n, n_1h, mean, sigma_abs, sigma_abs / abs(mean) AS sigma_rel, sigma_ret,
               mean_1h, sigma_1h,
               rank() OVER (ORDER BY sigma_abs DESC) AS rank_abs,
               rank() OVER (ORDER BY sigma_abs / abs(mean) DESC) AS rank_rel,
               rank() OVER (ORDER BY sigma_ret DESC) AS rank_ret,
               coalesce(latest > 3 * before, FALSE) AS broke_out
        FROM day JOIN hour USING (id) ORDER BY id
    """


def answer_of(columns: Sequence[Any]) -> Answer:
    """From the columns of `window_sql`, each anything that NumPy takes."""
    arrays = [np.asarray(column) for column in columns]
    named = dict(zip(COLUMNS, arrays[:-1], strict=True))
    whole = {name: named[name].astype(np.int64) for name in ("n", "n_1h", *RANKS)}
    return Answer(columns={**named, **whole}, breakouts=np.flatnonzero(arrays[-1]))


def folder_bytes(folder: Path) -> int:
    """What a folder takes; a file with several names once."""
    files = (path.stat() for path in folder.rglob("*") if path.is_file())
    return sum({file.st_ino: file.st_size for file in files}.values())
