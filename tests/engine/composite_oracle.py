"""A slow second opinion on composites: pure Python, one slot, from the numbers as told."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Sequence

Numbers = Sequence[float | None]


def agreed(
    prices: Sequence[Numbers], volumes: Sequence[Numbers] | None, *, within_pct: float
) -> tuple[float | None, list[str]]:
    """What some members come to, and what part each has. prices, volumes: of each its last 16
    slots, the judged one last, None where unknown."""
    parts = ["taken"] * len(prices)
    told = [[one] if volumes is None else [one, volumes[row]] for row, one in enumerate(prices)]
    for row, columns in enumerate(told):
        if any(column[-1] is None for column in columns):
            parts[row] = "missing"
        elif volumes is not None and not (volumes[row][-1] or 0) > 0:
            parts[row] = "no_volume"
    there = [row for row, part in enumerate(parts) if part == "taken"]
    moved = [any(map(_moved, columns)) for columns in told]
    for row in there:
        others = [moved[other] for other in there if other != row]
        known = all(value is not None for column in told[row] for value in column)
        if known and not moved[row] and others and sum(others) >= len(others) / 2:
            parts[row] = "still"
    present = [row for row in there if parts[row] == "taken"]
    if not present:
        return None, parts
    now = {row: prices[row][-1] or 0.0 for row in present}
    median = statistics.median(now.values())
    for row in present:
        if abs(now[row] - median) > within_pct / 100 * abs(median):
            parts[row] = "far"
    taken = [row for row in present if parts[row] == "taken"]
    if len(taken) <= len(present) / 2:
        return None, parts
    weights = [1.0 if volumes is None else volumes[row][-1] or 0.0 for row in taken]
    worth = sum(now[row] * weight for row, weight in zip(taken, weights, strict=True))
    return worth / sum(weights), parts


def _moved(column: Numbers) -> bool:
    pairs = itertools.pairwise(column)
    return any(a is not None and b is not None and a != b for a, b in pairs)
