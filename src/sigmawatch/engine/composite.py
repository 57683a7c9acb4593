"""Composites: the mean of those members that agree, and why the others are left out.

A member has no part in a slot where it is not known, has no volume where volumes weigh, has stood
still for 15 slots (15 minutes, of shorter ones) while at least half of the other members moved
(SEMANTICS.md 4, `frozen`, as far as the members themselves tell), or is further than so many
percent from the median of those that remain. Unless more than half of those remain after that,
nobody knows which of them are right, and the slot is unknown: two that differ by more than twice
the percentage, or three all over the place.

A pure function of the members' own numbers, in the order of their names. Imports engine.geometry.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from sigmawatch.engine.geometry import Column, Mask, Slots


class Part(IntEnum):
    """What part a member has in a composite at a slot."""

    TAKEN = 0
    MISSING = 1
    NO_VOLUME = 2
    STILL = 3
    FAR = 4


Parts = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pooled:
    """value: float64[slots], NaN where unknown; median: of those it was measured by, NaN without
    any. parts: uint8[members, slots] of Part."""

    value: Column
    median: Column
    parts: Parts


def pooled(prices: Column, volumes: Column | None, *, within_pct: float, still: int) -> Pooled:
    """The composite of the last slots of some members.

    prices, volumes: float64[members, still + slots], slot after slot, NaN where unknown; without
    volumes every member counts the same. within_pct: how far from their median they may be. still:
    for how many slots none may stand still while others move.
    """
    assert prices.ndim == 2
    known = np.isfinite(prices)
    moved = _moved(prices)
    if volumes is not None:
        known &= np.isfinite(volumes)
        moved |= _moved(volumes)
    now, weights = prices[:, still:], np.ones(1)
    parts = np.where(known[:, still:], np.uint8(Part.TAKEN), np.uint8(Part.MISSING))
    if volumes is not None:
        weights = volumes[:, still:]
        _leave_out(parts, Part.NO_VOLUME, where=~(weights > 0.0))
    lately = _count(moved[:, 1:], still) > 0
    quiet = ~lately & (_count(known, still + 1) == still + 1)
    _leave_out(parts, Part.STILL, where=quiet & _others(lately, parts == Part.TAKEN))
    present = parts == Part.TAKEN
    with np.errstate(all="ignore"):
        median = _median(now, present)
        far = np.abs(now - median) > within_pct / 100.0 * np.abs(median)
    _leave_out(parts, Part.FAR, where=far)
    return Pooled(
        value=_mean(now, weights, parts=parts, present=present), median=median, parts=parts
    )


def _mean(prices: Column, weights: Column, *, parts: Parts, present: Mask) -> Column:
    """Of those that are taken, member after member; NaN unless they are more than half."""
    taken = parts == Part.TAKEN
    worth, weight = np.zeros((2, prices.shape[1]))
    with np.errstate(all="ignore"):
        for price, each, mine in zip(
            prices, np.broadcast_to(weights, prices.shape), taken, strict=True
        ):
            worth += np.where(mine, price * each, 0.0)
            weight += np.where(mine, each, 0.0)
        value = worth / weight
    agreed = 2 * taken.sum(axis=0) > present.sum(axis=0)
    return np.where(agreed & np.isfinite(value), value, np.nan)


def _moved(column: Column) -> Mask:
    """bool[members, slots]: whether it is another number than a slot before."""
    moved = np.zeros(column.shape, np.bool_)
    before, after = column[:, :-1], column[:, 1:]
    moved[:, 1:] = (after != before) & np.isfinite(before) & np.isfinite(after)
    return moved


def _count(mask: Mask, slots: int) -> Slots:
    """int64[members, ..]: in how many of the `slots` that end with each slot it holds."""
    total: Slots = np.cumsum(mask.astype(np.int64), axis=1)
    total[:, slots:] -= total[:, :-slots].copy()
    return total[:, slots - 1 :]


def _others(lately: Mask, there: Mask) -> Mask:
    """bool[slots]: for one who stood still, whether at least half of the others that are `there`
    moved."""
    others = there.sum(axis=0) - 1
    moved = (lately & there).sum(axis=0)  # who stood still is none of them
    return np.asarray((others > 0) & (2 * moved >= others))


def _leave_out(parts: Parts, part: Part, *, where: Mask) -> None:
    """In place: the first reason counts."""
    parts[(parts == Part.TAKEN) & where] = part


def _median(prices: Column, present: Mask) -> Column:
    """float64[slots]: of those present, NaN without any."""
    ordered = np.sort(np.where(present, prices, np.inf), axis=0)
    count = present.sum(axis=0)
    lower, upper = np.maximum(count - 1, 0) // 2, count // 2
    at = np.arange(prices.shape[1])
    low, high = ordered[lower, at], ordered[np.minimum(upper, len(prices) - 1), at]
    return np.where(count > 0, low + (high - low) / 2.0, np.nan)
