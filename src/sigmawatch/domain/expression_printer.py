"""The canonical text of a tree: one way to write each, with no parenthesis too many.

What the readers of rules and formulas read back is the same tree. A rule's own metric is named in
the place of the first value; every other is `value`. Imports domain.expression, domain.window.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, repeat

from sigmawatch.domain.expression import (
    WITHIN_PCT,
    Absolute,
    Age,
    Arithmetic,
    Change,
    Companion,
    Comparison,
    Condition,
    ConfirmedBy,
    Consensus,
    Crosses,
    Duration,
    Excess,
    Logic,
    Negative,
    Node,
    Not,
    Number,
    Quantity,
    Rank,
    Stale,
    Test,
    Value,
    Window,
)
from sigmawatch.domain.formula_fail_over import FailOver
from sigmawatch.domain.window import format_span

_COMPARISON, _SUM, _PRODUCT, _UNARY, _ATOM = 4, 5, 6, 7, 8
_BINDING = {"or": 1, "and": 2, "not": 3, "+": _SUM, "-": _SUM, "*": _PRODUCT, "/": _PRODUCT}
_WHOLE_MAX = 1e15  # below, a whole number is written with all its digits


def print_condition(condition: Condition) -> str:
    """The one line that reads back as `condition`."""
    text = print_node(condition.test, names=chain([print_value(condition)], repeat("value")))
    return f"{text} for {format_span(condition.for_ms)}" if condition.for_ms else text


def print_node(node: Node, *, names: Iterator[str] | None = None) -> str:
    """The text of one part; names: what its values are called, from left to right."""
    return _Printer(repeat("value") if names is None else names).text(node)


def print_number(value: float) -> str:
    """The shortest text of a number, 0 or greater."""
    return str(int(value)) if value.is_integer() and value < _WHOLE_MAX else repr(value)


def print_value(condition: Condition) -> str:
    """What a value of the condition is called: its metric, with the span, where it names one."""
    if condition.metric is None:
        return "value"
    return _spanned(condition.metric, condition.span_ms)


def _spanned(name: str, span_ms: int | None) -> str:
    return name if span_ms is None else f"{name}[{format_span(span_ms)}]"


class _Printer:
    def __init__(self, names: Iterator[str]) -> None:
        self._names = names

    def text(self, node: Node) -> str:
        assert isinstance(node, Quantity | Test)
        return self._quantity(node) if isinstance(node, Quantity) else self._test(node)

    def _within(self, node: Node, least: int) -> str:
        """In parentheses unless it binds at least so tightly."""
        text = self.text(node)
        return text if _binding(node) >= least else f"({text})"

    def _two(self, node: Arithmetic | Comparison | Logic) -> str:
        """Two sides; of operators that chain, the left side may be the same again."""
        bound = _binding(node)
        chains = not isinstance(node, Comparison)
        left = self._within(node.left, bound if chains else bound + 1)
        return f"{left} {node.operator} {self._within(node.right, bound + 1)}"

    def _quantity(self, node: Quantity) -> str:
        match node:
            case Number():
                return print_number(node.value)
            case Duration():
                return format_span(node.ms)
            case Value():
                return next(self._names)
            case Companion():
                return _spanned(node.name.removesuffix(":price"), node.span_ms)
            case Consensus():
                return self._consensus(node)
            case FailOver():
                return f"failover({', '.join(self._quantity(one) for one in node.sources)})"
            case Age():
                return "age"
            case Window(with_slot=True):
                return f"{node.statistic}[{format_span(node.window_ms)}]"
            case Window():
                return self._call(node.statistic, node.of, window_ms=node.window_ms)
            case Change():
                name = "change_pct" if node.percent else "change"
                return self._call(name, node.of, window_ms=node.window_ms)
            case Excess():
                among = f", {node.among}" if node.among else ""
                return f"excess_change({format_span(node.window_ms)}{among})"
            case Rank():
                window = "" if node.window_ms is None else f", {format_span(node.window_ms)}"
                return f"rank({node.by}{window})"
            case Absolute():
                return f"abs({self.text(node.of)})"
            case Negative():
                return "-" + self._within(node.of, _UNARY)
            case Arithmetic():
                return self._two(node)
            case _:
                raise AssertionError(node)

    def _test(self, node: Test) -> str:
        match node:
            case Stale():
                return "stale"
            case Crosses():
                return f"crosses_{'above' if node.above else 'below'}({self.text(node.level)})"
            case ConfirmedBy():
                return f"confirmed_by({node.venue}, {print_number(node.within_pct)})"
            case Not():
                return "not " + self._within(node.of, _BINDING["not"])
            case Comparison() | Logic():
                return self._two(node)
            case _:
                raise AssertionError(node)

    def _consensus(self, node: Consensus) -> str:
        told = [self.text(member) for member in node.members]
        if node.within_pct != WITHIN_PCT:
            told.append(print_number(node.within_pct))
        return f"composite({', '.join(told)})"

    def _call(self, name: str, of: Quantity | None, *, window_ms: int) -> str:
        argument = "" if of is None else f"{self.text(of)}, "
        return f"{name}({argument}{format_span(window_ms)})"


def _binding(node: Node) -> int:
    match node:
        case Logic() | Arithmetic():
            return _BINDING[node.operator]
        case Not():
            return _BINDING["not"]
        case Comparison():
            return _COMPARISON
        case Negative():
            return _UNARY
        case _:
            return _ATOM
