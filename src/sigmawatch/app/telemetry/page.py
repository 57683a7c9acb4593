"""One answer of `/metrics`: what was counted, and what is seen of the program at this moment.

Text 0.0.4 of Prometheus or OpenMetrics 1.0, by what the scraper asks for. Label values that came
from strangers are escaped by prometheus_client (SECURITY.md S64).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from sigmawatch.app.telemetry.families import ALL, EVENTS, VALUES, Family
from sigmawatch.app.telemetry.sight import see

if TYPE_CHECKING:
    from sigmawatch.app.program import Program

Put = Callable[..., None]


class Page(Collector):
    """Families with their samples; those that are always looked at, without any too, so that it is
    seen what there is."""

    def __init__(self) -> None:
        always = (one for one in ALL if one not in EVENTS and one not in VALUES)
        self._metrics = {one: _metric(one) for one in always}

    def put(self, family: Family, value: float, *labels: str) -> None:
        """One sample; its labels in the family's order."""
        if family not in self._metrics:
            self._metrics[family] = _metric(family)
        given = dict(zip(family.labels, labels, strict=True))
        self._metrics[family].add_sample(family.name, given, value)

    def collect(self) -> Iterable[Metric]:
        return self._metrics.values()


def _metric(family: Family) -> Metric:
    """Without samples; a counter by the name that OpenMetrics gives it."""
    return Metric(family.name.removesuffix("_total"), family.help, family.kind)


class _All(Collector):
    def __init__(self, parts: Sequence[Callable[[], Iterable[Metric]]]) -> None:
        self._parts = parts

    def collect(self) -> Iterable[Metric]:
        for part in self._parts:
            yield from part()


async def exposition(program: Program, *, accept: str) -> tuple[bytes, str]:
    """The page in the shape that an `Accept` header prefers, and its media type."""
    page = Page()
    await see(program, page.put)
    process = ProcessCollector(registry=CollectorRegistry())
    encode, media_type = choose_encoder(accept)
    parts = (program.telemetry.collect, page.collect, process.collect)
    return encode(_All(parts)), media_type
