"""The docket: one interval's slots that are not wholly judged yet, oldest first.

Slots are heard in order, block by block: a block that waits for its frame holds up nobody else. It
holds as many slots as the series tables can still close: while nothing can be stored nothing is
decided, and a quarter of an hour later nobody is told of what is over by then.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import structlog

from sigmawatch.domain.alert_policy import MAX_LATENESS_MS
from sigmawatch.domain.window import Interval

DOCKET_SLOTS_MIN = 120

log = structlog.get_logger()


@dataclass(slots=True, kw_only=True)
class Case:
    """A slot, the one heard before it, and the blocks that were not heard on it yet."""

    slot: int
    before: int
    waiting: frozenset[int]


def slots_max(interval: Interval) -> int:
    """Of how many slots is heard that are not judged yet; of older ones nothing was decided, as if
    we had been down."""
    return max(MAX_LATENESS_MS // interval.ms, DOCKET_SLOTS_MIN)


@dataclass(slots=True, kw_only=True)
class Docket:
    """newest: the last slot that was entered, or judged before there was a docket. slots_max: how
    many wait here at most."""

    newest: int
    slots_max: int = DOCKET_SLOTS_MIN
    cases: list[Case] = field(default_factory=list)

    def enter(self, slot: int, blocks: frozenset[int]) -> None:
        """The next slot, where it is a new one."""
        if slot > self.newest:
            self.cases.append(Case(slot=slot, before=self.newest, waiting=blocks))
            self.newest = slot
            if len(self.cases) > self.slots_max:
                log.warning("slot_not_judged", slot=self.cases.pop(0).slot)

    def mark(self, case: Case, *, left: frozenset[int]) -> int | None:
        """The slot through which all is judged once only `left` of a case is; None where that is
        what it was before."""
        through = None
        for one in self.cases:
            if left if one is case else one.waiting:
                break
            through = one.slot
        return through

    def drop(self, case: Case) -> None:
        """It cannot be heard any more: as if we had been down."""
        row = self.cases.index(case)
        for following in self.cases[row + 1 : row + 2]:
            following.before = case.before
        del self.cases[row]

    def note(self, case: Case, *, left: frozenset[int]) -> None:
        case.waiting = left
        while self.cases and not self.cases[0].waiting:
            self.cases.pop(0)

    @property
    def judged(self) -> int:
        """The slot through which all is."""
        return self.cases[0].slot - 1 if self.cases else self.newest

    def before(self, slot: int) -> int:
        """The slot that is heard before one that is on the docket, or is the next to be."""
        return next((one.before for one in self.cases if one.slot == slot), self.newest)

    def behind(self, slot: int) -> frozenset[int]:
        """Blocks that have still to hear a slot before this one."""
        return frozenset().union(*(one.waiting for one in self.cases if one.slot < slot))

    def waiting(self, slot: int) -> frozenset[int] | None:
        """Blocks that have still to hear a slot; None where it has not ended yet: all have."""
        if slot > self.newest:
            return None
        return frozenset().union(*(one.waiting for one in self.cases if one.slot == slot))
