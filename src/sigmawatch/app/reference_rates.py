"""Rates to the reference currency, through the prices that are tracked (SEMANTICS.md 1).

What a currency is worth at a venue is told by the first of its routes whose legs are known: one
market of the currency and the reference, either way round; else two markets over BTC; else two over
USDT. Among equals the venue's own markets come first, then the others by venue in alphabetical
order. A stablecoin has no other rate than its markets'. A leg is known by its newest counted close,
up to RATE_SLOTS_MAX slots old.

Routes are a function of what is tracked, rates of the series table: no clock, no I/O.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from sigmawatch.domain.frame import Reason
from sigmawatch.domain.series import Series
from sigmawatch.engine.geometry import Column, Marks, Rows
from sigmawatch.engine.marks import reasons_of

RATE_SLOTS_MAX = 10
BRIDGES = ("BTC", "USDT")
_UNKNOWN, _ONE, _FIRST = 0, 1, 2  # columns of factors: NaN, 1, then the legs


class Cells(Protocol):
    """What a series table tells of some places of a block (engine.table)."""

    def rows(
        self, block_id: int, places: Rows, *, from_slot: int, to_slot: int
    ) -> tuple[Column, Marks]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """One market of a route. inverse: its base is what the rate leads to."""

    venue: str
    base: str
    quote: str
    inverse: bool


Route = tuple[Leg, ...]


class Routes:
    """Every way from a currency to the reference."""

    def __init__(self, prices: Iterable[tuple[str, str, str]], *, reference: str) -> None:
        """prices: venue, base and quote of every market whose price is tracked."""
        self._reference = reference
        self._venues: dict[tuple[str, str], set[str]] = {}
        for venue, base, quote in prices:
            self._venues.setdefault((base, quote), set()).add(venue)

    def of(self, currency: str, *, venue: str) -> tuple[Route, ...]:
        """The routes of a currency that is paid at `venue`, the best first; the reference itself
        has one without legs."""
        if currency == self._reference:
            return ((),)
        direct = [(leg,) for leg in self._legs(currency, self._reference, home=venue)]
        over = [
            (first, second)
            for bridge in BRIDGES
            if bridge not in (currency, self._reference)
            for first in self._legs(currency, bridge, home=venue)
            for second in self._legs(bridge, self._reference, home=venue)
        ]
        return (*direct, *over)

    def _legs(self, currency: str, into: str, *, home: str) -> list[Leg]:
        straight = [
            Leg(venue=venue, base=currency, quote=into, inverse=False)
            for venue in self._venues.get((currency, into), ())
        ]
        turned = [
            Leg(venue=venue, base=into, quote=currency, inverse=True)
            for venue in self._venues.get((into, currency), ())
        ]
        return sorted(
            straight + turned, key=lambda leg: (leg.venue != home, leg.venue, leg.inverse)
        )


class Rates:
    """The rates of some currencies at their venues, as columns over slots."""

    def __init__(
        self, keys: Sequence[tuple[str, str]], *, prices: Sequence[Series], reference: str
    ) -> None:
        """keys: venue and currency of each rate. prices: the tracked `price` series of venues."""
        of_market: dict[tuple[str, str, str], Series] = {}
        for one in prices:
            market = one.market
            of_market.setdefault((market.venue, market.base, market.quote), one)
        routes = Routes(of_market, reference=reference)
        chosen = [routes.of(currency, venue=venue) for venue, currency in keys]
        legs = [
            of_market[leg.venue, leg.base, leg.quote]
            for ways in chosen for way in ways for leg in way
        ]  # fmt: skip
        self.legs: tuple[Series, ...] = tuple(dict.fromkeys(legs))
        self.keys_of_leg: dict[int, set[int]] = {one.id: set() for one in self.legs}
        self._columns = {one.id: column for column, one in enumerate(self.legs, start=_FIRST)}
        ranks = max((len(ways) for ways in chosen), default=0)
        # rank of the route, above or below the fraction bar, number of the leg, key -> column
        self._factors = np.full((ranks, 2, 2, len(keys)), _ONE, np.intp)
        for key, ways in enumerate(chosen):
            self._factors[len(ways) :, 0, 0, key] = _UNKNOWN
            for rank, way in enumerate(ways):
                for number, leg in enumerate(way):
                    one = of_market[leg.venue, leg.base, leg.quote]
                    self.keys_of_leg[one.id].add(key)
                    self._factors[rank, int(leg.inverse), number, key] = self._columns[one.id]

    def over(
        self, cells: Cells, first: int, *, stop: int, keys: Rows | None = None
    ) -> tuple[Column, Marks]:
        """The rates of slots [first, stop): float64[slots, keys], reference per unit, NaN where no
        route is known; and uint8[slots, keys], the reason of that: of the first unknown leg of the
        best route, `not_polled` where there is no route. keys: which ones; all for None."""
        factors = self._factors if keys is None else self._factors[..., keys]
        closes, reasons = self._closes(cells, first, stop=stop)
        columns = np.full((stop - first, _FIRST + len(self.legs)), np.nan)
        columns[:, _ONE] = 1.0
        columns[:, _FIRST:] = closes
        rates = np.full((stop - first, factors.shape[3]), np.nan)
        with np.errstate(all="ignore"):
            for above, below in factors:
                unknown = np.isnan(rates)
                if not unknown.any():
                    break
                fraction = columns[:, above].prod(axis=1) / columns[:, below].prod(axis=1)
                rates = np.where(unknown, fraction, rates)
        rates[~np.isfinite(rates)] = np.nan
        return rates, _reasons(columns, reasons, factors=factors)

    def _closes(self, cells: Cells, first: int, *, stop: int) -> tuple[Column, Marks]:
        """The legs' newest closes and their reasons at each slot; [slots, legs]."""
        reach = RATE_SLOTS_MAX
        values = np.full((reach + stop - first, len(self.legs)), np.nan)
        marks = np.full(values.shape, Reason.NOT_POLLED, np.uint8)
        for block_id, columns in _by_block(self.legs).items():
            places = np.array([self.legs[column].place for column in columns], np.intp)
            values[:, columns], marks[:, columns] = cells.rows(
                block_id, places, from_slot=first - reach, to_slot=stop
            )
        closes = values[reach:]
        for back in range(1, reach + 1):
            unknown = np.isnan(closes)
            if not unknown.any():
                break
            closes = np.where(unknown, values[reach - back : -back], closes)
        return closes, reasons_of(marks[reach:])


def _reasons(columns: Column, reasons: Marks, *, factors: Rows) -> Marks:
    """Of the first unknown leg of each key's best route; uint8[slots, keys]."""
    if not len(factors):
        return np.full((len(columns), factors.shape[3]), Reason.NOT_POLLED, np.uint8)
    nowhere = np.full((len(columns), _FIRST), Reason.NOT_POLLED, np.uint8)
    table = np.concatenate((nowhere, reasons), axis=1)
    first, second = factors[0].max(axis=0)  # a leg stands above the bar or below it
    return np.where(np.isnan(columns[:, first]), table[:, first], table[:, second])


def _by_block(series: Sequence[Series]) -> dict[int, Rows]:
    """Block id -> places in `series` of those that live there."""
    found: dict[int, list[int]] = {}
    for number, one in enumerate(series):
        found.setdefault(one.block_id, []).append(number)
    return {block_id: np.array(numbers, np.intp) for block_id, numbers in found.items()}
