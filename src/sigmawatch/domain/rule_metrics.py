"""The metrics a rule may name: those of domain.metric, and the two in the reference currency.

Imports domain.metric.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from sigmawatch.domain.metric import METRICS, Kind

REFERENCE_METRICS = {"volume_24h_ref": Kind.LEVEL, "traded_ref": Kind.FLOW}

RULE_METRICS: Mapping[str, Kind] = MappingProxyType(
    REFERENCE_METRICS | {metric.name: metric.kind for metric in METRICS.values()}
)


def unit_words(name: str | None) -> str:
    """What a metric counts, in words; as far as we know it."""
    if name in REFERENCE_METRICS:
        return "reference currency"
    known = METRICS.get(name or "")
    return "the metric's unit" if known is None else known.unit.replace("_", " ")
