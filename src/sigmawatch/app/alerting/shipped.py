"""The three rules of a fresh installation (SEMANTICS.md 7): on, told to the inbox unless the routes
name a channel, and from then on like any other: to be edited, disabled, removed for good.

"Three rules ship, on the `_ref` volume with a floor: traded volume 3x its hour (5 m), ±5 % in 1 h,
data stale."
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

SHIPPED: Mapping[str, Mapping[str, Any]] = MappingProxyType({
    "volume-surge": {
        "condition": "traded_ref[5m] > 3 * mean(1h) and value > 50000",
        "target": "*:*/*",
        "cooldown": "30m",
        "severity": "info",
        "note": "traded volume of 5 minutes is above 3x its last hour; the floor leaves thin "
        "markets out",
    },
    "price-move": {
        "condition": "abs(change_pct(1h)) > 5 and volume_24h_ref > 100000",
        "target": "*:*/*:price",
        "cooldown": "30m",
        "severity": "warning",
        "note": "moved by more than 5 % within an hour; the floor leaves thin markets out",
    },
    "data-stale": {
        "condition": "stale for 5m",
        "target": "*:*/*:price",
        "severity": "warning",
        "note": "the venue has not been read for minutes",
    },
})  # fmt: skip
