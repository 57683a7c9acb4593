"""Steps: history told by wider spans than slots, on a grid from the epoch (UTC).

A step is asked for as such, or follows from how many points a chart has room for. Where the slots
of the range were let go for their age, the step is that of the rollups that remain; the answer
says which.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from sigmawatch.domain.errors import Invalid
from sigmawatch.domain.metric import Kind, Metric
from sigmawatch.domain.window import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, Interval, parse_span
from sigmawatch.engine.rollups import Rollups

POINTS_MAX = 50_000
NICE_MS = tuple(
    [n * SECOND_MS for n in (1, 2, 5, 10, 15, 30)]
    + [n * MINUTE_MS for n in (1, 2, 5, 10, 15, 30)]
    + [n * HOUR_MS for n in (1, 2, 3, 4, 6, 8, 12)]
    + [n * DAY_MS for n in (1, 2, 5, 10, 30, 90, 365, 3_650)]
)


class Aggregate(StrEnum):
    """What of a step is told."""

    LAST = "last"
    MEAN = "mean"
    SUM = "sum"
    MINMAX = "minmax"
    OHLC = "ohlc"
    LTTB = "lttb"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stepping:
    """How history is told by steps: their width, and what is told of each."""

    step_ms: int
    agg: Aggregate

    def written(self) -> str:
        """As a cursor carries it."""
        return f"{self.step_ms} {self.agg}"

    @classmethod
    def read(cls, text: str, *, interval: Interval) -> Stepping:
        """Raises Invalid where `written` never wrote it of a series of that interval."""
        step, _, agg = text.partition(" ")
        step_ms = int(step[:15]) if step.isdecimal() and step.isascii() else 0
        if agg not in set(Aggregate) or not 0 < step_ms <= NICE_MS[-1] or step_ms % interval.ms:
            raise Invalid("that cursor is not one of this query's", field="cursor")
        return cls(step_ms=step_ms, agg=Aggregate(agg))


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """The steps [first, stop) of `step_ms`."""

    step_ms: int
    first: int
    stop: int

    @classmethod
    def over(cls, step_ms: int, *, from_ms: int, to_ms: int) -> Steps:
        """Those that open in [from, to)."""
        first, stop = -(-from_ms // step_ms), -(-to_ms // step_ms)
        return cls(step_ms=step_ms, first=min(first, stop), stop=stop)

    def up_to(self, count: int) -> Steps:
        """The first of them, at most so many."""
        return replace(self, stop=min(self.stop, self.first + count))

    def spread(self, runs: Rollups) -> dict[str, npt.NDArray[np.float64]]:
        """Every step's columns, NaN (n: 0) where nothing is known."""
        here = runs.at - self.first
        columns = {
            "open": runs.first, "high": runs.high, "low": runs.low, "close": runs.last,
            "mean": runs.average, "sum": runs.total, "n": runs.n,
        }  # fmt: skip
        told = {name: np.full(self.stop - self.first, np.nan) for name in columns}
        told["n"][:] = 0.0
        for name, column in columns.items():
            told[name][here] = column
        return told

    def flags(self, runs: Rollups) -> npt.NDArray[np.uint8]:
        """Every step's flags, or-ed."""
        told = np.zeros(self.stop - self.first, np.uint8)
        told[runs.at - self.first] = runs.marks
        return told


def step_asked(
    interval: Interval, *, step: str | None, points: int | None, span_ms: int
) -> int | None:
    """Milliseconds of the step that was asked for; None for the slots themselves. Raises
    Invalid."""
    if step is not None and points is not None:
        raise Invalid("both a step and points asked for", field="step", allowed="one of them")
    if points is not None:
        fitting = (ms for ms in NICE_MS if ms % interval.ms == 0 and span_ms <= points * ms)
        return _or_slots(interval, next(fitting, NICE_MS[-1]))
    return None if step is None else _or_slots(interval, _parsed(step, interval))


def _or_slots(interval: Interval, step_ms: int) -> int | None:
    return None if step_ms == interval.ms else step_ms


def _parsed(text: str, interval: Interval) -> int:
    allowed = f"a multiple of {interval}, from an hour on of hours"
    try:
        step_ms = parse_span(text)
    except Invalid as exc:
        raise Invalid(str(exc), field="step", allowed=allowed) from exc
    whole = step_ms % interval.ms == 0 and (step_ms < HOUR_MS or step_ms % HOUR_MS == 0)
    if not whole or step_ms > NICE_MS[-1]:
        raise Invalid(f"no step of {text}", field="step", allowed=allowed)
    return step_ms


def aggregate_asked(metric: Metric, asked: Aggregate | None) -> Aggregate:
    """What is told of a step: of a level its last value, of a flow its sum, else what was asked
    for. Raises Invalid for the sum of a level."""
    flow = metric.kind is Kind.FLOW
    if asked is Aggregate.SUM and not flow:
        raise Invalid(f"{metric.name} is a level; levels do not add up", field="agg",
                      allowed="last, mean, minmax, ohlc")  # fmt: skip
    return asked or (Aggregate.SUM if flow else Aggregate.LAST)
