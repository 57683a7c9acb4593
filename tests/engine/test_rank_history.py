"""How high a series stood before: SEMANTICS.md 3, "Rank history is kept"."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.engine.rank_oracle import INTERVAL, MARKETS, Told, board_of

from sigmawatch.domain.market import Market
from sigmawatch.domain.rank_column import Standing, decode_ranks
from sigmawatch.domain.series import Series
from sigmawatch.domain.window import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, Interval
from sigmawatch.engine.rank_history import PastRanks, RankHistory, is_quarter
from sigmawatch.engine.snapshot import Board, Layout

QUARTER = 28_000_004  # ends with a full quarter of an hour
START = QUARTER + 1
STANDING = Standing(metric="price", by="sigma_abs", window_ms=HOUR_MS, interval=INTERVAL)


def a_series(series_id: int, metric: str = "price") -> Series:
    base = f"C{series_id:05d}"
    market = Market(venue="KRAKEN", base=base, quote="USD", native=base)
    return Series(id=series_id, market=market, metric=metric, interval=INTERVAL, block_id=1,
                  place=series_id % 1_024)  # fmt: skip


def a_board(sigmas: Mapping[int, float], slot: int, *, layout: Layout | None = None) -> Board:
    """Prices by series id; the larger the number, the better the rank."""
    told = {
        a_series(series_id): Told(market=0, metric="price", sigma_abs=sigma)
        for series_id, sigma in sigmas.items()
    }
    return board_of(told, expected=60, slot=slot, layout=layout)


def noted(history: RankHistory, boards: Iterable[Board]) -> PastRanks:
    board = None
    for board in boards:
        history.note(board)
    assert board is not None
    return history.view(board.layout)


def ranks_at(past: PastRanks, slot: int, layout: Layout) -> dict[int, int] | None:
    """Series id -> rank of those that had one."""
    found = past.at(STANDING, slot)
    if found is None:
        return None
    told = zip(layout.ids.tolist(), found.ranks().tolist(), strict=True)
    return {series_id: rank for series_id, rank in told if rank}


def turning(count: int, *, slots: int, start: int = START) -> list[Board]:
    """Series 1 to `count` go round: at every slot another one is first."""
    first = a_board(dict.fromkeys(range(1, count + 1), 1.0), start)
    return [
        a_board(
            {i: 1.0 + (i + at) % count for i in range(1, count + 1)}, start + at,
            layout=first.layout,
        )
        for at in range(slots)
    ]  # fmt: skip


def test_the_last_hour_is_known_slot_by_slot_and_the_day_by_the_quarter() -> None:
    boards = turning(3, slots=1_600)
    history, newest = RankHistory(INTERVAL), START + 1_599
    past = noted(history, boards)
    by_slot = {board.slot: board for board in boards}
    for back in range(61):
        then, found = by_slot[newest - back], past.at(STANDING, newest - back)
        assert found is not None
        ranking = then.ranking("price", "sigma_abs", window_ms=HOUR_MS)
        assert found.ranks().tolist() == ranking.rank.tolist()
        assert (found.of, found.peers) == (3, 3)
    for back in (61, 100, 700, 1_440):
        found = past.before(STANDING, newest - back)
        assert found is not None
        assert newest - back - 15 < found.slot <= newest - back
        assert is_quarter(INTERVAL, found.slot)
        ranking = by_slot[found.slot].ranking("price", "sigma_abs", window_ms=HOUR_MS)
        assert found.ranks(np.array([2, 0])).tolist() == ranking.rank[[2, 0]].tolist()


def test_memory_is_bounded_however_long_it_runs() -> None:
    past = noted(RankHistory(INTERVAL), turning(2, slots=2_000))
    kept = past.slots(STANDING, from_slot=0, to_slot=1 << 40)
    assert len(kept) <= 61 + 4 * 24 + 1
    assert kept[0] >= START + 1_999 - 24 * 60 - 16


def test_a_quarter_is_where_the_clock_passes_one() -> None:
    assert [slot for slot in range(45) if is_quarter(INTERVAL, slot)] == [14, 29, 44]
    assert all(is_quarter(Interval(HOUR_MS), slot) for slot in range(3))
    twenty = Interval(20 * MINUTE_MS)
    assert [slot for slot in range(3) if is_quarter(twenty, slot)] == [0, 1, 2]
    assert [s for s in range(1_800) if is_quarter(Interval(SECOND_MS), s)] == [899, 1_799]


def test_a_gap_is_not_bridged() -> None:
    """Nothing is told as of an hour ago that is older than a quarter of an hour more."""
    history = RankHistory(INTERVAL)
    past = noted(history, [a_board({1: 1.0}, QUARTER), a_board({1: 1.0}, QUARTER + 100)])
    assert past.before(STANDING, QUARTER + 15) is not None
    assert past.before(STANDING, QUARTER + 16) is None
    assert past.at(STANDING, QUARTER + 99) is None


def test_ranks_belong_to_series_not_to_rows() -> None:
    """Series come and go; who stays keeps its past, who is new has none."""
    history = RankHistory(INTERVAL)
    noted(history, [a_board({10: 3.0, 20: 2.0, 30: 1.0}, START)])
    later = a_board({5: 9.0, 30: 2.0, 10: 1.0}, START + 1)
    past = history.view(later.layout)
    assert ranks_at(past, START, later.layout) == {10: 1, 30: 3}
    past = noted(history, [later])
    assert ranks_at(past, START + 1, later.layout) == {5: 1, 30: 2, 10: 3}


def test_places_of_series_that_have_gone_are_given_back() -> None:
    history = RankHistory(INTERVAL)
    first = a_board({7: 1.0, 3: 2.0}, START - 1)  # its column has no places for the others
    many = a_board({i: float(i) for i in range(1, 2_001)}, START)
    few = a_board({7: 1.0, 1_999: 2.0, 2_500: 3.0}, START + 1)
    past = noted(history, [first, many, few])
    assert ranks_at(past, START - 1, few.layout) == {7: 2}
    assert ranks_at(past, START, few.layout) == {7: 1_994, 1_999: 2}
    assert history._members["price"].count == 3
    assert max(len(c.ranks) for c in history._columns[STANDING].values()) <= 3


def test_a_slot_closed_again_replaces_what_was_kept_of_it() -> None:
    history = RankHistory(INTERVAL)
    first, again = a_board({1: 1.0, 2: 2.0}, START), a_board({1: 3.0, 2: 2.0}, START)
    past = noted(history, [first, again])
    assert ranks_at(past, START, again.layout) == {1: 1, 2: 2}


def test_what_a_board_was_given_never_changes() -> None:
    history = RankHistory(INTERVAL)
    first = a_board({1: 1.0, 2: 2.0}, START)
    past = noted(history, [first])
    noted(history, [a_board({1: 9.0, 2: 2.0}, START), a_board({1: 9.0}, START + 1)])
    assert ranks_at(past, START, first.layout) == {2: 1, 1: 2}
    assert past.at(STANDING, START + 1) is None


def test_an_empty_history_knows_nothing() -> None:
    assert PastRanks.nothing().before(STANDING, START) is None
    layout = a_board({}, START).layout
    assert RankHistory(INTERVAL).view(layout).at(STANDING, START) is None


def test_ranks_beyond_two_bytes_are_kept_whole() -> None:
    count = 65_600
    layout = Layout(a_series(series_id) for series_id in range(1, count + 1))
    board = a_board({i: float(i) for i in range(1, count + 1)}, START, layout=layout)
    past = noted(RankHistory(INTERVAL), [board])
    found = past.at(STANDING, START)
    assert found is not None
    assert found.ranks(np.array([0, count - 1])).tolist() == [count, 1]


worlds = st.lists(
    st.dictionaries(st.integers(1, 9), st.integers(1, 3).map(float), max_size=6),
    min_size=1, max_size=20,
)  # fmt: skip


@settings(max_examples=50)
@given(worlds)
def test_what_is_stored_comes_back_as_it_was(worlds: list[dict[int, float]]) -> None:
    """A restart: the quarters of the day are there again, for the series that still are."""
    history, told = RankHistory(INTERVAL), {}
    stored = []
    for at, sigmas in enumerate(worlds):
        board = a_board(sigmas, QUARTER + 5 * at)
        history.note(board)
        stored += [
            decode_ranks(c.standing, c.slot, body=c.encode()) for c in history.take_unsaved()
        ]
        ranking = board.ranking("price", "sigma_abs", window_ms=HOUR_MS)
        told[board.slot] = {int(board.layout.ids[row]): int(ranking.rank[row])
                            for row in ranking.order}  # fmt: skip
    assert {one.slot for one in stored} == {
        slot for slot, ranks in told.items() if is_quarter(INTERVAL, slot) and ranks
    }
    newest = a_board(worlds[-1], QUARTER + 5 * len(worlds))
    again = RankHistory(INTERVAL)
    again.restore(stored, layout=newest.layout, newest=newest.slot)
    past = again.view(newest.layout)
    for slot, ranks in told.items():
        there = {i: rank for i, rank in ranks.items() if i in newest.layout.rows}
        if is_quarter(INTERVAL, slot) and ranks and worlds[-1]:
            assert ranks_at(past, slot, newest.layout) == there
        else:
            assert past.at(STANDING, slot) is None


def test_restoring_never_replaces_what_was_seen_and_never_brings_back_the_old() -> None:
    history, quarter = RankHistory(INTERVAL), QUARTER
    noted(history, [a_board({1: 1.0, 2: 2.0}, quarter)])
    columns = [c for c in history.take_unsaved() if c.standing == STANDING]
    assert [c.slot for c in columns] == [quarter]
    assert history.take_unsaved() == []
    here = a_board({1: 2.0, 2: 1.0}, quarter)
    again = RankHistory(INTERVAL)
    again.note(here)
    again.restore(columns, layout=here.layout, newest=quarter)
    assert ranks_at(again.view(here.layout), quarter, here.layout) == {1: 1, 2: 2}
    late = RankHistory(INTERVAL)
    late.restore(columns, layout=here.layout, newest=quarter + DAY_MS // MINUTE_MS + 17)
    assert late.view(here.layout).at(STANDING, quarter) is None


@pytest.mark.parametrize("metric", ["price", "traded_quote"])
def test_every_metric_has_a_history_of_its_own(metric: str) -> None:
    told = {
        a_series(1): Told(market=0, metric="price", sigma_rel=1.0),
        a_series(2, "traded_quote"): Told(market=1, metric="traded_quote", sigma_rel=2.0),
    }
    board = board_of(told, expected=60, slot=START)
    past = noted(RankHistory(INTERVAL), [board])
    standing = Standing(metric=metric, by="sigma_rel", window_ms=HOUR_MS, interval=INTERVAL)
    found = past.at(standing, START)
    assert found is not None
    assert (found.of, found.peers) == (1, 1)
    assert found.ranks().tolist() == [int(one.metric == metric) for one in board.series]
    assert len(MARKETS) > 1
