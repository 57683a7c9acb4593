"""Judges the conditions of rules for many series at once, three-valued (SEMANTICS.md 6).

A quantity is float64[rows], NaN where unknown; a test is two masks, where it is true and where it
is false, and unknown elsewhere: `and`, `or` and `not` on them are Kleene's. What is unknown or not
finite makes its comparison unknown.

Everything is read through `Inputs`, `lag` slots before the judged one: 0 for most, 1 for crossings,
more for changes and for windows of expressions. Equal parts of all conditions are computed once.
Cost for 100,000 series: about 50 µs a comparison, calculation or statistic, the inputs apart; a
window of an expression costs the expression once for every value in it. Imports engine.inputs,
engine.quantities, domain.expression.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from sigmawatch.domain.expression import (
    Age,
    Change,
    Companion,
    Comparison,
    Condition,
    ConfirmedBy,
    Crosses,
    Duration,
    Excess,
    Logic,
    Node,
    Not,
    Number,
    Quantity,
    Rank,
    Relation,
    Stale,
    Test,
    Value,
    Window,
)
from sigmawatch.domain.expression_reach import reach_ms
from sigmawatch.engine.baseline import Number64, finite
from sigmawatch.engine.geometry import Column, Mask
from sigmawatch.engine.inputs import Inputs
from sigmawatch.engine.moments import Moments
from sigmawatch.engine.quantities import Quantities, above_zero

UNKNOWN, FALSE, TRUE = -1, 0, 1  # _verdict counts on these numbers
Verdict = npt.NDArray[np.int8]
Truth = tuple[Mask, Mask]  # where true, where false


def judge(conditions: Sequence[Condition], inputs: Inputs) -> list[Verdict]:
    """int8[rows] for each condition: TRUE, FALSE or UNKNOWN at the judged slot; without `for`."""
    slot_ms = inputs.interval.ms
    of_span: dict[int, _Judge] = {}
    verdicts = []
    with np.errstate(all="ignore"):
        for condition in conditions:
            span = (condition.span_ms or slot_ms) // slot_ms
            here = of_span.setdefault(span, _Judge(inputs, span))
            verdict = _verdict(here.test(condition.test), inputs.rows)
            if inputs.torn:
                verdict[_of_two_sources(condition, inputs)] = UNKNOWN
            verdicts.append(verdict)
    return verdicts


def _of_two_sources(condition: Condition, inputs: Inputs) -> Mask:
    """SEMANTICS.md 5: "rules are unknown until their windows hold one source"; bool[rows]."""
    nodes = list(condition.test.walk())
    names = frozenset(one.name for one in nodes if isinstance(one, Companion))
    back_ms = reach_ms(condition.test) + (condition.span_ms or 0)
    crosses = any(isinstance(one, Crosses) for one in nodes)
    torn: Mask = inputs.since_seam(names) < back_ms // inputs.interval.ms + crosses
    return torn


def measure(quantity: Quantity, inputs: Inputs, *, span_ms: int | None = None) -> Column:
    """float64[rows]: what a quantity is at the judged slot, NaN where unknown."""
    slot_ms = inputs.interval.ms
    with np.errstate(all="ignore"):
        number = _Judge(inputs, (span_ms or slot_ms) // slot_ms).number(quantity, 0)
    return np.array(np.broadcast_to(number, inputs.rows))


Measured = tuple[Column, Column | None]


def measure_all(condition: Condition, inputs: Inputs) -> dict[Quantity, Measured]:
    """Every number that a condition compares at the judged slot, its own value first:
    float64[rows], NaN where unknown; of what has a window, the share of it that is known, 0 to 1.
    What is written as a number is left out, and what lies inside a window."""
    span = (condition.span_ms or inputs.interval.ms) // inputs.interval.ms
    found: dict[Quantity, Measured] = {}
    with np.errstate(all="ignore"):
        here = _Judge(inputs, span)
        for quantity in dict.fromkeys([Value(), *_numbers(condition.test)]):
            number = np.array(np.broadcast_to(here.number(quantity, 0), inputs.rows))
            covered = here.coverage(quantity) if isinstance(quantity, Window) else None
            found[quantity] = number, covered
    return found


def limits(condition: Condition, inputs: Inputs) -> Column:
    """float64[rows]: how many times its limit each row is, by the condition's first ordered
    comparison; 0 where that is not known or there is none."""
    ordered = (one for one in condition.test.walk()
               if isinstance(one, Comparison) and one.operator not in {"==", "!="})  # fmt: skip
    first = next(ordered, None)
    if first is None:
        return np.zeros(inputs.rows)
    sides = [measure(side, inputs, span_ms=condition.span_ms) for side in (first.left, first.right)]
    value, limit = sides if first.operator in {">", ">="} else sides[::-1]
    with np.errstate(all="ignore"):
        times = np.abs(value / limit)
    return np.where(np.isfinite(times), times, 0.0)


def _numbers(node: Node) -> Iterator[Quantity]:
    """The quantities that are not calculated from others, from left to right."""
    match node:
        case Number() | Duration():
            return
        case Value() | Age() | Rank() | Excess() | Window() | Change() | Companion():
            yield node
        case _:
            if isinstance(node, Crosses | ConfirmedBy):
                yield Value()
            for part in node.parts:
                yield from _numbers(part)


def _verdict(truth: Truth, rows: int) -> Verdict:
    verdict = np.full(rows, UNKNOWN, np.int8)  # -1, then added to: writing by a mask costs tenfold
    true, false = (np.asarray(mask).view(np.int8) for mask in truth)
    verdict += false
    verdict += 2 * true
    return verdict


class _Judge(Quantities[Inputs]):
    def __init__(self, inputs: Inputs, span: int) -> None:
        super().__init__(inputs, span)
        self._truths: dict[Test, Truth] = {}

    # Tests

    def test(self, test: Test) -> Truth:
        found = self._truths.get(test)
        if found is None:
            found = self._truths[test] = self._tested(test)
        return found

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

    # The rule's own series

    def _own(self, quantity: Quantity, lag: int) -> Number64:
        match quantity:
            case Value():
                return self._inputs.value(span=self._span, lag=lag)
            case Age():
                return self._inputs.age_s()
            case Rank():
                return self._inputs.rank(quantity.by, window_ms=quantity.window_ms, lag=lag)
            case Change():
                return self._changed(quantity, lag)
            case Excess():
                return self._exceeded(quantity, lag)
            case _:
                raise AssertionError(quantity)

    def _changed(self, node: Change, lag: int) -> Number64:
        last = self._inputs.close(span=self._span, lag=lag)
        then = self._inputs.close(span=self._span, lag=lag + node.window_ms // self._slot_ms)
        if node.percent:
            return finite(100.0 * (last - then) / above_zero(then))
        return finite(last - then)

    def _exceeded(self, node: Excess, lag: int) -> Number64:
        if lag:  # nobody kept how the market moved then
            return np.float64(np.nan)
        own = self.number(Change(window_ms=node.window_ms, percent=True), 0)
        return finite(own - self._inputs.market_move(window_ms=node.window_ms, among=node.among))

    def moments(self, of: Quantity, count: int, *, last: int, channels: int) -> Moments:
        if isinstance(of, Value):
            return self._inputs.moments(count, span=self._span, lag=last, channels=channels)
        if isinstance(of, Companion):
            ask = self._inputs.companion_moments
            return ask(of.name, count, span=self.step(of), lag=last, channels=channels)
        return super().moments(of, count, last=last, channels=channels)


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
