"""How long slots are: of everything, of a venue, of a track, and of single metrics in each.

What is said nearest counts: a track's own `every` for the whole track, else the venue's, else the
`interval` of the file. A metric that is computed from another one has that one's slots, whatever
is said. Used by app.config and its parts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, InstanceOf

from sigmawatch.domain.errors import Invalid
from sigmawatch.domain.metric import METRICS, metric_named
from sigmawatch.domain.window import Interval, parse_span

Widths = Mapping[Interval, tuple[str, ...]]  # interval -> metrics


def _interval(raw: object) -> object:
    return Interval(parse_span(raw)) if isinstance(raw, str) else raw


def of_sources(intervals: Mapping[str, Interval]) -> Mapping[str, Interval]:
    """The same by the metrics that a venue is asked for. Raises Invalid where a metric and what is
    computed from it differ."""
    found: dict[str, Interval] = {}
    for name, interval in intervals.items():
        source = METRICS[name].derived_from or name
        if found.setdefault(source, interval) != interval:
            raise Invalid(f"{source} and what is computed from it have the same slots",
                          field="intervals", allowed=f"{source} alone")  # fmt: skip
    return MappingProxyType(found)


def widths_of(
    metrics: Iterable[str], *, every: Interval, intervals: Mapping[str, Interval]
) -> Widths:
    """`metrics` by how long their slots are. intervals: as `of_sources` gives them."""
    found: dict[Interval, tuple[str, ...]] = {}
    for name in metrics:
        interval = intervals.get(METRICS[name].derived_from or name, every)
        found[interval] = (*found.get(interval, ()), name)
    return found


EveryInterval = Annotated[InstanceOf[Interval], BeforeValidator(_interval)]
MetricName = Annotated[str, AfterValidator(lambda name: metric_named(name).name)]
Intervals = Annotated[Mapping[MetricName, EveryInterval], AfterValidator(of_sources)]
NO_INTERVALS: Mapping[str, Interval] = MappingProxyType({})
