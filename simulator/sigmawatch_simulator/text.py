"""Decimal text of integer amounts: exact, and fast for whole boards.

A board is written by one %-template per market whose holes are integers: 10 us a market.
"""

import numpy as np

from sigmawatch_simulator.arrays import Ints
from sigmawatch_simulator.market import Market


def fixed(amount: int, decimals: int, *, shown: int | None = None) -> str:
    """12345 with 2 decimals is "123.45"; `shown` adds zeros up to so many decimals."""
    whole, part = divmod(abs(amount), 10**decimals)
    zeros = "0" * ((shown or decimals) - decimals)
    return f"{'-' if amount < 0 else ''}{whole}.{part:0{decimals}d}{zeros}"


def hole(decimals: int, shown: int | None = None) -> str:
    """The template of one amount: takes two integers, as `halves` gives them."""
    return f"%d.%0{decimals}d" + "0" * ((shown or decimals) - decimals)


class Grid:
    """The decimals of all markets of a venue, as columns."""

    def __init__(self, markets: tuple[Market, ...]) -> None:
        self.tick_scale = np.array([10**m.tick_decimals for m in markets], dtype=np.int64)
        self.lot_scale = np.array([10**m.lot_decimals for m in markets], dtype=np.int64)
        self.quote_scale = np.array([10**m.quote_decimals for m in markets], dtype=np.int64)

    def prices(self, ticks: Ints) -> list[list[int]]:
        return halves(ticks, self.tick_scale)

    def volumes(self, lots: Ints) -> list[list[int]]:
        return halves(lots, self.lot_scale)

    def quotes(self, amount: Ints) -> list[list[int]]:
        return halves(amount, self.quote_scale)

    def vwap(self, volume: Ints, quote: Ints) -> list[float]:
        """Quote per base; 0 where nothing traded."""
        base = np.maximum(volume, 1) / self.lot_scale
        return [float(value) for value in np.where(volume > 0, quote / self.quote_scale / base, 0)]


def halves(amount: Ints, scale: Ints) -> list[list[int]]:
    """Two columns for one `hole` each: before and after the point; amounts are not negative."""
    whole, part = np.divmod(amount, scale)
    return [whole.tolist(), part.tolist()]
