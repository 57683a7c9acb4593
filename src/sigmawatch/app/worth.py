"""What a venue's markets are worth to whoever chooses among them, from one answer of all its
tickers: markets that nobody tracks are in it too.

Pure: an answer and a market list go in, a number for each market comes out. One turn of Python a
market, once an hour.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from sigmawatch.app.reference_rates import Leg, Routes
from sigmawatch.domain.market import Market
from sigmawatch.domain.metric import METRICS
from sigmawatch.domain.reading import Tickers


def worths(
    quotes: Tickers, listed: Sequence[Market], *, by: str, reference: str
) -> Mapping[str, float]:
    """Market id -> its `by`; without those of which nobody knows. by: a level, or what is computed
    of one: then at the rates of the very same answer."""
    column = _column(quotes, METRICS[by].derived_from or by)
    if METRICS[by].derived_from is None:
        return column
    rates = _Rates(quotes, listed, reference=reference)
    found = {one.native: column.get(one.native, math.nan) * rates.of(one) for one in listed}
    return {native: value for native, value in found.items() if not math.isnan(value)}


def _column(quotes: Tickers, metric: str) -> dict[str, float]:
    values = quotes.columns.get(metric, ())
    return {
        native: value for native, value in zip(quotes.natives, values, strict=False)
        if not math.isnan(value)
    }  # fmt: skip


class _Rates:
    """What the quote currency of a market is worth in the reference, through the prices of one
    venue (the ways of app.reference_rates)."""

    def __init__(self, quotes: Tickers, listed: Sequence[Market], *, reference: str) -> None:
        prices = _column(quotes, "price")
        self._prices = {
            (one.base, one.quote): prices[one.native] for one in listed if one.native in prices
        }
        venue = listed[0].venue if listed else ""
        self._routes = Routes(((venue, *pair) for pair in self._prices), reference=reference)
        self._known: dict[str, float] = {}

    def of(self, market: Market) -> float:
        """NaN where there is no way."""
        if market.quote not in self._known:
            ways = self._routes.of(market.quote, venue=market.venue)
            self._known[market.quote] = math.prod(map(self._leg, ways[0])) if ways else math.nan
        return self._known[market.quote]

    def _leg(self, leg: Leg) -> float:
        price = self._prices[leg.base, leg.quote]
        return 1.0 / price if leg.inverse else price
