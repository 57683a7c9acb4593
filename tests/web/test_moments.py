"""Moments in and out."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigmawatch.app.web import cursors
from sigmawatch.app.web.moments import MOMENT_MAX_MS, parse_moment, rfc3339, rfc3339_column
from sigmawatch.domain.errors import Invalid

NOW_MS = 1_795_248_000_000
moments = st.integers(min_value=0, max_value=MOMENT_MAX_MS)


@given(moments)
def test_what_is_written_is_read_back(ts_ms: int) -> None:
    text = rfc3339(ts_ms)
    assert text.endswith("Z")
    assert len(text) == 24
    assert parse_moment(text, now_ms=NOW_MS, field="from") == ts_ms
    assert rfc3339_column(np.array([ts_ms])) == [text]


@pytest.mark.parametrize(
    ("text", "ts_ms"),
    [
        ("now", NOW_MS),
        ("-6h", NOW_MS - 21_600_000),
        ("1795248000000", NOW_MS),
        ("2026-11-21T08:00:00Z", NOW_MS),
        ("2026-11-21T08:00:00.5Z", NOW_MS + 500),
        ("2026-11-21T13:30:00+05:30", NOW_MS),
        ("2026-11-21T13:30:00 05:30", NOW_MS),
        ("2026-11-21 08:00:00Z", NOW_MS),
    ],
)
def test_people_write_moments_in_several_ways(text: str, ts_ms: int) -> None:
    assert parse_moment(text, now_ms=NOW_MS, field="from") == ts_ms


@given(st.text(max_size=60))
def test_whatever_else_is_written_is_a_moment_or_invalid(text: str) -> None:
    with suppress(Invalid):
        assert 0 <= parse_moment(text, now_ms=NOW_MS, field="to") <= MOMENT_MAX_MS


@given(st.text(max_size=20), st.text(max_size=20), st.integers(min_value=0, max_value=1 << 59))
def test_a_cursor_leads_back_to_its_place(query: str, walk: str, place: int) -> None:
    assert cursors.unpack(query, cursors.pack(query, walk=walk, place=place)) == (walk, place)


@given(st.text(max_size=60))
def test_a_forged_cursor_is_invalid_and_nothing_else(cursor: str) -> None:
    with pytest.raises(Invalid):
        cursors.unpack("query", cursor)
