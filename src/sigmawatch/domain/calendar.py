"""Calendar windows: hours of the day, on some days of the week, by the clock of a zone.

    window = parse_calendar("mon-fri 22:00-07:00 Europe/Berlin")
    window.holds(ts_ms + zones.offset_ms(window.zone, ts_ms))

"Inside iff the local clock time is in [from, to); a repeated hour counts twice, a skipped one
never; an overnight window belongs to its first day" (SEMANTICS.md 7). What the clock of a zone
shows is ports.zones' to say; local time is the milliseconds since 1970-01-01 00:00 of a clock that
counts every day in full and was set to what the zone's shows. Imports domain.errors, window.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from sigmawatch.domain.errors import Invalid
from sigmawatch.domain.window import DAY_MS, HOUR_MS, MINUTE_MS

DAY_MINUTES = DAY_MS // MINUTE_MS
UTC = "UTC"
_HOUR = HOUR_MS // MINUTE_MS
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_EVERY_DAY = frozenset(range(len(_DAYS)))
_EPOCH_DAY = _DAYS.index("thu")  # 1970-01-01
_WINDOW = re.compile(
    r"(?:(?P<days>[a-z,-]+)\s+)?(?P<start>[0-9]{2}:[0-9]{2})-(?P<stop>[0-9]{2}:[0-9]{2})"
    r"(?:\s+(?P<zone>[A-Za-z][A-Za-z0-9_+/-]*))?",
    re.ASCII,
)
_ALLOWED = "mon-fri 22:00-07:00 Europe/Berlin; without days every day, without a zone UTC"


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarWindow:
    """start, stop: minutes of the local day, stop up to 24:00; a stop before start is of the next
    day. days: those on which it starts, 0 for Monday. zone: an IANA name."""

    start: int
    stop: int
    days: frozenset[int] = _EVERY_DAY
    zone: str = UTC

    def __post_init__(self) -> None:
        if not (0 <= self.start < DAY_MINUTES and 0 <= self.stop <= DAY_MINUTES):
            raise _invalid("hours lie between 00:00 and 24:00")
        if self.start == self.stop:
            raise _invalid("a window ends at another time than it begins; a day is 00:00-24:00")
        assert self.days
        assert self.days <= _EVERY_DAY

    def holds(self, local_ms: int) -> bool:
        """Whether a moment of the local clock lies in it."""
        day, moment_ms = divmod(local_ms, DAY_MS)
        minute, weekday = moment_ms // MINUTE_MS, (day + _EPOCH_DAY) % len(_DAYS)
        if self.start < self.stop:
            return self.start <= minute < self.stop and weekday in self.days
        if minute >= self.start:
            return weekday in self.days
        return minute < self.stop and (weekday - 1) % len(_DAYS) in self.days

    def __str__(self) -> str:
        """As `parse_calendar` reads it."""
        days = "" if self.days == _EVERY_DAY else _days_text(self.days) + " "
        return f"{days}{_clock(self.start)}-{_clock(self.stop)} {self.zone}"


def parse_calendar(text: str) -> CalendarWindow:
    """A window from "mon-fri 22:00-07:00 Europe/Berlin". Raises Invalid; whether there is such a
    zone is not looked at."""
    match = _WINDOW.fullmatch(text.strip())
    if match is None:
        raise _invalid(f"{text!r} is no calendar window")
    return CalendarWindow(
        start=_minutes(match["start"]),
        stop=_minutes(match["stop"]),
        days=_EVERY_DAY if match["days"] is None else _days(match["days"]),
        zone=match["zone"] or UTC,
    )


def _invalid(message: str) -> Invalid:
    return Invalid(message, field="mute", allowed=_ALLOWED)


def _minutes(clock: str) -> int:
    hours, minutes = map(int, clock.split(":"))
    if minutes >= _HOUR:
        raise _invalid(f"{clock} is no time of the day")
    return hours * _HOUR + minutes


def _clock(minutes: int) -> str:
    hours, rest = divmod(minutes, _HOUR)
    return f"{hours:02}:{rest:02}"


def _days(text: str) -> frozenset[int]:
    """ "mon-fri,sun": days and spans of them, a span may go over the weekend."""
    found: set[int] = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        start, stop = _day(first), _day(last or first)
        found.update((start + each) % len(_DAYS) for each in range((stop - start) % len(_DAYS) + 1))
    return frozenset(found)


def _day(name: str) -> int:
    if name not in _DAYS:
        raise _invalid(f"{name!r} is no day: use {', '.join(_DAYS)}")
    return _DAYS.index(name)


def _days_text(days: frozenset[int]) -> str:
    return ",".join(_DAYS[day] for day in sorted(days))
