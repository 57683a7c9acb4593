"""Whether a ranking can be relied on, for rules that ask for a rank (SEMANTICS.md 6).

"`rank()` is unknown while fewer than 90 % of its universe is ranked or its membership changed by
> 5 % within 5 slots": where a venue drops out, or comes back, everybody's rank moves and nobody
did. Imports engine.geometry.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from sigmawatch.engine.geometry import Mask

RANKED_MIN = 0.9  # of the universe
CHANGED_MAX = 0.05  # of those ranked now or then
MEMBERSHIP_SLOTS = 5


def reliable(ranked: Mask, universe: int, *, before: Iterable[Mask]) -> bool:
    """Whether the ranks of a slot mean anything.

    ranked: bool[series], who has a rank at the slot, of `universe` peers. before: the same of the
    MEMBERSHIP_SLOTS slots before, as far as they are known: the present is held against each of
    them, so a venue that was gone for one slot is remembered for five.
    """
    count = np.count_nonzero(ranked)
    if not count or count < RANKED_MIN * universe:
        return False
    return all(_alike(ranked, then) for then in before)


def _alike(now: Mask, then: Mask) -> bool:
    changed = np.count_nonzero(now ^ then)
    return bool(changed <= CHANGED_MAX * np.count_nonzero(now | then))
