"""A restart writes many slots at once and ends where one item after the other would have ended."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.engine.test_late_starters import assert_same
from tests.engine.world import NAN, START, a_frame, a_patch, a_series

from sigmawatch.domain.frame import Flag, Frame, Patch, Reason
from sigmawatch.domain.series import Block
from sigmawatch.domain.window import MINUTE_MS, Interval
from sigmawatch.engine.table import SeriesTable

QUARTER_HOUR = Interval(15 * MINUTE_MS)  # about 110 slots in the ring: longer streams go round
NARROW, WIDE = 5, 40  # a block of 32 places, and one that grew
FIRST_ID = {1: 1, 2: 101, 3: 201}  # of each block's series


def a_table(*, at_once: bool = True) -> SeriesTable:
    """Two blocks of prices and one of flows, two of them with a removed series. at_once: enrolled
    as a restart does it."""
    table = SeriesTable(QUARTER_HOUR)
    series = []
    for block_id, metric in ((1, "price"), (2, "price"), (3, "traded_quote")):
        table.add_block(Block(id=block_id, venue="V", metric=metric, interval=QUARTER_HOUR))
        series += [
            a_series(FIRST_ID[block_id] + place, place=place, metric=metric, block_id=block_id,
                     interval=QUARTER_HOUR)
            for place in range(WIDE if block_id == 2 else NARROW)
        ]  # fmt: skip
    if at_once:
        table.add_all(series)
    for one in series:
        table.add(one)  # nothing, where it stands already
    table.remove(FIRST_ID[1] + 3)
    table.remove(FIRST_ID[2] + NARROW + 1)
    return table


def stream(seed: int, slots: int) -> list[Frame | Patch]:
    """In order of arrival: gaps, late frames, open and second ones, shorter and longer ones than
    the block is wide, suspects, marks that promise too much, patches, strangers, wrong clocks."""
    rng = np.random.default_rng(seed)
    trouble = rng.choice([0.0, 0.02, 0.2])  # often long runs without any
    items: list[Frame | Patch] = []
    late: list[Frame] = []
    for slot in range(START, START + slots):
        for block_id in (1, 2, 3, 4):
            frame = _frame(rng, slot, block_id=block_id, trouble=trouble)
            if rng.random() < trouble:
                late.append(frame)
            elif rng.random() >= trouble:
                items.append(frame)
            if rng.random() < trouble:
                items.append(_patch(rng, slot, block_id=block_id))
        if rng.random() < 0.3:
            items += late
            late.clear()
    return items


def _frame(rng: np.random.Generator, slot: int, *, block_id: int, trouble: float) -> Frame:
    width = NARROW if block_id != 2 or slot // 25 % 2 else WIDE
    width += 60 * (rng.random() < trouble / 4)
    values = rng.uniform(90, 110, width)
    marks = rng.choice([Reason.OBSERVED, Reason.UNCHANGED], width)
    if rng.random() < 0.2:
        values[rng.integers(width)] = NAN  # the mark still promises a value
    if rng.random() < trouble:
        place = rng.integers(width)
        values[place], marks[place] = 1e6, Reason.SUSPECT
    if rng.random() < trouble:
        marks[rng.integers(width)] = rng.choice([Reason.OUTAGE, Reason.DELISTED, Reason.PENDING])
    chance = [trouble, 1 - 2 * trouble, trouble]
    lateness = rng.choice([-600_000, 500, 4 * QUARTER_HOUR.ms], p=chance)
    if rng.random() < trouble / 4:
        lateness = -3 * QUARTER_HOUR.ms  # from a clock that is wrong: to be ignored
    return a_frame(slot - int(rng.random() < trouble), values, marks.tolist(), block_id=block_id,
                   interval=QUARTER_HOUR, late_ms=int(lateness),
                   revision=int(rng.integers(1, 2_000_000)),
                   open=bool(rng.random() < trouble))  # fmt: skip


def _patch(rng: np.random.Generator, slot: int, *, block_id: int) -> Patch:
    back = slot - int(rng.integers(0, 60))
    run = rng.uniform(90, 110, int(rng.integers(1, 9)))
    mark = int(rng.choice([0, Reason.OBSERVED | Flag.FILLED, Reason.CARRIED | Flag.FILLED]))
    return a_patch(back - len(run), run, mark, made_slot=slot, interval=QUARTER_HOUR,
                   series_id=FIRST_ID.get(block_id, 900) + int(rng.integers(NARROW)))  # fmt: skip


def state(table: SeriesTable) -> dict[int, list[object]]:
    """Everything that is kept of a block's readings, seen from inside: what no board shows today
    decides who may write a place tomorrow."""
    return {
        block_id: [
            ring.newest, ring.values.tobytes(), ring.marks.tobytes(),
            ring._revision.tobytes(), ring._touched.tobytes(),
            {slot: keys.tobytes() for slot, keys in ring._keys.items()},
            {slot: (at.tobytes(), held.tobytes()) for slot, (at, held) in ring._held.items()},
            block._pending.values.tobytes(), block._pending.slots.tobytes(),
            block._pending.waits, block.running, block.changed_ms.tobytes(),
        ]
        for block_id, block in table._blocks.items()
        for ring in [block.ring] if ring.newest >= 0
    }  # fmt: skip


def assert_equal_tables(one: SeriesTable, other: SeriesTable, until: int) -> None:
    assert state(one) == state(other)
    for series in one.layout.series:
        mine, theirs = (
            table.stretch(series.id, from_slot=START - 5, to_slot=until + 2)
            for table in (one, other)
        )
        assert mine[0].tobytes() == theirs[0].tobytes()
        assert mine[1].tobytes() == theirs[1].tobytes()
    mine_board, their_board = one.close(until), other.close(until)
    assert_same(mine_board, their_board)
    assert mine_board.changed_ms.tobytes() == their_board.changed_ms.tobytes()


def restored(table: SeriesTable, items: Sequence[Frame | Patch], cuts: Sequence[int]) -> None:
    for start, stop in itertools.pairwise([0, *sorted(cuts), len(items)]):
        table.restore(items[start:stop])


@settings(max_examples=25)
@given(
    seed=st.integers(0, 100_000),
    slots=st.integers(2, 240),
    cuts=st.lists(st.integers(0, 500), max_size=3),
    closed=st.booleans(),
)
@example(seed=1, slots=240, cuts=[], closed=False)
def test_restoring_is_applying_one_after_the_other(
    seed: int, slots: int, cuts: list[int], closed: bool
) -> None:
    """To the byte, in everything the table shows; and what is kept beside it (revisions, suspects
    that wait) shows in how both take what comes later."""
    items = stream(seed, slots)
    half, rest = items[: len(items) * 2 // 3], items[len(items) * 2 // 3 :]
    one, other = a_table(at_once=False), a_table()
    for item in half:
        one.apply(item)
    restored(other, half, [cut for cut in cuts if cut < len(half)])
    assert state(one) == state(other)
    if closed:
        newest = max(one.newest_slot or START, START)
        assert_equal_tables(one, other, newest)
    assert [one.apply(item) for item in rest] == [other.apply(item) for item in rest]
    assert_equal_tables(one, other, START + slots)
    restored(other, rest, [])
    for item in rest:
        one.apply(item)
    assert_equal_tables(one, other, START + slots)


@pytest.mark.parametrize("late_ms", [-600_000, 500])
def test_a_restored_slot_remembers_which_revision_it_has(late_ms: int) -> None:
    """SEMANTICS.md 2: "One value per series and slot: the last observation (level)"."""
    table = a_table()
    run = [a_frame(START + at, [1.0] * NARROW, interval=QUARTER_HOUR, late_ms=400)
           for at in range(4)]  # fmt: skip
    table.restore(run)
    second = a_frame(START + 2, [2.0] * NARROW, interval=QUARTER_HOUR, late_ms=late_ms)
    assert table.apply(second) is (late_ms > 400)
    values, _ = table.stretch(1, from_slot=START, to_slot=START + 4)
    assert values.tolist() == [1.0, 1.0, 2.0 if late_ms > 400 else 1.0, 1.0]


def test_a_suspect_that_waits_in_a_restored_run_is_confirmed_by_the_next_reading() -> None:
    """SEMANTICS.md 1: missing "until the next reading lies within a factor of 2"."""
    table = a_table()
    calm = [a_frame(START + at, [100.0] * NARROW, interval=QUARTER_HOUR) for at in range(6)]
    wild = a_frame(START + 6, [5_000.0] * NARROW, [Reason.SUSPECT] * NARROW, interval=QUARTER_HOUR)
    table.restore([*calm, wild])
    _, *patches = table.gate(a_frame(START + 7, [5_001.0] * NARROW, interval=QUARTER_HOUR))
    assert len(patches) == NARROW - 1  # one place is empty


def test_a_first_close_that_was_prepared_in_several_threads_is_the_same_to_the_byte() -> None:
    plain, prepared = a_table(), a_table()
    items = stream(7, 130)
    plain.restore(items)
    prepared.restore(items)
    slot = plain.newest_slot
    assert slot is not None
    with ThreadPoolExecutor(3) as threads:
        prepared.prepare(slot, each=threads.map)
    for later in range(3):
        assert_same(plain.close(slot + later), prepared.close(slot + later))
    assert_equal_tables(plain, prepared, slot + 3)
