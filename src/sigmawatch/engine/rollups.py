"""Rollups: runs of slots of one series, each told by its moments, so that years stay exact.

A rollup holds what a statistic over its slots needs: how many values, least, greatest, first, last,
total, the mean and the sum of squared deviations, and, of a level, the same of the log returns
between its neighbouring slots. The mean is kept above the least value, so a quiet series at a high
level loses no digits. The return across the boundary of two rollups needs no room: where `edges`
says that the last slot of one and the first slot of the next hold values, it follows from `last`
and `first`.

Runs put together give the moments of all their slots (Chan, Golub and LeVeque, Stanford
STAN-CS-79-773, 1979, for many parts at once: m2 = Σ m2ᵢ + Σ nᵢ (meanᵢ - mean)²), so a deviation
over 30 days is that of its minutes to a rounding error. Imports engine.moments, engine.marks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from sigmawatch.domain.frame import REASON_MASK, Reason
from sigmawatch.engine.geometry import Column, Marks, Mask, Slots
from sigmawatch.engine.marks import counted, reasons_of, seams
from sigmawatch.engine.moments import log_returns

FIRST_SLOT, LAST_SLOT = 1, 2  # bits of `edges`
SEAM = np.uint8(Reason.SEAM)  # among `marks`: another source begins in the run
AT_ONCE_VALUES = 1 << 17  # a megabyte of them, and some as much beside it
_FLAGS = np.uint8(0xFF & ~REASON_MASK)
_AnyColumn = npt.NDArray[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollups:
    """Runs of one series on the grid of `width_ms`, oldest first; a run without a value is absent.

    at: int64[k], ascending: run i is that part of [at width_ms, (at + 1) width_ms) which was asked
    for. n: values; low, high, first, last, total (their sum), mean (of value - low), m2; return_n,
    return_mean, return_m2: of the returns inside the run, 0 for flows; float64[k]. marks: uint8[k],
    the flags of all values or-ed together, and SEAM. edges: uint8[k], FIRST_SLOT and LAST_SLOT, 0
    for flows, and the first is not told of a seam: no return leads there.
    """

    width_ms: int
    at: Slots
    n: Column
    low: Column
    high: Column
    first: Column
    last: Column
    total: Column
    mean: Column
    m2: Column
    return_n: Column
    return_mean: Column
    return_m2: Column
    marks: Marks
    edges: Marks

    def __post_init__(self) -> None:
        assert all(len(getattr(self, name)) == len(self.at) for name in COLUMNS)
        assert (np.diff(self.at) > 0).all()
        assert (self.n > 0).all()

    def __len__(self) -> int:
        return len(self.at)

    @property
    def average(self) -> Column:
        """The mean itself; float64[k]."""
        return self.low + self.mean

    def picked(self, rows: Mask) -> Rollups:
        """The runs where `rows`, bool[k], says so."""
        columns = {name: getattr(self, name)[rows] for name in COLUMNS}
        return Rollups(width_ms=self.width_ms, **columns)

    @classmethod
    def of(cls, width_ms: int, columns: Mapping[str, _AnyColumn]) -> Rollups:
        """From one array a column, each of which becomes its column's type."""
        typed = {name: np.asarray(columns[name], dtype_of(name)) for name in COLUMNS}
        return cls(width_ms=width_ms, **typed)

    @classmethod
    def joined(cls, width_ms: int, parts: list[Rollups]) -> Rollups:
        """Several as one. Where two have the same run the later part stands."""
        columns = {
            name: np.concatenate([np.empty(0, dtype_of(name)), *(getattr(p, name) for p in parts)])
            for name in COLUMNS
        }
        _, newest = np.unique(columns["at"][::-1], return_index=True)
        rows = len(columns["at"]) - 1 - newest
        return cls.of(width_ms, {name: column[rows] for name, column in columns.items()})


COLUMNS = tuple(one.name for one in fields(Rollups) if one.name != "width_ms")


def dtype_of(column: str) -> np.dtype[Any]:
    """What a column is made of."""
    kinds = {"at": np.int64, "marks": np.uint8, "edges": np.uint8}
    return np.dtype(kinds.get(column, np.float64))


@dataclass(frozen=True, slots=True, kw_only=True)
class Slotted:
    """Slots of k series side by side: float64[slots, k] and uint8[slots, k] from `from_slot` on, as
    history tells them, suspect numbers included. levels: they have returns."""

    from_slot: int
    interval_ms: int
    values: Column
    marks: Marks
    levels: bool


def rolled_up(slots: Slotted, *, width_ms: int) -> list[Rollups]:
    """The runs of each of the k series on the grid of `width_ms`, a multiple of the interval; the
    first and the last one are parts where the slots begin or end inside a run. A series' numbers
    are added up along its own row, so they do not depend on which others stand beside it."""
    assert width_ms % slots.interval_ms == 0
    there = counted(reasons_of(slots.marks))
    values = np.ascontiguousarray(np.where(there, slots.values, np.nan).T)
    told = (slots.marks & _FLAGS) | np.where(seams(reasons_of(slots.marks)), SEAM, np.uint8(0))
    flags = np.ascontiguousarray(np.where(there, told, np.uint8(0)).T)
    of_run, stop = width_ms // slots.interval_ms, slots.from_slot + values.shape[1]
    at_once = max(1, AT_ONCE_VALUES // (len(values) * of_run or 1))
    rolled = []
    for first, end, runs in _spans(slots.from_slot, stop, of_run=of_run, at_once=at_once):
        part = slice(first - slots.from_slot, end - slots.from_slot)
        rolled.append(_side_by_side(values[:, part], flags[:, part], runs=runs,
                                    levels=slots.levels))  # fmt: skip
    if not rolled:
        return [Rollups.joined(width_ms, [])] * len(values)
    at = np.arange(slots.from_slot // of_run, -(-stop // of_run))
    columns = {
        name: np.concatenate([rows[name] for rows in rolled]) for name in COLUMNS if name != "at"
    }
    return [
        Rollups.of(width_ms, {"at": at[there]} | {n: c[there, k] for n, c in columns.items()})
        for k, there in enumerate((columns["n"] > 0).T)
    ]


def _spans(first: int, stop: int, *, of_run: int, at_once: int) -> Iterator[tuple[int, int, int]]:
    """The slots [first, stop) in parts, each with how many runs it is: whole ones up to `at_once`
    together, those that are cut off at either end alone."""
    while first < stop:
        whole = (stop - first) // of_run if first % of_run == 0 else 0
        runs = min(whole, at_once)
        end = first + runs * of_run if runs else min((first // of_run + 1) * of_run, stop)
        yield first, end, max(runs, 1)
        first = end


def _side_by_side(
    values: Column, flags: Marks, *, runs: int, levels: bool
) -> dict[str, _AnyColumn]:
    """Several runs of equal length of every series, [k, slots]: column -> [runs, k]. A run is a row
    like that of another series, so its numbers are those that it has alone."""
    rows = len(values) * runs, values.shape[1] // runs
    found = _rolled(values.reshape(rows), flags.reshape(rows), levels=levels)
    return {name: column.reshape(len(values), runs).T for name, column in found.items()}


def _rolled(values: Column, flags: Marks, *, levels: bool) -> dict[str, _AnyColumn]:
    """One run of every series, [k, slots]: column -> [k]."""
    present, every = np.isfinite(values), np.arange(len(values))
    returns = log_returns(values[:, :-1], values[:, 1:]) if levels else values[:, :0]
    torn = seams(reasons_of(flags))  # nothing crosses one
    if levels:
        returns[torn[:, 1:]] = np.nan
    n, low, mean, m2 = _two_passes(values)
    return_n, return_low, return_mean, return_m2 = _two_passes(returns)
    last = values.shape[1] - 1 - present[:, ::-1].argmax(axis=1)
    return {
        "n": n, "low": low, "high": np.fmax.reduce(values, axis=1),
        "first": values[every, present.argmax(axis=1)], "last": values[every, last],
        "total": np.add.reduce(np.where(present, values, 0.0), axis=1),
        "mean": mean, "m2": m2,
        "return_n": return_n, "return_mean": return_low + return_mean, "return_m2": return_m2,
        "marks": np.bitwise_or.reduce(flags, axis=1),
        "edges": levels * (FIRST_SLOT * (present[:, 0] & ~torn[:, 0]) + LAST_SLOT * present[:, -1]),
    }  # fmt: skip


def _two_passes(rows: Column) -> tuple[Column, Column, Column, Column]:
    """n, least value, mean (of value - least) and m2 of each row; float64[k], 0 without any."""
    present = np.isfinite(rows)
    n = np.add.reduce(present, axis=1, dtype=np.float64)
    low = np.where(n > 0, np.fmin.reduce(rows, axis=1, initial=np.inf), 0.0)
    off = np.where(present, rows - low[:, None], 0.0)
    mean = np.add.reduce(off, axis=1) / np.maximum(n, 1.0)
    off = np.where(present, off - mean[:, None], 0.0)
    return n, low, mean, np.add.reduce(off * off, axis=1)


def coarsened(fine: Rollups, *, width_ms: int) -> Rollups:
    """The runs of `fine` put together on the grid of `width_ms`, a multiple of theirs."""
    assert width_ms % fine.width_ms == 0
    factor = width_ms // fine.width_ms
    return grouped(fine, fine.at // factor, factor=factor)


def grouped(fine: Rollups, at: Slots, *, factor: int) -> Rollups:
    """The runs of `fine` put together where `at`, int64[k] and ascending, is the same; `factor` of
    them make a whole one."""
    if not len(fine):
        return Rollups.joined(fine.width_ms * factor, [])
    starts = np.flatnonzero(np.diff(at, prepend=at[0] - 1))
    group = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(at))))
    ends = np.append(starts[1:], len(at)) - 1
    low = np.minimum.reduceat(fine.low, starts)
    mean, m2 = _merged((fine.n, (fine.low - low[group]) + fine.mean, fine.m2), starts, group=group)
    moves = _with_crossings(fine, same=np.append(False, group[1:] == group[:-1]))
    return_mean, return_m2 = _merged(moves, starts, group=group)
    begun = (fine.at[starts] == at[starts] * factor) & ((fine.edges[starts] & FIRST_SLOT) > 0)
    ended = (fine.at[ends] == (at[ends] + 1) * factor - 1) & ((fine.edges[ends] & LAST_SLOT) > 0)
    return Rollups.of(fine.width_ms * factor, {
        "at": at[starts], "n": np.add.reduceat(fine.n, starts),
        "low": low, "high": np.maximum.reduceat(fine.high, starts),
        "first": fine.first[starts], "last": fine.last[ends],
        "total": np.add.reduceat(fine.total, starts), "mean": mean, "m2": m2,
        "return_n": np.add.reduceat(moves[0], starts),
        "return_mean": return_mean, "return_m2": return_m2,
        "marks": np.bitwise_or.reduceat(fine.marks, starts),
        "edges": FIRST_SLOT * begun + LAST_SLOT * ended,
    })  # fmt: skip


def _merged(
    parts: tuple[Column, Column, Column], starts: Slots | npt.NDArray[np.intp], *, group: _AnyColumn
) -> tuple[Column, Column]:
    """Mean and m2 of each group of parts (n, mean, m2), of which some may be empty."""
    n, mean, m2 = parts
    total = np.maximum(np.add.reduceat(n, starts), 1.0)
    merged = np.add.reduceat(n * mean, starts) / total
    apart = mean - merged[group]
    return merged, np.add.reduceat(m2 + n * apart * apart, starts)


def _with_crossings(fine: Rollups, *, same: Mask) -> tuple[Column, Column, Column]:
    """n, mean and m2 of the returns of each run, with the one across the boundary before it where
    both its slots hold values and the run before is put together with it."""
    n, mean, m2 = fine.return_n, fine.return_mean, fine.return_m2
    before = np.append(np.nan, fine.last[:-1])
    met = np.append(False, (np.diff(fine.at) == 1) & ((fine.edges[:-1] & LAST_SLOT) > 0))
    met &= same & ((fine.edges & FIRST_SLOT) > 0)
    crossing = log_returns(before, fine.first)
    met &= np.isfinite(crossing)
    crossing = np.where(met, crossing, 0.0)
    step = np.where(met, (crossing - mean) / (n + 1.0), 0.0)
    return n + met, mean + step, m2 + np.where(met, (crossing - mean) * n * step, 0.0)
