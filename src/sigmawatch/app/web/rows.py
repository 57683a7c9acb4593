"""The row of a series: everything a snapshot says of it, as `/metrics` and `/ranking` show it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Any

import numpy as np
from msgspec import Meta, Struct, field

from sigmawatch.app.fail_over import markets_of
from sigmawatch.app.tracked import parsed
from sigmawatch.app.web.marks import MARKS
from sigmawatch.app.web.moments import rfc3339
from sigmawatch.app.web.view import View
from sigmawatch.domain.fail_over import SOURCES_MAX, Standing
from sigmawatch.domain.metric import SOURCE, Kind, Unit
from sigmawatch.domain.series import Series
from sigmawatch.domain.window import format_span
from sigmawatch.engine.freshness import State
from sigmawatch.engine.geometry import Column, Rows
from sigmawatch.engine.ranking import Why

DDOF = 0


class Freshness(StrEnum):
    """Whether a series still tells us anything (SEMANTICS.md 4)."""

    FRESH = "fresh"
    QUIET = "quiet"
    STALE = "stale"
    FROZEN = "frozen"
    DELISTED = "delisted"
    PAUSED = "paused"


class Unranked(StrEnum):
    """Why a series has no rank (SEMANTICS.md 3)."""

    NOT_A_PEER = "not_a_peer"
    DELISTED = "delisted"
    STALE = "stale"
    FROZEN = "frozen"
    SUSPECT = "suspect"
    TOO_FEW = "too_few"
    SIGN_CHANGE = "sign_change"
    UNKNOWN = "unknown"
    PROVISIONAL = "provisional"
    PAUSED = "paused"
    SEAM = "seam"


_STATES = tuple(Freshness(state.name.lower()) for state in State)
_REASONS = {int(why): Unranked(why.name.lower()) for why in Why if why is not Why.RANKED}


class MetricRow(Struct, frozen=True, kw_only=True):
    """One series: its newest closed slot, its running slot, one window's statistics, its rank."""

    id: Annotated[int, Meta(description="Stable for ever.", examples=[17])]
    name: Annotated[str, Meta(description="Public name.", examples=["KRAKEN:BTC/USD:price"])]
    slug: Annotated[str, Meta(description="For addresses.", examples=["KRAKEN:BTC-USD:price"])]
    venue: Annotated[str, Meta(description="Where.", examples=["KRAKEN"])]
    market: Annotated[str, Meta(description="Venue and pair.", examples=["KRAKEN:BTC/USD"])]
    native: Annotated[str, Meta(description="The venue's own id.", examples=["XXBTZUSD"])]
    pair: Annotated[str, Meta(description="Base and quote.", examples=["BTC/USD"])]
    base: Annotated[str, Meta(description="What is traded.", examples=["BTC"])]
    quote: Annotated[str, Meta(description="What it is paid in.", examples=["USD"])]
    metric: Annotated[str, Meta(description="What is measured.", examples=["price"])]
    kind: Annotated[Kind, Meta(description="level or flow.", examples=["level"])]
    unit: Annotated[Unit, Meta(description="What it counts.", examples=["quote_per_base"])]
    formula: Annotated[
        str | None,
        Meta(description="What it is computed by, where a formula defines it.", examples=[None]),
    ]
    formula_unit: Annotated[
        str | None, Meta(description="What the formula comes to.", examples=[None])
    ]
    source: Annotated[
        str | None,
        Meta(description="Which market a fail-over is shown from; null for others.",
             examples=[None]),
    ]  # fmt: skip
    interval: Annotated[str, Meta(description="Width of a slot.", examples=["1m"])]
    slot: Annotated[
        str,
        Meta(description="Open of the newest closed slot.", examples=["2026-11-21T07:59:00.000Z"]),
    ]
    value: Annotated[
        float | None,
        Meta(description="Of that slot; where it is missing, the newest one of the day.",
             examples=[67284.1]),
    ]  # fmt: skip
    value_at: Annotated[
        str | None, Meta(description="The value's slot.", examples=["2026-11-21T07:59:00.000Z"])
    ]
    live_value: Annotated[
        float | None, Meta(description="Running slot, in no statistic.", examples=[67290.0])
    ]
    live_at: Annotated[
        str | None, Meta(description="Its receipt.", examples=["2026-11-21T08:00:14.120Z"])
    ]
    state: Annotated[Freshness, Meta(description="Freshness.", examples=["fresh"])]
    changed_at: Annotated[
        str | None,
        Meta(description="When the market last changed.", examples=["2026-11-21T08:00:01.250Z"]),
    ]
    age_s: Annotated[
        float | None,
        Meta(description="Seconds since then, at the second of the answer.", examples=[12.75]),
    ]
    marks: Annotated[
        Sequence[str],
        Meta(
            description="Why the slot is what it is; none for plainly read.", examples=[["carried"]]
        ),
    ]
    window: Annotated[str, Meta(description="What follows is over this.", examples=["24h"])]
    from_: Annotated[
        str, Meta(description="Its first slot.", examples=["2026-11-20T08:00:00.000Z"])
    ] = field(name="from")
    to: Annotated[str, Meta(description="Its end.", examples=["2026-11-21T08:00:00.000Z"])]
    n: Annotated[int, Meta(description="Values.", examples=[1438])]
    expected: Annotated[int, Meta(description="Slots.", examples=[1440])]
    coverage: Annotated[
        float | None, Meta(description="Covered part, 0 to 1.", examples=[0.9986111111111111])
    ]
    mean: Annotated[float | None, Meta(description="In the unit.", examples=[66910.4])]
    min: Annotated[float | None, Meta(description="Smallest.", examples=[65800.0])]
    max: Annotated[float | None, Meta(description="Largest.", examples=[67901.5])]
    sigma_abs: Annotated[float | None, Meta(description="σ of the values.", examples=[512.7])]
    sigma_rel: Annotated[
        float | None,
        Meta(description="sigma_abs / |mean|.", examples=[0.007662485951]),
    ]
    sigma_ret: Annotated[
        float | None, Meta(description="σ of log returns × √slots.", examples=[0.0211])
    ]
    ddof: Annotated[int, Meta(description="Of every σ: 0, population.", examples=[0])]
    sign_change: Annotated[
        bool, Meta(description="No sigma_rel: values differ in sign.", examples=[False])
    ]
    coarse: Annotated[
        bool, Meta(description="Some came from candles wider than a slot.", examples=[False])
    ]
    seam: Annotated[
        bool, Meta(description="They are of two sources of a fail-over.", examples=[False])
    ]
    change_pct: Annotated[
        float | None,
        Meta(description="Over the window; null across a seam.", examples=[1.84]),
    ]
    excess_change: Annotated[
        float | None,
        Meta(description="change_pct less the median change of the peers; null where fewer than 5 "
             "of them have one.", examples=[0.71]),
    ]  # fmt: skip
    surge: Annotated[
        float | None, Meta(description="Value / mean of the hour before.", examples=[1.002])
    ]
    by: Annotated[str, Meta(description="What it is ranked by.", examples=["sigma_rel"])]
    rank: Annotated[int | None, Meta(description="1 is the largest.", examples=[8])]
    of: Annotated[int, Meta(description="How many are ranked.", examples=[10])]
    excluded: Annotated[
        int,
        Meta(description="Peers left out: stale, frozen, suspect, delisted, paused.", examples=[0]),
    ]
    rank_text: Annotated[str | None, Meta(description="For people.", examples=["8/10"])]
    ties: Annotated[int, Meta(description="How many share the rank.", examples=[1])]
    rank_reason: Annotated[
        Unranked | None, Meta(description="Why it has no rank.", examples=[None])
    ]
    provisional: Annotated[
        bool, Meta(description="Too little coverage: in the second list.", examples=[False])
    ]
    provisional_rank: Annotated[int | None, Meta(description="Its place there.", examples=[None])]
    rank_1h_ago: Annotated[
        int | None,
        Meta(description="An hour before the slot, or up to 15 minutes earlier; kept of the "
             "deviations over the first window, among everything tracked.", examples=[9]),
    ]  # fmt: skip
    of_1h_ago: Annotated[int | None, Meta(description="How many were ranked then.", examples=[10])]
    rank_change_1h: Annotated[
        int | None, Meta(description="rank less rank_1h_ago: -1 climbed one place.", examples=[-1])
    ]
    rank_24h_ago: Annotated[
        int | None, Meta(description="As rank_1h_ago, a day before.", examples=[3])
    ]
    of_24h_ago: Annotated[int | None, Meta(description="How many were ranked then.", examples=[10])]
    origin: Annotated[
        str,
        Meta(
            description="file: managed by the configuration; push: made by what was pushed in; "
            "pattern: named by patterns alone; or api.",
            examples=["file"],
        ),
    ]
    demo: Annotated[bool, Meta(description="An invented market.", examples=[False])]


def rows_of(view: View, rows: Rows, *, demo: bool) -> list[MetricRow]:
    """The rows of a view at row numbers `rows`, in that order."""
    columns: dict[str, Sequence[Any]] = {
        **{name: view.column(name, rows).tolist() for name in _AS_THEY_ARE},
        **{name: list(map(_moment, view.column(name, rows).tolist())) for name in _MOMENTS},
        **_places(view, rows),
        "source": _sources(view, rows),
        "state": [_STATES[code] for code in view.board.state[rows].tolist()],
        "marks": [MARKS[mark] for mark in view.board.mark[rows].tolist()],
    }
    same, names = _same(view, demo=demo), tuple(columns)
    return [
        MetricRow(**_named(view.board.series[row]), **same, **dict(zip(names, values, strict=True)))
        for row, *values in zip(rows.tolist(), *columns.values(), strict=True)
    ]


_AS_THEY_ARE = (
    "value", "live_value", "age_s", "n", "coverage", "mean", "min", "max", "sigma_abs",
    "sigma_rel", "sigma_ret", "sign_change", "coarse", "seam", "change_pct", "excess_change",
    "surge",
)  # fmt: skip
_WHOLE = (
    "provisional_rank", "rank_1h_ago", "of_1h_ago", "rank_change_1h", "rank_24h_ago", "of_24h_ago",
)  # fmt: skip
_MOMENTS = ("value_at", "live_at", "changed_at")


def _sources(view: View, rows: Rows) -> list[str | None]:
    board = view.board
    found: list[str | None] = [None] * len(rows)
    for at, row in enumerate(rows.tolist()):
        one = board.series[row]
        if one.stitched and (choice := int(board.layout.companions(SOURCE)[row])) >= 0:
            code = float(board.last_value[choice])
            if not math.isnan(code):
                found[at] = markets_of(one)[Standing.of(code, SOURCES_MAX).place]
    return found


def _moment(ts_ms: float) -> str | None:
    return None if math.isnan(ts_ms) else rfc3339(int(ts_ms))


def _places(view: View, rows: Rows) -> dict[str, Sequence[Any]]:
    ranks, why = view.column("rank", rows), view.why(rows)
    of = view.column("of", rows).astype(np.int64).tolist()
    placed = _whole(ranks)
    return {
        **{name: _whole(view.column(name, rows)) for name in _WHOLE},
        "rank": placed,
        "of": of,
        "excluded": view.column("excluded", rows).astype(np.int64).tolist(),
        "rank_text": [f"{r}/{o}" if r else None for r, o in zip(placed, of, strict=True)],
        "ties": view.ties(rows).tolist(),
        "rank_reason": [_REASONS.get(code) for code in why.tolist()],
        "provisional": (why == Why.PROVISIONAL).tolist(),
    }


def _whole(column: Column) -> list[int | None]:
    return [None if math.isnan(number) else int(number) for number in column.tolist()]


def _named(series: Series) -> dict[str, Any]:
    market, kind = series.market, series.kind
    formula = None if series.formula is None else parsed(series.formula, series.interval)
    return {
        "id": series.id, "name": series.name, "slug": series.slug, "venue": market.venue,
        "market": market.name, "native": market.native, "pair": market.pair, "base": market.base,
        "quote": market.quote, "metric": series.metric, "kind": kind.kind, "unit": kind.unit,
        "formula": series.formula, "formula_unit": formula and formula.unit,
        "origin": series.origin,
    }  # fmt: skip


def _same(view: View, *, demo: bool) -> dict[str, Any]:
    """What all rows of a view have in common."""
    board, statistics = view.board, view.statistics
    return {
        "interval": str(board.interval), "slot": rfc3339(board.interval.open_ms(board.slot)),
        "window": format_span(statistics.window_ms), "from_": rfc3339(statistics.from_ms),
        "to": rfc3339(statistics.to_ms), "expected": statistics.expected, "ddof": DDOF,
        "by": view.by, "demo": demo,
    }  # fmt: skip
