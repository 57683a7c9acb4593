"""Standing still while others move, against its slow definition."""

from __future__ import annotations

from itertools import pairwise
from statistics import median

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.examples import examples

from sigmawatch.engine.stillness import SEEN_SLOTS, may_stand_still, stands_still, witnessed

SLOTS = 10
DAY = 480


def moved_at(*at: int, day: int = DAY) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    moved = np.zeros(day, np.bool_)
    moved[list(at)] = True
    return moved


def oracle(changes: list[int], slot: int) -> bool:
    """SEMANTICS.md 4: "unchanged for max(15 slots, 20 x its own median change gap)"."""
    known = [one for one in changes if one <= slot]
    if not known:
        return slot + 1 >= 15
    near = [one for one in known[-17:] if one >= known[-1] - DAY // 4]
    gaps = [later - one for one, later in pairwise(near)]
    usual = median(gaps) if gaps else 0
    return slot - known[-1] >= min(max(15, 20 * usual), DAY * 3 // 4)


@examples(200)
@given(st.sets(st.integers(0, DAY - 1), max_size=60))
def test_too_long_by_its_own_pace_is_its_slow_definition(changes: set[int]) -> None:
    told = stands_still(moved_at(*changes), slots=SLOTS)
    assert told.tolist() == [oracle(sorted(changes), at) for at in range(DAY - SLOTS, DAY)]


@pytest.mark.parametrize(("every", "limit"), [(1, 20), (5, 100), (2, 40), (0, 15)])
def test_who_moves_seldom_may_be_silent_for_longer(every: int, limit: int) -> None:
    for silent, still in ((limit - 1, False), (limit, True)):
        last = DAY - 1 - silent
        changes = range(last % every, last + 1, every) if every else [last]
        assert stands_still(moved_at(*changes), slots=1).tolist() == [still]


@examples(100)
@given(st.lists(st.booleans(), min_size=SLOTS + SEEN_SLOTS, max_size=SLOTS + SEEN_SLOTS))
def test_nobody_stands_still_who_may_not(moved: list[bool]) -> None:
    """The cheap question is never stricter than the dear one."""
    day = np.concatenate((np.ones(DAY - len(moved), np.bool_), moved))
    told = stands_still(day, slots=SLOTS)
    assert not (told & ~may_stand_still(np.array(moved), slots=SLOTS)).any()


def test_half_of_the_others_that_are_read_are_witnesses_and_nobody_is_none() -> None:
    read, moving, resting = np.ones(20, np.bool_), np.ones(20, np.bool_), np.zeros(20, np.bool_)
    away = np.zeros(20, np.bool_)
    assert witnessed([(read, moving)], slots=2).all()
    assert witnessed([(read, moving), (read, resting)], slots=2).all()
    assert not witnessed([(read, moving), (read, resting), (read, resting)], slots=2).any()
    assert witnessed([(read, moving), (away, resting), (away, resting)], slots=2).all()
    assert not witnessed([(away, moving)], slots=2).any()
    once = moved_at(14, day=20)
    assert witnessed([(read, once)], slots=3).tolist() == [True, True, False], "five slots long"
