"""Candles of one market as columns, and how coarser ones are made of minutes.

The candle of the running interval holds what has traded so far. Intervals align to the epoch.
"""

from dataclasses import dataclass, replace

import numpy as np

from sigmawatch_simulator.arrays import MINUTE_MS, Flags, Ints
from sigmawatch_simulator.minutes import Minutes
from sigmawatch_simulator.prints import prints_of
from sigmawatch_simulator.window import NEVER_LOW, window_of_prints

_PRICES = ("open", "high", "low", "close")
_SUMS = ("volume", "quote", "count")
_FIELDS = ("open_ms", *_PRICES, *_SUMS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Candles:
    """[candles], oldest first, no interval left out; count 0 where nothing traded.

    There the prices repeat the last close, volume and quote are 0.
    """

    open_ms: Ints
    open: Ints
    high: Ints
    low: Ints
    close: Ints
    volume: Ints
    quote: Ints
    count: Ints

    @classmethod
    def none(cls) -> "Candles":
        return cls(**{name: np.zeros(0, dtype=np.int64) for name in _FIELDS})

    def traded(self) -> "Candles":
        """Only the intervals in which something traded."""
        return self.at(self.count > 0)

    def at(self, chosen: Flags | slice) -> "Candles":
        return Candles(**{name: getattr(self, name)[chosen] for name in _FIELDS})


def until(cells: Minutes, offset_ms: int) -> Minutes:
    """The same minutes of one market, the last one holding only what traded before the offset."""
    prints = prints_of(cells.span(cells.minute.size - 1, cells.minute.size))
    part = window_of_prints(prints, prints.offset_ms < offset_ms)
    columns = {name: getattr(cells, name).copy() for name in (*_PRICES, *_SUMS)}
    has_trade = part.count[0] > 0
    for name in _PRICES:
        columns[name][-1] = getattr(part, name)[0] if has_trade else cells.open[-1]
    for name in _SUMS:
        columns[name][-1] = getattr(part, name)[0]
    return replace(cells, **columns)


def carried(cells: Minutes) -> Candles:
    """Minute candles of one market whose quiet minutes repeat the last close."""
    traded = cells.count > 0
    latest = np.maximum.accumulate(np.where(traded, np.arange(traded.size), -1))
    carry = np.where(latest >= 0, cells.close[latest], cells.open)
    prices = {name: np.where(traded, getattr(cells, name), carry) for name in _PRICES}
    sums = {name: np.where(traded, getattr(cells, name), 0) for name in _SUMS}
    return Candles(open_ms=cells.minute * MINUTE_MS, **prices, **sums)


def in_steps(minutes: Candles, step: int, *, skip: int) -> Candles:
    """Candles of `step` minutes; the first `skip` (at least one) minutes are history only."""
    assert skip > 0
    starts = np.arange(skip, minutes.open_ms.size, step)
    traded = minutes.count > 0
    rows = np.arange(traded.size)
    first = np.minimum.reduceat(np.where(traded, rows, rows[-1]), starts)
    last = np.maximum.reduceat(np.where(traded, rows, 0), starts)
    low = np.where(traded, minutes.low, NEVER_LOW)
    high = np.where(traded, minutes.high, 0)
    some = np.add.reduceat(minutes.count, starts) > 0
    carry = minutes.close[starts - 1]
    return Candles(
        open_ms=minutes.open_ms[starts],
        open=np.where(some, minutes.open[first], carry),
        high=np.where(some, np.maximum.reduceat(high, starts), carry),
        low=np.where(some, np.minimum.reduceat(low, starts), carry),
        close=np.where(some, minutes.close[last], carry),
        volume=np.add.reduceat(minutes.volume, starts),
        quote=np.add.reduceat(minutes.quote, starts),
        count=np.add.reduceat(minutes.count, starts),
    )
