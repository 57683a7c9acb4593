"""Rules over the real table, as a benchmark asks them: whole, at one closed slot.

Ten rules of the budget (DESIGN.md: comparisons of value, mean, σ, change, rank; no median).
"""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.rules import RULES

from sigmawatch.domain.rule import parse_condition
from sigmawatch.engine.expression import Verdict
from sigmawatch.engine.slab_inputs import judge_board
from sigmawatch.engine.snapshot import Board
from sigmawatch.engine.table import SeriesTable

TEN = RULES


class Judge:
    """Some conditions, judged for every series of a board."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._conditions = [parse_condition(line) for line in lines]

    def verdicts(self, table: SeriesTable, board: Board) -> list[Verdict]:
        """int8[rows of the board] for each condition."""
        return judge_board(self._conditions, board, slabs=table.slabs, metric="price")
