"""From candles to slots: what a market's candles say about each slot of a series.

Pure functions over NumPy arrays; no clock, no I/O. A candle fills the slots it covers; a slot
without a candle, once the venue must have told, was quiet: the level is the previous close
(`carried`), the flow is zero (`no_trades`). A candle wider than the slot stands in every slot it
covers, marked `coarse` (SEMANTICS.md 2). The rolling 24-hour volume is rebuilt as the sum of the
24 hours before each slot's end, never the other way round (SEMANTICS.md 1).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sigmawatch.domain.frame import MISSING, REASON_MASK, Flag, Patch, Reason
from sigmawatch.domain.metric import Kind
from sigmawatch.domain.reading import Candles
from sigmawatch.domain.series import Series
from sigmawatch.domain.window import Interval

Values = npt.NDArray[np.float64]
Marks = npt.NDArray[np.uint8]
Slots = npt.NDArray[np.int64]

QUIET_AFTER_SLOTS = 2
_FLOWS = ("volume_base", "volume_quote", "trades")
FLOW_OF_METRIC = {"traded_base": "volume_base", "traded_quote": "volume_quote", "trades": "trades"}
ROLLING_OF_METRIC = {"volume_24h_base": "volume_base", "volume_24h_quote": "volume_quote"}
CANDLE_METRICS = frozenset({"price", *FLOW_OF_METRIC, *ROLLING_OF_METRIC})


@dataclass(frozen=True, slots=True, kw_only=True)
class Supply:
    """Candles and what their absence means: quiet from `from_ms` on, as far as the venue reached
    back (`Candles.from_ms`)."""

    candles: Candles
    from_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """One market laid out on slots [from_slot, from_slot + n).

    close: quote per base; flows: name -> amount per slot; both float64[n], NaN where nothing is
    known. level_marks, flow_marks: uint8[n]; a place that says nothing is PENDING.
    """

    interval: Interval
    from_slot: int
    close: Values
    flows: dict[str, Values]
    level_marks: Marks
    flow_marks: Marks
    quote_derived: bool

    def __len__(self) -> int:
        return len(self.close)


def lay_out(
    supplies: Sequence[Supply], interval: Interval, *, from_slot: int, to_slot: int, now_ms: int
) -> Timeline:
    """The slots [from_slot, to_slot) that `supplies` (widest candles first) tell about."""
    count = to_slot - from_slot
    line = Timeline(
        interval=interval,
        from_slot=from_slot,
        close=np.full(count, np.nan),
        flows={name: np.full(count, np.nan) for name in _FLOWS},
        level_marks=np.full(count, Reason.PENDING, np.uint8),
        flow_marks=np.full(count, Reason.PENDING, np.uint8),
        quote_derived=any(supply.candles.quote_derived for supply in supplies),
    )
    for supply in sorted(supplies, key=lambda supply: -supply.candles.span_ms):
        _lay_quiet(line, supply, now_ms=now_ms)
        _lay_candles(line, supply.candles)
    _carry(line)
    return line


def _lay_quiet(line: Timeline, supply: Supply, *, now_ms: int) -> None:
    """Where a missing candle means that nothing traded."""
    delta_ms, candles = line.interval.ms, supply.candles
    first = -(-max(supply.from_ms, candles.from_ms) // delta_ms)
    passed = line.interval.slot(now_ms) - QUIET_AFTER_SLOTS
    known = line.interval.slot(candles.open_ms[-1]) if len(candles.open_ms) else first
    last = min(max(passed, known), candles.complete_ms // delta_ms)
    quiet = slice(max(first - line.from_slot, 0), max(last - line.from_slot, 0))
    line.close[quiet] = np.nan
    line.level_marks[quiet] = Reason.CARRIED | Flag.FILLED
    line.flow_marks[quiet] = Reason.NO_TRADES | Flag.FILLED
    for flow in line.flows.values():
        flow[quiet] = 0.0


def _lay_candles(line: Timeline, candles: Candles) -> None:
    opens = np.frombuffer(candles.open_ms, np.int64)
    if not len(opens):
        return
    close = np.frombuffer(candles.close, np.float64)
    flows = {name: np.frombuffer(getattr(candles, name), np.float64) for name in _FLOWS}
    delta_ms, flag = line.interval.ms, Flag.FILLED
    if candles.span_ms > delta_ms:
        wide = candles.span_ms // delta_ms
        slots = (opens[:, None] // delta_ms + np.arange(wide)).ravel()
        close = np.repeat(close, wide)
        flows = {name: np.repeat(flow / wide, wide) for name, flow in flows.items()}
        flag |= Flag.COARSE
    else:
        slots, starts = np.unique(opens // delta_ms, return_index=True)
        close = close[np.append(starts[1:], len(close)) - 1]
        flows = {name: np.add.reduceat(flow, starts) for name, flow in flows.items()}
    _place(line, slots - line.from_slot, close=close, flows=flows, flag=flag)


def _place(
    line: Timeline, at: Slots, *, close: Values, flows: dict[str, Values], flag: Flag
) -> None:
    inside = (at >= 0) & (at < len(line))
    at = at[inside]
    line.close[at] = close[inside]
    line.level_marks[at] = Reason.OBSERVED | flag
    line.flow_marks[at] = Reason.OBSERVED | flag
    for name, flow in flows.items():
        line.flows[name][at] = flow[inside]


def _carry(line: Timeline) -> None:
    """Quiet slots take the close before them; before the first close nothing is known."""
    known = np.where(np.isnan(line.close), -1, np.arange(len(line)))
    source = np.maximum.accumulate(known)
    quiet = (line.level_marks & REASON_MASK) == Reason.CARRIED
    filled = quiet & (source >= 0)
    line.close[filled] = line.close[source[filled]]
    line.level_marks[quiet & (source < 0)] = Reason.PENDING


def rolling_day(line: Timeline, flow: str) -> tuple[Values, Marks]:
    """The 24-hour volume at each slot's end: float64[n], uint8[n]; NaN where the day before is
    not known from end to end."""
    day = line.interval.slots_per_day
    amounts = line.flows[flow]
    unknown = np.isnan(amounts)
    total = np.concatenate(([0.0], np.cumsum(np.where(unknown, 0.0, amounts))))
    holes = np.concatenate(([0], np.cumsum(unknown)))
    coarse = np.concatenate(([0], np.cumsum((line.flow_marks & Flag.COARSE) != 0)))
    values = np.full(len(line), np.nan)
    marks = np.full(len(line), Reason.PENDING, np.uint8)
    if len(line) < day:
        return values, marks
    whole = np.flatnonzero(holes[day:] == holes[:-day])
    values[whole + day - 1] = np.maximum(total[whole + day] - total[whole], 0.0)
    wide = coarse[whole + day] > coarse[whole]
    plain = np.uint8(Reason.OBSERVED | Flag.FILLED | Flag.DERIVED)
    marks[whole + day - 1] = plain | np.where(wide, np.uint8(Flag.COARSE), np.uint8(0))
    return values, marks


def patch_for(
    series: Series, line: Timeline, *, from_slot: int, to_slot: int, now_ms: int
) -> Patch | None:
    """What the candles say about one series in [from_slot, to_slot); None where nothing."""
    values, marks = _columns(series, line)
    first, last = max(from_slot - line.from_slot, 0), min(to_slot - line.from_slot, len(line))
    if first >= last:
        return None
    values, marks = values[first:last], marks[first:last]
    told = np.flatnonzero((marks & REASON_MASK) < MISSING)
    if not len(told):
        return None
    first, values, marks = _trim(first, values, marks=marks, told=told)
    return Patch(
        series_id=series.id,
        from_slot=line.from_slot + first,
        revision=line.interval.slot(now_ms),
        recv_ms=now_ms,
        values=values.astype("<f8").tobytes(),
        marks=marks.tobytes(),
    )


def _trim(first: int, values: Values, *, marks: Marks, told: Slots) -> tuple[int, Values, Marks]:
    start, stop = int(told[0]), int(told[-1]) + 1
    return first + start, values[start:stop], marks[start:stop]


def _columns(series: Series, line: Timeline) -> tuple[Values, Marks]:
    if series.metric in ROLLING_OF_METRIC:
        return rolling_day(line, ROLLING_OF_METRIC[series.metric])
    if series.kind.kind is Kind.LEVEL:
        return line.close, line.level_marks
    return flow_column(series.metric, line)


def flow_column(metric: str, line: Timeline) -> tuple[Values, Marks]:
    """One flow of a market: float64[n], uint8[n]; a quote volume that the venue does not tell is
    marked `derived` (SEMANTICS.md 1)."""
    values = line.flows[FLOW_OF_METRIC[metric]]
    marks = np.where(np.isnan(values), np.uint8(Reason.PENDING), line.flow_marks)
    if metric == "traded_quote" and line.quote_derived:
        told = (marks & REASON_MASK) == Reason.OBSERVED
        marks = marks | np.where(told, np.uint8(Flag.DERIVED), np.uint8(0))
    return values, marks


def needs_two_days(metrics: Iterable[str]) -> bool:
    """Whether any of them is a rolling 24-hour figure, whose first value needs the day before."""
    return any(name in ROLLING_OF_METRIC for name in metrics)
