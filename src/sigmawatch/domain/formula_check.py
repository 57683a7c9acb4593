"""What a formula must mean to be computed: units that fit, windows that can be filled.

The price of a market is in its own currencies, USD per BTC: so prices of one pair are compared over
venues, prices of two pairs divided, and amounts of two currencies only added once one is multiplied
by a price that converts it. Imports domain.dimension, expression, expression_check, window.
"""

from __future__ import annotations

from sigmawatch.domain import dimension
from sigmawatch.domain.dimension import RATIO, Dimension
from sigmawatch.domain.expression import (
    Change,
    Companion,
    Composite,
    Consensus,
    Duration,
    Quantity,
    Window,
)
from sigmawatch.domain.expression_check import Check, Unit
from sigmawatch.domain.expression_reach import reach_ms
from sigmawatch.domain.expression_words import FORMULA
from sigmawatch.domain.fail_over import SOURCES_MAX
from sigmawatch.domain.formula_fail_over import FailOver
from sigmawatch.domain.metric import METRICS, OURS, Kind
from sigmawatch.domain.series import DERIVED
from sigmawatch.domain.window import DAY_MS, WINDOW_MAX_MS, Interval, format_span

_NO_CURRENCIES = frozenset(("basis points", "count"))


def check_formula(quantity: Quantity, *, interval: Interval, text: str) -> Dimension:
    """What the formula comes to. Raises ExpressionInvalid, with the place in `text`, where it
    cannot be computed on series at `interval`."""
    return _FormulaCheck(text, interval).formula(quantity)


class _FormulaCheck(Check):
    language = FORMULA
    looking_back_max = 2

    def formula(self, quantity: Quantity) -> Dimension:
        if isinstance(quantity, FailOver):
            return self._fail_over(quantity)
        if not any(isinstance(one, Companion) for one in quantity.walk()):
            raise self._wrong(quantity, "no series is named, name one as KRAKEN:BTC/USD")
        self._windows(quantity, step_ms=self._interval.ms)
        self._held(quantity)
        look_back_ms = reach_ms(quantity)
        if look_back_ms > WINDOW_MAX_MS:
            raise self._wrong(quantity, f"looks back {format_span(look_back_ms)}, at most 24h")
        unit = self.unit(quantity)
        return RATIO if unit is None else unit

    def _fail_over(self, node: FailOver) -> Dimension:
        """One metric of one pair, read from several venues (SEMANTICS.md 5)."""
        _, pair, metric = node.sources[0].name.split(":")
        kind = METRICS[metric]
        if kind.kind is not Kind.LEVEL or kind.derived_from is not None or metric in OURS:
            raise self._wrong(node, f"{metric} is no level that venues tell, and has no fail-over")
        if self._interval.slots_held_ms < DAY_MS:
            raise self._wrong(node, f"slots of {self._interval} are too short to be stitched")
        if not 2 <= len(node.sources) <= SOURCES_MAX:
            raise self._wrong(node, f"a fail-over is between 2 and {SOURCES_MAX} venues")
        for one in node.sources[1:]:
            if one.name.partition(":")[2] != f"{pair}:{metric}":
                raise self._wrong(one, f"is not {metric} of {pair}, which the first one is")
        venues = [one.name.partition(":")[0] for one in node.sources]
        if len({*venues, DERIVED}) <= len(venues):
            raise self._wrong(node, "every source is another venue's, and none is derived")
        if any(one.span_ms is not None for one in node.sources):
            raise self._wrong(node, "a source is read slot by slot, without a span")
        return _measured(metric, pair)

    def _leaf(self, quantity: Quantity) -> Unit:
        match quantity:
            case Composite():
                return _measured("price", quantity.pair)
            case Companion():
                _, pair, metric = quantity.name.split(":")
                unit = _measured(metric, pair)
                return unit if metric != "formula" else dimension.untold(quantity.name)
            case Consensus():
                return self._agreed(quantity)
            case Duration():
                raise self._wrong(quantity, "a span of time stands in a window only")
            case _:
                raise AssertionError(quantity)

    def _agreed(self, node: Consensus) -> Dimension:
        """The one unit of all that is compared; each of it measured, and once."""
        units = [self.unit(member) or RATIO for member in node.members]
        for number, member in enumerate(node.members):
            inside = list(member.walk())
            if not any(isinstance(one, Companion) for one in inside):
                raise self._wrong(member, "no series is named in it")
            if any(isinstance(one, Composite | Consensus) for one in inside):
                raise self._wrong(member, "a composite stands in no other")
            if member in node.members[:number]:
                raise self._wrong(member, "stands twice in a composite")
        first = units[0]
        for member, unit in zip(node.members, units, strict=True):
            if not dimension.fits(unit, first):
                apart = f"{dimension.words(unit)} cannot agree with {dimension.words(first)}"
                raise self._wrong(member, apart + self._advice(first, unit))
        return first

    def _own(self, node: Window | Change) -> Unit:
        raise AssertionError(node)  # the reader asks of what

    def _advice(self, left: Dimension, right: Dimension) -> str:
        if not _NO_CURRENCIES.isdisjoint((*left, *right)):
            return ""
        return ", divide them, or multiply by a price that converts, as KRAKEN:USDT/USD"


def _measured(metric: str, pair: str) -> Dimension:
    base, _, quote = pair.partition("/")
    return dimension.of_metric(metric, base=base, quote=quote)
