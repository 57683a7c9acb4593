"""What a body said, in columns, and what of it was refused and why.

Nothing is guessed and one bad row costs no other: what cannot be taken is counted by its reason and
the first DETAILS_MAX are told one by one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import numpy.typing as npt

DETAILS_MAX = 100
REASONS_MAX = 100
OTHER = "other reasons"
Name = tuple[str, str]  # a market and a metric, as they were written
Values = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why one reading was not taken. index: of its row in the body, counted from 0; field: what
    is wrong with it; allowed: what would do."""

    index: int
    field: str
    reason: str
    allowed: str = ""


@dataclass(slots=True)
class Refusals:
    """Those of one body. by_reason: reason -> count; where there are too many, of the others."""

    count: int = 0
    by_reason: Counter[str] = field(default_factory=Counter)
    first: list[Refusal] = field(default_factory=list)

    def add(self, index: int, what: str, *, reason: str, allowed: str = "") -> None:
        self.add_all([index], what, reason=reason, allowed=allowed)

    def add_all(self, indexes: Sequence[int], what: str, *, reason: str, allowed: str = "") -> None:
        """Rows that are refused for one reason."""
        self.count += len(indexes)
        self._count(reason, len(indexes))
        self.first += [
            Refusal(index=index, field=what, reason=reason, allowed=allowed)
            for index in indexes[: DETAILS_MAX - len(self.first)]
        ]

    def join(self, others: Refusals) -> None:
        """Those of what came after."""
        self.count += others.count
        for reason, count in others.by_reason.items():
            self._count(reason, count)
        self.first += others.first[: DETAILS_MAX - len(self.first)]

    def _count(self, reason: str, count: int) -> None:
        known = reason in self.by_reason or len(self.by_reason) < REASONS_MAX
        self.by_reason[reason if known else OTHER] += count


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """The readings of a body that could be read. index: int64[n], of the row; names: n markets and
    metrics; time_ms: int64[n]; timed: bool[n], it was told, else it is now; value: float64[n].
    refusals: of the rows that could not."""

    index: Numbers
    names: Sequence[Name]
    time_ms: Numbers
    timed: Mask
    value: Values
    refusals: Refusals


@dataclass(slots=True)
class Rows:
    """Readings while a body is read, column by column (a tuple a row would keep the garbage
    collector busier than we are). times_ms: None where none was told."""

    indexes: Sequence[int] = field(default_factory=list)
    names: Sequence[Name] = field(default_factory=list)
    times_ms: Sequence[int | None] = field(default_factory=list)
    values: Sequence[float] = field(default_factory=list)

    def told(self, refusals: Refusals, *, now_ms: int) -> Told:
        times_ms, timed = self.times_ms, np.ones(len(self.names), np.bool_)
        if None in times_ms:
            timed = np.array([one is not None for one in times_ms], np.bool_)
            times_ms = [now_ms if one is None else one for one in times_ms]
        return Told(
            index=np.array(self.indexes, np.int64), names=self.names, timed=timed,
            time_ms=np.array(times_ms, np.int64), value=np.array(self.values, np.float64),
            refusals=refusals,
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Readings:
    """Readings of series that are tracked, all of one interval, in the order they were told.

    block, place, series: int64[n], where each belongs; slot: int64[n]; time_ms: int64[n]; timed:
    bool[n], its time was told; value: float64[n], finite.
    """

    block: Numbers
    place: Numbers
    series: Numbers
    slot: Numbers
    time_ms: Numbers
    timed: Mask
    value: Values

    def __len__(self) -> int:
        return len(self.value)

    def taken(self, which: Numbers | Mask | slice) -> Readings:
        """Some of them, in the order of `which`."""
        return Readings(
            block=self.block[which], place=self.place[which], series=self.series[which],
            slot=self.slot[which], time_ms=self.time_ms[which], timed=self.timed[which],
            value=self.value[which],
        )  # fmt: skip

    @classmethod
    def joined(cls, parts: Sequence[Readings]) -> Readings:
        """One after the other."""
        if len(parts) == 1:
            return parts[0]
        return cls(
            block=np.concatenate([one.block for one in parts]),
            place=np.concatenate([one.place for one in parts]),
            series=np.concatenate([one.series for one in parts]),
            slot=np.concatenate([one.slot for one in parts]),
            time_ms=np.concatenate([one.time_ms for one in parts]),
            timed=np.concatenate([one.timed for one in parts]),
            value=np.concatenate([one.value for one in parts]),
        )


def starts_of(*keys: Numbers) -> Numbers:
    """Where a new group begins in columns that are sorted by `keys`; int64[groups]."""
    if not len(keys[0]):
        return np.zeros(0, np.int64)
    new = np.zeros(len(keys[0]), np.bool_)
    new[0] = True
    for key in keys:
        new[1:] |= key[1:] != key[:-1]
    return np.flatnonzero(new)


def groups_of(*keys: Numbers) -> Iterator[slice]:
    """The groups of columns that are sorted by `keys`."""
    for start, stop in pairwise([*starts_of(*keys).tolist(), len(keys[0])]):
        yield slice(start, stop)
