"""A series that was removed and is tracked again: its newest day, back in the series table.

Older slots are read from disk as those of any series. Imports the domain and ports alone.
"""

from __future__ import annotations

import numpy as np

from sigmawatch.domain.frame import REASON_MASK, Patch, Reason
from sigmawatch.domain.series import Series
from sigmawatch.ports.history import History


def returned(series: Series, *, now_ms: int) -> bool:
    """Whether a series that was not tracked until now has been before."""
    return series.added_ms < now_ms - series.interval.ms


async def remembered(
    series: Series, history: History, *, from_ms: int, now_ms: int
) -> Patch | None:
    """What is stored of the slots since `from_ms`, as one word; None for nothing. Slots of which
    nothing is known are not spoken of: they may be filled. Raises StorageFailed."""
    first, stop = series.interval.slot(from_ms), series.interval.slot(now_ms) + 1
    found = await history.stretch(series, from_slot=first, to_slot=stop)
    marks = np.frombuffer(found.marks, np.uint8)
    known = (marks & REASON_MASK) != Reason.NOT_POLLED
    if not known.any():
        return None
    last = int(np.flatnonzero(known)[-1]) + 1
    said = np.where(known, marks, np.uint8(Reason.PENDING))[:last]
    return Patch(series_id=series.id, from_slot=first, revision=0, recv_ms=now_ms,
                 values=found.values[: 8 * last], marks=said.tobytes())  # fmt: skip
