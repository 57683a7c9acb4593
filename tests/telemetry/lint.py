"""What `promtool check metrics` complains of, said again: the rules of promlint that apply to us.

github.com/prometheus/client_golang, prometheus/testutil/promlint: help, units, counters, names of
types and abbreviations, capitals, colons.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from prometheus_client.metrics_core import Metric

UNITS = frozenset(  # never beside the base units: seconds, bytes, ratio, …
    "milliseconds microseconds nanoseconds minutes hours days weeks kilobytes megabytes gigabytes "
    "percent milli kilo mega".split()
)
ABBREVIATIONS = frozenset("s ms us ns sec b kb mb gb tb pb m h d".split())
TYPES = frozenset("counter gauge histogram summary untyped".split())


def problems(metrics: Iterable[Metric]) -> Iterator[str]:
    """Every complaint, by metric."""
    seen: set[str] = set()
    for metric in metrics:
        name, words = metric.name, metric.name.split("_")
        if name in seen:
            yield f"{name}: twice"
        seen.add(name)
        if not metric.documentation:
            yield f"{name}: no help"
        if metric.type == "unknown":
            yield f"{name}: no type"
        if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
            yield f"{name}: other characters than small letters, digits and _"
        for word in words:
            if word in UNITS | ABBREVIATIONS:
                yield f"{name}: {word} is no base unit"
            if word in TYPES:
                yield f"{name}: the type is part of the name"
        if metric.type != "counter" and name.endswith("_total"):
            yield f"{name}: ends as a counter, and is none"
        if metric.type != "histogram" and name.endswith(("_bucket", "_count", "_sum")):
            yield f"{name}: ends as a part of a histogram, and is none"
        for sample in metric.samples:
            if metric.type == "counter" and not sample.name.endswith("_total"):
                yield f"{sample.name}: a counter that does not end in _total"
            if "le" in sample.labels and metric.type != "histogram":
                yield f"{name}: the label le, and no histogram"
            for label in sample.labels:
                if not re.fullmatch(r"[a-z][a-z0-9_]*", label):
                    yield f"{name}: label {label}"
