"""What is said of one series over a long window: the statistics of SEMANTICS.md 3, from rollups.

Imports engine.rollups.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sigmawatch.domain.frame import Flag
from sigmawatch.engine.rollups import SEAM, Rollups, grouped


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The statistics of one window; population σ (ddof 0), NaN where unknown.

    n: values; expected: slots. sigma_ret is scaled by the square root of the window's slots.
    first, last: the oldest and the newest value. coarse: some values are from wider candles.
    seam: another source of a fail-over begins in it.
    """

    n: int
    expected: int
    mean: float = math.nan
    sigma_abs: float = math.nan
    sigma_rel: float = math.nan
    sigma_ret: float = math.nan
    minimum: float = math.nan
    maximum: float = math.nan
    first: float = math.nan
    last: float = math.nan
    sign_change: bool = False
    coarse: bool = False
    seam: bool = False

    @property
    def coverage(self) -> float:
        return self.n / self.expected


def summary(runs: Rollups, *, expected: int) -> Summary:
    """The statistics of all slots of `runs`, out of `expected`."""
    assert expected > 0
    if not len(runs):
        return Summary(n=0, expected=expected)
    factor = int(runs.at[-1]) + 1
    whole = grouped(runs, np.zeros(len(runs), np.int64), factor=factor)
    n, low, high = (float(column[0]) for column in (whole.n, whole.low, whole.high))
    mean = float(whole.average[0])
    sigma = math.sqrt(float(whole.m2[0]) / n)
    one_sign = low >= 0.0 or high <= 0.0  # zero has no sign: docs/decisions/0008
    moves = float(whole.return_n[0])
    return Summary(
        n=round(n), expected=expected, mean=mean, sigma_abs=sigma,
        sigma_rel=sigma / abs(mean) if one_sign and mean else math.nan,
        sigma_ret=math.sqrt(float(whole.return_m2[0]) / moves * expected) if moves else math.nan,
        minimum=low, maximum=high, first=float(whole.first[0]), last=float(whole.last[0]),
        sign_change=not one_sign, coarse=bool(whole.marks[0] & Flag.COARSE),
        seam=bool(whole.marks[0] & SEAM),
    )  # fmt: skip
