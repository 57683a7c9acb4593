"""What is told of slots that are long over, as patches.

"Later ones revise history, are marked `revised`, and never raise an old alert anew" (SEMANTICS.md
2). Of a level's slot the reading with the latest time stands, as far as it is known when what
stands was read, and else the one that was told last; a flow's readings are added to what stands,
each (series, time) once. One caller at a time.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from itertools import pairwise

import numpy as np

from sigmawatch.app.pushing.sheet import Seen, Sheet
from sigmawatch.app.pushing.told import Numbers, Readings, Values, groups_of, starts_of
from sigmawatch.domain.frame import Patch, Reason
from sigmawatch.domain.metric import Kind
from sigmawatch.domain.series import Series
from sigmawatch.domain.window import DAY_MS

GAP_SLOTS = 64  # a patch says nothing of so many slots at most: 9 bytes each
Stands = Callable[[Series, range], Awaitable[Values]]
_Spoken = tuple[int, int, int]  # of a series' newest patches: revision, first slot and stop


class Late:
    """stands: the values of a series in some slots, NaN where nothing is known; sheet: which knows
    of the slots before."""

    def __init__(self, stands: Stands, sheet: Sheet, *, seen: Seen) -> None:
        self._stands = stands
        self._sheet = sheet
        self._seen = seen
        self._spoken: dict[int, _Spoken] = {}

    async def lay(self, series: Series, readings: Readings, *, recv_ms: int) -> list[Patch]:
        """The patches that say what readings of one series say."""
        mine = readings.taken(np.lexsort((readings.time_ms, readings.slot)))
        flow = series.kind.kind is Kind.FLOW
        slots, values = await self._summed(series, mine) if flow else self._newest(mine)
        if not len(slots):
            return []
        revision = self._revision(series.id, slots, recv_ms=recv_ms)
        return [
            _patch(series, slots[run], told=values[run], revision=revision, recv_ms=recv_ms)
            for run in _runs(slots, of_day=DAY_MS // series.interval.ms)
        ]

    def _newest(self, told: Readings) -> tuple[Numbers, Values]:
        """Slots and what they come to, of a level's readings in the order of slots and times."""
        groups = [group for group in groups_of(told.slot)
                  if not self._sheet.outdated(told.taken(group))]  # fmt: skip
        last = np.array([group.stop - 1 for group in groups], np.int64)
        return told.slot[last], told.value[last]

    async def _summed(self, series: Series, told: Readings) -> tuple[Numbers, Values]:
        """The same of a flow's."""
        told = told.taken(self._seen.take(told))
        starts = starts_of(told.slot)
        slots = told.slot[starts]
        values = np.add.reduceat(told.value, starts) if len(starts) else told.value
        for day in groups_of(slots // (DAY_MS // series.interval.ms)):
            mine = slots[day]
            stood = await self._stands(series, range(int(mine[0]), int(mine[-1]) + 1))
            values[day] += np.nan_to_num(stood[mine - mine[0]], nan=0.0)
        return slots, values

    def _revision(self, series_id: int, slots: Numbers, *, recv_ms: int) -> int:
        """Seconds, as all patches that follow from what is told; higher where that is not enough
        to come after what was said of these slots before."""
        revision, first, stop = self._spoken.get(series_id, (0, 0, 0))
        low, high = int(slots[0]), int(slots[-1]) + 1
        now_s = recv_ms // 1_000
        if now_s > revision:
            self._spoken[series_id] = now_s, low, high
            return now_s
        apart = high <= first or stop <= low
        revision = revision if apart else revision + 1
        self._spoken[series_id] = revision, min(low, first), max(high, stop)
        return revision


def _runs(slots: Numbers, *, of_day: int) -> list[slice]:
    """Slots that lie close together on one day."""
    apart = (np.diff(slots) > GAP_SLOTS) | (np.diff(slots // of_day) != 0)
    cuts = [0, *(np.flatnonzero(apart) + 1).tolist(), len(slots)]
    return [slice(start, stop) for start, stop in pairwise(cuts)]


def _patch(series: Series, slots: Numbers, *, told: Values, revision: int, recv_ms: int) -> Patch:
    first = int(slots[0])
    values = np.full(int(slots[-1]) + 1 - first, np.nan)
    marks = np.full(len(values), Reason.PENDING, np.uint8)
    still = Reason.NO_TRADES if series.kind.kind is Kind.FLOW else Reason.OBSERVED
    values[slots - first] = told
    marks[slots - first] = np.where(told != 0.0, np.uint8(Reason.OBSERVED), np.uint8(still))
    return Patch(
        series_id=series.id, from_slot=first, revision=revision, recv_ms=recv_ms,
        values=values.astype("<f8").tobytes(), marks=marks.tobytes(),
    )  # fmt: skip
