"""What an expression must mean: units that fit, windows that can hold what they need.

What rules and formulas share; each adds its own leaves. A number as written fits any unit. Sums,
differences and comparisons need one unit on both sides. Imports domain.dimension, expression,
expression_printer, expression_words, metric, window.
"""

from __future__ import annotations

from sigmawatch.domain import dimension
from sigmawatch.domain.dimension import RATIO, Dimension
from sigmawatch.domain.errors import ExpressionInvalid
from sigmawatch.domain.expression import (
    Absolute,
    Arithmetic,
    Change,
    Companion,
    Comparison,
    Composite,
    Duration,
    Negative,
    Node,
    Number,
    Quantity,
    Statistic,
    Value,
    Window,
)
from sigmawatch.domain.expression_printer import print_node
from sigmawatch.domain.expression_reach import reach_ms
from sigmawatch.domain.expression_words import Language, shortened
from sigmawatch.domain.metric import METRICS, Kind
from sigmawatch.domain.window import DAY_MS, WINDOW_MAX_MS, Interval, format_span

VALUES_MIN = 4  # a baseline never has fewer
Unit = Dimension | None  # None: a number as written
_CONSTANT = Number | Duration | Arithmetic | Absolute | Negative  # of such parts alone
_RATIOS = frozenset((Statistic.SIGMA_REL, Statistic.SIGMA_RET, Statistic.ZSCORE))


class Check:
    """text: what positions are offsets into. The reader's limits bound the recursion.

    looking_back_max: how many windows and changes of expressions may stand in one another.
    """

    language: Language
    looking_back_max: int

    def __init__(self, text: str, interval: Interval) -> None:
        self._text = text
        self._interval = interval

    def _shown(self, node: Node) -> str:
        return print_node(node)

    def _wrong(self, node: Node, problem: str) -> ExpressionInvalid:
        shown = shortened(self._shown(node))
        position = min(node.position, len(self._text))
        return self.language.wrong(
            f"{shown}: {problem}", text=self._text, position=position, word=shown
        )

    # Units

    def _leaf(self, quantity: Quantity) -> Unit:
        """The unit of what is no calculation."""
        raise NotImplementedError

    def _own(self, node: Window | Change) -> Unit:
        """The unit of what a window that names no expression is of."""
        raise NotImplementedError

    def unit(self, quantity: Quantity) -> Unit:
        """The unit of a quantity, with everything in it looked at."""
        match quantity:
            case Number():
                return None
            case Window():
                own = self._own(quantity) if quantity.of is None else self._past(quantity)
                self._returns(quantity)
                return RATIO if quantity.statistic in _RATIOS else own
            case Change():
                return self._own(quantity) if quantity.of is None else self._past(quantity)
            case Absolute() | Negative():
                return self.unit(quantity.of)
            case Arithmetic():
                return self._calculated(quantity)
            case _:
                return self._leaf(quantity)

    def _past(self, node: Window | Change) -> Unit:
        """The unit of an expression that is looked back on; it must be measured."""
        assert node.of is not None
        inside = list(node.of.walk())
        if all(isinstance(one, _CONSTANT) for one in inside):
            raise self._wrong(node, f"{print_node(node.of)} is the same at all times")
        if _looking_back(node) > self.looking_back_max:
            raise self._wrong(node, "windows of windows of expressions are too much")
        return self.unit(node.of)

    def _returns(self, window: Window) -> None:
        """A flow has none."""
        if window.statistic is Statistic.SIGMA_RET and isinstance(window.of, Companion):
            metric = window.of.name.rpartition(":")[2]
            if not isinstance(window.of, Composite) and METRICS[metric].kind is Kind.FLOW:
                raise self._wrong(window, f"{metric} is a flow and has no returns, use sigma_rel "
                                          "or sigma_abs")  # fmt: skip

    def _calculated(self, node: Arithmetic) -> Unit:
        if node.operator in {"+", "-"}:
            return self._same(node, how="added to" if node.operator == "+" else "reduced by")
        left, right = self.unit(node.left), self.unit(node.right)
        if node.operator == "/" and isinstance(node.right, Number) and not node.right.value:
            raise self._wrong(node, "nothing is divided by 0")
        if left is None and right is None:
            return None
        power = 1 if node.operator == "*" else -1
        return dimension.product(left or RATIO, right or RATIO, power=power)

    def _same(self, node: Comparison | Arithmetic, *, how: str) -> Unit:
        """The one unit of both sides."""
        left, right = self.unit(node.left), self.unit(node.right)
        if left is None or right is None:
            return right if left is None else left
        if not dimension.fits(left, right):
            apart = f"{dimension.words(left)} cannot be {how} {dimension.words(right)}"
            raise self._wrong(node, apart + self._advice(left, right))
        return left

    def _advice(self, left: Dimension, right: Dimension) -> str:
        """What to write instead, after a comma."""
        return ""

    # Windows

    def _windows(self, root: Node, *, step_ms: int) -> None:
        """Every window and span is whole, not too long, and long enough for what is asked of it.

        step_ms: how long one value of a window is, unless it is of a companion.
        """
        slot_ms = self._interval.ms
        for one in root.walk():
            match one:
                case Window():
                    self._window(one, step_ms=step_ms)
                case Change():
                    self._whole(one, one.window_ms, of_ms=slot_ms)
                    if one.of is not None:
                        self._held(one)
                case Companion(span_ms=int(span_ms)):
                    self._span(one, span_ms)

    def _window(self, window: Window, *, step_ms: int) -> None:
        slot_ms, of = self._interval.ms, window.of
        if isinstance(of, Companion):
            step_ms = of.span_ms or slot_ms
        self._whole(window, window.window_ms, of_ms=step_ms)
        self._holds(window, window.window_ms, least=VALUES_MIN, step_ms=step_ms)
        of_slots = (window.own or isinstance(of, Companion)) and step_ms == slot_ms
        if not of_slots or window.statistic is Statistic.MEDIAN:
            self._held(window)

    def _held(self, node: Node) -> None:
        """Of short slots only so many are held one by one; the moments of minutes tell no more."""
        look_back_ms, held_ms = reach_ms(node), self._interval.slots_held_ms
        if held_ms < DAY_MS and look_back_ms > held_ms:
            held = f"slots of {self._interval} are held for {format_span(held_ms)}"
            raise self._wrong(node, f"looks back {format_span(look_back_ms)}, {held}")

    def _span(self, node: Node, span_ms: int) -> None:
        if span_ms % self._interval.ms or span_ms > WINDOW_MAX_MS:
            raise self._wrong(node, f"a value's span is a multiple of {self._interval} up to 24h")

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


def _looking_back(node: Node) -> int:
    """How many windows and changes of expressions stand in one another."""
    inside = max((_looking_back(part) for part in node.parts), default=0)
    own = isinstance(node, Window | Change) and not (node.of is None or isinstance(node.of, Value))
    return inside + own
