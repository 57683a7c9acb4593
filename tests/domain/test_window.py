"""Slot and window arithmetic (SEMANTICS.md 2)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigmawatch.domain.errors import Invalid
from sigmawatch.domain.window import (
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    SECOND_MS,
    Interval,
    format_span,
    parse_span,
)


@pytest.mark.parametrize(
    ("text", "span_ms"),
    [("90s", 90_000), ("5m", 300_000), ("24h", DAY_MS), ("7d", 7 * DAY_MS), (" 1H ", HOUR_MS)],
)
def test_a_span_is_read_from_a_number_and_a_unit(text: str, span_ms: int) -> None:
    assert parse_span(text) == span_ms


@pytest.mark.parametrize(
    "text", ["", "5", "m", "0m", "-5m", "1.5h", "5 m", "\u0665m", "5m5s", "1" * 12 + "s"]
)
def test_what_is_no_span_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="no span of time"):
        parse_span(text)


def test_an_unknown_unit_is_named_with_those_there_are() -> None:
    with pytest.raises(Invalid, match="unknown unit 'x', use s, m, h, d"):
        parse_span("1x")


@given(st.integers(1, 1_000_000))
def test_a_span_is_printed_as_it_is_read(seconds: int) -> None:
    assert parse_span(format_span(seconds * SECOND_MS)) == seconds * SECOND_MS


def test_a_day_is_printed_as_24_hours() -> None:
    texts = [format_span(span) for span in (DAY_MS, 7 * DAY_MS, HOUR_MS, 90_000, 90 * MINUTE_MS)]
    assert texts == ["24h", "7d", "1h", "90s", "90m"]


@pytest.mark.parametrize("ms", [1_000, 5_000, 32_000, 60_000, 2_700_000, HOUR_MS])
def test_an_interval_is_a_divisor_of_a_day_from_a_second_to_an_hour(ms: int) -> None:
    assert Interval(ms).slots_per_day * ms == DAY_MS


@pytest.mark.parametrize("ms", [0, -60_000, 500, 1_500, 7_000, 2 * HOUR_MS, 59_999])
def test_any_other_interval_is_refused_by_name(ms: int) -> None:
    with pytest.raises(Invalid, match="must divide a day") as caught:
        Interval(ms)
    assert caught.value.field == "every"


@given(st.integers(0, 4_000_000_000_000), st.sampled_from([1_000, 60_000, HOUR_MS]))
def test_a_slot_holds_its_open_and_not_its_end(ts_ms: int, ms: int) -> None:
    """SEMANTICS.md 2: "Slot k = [kΔ, (k+1)Δ), named by its open time"."""
    interval = Interval(ms)
    slot = interval.slot(ts_ms)
    assert interval.open_ms(slot) <= ts_ms < interval.open_ms(slot + 1)
    assert interval.slot(interval.open_ms(slot)) == slot


def test_a_window_is_a_whole_number_of_slots_up_to_a_day() -> None:
    minute = Interval(MINUTE_MS)
    assert [minute.slots(span) for span in (MINUTE_MS, HOUR_MS, DAY_MS)] == [1, 60, 1_440]
    for span in (0, 30_000, 90_000, DAY_MS + MINUTE_MS, -MINUTE_MS):
        with pytest.raises(Invalid, match="multiple of 1m up to 24h"):
            minute.slots(span)


@pytest.mark.parametrize(
    ("ms", "deadline_ms"), [(1_000, 250), (5_000, 1_250), (60_000, 10_000), (HOUR_MS, 10_000)]
)
def test_a_slot_waits_a_quarter_of_itself_and_at_most_ten_seconds(
    ms: int, deadline_ms: int
) -> None:
    assert Interval(ms).close_deadline_ms == deadline_ms


@pytest.mark.parametrize(
    ("slot_s", "held"),
    [(1, "2h"), (5, "2h"), (6, "2h"), (10, "24h"), (32, "24h"), (60, "24h"), (3_600, "24h")],
)
def test_slots_are_held_one_by_one_for_a_day_or_where_a_minute_has_many_for_two_hours(
    slot_s: int, held: str
) -> None:
    """"Δ < 60 s: a window longer than the raw ring (2 h) starts on a whole minute": where the
    minutes of a day take less memory than its slots."""  # fmt: skip
    assert format_span(Interval(slot_s * SECOND_MS).slots_held_ms) == held
