"""The merge as a function: what holds for any items."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.contracts.samples import MINUTE, NAN, SLOT, frame, patch

from sigmawatch.adapters.ledgers.merge import Merged
from sigmawatch.domain.frame import Flag, Frame, Patch, Reason, lost
from sigmawatch.domain.series import Block

values = st.sampled_from([NAN, 1.0, 2.0, 3.0])
observations = st.lists(
    st.tuples(st.integers(1, 6), values), max_size=6, unique_by=lambda one: one[0]
)
FILLED, COARSE = int(Flag.FILLED), int(Flag.COARSE)
ABSENT = st.sampled_from([int(Reason.OUTAGE), int(Reason.PENDING), int(Reason.SUSPECT)])
PRESENT = st.sampled_from([0, FILLED, COARSE, int(Reason.SUSPECT)])


def merged(
    items: Sequence[Frame | Patch], *, from_slot: int = SLOT, to_slot: int, metric: str = "price"
) -> Merged:
    block = Block(id=1, venue="KRAKEN", metric=metric, interval=MINUTE)
    made = Merged(block, [0], from_slot=from_slot, to_slot=to_slot)
    made.apply(items, columns={1: 0})
    return made


def parts(made: Merged) -> tuple[bytes, bytes, bytes]:
    return made.values.tobytes(), made.marks.tobytes(), made.sources.tobytes()


@given(data=st.data(), seen=observations)
@settings(max_examples=50)
def test_the_order_in_which_observations_arrive_does_not_change_the_slot(
    seen: list[tuple[int, float]], data: st.DataObject
) -> None:
    frames = [frame(values=[value], late_slots=late) for late, value in seen]
    shuffled = data.draw(st.permutations(frames))
    made = merged(shuffled, to_slot=SLOT + 1)
    known = [value for _, value in sorted(seen) if not math.isnan(value)]
    assert made.values[np.isfinite(made.values)].tolist() == known[-1:]


@given(cut=st.integers(0, 12), start=st.integers(-4, 12), fills=st.lists(values, max_size=12))
@settings(max_examples=50)
def test_a_stretch_is_the_sum_of_its_parts(cut: int, start: int, fills: list[float]) -> None:
    items: list[Frame | Patch] = [frame(SLOT + 3, values=[5.0])]
    if fills:
        marks = [FILLED] * len(fills)
        items.append(patch(SLOT + start, values=fills, marks=marks))
    whole = merged(items, to_slot=SLOT + 12)

    def part(first: int, last: int) -> bytes:
        inside = [one for one in items if one is not items[0] or first <= 3 < last]
        return merged(inside, from_slot=SLOT + first, to_slot=SLOT + last).values.tobytes()

    assert part(0, cut) + part(cut, 12) == whole.values.tobytes()


@st.composite
def any_items(draw: st.DrawFn) -> list[Frame | Patch]:
    """Frames and patches of six slots, in any order, no two of one id; some received at once."""
    items: list[Frame | Patch] = []
    for _ in range(draw(st.integers(0, 10))):
        value, first = draw(values), draw(st.integers(0, 5))
        mark = draw(ABSENT if math.isnan(value) else PRESENT)
        if draw(st.booleans()):
            late = draw(st.integers(0, 5))
            items.append(frame(SLOT + first, values=[value], marks=[mark], late_slots=late))
        else:
            count = draw(st.integers(1, 6 - first))
            items.append(patch(SLOT + first, values=[value] * count, marks=[mark] * count,
                               made_slot=SLOT + draw(st.integers(0, 9))))  # fmt: skip
    return list({item.id: item for item in items}.values())


@settings(max_examples=150)
@given(
    items=any_items(),
    cut=st.integers(0, 10),
    again=st.integers(0, 10),
    metric=st.sampled_from(["price", "traded_quote"]),
)
def test_what_was_put_together_is_a_beginning_like_any_other(
    items: list[Frame | Patch], cut: int, again: int, metric: str
) -> None:
    """A sealed section judges a later word, or one said twice, as its frames would have."""
    whole = merged(items, to_slot=SLOT + 6, metric=metric)
    sealed = merged(items[:cut], to_slot=SLOT + 6, metric=metric)
    block = Block(id=1, venue="KRAKEN", metric=metric, interval=MINUTE)
    later = Merged(block, [0], from_slot=SLOT, to_slot=SLOT + 6)
    later.begin(0, SLOT, of=(sealed.values[:, 0], sealed.marks[:, 0], sealed.sources[:, 0]))
    later.apply(items[min(again, cut) :], columns={1: 0})
    assert parts(later) == parts(whole)


def test_several_series_of_a_block_are_put_together_as_each_alone() -> None:
    frames = [frame(SLOT + slot, values=[slot, -slot, NAN][: 1 + slot]) for slot in range(3)]
    block = Block(id=1, venue="KRAKEN", metric="price", interval=MINUTE)
    both = Merged(block, [0, 2], from_slot=SLOT, to_slot=SLOT + 3)
    patched = patch(SLOT + 1, series_id=7, values=[9.0] * 2, marks=[FILLED] * 2)
    both.apply([*frames, patched, patch(series_id=8, marks=[FILLED])], columns={1: 0, 7: 1})
    assert both.values.T.tolist()[0] == [0.0, 1.0, 2.0]
    assert both.marks.T.tolist()[1] == [Reason.NOT_POLLED, FILLED, FILLED]
    assert both.values.T.tolist()[1][1:] == [9.0, 9.0]


def test_a_damaged_word_leaves_nothing_of_what_it_replaced_and_anything_later_stands() -> None:
    early, late = frame(values=[1.0]), frame(values=[2.0], late_slots=2)
    made = merged([early, lost(late)], to_slot=SLOT + 1)
    assert np.isnan(made.values).all()
    assert made.marks.tolist() == [[Reason.DAMAGED]]
    candle = patch(values=[3.0], marks=[FILLED])
    assert merged([early, lost(late), candle], to_slot=SLOT + 1).values.tolist() == [[3.0]]
    assert np.isnan(merged([candle, lost(late)], to_slot=SLOT + 1).values).all()
