"""Moments as the API reads them; as it writes them, they are in app.moments.

RFC 3339, integer milliseconds since the epoch, `now`, and spans back from now (`-6h`).
"""

from __future__ import annotations

from datetime import UTC, datetime

from sigmawatch.app.moments import moment_or_none, rfc3339, rfc3339_column
from sigmawatch.domain.errors import Invalid
from sigmawatch.domain.window import parse_span

__all__ = ["moment_or_none", "parse_moment", "rfc3339", "rfc3339_column"]

MOMENT_MAX_MS = 253_402_300_799_999  # the last one that RFC 3339 can write
ALLOWED = "RFC 3339 (2026-11-21T08:00:00Z), milliseconds since the epoch, now, or -6h"


def parse_moment(text: str, *, now_ms: int, field: str) -> int:
    """Milliseconds since the epoch of what a person wrote. Raises Invalid naming `field`."""
    try:
        moment_ms = _parse(text.strip(), now_ms)
    except (ValueError, OverflowError) as exc:
        raise Invalid(f"{text[:40]!r} is no moment", field=field, allowed=ALLOWED) from exc
    if not 0 <= moment_ms <= MOMENT_MAX_MS:
        raise Invalid(f"{text[:40]!r} is out of range", field=field, allowed=ALLOWED)
    return moment_ms


def _parse(text: str, now_ms: int) -> int:
    if text == "now":
        return now_ms
    if text.startswith("-"):
        return now_ms - parse_span(text[1:])
    if text.isascii() and text.isdigit() and len(text) >= 11:  # fewer would be seconds
        return int(text[:16])
    if "T" in text and text[-6:-5] == " ":  # a `+` that nobody encoded
        text = f"{text[:-6]}+{text[-5:]}"
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("no zone")
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000 + since.microseconds // 1_000
