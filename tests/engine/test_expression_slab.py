"""Rules judged on the series table's own slabs and boards say what they say of plain lists."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from tests.engine.rule_oracle import One, TooCloseError
from tests.engine.rule_world import an_array
from tests.engine.world import MINUTE, NAN, START, a_frame, a_series, a_table

from sigmawatch.domain.expression import Condition
from sigmawatch.domain.frame import Reason
from sigmawatch.domain.market import Market
from sigmawatch.domain.rule import parse_condition
from sigmawatch.domain.series import Block, Series
from sigmawatch.domain.window import DAY_MS, HOUR_MS, MINUTE_MS
from sigmawatch.engine.expression import FALSE, TRUE, UNKNOWN, judge
from sigmawatch.engine.freshness import State
from sigmawatch.engine.geometry import Column
from sigmawatch.engine.rule_ranks import RuleRanks
from sigmawatch.engine.slab_inputs import SlabInputs, judge_board
from sigmawatch.engine.snapshot import Board
from sigmawatch.engine.table import SeriesTable

SLOTS = 150
LAST = START + SLOTS - 1
LINES = (
    "value > 3 * mean(1h)",
    "value < 1.5 * mean(1h) and value >= median(10m)",
    "zscore(1h) > 1 or zscore[30m] < -1",
    "sigma_abs[10m] > 1.1 * mean(sigma_abs[10m], 1h)",
    "sigma_rel(30m) > 0.5",
    "min(20m) == min[20m] and max(value - mean(10m), 20m) < 5",
    "change(15m) > 0",
    "change_pct(30m) > 10",
    "crosses_above(mean(10m)) or crosses_below(4)",
)
LEVEL = (
    "sigma_ret(1h) > 2",
    "sigma_ret[10m] > 1.2 * mean(sigma_ret[10m], 30m)",
    "price[5m] > mean(1h)",
    "price[2m] >= max(40m)",
)
FLOW = ("trades[5m] > 1.2 * mean(1h)", "trades[5m] > 20 and crosses_above(mean(1h))")
CODES = {None: UNKNOWN, False: FALSE, True: TRUE}


def filled(values: Column, *, metric: str) -> SeriesTable:
    table = a_table(values.shape[1], metric=metric, windows_ms=(DAY_MS, HOUR_MS, 10 * MINUTE_MS))
    for slot, row in enumerate(values, START):
        table.apply(a_frame(slot, row))
    return table


def inputs(table: SeriesTable) -> SlabInputs:
    board = table.close(LAST)
    return SlabInputs(table.slabs[0], board, slabs=table.slabs, ranks=RuleRanks(board))


@pytest.mark.parametrize(("metric", "lines"), [("price", LINES + LEVEL), ("trades", LINES + FLOW)])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_slab_is_judged_as_its_lists_are(metric: str, lines: list[str], seed: int) -> None:
    world = an_array(16, slots=SLOTS, seed=seed, flow=metric == "trades")
    conditions = [parse_condition(line, metric=metric) for line in lines]
    verdicts = judge(conditions, inputs(filled(world.values, metric=metric)))
    decided = 0
    for condition, verdict in zip(conditions, verdicts, strict=True):
        for row in range(world.rows):
            one = world.one(row, span=(condition.span_ms or MINUTE_MS) // MINUTE_MS)
            expected = slow(one, condition)
            decided += expected in {TRUE, FALSE}
            assert expected in {None, verdict[row]}, (row, lines[conditions.index(condition)])
    assert decided > 0.3 * len(lines) * world.rows


def slow(one: One, condition: Condition) -> int | None:
    """The oracle's verdict, None where rounding decides."""
    try:
        return CODES[one.test(condition.test)]
    except TooCloseError:
        return None


def test_a_whole_board_is_judged_slab_by_slab_for_one_metric() -> None:
    table = filled(np.array([[1.0, 2.0, 3.0]] * SLOTS), metric="price")
    table.add_block(Block(id=2, venue="KRAKEN", metric="trades", interval=MINUTE))
    table.add_block(Block(id=3, venue="KRAKEN", metric="price", interval=MINUTE))
    table.add(a_series(20, place=0, metric="trades", block_id=2))
    table.add(a_series(30, place=4, block_id=3))
    table.apply(a_frame(LAST, [9.0], block_id=2))
    table.apply(a_frame(LAST, [NAN] * 4 + [7.0], block_id=3))
    board = table.close(LAST)
    conditions = [parse_condition("price > 2"), parse_condition("value < 2 and trades == 9")]
    found = judge_board(conditions, board, slabs=table.slabs, metric="price")
    rows = [board.layout.rows[series_id] for series_id in (1, 2, 3, 20, 30)]
    assert [verdict[rows].tolist() for verdict in found] == [
        [FALSE, FALSE, TRUE, UNKNOWN, TRUE],
        [TRUE, FALSE, FALSE, UNKNOWN, FALSE],
    ]


def test_a_removed_series_is_nobodys_row() -> None:
    world = an_array(5, slots=SLOTS, seed=4)
    world.values[-1] = [1.0, 2.0, 3.0, 4.0, 5.0]
    table = filled(world.values, metric="price")
    table.remove(2)
    (verdict,) = judge([parse_condition("value >= 3")], inputs(table))
    assert verdict.tolist() == [FALSE, TRUE, TRUE, TRUE]


def test_a_rank_is_the_boards_and_unknown_where_too_few_are_ranked() -> None:
    """"`rank()` is unknown while fewer than 90 % of its universe is ranked"."""  # fmt: skip
    rng = np.random.default_rng(5)
    values = 100.0 + rng.normal(size=(SLOTS, 10)) * np.arange(1, 11)
    conditions = [parse_condition("rank(sigma_abs, 10m) <= 3"), parse_condition("rank(surge) > 0")]
    top, known = judge(conditions, inputs(filled(values, metric="price")))
    board = filled(values, metric="price").close(LAST)
    ranks = board.ranking("price", "sigma_abs", window_ms=10 * MINUTE_MS).rank
    assert top.tolist() == [TRUE if rank <= 3 else FALSE for rank in ranks]
    assert known.tolist() == [TRUE] * 10
    values[-5:, :2] = NAN
    (top,) = judge(conditions[:1], inputs(filled(values, metric="price")))
    assert top.tolist() == [UNKNOWN] * 10


def test_one_without_a_rank_is_unknown_among_the_ranked() -> None:
    values = np.linspace(1.0, 2.0, SLOTS * 11).reshape(SLOTS, 11)
    values[-5:, 4] = NAN
    (verdict,) = judge([parse_condition("rank(sigma_abs, 10m) < 99")],
                       inputs(filled(values, metric="price")))  # fmt: skip
    assert verdict.tolist() == [UNKNOWN if row == 4 else TRUE for row in range(11)]


def test_the_close_of_an_earlier_span_is_no_older_than_a_change_allows() -> None:
    values = np.full((SLOTS, 1), 5.0)
    values[-10:-5, 0] = [9.0, 9.0, NAN, NAN, NAN]
    lines = ("price[5m] > 0 and max(20m) == 5", "price[5m] > 0 and max(30m) == 5")
    verdicts = judge([parse_condition(line) for line in lines],
                     inputs(filled(values, metric="price")))  # fmt: skip
    assert [int(verdict[0]) for verdict in verdicts] == [UNKNOWN, TRUE]


def test_freshness_and_age_are_the_boards() -> None:
    values = np.full((SLOTS, 2), 5.0)
    values[-4:, 1] = NAN
    lines = ("stale", "age > 3m", "age <= 3m")
    stale, old, new = judge([parse_condition(line) for line in lines],
                            inputs(filled(values, metric="price")))  # fmt: skip
    assert stale.tolist() == [FALSE, TRUE]
    assert old.tolist() == [FALSE, TRUE]
    assert new.tolist() == [TRUE, FALSE]


def test_a_quiet_market_is_not_stale() -> None:
    table = filled(np.full((SLOTS, 1), 5.0), metric="price")
    for slot in range(LAST - 60, LAST + 1):
        table.apply(a_frame(slot, [5.0], [Reason.UNCHANGED], late_ms=900))
    assert table.close(LAST).state.tolist() == [State.QUIET]
    (verdict,) = judge([parse_condition("stale")], inputs(table))
    assert verdict.tolist() == [FALSE]


@pytest.mark.parametrize(
    ("metric", "verdicts"),
    [("price", [TRUE, FALSE, UNKNOWN]), ("trades", [UNKNOWN, UNKNOWN, UNKNOWN])],
)
def test_another_venue_of_the_same_pair_confirms_a_level(metric: str, verdicts: list[int]) -> None:
    table = filled(np.full((SLOTS, 3), 100.0), metric=metric)
    table.add_block(Block(id=2, venue="COINBASE", metric=metric, interval=MINUTE))
    for place, other in enumerate((a_series(1), a_series(2))):
        market = Market(venue="COINBASE", base=other.market.base, quote="USD", native=f"X{place}")
        table.add(Series(id=10 + place, market=market, metric=metric, interval=MINUTE, block_id=2,
                         place=place))  # fmt: skip
    table.apply(a_frame(LAST, [100.5, 102.0], block_id=2))
    (verdict,) = judge([parse_condition("confirmed_by(coinbase, 1)")], inputs(table))
    assert verdict.tolist()[:3] == verdicts  # then the two of the other venue


def at_another_venue(table: SeriesTable, last: Sequence[float], *, marks: Sequence[int]) -> None:
    """The first markets of a table at COINBASE too, of which only the last slot is told."""
    table.add_block(Block(id=2, venue="COINBASE", metric="price", interval=MINUTE))
    for place in range(len(last)):
        market = replace(a_series(place + 1).market, venue="COINBASE")
        table.add(Series(id=10 + place, market=market, metric="price", interval=MINUTE, block_id=2,
                         place=place))  # fmt: skip
    table.apply(a_frame(LAST, last, marks, block_id=2))


def test_what_is_not_fresh_elsewhere_confirms_nothing() -> None:
    """Unknown, and never true, of a venue whose price stands still while its others move."""
    table = filled(np.full((SLOTS, 3), 100.0), metric="price")
    at_another_venue(table, [100.0, 100.0, NAN], marks=[Reason.OBSERVED] * 2 + [Reason.SUSPECT])
    board = table.close(LAST)
    assert confirmed(table, board) == [TRUE, TRUE, UNKNOWN]
    for state in (State.FROZEN, State.STALE, State.DELISTED, State.PAUSED):
        states = board.state.copy()
        states[board.layout.rows[10]] = state
        assert confirmed(table, replace(board, state=states)) == [UNKNOWN, TRUE, UNKNOWN]
    states = board.state.copy()
    states[board.layout.rows[10]] = State.QUIET  # nothing was traded: its last price stands
    assert confirmed(table, replace(board, state=states)) == [TRUE, TRUE, UNKNOWN]


def test_no_venue_confirms_itself() -> None:
    table = filled(np.full((SLOTS, 2), 100.0), metric="price")
    at_another_venue(table, [100.0, 100.0], marks=[Reason.OBSERVED] * 2)
    conditions = [parse_condition("confirmed_by(coinbase, 1) or confirmed_by(kraken, 1)"),
                  parse_condition("confirmed_by(kraken, 1)")]  # fmt: skip
    either, own = judge_board(conditions, table.close(LAST), slabs=table.slabs, metric="price")
    rows = [table.layout.rows[series_id] for series_id in (1, 2, 10, 11)]
    assert either[rows].tolist() == [TRUE] * 4
    assert own[rows].tolist() == [UNKNOWN, UNKNOWN, TRUE, TRUE]


def confirmed(table: SeriesTable, board: Board) -> list[int]:
    (verdict,) = judge_board([parse_condition("confirmed_by(coinbase, 1)")], board,
                             slabs=table.slabs, metric="price")  # fmt: skip
    return [int(verdict[board.layout.rows[series_id]]) for series_id in (1, 2, 3)]


@pytest.mark.parametrize(
    ("line", "verdicts"),
    [
        ("change(1m) >= 0 and volume_24h_base > 10", [FALSE, TRUE, UNKNOWN]),
        ("change(1m) >= 0 and trades > 10", [UNKNOWN, TRUE, UNKNOWN]),
        ("change(1m) >= 0 and trades[2m] > 24", [UNKNOWN, TRUE, UNKNOWN]),
        ("change(1m) >= 0 and mean(volume_24h_base, 4m) > 9.5", [FALSE, FALSE, UNKNOWN]),
        ("change(1m) >= 0 and mean(volume_24h_base, 4m) > 8.5", [TRUE, TRUE, UNKNOWN]),
        ("change(1m) >= 0 and mean(trades, 4m) == 12", [TRUE, TRUE, UNKNOWN]),
        ("change(1m) >= 0 and mean(volume_24h_base * 2, 4m) > 17", [TRUE, TRUE, UNKNOWN]),
        ("change(1m) >= 0 and median(trades, 4m) == 12", [TRUE, TRUE, UNKNOWN]),
        ("change(1m) >= 0 and sigma_ret(volume_24h_base, 4m) == 0", [TRUE, TRUE, UNKNOWN]),
    ],
)
def test_a_companion_is_another_metric_of_the_same_market(line: str, verdicts: list[int]) -> None:
    """A level as its newest of the last 3 slots, a flow as all of its span."""
    table = filled(np.full((SLOTS, 3), 100.0), metric="price")
    for block_id, metric in ((2, "volume_24h_base"), (3, "trades")):
        table.add_block(Block(id=block_id, venue="KRAKEN", metric=metric, interval=MINUTE))
        for place in (1, 0):  # in another order than the prices; the third market tracks neither
            one = a_series(10 * block_id + place, place=1 - place, metric=metric, block_id=block_id)
            market = a_series(place + 1).market
            table.add(replace(one, market=market))
    for slot in range(LAST - 9, LAST + 1):
        volumes = [11.0, NAN] if slot == LAST else [9.0, 9.0]
        table.apply(a_frame(slot, volumes, block_id=2))
        table.apply(a_frame(slot, [13.0, NAN] if slot == LAST else [12.0, 12.0], block_id=3))
    (verdict,) = judge([parse_condition(line, metric="price")], inputs(table))
    assert verdict.tolist() == verdicts
