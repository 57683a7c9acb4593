"""What is past is judged as it was judged live: bit for bit, slot by slot."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pytest
from tests.engine.rule_world import an_array
from tests.engine.world import MINUTE, START, a_frame, a_series

from sigmawatch.domain.expression import Comparison, Condition
from sigmawatch.domain.frame import Reason
from sigmawatch.domain.rule import default_clear, parse_condition
from sigmawatch.domain.series import Block, Series
from sigmawatch.domain.window import MINUTE_MS
from sigmawatch.engine.expression import TRUE, measure
from sigmawatch.engine.geometry import Column
from sigmawatch.engine.needs import Needs
from sigmawatch.engine.rank_history import RankHistory
from sigmawatch.engine.rehearsal import Rehearsal, Stored
from sigmawatch.engine.rule_ranks import RuleRanks
from sigmawatch.engine.slab_inputs import SlabInputs, judge_board
from sigmawatch.engine.snapshot import Board
from sigmawatch.engine.table import SeriesTable

LINES = (
    "price > 1.2 * mean(1h)",
    "sigma_abs[10m] > 1.1 * mean(sigma_abs[10m], 30m)",
    "price[5m] >= max(40m) or zscore(30m) < -1",
    "sigma_ret(30m) > 2 and median(10m) > 3",
    "abs(change_pct(15m)) > 20 and trades > 2",
    "price > 4 and mean(trades[5m], 30m) > 10",
    "crosses_above(mean(10m)) and confirmed_by(OTHER, 50)",
    "price < 0 or stale",
)
RANKED = (
    "rank(sigma_abs, 30m) <= 3",
    "rank(surge) <= 4",
    "change(rank(sigma_rel, 30m), 10m) < 0",
    "rank(change_pct, 20m) <= 5",
    "abs(excess_change(20m)) > 1",
    "excess_change(30m, venue) > 0.5",
)
WINDOWS_MS = (30 * MINUTE_MS, 20 * MINUTE_MS)
SLOTS, WARM = 190, 90
RANKS_BEFORE = 15  # of the past that ranks look back on
ROWS = 12


def the_series() -> list[Series]:
    """Prices at two venues and the trades of the first one's, of which some places are empty."""
    prices = [a_series(number, place=number + 3) for number in range(1, ROWS + 1)]
    trades = [
        a_series(100 + one.id, place=one.place, metric="trades", block_id=2) for one in prices
    ]
    others = [
        replace(one, id=200 + one.id, block_id=3, market=replace(one.market, venue="OTHER"))
        for one in prices[::2]
    ]
    return [*prices, *trades, *others]


def frames(seed: int, *, ranked: bool) -> Iterator[tuple[int, list[Column]]]:
    """A slot's prices and trades; where ranked, prices with few gaps."""
    rng = np.random.default_rng(seed)
    price = an_array(ROWS, slots=SLOTS, seed=seed).values
    if ranked:
        price = 100.0 + rng.normal(size=(SLOTS, ROWS)).cumsum(axis=0)
        price[SLOTS // 2, :4] = np.nan
    trades = an_array(ROWS, slots=SLOTS, seed=seed + 50, flow=True).values
    for number in range(SLOTS):
        yield START + number, [price[number], np.abs(trades[number]), 1.1 * price[number]]


def live(seed: int, *, windows_ms: Sequence[int]) -> Iterator[tuple[Board, SeriesTable]]:
    """The boards of a table that hears frame after frame."""
    table = SeriesTable(MINUTE, windows_ms=windows_ms)
    blocks = ("KRAKEN", "price"), ("KRAKEN", "trades"), ("OTHER", "price")
    for number, (venue, metric) in enumerate(blocks, 1):
        table.add_block(Block(id=number, venue=venue, metric=metric, interval=MINUTE))
    table.add_all(the_series())
    ranks = RankHistory(MINUTE)
    for slot, columns in frames(seed, ranked=bool(windows_ms)):
        for block_id, column in enumerate(columns, 1):
            values = np.concatenate([np.full(4, np.nan), column])
            marks = np.where(np.isnan(values), Reason.OUTAGE, Reason.OBSERVED)
            marks[:4] = Reason.NO_PLACE
            if slot % 7 == 0 and not windows_ms:
                marks[5 + slot % 5] = Reason.SUSPECT
            table.apply(a_frame(slot, values, marks.tolist(), block_id=block_id))
        board = table.close(slot)
        board = board.with_past(ranks.view(board.layout))
        ranks.note(board)
        yield board, table


def again(
    table: SeriesTable, *, windows_ms: Sequence[int], lines: Sequence[Condition]
) -> Rehearsal:
    """A rehearsal of what a table holds, told in two parts; its series in another order."""
    rehearsal = Rehearsal(MINUTE, the_series()[::-1], windows_ms=windows_ms,
                          needs=Needs(conditions=tuple(lines)))  # fmt: skip
    for first, stop in ((START, START + WARM + 20), (START + WARM + 20, START + SLOTS)):
        columns = {
            one.id: table.stretch(one.id, from_slot=first, to_slot=stop) for one in the_series()
        }
        rehearsal.tell(Stored(from_slot=first, slots=stop - first, columns=columns))
    return rehearsal


def test_surges_are_told_to_who_ranks_by_them_alone() -> None:
    for lines, told in ((LINES, False), (RANKED, True)):
        read = [parse_condition(line) for line in lines]
        *_, (_, table) = live(1, windows_ms=WINDOWS_MS)
        *_, board = again(table, windows_ms=WINDOWS_MS, lines=read).boards(START + SLOTS - 2)
        assert bool(np.isfinite(board.surge).any()) == told


def verdicts(board: Board, table: SeriesTable, lines: Sequence[Condition]) -> list[list[int]]:
    rows = [board.layout.rows[number] for number in range(1, ROWS + 1)]
    said = judge_board(lines, board, slabs=table.slabs, metric="price")
    return [verdict[rows].tolist() for verdict in said]


@pytest.mark.parametrize("lines", [LINES, RANKED], ids=["windows", "ranks"])
@pytest.mark.parametrize("seed", [1, 2])
def test_what_is_past_is_judged_slot_by_slot_as_it_was_live(
    lines: Sequence[str], seed: int
) -> None:
    read = [parse_condition(line) for line in lines]
    conditions = [*read, *(default_clear(one) for one in read)]
    windows_ms = WINDOWS_MS if lines is RANKED else ()
    then = []
    for board, table in live(seed, windows_ms=windows_ms):
        then.append(verdicts(board, table, conditions))
    rehearsal = again(table, windows_ms=windows_ms, lines=conditions)
    now = [
        verdicts(board, rehearsal.table, conditions)
        for board in rehearsal.boards(START + WARM - RANKS_BEFORE)
    ]
    assert now[RANKS_BEFORE:] == then[WARM:]
    for line, said in zip(lines, zip(*then, strict=True), strict=False):
        assert any(TRUE in slot for slot in said), f"{line} was never true: nothing is proven"


@pytest.mark.parametrize("line", LINES[:4])
def test_the_numbers_are_the_same_to_the_last_bit(line: str) -> None:
    condition = parse_condition(line)
    parts = [side for one in condition.test.walk() if isinstance(one, Comparison)
             for side in (one.left, one.right)]  # fmt: skip

    def numbers(board: Board, table: SeriesTable) -> list[bytes]:
        found = []
        for slab in table.slabs:
            if slab.metric == "price":
                inputs = SlabInputs(slab, board, slabs=table.slabs, ranks=RuleRanks(board))
                order = np.argsort([one.id for one in board.series[slab.part]])
                found += [
                    measure(part, inputs, span_ms=condition.span_ms)[order].tobytes()
                    for part in parts
                ]
        return found

    *_, (board, table) = live(3, windows_ms=())
    then = numbers(board, table)
    rehearsal = again(table, windows_ms=(), lines=[condition])
    *_, last = rehearsal.boards(START + WARM)
    assert numbers(last, rehearsal.table) == then
