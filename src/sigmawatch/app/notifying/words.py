"""Numbers and times as people read them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from math import isfinite

from sigmawatch.domain.calendar import UTC as UTC_NAME
from sigmawatch.domain.window import MINUTE_MS
from sigmawatch.ports.zones import Zones

DIGITS = 6
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)


def number(value: float | None) -> str:
    """Six digits that count, thousands in groups: `67,123.5`, `0.0000123`, `1,250,000`."""
    if value is None:
        return "unknown"
    if not isfinite(value):
        return str(value)
    if value and not 1e-9 <= abs(value) < 1e15:
        return f"{value:.{DIGITS}g}"
    rounded = float(f"{value:.{DIGITS}g}") if abs(value) < 10**DIGITS else float(round(value))
    text = f"{Decimal(repr(rounded)):,f}"  # as it is written shortest: 3711.86 has no 16 digits
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


class Times:
    """Moments by the clock of one zone, and by UTC."""

    def __init__(self, zones: Zones, *, zone: str) -> None:
        self._zones = zones
        self._zone = zone

    def moment(self, ts_ms: int) -> str:
        """`22 Nov 2026 15:03 Europe/Berlin (14:03 UTC)`."""
        at = _EPOCH + ts_ms * _MS
        utc = f"{_clock(ts_ms)} UTC"
        if self._zone == UTC_NAME:
            return f"{at:%-d %b %Y} {utc}"
        local_ms = ts_ms + self._zones.offset_ms(self._zone, ts_ms)
        local = _EPOCH + local_ms * _MS
        other = f"{at:%-d %b} {utc}" if at.date() != local.date() else utc
        return f"{local:%-d %b %Y} {_clock(local_ms)} {self._zone} ({other})"

    def clock(self, ts_ms: int) -> str:
        """`15:03` by the zone's clock."""
        return _clock(ts_ms + self._zones.offset_ms(self._zone, ts_ms))


def _clock(ts_ms: int) -> str:
    at = _EPOCH + ts_ms * _MS
    return f"{at:%H:%M}" if ts_ms % MINUTE_MS == 0 else f"{at:%H:%M:%S}"
