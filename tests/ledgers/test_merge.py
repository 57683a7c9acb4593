"""The merge as a function: what holds for any items."""

from __future__ import annotations

import math

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.contracts.samples import MINUTE, NAN, SLOT, frame, market, patch, unpacked

from sigmawatch.adapters.ledgers.merge import merge
from sigmawatch.domain.frame import Flag, Frame, Patch
from sigmawatch.domain.series import Series

SERIES = Series(id=1, market=market(), metric="price", interval=MINUTE, block_id=1, place=0)
values = st.sampled_from([NAN, 1.0, 2.0, 3.0])
observations = st.lists(
    st.tuples(st.integers(1, 6), values), max_size=6, unique_by=lambda one: one[0]
)


@given(data=st.data(), seen=observations)
@settings(max_examples=50)
def test_the_order_in_which_observations_arrive_does_not_change_the_slot(
    seen: list[tuple[int, float]], data: st.DataObject
) -> None:
    frames = [frame(values=[value], late_slots=late) for late, value in seen]
    shuffled = data.draw(st.permutations(frames))
    merged = merge(shuffled, SERIES, from_slot=SLOT, to_slot=SLOT + 1)
    known = [value for _, value in sorted(seen) if not math.isnan(value)]
    assert [value for value in unpacked(merged.values) if not math.isnan(value)] == known[-1:]


@given(cut=st.integers(0, 12), start=st.integers(-4, 12), fills=st.lists(values, max_size=12))
@settings(max_examples=50)
def test_a_stretch_is_the_sum_of_its_parts(cut: int, start: int, fills: list[float]) -> None:
    items: list[Frame | Patch] = [frame(SLOT + 3, values=[5.0])]
    if fills:
        marks = [Flag.FILLED] * len(fills)
        items.append(patch(SLOT + start, values=fills, marks=marks))
    whole = merge(items, SERIES, from_slot=SLOT, to_slot=SLOT + 12)

    def part(first: int, last: int) -> bytes:
        inside = [one for one in items if one is not items[0] or first <= 3 < last]
        return merge(inside, SERIES, from_slot=SLOT + first, to_slot=SLOT + last).values

    assert part(0, cut) + part(cut, 12) == whole.values
