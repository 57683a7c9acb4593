"""Fail-over: which of several venues a series is shown from, slot by slot (SEMANTICS.md 5).

A decision of one slot follows from what stood before it and from who was read in the slots up to it
alone: a restart, a replay and another program decide the same. What stands is kept slot by slot as
a series of its own, the metric `source`: 1 for the first venue, 2 for the next one; below zero
where somebody asked to keep away from the first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

SOURCES_MAX = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How many slots in a row decide. after: that the shown venue was not read in, and another one
    was; back: that an earlier venue was read in before it is shown again."""

    after_slots: int = 2
    back_slots: int = 10

    def __post_init__(self) -> None:
        assert 0 < self.after_slots <= self.back_slots

    @property
    def slots(self) -> int:
        """How far a decision looks, its own slot included."""
        return self.back_slots


PATIENCE = Patience()


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Which source is shown, from 0 on, and whether somebody asked to keep away from the first."""

    place: int = 0
    held: bool = False

    @property
    def code(self) -> float:
        """As a value of the metric `source`."""
        number = float(self.place + 1)
        return -number if self.held else number

    @classmethod
    def of(cls, code: float, count: int) -> Standing:
        """What a value of `source` says, of `count` venues."""
        place = min(max(int(abs(code)) - 1, 0), count - 1)
        return cls(place=place, held=code < 0)


def decided(
    before: Standing, read: Sequence[Sequence[bool]], *, patience: Patience = PATIENCE
) -> Standing:
    """What stands at a slot after what stood before it.

    read: of each venue, whether it was read, and did not stand still while others moved, in each of
    the slots up to the decided one, which is the last; `patience.slots` of them. Nobody is shown
    for the first time in a slot in which it was not read, so a seam always has a value.
    """
    allowed = [place for place in range(len(read)) if place or not before.held]
    if before.place not in allowed:
        first = next((place for place in allowed if read[place][-1]), before.place)
        return replace(before, place=first)
    for place in allowed:
        if place < before.place and all(read[place][-patience.back_slots :]):
            return replace(before, place=place)
    if any(read[before.place][-patience.after_slots :]):
        return before
    for place in allowed:
        if place != before.place and all(read[place][-patience.after_slots :]):
            return replace(before, place=place)
    return before
