"""Ranks: the order of numbers, who shares a place, who has none and why (SEMANTICS.md 3).

Rank 1 is the largest. Ties share the better rank ("1, 2, 2, 4"); neighbours in order that differ by
no more than 1e-12 of the larger are equal, and equality goes on along a chain. Inside a tie the
order is by name. Two lists come out: the ranked, and the provisional (enough values, too little
coverage). One sort each; 100,000 rows in 3 ms. Imports nothing of ours but types.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from sigmawatch.engine.geometry import Column, Rows

EQUAL = 1e-12
Ranks = npt.NDArray[np.int32]
Codes = npt.NDArray[np.uint8]


class Why(IntEnum):
    """Why a series has no rank; RANKED where it has one. Several may hold: the first counts."""

    RANKED = 0
    NOT_A_PEER = 1  # another metric, or outside `peers=`
    DELISTED = 2
    PAUSED = 3
    STALE = 4
    FROZEN = 5
    SUSPECT = 6
    TOO_FEW = 7  # fewer values than the statistic needs
    SIGN_CHANGE = 8  # no relative deviation: the values do not share one sign
    UNKNOWN = 9  # the number is not known (an end of the change, a return, a fresh value)
    PROVISIONAL = 10  # enough values, too little coverage: a place in the second list
    SEAM = 11  # the window holds two sources (a fail-over's), or the change would cross from one


# In a row, from first to last.
EXCLUDED = (Why.DELISTED, Why.PAUSED, Why.STALE, Why.FROZEN, Why.SUSPECT)


@dataclass(frozen=True, slots=True, eq=False)
class Ranking:
    """One key over one set of peers at one slot.

    rank: int32[rows], 0 where there is none; why: uint8[rows] of Why; of, excluded: counts. order:
    the ranked rows, best first. provisional: int32[rows], the place in the second list of
    provisional_of; provisional_order: its rows. key: float64[rows], what was ranked.
    mixed_units: the numbers are not in one unit, so the order means little.
    """

    by: str
    key: Column
    rank: Ranks
    why: Codes
    of: int
    excluded: int
    order: Rows
    provisional: Ranks
    provisional_of: int
    provisional_order: Rows
    mixed_units: bool = False

    def text(self, row: int) -> str | None:
        """ "8/10", or None without a rank."""
        return f"{self.rank[row]}/{self.of}" if self.rank[row] else None

    def ties(self, row: int) -> int:
        """How many share the row's rank, itself included; 0 without a rank."""
        rank = self.rank[row]
        if not rank:
            return 0
        after = np.searchsorted(self.rank[self.order], rank, side="right")
        return int(after) - int(rank) + 1


def rank(by: str, key: Column, *, rows: Rows, why: Codes, name_order: Ranks) -> Ranking:
    """Rank `rows` whose `why` is RANKED or PROVISIONAL, each in its list.

    key: float64[board], finite for those. rows: intp[peers]; why: uint8[peers]. name_order:
    int32[board], the place of each row's name in alphabetical order.
    """
    order, places = _listed(key, _of(rows, why == Why.RANKED), name_order=name_order)
    second, second_places = _listed(key, _of(rows, why == Why.PROVISIONAL), name_order=name_order)
    ranks, provisional = np.zeros((2, len(key)), np.int32)
    ranks[order], provisional[second] = places, second_places
    excluded = np.count_nonzero((why >= EXCLUDED[0]) & (why <= EXCLUDED[-1]))
    everyone = why
    if len(rows) < len(key):
        everyone = np.full(len(key), np.uint8(Why.NOT_A_PEER))
        everyone[rows] = why
    for array in (key, ranks, everyone, order, provisional, second):
        array.setflags(write=False)
    return Ranking(
        by=by, key=key, rank=ranks, why=everyone, of=len(order),
        excluded=int(excluded), order=order, provisional=provisional,
        provisional_of=len(second), provisional_order=second,
    )  # fmt: skip


def _of(rows: Rows, where: npt.NDArray[np.bool_]) -> Rows:
    return rows if where.all() else rows[where]


def _listed(key: Column, rows: Rows, *, name_order: Ranks) -> tuple[Rows, Ranks]:
    """`rows`, ascending, in order of their keys, and their ranks."""
    everyone = len(rows) == len(key)
    falling = -key if everyone else -key[rows]
    order = np.argsort(falling)
    values = falling[order]
    if not everyone:
        order = rows[order]
    places = np.arange(1, len(order) + 1, dtype=np.int32)
    first, after = values[:-1], values[1:]  # first <= after, both keys with the sign turned
    with np.errstate(over="ignore"):
        near = np.maximum(-first, after)
        near *= EQUAL
        equal = after - first <= near
    alike = np.flatnonzero(equal)
    if len(alike):
        _share(order, places, alike=alike, name_order=name_order)
    return order, places


def _share(order: Rows, places: Ranks, *, alike: Rows, name_order: Ranks) -> None:
    """In place: one rank and the order of names inside every tie. alike: where a row ties with the
    next one, ascending."""
    begins = np.append(True, np.diff(alike) > 1)  # the first two of a tie
    first = alike[begins]
    at = np.append(first, alike + 1)
    best = places[first]
    members, shared = order[at], np.append(best, best[np.cumsum(begins) - 1])
    places[at] = shared
    by_tie_then_name = (shared.astype(np.int64) << 32) + name_order[members]
    at.sort()
    order[at] = members[np.argsort(by_tie_then_name)]
