"""The numbers behind a decision: what receipts keep, and how far beyond its limit a series is.

Read from the board and slabs that were judged, for the few series that something is told of.
Imports domain.expression_printer, receipt, ruling; engine.expression, slab_inputs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import repeat

import numpy as np

from sigmawatch.domain.expression import Quantity
from sigmawatch.domain.expression_printer import print_node, print_value
from sigmawatch.domain.metric import Unit
from sigmawatch.domain.receipt import Operand
from sigmawatch.domain.ruling import Ruling
from sigmawatch.domain.series import Series
from sigmawatch.engine.expression import Measured, limits, measure_all
from sigmawatch.engine.geometry import Column, Rows
from sigmawatch.engine.rule_ranks import RuleRanks
from sigmawatch.engine.slab import Slab
from sigmawatch.engine.slab_inputs import SlabInputs
from sigmawatch.engine.snapshot import Board


class Evidence:
    """Of one board."""

    def __init__(self, board: Board, slabs: Sequence[Slab]) -> None:
        self.board = board
        self._slabs = slabs
        self._ranks = RuleRanks(board)
        self._inputs: dict[int, SlabInputs] = {}
        self._measured: dict[tuple[int, int], dict[Quantity, Measured]] = {}

    def operands(self, ruling: Ruling, row: int) -> tuple[Operand, ...]:
        """Every number of a rule's condition for one row, its value first."""
        number, inputs = self._of(row)
        key = ruling.rule.id, number
        if key not in self._measured:
            self._measured[key] = measure_all(ruling.condition, inputs)
        at, names = row - self._slabs[number].part.start, print_value(ruling.condition)
        return tuple(
            Operand(text=print_node(quantity, names=repeat(names)), value=_known(column[at]),
                    coverage=None if covered is None else _known(covered[at]))
            for quantity, (column, covered) in self._measured[key].items()
        )  # fmt: skip

    def weights(self, ruling: Ruling, rows: Rows) -> Column:
        """float64[n]: how many times its limit each row is."""
        weights = np.zeros(len(rows))
        for slab in self._slabs:
            mine = (rows >= slab.part.start) & (rows < slab.part.stop)
            if mine.any():
                _, inputs = self._of(slab.part.start)
                weights[mine] = limits(ruling.condition, inputs)[rows[mine] - slab.part.start]
        return weights

    def _of(self, row: int) -> tuple[int, SlabInputs]:
        """The slab that a row is in."""
        number = next(n for n, slab in enumerate(self._slabs) if row < slab.part.stop)
        if number not in self._inputs:
            self._inputs[number] = SlabInputs(
                self._slabs[number], self.board, slabs=self._slabs, ranks=self._ranks
            )
        return number, self._inputs[number]


def named(series: Series) -> str:
    """A series as receipts name it."""
    return f"{series.market.name} {series.metric}"


def unit_of(series: Series) -> str:
    """What its numbers count, as a reader writes it; empty where that has no short word."""
    market = series.market
    words = {Unit.QUOTE_PER_BASE: market.quote, Unit.QUOTE: market.quote, Unit.BASE: market.base,
             Unit.BASIS_POINTS: "bp"}  # fmt: skip
    return words.get(series.kind.unit, "")


def _known(number: float) -> float | None:
    return float(number) if math.isfinite(number) else None
