"""What the newest slots come to, in whatever order and however often they were told."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigmawatch.app.pushing.sheet import KEPT_SLOTS, SEEN_MAX, Seen, Sheet
from sigmawatch.app.pushing.told import Readings
from sigmawatch.domain.frame import Frame, Reason
from sigmawatch.domain.market import Market
from sigmawatch.domain.series import Block, Series
from sigmawatch.domain.window import Interval
from sigmawatch.engine.table import SeriesTable

MINUTE = Interval(60_000)
SLOT = 29_920_800
OPEN_MS = MINUTE.open_ms(SLOT)
PRICES, AMOUNTS = 1, 2  # blocks
BLOCKS = {
    PRICES: Block(id=PRICES, venue="PUSH", metric="price", interval=MINUTE),
    AMOUNTS: Block(id=AMOUNTS, venue="PUSH", metric="traded_quote", interval=MINUTE),
}
Told = tuple[int, int, int, float]  # block, place, milliseconds after OPEN_MS, value


def readings(told: Sequence[Told], *, timed: bool = True) -> Readings:
    block, place, after_ms, value = zip(*told, strict=True)
    time_ms = OPEN_MS + np.array(after_ms, np.int64)
    return Readings(
        block=np.array(block, np.int64), place=np.array(place, np.int64), time_ms=time_ms,
        series=np.array(block, np.int64) * 100 + np.array(place, np.int64), slot=time_ms // 60_000,
        timed=np.full(len(told), timed), value=np.array(value, np.float64),
    )  # fmt: skip


class Lives:
    """A sheet, and the series table that takes its frames."""

    def __init__(self) -> None:
        self.sheet = Sheet(BLOCKS, Seen())
        self.table = SeriesTable(MINUTE)
        for block in BLOCKS.values():
            self.table.add_block(block)
            self.table.add_all([_series(block, place) for place in range(4)])

    def tell(self, *told: Told, recv_ms: int = OPEN_MS, timed: bool = True) -> list[Frame]:
        frames = self.sheet.lay(readings(told, timed=timed), recv_ms=recv_ms)
        for frame in frames:
            self.table.apply(frame)
        return frames

    def value(self, block: int, place: int, slot: int = SLOT) -> float:
        values, _ = self.table.rows(block, np.array([place]), from_slot=slot, to_slot=slot + 1)
        return float(values[0, 0])

    def reason(self, block: int, place: int, slot: int = SLOT) -> Reason:
        _, marks = self.table.rows(block, np.array([place]), from_slot=slot, to_slot=slot + 1)
        return Reason(int(marks[0, 0]))


def _series(block: Block, place: int) -> Series:
    market = Market(venue="PUSH", base=f"M{place}", quote="USD", native=f"M{place}/USD")
    return Series(id=block.id * 100 + place, market=market, metric=block.metric, interval=MINUTE,
                  block_id=block.id, place=place, origin="push")  # fmt: skip


TOLD = st.lists(
    st.tuples(st.sampled_from([PRICES, AMOUNTS]), st.integers(0, 3), st.integers(0, 179),
              st.integers(1, 50)),
    min_size=1, max_size=40, unique_by=lambda one: one[:3],
)  # fmt: skip


@given(TOLD, st.randoms(use_true_random=False), st.integers(1, 5))
def test_a_level_is_its_last_observation_a_flow_the_sum_in_any_order_and_told_twice(
    told: list[tuple[int, int, int, int]], rng: np.random.Generator, bodies: int
) -> None:
    """SEMANTICS.md 2: "One value per series and slot: the last observation (level) or the sum
    (flow)". RELIABILITY.md P20: "stored once; any permutation gives byte-equal final state"."""
    rows = [(block, place, 1_000 * second, float(value)) for block, place, second, value in told]
    lives, twice = Lives(), rows + rows
    rng.shuffle(twice)
    for body in range(bodies):
        if part := twice[body::bodies]:
            lives.tell(*part, recv_ms=OPEN_MS + 180_000 + body)
    for block, place, slot in {(b, p, SLOT + ms // 60_000) for b, p, ms, _ in rows}:
        mine = sorted((ms, value) for b, p, ms, value in rows
                      if (b, p, SLOT + ms // 60_000) == (block, place, slot))  # fmt: skip
        expected = mine[-1][1] if block == PRICES else sum(value for _, value in mine)
        assert lives.value(block, place, slot) == expected


def test_amounts_without_a_time_each_count() -> None:
    """Nobody can tell two of them from one that is told twice."""
    lives = Lives()
    lives.tell((AMOUNTS, 0, 0, 2.0), (AMOUNTS, 0, 0, 3.0), timed=False)
    lives.tell((AMOUNTS, 0, 0, 2.0), timed=False, recv_ms=OPEN_MS + 1)
    assert lives.value(AMOUNTS, 0) == 7.0


def test_frames_of_one_millisecond_have_names_of_their_own() -> None:
    """Frames are inserted if absent: one with the name of another would be lost."""
    lives = Lives()
    frames = [lives.tell((PRICES, 0, k, 10.0 + k), recv_ms=OPEN_MS + 5)[0] for k in range(20)]
    assert len({frame.id for frame in frames}) == 20
    assert lives.value(PRICES, 0) == 29.0


def test_what_says_nothing_new_is_not_stored_again() -> None:
    lives = Lives()
    lives.tell((PRICES, 0, 10, 5.0), (AMOUNTS, 0, 10, 5.0))
    assert lives.tell((PRICES, 0, 10, 5.0), (PRICES, 0, 9, 4.0), (AMOUNTS, 0, 10, 5.0)) == []


def test_news_of_one_series_say_nothing_of_another() -> None:
    lives = Lives()
    lives.tell((PRICES, 1, 1_000, 5.0))
    before_ms = int(lives.table._blocks[PRICES].changed_ms[1])
    lives.tell((PRICES, 3, 2_000, 5.0), recv_ms=OPEN_MS + 2_000)
    assert lives.value(PRICES, 1) == 5.0
    assert int(lives.table._blocks[PRICES].changed_ms[1]) == before_ms
    assert lives.reason(PRICES, 0) is Reason.NOT_POLLED


def test_a_price_that_did_not_move_is_unchanged_and_an_amount_of_zero_is_no_trade() -> None:
    lives = Lives()
    lives.tell((PRICES, 0, 0, 5.0))
    lives.tell((PRICES, 0, 60_000, 5.0), (AMOUNTS, 0, 60_000, 0.0), recv_ms=OPEN_MS + 60_000)
    assert lives.reason(PRICES, 0) is Reason.OBSERVED
    assert lives.reason(PRICES, 0, SLOT + 1) is Reason.UNCHANGED
    assert lives.reason(AMOUNTS, 0, SLOT + 1) is Reason.NO_TRADES


def words(lives: Lives, slots: Sequence[int], recv_ms: int) -> list[tuple[int, int]]:
    """The last words that are given; block and slot of each."""
    live = {PRICES: np.arange(2)}
    frames = lives.sheet.last_words(live, MINUTE, ended=slots, begun=SLOT - 1, recv_ms=recv_ms)
    for frame in frames:
        assert not frame.open
        lives.table.apply(frame)
    return [(frame.block_id, frame.slot) for frame in frames]


def test_a_slot_is_whole_once_everybody_who_told_of_late_has_told() -> None:
    """SEMANTICS.md 6: "when all its inputs for k are committed, or after 2 slots"."""
    lives = Lives()
    lives.tell((PRICES, 0, 0, 1.0), (PRICES, 1, 0, 1.0))
    end_ms = OPEN_MS + 60_000
    assert words(lives, [SLOT], end_ms) == [(PRICES, SLOT)]
    lives.tell((PRICES, 0, 60_000, 2.0), recv_ms=end_ms)
    assert words(lives, [SLOT, SLOT + 1], end_ms + 60_000) == []
    lives.tell((PRICES, 1, 60_000, 2.0), recv_ms=end_ms + 61_000)
    assert words(lives, [SLOT, SLOT + 1], end_ms + 61_000) == [(PRICES, SLOT + 1)]
    assert lives.value(PRICES, 0, SLOT + 1) == 2.0, "the last word takes nothing back"


def test_who_falls_silent_is_waited_for_two_slots_and_then_out() -> None:
    lives = Lives()
    lives.tell((PRICES, 0, 0, 1.0), (PRICES, 1, 0, 1.0))
    given = []
    for passed in range(1, 5):
        lives.tell((PRICES, 0, 60_000 * passed, 1.0), recv_ms=OPEN_MS + 60_000 * passed)
        ended = range(max(SLOT, SLOT + passed - 2), SLOT + passed + 1)
        given.append(words(lives, ended, OPEN_MS + 60_000 * (passed + 1)))
    assert given[0] == [(PRICES, SLOT)]
    assert given[1] == []
    assert given[2] == [(PRICES, SLOT + 1), (PRICES, SLOT + 3)]
    assert given[3] == [(PRICES, SLOT + 2), (PRICES, SLOT + 4)]
    assert lives.reason(PRICES, 1, SLOT + 1) is Reason.OUTAGE
    assert math.isnan(lives.value(PRICES, 1, SLOT + 1))


def test_what_was_summed_is_remembered_far_enough() -> None:
    seen = Seen()
    first = readings([(AMOUNTS, 0, 0, 1.0)])
    assert seen.take(first).all()
    for part in range(2):
        rows = [(AMOUNTS, 1, part * SEEN_MAX + k, 1.0) for k in range(SEEN_MAX // 2)]
        assert seen.take(readings(rows)).all()
    assert not seen.take(first).any()


@pytest.mark.parametrize("slots", [5, 3 * KEPT_SLOTS])
def test_memory_of_slots_is_bounded(slots: int) -> None:
    lives = Lives()
    for passed in range(slots):
        lives.tell((PRICES, 0, 60_000 * passed, 1.0), recv_ms=OPEN_MS + 60_000 * passed)
        lives.sheet.forget(OPEN_MS + 60_000 * passed)
    assert len(lives.sheet._rows) <= KEPT_SLOTS + 1
