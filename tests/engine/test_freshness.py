"""Freshness (SEMANTICS.md 4), from the marks alone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from tests.engine.world import MINUTE, NAN, START, a_frame, a_patch, a_series, a_table

from sigmawatch.domain.frame import Flag, Reason
from sigmawatch.domain.series import Block
from sigmawatch.engine.freshness import State
from sigmawatch.engine.table import SeriesTable

COUNT = 5  # series 1 is judged, 2 to 5 are the venue's other markets
CHANGED, SAME, OUT = int(Reason.OBSERVED), int(Reason.UNCHANGED), int(Reason.OUTAGE)
Story = Callable[[int], int]


def told(
    mine: Story, others: Story, *, slots: int, table: SeriesTable | None = None
) -> SeriesTable:
    """Frames in which series 1 carries the marks `mine` tells, and the others those of `others`."""
    table = table or a_table(COUNT)
    for at in range(slots):
        marks = [mine(at)] + [others(at)] * (COUNT - 1)
        values = [NAN if mark == OUT else 1.0 for mark in marks]
        table.apply(a_frame(START + at, values, marks))
    return table


def state_at(table: SeriesTable, at: int, row: int = 0) -> State:
    return State(table.close(START + at).state[row])


def always(mark: int) -> Story:
    return lambda _: mark


def silent_from(silence: int, every: int = 1) -> Story:
    """Changed each `every` slots, and not at all from slot `silence` on."""
    return lambda at: CHANGED if at < silence and at % every == 0 else SAME


@pytest.mark.parametrize(
    ("every", "unchanged", "state"),
    [
        (1, 9, State.FRESH),
        (1, 10, State.QUIET),  # 10 x its own median gap of 1
        (2, 19, State.FRESH),
        (2, 20, State.QUIET),
        (4, 39, State.FRESH),
        (4, 40, State.QUIET),
    ],
)
def test_a_market_is_quiet_after_ten_of_its_own_median_gaps(
    every: int, unchanged: int, state: State
) -> None:
    table = told(silent_from(61, every), always(SAME), slots=61 + 60)
    last_change = 60
    assert state_at(table, last_change + unchanged) == state


def test_a_market_that_changed_once_is_quiet_after_five_slots() -> None:
    table = told(silent_from(1), always(SAME), slots=12)
    assert [state_at(table, at) for at in (4, 5)] == [State.FRESH, State.QUIET]


@pytest.mark.parametrize(
    ("every", "unchanged", "state"),
    [(1, 19, State.QUIET), (1, 20, State.FROZEN), (3, 59, State.QUIET), (3, 60, State.FROZEN)],
)
def test_a_market_is_frozen_after_twenty_gaps_while_the_others_move(
    every: int, unchanged: int, state: State
) -> None:
    """SEMANTICS.md 4: "`quiet` wins before"."""
    table = told(silent_from(61, every), always(CHANGED), slots=61 + 70)
    assert state_at(table, 60 + unchanged) == state


def test_a_market_without_a_pace_is_frozen_after_fifteen_slots() -> None:
    table = told(silent_from(1), always(CHANGED), slots=20)
    assert [state_at(table, at) for at in (14, 15)] == [State.QUIET, State.FROZEN]


@pytest.mark.parametrize(("moving", "state"), [(2, State.FROZEN), (1, State.QUIET)])
def test_frozen_takes_half_of_the_venues_other_markets_to_move(moving: int, state: State) -> None:
    table = a_table(COUNT)
    for at in range(40):
        marks = [CHANGED if at == 0 else SAME] * (COUNT - moving) + [CHANGED] * moving
        table.apply(a_frame(START + at, [1.0] * COUNT, marks))
    assert state_at(table, 39) == state


def test_a_markets_own_movement_does_not_make_it_frozen() -> None:
    """Others only: alone at its venue, a market can be quiet, never frozen."""
    table = a_table(1)
    for at in range(40):
        table.apply(a_frame(START + at, [1.0], [CHANGED if at == 0 else SAME]))
    assert state_at(table, 39) == State.QUIET


def test_the_others_are_those_of_the_same_venue_in_every_block() -> None:
    table = told(silent_from(1), always(SAME), slots=0)
    for block_id, venue in ((2, "KRAKEN"), (3, "BINANCE")):
        table.add_block(Block(id=block_id, venue=venue, metric="price", interval=MINUTE))
    for series_id, block_id in ((60, 2), (61, 3)):
        table.add(a_series(series_id, place=0, block_id=block_id))
    told(silent_from(1), always(SAME), slots=40, table=table)
    for at in range(40):
        table.apply(a_frame(START + at, [1.0], [CHANGED], block_id=3))
        table.apply(a_frame(START + at, [1.0], [SAME], block_id=2))
    assert state_at(table, 39) == State.QUIET


@pytest.mark.parametrize(("outage", "state"), [(2, State.FRESH), (3, State.STALE)])
def test_a_series_is_stale_without_a_successful_read_for_three_slots(
    outage: int, state: State
) -> None:
    table = told(lambda at: CHANGED if at < 20 else OUT, always(CHANGED), slots=30)
    assert state_at(table, 19 + outage) == state


def test_slots_in_which_we_were_down_are_no_reads() -> None:
    table = told(always(CHANGED), always(CHANGED), slots=5)
    assert state_at(table, 6) == State.FRESH
    assert state_at(table, 7) == State.STALE
    table.apply(a_frame(START + 8, [1.0] * COUNT))
    assert state_at(table, 8) == State.FRESH


def test_a_suspect_reading_is_a_read() -> None:
    table = told(lambda at: CHANGED if at < 5 else int(Reason.SUSPECT), always(SAME), slots=9)
    assert state_at(table, 8) == State.FRESH


def test_a_delisted_market_stays_so_over_an_outage_until_it_is_read_again() -> None:
    gone = int(Reason.DELISTED)
    table = told(lambda at: (CHANGED, gone, OUT, OUT, SAME)[at], always(CHANGED), slots=5)
    found = [state_at(table, at) for at in range(5)]
    assert found == [State.FRESH, *[State.DELISTED] * 3, State.FRESH]


def test_a_change_told_late_is_known_afterwards() -> None:
    """Also where the rows were counted already: with a change in slot 33 the gap is 33."""
    table = told(silent_from(1), always(SAME), slots=40)
    assert state_at(table, 39) == State.QUIET
    candle = int(Reason.OBSERVED | Flag.FILLED)
    table.apply(a_frame(START + 33, [2.0] + [1.0] * 4, [CHANGED] + [SAME] * 4, late_ms=900))
    assert state_at(table, 39) == State.FRESH
    table.apply(a_patch(START + 40, [1.0], candle))
    board = table.close(START + 40)
    assert board.last_slot[0] == START + 40


def test_a_pace_is_that_of_the_last_changes_before_the_silence() -> None:
    """A market that was lively yesterday and slow since is judged by the slow hours."""
    mine = lambda at: CHANGED if at < 500 or (at < 1_000 and at % 20 == 0) else SAME  # noqa: E731
    table = told(mine, always(SAME), slots=1_200)
    assert state_at(table, 980 + 199) == State.FRESH
    assert state_at(table, 980 + 200) == State.QUIET


def test_a_pace_is_not_older_than_a_quarter_day_before_the_silence() -> None:
    """Changes in each slot to 99 and one in slot 399: those from slot 39 on are its pace, those
    that ended in slot 19 are not."""
    for lively, quiet_after in ((100, 10), (20, 5)):
        mine: Story = lambda at, n=lively: CHANGED if at < n or at == 399 else SAME  # type: ignore[misc]  # noqa: E731
        table = told(mine, always(SAME), slots=430)
        assert state_at(table, 399 + quiet_after - 1) == State.FRESH
        assert state_at(table, 399 + quiet_after) == State.QUIET


def test_silence_of_three_quarters_of_a_day_is_quiet_whatever_the_pace() -> None:
    table = told(lambda at: CHANGED if at in (0, 300) else SAME, always(SAME), slots=1_400)
    assert state_at(table, 300 + 1_079) == State.FRESH
    assert state_at(table, 300 + 1_080) == State.QUIET


def test_the_last_counted_value_is_found_however_old_within_a_day() -> None:
    mine = lambda at: CHANGED if at in (3, 9) else OUT  # noqa: E731
    table = told(mine, always(SAME), slots=701)
    board = table.close(START + 700)
    assert (board.last_slot[0], board.last_value[0]) == (START + 9, 1.0)
    assert np.isnan(board.value[0])
    board = told(mine, always(SAME), slots=1_450, table=table).close(START + 9 + 1_439)
    assert board.last_slot[0] == START + 9
    board = table.close(START + 9 + 1_440)
    assert board.last_slot[0] == -1
    assert np.isnan(board.last_value[0])


def test_changed_ms_is_the_receipt_of_the_last_change() -> None:
    """SEMANTICS.md 4: "A successful poll is not fresh data": an unchanged row moves nothing."""
    table = told(silent_from(3), always(CHANGED), slots=10)
    board = table.close(START + 9)
    assert board.changed_ms[0] == MINUTE.open_ms(START + 3) + 500
    assert board.changed_ms[1] == MINUTE.open_ms(START + 10) + 500
    candle = int(Reason.OBSERVED | Flag.FILLED)
    table.apply(a_patch(START + 4, [NAN, 1.0, 1.0], [OUT, candle, candle], made_slot=START + 10))
    assert table.close(START + 9).changed_ms[0] == MINUTE.open_ms(START + 3) + 500


def test_came_says_whether_the_slots_frame_arrived() -> None:
    table = told(always(CHANGED), always(CHANGED), slots=3)
    assert table.close(START + 2).came.all()
    assert not table.close(START + 3).came.any()
