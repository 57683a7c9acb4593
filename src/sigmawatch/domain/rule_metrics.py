"""The metrics a rule may name: those of domain.metric, and the two in the reference currency.

Imports domain.metric.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from sigmawatch.domain.metric import METRICS, Kind

REFERENCE_UNIT = "reference currency"
REFERENCE_METRICS = {"volume_24h_ref": Kind.LEVEL, "traded_ref": Kind.FLOW}

RULE_METRICS: Mapping[str, Kind] = MappingProxyType(
    REFERENCE_METRICS | {metric.name: metric.kind for metric in METRICS.values()}
)


def unit_words(name: str | None) -> str:
    """What a metric counts, in words; of the target's metric where `name` is None."""
    if name is None:
        return "the metric's unit"
    return REFERENCE_UNIT if name not in METRICS else METRICS[name].unit.replace("_", " ")
