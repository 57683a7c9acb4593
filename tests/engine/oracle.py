"""A slow, exact second opinion: one series at a time, rational numbers and 50 digits.

Shares no code and no formula with the engine. `Fraction` for everything rational, `decimal` with 50
digits for square roots and logarithms.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from fractions import Fraction

DIGITS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Exact:
    """What one series' window is, or None where the number does not exist."""

    n: int
    mean: float | None
    sigma_abs: float | None
    sigma_rel: float | None
    sigma_ret: float | None
    minimum: float | None
    maximum: float | None
    change_pct: float | None


def window(values: Mapping[int, float], *, last: int, slots: int, level: bool = True) -> Exact:
    """The statistics of `slots` slots that end with `last`; values: slot -> counted value."""
    inside = [values[slot] for slot in range(last - slots + 1, last + 1) if slot in values]
    exact = [Fraction(value) for value in inside]
    if not exact:
        return Exact(n=0, mean=None, sigma_abs=None, sigma_rel=None, sigma_ret=None,
                     minimum=None, maximum=None,
                     change_pct=change_pct(values, last=last, slots=slots))  # fmt: skip
    mean = sum(exact, Fraction(0)) / len(exact)
    sigma = _deviation(exact)
    one_sign = (min(inside) >= 0 or max(inside) <= 0) and mean != 0
    relative = float(sigma / _decimal(abs(mean))) if one_sign else None
    returns = log_returns(values, first=last - slots + 1, last=last) if level else []
    return Exact(
        n=len(exact),
        mean=float(mean),
        sigma_abs=float(sigma),
        sigma_rel=relative,
        sigma_ret=_scaled(returns, slots) if returns else None,
        minimum=min(inside),
        maximum=max(inside),
        change_pct=change_pct(values, last=last, slots=slots),
    )


def change_pct(values: Mapping[int, float], *, last: int, slots: int) -> float | None:
    """100 x (last - then) / then; either end at most 2 slots before its moment."""
    then, now = _close_at(values, last - slots), _close_at(values, last)
    if then is None or now is None or then == 0:
        return None
    return float(100 * (Fraction(now) - Fraction(then)) / Fraction(then))


def mean_before(values: Mapping[int, float], *, slot: int, slots: int) -> float | None:
    inside = [Fraction(values[s]) for s in range(slot - slots, slot) if s in values]
    return float(sum(inside, Fraction(0)) / len(inside)) if inside else None


def _close_at(values: Mapping[int, float], slot: int) -> float | None:
    return next((values[s] for s in (slot, slot - 1, slot - 2) if s in values), None)


def _deviation(exact: Sequence[Fraction]) -> Decimal:
    """Population σ; in whole numbers over one denominator, where sums of squares are exact."""
    unit = math.lcm(*(x.denominator for x in exact))
    whole = [x.numerator * (unit // x.denominator) for x in exact]
    count, total = len(whole), sum(whole)
    spread = count * sum(x * x for x in whole) - total * total
    with localcontext() as context:
        context.prec = DIGITS
        return Decimal(spread).sqrt() / Decimal(count * unit)


def _decimal(number: Fraction) -> Decimal:
    with localcontext() as context:
        context.prec = DIGITS
        return Decimal(number.numerator) / Decimal(number.denominator)


def log_returns(values: Mapping[int, float], *, first: int, last: int) -> list[Decimal]:
    with localcontext() as context:
        context.prec = DIGITS
        return [
            (Decimal(values[slot]) / Decimal(values[slot - 1])).ln()
            for slot in range(first + 1, last + 1)
            if slot in values and slot - 1 in values
            and values[slot] > 0 and values[slot - 1] > 0
        ]  # fmt: skip


def _scaled(returns: Sequence[Decimal], slots: int) -> float:
    with localcontext() as context:
        context.prec = DIGITS
        mean = sum(returns, Decimal(0)) / len(returns)
        variance = sum(((r - mean) ** 2 for r in returns), Decimal(0)) / len(returns)
        return float(variance.sqrt() * Decimal(slots).sqrt())


def off_by(found: float, exact: float | None) -> float:
    """Relative error; 0 where both do not exist, infinity where one does not."""
    if exact is None or math.isnan(found):
        return 0.0 if exact is None and math.isnan(found) else math.inf
    if found == exact:
        return 0.0
    return abs(found - exact) / max(abs(exact), 5e-324)
