"""Units as products of powers: which numbers may be added and compared, and what a product is in.

`{"quote": 1, "base": -1}` is quote per base, `{}` a ratio. A unit nobody can tell (of a formula, or
of a rule's target that is not chosen yet) has a name of its own that ends in `'s unit`: it fits all
that markets are measured in, but neither seconds nor percent. Imports domain.metric.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from sigmawatch.domain.metric import METRICS, Unit

Dimension = Mapping[str, int]
RATIO: Dimension = {}
PERCENT: Dimension = {"percent": 1}
SECONDS: Dimension = {"seconds": 1}
PLACE: Dimension = {"place in a ranking": 1}
_OURS = frozenset((*PERCENT, *SECONDS, *PLACE))
_UNTOLD = "'s unit"


def untold(name: str) -> Dimension:
    """The unit of something whose unit nobody can tell."""
    return {f"{name}{_UNTOLD}": 1}


def of_metric(name: str, *, base: str = "base", quote: str = "quote") -> Dimension:
    """What a metric is measured in, of a market whose currencies are called so."""
    unit = METRICS[name].unit
    match unit:
        case Unit.QUOTE_PER_BASE:
            return product({quote: 1}, {base: 1}, power=-1)
        case Unit.QUOTE:
            return {quote: 1}
        case Unit.BASE:
            return {base: 1}
        case Unit.FORMULA:
            return untold(name)
        case _:
            return {unit.replace("_", " "): 1}


def product(left: Dimension, right: Dimension, *, power: int) -> Dimension:
    """`left` times `right` to a power: -1 divides."""
    powers = Counter(left)
    for name, each in right.items():
        powers[name] += power * each
    return {name: each for name, each in powers.items() if each}


def fits(left: Dimension, right: Dimension) -> bool:
    """Whether the two may be added and compared, as far as can be told."""
    if left == right:
        return True
    told_by_us = not _OURS.isdisjoint((*left, *right))
    return not told_by_us and any(name.endswith(_UNTOLD) for name in (*left, *right))


def words(dimension: Dimension) -> str:
    """A unit in words: `USD per BTC`."""
    over = " x ".join(_power(name, each) for name, each in sorted(dimension.items()) if each > 0)
    under = " ".join(f"per {_power(name, -each)}" for name, each in sorted(dimension.items())
                     if each < 0)  # fmt: skip
    return " ".join(part for part in (over or (under and "1"), under) if part) or "a ratio"


def _power(name: str, power: int) -> str:
    return name if power == 1 else f"{name}^{power}"
