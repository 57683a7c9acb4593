"""Rules over the real table, as a benchmark asks them: whole, at one closed slot.

Ten rules of the budget (DESIGN.md: comparisons of value, mean, σ, change, rank; no median).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from benchmarks.rules import RULES

from sigmawatch.domain.rule import parse_condition
from sigmawatch.engine.expression import Verdict, judge
from sigmawatch.engine.slab_inputs import Pairs, SlabInputs
from sigmawatch.engine.snapshot import Board, Layout
from sigmawatch.engine.table import SeriesTable

TEN = RULES


class Judge:
    """Some conditions, judged for every series of a board."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._conditions = [parse_condition(line) for line in lines]
        self._pairs: tuple[Layout, Pairs] | None = None

    def verdicts(self, table: SeriesTable, board: Board) -> list[Verdict]:
        """int8[rows of the board] for each condition."""
        if self._pairs is None or self._pairs[0] is not board.layout:
            self._pairs = board.layout, Pairs(board.layout)
        pairs = self._pairs[1]
        found = [np.empty(len(board.series), np.int8) for _ in self._conditions]
        for slab in table.slabs:
            inputs = SlabInputs(slab, board, pairs=pairs, slabs=table.slabs)
            for column, verdict in zip(found, judge(self._conditions, inputs), strict=True):
                column[slab.part] = verdict
        return found
