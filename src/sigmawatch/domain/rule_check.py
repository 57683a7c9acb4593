"""What a rule must mean to be judged: units that fit, windows that can hold what they need.

A quantity has a unit: that of a metric, percent, seconds, a place, a ratio, or products of them
(SEMANTICS.md 6). Windows are counted in values: slots, or the rule's spans where it has them.
Imports domain.dimension, expression, expression_check, expression_printer, metric, window.
"""

from __future__ import annotations

from itertools import repeat

from sigmawatch.domain import dimension
from sigmawatch.domain.dimension import PERCENT, PLACE, SECONDS
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
    Quantity,
    Rank,
    RankKey,
    Statistic,
    Test,
    Value,
    Window,
)
from sigmawatch.domain.expression_check import Check, Unit
from sigmawatch.domain.expression_printer import print_condition, print_node, print_value
from sigmawatch.domain.expression_reach import reach_ms
from sigmawatch.domain.expression_words import RULE
from sigmawatch.domain.metric import METRICS, Kind
from sigmawatch.domain.window import HOUR_MS, WINDOW_MAX_MS, Interval, format_span

RANK_VALUES_MIN = 10  # a ranked deviation never has fewer
RANKS_KEPT_MS = HOUR_MS  # slot by slot (engine.rank_history)
_KEPT = (RankKey.SIGMA_REL, RankKey.SIGMA_ABS, RankKey.SIGMA_RET)
LOOK_BACK_MAX_MS = WINDOW_MAX_MS + HOUR_MS  # how far a rule sees, windows in windows included


def check_condition(
    condition: Condition, *, interval: Interval, metric: str | None = None, text: str | None = None
) -> None:
    """Raise ExpressionInvalid, with the place in `text`, unless the condition can be judged on
    series of `metric` (where the condition names none itself) at `interval`."""
    check = _RuleCheck(condition, interval=interval, metric=metric, text=text)
    check.spans()
    check.test(condition.test)


class _RuleCheck(Check):
    language = RULE
    looking_back_max = 1

    def __init__(
        self, condition: Condition, *, interval: Interval, metric: str | None, text: str | None
    ) -> None:
        super().__init__(print_condition(condition) if text is None else text, interval)
        self._condition = condition
        self._metric = condition.metric or metric
        self._value = (
            dimension.untold("the metric")
            if self._metric is None
            else dimension.of_metric(self._metric)
        )

    @property
    def _flow(self) -> bool:
        return self._metric is not None and METRICS[self._metric].kind is Kind.FLOW

    def _shown(self, node: Node) -> str:
        return print_node(node, names=repeat(print_value(self._condition)))

    # Units

    def test(self, test: Test) -> None:
        """Units and sense of everything in a test."""
        match test:
            case Logic():
                self.test(test.left)
                self.test(test.right)
            case Not():
                self.test(test.of)
            case Comparison():
                self._same(test, how="compared with")
            case Crosses():
                unit = self.unit(test.level)
                if unit is not None and not dimension.fits(unit, self._value):
                    raise self._wrong(test, f"{dimension.words(unit)} cannot be crossed by a value "
                                            f"in {dimension.words(self._value)}")  # fmt: skip
            case ConfirmedBy() if self._flow:
                raise self._wrong(test, f"{self._metric} is what one venue traded, another's tape "
                                        "confirms nothing")  # fmt: skip

    def _leaf(self, quantity: Quantity) -> Unit:
        match quantity:
            case Duration() | Age():
                return SECONDS
            case Value():
                return self._value
            case Companion():
                return dimension.of_metric(quantity.name)
            case Rank():
                if quantity.by is RankKey.SIGMA_RET and self._flow:
                    raise self._wrong(quantity, f"{self._metric} is a flow and has no returns")
                return PLACE
            case Excess():
                if self._flow:
                    raise self._wrong(quantity, f"{self._metric} is a flow, of which a slot's is "
                                      "no move; use change_pct")  # fmt: skip
                return PERCENT
            case _:
                raise AssertionError(quantity)

    def _own(self, node: Window | Change) -> Unit:
        if isinstance(node, Window) and node.statistic is Statistic.SIGMA_RET and self._flow:
            raise self._wrong(node, f"{self._metric} is a flow and has no returns, use "
                                    "sigma_rel or sigma_abs")  # fmt: skip
        return PERCENT if isinstance(node, Change) and node.percent else self._value

    def _past(self, node: Window | Change) -> Unit:
        if any(isinstance(one, Age) for one in node.walk()):
            raise self._wrong(node, "age has no past")
        if any(isinstance(one, Excess) for one in node.walk()):
            raise self._wrong(node, "the past of excess_change is not kept")
        for one in node.walk():
            if isinstance(one, Rank):
                self._kept(node, one)
        return super()._past(node)

    def _kept(self, node: Window | Change, rank: Rank) -> None:
        """Of what rankings and for how long there is a past."""
        if rank.by not in _KEPT:
            raise self._wrong(node, f"the past of {print_node(rank)} is not kept, that of "
                                    f"{', '.join(_KEPT)} is")  # fmt: skip
        if node.window_ms > RANKS_KEPT_MS:
            raise self._wrong(node, f"ranks are kept for {format_span(RANKS_KEPT_MS)}")

    # Windows

    def spans(self) -> None:
        """Every span is whole, not too long, and long enough for what is asked of it."""
        test, span_ms = self._condition.test, self._condition.span_ms
        if span_ms is not None:
            named = (one for one in test.walk() if isinstance(one, Value))
            self._span(next(named, test), span_ms)
        self._windows(test, step_ms=span_ms or self._interval.ms)
        for one in test.walk():
            if isinstance(one, Excess):
                self._whole(one, one.window_ms, of_ms=self._interval.ms)
            if isinstance(one, Rank) and one.window_ms is not None:
                self._whole(one, one.window_ms, of_ms=self._interval.ms)
                least = 1 if one.by is RankKey.CHANGE_PCT else RANK_VALUES_MIN
                self._holds(one, one.window_ms, least=least, step_ms=self._interval.ms)
        look_back_ms = reach_ms(test) + (span_ms or 0)
        if look_back_ms > LOOK_BACK_MAX_MS:
            reach, held = format_span(look_back_ms), format_span(LOOK_BACK_MAX_MS)
            raise self._wrong(test, f"looks back {reach}, at most {held} are held")
