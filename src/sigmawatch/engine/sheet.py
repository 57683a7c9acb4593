"""A sheet: what is shown of some rows of a board, rounded, and what differs between two of them.

A screen shows seven significant digits at most, so what differs in the eighth is no change: it is
neither told nor sent. Ranks are columns of their own, for a rank moves without its market moving.
5,000 rows take 4 ms, telling two sheets apart 0.3 ms. Pure functions of the boards.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from sigmawatch.domain.metric import SOURCE
from sigmawatch.domain.rank_column import Standing
from sigmawatch.domain.window import HOUR_MS
from sigmawatch.engine.geometry import Column, Rows, Slots
from sigmawatch.engine.snapshot import Board, Statistics

DIGITS = 7
AnyColumn = npt.NDArray[np.float64] | npt.NDArray[np.int32] | npt.NDArray[np.uint8]

_EXACT = 22  # powers of ten up to here are exact, so what is divided by one prints as few digits
_POWERS = np.array([float(f"1e{power}") for power in range(_EXACT + 1)])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sheet:
    """slot: the closed one. ids: int64[rows], the series. columns: name -> [rows]; float64, NaN
    where unknown, but for rank and rank_1h_ago (int32, 0 for none), state (uint8 of State) and
    source (int32: of a fail-over which of its venues is shown, from 1 on; else 0). of: how many
    are ranked, among all peers."""

    slot: int
    ids: Slots
    columns: Mapping[str, AnyColumn]
    of: int


def sheet_of(board: Board, rows: Rows, *, standing: Standing) -> Sheet:
    """What is shown of `rows` of a board. standing: what of, by which key and over which window
    they are ranked; its metric is that of every row, its window one of the board's."""
    statistics = board.statistics[standing.window_ms]
    ranking = board.ranking(standing.metric, standing.by, window_ms=standing.window_ms)
    columns: dict[str, AnyColumn] = {
        name: rounded(column)
        for name, column in _figures(board, rows, statistics=statistics).items()
    }
    columns["rank"] = ranking.rank[rows]
    columns["rank_1h_ago"] = _ranks_before(board, rows, standing=standing)
    columns["state"] = board.state[rows]
    columns["source"] = _sources(board, rows)
    for column in columns.values():
        column.setflags(write=False)
    return Sheet(slot=board.slot, ids=board.layout.ids[rows], columns=MappingProxyType(columns),
                 of=ranking.of)  # fmt: skip


def changes(before: Sheet, after: Sheet) -> Mapping[str, Rows]:
    """Column -> the rows in which two sheets of the same series differ; columns that do not differ
    are left out."""
    assert np.array_equal(before.ids, after.ids)
    found = {}
    for name, now in after.columns.items():
        then = before.columns[name]
        differs = then != now
        if now.dtype == np.float64:
            differs &= ~(np.isnan(then) & np.isnan(now))
        rows = np.flatnonzero(differs)
        if len(rows):
            found[name] = rows
    return found


def rounded(column: Column) -> Column:
    """float64[n] to DIGITS significant digits: the number that these digits mean, so that it also
    prints as no more."""
    with np.errstate(divide="ignore", invalid="ignore"):
        magnitude = np.floor(np.log10(np.abs(column)))
    shift = DIGITS - 1 - np.where(np.isfinite(magnitude), magnitude, 0.0)
    usual = np.abs(shift) <= _EXACT
    power = _POWERS[np.where(usual, np.abs(shift), 0.0).astype(np.intp)]
    with np.errstate(invalid="ignore", over="ignore"):
        told: Column = np.where(
            shift >= 0, np.rint(column * power) / power, np.rint(column / power) * power
        )
    for row in np.flatnonzero(~usual & np.isfinite(column)).tolist():
        told[row] = float(f"{column[row]:.{DIGITS}g}")
    return told


def _figures(board: Board, rows: Rows, *, statistics: Statistics) -> Mapping[str, Column]:
    """open: the level a window ago, as change_pct has it."""
    change_pct = statistics.change_pct[rows]
    with np.errstate(divide="ignore", invalid="ignore"):
        opened = board.last_value[rows] / (1.0 + change_pct / 100.0)
    return {
        "latest": _latest(board, rows),
        "open": np.where(np.isfinite(opened), opened, np.nan),
        "high": statistics.maximum[rows], "low": statistics.minimum[rows],
        "change_pct": change_pct, "surge": board.surge[rows],
        "volume_24h_quote": _beside(board, rows, metric="volume_24h_quote"),
        "volume_24h_ref": _beside(board, rows, metric="volume_24h_ref"),
        "sigma_rel": statistics.sigma_rel[rows], "sigma_abs": statistics.sigma_abs[rows],
        "sigma_ret": statistics.sigma_ret[rows], "coverage": statistics.coverage[rows],
    }  # fmt: skip


def _latest(board: Board, rows: Rows) -> Column:
    """The running slot's reading; without one the slot's value, else the newest of the day."""
    closed = board.value[rows]
    closed = np.where(np.isfinite(closed), closed, board.last_value[rows])
    live = board.live_value[rows]
    return np.where(np.isfinite(live), live, closed)


def _beside(board: Board, rows: Rows, *, metric: str) -> Column:
    """The latest of another metric of the same markets."""
    beside = board.layout.companions(metric)[rows]
    return np.where(beside >= 0, _latest(board, beside), np.nan)


def _sources(board: Board, rows: Rows) -> npt.NDArray[np.int32]:
    found = np.zeros(len(rows), np.int32)
    choices = board.layout.companions(SOURCE)[rows]
    for at in np.flatnonzero(choices >= 0).tolist():
        code = abs(float(board.last_value[choices[at]]))
        if board.series[rows[at]].stitched and code >= 1.0:  # NaN is not
            found[at] = int(code)
    return found


def _ranks_before(board: Board, rows: Rows, *, standing: Standing) -> npt.NDArray[np.int32]:
    past = board.past.before(standing, board.slot - HOUR_MS // board.interval.ms)
    return np.zeros(len(rows), np.int32) if past is None else past.ranks(rows)
