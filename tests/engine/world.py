"""Short ways to write tables, frames and patches in tests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from sigmawatch.domain.frame import Frame, Patch, Reason
from sigmawatch.domain.market import Market
from sigmawatch.domain.series import Block, Series
from sigmawatch.domain.window import DAY_MS, HOUR_MS, Interval
from sigmawatch.engine.table import SeriesTable

MINUTE = Interval(60_000)
START = 28_000_000  # a slot of some day in 2023
NAN = float("nan")


def a_series(
    series_id: int,
    *,
    place: int | None = None,
    metric: str = "price",
    block_id: int = 1,
    interval: Interval = MINUTE,
) -> Series:
    number = series_id if place is None else place + 1
    market = Market(venue="KRAKEN", base=f"C{number:04d}", quote="USD", native=f"C{number}USD")
    return Series(
        id=series_id, market=market, metric=metric, interval=interval, block_id=block_id,
        place=series_id - 1 if place is None else place,
    )  # fmt: skip


def a_table(
    count: int = 1,
    *,
    metric: str = "price",
    interval: Interval = MINUTE,
    block_id: int = 1,
    windows_ms: Sequence[int] = (DAY_MS, HOUR_MS),
) -> SeriesTable:
    """One block with series 1 to `count` in places 0 to count - 1."""
    table = SeriesTable(interval, windows_ms=windows_ms)
    table.add_block(Block(id=block_id, venue="KRAKEN", metric=metric, interval=interval))
    for series_id in range(1, count + 1):
        table.add(a_series(series_id, metric=metric, block_id=block_id, interval=interval))
    return table


def a_frame(
    slot: int,
    values: Iterable[float],
    marks: Iterable[int] | None = None,
    *,
    interval: Interval = MINUTE,
    block_id: int = 1,
    **more: int | bool,
) -> Frame:
    """A frame received half a second after its slot, unless `late_ms` or `recv_ms` says more."""
    column = np.array(list(values), "<f8")
    why = [Reason.OUTAGE if np.isnan(value) else Reason.OBSERVED for value in column]
    late_ms = int(more.pop("late_ms", 500))
    recv_ms = int(more.pop("recv_ms", interval.open_ms(slot + 1) + late_ms))
    return Frame(
        block_id=block_id, slot=slot, recv_ms=recv_ms,
        revision=int(more.pop("revision", recv_ms - interval.open_ms(slot))),
        values=column.tobytes(), marks=bytes(why if marks is None else marks),
        open=bool(more.pop("open", False)),
    )  # fmt: skip


def a_patch(
    from_slot: int,
    values: Iterable[float],
    marks: Iterable[int] | int,
    *,
    series_id: int = 1,
    made_slot: int | None = None,
    interval: Interval = MINUTE,
) -> Patch:
    """A patch made in `made_slot`, by default the slot after its last."""
    column = np.array(list(values), "<f8")
    made = from_slot + len(column) if made_slot is None else made_slot
    why = bytes([marks] * len(column)) if isinstance(marks, int) else bytes(marks)
    return Patch(
        series_id=series_id, from_slot=from_slot, revision=made,
        recv_ms=interval.open_ms(made) + 700, values=column.tobytes(), marks=why,
    )  # fmt: skip


def fed(table: SeriesTable, columns: Mapping[int, Sequence[float]]) -> SeriesTable:
    """A frame a slot: slot -> values."""
    for slot, values in columns.items():
        table.apply(a_frame(slot, values, interval=table.interval))
    return table
