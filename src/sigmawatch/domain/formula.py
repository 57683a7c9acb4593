"""Formulas: series that are computed from others (SEMANTICS.md 1), as one line and as a tree.

    spread = parse_formula("kraken:xbt/usd - coinbase:btc/usd", interval=Interval(60_000))
    print_formula(spread)      # KRAKEN:BTC/USD - COINBASE:BTC/USD
    spread.series              # ("KRAKEN:BTC/USD:price", "COINBASE:BTC/USD:price")
    spread.unit                # USD per BTC

The steps are domain.formula_reader (text to tree), domain.formula_check (units, windows) and
domain.expression_printer. engine.formula computes it. Imports those and domain.expression.
"""

from __future__ import annotations

from dataclasses import dataclass

from sigmawatch.domain import dimension
from sigmawatch.domain.expression import Companion, Composite, Quantity, reach_ms
from sigmawatch.domain.expression_printer import print_node
from sigmawatch.domain.formula_check import check_formula
from sigmawatch.domain.formula_reader import read_formula
from sigmawatch.domain.window import Interval

LEVEL_REACH_SLOTS = 2  # how old a level may be, as the close of change_pct


@dataclass(frozen=True, slots=True, kw_only=True)
class Formula:
    """One number a slot, of other series at `interval`. unit: what it comes to, in words."""

    quantity: Quantity
    interval: Interval
    unit: str

    def __post_init__(self) -> None:
        assert self.series or self.composites

    @property
    def series(self) -> tuple[str, ...]:
        """The names of the series in it, `KRAKEN:BTC/USD:price`, as they come, each once."""
        return self._names(composite=False)

    @property
    def composites(self) -> tuple[str, ...]:
        """The pairs whose composite price is in it, `BTC/USD`, as they come, each once."""
        return tuple(name[len("composite(") : -1] for name in self._names(composite=True))

    def _names(self, *, composite: bool) -> tuple[str, ...]:
        named = [one for one in self.quantity.walk() if isinstance(one, Companion)]
        names = [one.name for one in named if isinstance(one, Composite) == composite]
        return tuple(dict.fromkeys(names))

    @property
    def reach_ms(self) -> int:
        """How far before a slot it looks, with the slots that a level may be old: what is
        changed at a moment changes the formula for so long after it."""
        return reach_ms(self.quantity) + LEVEL_REACH_SLOTS * self.interval.ms

    @property
    def reach_slots(self) -> int:
        return self.reach_ms // self.interval.ms


def parse_formula(text: str, *, interval: Interval) -> Formula:
    """The formula that a line says, over series at `interval`.

    Raises ExpressionInvalid with the place, the offending word and what is allowed.
    """
    quantity = read_formula(text)
    unit = check_formula(quantity, interval=interval, text=text)
    return Formula(
        quantity=quantity, interval=interval, unit=dimension.words(unit).removeprefix("a ")
    )


def print_formula(formula: Formula) -> str:
    """The one line that reads back as `formula`."""
    return print_node(formula.quantity)
