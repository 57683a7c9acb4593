"""How the market moved, and by how much each series more: against plain medians."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.engine.rank_oracle import INTERVAL, Told, board_of
from tests.examples import examples

from sigmawatch.domain.expression import Among
from sigmawatch.domain.market import Market
from sigmawatch.domain.series import Series
from sigmawatch.domain.window import MINUTE_MS
from sigmawatch.engine.freshness import State
from sigmawatch.engine.market_move import MOVES_MIN, market_move, market_moves
from sigmawatch.engine.rule_ranks import RuleRanks
from sigmawatch.engine.snapshot import Board

NAN = math.nan
EXPECTED = 60
WINDOW_MS = EXPECTED * MINUTE_MS
moves = st.floats(-100, 100)


@examples(200)
@given(st.lists(st.tuples(moves, st.integers(0, 3)), max_size=40))
def test_the_market_moved_by_the_median_of_each_group(told: list[tuple[float, int]]) -> None:
    each = np.array([move for move, _ in told], np.float64)
    groups = np.array([of for _, of in told], np.intp)
    assert market_move(each) == pytest.approx(median(each.tolist()), nan_ok=True, rel=1e-15)
    expected = [median([move for move, of in told if of == group]) for group in range(4)]
    found = market_moves(each, groups, groups_count=4)
    assert found.tolist() == pytest.approx(expected, nan_ok=True, rel=1e-15)


def median(told: Sequence[float]) -> float:
    return statistics.median(told) if len(told) >= MOVES_MIN else NAN


def a_board(changes: Sequence[float], **states: State) -> Board:
    """Markets at two venues and in two currencies, in turn; states: by number, `_3`."""
    series = [
        Series(id=number + 1, metric="price", interval=INTERVAL, block_id=1, place=number,
               market=Market(venue=("KRAKEN", "BINANCE")[number % 2], base=f"C{number}",
                             quote=("USD", "EUR")[number % 4 > 1], native=f"C{number}"))
        for number in range(len(changes))
    ]  # fmt: skip
    told = {
        one: Told(market=0, metric="price", change_pct=change,
                  state=states.get(f"_{one.place}", State.FRESH))
        for one, change in zip(series, changes, strict=True)
    }  # fmt: skip
    return board_of(told, expected=EXPECTED)


def test_the_market_is_everybody_who_is_ranked_by_their_change() -> None:
    board = a_board([1.0, 2.0, 3.0, 4.0, 50.0, NAN, 90.0], _6=State.FROZEN)
    assert board.market_move("price", window_ms=WINDOW_MS) == 3.0
    assert math.isnan(board.market_move("price", window_ms=WINDOW_MS, peers=[0, 1, 2, 3]))
    ranking = board.ranking("price", "excess_change", window_ms=WINDOW_MS)
    assert ranking.key[:5].tolist() == [-2.0, -1.0, 0.0, 1.0, 47.0]
    assert ranking.order.tolist() == [4, 3, 2, 1, 0]
    same = board.ranking("price", "change_pct", window_ms=WINDOW_MS)
    assert ranking.rank.tolist() == same.rank.tolist()
    assert (ranking.of, ranking.excluded) == (5, 1)


def test_of_fewer_than_five_there_is_no_market() -> None:
    ranking = a_board([1.0, 2.0, 3.0, 4.0]).ranking("price", "excess_change", window_ms=WINDOW_MS)
    assert (ranking.of, ranking.rank.tolist()) == (0, [0] * 4)


def test_a_rules_market_is_everybody_or_those_among_its_own() -> None:
    changes = [float(number * number) for number in range(20)]
    ranks = RuleRanks(a_board([*changes, NAN]))

    def among(which: Among | None) -> list[float]:
        told: list[float] = ranks.market_move("price", window_ms=WINDOW_MS, among=which).tolist()
        return told

    assert among(None) == [statistics.median(changes)] * 21
    by_venue = [statistics.median(changes[first::2]) for first in (0, 1)]
    assert among(Among.VENUE) == [by_venue[number % 2] for number in range(21)]
    usd = [change for number, change in enumerate(changes) if number % 4 < 2]
    eur = [change for number, change in enumerate(changes) if number % 4 > 1]
    assert among(Among.QUOTE)[:4] == [statistics.median(usd)] * 2 + [statistics.median(eur)] * 2


def test_the_market_of_a_slot_is_found_once() -> None:
    board = a_board([float(number) for number in range(20)])
    ranks = RuleRanks(board)
    for which in (None, *Among):
        first = ranks.market_move("price", window_ms=WINDOW_MS, among=which)
        assert ranks.market_move("price", window_ms=WINDOW_MS, among=which) is first
