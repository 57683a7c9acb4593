"""The past of one series, from wherever it is kept: memory, stored slots, or rollups.

A slot is read from the series table while that holds it, else from disk. Runs of an hour (five
minutes, where slots are shorter than a minute) are taken from the sealed rollups; what is younger,
patched since, or only part of a run is put together from its slots, so what is told is exact over
any span. Where the slots themselves were let go for their age, only whole runs are known.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import numpy as np

from sigmawatch.domain.metric import Kind
from sigmawatch.domain.series import Series
from sigmawatch.domain.window import DAY_MS, HOUR_MS
from sigmawatch.engine.geometry import Column, Marks
from sigmawatch.engine.marks import counted, reasons_of
from sigmawatch.engine.rollups import Rollups, Slotted, coarsened, rolled_up
from sigmawatch.engine.summary import Summary, summary
from sigmawatch.ports.clock import Clock
from sigmawatch.ports.history import History, Stretch

HOT_MS = DAY_MS + HOUR_MS  # less than a restart reads back
CLOSE_SLOTS = 3  # a close may be up to 2 slots older (SEMANTICS.md 2)
Hot = Callable[..., Awaitable[tuple[bytes, bytes] | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class LongStatistics:
    """A summary of the slots [from_slot, to_slot), and the change over them in percent (NaN where
    unknown)."""

    from_slot: int
    to_slot: int
    summary: Summary
    change_pct: float


class Past:
    """hot: values and marks of a stretch in memory, None where it is not all there."""

    def __init__(self, history: History, *, hot: Hot, clock: Clock) -> None:
        self._history, self._hot, self._clock = history, hot, clock

    async def stretch(self, series: Series, *, from_slot: int, to_slot: int) -> Stretch:
        """Slots [from_slot, to_slot) of one series. Raises StorageFailed."""
        if series.interval.open_ms(from_slot) >= self._clock.now_ms() - HOT_MS:
            hot = await self._hot(series, from_slot=from_slot, to_slot=to_slot)
            if hot is not None:
                return Stretch(from_slot=from_slot, values=hot[0], marks=hot[1])
        return await self._history.stretch(series, from_slot=from_slot, to_slot=to_slot)

    async def runs(self, series: Series, *, width_ms: int, from_slot: int, to_slot: int) -> Rollups:
        """The runs of `width_ms`, a multiple of the interval, over [from_slot, to_slot); the first
        and the last are parts where the slots begin or end inside one. Raises StorageFailed."""
        tier_ms = self.tier_ms(series, width_ms)
        if tier_ms is None:
            return await self._rolled(series, (from_slot, to_slot), width_ms=width_ms)
        open_ms = series.interval.open_ms
        sealed = await self._history.rollups(
            series, width_ms=tier_ms, from_ms=open_ms(from_slot), to_ms=open_ms(to_slot)
        )
        oldest_ms = await self._history.oldest_ms(series)
        parts = [sealed]
        if oldest_ms is not None:
            first = max(from_slot, series.interval.slot(oldest_ms))
            holes = _holes(sealed, (first, to_slot), of_run=tier_ms // series.interval.ms)
            parts += [await self._rolled(series, hole, width_ms=tier_ms) for hole in holes]
        return coarsened(Rollups.joined(tier_ms, parts), width_ms=width_ms)

    def tier_ms(self, series: Series, width_ms: int) -> int | None:
        """The widest stored runs that make up one of `width_ms`."""
        fitting = [w for w in series.interval.rollup_widths_ms if width_ms % w == 0]
        return max(fitting, default=None)

    async def _rolled(self, series: Series, span: tuple[int, int], *, width_ms: int) -> Rollups:
        """The runs of the slots [from, to), from the slots."""
        values, marks = await self.columns(series, from_slot=span[0], to_slot=span[1])
        slots = Slotted(
            from_slot=span[0], interval_ms=series.interval.ms, values=values[:, None],
            marks=marks[:, None], levels=series.kind.kind is Kind.LEVEL,
        )  # fmt: skip
        return (await asyncio.to_thread(rolled_up, slots, width_ms=width_ms))[0]

    async def columns(
        self, series: Series, *, from_slot: int, to_slot: int
    ) -> tuple[Column, Marks]:
        """A stretch as float64[n] and uint8[n]."""
        found = await self.stretch(series, from_slot=from_slot, to_slot=to_slot)
        return np.frombuffer(found.values, "<f8"), np.frombuffer(found.marks, np.uint8)

    async def known_width_ms(self, series: Series, *, width_ms: int, from_slot: int) -> int:
        """`width_ms`, or the width of the finest runs that reach as far back, at least to
        `from_slot`, as anything that is known."""
        oldest_ms = await self._history.oldest_ms(series)
        from_ms = series.interval.open_ms(from_slot)
        reach: dict[int, int] = {}
        for tier_ms in series.interval.rollup_widths_ms:
            if tier_ms > width_ms and (oldest_ms is None or oldest_ms > from_ms):
                runs = await self._history.rollups(
                    series, width_ms=tier_ms, from_ms=from_ms,
                    to_ms=self._clock.now_ms() if oldest_ms is None else oldest_ms,
                )  # fmt: skip
                if len(runs):
                    reach[tier_ms] = int(runs.at[0]) * tier_ms
        farthest_ms = min(reach.values(), default=0)
        return min((w for w, at_ms in reach.items() if at_ms < farthest_ms + HOUR_MS),
                   default=width_ms)  # fmt: skip

    async def statistics(self, series: Series, *, from_slot: int, to_slot: int) -> LongStatistics:
        """The statistics of SEMANTICS.md 3 over [from_slot, to_slot), of any length. Where the
        slots it begins with are known by whole runs only, it begins with the next of those."""
        width_ms = await self.known_width_ms(
            series, width_ms=series.interval.ms, from_slot=from_slot
        )
        from_slot = min(-(-series.interval.open_ms(from_slot) // width_ms) * width_ms
                        // series.interval.ms, to_slot - 1)  # fmt: skip
        runs = await self.runs(series, width_ms=HOUR_MS, from_slot=from_slot, to_slot=to_slot)
        then = await self._close(series, before_slot=from_slot)
        last = await self._close(series, before_slot=to_slot)
        told = summary(runs, expected=to_slot - from_slot)
        return LongStatistics(
            from_slot=from_slot, to_slot=to_slot, summary=told,
            change_pct=100.0 * (last - then) / then if then and not told.seam else np.nan,
        )  # fmt: skip

    async def _close(self, series: Series, *, before_slot: int) -> float:
        """The newest value before a slot, at most 2 slots older than the one before it."""
        values, marks = await self.columns(
            series, from_slot=max(0, before_slot - CLOSE_SLOTS), to_slot=before_slot
        )
        there = values[counted(reasons_of(marks))]
        return float(there[-1]) if len(there) else np.nan


def _holes(sealed: Rollups, span: tuple[int, int], *, of_run: int) -> Sequence[tuple[int, int]]:
    """The slots of [from, to) that no sealed run covers, as spans. of_run: slots of a run."""
    holes, at = [], span[0]
    for run in sealed.at.tolist():
        if at < run * of_run:
            holes.append((at, run * of_run))
        at = max(at, (run + 1) * of_run)
    if at < span[1]:
        holes.append((at, span[1]))
    return holes
