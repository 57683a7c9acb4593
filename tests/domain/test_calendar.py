"""Calendar windows as text, and what they hold."""

from __future__ import annotations

import pytest

from sigmawatch.domain.calendar import CalendarWindow, parse_calendar
from sigmawatch.domain.errors import Invalid

DAY_MS, MINUTE_MS = 86_400_000, 60_000
MONDAY_MS = 4 * DAY_MS  # 1970-01-05


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("22:00-07:00", "22:00-07:00 UTC"),
        ("mon-wed 09:00-17:30 Europe/Berlin", "mon,tue,wed 09:00-17:30 Europe/Berlin"),
        ("sat,sun 00:00-24:00", "sat,sun 00:00-24:00 UTC"),
        ("fri-mon 00:00-24:00 Etc/GMT+5", "mon,fri,sat,sun 00:00-24:00 Etc/GMT+5"),
        ("mon-sun 01:00-02:00 UTC", "01:00-02:00 UTC"),
    ],
)
def test_a_window_is_one_line_and_is_printed_back(text: str, printed: str) -> None:
    window = parse_calendar(text)
    assert str(window) == printed
    assert parse_calendar(printed) == window


@pytest.mark.parametrize(
    "text",
    ["", "9-17", "25:00-26:00", "10:60-11:00", "10:00-10:00", "24:00-01:00", "mo 10:00-11:00",
     "mon- 10:00-11:00 x y", "10:00", "mon fri 10:00-11:00"],
)  # fmt: skip
def test_what_is_no_window_is_refused_with_what_is_allowed(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse_calendar(text)
    assert refused.value.field == "mute"
    assert "Europe/Berlin" in refused.value.allowed


def test_an_overnight_window_belongs_to_its_first_day() -> None:
    window = CalendarWindow(start=22 * 60, stop=7 * 60, days=frozenset({0}))
    held = [minute for minute in range(3 * 1_440) if window.holds(MONDAY_MS + minute * MINUTE_MS)]
    assert held == [*range(22 * 60, 24 * 60 + 7 * 60)]


def test_a_window_holds_its_first_moment_and_not_its_last() -> None:
    window = parse_calendar("10:00-11:00")
    at = [36_000_000, 39_600_000]
    assert [window.holds(ms) for ms in (at[0] - 1, at[0], at[1] - 1, at[1])] == [
        False, True, True, False
    ]  # fmt: skip
