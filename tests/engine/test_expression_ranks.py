"""Ranks as rules see them: of the slot and of those before, where they can be relied on."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import numpy as np
from tests.engine.test_rank_history import START, a_board, noted

from sigmawatch.domain.expression import RankKey
from sigmawatch.domain.window import HOUR_MS
from sigmawatch.engine.freshness import State
from sigmawatch.engine.rank_history import RankHistory
from sigmawatch.engine.rule_ranks import RuleRanks
from sigmawatch.engine.snapshot import Board

COUNT = 20


def a_slot(at: int, *, first: int = 1, stale: Collection[int] = ()) -> Board:
    """Twenty series, of which `first` and its followers are the highest; some stale."""
    sigmas = {i: 1.0 + (first - i) % COUNT for i in range(1, COUNT + 1)}
    board = a_board(sigmas, START + at)
    states = [State.STALE if one.id in stale else State.FRESH for one in board.series]
    return replace(board, state=np.array(states, np.uint8))


def ranks(boards: list[Board], *, lag: int = 0, by: RankKey = RankKey.SIGMA_ABS) -> list[float]:
    """By series id, as a rule over the last board is told."""
    newest = boards[-1]
    board = newest.with_past(noted(RankHistory(newest.interval), boards))
    window_ms = HOUR_MS if by.windowed else None
    column = RuleRanks(board).column("price", by, window_ms=window_ms, lag=lag)
    return [column[board.layout.rows[series_id]] for series_id in range(1, COUNT + 1)]


def test_a_rank_is_the_slots_and_before_it_the_history_s() -> None:
    boards = [a_slot(at, first=1 + at) for at in range(8)]
    for lag in (0, 1, 5, 7):
        expected = boards[-1 - lag].ranking("price", "sigma_abs", window_ms=HOUR_MS).rank
        told = dict(zip(boards[-1 - lag].layout.ids.tolist(), expected.tolist(), strict=True))
        assert ranks(boards, lag=lag) == [float(told[i]) for i in range(1, COUNT + 1)]
    assert ranks(boards, lag=0) != ranks(boards, lag=7)


def test_what_was_before_the_history_is_unknown() -> None:
    boards = [a_slot(at) for at in range(3)]
    assert np.isnan(ranks(boards, lag=3)).all()
    assert np.isnan(ranks(boards, lag=1, by=RankKey.SURGE)).all()


def test_nobody_has_a_rank_for_five_slots_after_two_in_twenty_came_back() -> None:
    """"unknown while ... its membership changed by > 5 % within 5 slots"."""  # fmt: skip
    whole, part = a_slot(0), a_slot(0, stale={3, 4})
    boards = [replace(part if at == 2 else whole, slot=START + at) for at in range(9)]
    assert np.isfinite(ranks(boards[:2])).all()
    for upto in range(3, 9):
        assert np.isnan(ranks(boards[:upto])).all(), upto
    assert np.isfinite(ranks(boards)).all()
    assert np.isnan(ranks(boards, lag=6)).all()  # the slot itself: 2 of 20 had just gone
    assert np.isfinite(ranks(boards, lag=7)).all()


def test_one_in_twenty_may_come_and_go() -> None:
    whole, part = a_slot(0), a_slot(0, stale={3})
    boards = [replace(part if at == 2 else whole, slot=START + at) for at in range(4)]
    assert np.isfinite(ranks(boards)).all()
    assert np.isnan(ranks(boards, lag=1)).sum() == 1  # itself has none


def test_where_one_in_ten_is_unranked_the_others_still_count() -> None:
    """"fewer than 90 % of its universe is ranked"."""  # fmt: skip
    assert np.isnan(ranks([a_slot(0, stale={3, 4})])).sum() == 2
    assert np.isnan(ranks([a_slot(0, stale={3, 4, 5})])).all()
