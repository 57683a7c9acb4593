"""Mark bytes as columns: the reason in the low four bits, flags above (domain.frame)."""

from __future__ import annotations

import numpy as np

from sigmawatch.domain.frame import MISSING, REASON_MASK, Flag, Reason
from sigmawatch.engine.geometry import Marks, Mask

_REASON = np.uint8(REASON_MASK)
# bool[256]: the marks of slots in which nothing is known and a candle could tell.
FILLABLE = np.isin(
    np.arange(256) & REASON_MASK,
    (Reason.OUTAGE, Reason.NOT_POLLED, Reason.PENDING, Reason.DAMAGED),
)


def reasons_of(marks: Marks) -> Marks:
    """uint8[..] of domain.frame.Reason."""
    return marks & _REASON


def counted(reasons: Marks) -> Mask:
    """Where a value stands that statistics count."""
    return reasons < MISSING


def is_reason(reasons: Marks, reason: Reason) -> Mask:
    found: Mask = reasons == np.uint8(reason)
    return found


def has_flag(marks: Marks, flag: Flag) -> Mask:
    found: Mask = (marks & np.uint8(flag)) != 0
    return found


def with_reason(marks: Marks, reason: Reason, *, where: Mask) -> Marks:
    """`marks` with another reason in some places; flags stay."""
    return np.where(where, (marks & ~_REASON) | np.uint8(reason), marks)


def changes(reasons: Marks) -> Mask:
    """Where the market's row, or its tape, had moved."""
    return is_reason(reasons, Reason.OBSERVED) | seams(reasons)


def seams(reasons: Marks) -> Mask:
    """Where the first value of another source stands."""
    return is_reason(reasons, Reason.SEAM)
