"""What a rule must mean to be judged: units that fit, windows that can hold what they need.

A quantity has a unit: that of the rule's metric, percent, seconds, a place, a ratio, or products of
them; a number as written fits any. Sums, differences and comparisons need one unit on both sides
(SEMANTICS.md 6). Windows are counted in values: slots, or the rule's spans where it has them.
Imports domain.expression, rule_metrics, rule_printer, rule_words, metric, window.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from itertools import repeat

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
    RankKey,
    Statistic,
    Test,
    Value,
    Window,
)
from sigmawatch.domain.metric import Kind
from sigmawatch.domain.rule_metrics import RULE_METRICS, unit_words
from sigmawatch.domain.rule_printer import print_condition, print_node, print_value
from sigmawatch.domain.rule_words import RuleInvalid, shortened
from sigmawatch.domain.window import HOUR_MS, WINDOW_MAX_MS, Interval, format_span

VALUES_MIN = 4  # a baseline never has fewer
RANK_VALUES_MIN = 10  # nor a ranked deviation
LOOK_BACK_MAX_MS = WINDOW_MAX_MS + HOUR_MS  # how far a rule sees, windows in windows included

# A unit: what is multiplied to what power, {} for a ratio. None: a number as written, fits any.
Unit = Mapping[str, int] | None
_METRIC, _PERCENT, _SECONDS, _PLACE = "metric", "percent", "seconds", "place in a ranking"
_RATIOS = frozenset((Statistic.SIGMA_REL, Statistic.SIGMA_RET, Statistic.ZSCORE))


def check_condition(
    condition: Condition, *, interval: Interval, metric: str | None = None, text: str | None = None
) -> None:
    """Raise RuleInvalid, with the place in `text`, unless the condition can be judged on series of
    `metric` (where the condition names none itself) at `interval`."""
    said = print_condition(condition) if text is None else text
    check = _Check(condition.metric or metric, name=print_value(condition), text=said)
    check.spans(condition, interval)
    check.test(condition.test)


class _Check:
    """name: what a value is called. text: what positions are offsets into. The reader's limits
    bound the recursion."""

    def __init__(self, metric: str | None, *, name: str, text: str) -> None:
        self._text = text
        self._name = name
        self._metric = metric
        self._flow = metric is not None and RULE_METRICS.get(metric) is Kind.FLOW

    def _wrong(self, node: Node, problem: str) -> RuleInvalid:
        shown = shortened(print_node(node, names=repeat(self._name)))
        position = min(node.position, len(self._text))
        return RuleInvalid(f"{shown}: {problem}", text=self._text, position=position, word=shown)

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
                unit = self._unit(test.level)
                if unit not in (None, {_METRIC: 1}):
                    raise self._wrong(test, f"{self._named(unit)} cannot be crossed by a value in "
                                            f"{self._named({_METRIC: 1})}")  # fmt: skip
            case ConfirmedBy() if self._flow:
                raise self._wrong(test, f"{self._metric} is what one venue traded, another's tape "
                                        "confirms nothing")  # fmt: skip
            case _:
                pass

    def _same(self, node: Comparison | Arithmetic, *, how: str) -> Unit:
        """The one unit of both sides."""
        left, right = self._unit(node.left), self._unit(node.right)
        if left is not None and right is not None and left != right:
            raise self._wrong(node, f"{self._named(left)} cannot be {how} {self._named(right)}")
        return right if left is None else left

    def _unit(self, quantity: Quantity) -> Unit:
        match quantity:
            case Number():
                return None
            case Duration() | Age():
                return {_SECONDS: 1}
            case Value():
                return {_METRIC: 1}
            case Rank():
                return self._ranked(quantity)
            case Window():
                return self._windowed(quantity)
            case Change():
                self._remembered(quantity, quantity.of)
                own = {_PERCENT: 1} if quantity.percent else {_METRIC: 1}
                return own if quantity.of is None else self._unit(quantity.of)
            case Absolute() | Negative():
                return self._unit(quantity.of)
            case Arithmetic():
                return self._calculated(quantity)
            case _:
                raise AssertionError(quantity)

    def _ranked(self, rank: Rank) -> Unit:
        if rank.by is RankKey.SIGMA_RET and self._flow:
            raise self._wrong(rank, f"{self._metric} is a flow and has no returns")
        return {_PLACE: 1}

    def _windowed(self, window: Window) -> Unit:
        if window.statistic is Statistic.SIGMA_RET and self._flow:
            raise self._wrong(window, f"{self._metric} is a flow and has no returns, use "
                                      "sigma_rel or sigma_abs")  # fmt: skip
        self._remembered(window, window.of)
        own: Unit = {_METRIC: 1} if window.of is None else self._unit(window.of)
        return {} if window.statistic in _RATIOS else own

    def _remembered(self, node: Node, of: Quantity | None) -> None:
        """An expression looked back on is measured, has a past, and holds no such thing itself."""
        if of is None:
            return
        inside = list(of.walk())
        if not any(isinstance(one, Value | Window | Change | Rank | Age) for one in inside):
            raise self._wrong(node, f"{print_node(of)} is the same at all times")
        if any(isinstance(one, Age) for one in inside):
            raise self._wrong(node, "age has no past")
        if any(isinstance(one, Window) and not one.own for one in inside):
            raise self._wrong(node, "windows of windows of expressions are too much")

    def _calculated(self, node: Arithmetic) -> Unit:
        if node.operator in {"+", "-"}:
            return self._same(node, how="added to" if node.operator == "+" else "reduced by")
        left, right = self._unit(node.left), self._unit(node.right)
        if node.operator == "/" and isinstance(node.right, Number) and not node.right.value:
            raise self._wrong(node, "nothing is divided by 0")
        if left is None and right is None:
            return None
        product = Counter(left or {})
        for name, power in (right or {}).items():
            product[name] += power if node.operator == "*" else -power
        return {name: power for name, power in product.items() if power}

    def _named(self, unit: Unit) -> str:
        """A unit in words."""
        if not unit:
            return "a ratio"
        words = {_METRIC: unit_words(self._metric)}
        return " x ".join(
            words.get(name, name) + ("" if power == 1 else f"^{power}")
            for name, power in sorted(unit.items())
        )

    # Windows

    def spans(self, condition: Condition, interval: Interval) -> None:
        """Every span is whole, not too long, and long enough for what is asked of it."""
        step_ms = condition.span_ms or interval.ms
        first = next((one for one in condition.test.walk() if isinstance(one, Value)), None)
        if first is not None and (step_ms % interval.ms or step_ms > WINDOW_MAX_MS):
            raise self._wrong(first, f"a value's span is a multiple of {interval} up to 24h")
        for one in condition.test.walk():
            match one:
                case Window():
                    self._whole(one, one.window_ms, of_ms=step_ms)
                    self._holds(one, one.window_ms, least=VALUES_MIN, step_ms=step_ms)
                case Change():
                    self._whole(one, one.window_ms, of_ms=interval.ms)
                case Rank(window_ms=int(window_ms)):
                    self._whole(one, window_ms, of_ms=interval.ms)
                    least = 1 if one.by is RankKey.CHANGE_PCT else RANK_VALUES_MIN
                    self._holds(one, window_ms, least=least, step_ms=interval.ms)
                case _:
                    pass
        reach_ms = _reach_ms(condition.test) + (condition.span_ms or 0)
        if reach_ms > LOOK_BACK_MAX_MS:
            reach, held = format_span(reach_ms), format_span(LOOK_BACK_MAX_MS)
            raise self._wrong(condition.test, f"looks back {reach}, at most {held} are held")

    def _whole(self, node: Node, span_ms: int, *, of_ms: int) -> None:
        if span_ms % of_ms or span_ms > WINDOW_MAX_MS:
            raise self._wrong(node, f"a window is a multiple of {format_span(of_ms)} up to 24h")

    def _holds(self, node: Node, window_ms: int, *, least: int, step_ms: int) -> None:
        count = window_ms // step_ms
        if count < least:
            values = "1 value" if count == 1 else f"{count} values"
            enough = f"use {format_span(least * step_ms)} or more"
            if least * step_ms > WINDOW_MAX_MS:
                enough = "use a shorter span"
            raise self._wrong(node, f"holds {values} and needs {least}, {enough}")


def _reach_ms(node: Node) -> int:
    """How far before its slot a node looks."""
    inside = max((_reach_ms(part) for part in node.parts), default=0)
    own = node.window_ms if isinstance(node, Window | Change | Rank) else 0
    return inside + (own or 0)
