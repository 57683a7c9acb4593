"""The path inside a minute: when which part of its volume traded, and at what price.

A minute has up to 13 prints. Its open, its two extremes and its close are prints 0, 4, 8 and 12,
the others lie on the lines between; a minute of few trades has only the prints it needs. The
sums over a whole minute are the minute's own figures, exactly.
"""

from dataclasses import dataclass

import numpy as np

from sigmawatch_simulator.arrays import MINUTE_MS, Flags, Floats, Ints
from sigmawatch_simulator.minutes import Minutes
from sigmawatch_simulator.noise import field, mixed

PRINTS = 13
_KNOT = 4
_DENSE = 13  # from this many trades on, every print has one


@dataclass(frozen=True, slots=True, kw_only=True)
class Prints:
    """[prints, cells] of one line of minutes; where not active, all volumes are 0."""

    active: Flags
    offset_ms: Ints  # within the minute, growing, where active
    price: Ints
    volume: Ints
    quote: Ints
    count: Ints


def prints_of(cells: Minutes) -> Prints:
    """The prints of a line of minutes (of many markets, or of one market)."""
    active = _active(cells.count)
    ordinal: Ints = np.cumsum(active, axis=0, dtype=np.int64)
    total = np.maximum(ordinal[-1], 1)
    price = _path(cells)
    volume = np.where(active, _share(cells.volume, ordinal, total=total), 0)
    paid: Floats = price.astype(np.float64) * volume
    return Prints(
        active=active,
        offset_ms=_offsets(cells, ordinal, total=total),
        price=price,
        volume=volume,
        quote=_quote(cells, paid, is_last=active & (ordinal == total)),
        count=np.where(active, _share(cells.count, ordinal, total=total), 0),
    )


def _active(count: Ints) -> Flags:
    active = np.zeros((PRINTS, count.size), dtype=np.bool_)
    active[0] = count >= 1
    active[12] = count >= 2
    active[4] = count >= 3
    active[8] = count >= 4
    active[:, count >= _DENSE] = True
    return active


def _share(amount: Ints, ordinal: Ints, *, total: Ints) -> Ints:
    """The part of `amount` that falls on the ordinal-th of `total` equal shares."""
    whole, rest = amount // total, amount % total
    share: Ints = whole + (rest * ordinal // total - rest * (ordinal - 1) // total)
    return share


def _path(cells: Minutes) -> Ints:
    first = np.where(cells.dip_first, cells.low, cells.high)
    second = np.where(cells.dip_first, cells.high, cells.low)
    knots = np.stack([cells.open, first, second, cells.close]).astype(np.float64)
    price = np.empty((PRINTS, cells.open.size), dtype=np.int64)
    price[12] = cells.close
    for leg in range(3):
        for step in range(_KNOT):
            part = step / _KNOT
            between = knots[leg] + (knots[leg + 1] - knots[leg]) * part
            price[leg * _KNOT + step] = np.rint(between)
    return price


def _offsets(cells: Minutes, ordinal: Ints, *, total: Ints) -> Ints:
    place = np.arange(PRINTS, dtype=np.uint64)[:, None] + (
        cells.minute.astype(np.uint64) * np.uint64(16)
    )
    random = mixed(cells.keys ^ mixed(place * np.uint64(0x9E3779B97F4A7C15)))
    exact: Floats = MINUTE_MS * (ordinal - 1 + field(random, 0)) / total
    return exact.astype(np.int64)


def _quote(cells: Minutes, paid: Floats, *, is_last: Flags) -> Ints:
    """Price times volume; the last print takes what the minute's own figure leaves."""
    exact = np.rint(paid * cells.quote_scale).astype(np.int64)
    before = np.where(is_last, 0, exact)
    rest = np.maximum(cells.quote - before.sum(axis=0), 0)
    return np.where(is_last, rest, before)
