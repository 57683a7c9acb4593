"""What readers get: boards and snapshots that never change under them."""

from __future__ import annotations

import dataclasses
import gc
import sys

import numpy as np
import pytest
from tests.engine.world import MINUTE, NAN, START, a_frame, a_series, a_table, fed

from sigmawatch.domain.frame import Frame, Reason
from sigmawatch.domain.series import Block
from sigmawatch.domain.window import DAY_MS, HOUR_MS, MINUTE_MS, Interval
from sigmawatch.engine.ranking import Ranking
from sigmawatch.engine.snapshot import Board, Snapshot, Statistics

HOURLY = Interval(HOUR_MS)


def a_board(count: int = 2, *, slots: int = 60) -> Board:
    columns = {START + at: [100.0 + row + at % 3 for row in range(count)] for at in range(slots)}
    return fed(a_table(count), columns).close(START + slots - 1)


def running(values: list[float], *, slot: int = START + 60, block_id: int = 1) -> Frame:
    recv_ms = MINUTE.open_ms(slot) + 20_000
    return a_frame(slot, values, open=True, recv_ms=recv_ms, block_id=block_id)


def test_nothing_of_a_board_can_be_written() -> None:
    board = a_board()
    ranking = board.ranking("price", "surge", peers=(0,))
    holders: list[Board | Statistics | Ranking] = [board, *board.statistics.values(), ranking]
    arrays = [
        getattr(holder, one.name)
        for holder in holders
        for one in dataclasses.fields(holder)
        if isinstance(getattr(holder, one.name), np.ndarray)
    ]
    assert len(arrays) > 30
    assert not any(array.flags.writeable for array in arrays)
    with pytest.raises(TypeError):
        board.statistics[1] = board.statistics[DAY_MS]  # type: ignore[index]


def test_a_board_stays_as_it_was_when_the_table_goes_on() -> None:
    table = fed(a_table(2), {START + at: [1.0 + at, 2.0] for at in range(60)})
    board = table.close(START + 59)
    before = board.statistics[DAY_MS].mean.tobytes(), board.value.tobytes()
    fed(table, {START + at: [9.0, 9.0] for at in range(60, 1_600)})
    table.close(START + 1_599)
    assert before == (board.statistics[DAY_MS].mean.tobytes(), board.value.tobytes())


def test_a_board_is_gone_as_soon_as_nobody_reads_it() -> None:
    """A day's boards of 100,000 series would be 25 MB a slot for the garbage collector to find."""
    board = a_board()
    ranking, statistics = board.ranking("price", "sigma_abs"), board.statistics[DAY_MS]
    board.ranking("price", "surge", peers=(0,))
    gc.collect()
    gc.disable()
    try:
        del board
        assert sys.getrefcount(statistics) == 2
    finally:
        gc.enable()
    assert ranking.of >= 0


def test_every_row_holds_its_own_series_whatever_their_blocks() -> None:
    table = a_table(0)
    table.add_block(Block(id=2, venue="KRAKEN", metric="price", interval=MINUTE))
    for series_id, block_id, place in ((9, 1, 0), (2, 2, 1), (5, 1, 1), (7, 2, 0)):
        table.add(a_series(series_id, place=place, block_id=block_id))
    table.apply(a_frame(START, [9.0, 5.0]))
    table.apply(a_frame(START, [7.0, 2.0], block_id=2))
    board = table.close(START)
    assert sorted(one.id for one in board.series) == [2, 5, 7, 9]
    for row, one in enumerate(board.series):
        assert (board.row(one.id), board.layout.ids[row]) == (row, one.id)
        assert (board.value[row], board.statistics[DAY_MS].mean[row]) == (one.id, one.id)
    assert board.row(4) is None


def test_a_series_that_is_added_again_only_changes_its_tag() -> None:
    table = fed(a_table(2), {START: [1.0, 2.0]})
    table.close(START)
    table.add(dataclasses.replace(a_series(1), origin="file"))
    board = table.close(START)
    assert [(one.id, one.origin) for one in board.series] == [(1, "file"), (2, "api")]
    assert board.value.tolist() == [1.0, 2.0]


def test_a_live_reading_shows_beside_the_closed_slot() -> None:
    """SEMANTICS.md 2: "The running slot is shown live and never enters a statistic"."""
    snapshot = Snapshot.empty().with_board(a_board())
    shown = snapshot.with_live(running([555.0, NAN]))
    board = shown.boards[MINUTE.ms]
    assert board.live_value[0] == 555.0
    assert np.isnan(board.live_value[1])
    assert board.live_ms.tolist() == [MINUTE.open_ms(START + 60) + 20_000, 0]
    assert board.statistics is snapshot.boards[MINUTE.ms].statistics
    assert np.isnan(snapshot.boards[MINUTE.ms].live_value).all()
    assert shown.sequence == snapshot.sequence + 1


def test_a_reading_of_a_closed_slot_or_an_unknown_block_is_not_live() -> None:
    snapshot = Snapshot.empty().with_board(a_board())
    assert snapshot.with_live(running([5.0, 5.0], slot=START + 59)) is snapshot
    assert snapshot.with_live(running([5.0], block_id=9)) is snapshot
    assert Snapshot.empty().with_live(running([5.0])).boards == {}


def test_a_live_frame_may_be_narrower_or_wider_than_the_board() -> None:
    snapshot = Snapshot.empty().with_board(a_board())
    for values in ([5.0], [5.0] * 40):
        live = snapshot.with_live(running(values)).boards[MINUTE.ms].live_value
        assert live[0] == 5.0
        assert np.isnan(live[1]) == (len(values) == 1)


def test_a_suspect_reading_is_shown_live() -> None:
    frame = a_frame(START + 60, [7.0, NAN], [Reason.SUSPECT, Reason.OUTAGE], open=True)
    board = a_board().with_live(frame)
    assert board.live_value[0] == 7.0
    assert np.isnan(board.live_value[1])


def test_a_board_closed_after_an_open_frame_shows_it() -> None:
    table = fed(a_table(1), {START: [1.0]})
    table.apply(running([3.0], slot=START + 1))
    board = table.close(START)
    assert (board.live_value[0], board.live_ms[0]) == (3.0, MINUTE.open_ms(START + 1) + 20_000)
    assert np.isnan(fed(table, {START + 1: [4.0]}).close(START + 1).live_value[0])


def test_a_reading_is_shown_with_its_own_receipt_though_its_slot_ended_meanwhile() -> None:
    """SEMANTICS.md 4: "Event time (where given), receipt time and slot are all kept"; the boundary
    poll's answer takes the place of the reading inside the slot before that slot is closed."""
    table = fed(a_table(1), {START: [1.0]})
    table.apply(running([3.0], slot=START + 1))
    table.apply(a_frame(START + 1, [4.0]))
    board = table.close(START)
    assert (board.live_value[0], board.live_ms[0]) == (4.0, MINUTE.open_ms(START + 2) + 500)


def test_a_snapshot_holds_the_newest_board_of_every_interval() -> None:
    hourly = a_table(0, interval=HOURLY, block_id=5)
    hourly.add(a_series(77, place=0, block_id=5, interval=HOURLY))
    fed_board = fed(hourly, {}).close(400_000)
    snapshot = Snapshot.empty().with_board(a_board()).with_board(fed_board)
    assert (snapshot.sequence, sorted(snapshot.boards)) == (2, [MINUTE.ms, HOUR_MS])
    assert snapshot.find(77) == (fed_board, 0)
    assert snapshot.find(2) == (snapshot.boards[MINUTE.ms], 1)
    assert snapshot.find(1_000) is None


def test_a_board_takes_one_more_window_and_ranks_by_it() -> None:
    table = fed(a_table(2), {START + at: [1.0 + at, 2.0] for at in range(30)})
    board = table.close(START + 29)
    ten = 10 * MINUTE_MS
    wider = board.with_window(table.statistics(ten, START + 29))
    assert wider.ranking("price", "sigma_abs", window_ms=ten).rank.tolist() == [1, 2]
    assert ten not in board.statistics
    assert wider.value is board.value
