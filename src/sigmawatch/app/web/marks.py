"""The words for every mark byte, looked up instead of made for each of many thousand slots."""

from __future__ import annotations

from sigmawatch.domain.frame import REASON_MASK, Reason, mark_names

_KNOWN = frozenset(map(int, Reason))

MARKS: tuple[tuple[str, ...], ...] = tuple(
    tuple(mark_names(mark)) if mark & REASON_MASK in _KNOWN else () for mark in range(256)
)
