"""Thinning what is told of ranks: evenly, with both ends."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from sigmawatch.app.rank_keeping import evenly


@given(st.lists(st.integers(0, 5_000), unique=True, max_size=300).map(sorted), st.integers(2, 90))
def test_moments_are_thinned_evenly_and_both_ends_stay(slots: list[int], count_max: int) -> None:
    kept = list(evenly(slots, count_max))
    assert len(kept) == min(len(slots), count_max)
    assert kept == sorted(set(kept))
    assert kept[:1] + kept[-1:] == slots[:1] + slots[-1:]
    steps = [slots.index(after) - slots.index(one) for one, after in itertools.pairwise(kept)]
    assert not steps or max(steps) - min(steps) <= 1
