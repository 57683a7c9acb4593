"""Ranks as SEMANTICS.md 3 says them, in plain Python, one pair at a time; and boards to judge."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from sigmawatch.domain.frame import Reason
from sigmawatch.domain.market import Market
from sigmawatch.domain.metric import METRICS
from sigmawatch.domain.series import Series
from sigmawatch.domain.window import MINUTE_MS, Interval
from sigmawatch.engine.freshness import State
from sigmawatch.engine.ranking import Why
from sigmawatch.engine.snapshot import Board, Layout, Statistics

INTERVAL = Interval(MINUTE_MS)
SLOT = 28_000_000
NAN = math.nan


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Everything that a board says of one series, as far as ranks follow from it."""

    market: int
    metric: str
    state: State = State.FRESH
    reason: Reason = Reason.OBSERVED
    value: float = 1.0
    surge: float = 1.0
    n: int = 60
    sigma_abs: float = 1.0
    sigma_rel: float = 1.0
    sigma_ret: float = 1.0
    change_pct: float = 1.0
    sign_change: bool = False

    @property
    def missing(self) -> bool:
        return self.reason >= Reason.OUTAGE


MARKETS = tuple(
    Market(venue=venue, base=base, quote=quote, native=f"{base}{quote}")
    for venue, base, quote in (
        ("KRAKEN", "BTC", "USD"), ("KRAKEN", "BTC", "EUR"), ("BINANCE", "ETH", "USD"),
        ("BINANCE", "ADA", "USD"), ("KRAKEN", "ADA", "USD"),
    )
)  # fmt: skip


def series_of(told: Sequence[Told]) -> list[Series]:
    return [
        Series(id=place + 1, market=MARKETS[one.market], metric=one.metric, interval=INTERVAL,
               block_id=1, place=place)
        for place, one in enumerate(told)
    ]  # fmt: skip


def board_told(told: Sequence[Told], *, expected: int) -> Board:
    """The board that says so, with one window of `expected` slots."""
    return board_of(dict(zip(series_of(told), told, strict=True)), expected=expected)


def board_of(
    told: Mapping[Series, Told], *, expected: int, slot: int = SLOT, layout: Layout | None = None
) -> Board:
    """As `board_told`, of any series. layout: of the same series, where it is made already."""
    layout = layout or Layout(told)
    rows = [told[one] for one in layout.series]

    def column(take: Callable[[Told], Any], dtype: Any = np.float64) -> Any:
        return np.array([take(row) for row in rows], dtype)

    n = column(lambda row: row.n, np.int32)
    nothing = np.full(len(rows), NAN)
    statistics = Statistics(
        window_ms=expected * MINUTE_MS, from_ms=0, to_ms=expected * MINUTE_MS, expected=expected,
        n=n, coverage=n / expected, mean=nothing, minimum=nothing, maximum=nothing,
        sigma_abs=column(lambda row: row.sigma_abs),
        sigma_rel=column(lambda row: NAN if row.sign_change else row.sigma_rel),
        sigma_ret=column(lambda row: row.sigma_ret),
        change_pct=column(lambda row: row.change_pct),
        coarse=np.zeros(len(rows), np.bool_),
        sign_change=column(lambda row: row.sign_change, np.bool_),
        seam=np.zeros(len(rows), np.bool_),
    )  # fmt: skip
    shown = (Reason.SUSPECT,)
    value = column(lambda r: r.value if not r.missing or r.reason in shown else NAN)
    return Board(
        interval=INTERVAL, slot=slot, layout=layout, value=value,
        mark=column(lambda row: row.reason, np.uint8), last_value=value,
        last_slot=np.full(len(rows), slot), live_value=nothing,
        live_ms=np.zeros(len(rows), np.int64), came=np.ones(len(rows), np.bool_),
        changed_ms=np.zeros(len(rows), np.int64), state=column(lambda row: row.state, np.uint8),
        surge=column(lambda row: NAN if row.missing else row.surge),
        seam=None,
        statistics=MappingProxyType({statistics.window_ms: statistics}),
    )  # fmt: skip


def why_and_key(
    told: Sequence[Told], place: int, *, by: str, expected: int, chosen: set[int] | None = None
) -> tuple[Why, float]:  # fmt: skip
    """Whether a peer is ranked by a key, why not, and the number. chosen: the ids of the peers."""
    one = told[place]
    key = _key(told, place, by=by)
    if by == "excess_change":
        key = one.change_pct - move(told, one.metric, chosen=chosen)
    excluded = {
        State.DELISTED: Why.DELISTED, State.STALE: Why.STALE, State.FROZEN: Why.FROZEN,
        State.PAUSED: Why.PAUSED,
    }  # fmt: skip
    if one.state in excluded:
        return excluded[one.state], key
    if one.reason is Reason.SUSPECT:
        return Why.SUSPECT, key
    if not by.startswith("sigma_"):
        return (Why.RANKED if math.isfinite(key) else Why.UNKNOWN), key
    if one.n < min(30, 0.8 * expected) or one.n < 10:
        return Why.TOO_FEW, key
    if by == "sigma_rel" and one.sign_change:
        return Why.SIGN_CHANGE, key
    if not math.isfinite(key):
        return Why.UNKNOWN, key
    return (Why.RANKED if 5 * one.n >= 4 * expected else Why.PROVISIONAL), key


def move(told: Sequence[Told], metric: str, *, chosen: set[int] | None = None) -> float:
    """The median change of everybody of a metric who is ranked by it; NaN of fewer than 5."""
    among = [place for place, one in enumerate(told)
             if one.metric == metric and (chosen is None or place + 1 in chosen)]  # fmt: skip
    judged = (why_and_key(told, place, by="change_pct", expected=1) for place in among)
    moves = [key for why, key in judged if why is Why.RANKED]
    return statistics.median(moves) if len(moves) >= 5 else NAN


def _key(told: Sequence[Told], place: int, *, by: str) -> float:
    one = told[place]
    if by == "excess_change":
        return NAN
    if by in ("sigma_abs", "sigma_rel", "sigma_ret", "change_pct"):
        return float(getattr(one, by))
    if by in ("value", "surge", one.metric):
        shown = one.surge if by == "surge" else one.value
        return NAN if one.missing else shown
    same = [o for o in told if o.market == one.market and o.metric == by]
    if not same or same[0].missing or same[0].state not in (State.FRESH, State.QUIET):
        return NAN
    return same[0].value


def ranks(keys: Mapping[int, float], names: Sequence[str]) -> dict[int, int]:
    """Place -> rank, best first, ties by name. "1, 2, 2, 4"; equal within 1e-12 relative, and
    equality goes on along a chain."""
    places = sorted(keys, key=lambda place: -keys[place])
    found: dict[int, int] = {}
    for at, place in enumerate(places):
        above = places[at - 1] if at else None
        tied = above is not None and _equal(keys[above], keys[place])
        found[place] = found[above] if tied and above is not None else at + 1
    return dict(sorted(found.items(), key=lambda pair: (pair[1], names[pair[0]])))


def _equal(a: float, b: float) -> bool:
    return abs(a - b) <= 1e-12 * max(abs(a), abs(b))


def mixed(series: Sequence[Series], ranked: Collection[int], *, metric: str, by: str) -> bool:
    """Whether amounts of several currencies were put into one order."""
    if by in ("sigma_rel", "sigma_ret", "change_pct", "excess_change", "surge"):
        return False
    unit = METRICS[metric if by in ("sigma_abs", "value") else by].unit
    if unit == "base":
        return len({series[place].market.base for place in ranked}) > 1
    if unit in ("quote", "quote_per_base"):
        return len({series[place].market.quote for place in ranked}) > 1
    return False
