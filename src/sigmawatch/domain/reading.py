"""Readings: what a venue said, parsed once at the edge, in columns.

A column is `array('d')`, one float64 a market; NaN means "not offered or refused". Levels carry
their unit in the metric's name (domain.metric). Nothing here is guessed: a value that could not be
read is missing, and the reason is counted in `rejected`. Imports domain.errors.
"""

from __future__ import annotations

import math
import re
from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field

from sigmawatch.domain.errors import Invalid

VALUE_MAX = 1e100  # squares of larger values leave the range of float64
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,4})?", re.ASCII)

Column = array  # array('d')


def number(raw: object) -> float:
    """A finite float64 from a venue's number or text.

    Accepts ASCII digits only: `float()` alone also reads "nan", "inf", "1_000", other alphabets
    and surrounding blanks. Raises Invalid naming what was found.
    """
    if isinstance(raw, str):
        if len(raw) > 80 or not _NUMBER.fullmatch(raw):
            raise Invalid(f"not a number: {raw[:40]!r}")
        value = float(raw)
    elif isinstance(raw, int) and not isinstance(raw, bool):
        value = float(raw) if abs(raw) <= VALUE_MAX else math.inf  # float() raises beyond 1e308
    elif isinstance(raw, float):
        value = raw
    else:
        raise Invalid(f"not a number: {raw!r:.40}")
    if not -VALUE_MAX <= value <= VALUE_MAX:  # NaN fails as well
        raise Invalid(f"out of range: {value!r}")
    return value


def positive(raw: object) -> float:
    """A number above zero (a price). Raises Invalid."""
    value = number(raw)
    if value <= 0.0:
        raise Invalid(f"must be above zero: {value!r}")
    return value


def quantity(raw: object) -> float:
    """A number of zero or more (a volume, a count). Raises Invalid."""
    value = number(raw)
    if value < 0.0:
        raise Invalid(f"must not be negative: {value!r}")
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Tickers:
    """One answer to "all tickers", at one instant.

    natives: the venue's market ids, unique. columns: metric name -> float64[markets], NaN where
    missing. derived: metrics that were computed (base x vwap), not quoted. rejected: market id ->
    why its row, or a field of it, was refused (a refused field leaves the other fields standing).
    recv_ms: our clock at receipt. event_ms: the venue's clock, None where it gives none.
    """

    natives: tuple[str, ...]
    columns: Mapping[str, array[float]]
    recv_ms: int
    event_ms: int | None = None
    derived: frozenset[str] = frozenset()
    rejected: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, column in self.columns.items():
            assert column.typecode == "d", name
            assert len(column) == len(self.natives), name


@dataclass(frozen=True, slots=True, kw_only=True)
class Candles:
    """Closed candles of one market, oldest first, unique open times; quiet spans are absent.

    span_ms: width of each candle. open_ms: int64[candles]. close: quote per base. volume_base,
    volume_quote, trades: inside the candle; NaN where the venue does not say. quote_derived: the
    quote volume was computed as base x vwap (or x close), not quoted. from_ms, complete_ms:
    everything that opened at or after the first and closed before the second is in here, so a span
    between them without a candle was quiet; nothing is known of others. from_ms is later than what
    was asked for where the venue does not reach that far.
    """

    native: str
    span_ms: int
    open_ms: array[int]
    close: array[float]
    volume_base: array[float]
    volume_quote: array[float]
    trades: array[float]
    quote_derived: bool = False
    complete_ms: int
    from_ms: int = 0
    rejected_count: int = 0

    def __post_init__(self) -> None:
        assert self.open_ms.typecode == "q"
        count = len(self.open_ms)
        for column in (self.close, self.volume_base, self.volume_quote, self.trades):
            assert column.typecode == "d"
            assert len(column) == count
        assert all(a < b for a, b in zip(self.open_ms, self.open_ms[1:], strict=False))
        assert all(not math.isnan(close) for close in self.close)
