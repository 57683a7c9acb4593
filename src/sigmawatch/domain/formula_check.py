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
    Duration,
    Quantity,
    Window,
    reach_ms,
)
from sigmawatch.domain.expression_check import Check, Unit
from sigmawatch.domain.expression_words import FORMULA
from sigmawatch.domain.window import WINDOW_MAX_MS, Interval, format_span

_NO_CURRENCIES = frozenset(("basis points", "count"))


def check_formula(quantity: Quantity, *, interval: Interval, text: str) -> Dimension:
    """What the formula comes to. Raises ExpressionInvalid, with the place in `text`, where it
    cannot be computed on series at `interval`."""
    return _FormulaCheck(text, interval).formula(quantity)


class _FormulaCheck(Check):
    language = FORMULA
    looking_back_max = 2

    def formula(self, quantity: Quantity) -> Dimension:
        if not any(isinstance(one, Companion) for one in quantity.walk()):
            raise self._wrong(quantity, "no series is named, name one as KRAKEN:BTC/USD")
        self._windows(quantity, step_ms=self._interval.ms)
        self._held(quantity)
        look_back_ms = reach_ms(quantity)
        if look_back_ms > WINDOW_MAX_MS:
            raise self._wrong(quantity, f"looks back {format_span(look_back_ms)}, at most 24h")
        unit = self.unit(quantity)
        return RATIO if unit is None else unit

    def _leaf(self, quantity: Quantity) -> Unit:
        match quantity:
            case Composite():
                return _measured("price", quantity.pair)
            case Companion():
                _, pair, metric = quantity.name.split(":")
                unit = _measured(metric, pair)
                return unit if metric != "formula" else dimension.untold(quantity.name)
            case Duration():
                raise self._wrong(quantity, "a span of time stands in a window only")
            case _:
                raise AssertionError(quantity)

    def _own(self, node: Window | Change) -> Unit:
        raise AssertionError(node)  # the reader asks of what

    def _advice(self, left: Dimension, right: Dimension) -> str:
        if not _NO_CURRENCIES.isdisjoint((*left, *right)):
            return ""
        return ", divide them, or multiply by a price that converts, as KRAKEN:USDT/USD"


def _measured(metric: str, pair: str) -> Dimension:
    base, _, quote = pair.partition("/")
    return dimension.of_metric(metric, base=base, quote=quote)
