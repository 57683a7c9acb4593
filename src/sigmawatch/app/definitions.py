"""Definitions of formula series: what a person asks for, and whether it can be had.

A definition names the series (`GOLD/BTC`, at the venue DERIVED) and the formula; it can be had once
everything the formula reads is tracked at the same interval, and it does not come back to itself.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sigmawatch.app.tracked import WEIGHT, Tracked, parsed
from sigmawatch.domain.errors import Invalid, NotFound
from sigmawatch.domain.formula import Formula, print_formula
from sigmawatch.domain.market import Market, asset, parse_market
from sigmawatch.domain.metric import FORMULA, METRICS, metric_named
from sigmawatch.domain.series import DERIVED, Series
from sigmawatch.domain.window import Interval

FORMULAS_MAX = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """A series that is to be computed by a formula, over series at the formula's interval."""

    market: Market
    metric: str
    formula: Formula

    @classmethod
    def of(
        cls, name: str, formula: str, *, metric: str = FORMULA, interval: Interval
    ) -> Definition:
        """Read a definition. Raises Invalid where the name or metric will not do, ExpressionInvalid
        with the place in the formula."""
        return cls(
            market=derived_market(name), metric=derived_metric(metric),
            formula=parsed(formula, interval),
        )  # fmt: skip

    @property
    def name(self) -> str:
        """The series' name: `DERIVED:GOLD/BTC:formula`."""
        return f"{self.market.name}:{self.metric}"

    @property
    def interval(self) -> Interval:
        return self.formula.interval

    @property
    def text(self) -> str:
        """The formula in canonical form."""
        return print_formula(self.formula)

    def check(self, tracked: Tracked) -> None:
        """Whether it can be had while this is tracked at its interval. Raises NotFound with near
        names for what it reads and nobody tracks, Invalid where it would read itself."""
        lacking = tracked.lacking(self.formula)
        if lacking:
            raise _not_tracked(lacking[0], self.interval, names=list(tracked.by_name))
        if self.name in _read(self.formula, tracked.by_name):
            raise Invalid(f"{self.name} would be computed from itself", field="formula")


def derived_market(name: str) -> Market:
    """The market of a derived series called `GOLD/BTC`. Raises Invalid."""
    ref = parse_market(name)
    base, _, quote = ref.pair.partition("/")
    if ref.venue not in (None, DERIVED) or not quote:
        raise Invalid(f"{name!r} is no name for a formula", field="name",
                      allowed="BASE/QUOTE, as GOLD/BTC or SPREAD/USD")  # fmt: skip
    base, quote = asset(base), asset(quote)
    return Market(venue=DERIVED, base=base, quote=quote, native=f"{base}/{quote}")


def derived_metric(name: str) -> str:
    """The metric of a derived series. Raises Invalid, NotFound for one that is itself derived."""
    metric = metric_named(name)
    if metric.derived_from is not None:
        allowed = ", ".join(each for each, one in METRICS.items() if one.derived_from is None)
        raise Invalid(f"{metric.name} is computed from {metric.derived_from} alone",
                      field="metric", allowed=allowed)  # fmt: skip
    return metric.name


def broken_without(series: Series, others: Sequence[Series]) -> Series | None:
    """A formula series among `others`, all that is tracked, that cannot be had without `series`."""
    mine = [one for one in others if one.interval == series.interval]
    before, after = Tracked(mine), Tracked([one for one in mine if one.id != series.id])
    for one in mine:
        formula = None if one.formula is None else parsed(one.formula, one.interval)
        if formula is not None and after.lacking(formula) and not before.lacking(formula):
            return one
    return None


def _not_tracked(what: str, interval: Interval, *, names: Sequence[str]) -> NotFound:
    if what.startswith("composite("):
        pair = what[len("composite(") : -1]
        return NotFound(
            f"{what} needs a venue whose price and {WEIGHT} of {pair} are tracked every {interval}",
            field="formula", allowed=f"track them, as KRAKEN:{pair} with price and {WEIGHT}",
        )  # fmt: skip
    near = difflib.get_close_matches(what, names, n=5, cutoff=0.5) or names[:5]
    return NotFound(f"{what} is not tracked every {interval}", field="formula",
                    allowed=", ".join(near) or "nothing is tracked yet")  # fmt: skip


def _read(formula: Formula, by_name: Mapping[str, Series]) -> Iterator[str]:
    """The names that a formula reads, over other formulas too."""
    waiting, seen = list(formula.series), set[str]()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        yield name
        one = by_name.get(name)
        if one is not None and one.formula is not None:
            waiting.extend(parsed(one.formula, one.interval).series)
