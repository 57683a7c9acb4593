"""The rule language of SEMANTICS.md 6: one line of text, its tree, and the line again.

    condition = parse_condition("price > 3 * mean(1h) for 2m", interval=Interval(60_000))
    print_condition(condition)                    # price > 3 * mean(1h) for 2m
    print_condition(default_clear(condition))     # not price > 2.7 * mean(1h)

`parse_condition` is what files, API and page use; the steps are domain.rule_reader (text to tree),
domain.rule_check (units, windows) and domain.expression_printer. Imports those and
domain.expression.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

from sigmawatch.domain.errors import Invalid
from sigmawatch.domain.expression import (
    Absolute,
    Arithmetic,
    Change,
    Clearing,
    Companion,
    Comparison,
    Condition,
    Duration,
    Excess,
    Logic,
    Negative,
    Node,
    Not,
    Number,
    Quantity,
    Rank,
    Statistic,
    Test,
    Window,
)
from sigmawatch.domain.expression_printer import print_condition, print_node
from sigmawatch.domain.rule_check import check_condition
from sigmawatch.domain.rule_reader import read_clearing, read_condition
from sigmawatch.domain.window import MINUTE_MS, SECOND_MS, Interval

__all__ = [
    "MEDIAN_SERIES_MAX",
    "Clearing",
    "Condition",
    "check_condition",
    "check_series_count",
    "default_clear",
    "median_used",
    "parse_clearing",
    "parse_condition",
    "print_clearing",
    "print_condition",
    "print_node",
    "ranked_windows_ms",
    "standing_windows_ms",
]

MEDIAN_SERIES_MAX = 1_000  # a median sorts its whole window, for every series, every slot
_BAND = Decimal("0.1")  # a side moves by so much of its size before a rule clears


def parse_condition(
    text: str, *, interval: Interval | None = None, metric: str | None = None
) -> Condition:
    """The tree of a rule's line for series of `metric` at `interval` (1 minute).

    Raises ExpressionInvalid with the place, the offending word and what is allowed.
    """
    condition = read_condition(text)
    check_condition(condition, interval=interval or Interval(MINUTE_MS), metric=metric, text=text)
    return condition


def parse_clearing(
    text: str, *, of: Condition, interval: Interval | None = None, metric: str | None = None
) -> Clearing:
    """By what a rule clears whose condition is `of`; as `parse_condition`."""
    clearing = read_clearing(text, of=of)
    check_condition(clearing, interval=interval or Interval(MINUTE_MS), metric=metric, text=text)
    return clearing


def print_clearing(clearing: Clearing) -> str:
    """The line that reads back as `clearing` beside the rule's condition."""
    return print_node(clearing.test)


def median_used(condition: Condition) -> bool:
    """Whether it asks for a median, in a window of whatever."""
    return any(
        isinstance(one, Window) and one.statistic is Statistic.MEDIAN
        for one in condition.test.walk()
    )


def check_series_count(condition: Condition, count: int) -> None:
    """Raise Invalid where a rule is over more series than its condition can be judged for: to be
    asked whenever a rule is saved, or its target grows."""
    if count > MEDIAN_SERIES_MAX and median_used(condition):
        raise Invalid(
            f"a rule with median is over at most {MEDIAN_SERIES_MAX:,} series, its target has "
            f"{count:,}: use mean, or a narrower target",
            field="target",
            allowed=f"at most {MEDIAN_SERIES_MAX:,} series",
        )


def standing_windows_ms(condition: Condition) -> frozenset[int]:
    """The windows it asks for at every slot, of its own slots or a companion's: worth keeping up
    from slot to slot."""
    windows = [one for one in _judged_now(condition.test) if isinstance(one, Window)]
    own = {one.window_ms for one in windows if one.own and condition.span_ms is None}
    others = {one.window_ms for one in windows
              if isinstance(one.of, Companion) and one.of.span_ms is None}  # fmt: skip
    return frozenset(own | others)


def _judged_now(node: Node) -> Iterator[Node]:
    """What a test is made of, but not what is looked back on slot by slot."""
    yield node
    if not isinstance(node, Window | Change):
        for part in node.parts:
            yield from _judged_now(part)


def ranked_windows_ms(condition: Condition) -> frozenset[int]:
    """The windows it looks at its peers over: what is judged must hold their statistics."""
    ranks = (one for one in condition.test.walk() if isinstance(one, Rank | Excess))
    return frozenset(one.window_ms for one in ranks if one.window_ms is not None)


def default_clear(condition: Condition) -> Condition:
    """When a firing state clears unless the rule says otherwise (SEMANTICS.md 6).

    Not the condition with the right side of every ordered comparison moved by 10 % of its size, so
    that the condition lasts longer; under a `not` the other way. Without its `for`.
    """
    return replace(condition, test=Not(of=_lasting(condition.test, longer=True)), for_ms=0)


def _lasting(test: Test, *, longer: bool) -> Test:
    """`test` with its ordered comparisons moved to be true for longer, or for less long."""
    match test:
        case Logic():
            left, right = (_lasting(side, longer=longer) for side in (test.left, test.right))
            return replace(test, left=left, right=right)
        case Not():
            return replace(test, of=_lasting(test.of, longer=not longer))
        case Comparison(operator="<" | "<=" | ">" | ">="):
            down = (test.operator in {">", ">="}) == longer
            return replace(test, right=_moved(test.right, down=down))
        case _:
            return test


def _moved(side: Quantity, *, down: bool) -> Quantity:
    """`side` less, or more by, a tenth of its size."""
    match side:
        case Number():
            return _scaled(side, grows=not down)
        case Negative(of=Number() as number):
            return replace(side, of=_scaled(number, grows=down))
        case Duration(ms=ms) if ms % (10 * SECOND_MS) == 0:
            return replace(side, ms=ms - ms // 10 if down else ms + ms // 10)
        case Arithmetic(left=Number() as factor, operator="*", right=Window(baseline=True)):
            # Such a product is unknown unless the baseline is above zero (engine.expression).
            return replace(side, left=_scaled(factor, grows=not down))
        case _:
            tenth = Arithmetic(left=Number(value=float(_BAND)), operator="*",
                               right=Absolute(of=side))  # fmt: skip
            return Arithmetic(left=side, operator="-" if down else "+", right=tenth)


def _scaled(number: Number, *, grows: bool) -> Number:
    """Ten per cent more or less, in decimal: 10 becomes 11, not 11.000000000000002."""
    factor = 1 + _BAND if grows else 1 - _BAND
    return replace(number, value=float(Decimal(repr(number.value)) * factor))
