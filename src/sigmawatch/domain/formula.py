"""Formulas: series that are computed from others (SEMANTICS.md 1), as one line and as a tree.

    spread = parse_formula("kraken:xbt/usd - coinbase:btc/usd", interval=Interval(60_000))
    print_formula(spread)      # KRAKEN:BTC/USD - COINBASE:BTC/USD
    spread.series              # ("KRAKEN:BTC/USD:price", "COINBASE:BTC/USD:price")
    spread.unit                # USD per BTC

The steps are domain.formula_reader (text to tree), domain.formula_check (units, windows) and
domain.expression_printer. engine.formula computes it. Imports those and domain.expression.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sigmawatch.domain import dimension
from sigmawatch.domain.expression import (
    Companion,
    Composite,
    Consensus,
    Node,
    Quantity,
    Window,
)
from sigmawatch.domain.expression_printer import print_node
from sigmawatch.domain.expression_reach import reach_ms
from sigmawatch.domain.formula_check import check_formula
from sigmawatch.domain.formula_fail_over import FailOver
from sigmawatch.domain.formula_reader import read_formula
from sigmawatch.domain.window import MINUTE_MS, Interval

LEVEL_REACH_SLOTS = 2  # how old a level may be, as the close of change_pct
STILL_SLOTS = 15  # how long a composite's member may stand still while others move,
STILL_MS = 15 * MINUTE_MS  # and no less than this


@dataclass(frozen=True, slots=True, kw_only=True)
class Formula:
    """One number a slot, of other series at `interval`; `Formula.of` makes one.

    unit: what it comes to, in words. series: the names of the series in it,
    `KRAKEN:BTC/USD:price`, as they come, each once; composites: the pairs whose composite price is
    in it, `BTC/USD`, likewise. needed: those of `series` without which it is unknown; the others
    are in composites of several alone. agreed: of each of those, the series that every member of it
    is of. reach_slots: how far before a slot it looks, with the slots that a
    level may be old; window_slots: its longest window, 0 without one.
    """

    quantity: Quantity
    interval: Interval
    unit: str
    series: tuple[str, ...]
    composites: tuple[str, ...]
    needed: tuple[str, ...]
    agreed: tuple[tuple[tuple[str, ...], ...], ...]
    reach_slots: int
    window_slots: int

    def __post_init__(self) -> None:
        assert self.series or self.composites

    @classmethod
    def of(cls, quantity: Quantity, interval: Interval, *, unit: str) -> Formula:
        """The formula that a tree is."""
        nodes = list(quantity.walk())
        named = [one for one in nodes if isinstance(one, Companion)]
        composites = [one.pair for one in named if isinstance(one, Composite)]
        series = [one.name for one in named if not isinstance(one, Composite)]
        several = dict.fromkeys(one for one in nodes if isinstance(one, Consensus))
        windows_ms = [one.window_ms for one in nodes if isinstance(one, Window)]
        return cls(
            quantity=quantity, interval=interval, unit=unit,
            series=tuple(dict.fromkeys(series)), composites=tuple(dict.fromkeys(composites)),
            needed=tuple(dict.fromkeys(_needed(quantity))),
            agreed=tuple(tuple(map(_named, one.members)) for one in several),
            reach_slots=reach_ms(quantity) // interval.ms + LEVEL_REACH_SLOTS
            + _nested(quantity) * still_slots(interval),
            window_slots=max(windows_ms, default=0) // interval.ms,
        )  # fmt: skip

    @property
    def fail_over(self) -> bool:
        """Whether it is one venue after another: `series`, the first one first."""
        return isinstance(self.quantity, FailOver)

    @property
    def reach_ms(self) -> int:
        """For so long a change of an input changes the formula."""
        return self.reach_slots * self.interval.ms


def _named(quantity: Quantity) -> tuple[str, ...]:
    return tuple(dict.fromkeys(n.name for n in quantity.walk() if isinstance(n, Companion)))


def still_slots(interval: Interval) -> int:
    """How far back it is looked whether members of a composite stand still."""
    return max(STILL_SLOTS, STILL_MS // interval.ms)


def _nested(node: Node) -> int:
    """How many composites stand in one another."""
    inside = max(map(_nested, node.parts), default=0)
    return inside + isinstance(node, Composite | Consensus)


def _needed(quantity: Quantity) -> Iterator[str]:
    """The series outside of composites."""
    if isinstance(quantity, Companion) and not isinstance(quantity, Composite):
        yield quantity.name
    if not isinstance(quantity, Consensus):
        for part in quantity.parts:
            assert isinstance(part, Quantity)
            yield from _needed(part)


def parse_formula(text: str, *, interval: Interval) -> Formula:
    """The formula that a line says, over series at `interval`.

    Raises ExpressionInvalid with the place, the offending word and what is allowed.
    """
    quantity = read_formula(text)
    unit = check_formula(quantity, interval=interval, text=text)
    return Formula.of(quantity, interval, unit=dimension.words(unit).removeprefix("a "))


def print_formula(formula: Formula) -> str:
    """The one line that reads back as `formula`."""
    return print_node(formula.quantity)
