"""Calendar windows by the clocks of real zones, through both changes of a year."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime, time, timedelta

import pytest

from sigmawatch.adapters.zones import IanaZones
from sigmawatch.domain.calendar import CalendarWindow, parse_calendar
from sigmawatch.domain.errors import Invalid

EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - a clock on a wall
YEAR = (datetime(2026, 1, 1), datetime(2027, 1, 1))  # noqa: DTZ001
MINUTE = timedelta(minutes=1)
STRIDE = 1 if os.environ.get("HYPOTHESIS_PROFILE") else 61

# What the laws say of 2026: minutes ahead of UTC, and from which UTC minute on.
LAWS: dict[str, list[tuple[str, int]]] = {
    "Europe/Berlin": [("01-01T00:00", 60), ("03-29T01:00", 120), ("10-25T01:00", 60)],
    "America/New_York": [("01-01T00:00", -300), ("03-08T07:00", -240), ("11-01T06:00", -300)],
    "America/St_Johns": [("01-01T00:00", -210), ("03-08T05:30", -150), ("11-01T04:30", -210)],
    "Australia/Lord_Howe": [("01-01T00:00", 660), ("04-04T15:00", 630), ("10-03T15:30", 660)],
    "Asia/Kathmandu": [("01-01T00:00", 345)],
}
WINDOWS = [
    "02:00-03:00",  # skipped, and repeated
    "01:45-02:15",
    "mon-fri 22:00-07:00",
    "sat 23:30-02:30",  # over the night of the change
    "sun 00:00-24:00",
]


def utc_minutes(zone: str) -> Iterator[tuple[datetime, int]]:
    """Minutes of the year, in UTC, and the zone's offset then: those within hours of a change,
    and every STRIDE-th of the others."""
    laws = [(datetime.fromisoformat(f"2026-{at}"), offset) for at, offset in LAWS[zone]]
    minutes = range(int((YEAR[1] - YEAR[0]) / MINUTE))
    places = set(minutes[::STRIDE])
    for at, _ in laws:
        place = int((at - YEAR[0]) / MINUTE)
        places.update(minutes[max(place - 400, 0) : place + 400])
    for place in sorted(places):
        moment = YEAR[0] + place * MINUTE
        yield moment, next(offset for at, offset in reversed(laws) if at <= moment)


def inside(window: CalendarWindow, clock: datetime) -> bool:
    """The text once more: a window is of the day it starts on, by the clock on the wall."""
    for day in (clock.date(), clock.date() - timedelta(days=1)):
        midnight = datetime.combine(day, time())
        overnight = timedelta(days=int(window.stop <= window.start))
        start, stop = midnight + window.start * MINUTE, midnight + overnight + window.stop * MINUTE
        if day.weekday() in window.days and start <= clock < stop:
            return True
    return False


@pytest.mark.parametrize("zone", LAWS)
def test_every_minute_of_the_year_is_in_the_window_iff_the_clock_on_the_wall_says_so(
    zone: str,
) -> None:
    """"Inside iff the local clock time is in [from, to); a repeated hour counts twice, a skipped
    one never; an overnight window belongs to its first day"."""  # fmt: skip
    zones, windows = IanaZones(), [parse_calendar(f"{text} {zone}") for text in WINDOWS]
    found = dict.fromkeys(WINDOWS, 0)
    for moment, offset in utc_minutes(zone):
        ts_ms = (moment - EPOCH) // timedelta(milliseconds=1)
        local_ms = ts_ms + zones.offset_ms(zone, ts_ms)
        for text, window in zip(WINDOWS, windows, strict=True):
            held = window.holds(local_ms)
            assert held == inside(window, moment + offset * MINUTE), (text, moment)
            found[text] += held
    assert all(found.values())


@pytest.mark.parametrize(
    ("zone", "day", "minutes"),
    [
        ("Europe/Berlin", "2026-03-29", 0),  # from 02:00 the clock shows 03:00
        ("Europe/Berlin", "2026-10-25", 120),
        ("Europe/Berlin", "2026-07-01", 60),
        ("Australia/Lord_Howe", "2026-10-04", 30),
        ("Australia/Lord_Howe", "2026-04-05", 60),  # 01:30 to 02:00 is what comes twice
        ("America/New_York", "2026-11-01", 60),  # 01:00 to 02:00 is
    ],
)
def test_how_long_the_hour_from_two_is(zone: str, day: str, minutes: int) -> None:
    """"A repeated hour counts twice, a skipped one never"."""  # fmt: skip
    zones, window = IanaZones(), parse_calendar(f"02:00-03:00 {zone}")
    first_ms = (datetime.fromisoformat(day) - EPOCH) // timedelta(milliseconds=1)
    count = 0
    for place in range(-14 * 60, 38 * 60):
        ts_ms = first_ms + place * 60_000
        local_ms = ts_ms + zones.offset_ms(zone, ts_ms)
        count += window.holds(local_ms) and local_ms // 86_400_000 == first_ms // 86_400_000
    assert count == minutes


@pytest.mark.parametrize("zone", ["Europe/Atlantis", "", "../etc/passwd", "/etc/passwd", "Europe"])
def test_a_zone_that_is_none_is_refused_and_not_taken_for_utc(zone: str) -> None:
    """ "missing tzdata = start-up error, not UTC by silence"."""
    with pytest.raises(Invalid) as refused:
        IanaZones().offset_ms(zone, 0)
    assert refused.value.field == "zone"
