"""Metrics: the kinds of measurement, each with its kind and unit (SEMANTICS.md 1).

Adding a metric is one line in the table and one function in the venue that offers it
(CONTRIBUTING.md, "Add a metric"). Imports domain.errors.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from sigmawatch.domain.errors import Invalid, NotFound

FORMULA = "formula"  # the metric of a series that a formula defines, unless it says another
SOURCE = "source"  # which of its venues a fail-over's values are of
OURS = frozenset((FORMULA, SOURCE))  # computed by us: no venue offers them, nobody pushes them


class Kind(StrEnum):
    """A level stands until it changes; a flow is what passed within one slot."""

    LEVEL = "level"
    FLOW = "flow"


class Unit(StrEnum):
    """What a number counts. `quote` and `base` are currencies of the market at hand, the reference
    currency is one for all; `formula` is whatever the formula at hand comes to."""

    QUOTE_PER_BASE = "quote_per_base"
    QUOTE = "quote"
    BASE = "base"
    REFERENCE = "reference_currency"
    BASIS_POINTS = "basis_points"
    COUNT = "count"
    FORMULA = "formula"


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One kind of measurement.

    gated: a value far from the series' own past waits for a second one (the bad-tick gate).
    derived_from: the metric of the same market that it is computed from; no venue is asked for it.
    """

    name: str
    kind: Kind
    unit: Unit
    gated: bool = False
    derived_from: str | None = None
    meaning: str


_TABLE = (
    Metric(name="price", kind=Kind.LEVEL, unit=Unit.QUOTE_PER_BASE, gated=True,
           meaning="last trade"),
    Metric(name="bid", kind=Kind.LEVEL, unit=Unit.QUOTE_PER_BASE, gated=True,
           meaning="best bid, where offered"),
    Metric(name="ask", kind=Kind.LEVEL, unit=Unit.QUOTE_PER_BASE, gated=True,
           meaning="best ask, where offered"),
    Metric(name="spread_bp", kind=Kind.LEVEL, unit=Unit.BASIS_POINTS,
           meaning="10,000 x (ask - bid) / mid"),
    Metric(name="volume_24h_base", kind=Kind.LEVEL, unit=Unit.BASE,
           meaning="the venue's rolling 24-hour volume, base currency"),
    Metric(name="volume_24h_quote", kind=Kind.LEVEL, unit=Unit.QUOTE,
           meaning="the venue's rolling 24-hour volume, quote currency"),
    Metric(name="traded_base", kind=Kind.FLOW, unit=Unit.BASE,
           meaning="base currency traded inside one closed slot"),
    Metric(name="traded_quote", kind=Kind.FLOW, unit=Unit.QUOTE,
           meaning="quote currency traded inside one closed slot"),
    Metric(name="trades", kind=Kind.FLOW, unit=Unit.COUNT,
           meaning="number of trades inside one closed slot"),
    Metric(name="volume_24h_ref", kind=Kind.LEVEL, unit=Unit.REFERENCE,
           derived_from="volume_24h_quote",
           meaning="volume_24h_quote in the reference currency, at the slot's rate"),
    Metric(name="traded_ref", kind=Kind.FLOW, unit=Unit.REFERENCE, derived_from="traded_quote",
           meaning="traded_quote in the reference currency, at the slot's rate"),
    Metric(name=FORMULA, kind=Kind.LEVEL, unit=Unit.FORMULA,
           meaning="what a formula over other series comes to"),
    Metric(name=SOURCE, kind=Kind.LEVEL, unit=Unit.COUNT,
           meaning="which venue a fail-over is shown from, 1 the first; below 0 where asked for"),
)  # fmt: skip

METRICS: Mapping[str, Metric] = MappingProxyType({metric.name: metric for metric in _TABLE})


def with_derived(offered: Set[str]) -> tuple[str, ...]:
    """The metrics of a market whose venue offers those of `offered`: these, and what is computed
    from them; in the order of the table."""
    return tuple(
        name for name, metric in METRICS.items() if (metric.derived_from or name) in offered
    )


def with_sources(names: Iterable[str]) -> tuple[str, ...]:
    """`names`, each once and after what it is computed from."""
    return tuple(
        dict.fromkeys(each for name in names for each in (METRICS[name].derived_from, name) if each)
    )


def metric_named(name: str) -> Metric:
    """The metric called `name`. Raises NotFound, or Invalid for a bare `volume`, each listing what
    there is."""
    folded = name.strip().lower()
    if folded == "volume":
        raise Invalid(
            "'volume' is two things: say `traded_quote[5m]` or `volume_24h_quote`",
            field="metric",
            allowed=", ".join(METRICS),
        )
    if folded not in METRICS:
        raise NotFound(f"unknown metric {name!r}", field="metric", allowed=", ".join(METRICS))
    return METRICS[folded]
