"""Rules over the real table, as a benchmark asks them: whole, at one closed slot.

Ten rules of the budget (DESIGN.md: comparisons of value, mean, σ, change, rank; no median).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from benchmarks.rules import RULES

from sigmawatch.domain.rule import parse_condition
from sigmawatch.engine.block_inputs import BlockInputs, Pairs
from sigmawatch.engine.expression import Verdict, judge
from sigmawatch.engine.snapshot import Board
from sigmawatch.engine.table import SeriesTable

TEN = RULES


class Judge:
    """Some conditions, judged for every series of a board."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._conditions = [parse_condition(line) for line in lines]

    def verdicts(self, table: SeriesTable, board: Board) -> list[Verdict]:
        """int8[rows of the board] for each condition."""
        pairs = Pairs(board.layout)
        found = [np.empty(len(board.series), np.int8) for _ in self._conditions]
        for block_id, (_, rows) in board.layout.blocks.items():
            inputs = BlockInputs(table._blocks[block_id], board, pairs=pairs)
            for column, verdict in zip(found, judge(self._conditions, inputs), strict=True):
                column[rows] = verdict
        return found
