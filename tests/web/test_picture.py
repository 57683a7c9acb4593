"""The picture of a series: what it draws of what, that nothing of it is code, and its extremes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from xml.etree.ElementTree import Element, fromstring

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigmawatch.app.web.picture import LEFT, TOP, Course, Look, Theme, drawn
from sigmawatch.domain.window import DAY_MS, HOUR_MS, MINUTE_MS

SVG = "{http://www.w3.org/2000/svg}"
BEGIN_MS = 1_795_248_000_000  # 2026-11-21T08:00:00Z
LOOK = Look(width=640, height=240, theme=Theme.LIGHT)


def a_course(values: Sequence[float | None], *, name: str = "KRAKEN:BTC/USD:price") -> Course:
    """A value a minute; None where nothing is known."""
    known = [(row, value) for row, value in enumerate(values) if value is not None]
    value = np.array([value for _, value in known], np.float64)
    return Course(
        name=name, at_ms=np.array([BEGIN_MS + row * MINUTE_MS for row, _ in known], np.int64),
        value=value, low=value, high=value, step_ms=MINUTE_MS, begin_ms=BEGIN_MS,
        end_ms=BEGIN_MS + max(1, len(values)) * MINUTE_MS, flow=False,
    )  # fmt: skip


def parsed(course: Course, look: Look = LOOK) -> Element:
    return fromstring(drawn(course, look))


def texts(root: Element) -> list[str]:
    return [one.text or "" for one in root.iter(f"{SVG}text")]


def paths(root: Element) -> list[str]:
    return [one.get("d", "") for one in root.iter(f"{SVG}path")]


def test_a_gap_is_a_gap() -> None:
    """DASHBOARD.md 6.4: chart gap drawn as gap (never interpolated)."""
    whole = paths(parsed(a_course([1.0, 2.0, 3.0, 2.0])))[-1]
    broken = paths(parsed(a_course([1.0, 2.0, None, 2.0, 3.0])))[-1]
    assert whole.count("M") == 1
    assert broken.count("M") == 2
    assert "coverage 80%" in texts(parsed(a_course([1.0, 2.0, None, 2.0, 3.0])))


def test_a_value_between_gaps_is_a_dot() -> None:
    assert paths(parsed(a_course([1.0, None, 2.0, None])))[-1].count("h0") == 2


def test_it_says_the_name_the_newest_value_and_the_change() -> None:
    root = parsed(a_course([100.0, 110.0, 105.0]))
    said = texts(root)
    assert said[0] == "KRAKEN:BTC/USD:price"
    assert "+5.00%" in said
    assert said[-1] == "105.00"
    title = root.find(f"{SVG}title")
    assert title is not None
    assert (title.text or "").endswith("from 100.00 to 105.00, lowest 100.00, highest 110.00")


def test_the_whole_span_of_a_wide_step_is_shaded() -> None:
    """A spike inside a step of the picture is not lost."""
    course = a_course([10.0, 10.0, 10.0])
    spiked = replace(course, high=np.array([10.0, 90.0, 10.0]))
    band, line = paths(parsed(spiked))
    assert len(paths(parsed(course))) == 1
    top = min(float(y) for y in re.findall(r" ([\d.]+)", band))
    assert top < min(float(y) for y in re.findall(r" ([\d.]+)", line)) - 50


def test_amounts_are_bars_from_zero() -> None:
    (bars,) = paths(parsed(replace(a_course([3.0, 0.0, 5.0]), flow=True)))
    assert bars.count("M") == 3
    assert bars.count(f"{240 - 22.0:.1f}V") == 3
    assert bars.count("z") == 3


def test_an_alerts_line_is_drawn_with_its_level_and_at_the_edge_where_it_is_far_off() -> None:
    near = parsed(replace(a_course([100.0, 110.0]), line=112.0))
    assert [one for one in near.iter(f"{SVG}line") if one.get("stroke-dasharray")]
    assert "112.00" in texts(near)
    far = parsed(replace(a_course([100.0, 110.0]), line=900.0))
    assert "↑900.00" in texts(far)
    (across,) = [one for one in far.iter(f"{SVG}line") if one.get("stroke-dasharray")]
    assert across.get("y1") == f"{TOP:.1f}"


@pytest.mark.parametrize("level", [104.9, 105.0, 105.1])
def test_a_line_and_the_newest_value_do_not_cover_each_other(level: float) -> None:
    root = parsed(replace(a_course([100.0, 110.0, 105.0]), line=level))
    line, last = [float(one.get("y", 0)) for one in root.iter(f"{SVG}rect")][1:]
    assert abs(line - last) >= 17.9


def test_nothing_known_is_said() -> None:
    assert "Nothing is known of this range" in texts(parsed(a_course([None, None])))


@pytest.mark.parametrize("name", [
    '<img src=x onerror="alert(1)">', "</svg><script>1</script>", "]]>&amp;'\"",
    "\x00\x1b[31m\u202egnp\ud800", "x" * 5_000,
])  # fmt: skip
def test_a_hostile_name_is_inert_text(name: str) -> None:
    """SECURITY.md S18: inert text everywhere; XML holds no control characters."""
    text = drawn(a_course([1.0, 2.0], name=name), LOOK)
    root = fromstring(text)
    kinds = {one.tag.removeprefix(SVG) for one in root.iter()}
    assert kinds == {"svg", "title", "rect", "text", "line", "path"}
    assert not re.search(r"[\x00-\x08\x1b\u202e\ud800-\udfff]", text)
    assert len(texts(root)[0]) <= 100


def test_both_grounds_are_drawn_without_a_style_or_an_address_of_another() -> None:
    """SECURITY.md: no inline style under the policy; nothing else is fetched."""
    for theme in Theme:
        text = drawn(a_course([1.0, 2.0]), replace(LOOK, theme=theme))
        assert "style=" not in text
        assert re.findall(r"\w+://[^\"]+", text) == ["http://www.w3.org/2000/svg"]


@pytest.mark.parametrize(("span_ms", "tick"), [
    (5 * MINUTE_MS, "08:02"), (6 * HOUR_MS, "10:00"), (2 * DAY_MS, "22 Nov"),
    (200 * DAY_MS, "1 Apr"), (4_000 * DAY_MS, "Oct 2029"),
])  # fmt: skip
def test_times_are_round_and_as_short_as_their_span_allows(span_ms: int, tick: str) -> None:
    course = replace(a_course([1.0, 2.0]), end_ms=BEGIN_MS + span_ms)
    said = texts(parsed(course))
    assert any(re.fullmatch(re.sub(r"\d", r"\\d", tick).replace("Apr", "[A-Z][a-z]{2}")
               .replace("Oct", "[A-Z][a-z]{2}").replace("Nov", "[A-Z][a-z]{2}"), one)
               for one in said), said  # fmt: skip


@given(
    values=st.lists(st.none() | st.floats(allow_nan=False, allow_infinity=False), max_size=60),
    line=st.none() | st.floats(allow_nan=False, allow_infinity=False),
    width=st.integers(160, 2_000), height=st.integers(100, 1_200), flow=st.booleans(),
)  # fmt: skip
def test_whatever_the_numbers_everything_is_drawn_inside(
    values: list[float | None], line: float | None, width: int, height: int, *, flow: bool
) -> None:
    look = Look(width=width, height=height, theme=Theme.DARK)
    text = drawn(replace(a_course(values), line=line, flow=flow), look)
    root = fromstring(text)
    for d in paths(root):
        assert "nan" not in d
        assert "inf" not in d
        xs = [float(x) for x in re.findall(r"[ML]([-\d.]+) ", d)]
        assert all(LEFT <= x <= width for x in xs)
        ys = [float(y) for y in re.findall(r"[ML][-\d.]+ ([-\d.]+)", d)]
        assert all(0 <= y <= height for y in ys)
    assert all(len(said) < 200 for said in texts(root))
    assert len(text) < 12_000
