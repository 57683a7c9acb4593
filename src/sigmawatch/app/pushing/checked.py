"""Which readings of a body can be taken: each is, or is refused for the first thing that is wrong.

SEMANTICS.md 1, "Sanity, per value, at the edge: finite, ASCII number, price > 0, volume ≥ 0"; the
gate against bad ticks is for venues, not for what is pushed. One turn of Python a refused reading
and a name; whole columns else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sigmawatch.app.moments import rfc3339
from sigmawatch.app.pushing.names import Found
from sigmawatch.app.pushing.sheet import RECENT_SLOTS
from sigmawatch.app.pushing.told import Mask, Name, Numbers, Readings, Told
from sigmawatch.domain.metric import METRICS, Kind
from sigmawatch.domain.reading import VALUE_MAX
from sigmawatch.domain.series import Series
from sigmawatch.domain.window import DAY_MS, SECOND_MS, Interval

PAST_DAYS_MAX = 1_000  # of flows that were over when they were told
AHEAD_MS = 2 * SECOND_MS  # of our clock: more is another clock's mistake (SEMANTICS.md 4)
_ABOVE_ZERO = frozenset({"price", "bid", "ask"})
_ANY_SIGN = frozenset({"spread_bp"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Of times: of which slots readings are, what our clock shows, and how far back slots are
    kept."""

    interval: Interval
    now_ms: int
    keep_ms: int


class Body:
    """One body's readings while they are looked at. names: each once; sound: bool[n], what can be
    taken so far."""

    def __init__(self, told: Told) -> None:
        self.names: Sequence[Name] = tuple(dict.fromkeys(told.names))
        position = {name: at for at, name in enumerate(self.names)}
        self._told = told
        self._which = np.fromiter((position[name] for name in told.names), np.int64)
        self.sound: Mask = np.ones(len(told.names), np.bool_)

    def check(self, found: Found, bounds: Bounds) -> None:
        """Refuse what is of no series that could be, of a time that we do not take, or no number
        that its metric can have."""
        self._check_names(found)
        self._check_times(bounds)
        self._check_values(found)
        self._check_amounts(found, bounds)

    def _check_names(self, found: Found) -> None:
        for at in np.flatnonzero(self._of(found.refused)).tolist():
            exc = found.refused[self._told.names[at]]
            index = int(self._told.index[at])
            self._told.refusals.add(index, exc.field, reason=str(exc), allowed=exc.allowed)
            self.sound[at] = False

    def _check_times(self, bounds: Bounds) -> None:
        ahead_ms = min(AHEAD_MS, bounds.interval.ms)
        oldest_ms = bounds.now_ms - bounds.keep_ms
        self._refuse(
            self._told.time_ms > bounds.now_ms + ahead_ms, "time", reason="lies in the future",
            allowed=f"up to {ahead_ms} ms after our clock, which shows {rfc3339(bounds.now_ms)}",
        )  # fmt: skip
        self._refuse(self._told.time_ms < oldest_ms, "time", reason="older than slots are kept",
                     allowed=f"from {rfc3339(oldest_ms)} on")  # fmt: skip

    def _check_values(self, found: Found) -> None:
        value = self._told.value
        metrics = {name: one.metric for name, one in found.series.items()}
        metrics |= {name: metric for name, (_, metric) in found.wanted.items()}
        above = self._of([name for name, metric in metrics.items() if metric in _ABOVE_ZERO])
        signed = self._of([name for name, metric in metrics.items() if metric in _ANY_SIGN])
        self._refuse(~(np.abs(value) <= VALUE_MAX), "value", reason="out of range",
                     allowed=f"a finite number of {VALUE_MAX:g} at most")  # fmt: skip
        self._refuse(above & (value <= 0.0), "value", reason="must be above zero",
                     allowed="a number above zero")  # fmt: skip
        self._refuse(~signed & (value < 0.0), "value", reason="must not be negative",
                     allowed="zero or more")  # fmt: skip
        quotes = {name: metric for name, metric in metrics.items() if metric in {"bid", "ask"}}
        if len(set(quotes.values())) == 2:
            self._refuse(self._crossed(found, quotes), "value", reason="an ask below the bid",
                         allowed="ask ≥ bid, of one market at one time")  # fmt: skip

    def _check_amounts(self, found: Found, bounds: Bounds) -> None:
        """To an amount of the past is added what stands, which is read day by day."""
        metrics = {name: one.metric for name, one in found.series.items()}
        flows = self._of(name for name, metric in metrics.items()
                         if METRICS[metric].kind is Kind.FLOW)  # fmt: skip
        past = self._told.time_ms < bounds.now_ms - (RECENT_SLOTS + 1) * bounds.interval.ms
        at = np.flatnonzero(self.sound & flows & past)
        days = self._which[at] * (1 << 20) + self._told.time_ms[at] // DAY_MS
        _, which = np.unique(days, return_inverse=True)
        beyond = np.zeros(len(self.sound), np.bool_)
        beyond[at] = which >= PAST_DAYS_MAX
        self._refuse(beyond, "time", reason="amounts of too many past days in one body",
                     allowed=f"{PAST_DAYS_MAX:,} days, of all series together; push the rest in "
                     "other bodies")  # fmt: skip

    def _crossed(self, found: Found, quotes: Mapping[Name, str]) -> Mask:
        """Which are the bid and the ask of a market at one time, the wrong way round."""
        told: dict[tuple[str, int], dict[str, int]] = {}
        for at in np.flatnonzero(self.sound & self._of(quotes)).tolist():
            name = self._told.names[at]
            market = found.series[name].market if name in found.series else found.wanted[name][0]
            pair = told.setdefault((market.pair, int(self._told.time_ms[at])), {})
            pair[quotes[name]] = at
        crossed = np.zeros(len(self.sound), np.bool_)
        for pair in told.values():
            if len(pair) == 2 and self._told.value[pair["ask"]] < self._told.value[pair["bid"]]:
                crossed[list(pair.values())] = True
        return crossed

    def _of(self, names: Iterable[Name]) -> Mask:
        """Which readings are of one of some names."""
        chosen = frozenset(names)
        mask = np.fromiter((name in chosen for name in self.names), np.bool_)
        found: Mask = mask[self._which]
        return found

    def _refuse(self, bad: Mask, field: str, *, reason: str, allowed: str) -> None:
        rows = self.sound & bad
        indexes = self._told.index[rows].tolist()
        if indexes:
            self._told.refusals.add_all(indexes, field, reason=reason, allowed=allowed)
            self.sound[rows] = False

    def asked(self) -> set[Name]:
        """The names that something can be taken of."""
        return {self.names[at] for at in np.unique(self._which[self.sound]).tolist()}

    def refuse_wanted(self, found: Found, *, most: int) -> None:
        """There was no room to track these: `most` is the quota."""
        self._refuse(
            self._of(found.wanted), "market",
            reason=f"{most:,} series are pushed already, and no more are made",
            allowed="series that are there; series_max of [push] is the limit",
        )  # fmt: skip

    def readings(self, found: Found, interval: Interval) -> Readings:
        """What can be taken, by where it belongs."""
        series = [found.series.get(name) for name in self.names]
        at = np.flatnonzero(self.sound)
        which, time_ms, timed = self._which[at], self._told.time_ms[at], self._told.timed[at]
        block, place, ids = (_column(series, part)[which] for part in ("block_id", "place", "id"))
        return Readings(
            block=block, place=place, series=ids, slot=time_ms // interval.ms, time_ms=time_ms,
            timed=timed, value=self._told.value[at] + 0.0,  # zero has no sign
        )  # fmt: skip


def _column(series: Sequence[Series | None], part: str) -> Numbers:
    """int64[n]; 0 where there is none, which nobody asks for."""
    return np.array([0 if one is None else getattr(one, part) for one in series], np.int64)
