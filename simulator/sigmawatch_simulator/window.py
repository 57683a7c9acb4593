"""Figures over a span of trades: open, high, low, close, volume, quote volume, count.

Windows join exactly: the window of two adjoining spans is the join of their windows.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sigmawatch_simulator.arrays import Flags, Ints
from sigmawatch_simulator.minutes import Minutes
from sigmawatch_simulator.prints import Prints

NEVER_LOW = np.int64(2**62)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """[markets]; where count is 0: open, high, close 0 and low NEVER_LOW."""

    open: Ints
    high: Ints
    low: Ints
    close: Ints
    volume: Ints
    quote: Ints
    count: Ints

    @classmethod
    def empty(cls, size: int) -> "Window":
        zero = np.zeros(size, dtype=np.int64)
        low = np.full(size, NEVER_LOW)
        return cls(open=zero, high=zero, low=low, close=zero, volume=zero, quote=zero, count=zero)


def window_of_minutes(cells: Minutes) -> Window:
    """The window over all minutes of a rectangle [minutes, markets]."""
    if cells.minute.size == 0:
        return Window.empty(cells.keys.size)
    traded = cells.count > 0
    return _folded(traded, cells, prices=(cells.open, cells.high, cells.low, cells.close))


def window_of_prints(prints: Prints, chosen: Flags) -> Window:
    """The window over the chosen prints [prints, markets] of one minute."""
    price = prints.price
    return _folded(chosen & prints.active, prints, prices=(price, price, price, price))


def _folded(
    traded: Flags, sizes: Minutes | Prints, *, prices: tuple[Ints, Ints, Ints, Ints]
) -> Window:
    first, high, low, last = prices
    any_trade = traded.any(axis=0)
    column = np.arange(traded.shape[1])
    first_row = traded.argmax(axis=0)
    last_row = traded.shape[0] - 1 - traded[::-1].argmax(axis=0)
    return Window(
        open=np.where(any_trade, first[first_row, column], 0),
        high=np.where(traded, high, 0).max(axis=0),
        low=np.where(traded, low, NEVER_LOW).min(axis=0),
        close=np.where(any_trade, last[last_row, column], 0),
        volume=np.where(traded, sizes.volume, 0).sum(axis=0),
        quote=np.where(traded, sizes.quote, 0).sum(axis=0),
        count=np.where(traded, sizes.count, 0).sum(axis=0),
    )


def join(parts: Sequence[Window]) -> Window:
    """The window over adjoining spans, given in the order of time."""
    assert parts
    opened, closed = parts[-1].open, parts[0].close
    for part in reversed(parts[:-1]):
        opened = np.where(part.count > 0, part.open, opened)
    for part in parts[1:]:
        closed = np.where(part.count > 0, part.close, closed)
    return Window(
        open=opened,
        high=np.max([part.high for part in parts], axis=0),
        low=np.min([part.low for part in parts], axis=0),
        close=closed,
        volume=np.sum([part.volume for part in parts], axis=0),
        quote=np.sum([part.quote for part in parts], axis=0),
        count=np.sum([part.count for part in parts], axis=0),
    )
