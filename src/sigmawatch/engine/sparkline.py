"""Sparklines: a day of one series as 48 characters, for a drawing 48 points wide.

Base 64 (RFC 4648, 4), from A for the least value to / for the greatest; `.` where nothing is known.
Imports engine.geometry.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sigmawatch.engine.geometry import Column

POINTS = 48
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
MISSING = "."
_LEVELS = len(ALPHABET)
_LETTERS = np.frombuffer((ALPHABET + MISSING).encode(), np.uint8)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sparkline:
    """points: POINTS characters, oldest first. low, high: what A and / stand for, in the metric's
    unit; NaN where nothing is known."""

    points: str
    low: float
    high: float


def drawn(points: Column) -> Sparkline:
    """float64[POINTS], NaN where missing, as characters. A line without ups and downs lies in the
    middle."""
    assert points.shape == (POINTS,)
    known = np.isfinite(points)
    if not known.any():
        return Sparkline(points=MISSING * POINTS, low=np.nan, high=np.nan)
    low, high = float(points[known].min()), float(points[known].max())
    span = high / 2 - low / 2  # halves: the difference itself may be more than a float holds
    shares = (points[known] / 2 - low / 2) / span if span > 0.0 else 0.5
    levels = np.full(POINTS, _LEVELS)
    levels[known] = np.rint(np.multiply(shares, _LEVELS - 1)).astype(np.intp)
    return Sparkline(points=_LETTERS[levels].tobytes().decode("ascii"), low=low, high=high)
