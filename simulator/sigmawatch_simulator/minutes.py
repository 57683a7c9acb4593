"""A rectangle of minute candles: what every source of prices hands out.

Where nothing traded (count 0) volume and quote are 0 and open..close say where the market would
have traded: quotes move there, candles do not exist there.
"""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from sigmawatch_simulator.arrays import Bits, Flags, Floats, Ints
from sigmawatch_simulator.market import Market


@dataclass(frozen=True, slots=True, kw_only=True)
class Minutes:
    """open..count: [minutes, markets] in ticks, lots, quote units; or one line of such."""

    keys: Bits  # [markets]
    minute: Ints  # [minutes], minutes since the epoch
    quote_scale: Floats  # [markets], quote units per tick and lot
    open: Ints
    high: Ints
    low: Ints
    close: Ints
    volume: Ints
    quote: Ints
    count: Ints
    dip_first: Flags  # the low comes before the high

    def row(self, position: int) -> "Minutes":
        """One minute of all markets, as [markets]."""
        minute = self.minute[position : position + 1]
        return Minutes(
            keys=self.keys, minute=minute, quote_scale=self.quote_scale, **self._cells(position)
        )

    def column(self, position: int) -> "Minutes":
        """All minutes of one market, as [minutes]."""
        one = slice(position, position + 1)
        return Minutes(
            keys=self.keys[one],
            minute=self.minute,
            quote_scale=self.quote_scale[one],
            **self._cells((slice(None), position)),
        )

    def span(self, first: int, last: int) -> "Minutes":
        """The minutes at positions first..last-1, still a rectangle."""
        rows = slice(first, last)
        return Minutes(
            keys=self.keys,
            minute=self.minute[rows],
            quote_scale=self.quote_scale,
            **self._cells(rows),
        )

    def _cells(self, at: Any) -> dict[str, Any]:
        return {name: getattr(self, name)[at] for name in _CELLS}


_CELLS = ("open", "high", "low", "close", "volume", "quote", "count", "dip_first")


class Source(Protocol):
    """Where minutes come from: a model or a recorded file. A pure function of its arguments."""

    markets: tuple[Market, ...]

    def minutes(self, which: Ints, span: range) -> Minutes:
        """These minutes of the markets at these positions."""
        ...


def quote_scale(markets: tuple[Market, ...]) -> Floats:
    """float64[markets]: quote units per tick and lot."""
    exponents = [m.quote_decimals - m.lot_decimals - m.tick_decimals for m in markets]
    return np.array([10.0**e for e in exponents])


def quote_volume(cells: Minutes) -> Ints:
    """The quote volume of each minute: volume at the mean price of its prints."""
    o, c = cells.open.astype(np.float64), cells.close.astype(np.float64)
    first = np.where(cells.dip_first, cells.low, cells.high)
    second = np.where(cells.dip_first, cells.high, cells.low)
    mean = np.where(
        cells.count >= 13,
        (2.5 * o + 4.0 * first + 4.0 * second + 2.5 * c) / 13.0,
        (o + first + second + c) / 4.0,
    )
    mean = np.where(cells.count == 3, (o + first + c) / 3.0, mean)
    mean = np.where(cells.count <= 2, (o + c) / 2.0, mean)
    exact: Ints = np.rint(mean * cells.volume * cells.quote_scale).astype(np.int64)
    return exact
