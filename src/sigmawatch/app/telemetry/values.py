"""The tracked values as samples, of a bounded number of series.

Names of markets come from venues; they stand in labels and nowhere else. Which series are told does
not change while they are tracked: those with the lowest ids, which were tracked first.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from sigmawatch.app.telemetry import families
from sigmawatch.domain.window import format_span
from sigmawatch.engine.snapshot import Board, Snapshot

KEY = "sigma_rel"


def put_values(snapshot: Snapshot, put: Callable[..., None], *, now_ms: int, rows_max: int) -> None:
    """Value, age, deviation and rank of up to `rows_max` series; what is unknown is left out."""
    found = sorted(
        (series_id, board.interval.ms)
        for board in snapshot.boards.values()
        for series_id in board.layout.rows
    )
    put(families.VALUES_LEFT_OUT, max(0, len(found) - rows_max))
    for series_id, interval_ms in found[:rows_max]:
        board = snapshot.boards[interval_ms]
        _put_row(board, board.layout.rows[series_id], put=put, now_ms=now_ms)


def _put_row(board: Board, row: int, *, put: Callable[..., None], now_ms: int) -> None:
    series = board.series[row]
    labels = series.market.name, series.metric, str(board.interval)
    live = float(board.live_value[row])
    value = live if not math.isnan(live) else float(board.last_value[row])
    if not math.isnan(value):
        put(families.VALUE, value, *labels)
    if changed_ms := int(board.changed_ms[row]):
        put(families.VALUE_AGE, max(0, now_ms - changed_ms) / 1_000, *labels)
    for window_ms, statistics in board.statistics.items():
        window = format_span(window_ms)
        deviation = float(statistics.sigma_rel[row])
        if not math.isnan(deviation):
            put(families.DEVIATION, deviation, *labels, window)
        rank = int(board.ranking(series.metric, KEY, window_ms=window_ms).rank[row])
        if rank > 0:
            put(families.RANK, rank, *labels, window)
