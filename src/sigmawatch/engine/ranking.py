"""Ranks: who is how high among its peers, who is left out, and why (SEMANTICS.md 3).

Rank 1 is the largest. Ties share the better rank ("1, 2, 2, 4"); neighbours in order that differ by
no more than 1e-12 of the larger are equal, and equality goes on along a chain. Inside a tie the
order is by name. Two lists come out: the ranked, and the provisional (enough values, too little
coverage). Pure functions over columns; one sort each. Imports nothing of ours but types.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from sigmawatch.engine.geometry import Column, Mask, Rows

EQUAL = 1e-12
COVERAGE_MIN = 0.8
Ranks = npt.NDArray[np.int32]
Codes = npt.NDArray[np.uint8]


class Why(IntEnum):
    """Why a series has no rank; RANKED where it has one. Several may hold: the first counts."""

    RANKED = 0
    NOT_A_PEER = 1  # another metric, or outside `peers=`
    DELISTED = 2
    STALE = 3
    FROZEN = 4
    SUSPECT = 5
    TOO_FEW = 6  # fewer values than the statistic needs
    SIGN_CHANGE = 7  # no relative deviation: the values do not share one sign
    UNKNOWN = 8  # the number is not known (an end of the change, a return, a fresh value)
    PROVISIONAL = 9  # enough values, too little coverage: a place in the second list


EXCLUDED = (Why.DELISTED, Why.STALE, Why.FROZEN, Why.SUSPECT)


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


def rank(
    by: str, key: Column, *, why: Codes, name_order: Ranks, mixed_units: bool = False
) -> Ranking:
    """Rank the rows of `key` whose `why` is RANKED or PROVISIONAL, each in its list.

    key: float64[rows], finite for those rows. name_order: int32[rows], the place of each row's name
    in alphabetical order.
    """
    order, places = _list(key, why == Why.RANKED, name_order=name_order)
    second, second_places = _list(key, why == Why.PROVISIONAL, name_order=name_order)
    ranks, provisional = np.zeros((2, len(key)), np.int32)
    ranks[order], provisional[second] = places, second_places
    excluded = int(np.isin(why, EXCLUDED).sum())
    for array in (key, ranks, why, order, provisional, second):
        array.setflags(write=False)
    return Ranking(
        by=by, key=key, rank=ranks, why=why, of=len(order), excluded=excluded, order=order,
        provisional=provisional, provisional_of=len(second), provisional_order=second,
        mixed_units=mixed_units,
    )  # fmt: skip


def _list(key: Column, listed: Mask, *, name_order: Ranks) -> tuple[Rows, Ranks]:
    """The rows in order and their ranks."""
    rows = np.flatnonzero(listed)
    if not len(rows):
        return rows, np.zeros(0, np.int32)
    order = rows[np.argsort(-key[rows])]
    values = key[order]
    above, below = values[:-1], values[1:]
    apart = above - below > EQUAL * np.maximum(np.abs(above), np.abs(below))
    starts = np.concatenate(([True], apart))
    first = np.maximum.accumulate(np.where(starts, np.arange(len(order)), 0))
    tied = ~starts
    tied[:-1] |= ~starts[1:]
    at = np.flatnonzero(tied)
    if len(at):
        members = order[at]
        order[at] = members[np.lexsort((name_order[members], first[at]))]
    return order, (first + 1).astype(np.int32)


def why_unranked(*, peers: Mask, delisted: Mask, stale: Mask, frozen: Mask, suspect: Mask) -> Codes:
    """uint8[rows] of Why as far as it does not depend on the key."""
    why = np.where(suspect, np.uint8(Why.SUSPECT), np.uint8(Why.RANKED))
    why = np.where(frozen, np.uint8(Why.FROZEN), why)
    why = np.where(stale, np.uint8(Why.STALE), why)
    why = np.where(delisted, np.uint8(Why.DELISTED), why)
    return np.where(peers, why, np.uint8(Why.NOT_A_PEER))


def with_reason(why: Codes, reason: Why, *, where: Mask) -> Codes:
    """`why` with `reason` where nothing came before it."""
    return np.where(where & (why == Why.RANKED), np.uint8(reason), why)


def values_min(expected: int) -> float:
    """How many values a deviation needs before it is ranked."""
    return max(min(30.0, 0.8 * expected), 10.0)
