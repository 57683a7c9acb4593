"""Computes the quantities of rules and formulas: float64[rows], NaN where unknown.

What both have: calculations, companions, and statistics of what lies in a window of an expression.
A baseline (`f(W)`, `f(expr, W)`) of zero or less is unknown in a ratio: where it is multiplied,
divides, or is divided by a number. Imports engine.baseline, inputs, domain.expression.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Generic, TypeVar

import numpy as np

from sigmawatch.domain.expression import (
    Absolute,
    Arithmetic,
    Change,
    Companion,
    Duration,
    Negative,
    Node,
    Number,
    Quantity,
    Statistic,
    Value,
    Window,
)
from sigmawatch.domain.window import SECOND_MS
from sigmawatch.engine.baseline import Number64, finite, folded, median, statistic_of
from sigmawatch.engine.geometry import Column
from sigmawatch.engine.inputs import Others
from sigmawatch.engine.moments import Moments

AnyInputs = TypeVar("AnyInputs", bound=Others)


class Quantities(Generic[AnyInputs]):
    """Evaluates parts over one kind of values; what was computed is kept while it lives.

    span: how many slots make one of the rule's own values. NumPy's warnings are the caller's to
    silence: what is not finite is meant.
    """

    def __init__(self, inputs: AnyInputs, span: int) -> None:
        self._inputs = inputs
        self._span = span
        self._slot_ms = inputs.interval.ms
        self._numbers: dict[tuple[Quantity, int], Number64] = {}
        self._moments: dict[tuple[Quantity, int, int, int], Moments] = {}

    def number(self, quantity: Quantity, lag: int) -> Number64:
        """What a quantity was `lag` slots ago."""
        key = (quantity, lag)
        found = self._numbers.get(key)
        if found is None:
            found = self._numbers[key] = self._measured(quantity, lag)
        return found

    def _measured(self, quantity: Quantity, lag: int) -> Number64:
        match quantity:
            case Number():
                return np.float64(quantity.value)
            case Duration():
                return np.float64(quantity.ms / SECOND_MS)
            case Companion():
                return self._inputs.companion(quantity.name, span=self.step(quantity), lag=lag)
            case Arithmetic():
                return self._calculated(quantity, lag)
            case Absolute():
                return np.abs(self.number(quantity.of, lag))
            case Negative():
                return np.negative(self.number(quantity.of, lag))
            case Window():
                return self._statistic(quantity, lag)
            case Change(of=Quantity() as of):
                then = lag + quantity.window_ms // self._slot_ms
                return finite(self.number(of, lag) - self.number(of, then))
            case _:
                return self._own(quantity, lag)

    def _own(self, quantity: Quantity, lag: int) -> Number64:
        """What only a rule can ask, of its own series."""
        raise AssertionError(quantity)

    def _calculated(self, node: Arithmetic, lag: int) -> Number64:
        left, right = self.number(node.left, lag), self.number(node.right, lag)
        match node.operator:
            case "+":
                return finite(left + right)
            case "-":
                return finite(left - right)
            case "*":
                left, right = _in_ratio(node.left, left), _in_ratio(node.right, right)
                return finite(left * right)
            case "/":
                divisor = above_zero(right) if _has_baseline(node.right) else right
                if isinstance(node.right, Number):
                    left = _in_ratio(node.left, left)
                return finite(left / divisor)

    # Windows

    def coverage(self, node: Window) -> Column:
        """float64[rows], 0 to 1: the share of a window's values that are known at the slot."""
        count, moments = self._counted(node, 0)
        return np.asarray(moments.n[0] / count, np.float64)

    def _counted(self, node: Window, lag: int) -> tuple[int, Moments]:
        """How many values a window holds, and their moments."""
        of = node.of or Value()
        step = self.step(of)
        count = node.window_ms // self._slot_ms // step
        last = lag if node.with_slot else lag + step
        channels = 2 if node.statistic is Statistic.SIGMA_RET else 1
        key = (of, count, last, channels)
        moments = self._moments.get(key)
        if moments is None:
            moments = self.moments(of, count, last=last, channels=channels)
            self._moments[key] = moments
        return count, moments

    def _statistic(self, node: Window, lag: int) -> Number64:
        of = node.of or Value()
        if node.statistic is Statistic.MEDIAN:
            step = self.step(of)
            count = node.window_ms // self._slot_ms // step
            last = lag if node.with_slot else lag + step
            return median(np.array([*self.past(of, count, last=last)]))
        count, moments = self._counted(node, lag)
        if node.statistic is Statistic.ZSCORE:
            mean = statistic_of(Statistic.MEAN, moments, count=count)
            sigma = statistic_of(Statistic.SIGMA_ABS, moments, count=count)
            return finite((self.number(of, lag) - mean) / sigma)  # by zero: unknown
        return statistic_of(node.statistic, moments, count=count)

    def moments(self, of: Quantity, count: int, *, last: int, channels: int) -> Moments:
        """The moments of `past`; channels: 2 where its returns are wanted too."""
        columns = self.past(of, count, last=last)
        return folded(columns, rows=self._inputs.rows, channels=channels)

    def past(self, of: Quantity, count: int, *, last: int) -> Iterable[Column]:
        """The `count` values of a window whose last ends `last` slots ago, oldest first."""
        step = self.step(of)
        for lag in range(last + (count - 1) * step, last - 1, -step):
            # What is computed of the past is not kept: a day of columns is too much.
            number = type(self)(self._inputs, self._span).in_window(of, lag)
            yield np.broadcast_to(number, self._inputs.rows)

    def in_window(self, of: Quantity, lag: int) -> Number64:
        """One of a window's values. Of a companion by itself a window counts what it would were
        the rule about it: a slot that it missed is missing, and not the one before once more."""
        if isinstance(of, Companion):
            return self._inputs.companion(of.name, span=self.step(of), lag=lag, stands=False)
        return self.number(of, lag)

    def step(self, of: Quantity) -> int:
        """How many slots apart a window's values are, so that none counts twice."""
        if isinstance(of, Companion):
            return (of.span_ms or self._slot_ms) // self._slot_ms
        return self._span


def above_zero(number: Number64) -> Number64:
    known = number > 0.0
    return number if known.all() else np.where(known, number, np.nan)


def _in_ratio(node: Node, number: Number64) -> Number64:
    """A factor as it counts: a baseline of zero or less is no measure for anything."""
    is_baseline = isinstance(node, Window) and node.baseline
    return above_zero(number) if is_baseline else number


def _has_baseline(node: Node) -> bool:
    return any(isinstance(one, Window) and one.baseline for one in node.walk())
