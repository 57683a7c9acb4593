"""When the ranks of a slot mean something to a rule (SEMANTICS.md 6)."""

from __future__ import annotations

import numpy as np
import pytest

from sigmawatch.engine.geometry import Mask
from sigmawatch.engine.membership import reliable


def ranked(*rows: range, size: int = 200) -> Mask:
    mask = np.zeros(size, np.bool_)
    for each in rows:
        mask[each] = True
    return mask


@pytest.mark.parametrize(("count", "known"), [(180, True), (179, False), (0, False)])
def test_ranks_are_unknown_while_fewer_than_nine_in_ten_are_ranked(count: int, known: bool) -> None:
    """"`rank()` is unknown while fewer than 90 % of its universe is ranked"."""  # fmt: skip
    assert reliable(ranked(range(count)), 200, before=[]) is known


def test_nobody_ranked_among_nobody_is_no_ranking() -> None:
    assert not reliable(ranked(), 0, before=[])


@pytest.mark.parametrize(
    ("then", "known"),
    [
        (range(200), True),
        (range(190), True),  # ten of 200 joined: 5 %
        (range(189), False),
        (range(10, 200), True),
    ],
)
def test_ranks_are_unknown_while_more_than_one_in_twenty_came_or_went(
    then: range, known: bool
) -> None:
    """"or its membership changed by > 5 % within 5 slots"."""  # fmt: skip
    everybody = ranked(range(200))
    assert reliable(everybody, 200, before=[everybody] * 4 + [ranked(then)]) is known
    assert reliable(everybody, 200, before=[ranked(then)] + [everybody] * 4) is known


def test_who_left_counts_beside_who_came() -> None:
    now, then = ranked(range(6, 200)), ranked(range(194))
    assert not reliable(now, 200, before=[then])
    assert reliable(now, 200, before=[ranked(range(200))])
