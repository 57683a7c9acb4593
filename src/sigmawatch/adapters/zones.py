"""Time zones from the IANA database: the system's, or the `tzdata` package's.

Fulfils ports.zones.Zones. A zone that is not found is an error; it is never UTC by silence.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sigmawatch.domain.errors import Invalid

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)


class IanaZones:
    """Every zone is read once."""

    def offset_ms(self, zone: str, ts_ms: int) -> int:
        moment = _EPOCH + ts_ms * _MS
        offset = moment.astimezone(self._found(zone)).utcoffset()
        assert offset is not None  # of an aware moment
        return offset // _MS

    def _found(self, zone: str) -> ZoneInfo:
        try:
            return ZoneInfo(zone)  # which keeps those that it has read
        except (ZoneInfoNotFoundError, ValueError, OSError) as exc:
            allowed = "an IANA name, as Europe/Berlin"
            raise Invalid(
                f"there is no time zone {zone!r}", field="zone", allowed=allowed
            ) from exc  # fmt: skip
