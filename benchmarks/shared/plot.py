"""The slot's time by number of series, a line a system, as an SVG on a white card.

Both axes are logarithmic. Lines are named at their right ends; ours has the colour, a hollow mark
is a time with less than a day of history, or scaled from a sample. Drawn by matplotlib, so that two
drawings of the same numbers are the same bytes.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

from benchmarks.shared.results import duration, whole

OURS = ("sigmawatch", "sigmawatch-memory")
ACCENT, INK, THREAD, PALE = "#0b6bcb", "#24292f", "#afb8c1", "#d8dee4"
GREYS = ("#57606a", "#8c959f")
STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "sigmawatch",
    "font.family": "sans-serif",
    "font.sans-serif": ["Inter", "Helvetica", "Arial", "DejaVu Sans"],
    "font.size": 10.5,
    "text.color": INK,
    "axes.edgecolor": PALE,
    "xtick.color": INK,
    "ytick.color": INK,
}
APART = 1.62  # two names at the right edge: at least this factor between them
TITLE = "One slot: a new value of every series, all σ and ranks over 24 h, breakouts"
TICKS_MS = (1, 10, 100, 1_000, 10_000, 100_000)


def drawn(rows: Sequence[Mapping[str, Any]], *, kind: str = "svg") -> bytes:
    """The picture. rows: as benchmarks.peers writes them; kind: svg, or png to look at."""
    matplotlib = import_module("matplotlib")
    matplotlib.use("agg")
    pyplot = import_module("matplotlib.pyplot")
    with matplotlib.rc_context(STYLE):
        figure, axes = pyplot.subplots(figsize=(9.2, 6.0))
        lines = _lines(rows)
        for index, (name, points) in enumerate(lines.items()):
            _line(axes, name, points=points, grey=GREYS[index % 2])
        _name_ends(axes, lines)
        _frame(axes, sorted({row["series"] for row in rows}))
        figure.subplots_adjust(left=0.075, right=0.68, top=0.9, bottom=0.12)
        out = io.BytesIO()
        metadata = {"Date": None} if kind == "svg" else {}
        figure.savefig(out, format=kind, facecolor="white", metadata=metadata)
        pyplot.close(figure)
    return out.getvalue()


def _lines(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    lines: dict[str, list[Mapping[str, Any]]] = {}
    for row in sorted(rows, key=lambda row: int(row["series"])):
        if "median_ms" in row:
            lines.setdefault(row["system"], []).append(row)
    return lines


def _line(axes: Any, name: str, *, points: Sequence[Mapping[str, Any]], grey: str) -> None:
    ours = name in OURS
    colour = ACCENT if ours else grey
    counts = [point["series"] for point in points]
    times = [point["median_ms"] for point in points]
    axes.plot(counts, times, color=colour, linewidth=3.0 if ours else 1.3,
              linestyle="--" if name == "sigmawatch-memory" else "-",
              zorder=3 if ours else 2, solid_capstyle="round")  # fmt: skip
    for count, time, point in zip(counts, times, points, strict=True):
        axes.plot(count, time, marker="o", markersize=7 if ours else 4.5, color=colour, zorder=4,
                  markerfacecolor="white" if point["partial"] else colour)  # fmt: skip


def _name_ends(axes: Any, lines: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    """Each line's name and last time, pushed apart where lines end close to each other."""
    ends = [points[-1] for points in lines.values()]
    ends.sort(key=lambda end: float(end["median_ms"]))
    right = max(end["series"] for end in ends)
    above = 0.0
    for end in ends:
        time, short = float(end["median_ms"]), end["series"] < right
        if not short:
            above = max(time, above * APART)
        ours = end["system"] in OURS
        axes.annotate(
            f"{end['title']}  {duration(time)}", xy=(end["series"], time), va="center",
            xytext=(end["series"] * (1.1 if short else 1.25), time if short else above),
            color=ACCENT if ours else INK, weight="bold" if ours else "normal", zorder=5,
            annotation_clip=False, bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.0},
            arrowprops={"arrowstyle": "-", "color": THREAD, "linewidth": 0.8,
                        "relpos": (0.0, 0.5), "shrinkA": 0, "shrinkB": 5},
        )  # fmt: skip


def _frame(axes: Any, counts: Sequence[int]) -> None:
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.minorticks_off()
    axes.set_xticks(counts, [f"{count:,}" for count in counts])
    low, high = axes.get_ylim()
    ticks = [tick for tick in TICKS_MS if low <= tick <= high]
    axes.set_yticks(ticks, [whole(duration(tick)) for tick in ticks])
    axes.grid(visible=True, color=PALE, linewidth=0.8)
    axes.tick_params(length=0, pad=6)
    for side in ("top", "right", "left", "bottom"):
        axes.spines[side].set_visible(False)
    axes.set_xlabel("series    (hollow: less than a day of history, or scaled from a sample)",
                    loc="left", labelpad=10)  # fmt: skip
    axes.set_title(TITLE, loc="left", pad=16, weight="bold", fontsize=11.5)
