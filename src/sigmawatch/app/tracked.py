"""What is tracked, by what formulas call it. Imports the domain alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

from sigmawatch.domain.formula import Formula, parse_formula
from sigmawatch.domain.series import Series
from sigmawatch.domain.window import Interval

WEIGHT = "volume_24h_base"  # of a composite's venues


@lru_cache(maxsize=2_000)
def parsed(text: str, interval: Interval) -> Formula:
    """The formula of a line, which is asked for whenever what is tracked changes. Raises
    ExpressionInvalid."""
    return parse_formula(text, interval=interval)


class Tracked:
    """Series of one interval by name, and the venues of every pair."""

    def __init__(self, series: Sequence[Series]) -> None:
        self.by_name: Mapping[str, Series] = {one.name: one for one in reversed(series)}
        self._prices: dict[str, list[Series]] = {}
        for one in self.by_name.values():
            if one.metric == "price" and one.formula is None:
                self._prices.setdefault(one.market.pair, []).append(one)

    def members(self, pair: str) -> tuple[tuple[Series, Series], ...]:
        """Price and weight of every venue that tracks both for `pair`, by venue."""
        prices = sorted(self._prices.get(pair, ()), key=lambda one: one.market.venue)
        found = [(one, self.by_name.get(f"{one.market.name}:{WEIGHT}")) for one in prices]
        return tuple((price, weight) for price, weight in found if weight is not None)

    def lacking(self, formula: Formula) -> tuple[str, ...]:
        """What a formula reads and nobody tracks: names, and composites without a venue."""
        series = [name for name in formula.series if name not in self.by_name]
        pairs = [f"composite({pair})" for pair in formula.composites if not self.members(pair)]
        return (*series, *pairs)
