"""Importing: records from elsewhere become patches of a series, wherever nothing is known yet.

What stands is never replaced: a record that says the same is known already, one that says something
else is refused, each counted by its reason. So importing a file again, whole or after it was cut
off, changes nothing that is there. A patch covers a day at most; its revision is a digest of what
it says, so the same records are the same patch whenever they are imported.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import NamedTuple

import numpy as np

from sigmawatch.app.past import Past
from sigmawatch.domain.errors import Invalid
from sigmawatch.domain.frame import MISSING, REASON_MASK, Flag, Patch, Reason
from sigmawatch.domain.metric import Kind
from sigmawatch.domain.reading import number, positive, quantity
from sigmawatch.domain.series import Series
from sigmawatch.domain.window import DAY_MS

_REVISION_BYTES = (
    3  # below the slots that back-fill counts its revisions in: a venue's word is first
)
_SAYS_NOTHING = {Reason.PENDING, Reason.NO_PLACE, Reason.DAMAGED}
_PRICES = {"price", "bid", "ask"}


class Record(NamedTuple):
    """One record: the open of its slot, its number (None where missing), its mark, and what it
    covers in milliseconds, 0 for a slot."""

    time_ms: int
    value: float | None
    mark: int
    span_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What became of some records: taken, known already, or refused, reason -> count."""

    taken: int
    known: int
    refused: Mapping[str, int] = field(default_factory=dict)


class _Slot(NamedTuple):
    """What a record says of one slot."""

    slot: int
    value: float
    mark: int


class _RefusedError(Exception):
    """Why a record is not taken."""


class Importer:
    """Of one program. keep_ms: how far back slots are kept one by one."""

    def __init__(self, past: Past, *, now_ms: Callable[[], int], keep_ms: int) -> None:
        self._past, self._now_ms, self._keep_ms = past, now_ms, keep_ms

    async def lay_out(
        self, series: Series, records: Sequence[Record]
    ) -> tuple[Sequence[Patch], Imported]:
        """The patches that hold what is new in the records, in the order of time."""
        refused: Counter[str] = Counter()
        told: list[_Slot] = []
        end = 0  # of what was told so far
        for record in records:
            try:
                slots = self._read(series, record, end=end)
            except _RefusedError as why:
                refused[str(why)] += 1
                continue
            told += slots
            end = slots[-1].slot + 1
        patches, taken, known = [], 0, 0
        for _, day in groupby(told, key=lambda one: one.slot * series.interval.ms // DAY_MS):
            fresh, known_count, other_count = await self._compared(series, list(day))
            known += known_count
            refused["another value stands"] += other_count
            if fresh:
                patches.append(self._patch(series, fresh))
                taken += len(fresh)
        return patches, Imported(taken=taken, known=known, refused=+refused)

    def _read(self, series: Series, record: Record, *, end: int) -> list[_Slot]:
        """What a record says of its slots. end: no record may begin before it."""
        interval = series.interval
        slot, rest = divmod(record.time_ms, interval.ms)
        count, part = divmod(record.span_ms or interval.ms, interval.ms)
        if rest or part or count * interval.ms > DAY_MS:
            raise _RefusedError("not on whole slots")
        if slot < end:
            raise _RefusedError("out of order, or twice")
        if slot + count > interval.slot(self._now_ms()):
            raise _RefusedError("not over yet")
        if record.time_ms < self._now_ms() - self._keep_ms:
            raise _RefusedError("older than slots are kept")
        value = _checked(series, record)
        if series.kind.kind is Kind.FLOW and count > 1:
            value = _share(value, count)
        return [_Slot(slot + k, value, record.mark) for k in range(count)]

    async def _compared(self, series: Series, told: list[_Slot]) -> tuple[list[_Slot], int, int]:
        """What is new of a day; how many say what stands, and how many something else."""
        first, stop = told[0].slot, told[-1].slot + 1
        stands = await self._past.stretch(series, from_slot=first, to_slot=stop)
        values = np.frombuffer(stands.values, "<f8").tolist()
        fresh, known, other = [], 0, 0
        for one in told:
            value, reason = values[one.slot - first], stands.marks[one.slot - first] & REASON_MASK
            said = one.mark & REASON_MASK
            if reason < MISSING and said < MISSING and value != one.value:
                other += 1
            elif _is_news(said, reason):
                fresh.append(one)
            else:
                known += 1
        return fresh, known, other

    def _patch(self, series: Series, told: Sequence[_Slot]) -> Patch:
        """The slots between are left as they are."""
        first = told[0].slot
        count = told[-1].slot + 1 - first
        values, marks = np.full(count, np.nan), np.full(count, Reason.PENDING, np.uint8)
        for one in told:
            values[one.slot - first], marks[one.slot - first] = one.value, one.mark
        said = values.astype("<f8").tobytes(), marks.tobytes()
        digest = hashlib.blake2b(b"".join(said), digest_size=_REVISION_BYTES).digest()
        return Patch(
            series_id=series.id, from_slot=first, revision=int.from_bytes(digest),
            recv_ms=self._now_ms(), values=said[0], marks=said[1],
        )  # fmt: skip


def _is_news(said: int, stands: int) -> bool:
    """Whether a reason says more than the one that stands."""
    if stands < MISSING:
        return False
    return said < MISSING or (stands == Reason.NOT_POLLED != said)


def _checked(series: Series, record: Record) -> float:
    reason = Reason(record.mark & REASON_MASK)
    if reason in _SAYS_NOTHING:
        raise _RefusedError("says nothing")
    if record.value is None:
        if reason < MISSING:
            raise _RefusedError("no value")
        return math.nan
    if reason >= MISSING and reason is not Reason.SUSPECT:
        raise _RefusedError("a value that is marked missing")
    if bool(record.span_ms) != bool(record.mark & Flag.COARSE):
        raise _RefusedError("a span without the mark coarse, or the other way round")
    try:
        return _sign_of(series.metric)(record.value)
    except Invalid:
        raise _RefusedError("not a number that the metric can have") from None


def _sign_of(metric: str) -> Callable[[object], float]:
    if metric in _PRICES:
        return positive
    return quantity if metric.startswith(("volume", "traded", "trades")) else number


def _share(total: float, count: int) -> float:
    """What each slot of a coarse flow has, so that together they tell `total` again, to the bit
    where a float64 can."""
    share = total / count
    around = (share, math.nextafter(share, 0.0), math.nextafter(share, math.inf))
    return next((one for one in around if one * count == total), share)
