"""A chart of one series as an SVG document: for mails, notes, and pages of other people.

Pure: columns go in, text comes out. It draws what is there and nothing else: a gap is a gap, where
a step holds many values their whole span is shaded, and a value beside others is never smoothed.
It holds shapes and text alone, no script, style or link, and every text is escaped, so a hostile
name is inert (SECURITY.md S18). Its size follows from its width, never from the length of the past.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from types import MappingProxyType

import numpy as np

from sigmawatch.app.formats import compact, percent, price, table
from sigmawatch.app.web.steps import NICE_MS
from sigmawatch.app.web.svg_text import inert, printable
from sigmawatch.domain.window import DAY_MS, MINUTE_MS
from sigmawatch.engine.geometry import Column, Slots

TOP, RIGHT, BOTTOM, LEFT = 30.0, 80.0, 22.0, 10.0
CHAR_PX = 7.2  # of the 12 px font, about
EDGE = 2e307  # what is farther out is drawn there: differences stay finite
TAG_PX = 18.0
CHANGE_PCT_MAX = 1e9
LEAST = 1e-280  # no chart is less high: shares of it are still numbers
REACH = 1.5  # a line farther off than so many heights of the chart stands at its edge
BOLD, MIDDLE, END = ' font-weight="600"', ' text-anchor="middle"', ' text-anchor="end"'
DASHED = ' stroke-width="1.5" stroke-dasharray="6 4"'
FONT = "Inter, system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif"


class Theme(StrEnum):
    """Light or dark ground."""

    LIGHT = "light"
    DARK = "dark"


_COLORS = MappingProxyType({  # DASHBOARD.md 6.9
    Theme.LIGHT: {"ground": "#ffffff", "grid": "#dde3ec", "text": "#131a26", "dim": "#566276",
                  "accent": "#0b63c9", "on": "#ffffff", "warn": "#8f5f00", "up": "#066a53",
                  "down": "#bf2537"},
    Theme.DARK: {"ground": "#10161f", "grid": "#202a3a", "text": "#e8edf5", "dim": "#93a0b5",
                 "accent": "#62aeff", "on": "#0a0e15", "warn": "#f6bd45", "up": "#35c9a3",
                 "down": "#ff7080"},
})  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How large, in px, and on what ground."""

    width: int
    height: int
    theme: Theme

    @property
    def right(self) -> float:
        return self.width - RIGHT

    @property
    def bottom(self) -> float:
        return self.height - BOTTOM


@dataclass(frozen=True, slots=True, kw_only=True)
class Seam:
    """The step of `at_ms` begins with, or holds, the first value of another source."""

    at_ms: int
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """What is drawn: the steps of [begin_ms, end_ms) that hold something.

    at_ms: int64[n], ascending: their opens. value, low, high: float64[n], finite. flow: whether
    values are amounts of their step, and bars. line: a level to be drawn across, None for none.
    seams: where another source begins, steps that hold something.
    """

    name: str
    at_ms: Slots
    value: Column
    low: Column
    high: Column
    step_ms: int
    begin_ms: int
    end_ms: int
    flow: bool
    line: float | None = None
    seams: Sequence[Seam] = ()

    def __post_init__(self) -> None:
        assert len(self.at_ms) == len(self.value) == len(self.low) == len(self.high)
        assert self.begin_ms < self.end_ms
        assert self.step_ms > 0

    @property
    def change_pct(self) -> float | None:
        """From the first value to the last; None where that says nothing."""
        if self.flow or len(self.value) < 2 or not self.value[0]:
            return None
        change = 100.0 * (float(self.value[-1]) / float(self.value[0]) - 1.0)
        return change if abs(change) < CHANGE_PCT_MAX else None

    @property
    def coverage(self) -> float:
        """The share of steps that hold something."""
        return min(1.0, len(self.at_ms) * self.step_ms / (self.end_ms - self.begin_ms))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plane:
    """Where a moment and a value lie."""

    course: Course
    look: Look
    low: float
    high: float

    @classmethod
    def of(cls, course: Course, look: Look) -> _Plane:
        """All values fit, zero where they are amounts, and the line where it is near."""
        low = min(EDGE, max(-EDGE, float(course.low.min())))
        high = min(EDGE, max(-EDGE, float(course.high.max())))
        if course.flow:
            low, high = min(low, 0.0), max(high, 0.0)
        reach = (high - low) * REACH or max(abs(high), abs(low))
        if course.line is not None and low - reach <= course.line <= high + reach:
            low, high = min(low, course.line), max(high, course.line)
        most = max(abs(low), abs(high))
        room = (high - low) * 0.06
        if room <= most * 1e-12 or room < LEAST:  # all one value, but for the last digits
            room = max(most * 0.01, LEAST) if most else 1.0
        under = 0.0 if course.flow and low == 0.0 else room
        return cls(course=course, look=look, low=low - under, high=high + room)

    def y(self, value: float) -> float:
        share = (value / 2 - self.low / 2) / (self.high / 2 - self.low / 2)
        return self.look.bottom - min(1.0, max(0.0, share)) * (self.look.bottom - TOP)

    def x(self, at_ms: float) -> float:
        share = (at_ms - self.course.begin_ms) / (self.course.end_ms - self.course.begin_ms)
        return LEFT + min(1.0, max(0.0, share)) * (self.look.right - LEFT)


def drawn(course: Course, look: Look) -> str:
    """The document. Raises nothing: without a value it says so."""
    colors = _COLORS[look.theme]
    parts = [
        _opening(look),
        f"<title>{inert(_summary(course))}</title>",
        f'<rect width="100%" height="100%" fill="{colors["ground"]}"/>',
        *_head(course, look),
    ]
    if len(course.value):
        plane = _Plane.of(course, look)
        tags = _tags(plane)
        parts += [*_axes(plane, tags), *_shapes(plane), *_seams(plane), *_across_at(plane)]
        parts += [part for tag in tags for part in _drawn_tag(look, tag)]
    else:
        middle = (look.width / 2, look.height / 2 + 4)
        said = "Nothing is known of this range"
        parts.append(_text(said, at=middle, fill=colors["dim"], style=MIDDLE))
    return "\n".join([*parts, "</svg>", ""])


def _opening(look: Look) -> str:
    size = f"{look.width} {look.height}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{look.width}" height="{look.height}" '
        f'viewBox="0 0 {size}" role="img" font-family="{FONT}" font-size="12">'
    )


def _summary(course: Course) -> str:
    """For who cannot see it."""
    begin, end = _moment(course.begin_ms), _moment(course.end_ms)
    if not len(course.value):
        return f"{course.name}, {begin} to {end} UTC: nothing is known"
    low, high = label(float(course.low.min())), label(float(course.high.max()))
    return (
        f"{course.name}, {begin} to {end} UTC: from {label(float(course.value[0]))} to "
        f"{label(float(course.value[-1]))}, lowest {low}, highest {high}"
    )


def _head(course: Course, look: Look) -> Iterator[str]:
    """The name, and at the right how it changed and how much of it is known."""
    colors, told = _COLORS[look.theme], []
    if (change := course.change_pct) is not None:
        told.append((percent(change), colors["down" if change < 0 else "up"]))
    if course.coverage < 0.995:
        told.append((f"coverage {math.floor(course.coverage * 100)}%", colors["dim"]))
    taken = sum(len(text) * CHAR_PX + 14 for text, _ in told)
    room = int((look.width - 10 - taken - LEFT) / (CHAR_PX * 1.05))
    name = printable(course.name)
    shown = name if len(name) <= room else name[: max(1, room - 1)] + "…"
    yield _text(shown, at=(LEFT, 19), fill=colors["text"], style=BOLD)
    right = look.width - 10.0
    for text, color in reversed(told):
        yield _text(text, at=(right, 19), fill=color, style=END)
        right -= len(text) * CHAR_PX + 14


def _axes(plane: _Plane, tags: Sequence[_Tag]) -> Iterator[str]:
    """A level under a tag has no label of its own."""
    look, colors = plane.look, _COLORS[plane.look.theme]
    step, ticks = _levels(plane)
    for value in ticks:
        y = plane.y(value)
        yield _across(look, y, stroke=colors["grid"])
        if all(abs(y - tag.y) >= 14 for tag in tags):
            yield _text(_level(value, step), at=(look.right + 8, y + 4), fill=colors["dim"])
    for at_ms, text in _times(plane):
        below = (plane.x(at_ms), look.height - 7)
        yield _text(text, at=below, fill=colors["dim"], style=MIDDLE)


def _levels(plane: _Plane) -> tuple[float, list[float]]:
    """Round values some 30 px apart."""
    count = max(1.0, (plane.look.bottom - TOP) / 30)
    rough = plane.high / count - plane.low / count
    scale = 10.0 ** math.floor(math.log10(rough))
    step = next((n * scale for n in (1, 2, 2.5, 5) if n * scale >= rough), 10 * scale)
    first = math.ceil(plane.low / step)
    return step, [n * step for n in range(first, math.floor(plane.high / step) + 1)]


def _level(value: float, step: float) -> str:
    """With as many decimals as tell one tick from the next."""
    if not step >= 1e-6 or not 1e-6 <= abs(value) < 1e6:
        return label(value) if value else "0"
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    decimals += round(step * 10**decimals, 6) % 1 != 0
    shown = f"{abs(value):,.{decimals}f}"
    return str(table()["minus"]) + shown if value < 0 else shown


def _times(plane: _Plane) -> Iterator[tuple[int, str]]:
    """Round moments some 80 px apart, UTC."""
    course = plane.course
    span_ms = course.end_ms - course.begin_ms
    count = max(1.0, (plane.look.right - LEFT) / 80)
    step_ms = next((ms for ms in NICE_MS if ms * count >= span_ms), NICE_MS[-1])
    for at_ms in range(-(-course.begin_ms // step_ms) * step_ms, course.end_ms, step_ms):
        if LEFT + 18 <= plane.x(at_ms) <= plane.look.right - 12:
            yield at_ms, _clock(at_ms, step_ms)


def _clock(at_ms: int, step_ms: int) -> str:
    """As short as tells one tick from the next."""
    at = _at(at_ms)
    if step_ms >= 90 * DAY_MS:
        return f"{at:%b %Y}"
    if at_ms % DAY_MS == 0:
        return f"{at.day} {at:%b}"
    return f"{at:%H:%M}" if step_ms >= MINUTE_MS else f"{at:%H:%M:%S}"


def _shapes(plane: _Plane) -> Iterator[str]:
    course, color = plane.course, _COLORS[plane.look.theme]["accent"]
    if course.flow:
        yield f'<path d="{_bars(plane)}" fill="{color}" fill-opacity="0.75"/>'
        return
    torn = np.isin(course.at_ms, [seam.at_ms for seam in course.seams])  # no line crosses one
    ends = np.flatnonzero((np.diff(course.at_ms) > course.step_ms) | torn[1:]) + 1
    runs = np.split(np.arange(len(course.at_ms)), ends)
    spread = course.high > course.low
    for run in runs:
        if spread[run].any() and len(run) > 1:
            yield f'<path d="{_band(plane, run.tolist())}" fill="{color}" fill-opacity="0.16"/>'
    lines = " ".join(_course(plane, run.tolist()) for run in runs)
    yield (
        f'<path d="{lines}" fill="none" stroke="{color}" stroke-width="1.5" '
        'stroke-linejoin="round" stroke-linecap="round"/>'
    )


def _seams(plane: _Plane) -> Iterator[str]:
    """From top to bottom, with what begins there beside it."""
    colors = _COLORS[plane.look.theme]
    for number, seam in enumerate(plane.course.seams):
        x = plane.x(seam.at_ms)
        yield (
            f'<line x1="{x:.1f}" y1="{TOP:.1f}" x2="{x:.1f}" y2="{plane.look.bottom:.1f}" '
            f'stroke="{colors["warn"]}"{DASHED}/>'
        )
        right = x + len(seam.source) * CHAR_PX + 4 > plane.look.right
        at = (x - 4 if right else x + 4, TOP + 12 + number % 3 * 14)
        yield _text(seam.source, at=at, fill=colors["warn"], style=END if right else "")


def _bars(plane: _Plane) -> str:
    course, zero = plane.course, plane.y(0.0)
    wide = max(0.6, (plane.x(course.begin_ms + course.step_ms) - LEFT) * 0.8)
    return "".join(
        f"M{plane.x(at_ms):.1f} {zero:.1f}V{plane.y(value):.1f}h{wide:.1f}V{zero:.1f}z"
        for at_ms, value in zip(course.at_ms.tolist(), course.value.tolist(), strict=True)
    )


def _course(plane: _Plane, rows: list[int]) -> str:
    """A line through what follows each other; a value alone is a dot."""
    points = [
        f"{plane.x(plane.course.at_ms[row] + plane.course.step_ms):.1f} "
        f"{plane.y(plane.course.value[row]):.1f}"
        for row in rows
    ]
    return f"M{points[0]}h0" if len(points) == 1 else "M" + "L".join(points)


def _band(plane: _Plane, rows: list[int]) -> str:
    """From the highest to the lowest of every step."""
    course = plane.course
    sides = [(rows, course.high), (rows[::-1], course.low)]
    points = [
        f"{plane.x(course.at_ms[row] + course.step_ms):.1f} {plane.y(side[row]):.1f}"
        for some, side in sides for row in some
    ]  # fmt: skip
    return "M" + "L".join(points) + "z"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tag:
    """A level that is told beside the chart."""

    y: float
    text: str
    color: str


def _tags(plane: _Plane) -> Sequence[_Tag]:
    """Of the line and the newest value; neither covers the other."""
    course, look, colors = plane.course, plane.look, _COLORS[plane.look.theme]
    last = float(course.value[-1])
    newest = _Tag(y=plane.y(last), text=label(last), color=colors["accent"])
    if course.line is None:
        return [newest]
    off = "↑" if course.line > plane.high else "↓" if course.line < plane.low else ""
    y = plane.y(course.line)
    if abs(y - newest.y) < TAG_PX:
        up = y < newest.y if newest.y - TAG_PX > TOP else False
        y = newest.y - TAG_PX if up or newest.y + TAG_PX > look.bottom else newest.y + TAG_PX
    return [_Tag(y=y, text=off + label(course.line), color=colors["warn"]), newest]


def _across_at(plane: _Plane) -> Iterator[str]:
    if plane.course.line is not None:
        color = _COLORS[plane.look.theme]["warn"]
        yield _across(plane.look, plane.y(plane.course.line), stroke=color, style=DASHED)


def _drawn_tag(look: Look, tag: _Tag) -> Iterator[str]:
    yield (
        f'<rect x="{look.right + 3:.1f}" y="{tag.y - TAG_PX / 2:.1f}" width="{RIGHT - 5:.1f}" '
        f'height="{TAG_PX:.0f}" rx="3" fill="{tag.color}"/>'
    )
    at = (look.right + 8, tag.y + 4)
    yield _text(tag.text, at=at, fill=_COLORS[look.theme]["on"], style=BOLD)


def label(value: float) -> str:
    """A number that fits beside the chart, whatever it is."""
    size = abs(value)
    if size >= 1e15 or 0 < size < 1e-99:
        return f"{value:.1e}".replace("e+", "e").replace("-", str(table()["minus"]))
    return price(value) if size < 1e6 else compact(value)


def _across(look: Look, y: float, *, stroke: str, style: str = "") -> str:
    return (
        f'<line x1="{LEFT:.1f}" y1="{y:.1f}" x2="{look.right:.1f}" y2="{y:.1f}" '
        f'stroke="{stroke}"{style}/>'
    )


def _text(text: str, *, at: tuple[float, float], fill: str, style: str = "") -> str:
    x, y = at
    return f'<text x="{x:.1f}" y="{y:.1f}" fill="{fill}"{style}>{inert(text)}</text>'


def _at(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1_000, UTC)


def _moment(ms: int) -> str:
    return _at(ms).strftime("%Y-%m-%d %H:%M")
