"""Judges the conditions of rules for many series at once, three-valued (SEMANTICS.md 6).

A quantity is float64[rows], NaN where unknown; a test is two masks, where it is true and where it
is false, and unknown elsewhere: `and`, `or` and `not` on them are Kleene's. What is unknown or not
finite makes its comparison unknown. So does a baseline (`f(W)`, `f(expr, W)`) of zero or less in a
ratio: where it is multiplied, divides, or is divided by a number.

Everything is read through `Inputs`, `lag` slots before the judged one: 0 for most, 1 for crossings,
more for changes and for windows of expressions. Equal parts of all conditions are computed once.
Cost for 100,000 series: about 50 µs a comparison, calculation or statistic, the inputs apart; a
window of an expression costs the expression once for every value in it. Imports
engine.inputs, engine.baseline, domain.expression.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from sigmawatch.domain.expression import (
    Absolute,
    Age,
    Arithmetic,
    Change,
    Comparison,
    Condition,
    ConfirmedBy,
    Crosses,
    Duration,
    Logic,
    Negative,
    Node,
    Not,
    Number,
    Quantity,
    Rank,
    Relation,
    Stale,
    Statistic,
    Test,
    Value,
    Window,
)
from sigmawatch.domain.window import SECOND_MS
from sigmawatch.engine.baseline import folded, median, statistic_of
from sigmawatch.engine.geometry import Column, Mask
from sigmawatch.engine.inputs import Inputs
from sigmawatch.engine.moments import Moments

UNKNOWN, FALSE, TRUE = -1, 0, 1
Verdict = npt.NDArray[np.int8]
Truth = tuple[Mask, Mask]  # where true, where false
Number64 = Column | np.float64


def judge(conditions: Sequence[Condition], inputs: Inputs) -> list[Verdict]:
    """int8[rows] for each condition: TRUE, FALSE or UNKNOWN at the judged slot; without `for`."""
    slot_ms = inputs.interval.ms
    of_span: dict[int, _Judge] = {}
    verdicts = []
    with np.errstate(all="ignore"):
        for condition in conditions:
            span = (condition.span_ms or slot_ms) // slot_ms
            here = of_span.setdefault(span, _Judge(inputs, span))
            verdicts.append(_verdict(here.test(condition.test), inputs.rows))
    return verdicts


def measure(quantity: Quantity, inputs: Inputs, *, span_ms: int | None = None) -> Column:
    """float64[rows]: what a quantity is at the judged slot, NaN where unknown."""
    slot_ms = inputs.interval.ms
    with np.errstate(all="ignore"):
        number = _Judge(inputs, (span_ms or slot_ms) // slot_ms).number(quantity, 0)
    return np.array(np.broadcast_to(number, inputs.rows))


def _verdict(truth: Truth, rows: int) -> Verdict:
    true, false = truth
    verdict = np.full(rows, UNKNOWN, np.int8)
    np.copyto(verdict, FALSE, where=false)
    np.copyto(verdict, TRUE, where=true)
    return verdict


class _Judge:
    """Evaluates parts over one kind of values; what was computed is kept while it lives."""

    def __init__(self, inputs: Inputs, span: int) -> None:
        self._inputs = inputs
        self._span = span
        self._slot_ms = inputs.interval.ms
        self._truths: dict[Test, Truth] = {}
        self._numbers: dict[tuple[Quantity, int], Number64] = {}
        self._moments: dict[tuple[Quantity | None, int, int], Moments] = {}

    # Tests

    def test(self, test: Test) -> Truth:
        if test not in self._truths:
            self._truths[test] = self._tested(test)
        return self._truths[test]

    def _tested(self, test: Test) -> Truth:
        match test:
            case Logic():
                one, other = self.test(test.left), self.test(test.right)
                if test.operator == "and":
                    return one[0] & other[0], one[1] | other[1]
                return one[0] | other[0], one[1] & other[1]
            case Not():
                true, false = self.test(test.of)
                return false, true
            case Comparison():
                left = self.number(test.left, 0)
                return compared(left, test.operator, right=self.number(test.right, 0))
            case Stale():
                stale = self._inputs.stale()
                return stale, ~stale
            case Crosses():
                return self._crossed(test)
            case ConfirmedBy():
                theirs = self._inputs.elsewhere(test.venue, span=self._span)
                apart = np.abs(self.number(Value(), 0) - theirs)
                return compared(apart, "<=", right=np.abs(theirs) * (test.within_pct / 100.0))
            case _:
                raise AssertionError(test)

    def _crossed(self, test: Crosses) -> Truth:
        beyond: Relation = ">" if test.above else "<"
        short: Relation = "<=" if test.above else ">="
        level, level_before = (self.number(test.level, lag) for lag in (0, 1))
        value, value_before = (self.number(Value(), lag) for lag in (0, 1))
        now, not_now = compared(value, beyond, right=level)
        before, not_before = compared(value_before, short, right=level_before)
        return now & before, not_now | not_before

    # Quantities

    def number(self, quantity: Quantity, lag: int) -> Number64:
        if (quantity, lag) not in self._numbers:
            self._numbers[quantity, lag] = self._measured(quantity, lag)
        return self._numbers[quantity, lag]

    def _measured(self, quantity: Quantity, lag: int) -> Number64:
        match quantity:
            case Number():
                return np.float64(quantity.value)
            case Duration():
                return np.float64(quantity.ms / SECOND_MS)
            case Value():
                return self._inputs.value(span=self._span, lag=lag)
            case Age():
                return self._inputs.age_s()
            case Rank():
                return self._inputs.rank(quantity.by, window_ms=quantity.window_ms, lag=lag)
            case Window():
                return self._statistic(quantity, lag)
            case Change():
                return self._change(quantity, lag)
            case Absolute():
                return np.abs(self.number(quantity.of, lag))
            case Negative():
                return np.negative(self.number(quantity.of, lag))
            case Arithmetic():
                return self._calculated(quantity, lag)
            case _:
                raise AssertionError(quantity)

    def _calculated(self, node: Arithmetic, lag: int) -> Number64:
        left, right = self.number(node.left, lag), self.number(node.right, lag)
        match node.operator:
            case "+":
                return _finite(left + right)
            case "-":
                return _finite(left - right)
            case "*":
                left, right = _in_ratio(node.left, left), _in_ratio(node.right, right)
                return _finite(left * right)
            case "/":
                divisor = _above_zero(right) if _has_baseline(node.right) else right
                if isinstance(node.right, Number):
                    left = _in_ratio(node.left, left)
                return _finite(left / divisor)

    def _change(self, node: Change, lag: int) -> Number64:
        lag_then = lag + node.window_ms // self._slot_ms
        if node.of is not None:
            return _finite(self.number(node.of, lag) - self.number(node.of, lag_then))
        last = self._inputs.close(span=self._span, lag=lag)
        then = self._inputs.close(span=self._span, lag=lag_then)
        if node.percent:
            return _finite(100.0 * (last - then) / _above_zero(then))
        return _finite(last - then)

    # Windows

    def _statistic(self, node: Window, lag: int) -> Number64:
        count = node.window_ms // self._slot_ms // self._span
        last = lag if node.with_slot else lag + self._span
        of = None if node.own else node.of
        if node.statistic is Statistic.MEDIAN:
            return median(np.array([*self._values(of, count, last=last)]))
        moments = self._moments_of(of, count, last=last)
        if node.statistic is Statistic.ZSCORE:
            mean = statistic_of(Statistic.MEAN, moments, count=count)
            sigma = statistic_of(Statistic.SIGMA_ABS, moments, count=count)
            return _finite((self.number(of or Value(), lag) - mean) / sigma)  # by zero: unknown
        return statistic_of(node.statistic, moments, count=count)

    def _moments_of(self, of: Quantity | None, count: int, *, last: int) -> Moments:
        key = (of, count, last)
        if key not in self._moments:
            self._moments[key] = (
                self._inputs.moments(count, span=self._span, lag=last)
                if of is None
                else folded(self._values(of, count, last=last), rows=self._inputs.rows)
            )
        return self._moments[key]

    def _values(self, of: Quantity | None, count: int, *, last: int) -> Iterator[Column]:
        """The `count` values of a window whose last ends `last` slots ago, oldest first."""
        for lag in range(last + (count - 1) * self._span, last - 1, -self._span):
            if of is None:
                yield self._inputs.value(span=self._span, lag=lag)
            else:  # what is computed of the past is not kept: a day of columns is too much
                number = _Judge(self._inputs, self._span).number(of, lag)
                yield np.broadcast_to(number, self._inputs.rows)


def compared(left: Number64, operator: Relation, *, right: Number64) -> Truth:
    """Where the comparison is true, and where false; neither where a side is NaN."""
    match operator:
        case "<":
            return left < right, left >= right
        case "<=":
            return left <= right, left > right
        case ">":
            return left > right, left <= right
        case ">=":
            return left >= right, left < right
        case "==":
            return left == right, (left < right) | (left > right)
        case "!=":
            return (left < right) | (left > right), left == right


def _finite(number: Number64) -> Number64:
    """What overflowed, or was divided by zero, is unknown."""
    return np.where(np.isfinite(number), number, np.nan)


def _above_zero(number: Number64) -> Number64:
    return np.where(number > 0.0, number, np.nan)


def _in_ratio(node: Node, number: Number64) -> Number64:
    """A factor as it counts: a baseline of zero or less is no measure for anything."""
    is_baseline = isinstance(node, Window) and node.baseline
    return _above_zero(number) if is_baseline else number


def _has_baseline(node: Node) -> bool:
    return any(isinstance(one, Window) and one.baseline for one in node.walk())
