"""Sparklines: 48 characters that say how a day went."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from tests.examples import examples

from sigmawatch.engine.sparkline import ALPHABET, MISSING, POINTS, drawn

points = st.lists(
    st.one_of(st.just(math.nan), st.floats(allow_nan=False, allow_infinity=False)),
    min_size=POINTS, max_size=POINTS,
)  # fmt: skip


@examples(100)
@given(points)
def test_a_line_can_be_read_back_to_a_63rd_of_its_span(values: list[float]) -> None:
    line = drawn(np.array(values))
    assert len(line.points) == POINTS
    for value, letter in zip(values, line.points, strict=True):
        assert math.isnan(value) == (letter == MISSING)
        if letter != MISSING and line.high > line.low:
            share = ALPHABET.index(letter) / (len(ALPHABET) - 1)
            read = line.low + share * line.high - share * line.low
            assert abs(read / 2 - value / 2) <= (line.high / 2 - line.low / 2) / 126 * 1.001


def test_the_least_is_the_first_letter_and_the_greatest_the_last() -> None:
    line = drawn(np.linspace(-3.0, 5.0, POINTS))
    assert (line.points[0], line.points[-1]) == ("A", "/")
    assert (line.low, line.high) == (-3.0, 5.0)


def test_a_line_that_never_moved_lies_in_the_middle() -> None:
    assert set(drawn(np.full(POINTS, 7.0)).points) == {"g"}


def test_nothing_known_is_drawn_as_nothing() -> None:
    line = drawn(np.full(POINTS, np.nan))
    assert line.points == MISSING * POINTS
    assert math.isnan(line.low)
