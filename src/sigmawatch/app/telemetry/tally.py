"""What is counted: one number, or one histogram, for each set of labels.

Plain numbers, for one event loop: a request pays two microseconds for being counted, where
locks and label look-ups of a client library take twelve.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import accumulate

from prometheus_client.metrics_core import Metric
from prometheus_client.utils import floatToGoString

from sigmawatch.app.telemetry.families import Family, Kind


@dataclass(slots=True)
class Count:
    """Only grows."""

    value: int = 0

    def add(self, by: int = 1) -> None:
        assert by >= 0
        self.value += by


@dataclass(slots=True)
class Spread:
    """How often something was how large. counts: by the edge it is not above, the last beyond all
    of them."""

    edges: tuple[float, ...]
    counts: list[int] = field(default_factory=list)
    total: float = 0.0

    def __post_init__(self) -> None:
        self.counts = [0] * (len(self.edges) + 1)

    def observe(self, value: float) -> None:
        self.counts[bisect_left(self.edges, value)] += 1
        self.total += value


class Tally:
    """One family's numbers by their labels, in the family's order."""

    def __init__(self, family: Family) -> None:
        self._family = family
        self._counts: dict[tuple[str, ...], Count] = {}
        self._spreads: dict[tuple[str, ...], Spread] = {}

    def count(self, *labels: str) -> Count:
        found = self._counts.get(labels)
        if found is None:
            assert self._family.kind is Kind.COUNTER
            assert len(labels) == len(self._family.labels)
            found = self._counts[labels] = Count()
        return found

    def spread(self, *labels: str) -> Spread:
        found = self._spreads.get(labels)
        if found is None:
            assert self._family.kind is Kind.HISTOGRAM
            assert len(labels) == len(self._family.labels)
            found = self._spreads[labels] = Spread(self._family.edges)
        return found

    def metric(self) -> Metric:
        """As it is now."""
        family = self._family
        metric = Metric(family.name.removesuffix("_total"), family.help, family.kind)
        for labels, count in self._counts.items():
            metric.add_sample(family.name, self._named(labels), count.value)
        for labels, spread in self._spreads.items():
            for end, more, value in _parts(spread):
                metric.add_sample(family.name + end, self._named(labels) | more, value)
        return metric

    def _named(self, labels: tuple[str, ...]) -> dict[str, str]:
        return dict(zip(self._family.labels, map(str, labels), strict=True))


def _parts(spread: Spread) -> Iterator[tuple[str, dict[str, str], float]]:
    """The samples of a histogram: the end of their name, another label, the value."""
    edges = (*spread.edges, float("inf"))
    for edge, count in zip(edges, accumulate(spread.counts), strict=True):
        yield "_bucket", {"le": floatToGoString(edge)}, count  # type: ignore[no-untyped-call]
    yield "_count", {}, sum(spread.counts)
    yield "_sum", {}, spread.total
