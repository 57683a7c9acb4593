"""Statistics are computed on columns of many blocks side by side, the same work in every slot."""

from __future__ import annotations

import numpy as np
import pytest
from tests.engine.test_late_starters import assert_same
from tests.engine.world import MINUTE, NAN, START, a_frame, a_patch, a_series, a_table, fed

from sigmawatch.domain.errors import Invalid
from sigmawatch.domain.series import BLOCK_SERIES_MAX, Block
from sigmawatch.domain.window import DAY_MS, HOUR_MS, MINUTE_MS, Interval
from sigmawatch.engine.geometry import Column, Marks
from sigmawatch.engine.moments import Moments
from sigmawatch.engine.slab import COLUMNS_MAX
from sigmawatch.engine.spans import Spans
from sigmawatch.engine.table import SeriesTable

HOURLY = Interval(HOUR_MS)
WIDTH = 32


class Counting:
    """A source of 32 columns that counts how often its slots are read."""

    def __init__(self) -> None:
        self.reads = 0

    def values(self, slot: int) -> Column:
        self.reads += 1
        values: Column = 100.0 + np.cos(slot + np.arange(float(WIDTH)))
        return values

    def marks(self, slot: int) -> Marks:
        return np.zeros(WIDTH, np.uint8)

    def silent(self, first: int, stop: int) -> bool:
        return False


@pytest.mark.parametrize("slots", [60, 75, 90, 360, 361, 389, 1_440])
def test_no_slot_costs_more_than_another_and_no_window_more_than_a_shorter_one(slots: int) -> None:
    """The next edge is built while this one is in use. One slot in thirty finishes it."""
    source = Counting()
    spans = Spans(source, 30, longest=1_440, empty=Moments.empty(2, WIDTH))
    spans.window(START, slots, standing=True)
    reads = []
    for slot in range(START + 1, START + 121):
        source.reads = 0
        spans.window(slot, slots, standing=True)
        reads.append(source.reads)
    assert max(reads[30:]) <= 6
    assert sum(reads[30:]) <= 3.1 * 90


def numbers(moments: Moments) -> dict[str, bytes]:
    return {name: getattr(moments, name).tobytes() for name in ("n", "mean", "m2", "low", "high")}


def test_the_windows_of_three_slots_are_kept_until_a_late_value_changes_them() -> None:
    """SEMANTICS.md 6: "`f(W)` covers [k - W, k): the judged slot is not in its own baseline"; what
    the close before computed of it is at hand."""
    table = fed(a_table(2), {START + at: [1.0 + at % 7, 5.0] for at in range(200)})
    for slot in range(START + 195, START + 200):
        table.close(slot)
    (slab,) = table.slabs
    kept = [slab.window(START + 199 - lag, 60) for lag in range(3)]
    assert [slab.window(START + 199 - lag, 60) for lag in range(3)] == kept
    table.apply(a_patch(START + 198, [50.0], 0, made_slot=START + 200))
    table.close(START + 199)
    again = [slab.window(START + 199 - lag, 60) for lag in range(3)]
    assert [one is other for one, other in zip(kept, again, strict=True)] == [False, False, True]
    assert numbers(again[0]) != numbers(kept[0])
    fresh = fed(a_table(2), {START + at: [1.0 + at % 7, 5.0] for at in range(200)})
    fresh.apply(a_patch(START + 198, [50.0], 0, made_slot=START + 200))
    fresh.close(START + 198)
    assert numbers(again[1]) == numbers(fresh.slabs[0].window(START + 198, 60))


def test_a_window_that_rules_ask_for_stands_from_the_next_close() -> None:
    table = fed(a_table(2), {START + at: [1.0 + at % 5, NAN] for at in range(300)})
    board = table.close(START + 298)
    table.stand(45 * MINUTE_MS)
    table.stand(45 * MINUTE_MS)
    after = table.close(START + 299)
    (slab,) = table.slabs
    assert slab.window(START + 299, 45) is slab.window(START + 299, 45)
    assert list(after.statistics) == list(board.statistics) == [DAY_MS, HOUR_MS]
    other = fed(a_table(2), {START + at: [1.0 + at % 5, NAN] for at in range(300)})
    other.close(START + 299)
    assert numbers(slab.window(START + 299, 45)) == numbers(other.slabs[0].window(START + 299, 45))
    with pytest.raises(Invalid, match="multiple of 1m"):
        table.stand(90_500)


def test_a_series_that_comes_later_changes_nothing_for_the_others() -> None:
    """One by one, past the room there was; each starts with what its own readings are."""
    rng = np.random.default_rng(2)
    rows = 100.0 + rng.normal(size=(240, 80))
    grown, whole = a_table(20), a_table(80)
    for at, row in enumerate(rows):
        if at >= 120 and at % 2 == 0:
            grown.add(a_series(21 + (at - 120) // 2))
        known = len(grown.layout.series)
        said = np.where(np.arange(80) < known, row, NAN)
        grown.apply(a_frame(START + at, row))
        whole.apply(a_frame(START + at, said))
        if at % 3 == 0:
            grown.close(START + at)
            whole.close(START + at)
    mine, theirs = grown.close(START + 239), whole.close(START + 239)
    for name in ("n", "mean", "sigma_abs", "sigma_ret", "change_pct", "maximum"):
        for window_ms in (DAY_MS, HOUR_MS):
            found = getattr(mine.statistics[window_ms], name)
            expected = getattr(theirs.statistics[window_ms], name)
            places = [theirs.layout.rows[one.id] for one in mine.series]
            assert found.tobytes() == expected[places].tobytes()


def test_more_series_than_a_slab_holds_are_ranked_as_one() -> None:
    """Blocks beside each other and cut in two: every row holds its own series."""
    table = SeriesTable(HOURLY)
    blocks = COLUMNS_MAX // BLOCK_SERIES_MAX + 1
    series = []
    for block_id in range(1, blocks + 1):
        table.add_block(Block(id=block_id, venue="V", metric="price", interval=HOURLY))
        series += [
            a_series(block_id * 2_000 + place, place=place, block_id=block_id, interval=HOURLY)
            for place in range(BLOCK_SERIES_MAX - 1)
        ]
    table.add_all(series)
    for slot in range(START, START + 24):
        for block_id in range(1, blocks + 1):
            places = block_id * 2_000.0 + np.arange(BLOCK_SERIES_MAX - 1)
            swing = 1.0 + (slot % 2) / places
            table.apply(a_frame(slot, places * swing, interval=HOURLY, block_id=block_id))
    board = table.close(START + 23)
    assert [slab.part.stop - slab.part.start for slab in table.slabs] == [
        COLUMNS_MAX, len(series) - COLUMNS_MAX,
    ]  # fmt: skip
    ids = board.layout.ids.astype(float)
    assert board.statistics[DAY_MS].mean == pytest.approx(ids + 0.5, rel=1e-12)
    ranks = board.ranking("price", "value").rank
    assert ranks[np.argsort(-board.value)].tolist() == list(range(1, len(series) + 1))


def test_closing_slot_by_slot_is_closing_at_once_where_blocks_share_a_slab() -> None:
    rng = np.random.default_rng(8)
    tables = [a_table(3), a_table(3)]
    for table in tables:
        table.add_block(Block(id=2, venue="V", metric="price", interval=MINUTE))
        table.add(a_series(10, place=0, block_id=2))
    for slot in range(START, START + 150):
        frames = [a_frame(slot, rng.uniform(9, 11, 3 - block), block_id=block) for block in (1, 2)]
        for table in tables:
            for frame in frames:
                table.apply(frame)
        tables[0].close(slot)
    one, other = (table.close(START + 149) for table in tables)
    assert_same(one, other)
