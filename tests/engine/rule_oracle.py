"""A slow second opinion on rules: pure Python, one series at a time, from its list of slot values.

Shares the tree with the engine and nothing else: statistics from the standard library, None for
unknown, three-valued logic by the truth table. Where two numbers that rounding may have moved lie
within 1e-9 of each other it raises TooCloseError rather than guess which side the engine sees.
"""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from sigmawatch.domain import expression as tree
from sigmawatch.domain.expression import Node, Quantity, RankKey, Statistic, Test

CLOSE = 1e-9
COMPARE: Mapping[str, Callable[[float, float], bool]] = {
    "<": lambda a, b: a < b, "<=": lambda a, b: a <= b, ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b, "==": lambda a, b: a == b, "!=": lambda a, b: a != b,
}  # fmt: skip


class TooCloseError(Exception):
    """Rounding decides."""


@dataclass(frozen=True, slots=True, kw_only=True)
class One:
    """One series: what it was at each slot, the judged one last, None where unknown."""

    values: Sequence[float | None]
    elsewhere: Sequence[float | None]
    flow: bool = False
    span: int = 1
    slot_ms: int = 60_000
    age_s: float = 0.0
    stale: bool = False
    ranks: Mapping[tuple[RankKey, int | None], Sequence[int | None]] = field(default_factory=dict)
    moved: float | None = None

    def test(self, test: Test) -> bool | None:
        now = len(self.values) - 1
        match test:
            case tree.Not():
                found = self.test(test.of)
                return None if found is None else not found
            case tree.Logic():
                sides = [self.test(test.left), self.test(test.right)]
                decisive = test.operator == "or"
                if decisive in sides:
                    return decisive
                return None if None in sides else not decisive
            case tree.Stale():
                return self.stale
            case tree.Comparison():
                return self._compare(test.left, test.operator, right=test.right, at=now)
            case tree.Crosses():
                beyond, short = (">", "<=") if test.above else ("<", ">=")
                both = [
                    self._compare(tree.Value(), operator, right=test.level, at=at)
                    for operator, at in ((beyond, now), (short, now - 1))
                ]
                return False if False in both else None if None in both else True
            case tree.ConfirmedBy():
                ours, theirs = self.value(now), self._sampled(self.elsewhere, now)
                if ours is None or theirs is None:
                    return None
                return _compared(abs(ours - theirs), "<=", abs(theirs) * test.within_pct / 100,
                                 exact=False)  # fmt: skip
            case _:
                raise AssertionError(test)

    def _compare(self, left: Quantity, operator: str, *, right: Quantity, at: int) -> bool | None:
        a, b = self.number(left, at), self.number(right, at)
        if a is None or b is None:
            return None
        return _compared(a, operator, b, exact=_exact(left) and _exact(right))

    def number(self, quantity: Quantity, at: int) -> float | None:
        found = self._number(quantity, at)
        return found if found is not None and math.isfinite(found) else None

    def _number(self, quantity: Quantity, at: int) -> float | None:
        match quantity:
            case tree.Number():
                return quantity.value
            case tree.Duration():
                return quantity.ms / 1000
            case tree.Value():
                return self.value(at)
            case tree.Companion():
                return _newest(self.elsewhere, at, slots=3)
            case tree.Age():
                return self.age_s
            case tree.Rank():
                return self.ranks[quantity.by, quantity.window_ms][at]
            case tree.Excess():
                return self._excess(quantity, at)
            case tree.Absolute():
                of = self.number(quantity.of, at)
                return None if of is None else abs(of)
            case tree.Negative():
                of = self.number(quantity.of, at)
                return None if of is None else -of
            case tree.Window():
                return self._window(quantity, at)
            case tree.Change():
                return self._change(quantity, at)
            case tree.Arithmetic():
                return self._calculated(quantity, at)
            case _:
                raise AssertionError(quantity)

    def value(self, at: int) -> float | None:
        return self._sampled(self.values, at)

    def _sampled(self, values: Sequence[float | None], at: int) -> float | None:
        inside = [values[at - back] for back in range(self.span)]
        if self.flow:
            known = [value for value in inside if value is not None]
            return sum(known) if len(known) == self.span else None
        return next((value for value in inside[:3] if value is not None), None)

    def _change(self, node: tree.Change, at: int) -> float | None:
        before = at - node.window_ms // self.slot_ms
        if node.of is not None:
            last, then = self.number(node.of, at), self.number(node.of, before)
        else:
            last, then = self._close(at), self._close(before)
        if last is None or then is None:
            return None
        if not node.percent:
            return last - then
        return 100 * (last - then) / then if then > 0 else None

    def _excess(self, node: tree.Excess, at: int) -> float | None:
        """How the market moved is known of the judged slot alone."""
        own = self._change(tree.Change(window_ms=node.window_ms, percent=True), at)
        if own is None or self.moved is None or at != len(self.values) - 1:
            return None
        return own - self.moved

    def _close(self, at: int) -> float | None:
        if self.flow:
            return self.value(at)
        return next((self.values[at - back] for back in range(3)
                     if self.values[at - back] is not None), None)  # fmt: skip

    def _calculated(self, node: tree.Arithmetic, at: int) -> float | None:
        a, b = self.number(node.left, at), self.number(node.right, at)
        if a is None or b is None:
            return None
        match node.operator:
            case "+":
                return a + b
            case "-":
                return a - b
            case "*":
                if not (_measures(node.left, a) and _measures(node.right, b)):
                    return None
                return a * b
        if isinstance(node.right, tree.Number) and not _measures(node.left, a):
            return None
        if any(_baseline(one) for one in node.right.walk()) and not _positive(b, node.right):
            return None
        if not _exact(node.right) and abs(b) < CLOSE:
            raise TooCloseError
        return a / b if b else None

    def _window(self, node: tree.Window, at: int) -> float | None:
        of, step = node.of or tree.Value(), self.span
        if isinstance(of, tree.Companion):
            step = (of.span_ms or self.slot_ms) // self.slot_ms
        count = node.window_ms // self.slot_ms // step
        newest = at if node.with_slot else at - step
        run = [self._in_window(of, newest - back * step) for back in range(count)][::-1]
        known = [value for value in run if value is not None]
        if len(known) < 4 or len(known) < 0.8 * count:
            return None
        mean, sigma = statistics.fmean(known), statistics.pstdev(known)
        match node.statistic:
            case Statistic.MEAN:
                return mean
            case Statistic.MEDIAN:
                return statistics.median(known)
            case Statistic.MIN:
                return min(known)
            case Statistic.MAX:
                return max(known)
            case Statistic.SIGMA_ABS:
                return sigma
            case Statistic.SIGMA_REL:
                if min(known) < 0 < max(known):
                    return None
                return sigma / abs(mean) if mean else None
            case Statistic.ZSCORE:
                own = self.number(of, at)
                if own is None or not _positive(sigma, of):
                    return None
                return (own - mean) / sigma
            case Statistic.SIGMA_RET:
                return None if self.flow and node.own else _sigma_ret(run)

    def _in_window(self, of: Quantity, at: int) -> float | None:
        """Another series by itself counts as it would were the rule about it."""
        if isinstance(of, tree.Companion):
            return self.counted(of, at, span=(of.span_ms or self.slot_ms) // self.slot_ms)
        return self.number(of, at)

    def counted(self, companion: tree.Companion, at: int, *, span: int) -> float | None:
        return _newest(self.elsewhere, at, slots=min(span, 3))


def _newest(values: Sequence[float | None], at: int, *, slots: int) -> float | None:
    run = (values[at - back] for back in range(slots))
    return next((value for value in run if value is not None), None)


def _sigma_ret(run: Sequence[float | None]) -> float | None:
    pairs = itertools.pairwise(run)
    returns = [math.log(b / a) for a, b in pairs
               if a is not None and b is not None and a > 0 and b > 0]  # fmt: skip
    return statistics.pstdev(returns) * math.sqrt(len(run)) if returns else None


def _compared(a: float, operator: str, b: float, *, exact: bool) -> bool:
    if not exact and abs(a - b) <= CLOSE * max(1.0, abs(a), abs(b)):
        raise TooCloseError
    return COMPARE[operator](a, b)


def _positive(number: float, node: Node) -> bool:
    if not _exact(node) and abs(number) < CLOSE:
        raise TooCloseError
    return number > 0


def _baseline(node: Node) -> bool:
    return (isinstance(node, tree.Window) and not node.with_slot
            and node.statistic is not Statistic.ZSCORE)  # fmt: skip


def _measures(node: Node, number: float) -> bool:
    return not _baseline(node) or _positive(number, node)


def _exact(node: Node) -> bool:
    """Whether small whole numbers come out of it without any rounding, in whatever order."""
    rounded = {Statistic.MEAN, Statistic.SIGMA_ABS, Statistic.SIGMA_REL, Statistic.SIGMA_RET,
               Statistic.ZSCORE}  # fmt: skip
    for one in node.walk():
        match one:
            case tree.Window() if one.statistic in rounded:
                return False
            case tree.Arithmetic(operator="/") | tree.Change(percent=True) | tree.Excess():
                return False
            case _:
                pass
    return True
